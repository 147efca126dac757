package graphsvg

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// style is for light and for dark pages: colours are written out, because not
// everything that shows pictures knows variables. What is hidden appears while
// somebody points at an end of it.
const style = `
.page{fill:#ffffff}
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1c2330;font-size:11px}
.d{font-size:9px;fill:#5d6675}
.h{font-size:17px;font-weight:600}
.n rect{fill:#f3f6fb;stroke:#9aa7bb}
.open rect{stroke-dasharray:4 3}
.main rect{fill:#1f5fbf;stroke:#1f5fbf}
.main text{fill:#ffffff}
.e{fill:none;stroke-width:1;stroke-opacity:.75}
.c0{stroke:#6b7fa3}.c1{stroke:#8a7ab5}.c2{stroke:#5f93a8}.c3{stroke:#a0845c}.c4{stroke:#6f9a72}.c5{stroke:#b0787f}.c6{stroke:#7c8a94}
.r{fill:none;stroke:#b91c1c;stroke-width:1.2;stroke-dasharray:5 3;stroke-opacity:.85}
.i{fill:none;stroke:#c2410c;stroke-width:1;opacity:0;pointer-events:none}
.n:hover rect,.e:hover{stroke:#c2410c;stroke-width:2;stroke-opacity:1}
@media (prefers-color-scheme:dark){
.page{fill:#12161d}
text{fill:#e6eaf1}
.d{fill:#9aa5b5}
.n rect{fill:#1d2430;stroke:#47536a}
.main rect{fill:#3b82f6;stroke:#3b82f6}
.main text{fill:#0b1220}
.r{stroke:#f87171}
.i{stroke:#fb923c}
.n:hover rect,.e:hover{stroke:#fb923c}
}
`

// colors is how many colours lines have: those that lead to one node have the
// same, so that they can be followed past others.
const colors = 7

// svg writes the picture.
func (l *layout) svg(title string, edges int) []byte {
	var b bytes.Buffer
	right, bottom := 760.0, header
	for i := range l.columns {
		right = max(right, l.x[i]+l.width[i])
	}
	for _, y := range l.y {
		bottom = max(bottom, y+boxHeight/2)
	}
	bottom += margin
	grid := bottom
	cell, across := 0.0, 1
	if len(l.apart) > 0 {
		for _, n := range l.apart {
			cell = max(cell, boxWidth(l.nodes[n]))
		}
		right = max(right, margin+max(4, math.Floor(math.Sqrt(float64(len(l.apart))/5)))*(cell+12))
		across = max(1, int((right-margin)/(cell+12)))
		bottom += 24 + float64((len(l.apart)+across-1)/across)*(boxHeight+8) + margin/2
	}
	right += margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-labelledby="title">`+"\n", px(right), px(bottom), px(right), px(bottom))
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<style>%s%s</style>\n", text(title), style, l.hover())
	fmt.Fprintf(&b, `<rect class="page" width="%s" height="%s"/>`+"\n", px(right), px(bottom))
	fmt.Fprintf(&b, `<text class="h" x="%s" y="30">%s</text>`+"\n", px(margin), text(shorten(title, 90)))
	fmt.Fprintf(&b, `<text class="d" x="%s" y="47">%s</text>`+"\n", px(margin), l.legend(edges))
	l.writeEdges(&b)
	for _, column := range l.columns {
		for _, n := range column {
			if it := l.items[n]; it.box {
				l.writeNode(&b, it.node, l.x[it.layer], l.y[n]-boxHeight/2)
			}
		}
	}
	if len(l.apart) > 0 {
		fmt.Fprintf(&b, `<text class="d" x="%s" y="%s">%s</text>`+"\n", px(margin), px(grid+8), "and these, of which nothing says who depends on them:")
		for i, n := range l.apart {
			l.writeNode(&b, n, margin+float64(i%across)*(cell+12), grid+20+float64(i/across)*(boxHeight+8))
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// legend says how to read the picture.
func (l *layout) legend(edges int) string {
	shown, back, open := 0, 0, 0
	for i := range l.nodes {
		shown, back = shown+len(l.shown[i]), back+len(l.back[i])
		if l.nodes[i].Kind == Open {
			open++
		}
	}
	s := fmt.Sprintf("%s, %s. Each depends on those that its lines lead to, to the right.", count(len(l.nodes), "component", "components"), count(edges, "dependency", "dependencies"))
	if hidden := edges - shown - back; hidden > 0 {
		s += fmt.Sprintf(" %d follow from others: point at a component to see them.", hidden)
	}
	if back > 0 {
		s += fmt.Sprintf(" %d close a cycle (dashed).", back)
	}
	if open > 0 {
		s += fmt.Sprintf(" Of %d the dependencies are not known (dashed frame).", open)
	}
	return s
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// hover are the rules that light up what belongs to a node.
func (l *layout) hover() string {
	var b strings.Builder
	for i := range l.nodes {
		if l.layer[i] >= 0 {
			fmt.Fprintf(&b, "svg:has(#n%d:hover) :is(.s%d,.t%d){stroke:#ea580c;stroke-opacity:1;opacity:1;stroke-width:1.6}\n", i, i, i)
		}
	}
	return b.String()
}

func (l *layout) writeNode(b *bytes.Buffer, n int, x, y float64) {
	node := l.nodes[n]
	class := [...]string{Plain: "n", Main: "n main", Open: "n open"}[node.Kind]
	fmt.Fprintf(b, `<g class="%s" id="n%d"><title>%s</title><rect x="%s" y="%s" width="%s" height="%s" rx="4"/>`, class, n, text(node.Title), px(x), px(y), px(boxWidth(node)), px(boxHeight))
	nameY := y + 12.5
	if node.Detail == "" {
		nameY = y + 18
	}
	fmt.Fprintf(b, `<text x="%s" y="%s">%s</text>`, px(x+6), px(nameY), text(shorten(node.Name, widest)))
	if node.Detail != "" {
		fmt.Fprintf(b, `<text class="d" x="%s" y="%s">%s</text>`, px(x+6), px(y+23.5), text(shorten(node.Detail, longest)))
	}
	b.WriteString("</g>\n")
}

// writeEdges draws the lines, those that are hidden first.
func (l *layout) writeEdges(b *bytes.Buffer) {
	line := func(class string, from, to int, d string) {
		if class == "e" {
			class = fmt.Sprintf("e c%d", to%colors)
		}
		fmt.Fprintf(b, `<path class="%s s%d t%d" d="%s"/>`+"\n", class, from, to, d)
	}
	for from, on := range l.edges {
		for _, to := range on {
			if !slices.Contains(l.shown[from], to) {
				line("i", from, to, l.direct(from, to))
			}
		}
	}
	users := l.users()
	for n, ends := range l.down {
		it := l.items[n]
		for _, m := range ends {
			class := "e"
			if it.box {
				line(class, it.node, l.items[m].node, l.step(n, m))
				continue
			}
			// A line that several share: it belongs to all of them.
			var of strings.Builder
			for _, from := range users[n] {
				fmt.Fprintf(&of, " s%d", from)
			}
			fmt.Fprintf(b, `<path class="e c%d%s t%d" d="%s"/>`+"\n", it.node%colors, of.String(), it.node, l.step(n, m))
		}
	}
	for from, on := range l.back {
		for _, to := range on {
			line("r", from, to, l.round(from, to))
		}
	}
}

// users are, of each lane, the nodes whose lines pass it.
func (l *layout) users() map[int][]int {
	users := map[int][]int{}
	for from, on := range l.shown {
		for _, to := range on {
			for layer := l.layer[from] + 1; layer < l.layer[to]; layer++ {
				n := l.lanes[lane{to, layer}]
				users[n] = append(users[n], from)
			}
		}
	}
	return users
}

// step is the line from an item to one of the next column. A lane begins at the
// left edge of its column, and is straight as far as the column goes.
func (l *layout) step(n, m int) string {
	from := l.items[n]
	x0, y0 := l.x[from.layer], l.y[n]
	start := fmt.Sprintf("M%s %s", px(x0), px(y0))
	x := x0 + l.width[from.layer]
	if from.box {
		x0 += boxWidth(l.nodes[from.node])
		start = fmt.Sprintf("M%s %s", px(x0), px(y0))
	}
	start += "H" + px(x)
	x1, y1 := l.x[from.layer+1], l.y[m]
	mid := (x + x1) / 2
	return fmt.Sprintf("%sC%s %s %s %s %s %s", start, px(mid), px(y0), px(mid), px(y1), px(x1), px(y1))
}

// direct is a line over everything, which is only seen on demand.
func (l *layout) direct(from, to int) string {
	x0, y0, x1, y1 := l.ends(from, to)
	return fmt.Sprintf("M%s %sC%s %s %s %s %s %s", px(x0), px(y0), px((x0+x1)/2), px(y0), px((x0+x1)/2), px(y1), px(x1), px(y1))
}

// round is a line that leads back, below what it leaves.
func (l *layout) round(from, to int) string {
	x0, y0, x1, y1 := l.ends(from, to)
	return fmt.Sprintf("M%s %sC%s %s %s %s %s %s", px(x0), px(y0), px(x0+46), px(y0+46), px(x1-46), px(y1+46), px(x1), px(y1))
}

func (l *layout) ends(from, to int) (x0, y0, x1, y1 float64) {
	a, b := l.boxes[from], l.boxes[to]
	return l.x[l.layer[from]] + boxWidth(l.nodes[from]), l.y[a], l.x[l.layer[to]], l.y[b]
}

// px is a number as short as it may be: tenths of a pixel are enough.
func px(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

// text makes what strangers wrote part of an XML document and of nothing else.
// What does not print, or would turn the direction of what follows, is shown by
// its number.
func text(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '\n':
			b.WriteString("&#10;")
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
