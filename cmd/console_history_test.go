package cmd

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	g := &globals{env: map[string]string{"GATEHOUSE_STATE_DIR": t.TempDir()}}
	if h := readHistory(g); len(h.Palette)+len(h.Questions) != 0 {
		t.Errorf("%v", h)
	}
	writeHistory(g, history{Palette: []string{"users", "check", "users"}, Questions: []string{"Doc:a#view@ann"}})
	h := readHistory(g)
	if !slices.Equal(h.Palette, []string{"check", "users"}) || !slices.Equal(h.Questions, []string{"Doc:a#view@ann"}) {
		t.Errorf("%v", h)
	}
	if info, err := os.Stat(historyFile(g)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	for i := range 500 {
		h.Palette = append(h.Palette, fmt.Sprint("line ", i))
	}
	writeHistory(g, h)
	if h = readHistory(g); len(h.Palette) != historyLines || h.Palette[historyLines-1] != "line 499" {
		t.Errorf("%d lines, the last %q", len(h.Palette), h.Palette[len(h.Palette)-1])
	}
	if err := os.WriteFile(historyFile(g), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if h = readHistory(g); len(h.Palette) != 0 {
		t.Errorf("of a broken file: %v", h)
	}
}
