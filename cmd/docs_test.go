package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// What is generated is what is committed, so that the documents tell the truth.
func TestDocumentsAreCurrent(t *testing.T) {
	dir := t.TempDir()
	gatehouse(t, nil, "docs", "--dir", dir).want(t, 0)
	for name := range generatedDocs {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the program writes: run make docs", name)
		}
	}
}
