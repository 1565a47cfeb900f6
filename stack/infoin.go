package stack

import (
	"fmt"
	"path/filepath"
)

// InfoIn reads the description of the stack whose data are in a folder, running or
// not. The error tells a folder that is no stack's (fs.ErrNotExist).
func InfoIn(dir string) (Info, error) {
	var r record
	if err := readJSON(filepath.Join(dir, "state.json"), &r); err != nil {
		return Info{}, fmt.Errorf("read the stack's description: %w", err)
	}
	return r.Info, nil
}
