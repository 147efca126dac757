// Command gen writes the code that reads and writes each struct of cyclonedx-go:
// names_gen.go, decode_gen.go and encode_gen.go of the folder that it runs in.
package main

import (
	"log"
	"os"
)

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
