package uuid

import "testing"

// The ids are those that Python's uuid.uuid5(uuid.NAMESPACE_URL, …) gives.
func TestFromURL(t *testing.T) {
	for url, want := range map[string]string{
		"http://www.example.com/": "fcde3c85-2270-590f-9e7c-ee003d65e0e2",
		"":                        "1b4db7eb-4057-5ddf-91e0-36dec72071f5",
	} {
		if got := FromURL(url); got != want {
			t.Errorf("%q has the id %s, want %s", url, got, want)
		}
	}
}
