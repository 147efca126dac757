package index

// How many bytes of pages are remembered: of slots, and of lists.
const (
	slotBytes = 40 << 20
	pageBytes = 8 << 20
)

// A cache remembers pages, so many bytes of them.
type cache[K comparable] struct {
	m    map[K][]byte
	size int
	max  int
}

func newCache[K comparable](max int) cache[K] { return cache[K]{m: map[K][]byte{}, max: max} }

func (c *cache[K]) get(k K) []byte { return c.m[k] }

func (c *cache[K]) put(k K, page []byte) {
	c.size += len(page) - len(c.m[k])
	c.m[k] = page
	for old := range c.m { // any one: what is asked for is soon back
		if c.size <= c.max {
			break
		}
		c.size -= len(c.m[old])
		delete(c.m, old)
	}
}
