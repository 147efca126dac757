package sbom

import (
	"math"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A Rating is what sbomqs 2.0 would make of a document. It rates what is said,
// not whether it is true: a gap that is admitted costs as much as one that is not.
type Rating struct {
	// Total is from 0 to 10: the mean of the categories by their weights.
	Total float64 `json:"total"`
	// Features are what it is made of, category by category.
	Features []Feature `json:"features"`
}

// A Feature is one row of a [Rating].
type Feature struct {
	Category string  `json:"category"`
	Rule     string  `json:"rule"`   // that of the issues of [ProfileSBOMQS]
	Weight   float64 `json:"weight"` // within the category
	Score    float64 `json:"score"`  // 0 to 10
	Ignored  bool    `json:"ignored,omitempty"`
}

// Grade is the letter that sbomqs gives for the total: A from 9, B from 8, C from 7,
// D from 5, else F.
func (r Rating) Grade() string {
	switch {
	case r.Total >= 9:
		return "A"
	case r.Total >= 8:
		return "B"
	case r.Total >= 7:
		return "C"
	case r.Total >= 5:
		return "D"
	}
	return "F"
}

// Score rates bom by the categories and weights of sbomqs 2.0.
func Score(bom *cdx.BOM) Rating {
	if bom == nil {
		bom = &cdx.BOM{}
	}
	s := scoring{bom: bom, graph: graphOf(bom)}
	walk(bom, func(c subjectComponent) {
		c.spec = bom.SpecVersion
		s.components = append(s.components, c)
	})
	var r Rating
	var sum, weights float64
	for _, category := range sbomqsCategories() {
		var score, weight float64
		first := len(r.Features)
		for _, f := range category.features {
			out := Feature{Category: category.name, Rule: string(ProfileSBOMQS) + "/" + f.name, Weight: f.weight}
			out.Score, out.Ignored = f.rate(&s)
			r.Features = append(r.Features, out)
		}
		of := r.Features[first:]
		if category.best { // either will do: the better one counts
			for i := range of {
				of[i].Ignored = of[i].Ignored || of[i].Score < slices.MaxFunc(of, func(a, b Feature) int { return cmpFloat(a.Score, b.Score) }).Score
			}
		}
		for _, f := range of {
			if !f.Ignored {
				score += f.Score * f.Weight
				weight += f.Weight
			}
		}
		if weight > 0 {
			sum += score / weight * category.weight
		}
		weights += category.weight
	}
	r.Total = math.Round(sum/weights*1e6) / 1e6
	return r
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// A scoring is a document that is rated.
type scoring struct {
	bom        *cdx.BOM
	graph      *graph
	components []subjectComponent
}

// share is a score for so many out of all; what is not all is never 10.
func share(have, of int) float64 {
	if of == 0 {
		return 0
	}
	score := 10 * float64(have) / float64(of)
	if have < of {
		score = min(score, 9.9)
	}
	return score
}

type sbomqsCategory struct {
	name     string
	weight   float64
	best     bool
	features []sbomqsFeature
}

type sbomqsFeature struct {
	rule
	weight float64
	// own rates what a share of the components, or yes and no, does not.
	own func(*scoring) (score float64, ignored bool)
}

func (f *sbomqsFeature) rate(s *scoring) (score float64, ignored bool) {
	switch {
	case f.own != nil:
		return f.own(s)
	case f.document != nil:
		if _, ok := f.document(s.bom); ok {
			return 10, false
		}
		return 0, false
	}
	have := 0
	for i := range s.components {
		if _, ok := f.component(&s.components[i]); ok {
			have++
		}
	}
	return share(have, len(s.components)), len(s.components) == 0
}
