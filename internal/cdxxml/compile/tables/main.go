// Command tables writes the tables of package cdxxml, which is the folder that
// it must be run in:
//
//	go run ./compile/tables FOLDER
//
// FOLDER has the schemas, bom-1.0.SNAPSHOT.xsd to bom-1.7.SNAPSHOT.xsd, as the
// npm package @cyclonedx/cyclonedx-library has them (res/schema).
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/touchmark-go/touchmark/internal/cdxxml/compile"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: tables FOLDER")
	}
	for i := range 8 {
		version := fmt.Sprintf("1.%d", i)
		data, err := os.ReadFile(filepath.Join(os.Args[1], "bom-"+version+".SNAPSHOT.xsd"))
		if err != nil {
			log.Fatal(err)
		}
		table, err := compile.Table(version, data)
		if err != nil {
			log.Fatal(version, ": ", err)
		}
		if err := os.WriteFile(filepath.Join("tables", version+".json"), table, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
