package server_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

// TestEverySystemIsHeldAgainstTheOriginal sees to it that a system that is there
// replays its vectors, and counts what is not built.
func TestEverySystemIsHeldAgainstTheOriginal(t *testing.T) {
	counts := vectors.Systems()
	total, missing := 0, 0
	replayed := replays(t)
	for _, id := range vectors.Names() {
		total += counts[id]
		if !slices.Contains(server.IDs(), id) {
			missing += counts[id]
			t.Logf("%s: not built: %d vectors", id, counts[id])
			continue
		}
		if !replayed[id] {
			t.Errorf("%s is served and no test replays its %d vectors: call demotest.Replay(t, %q, …)", id, counts[id], id)
		}
	}
	t.Logf("%d vectors in all, %d of them of systems that are not built", total, missing)
	if _, err := vectors.Deviations(); err != nil {
		t.Error(err)
	}
}

// replays are the systems whose tests call demotest.Replay.
func replays(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../systems/*/*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of systems: %v", err)
	}
	found := map[string]bool{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range vectors.Names() {
			if strings.Contains(string(b), "demotest.Replay(") && strings.Contains(string(b), `"`+id+`"`) {
				found[id] = true
			}
		}
	}
	return found
}
