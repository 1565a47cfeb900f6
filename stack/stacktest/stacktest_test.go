package stacktest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

const envHelper = "GATEHOUSE_STACKTEST_HELPER"

// TestHelper is what the other tests here run in a process of its own.
func TestHelper(t *testing.T) {
	switch os.Getenv(envHelper) {
	case "":
		return // it is run by the other tests, in a process of its own
	case "kratos":
		t.Log("it is at " + stacktest.Kratos(t).AdminURL)
	case "keto":
		stacktest.Keto(t)
	case "all":
		stacktest.All(t)
	}
}

// What a test that asks for a server gets: the server and a line in the count, a
// skip that says how to run it, or where servers are required a failure.
func TestAsking(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "stack.json")
	b, err := json.Marshal(stack.Info{Name: "x", Kratos: stack.KratosInfo{AdminURL: "http://127.0.0.1:1"},
		Keto: stack.KetoInfo{Absent: stack.Absent{Missing: "no compiler; install one"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(`{"kratos":`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, helper, stack, require string
		fails                        bool
		says, count                  string
	}{
		{"a server that runs", "kratos", file, "", false, "it is at http://127.0.0.1:1", "kratos\tTestHelper\n"},
		{"no stack", "kratos", "", "", false, "make test", ""},
		{"no stack, required", "kratos", "", "1", true, "gatehouse stack up --detach", ""},
		{"a missing server", "keto", file, "", false, "no compiler; install one", ""},
		{"a missing server, required", "keto", file, "1", true, "no compiler; install one", ""},
		{"all, of which one is missing", "all", file, "1", true, "needs a real keto", "kratos\tTestHelper\n"},
		{"a file that is not there", "kratos", file + "x", "", true, stacktest.EnvStack, ""},
		{"a file that is broken", "kratos", broken, "", true, "broken.json", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			counted := filepath.Join(t.TempDir(), "count")
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelper$", "-test.v")
			cmd.Env = append(os.Environ(), envHelper+"="+test.helper, stacktest.EnvStack+"="+test.stack,
				stacktest.EnvRequire+"="+test.require, stacktest.EnvCount+"="+counted)
			out, err := cmd.CombinedOutput()
			if (err != nil) != test.fails || !strings.Contains(string(out), test.says) {
				t.Errorf("%v\n%s", err, out)
			}
			if got, _ := os.ReadFile(counted); string(got) != test.count {
				t.Errorf("counted %q, want %q", got, test.count)
			}
		})
	}
}

// A Keto of one's own has the model and the settings that were asked for, and
// knows nothing of the shared one.
func TestOwnKeto(t *testing.T) {
	shared := stacktest.Keto(t)
	own := stacktest.OwnKeto(t, "import { Namespace } from \"@ory/keto-namespace-types\"\n\nclass Zebra implements Namespace {}\n",
		map[string]any{"limit.max_read_depth": 12})
	if own.ReadURL == shared.ReadURL || own.ReadURL == "" {
		t.Fatalf("it is at %q", own.ReadURL)
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(own.OPL), "keto.yml"))
	if err != nil || !strings.Contains(string(b), "max_read_depth: 12") || !strings.Contains(string(b), "max_read_width: 100") || !strings.Contains(string(b), "dsn: memory") {
		t.Errorf("%v:\n%s", err, b)
	}
	if b, err := os.ReadFile(own.OPL); err != nil || !strings.Contains(string(b), "Zebra") {
		t.Errorf("%v:\n%s", err, b)
	}
}
