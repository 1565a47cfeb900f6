package cmd

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
)

// historyLines is how many lines of each kind are kept.
const historyLines = 200

// history is what was typed in the console, oldest first. It names people and
// objects, so that it is for the owner's eyes alone; secrets are never typed there.
type history struct {
	Palette   []string `json:"palette"`
	Questions []string `json:"questions"`
	// Columns are the columns chosen for lists, by context and kind of list.
	Columns map[string]map[string][]string `json:"columns,omitempty"`
}

// historyFile is where the history is kept: in GATEHOUSE_STATE_DIR, or gatehouse in
// the folder for state that the XDG base directory specification names.
func historyFile(g *globals) string {
	dir := g.getenv("GATEHOUSE_STATE_DIR")
	if dir == "" {
		dir = filepath.Join(xdg.StateHome, "gatehouse")
	}
	return filepath.Join(dir, "history.json")
}

// readHistory reads it; a file that is missing or broken is no history.
func readHistory(g *globals) history {
	var h history
	f, err := os.Open(historyFile(g))
	if err != nil {
		return h
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil || json.Unmarshal(b, &h) != nil {
		return history{}
	}
	return h
}

// writeHistory keeps the newest lines. That it cannot is no reason to trouble
// anybody: the session is over.
func writeHistory(g *globals, h history) {
	h.Palette, h.Questions = newest(h.Palette), newest(h.Questions)
	b, err := json.Marshal(h)
	if err != nil || len(h.Palette)+len(h.Questions)+len(h.Columns) == 0 {
		return
	}
	file := historyFile(g)
	if os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	// Another console may be ending too: one of both is kept whole.
	tmp, err := os.CreateTemp(filepath.Dir(file), ".history-*")
	if err != nil {
		return
	}
	_, err = tmp.Write(b)
	if cerr := tmp.Close(); err != nil || cerr != nil || os.Rename(tmp.Name(), file) != nil {
		_ = os.Remove(tmp.Name())
	}
}

// newest are the last lines, each once: what is typed again moves to the end.
func newest(lines []string) []string {
	seen := map[string]bool{}
	var out []string
	for i := len(lines) - 1; i >= 0 && len(out) < historyLines; i-- {
		if l := lines[i]; l != "" && len(l) < 2000 && !seen[l] {
			seen[l] = true
			out = append([]string{l}, out...)
		}
	}
	return out
}
