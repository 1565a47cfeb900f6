package stacktest

import (
	"os"
	"path/filepath"
	"testing"

	"gatehouse/stack"
)

// OwnKeto starts a Keto for one test, with a permission model of its own and with
// settings laid over those of a stack ("limit.max_read_depth": 12); settings may be
// nil. Its data are in memory and it ends with the test. It is a use of the real
// Keto like any other: without a stack the test is skipped, and it is counted.
func OwnKeto(t testing.TB, opl string, settings map[string]any) stack.KetoInfo {
	t.Helper()
	info := need(t, stack.Keto)
	dir := t.TempDir()
	model := filepath.Join(dir, "model.ts")
	if err := os.WriteFile(model, []byte(opl), 0o600); err != nil {
		t.Fatal(err)
	}
	set := map[string]any{"dsn": "memory"}
	for k, v := range settings {
		set[k] = v
	}
	o := stack.Options{
		Name: "own", Dir: filepath.Join(dir, "stack"), Unlisted: true, With: []stack.Server{stack.Keto}, OPL: model,
		Settings: map[stack.Server]map[string]any{stack.Keto: set},
		Progress: func(s stack.Server, line string) { t.Logf("%s: %s", s, line) },
	}
	// The very binary that the stack runs, where the stack says which; else the cached one.
	if binary, err := stack.ProgramOf(info, stack.Keto); err == nil {
		o.Binaries = map[stack.Server]string{stack.Keto: binary}
	}
	st, err := stack.Up(t.Context(), o)
	if err != nil {
		t.Fatalf("start a Keto of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := st.Down(); err != nil {
			t.Errorf("stop the Keto of this test: %v", err)
		}
	})
	return st.Info().Keto
}
