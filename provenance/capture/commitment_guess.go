package capture

import "math"

// enough is how many bits a value must seem to have so that trying all of its
// kind is out of reach.
const enough = 60

// guessable reports whether value is so short or so simple that who has the salt
// may find it by trying. It errs on the side of yes, and cannot know what
// somebody's dictionary holds.
func guessable(value string) bool { return bits(value) < enough }

// bits is about how many bits there are in value. Letters that may be a word
// are worth one of some four thousand; another character is worth what its kind
// is, unless it merely goes on from those before: "aaaa", "1234", "fedc".
func bits(value string) float64 {
	const (
		word   = 12
		letter = 4.7
		digit  = 3.3
		mark   = 5
		space  = 1
	)
	total := 0.0
	distinct := map[byte]bool{}
	for i := 0; i < len(value); {
		distinct[value[i]] = true
		if n := wordAt(value[i:]); n > 0 {
			for j := range n {
				distinct[value[i+j]] = true
			}
			total += min(word, float64(n)*letter)
			i += n
			continue
		}
		switch c := value[i]; {
		case i >= 2 && c-value[i-1] == value[i-1]-value[i-2]:
		case '0' <= c && c <= '9':
			total += digit
		case c == ' ' || c == '-' || c == '_' || c == '.' || c == '/':
			total += space
		default:
			total += mark
		}
		i++
	}
	return min(total, float64(len(value))*math.Log2(float64(max(len(distinct), 2))))
}

// wordAt is the length of what may be a word at the beginning of s: letters of
// one case, the first of which may be a capital.
func wordAt(s string) int {
	lower := func(c byte) bool { return 'a' <= c && c <= 'z' }
	upper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	n := 0
	for n < len(s) && upper(s[n]) {
		n++
	}
	if n > 1 {
		return n
	}
	for n < len(s) && lower(s[n]) {
		n++
	}
	return n
}
