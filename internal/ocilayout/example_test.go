package ocilayout_test

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
)

func ExampleOpenReaderAt() {
	layout := imagetest.New()
	layout.Add(layout.Image("linux/amd64",
		[]imagetest.Entry{{Name: "etc/motd", Body: "hello"}, {Name: "etc/old", Body: "old"}},
		[]imagetest.Entry{{Name: "etc/.wh.old"}, {Name: "app", Body: "program"}}))
	file := layout.Tar()

	image, err := ocilayout.OpenReaderAt(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer image.Close()
	for _, m := range image.Images() {
		fmt.Println(image.Form(), m.Runs)
		err := image.Walk(context.Background(), m, func(f ocilayout.File, r io.Reader) error {
			data, err := io.ReadAll(r)
			fmt.Printf("layer %d: %s: %s\n", f.LayerIndex, f.Path, data)
			return err
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// OCI layout linux/amd64
	// layer 0: etc/motd: hello
	// layer 1: app: program
}
