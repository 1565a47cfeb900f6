package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runConfig runs one command line of the verbs config and context in a world of its own.
func runConfig(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), args, World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Env: append([]string{"PATH=/bin"}, env...), Now: time.Now})
	return code, out.String(), errs.String()
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if text != "" {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestConfigCommands(t *testing.T) {
	path := configFile(t, "")
	code, out, errs := runConfig(t, nil, "config", "path", "--config", path)
	if code != 0 || strings.TrimSpace(out) != path || !strings.Contains(errs, "does not exist yet") {
		t.Errorf("path: %d %q %q", code, out, errs)
	}
	if code, out, _ := runConfig(t, nil, "config", "init", "--config", path, "--dry-run"); code != 0 || !strings.Contains(out, "contexts:") {
		t.Errorf("init --dry-run: %d %q", code, out)
	}
	if _, err := os.Stat(path); err == nil {
		t.Fatal("--dry-run wrote the file")
	}
	if code, out, errs := runConfig(t, nil, "config", "init", "--config", path); code != 0 || strings.TrimSpace(out) != path {
		t.Errorf("init: %d %q %q", code, out, errs)
	}
	code, _, errs = runConfig(t, nil, "config", "init", "--config", path, "--json")
	if code != 2 || !strings.Contains(errs, `"kind":"conflict"`) || !strings.Contains(errs, "--force") {
		t.Errorf("init again: %d %q", code, errs)
	}
	if code, out, errs := runConfig(t, nil, "config", "validate", "--config", path); code != 0 {
		t.Errorf("validate: %d %q %q", code, out, errs)
	}
	code, out, _ = runConfig(t, nil, "config", "view", "--config", path, "--json")
	var view struct {
		Contexts map[string]struct {
			Keycloak map[string]any `json:"keycloak"`
		} `json:"contexts"`
	}
	if err := json.Unmarshal([]byte(out), &view); code != 0 || err != nil || view.Contexts["dev"].Keycloak["password"] != "env:KEYCLOAK_ADMIN_PASSWORD" {
		t.Errorf("view: %d %v %s", code, err, out)
	}
	code, out, _ = runConfig(t, nil, "config", "schema")
	if code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("schema: %d", code)
	}
}

func TestConfigValidateCommand(t *testing.T) {
	path := configFile(t, "contexts:\n  dev:\n    kratos:\n      admin_ulr: http://127.0.0.1:1\n    read_only: 1\n")
	code, out, errs := runConfig(t, nil, "config", "validate", "--config", path)
	want := "error: " + path + `:4: unknown key "kratos.admin_ulr"; did you mean "admin_url"?` + "\n" +
		"error: " + path + ":5: read_only must be true or false, not a number\n"
	if code != 1 || out != want || errs != "" {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	code, out, _ = runConfig(t, nil, "config", "validate", "--config", path, "--json")
	var rows []configFinding
	if err := json.Unmarshal([]byte(out), &rows); code != 1 || err != nil || len(rows) != 2 || rows[0].Line != 4 || rows[0].Hint == "" {
		t.Errorf("--json: %d %v %s", code, err, out)
	}
	path = configFile(t, "contexts:\n  dev:\n    keycloak: {url: 'http://127.0.0.1:1', username: u, password: 'env:SURELY_NOT_SET'}\n    keto: {read_url: 'http://127.0.0.1:2'}\n")
	if code, out, _ := runConfig(t, nil, "config", "validate", "--config", path); code != 0 || !strings.Contains(out, "advice: ") {
		t.Errorf("advice: %d %s", code, out)
	}
	if code, out, _ := runConfig(t, nil, "config", "validate", "--config", path, "--secrets"); code != 1 || !strings.Contains(out, "secret env:SURELY_NOT_SET: the variable is not set") {
		t.Errorf("--secrets: %d %s", code, out)
	}
	if code, _, _ := runConfig(t, []string{"SURELY_NOT_SET=x"}, "config", "validate", "--config", path, "--secrets"); code != 0 {
		t.Errorf("--secrets with the variable in the world's environment: %d", code)
	}
	if code, _, errs := runConfig(t, nil, "config", "validate", "--config", path+"x"); code != 1 || errs != "" {
		t.Errorf("missing file: %d %s", code, errs)
	}
}

func TestContextCommands(t *testing.T) {
	path := configFile(t, "# mine\ncurrent: dev\ncontexts:\n  dev: {kratos: {admin_url: 'http://127.0.0.1:1'}}\n  prod: {production: true, read_only: true, description: real people}\n")
	code, out, errs := runConfig(t, nil, "context", "ls", "--config", path)
	if code != 0 || !strings.Contains(out, "real people") || strings.Count(out, "\n") != 3 {
		t.Errorf("ls: %d %q %q", code, out, errs)
	}
	code, out, _ = runConfig(t, []string{"GATEHOUSE_CONTEXT=prod"}, "context", "ls", "--config", path, "--json")
	var rows []contextOut
	if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil || len(rows) != 2 || rows[0].InUse || !rows[1].InUse || !rows[1].Production || rows[0].BackEnds[0] != "kratos" {
		t.Errorf("ls --json: %d %v %s", code, err, out)
	}
	if code, _, errs := runConfig(t, nil, "context", "use", "prdo", "--config", path); code != 2 || !strings.Contains(errs, `did you mean "prod"?`) {
		t.Errorf("use prdo: %d %s", code, errs)
	}
	if code, _, errs := runConfig(t, nil, "context", "use", "prod", "--dry-run", "--config", path); code != 0 || !strings.Contains(errs, "would make prod") {
		t.Errorf("use --dry-run: %d %s", code, errs)
	}
	if b, _ := os.ReadFile(path); !strings.Contains(string(b), "current: dev\n") {
		t.Error("--dry-run changed the file")
	}
	if code, out, _ := runConfig(t, nil, "context", "use", "prod", "--config", path); code != 0 || strings.TrimSpace(out) != "prod" {
		t.Errorf("use: %d %q", code, out)
	}
	if b, _ := os.ReadFile(path); !strings.HasPrefix(string(b), "# mine\ncurrent: prod\n") {
		t.Errorf("use wrote %s", b)
	}
}
