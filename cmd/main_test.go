package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/adrg/xdg"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestMain makes the program itself a command of the scripts in testdata/script.
func TestMain(m *testing.M) {
	testscript.Main(isolated{m}, map[string]func(){
		"gatehouse": func() { os.Exit(Main(context.Background(), os.Args[1:], OSWorld())) },
	})
}

// isolated runs the tests without the configuration of whoever runs them.
type isolated struct{ m *testing.M }

// Run implements testscript.TestingM.
func (i isolated) Run() int {
	dir, err := os.MkdirTemp("", "gatehouse-cmd-test")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_CONFIG_HOME", dir)
	os.Setenv("XDG_CONFIG_DIRS", dir)
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "GATEHOUSE_") && !strings.HasPrefix(name, "GATEHOUSE_TEST_") {
			os.Unsetenv(name)
		}
	}
	xdg.Reload()
	defer endWalk()
	return i.m.Run()
}

// ran is one command line of a test and what came of it.
type ran struct {
	code           int
	stdout, stderr string
}

// gatehouse runs one command line in this process.
func gatehouse(t testing.TB, env []string, args ...string) ran {
	t.Helper()
	return gatehouseIn(t, "", env, args...)
}

// gatehouseIn does so with something on stdin.
func gatehouseIn(t testing.TB, stdin string, env []string, args ...string) ran {
	t.Helper()
	var out, errs bytes.Buffer
	w := World{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Env: append([]string{"PATH=/bin", "HOME=" + t.TempDir()}, env...), Now: time.Now}
	return ran{Main(t.Context(), args, w), out.String(), errs.String()}
}

// want fails the test unless the exit code is right.
func (r ran) want(t testing.TB, code int) ran {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// failure is the JSON error on stderr.
func (r ran) failure(t testing.TB) errorBody {
	t.Helper()
	var e errorJSON
	for line := range strings.Lines(r.stderr) {
		if strings.HasPrefix(line, `{"error"`) {
			validate(t, "error", line)
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
		}
	}
	if e.Error.Kind == "" {
		t.Fatalf("no JSON error on stderr: %q", r.stderr)
	}
	return e.Error
}

// decode reads the JSON on stdout, after it was held against the schema: each
// element of an array, or the one object.
func decode[T any](t testing.TB, schema string, r ran) T {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		list = []json.RawMessage{json.RawMessage(r.stdout)}
	}
	for _, item := range list {
		validate(t, schema, string(item))
	}
	var out T
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	return out
}

// validate holds one JSON value against the strict form of a schema of ours, so
// that a field which the schema does not name is found too.
func validate(t testing.TB, schema, text string) {
	t.Helper()
	s, err := schemaOf(schema, true)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("schema.json")
	if err != nil {
		t.Fatalf("schema %s: %v", schema, err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("does not fit schema %s: %v\n%s", schema, err, text)
	}
}
