package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er", "config.yaml")
	o := Options{Path: path, Environ: []string{}}
	got, err := Init(o, false)
	if err != nil || got != path {
		t.Fatal(got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if dir, err := os.Stat(filepath.Dir(path)); err != nil || dir.Mode().Perm() != 0o700 {
		t.Error(dir.Mode(), err)
	}
	if c, err := Load(o); err != nil || c.Current != "dev" {
		t.Error(c, err)
	}
	if err := os.WriteFile(path, []byte("contexts: {mine: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(o, false); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("replaced: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "contexts: {mine: {}}\n" {
		t.Error("the file was touched")
	}
	if _, err := Init(o, true); err != nil {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".gatehouse-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// uncommented is the template with everything that is commented out switched on.
func uncommented(t *testing.T) string {
	t.Helper()
	head, body, ok := strings.Cut(Template(), "contexts:")
	if !ok {
		t.Fatal("the template has no contexts")
	}
	_ = head
	var out []string
	for _, line := range strings.Split("contexts:"+body, "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		rest, commented := strings.CutPrefix(strings.TrimSpace(line), "# ")
		key, _, isKey := strings.Cut(strings.TrimSpace(rest), ":")
		if commented && isKey && !strings.Contains(key, " ") {
			line = indent + rest
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

func TestTemplateIsWhole(t *testing.T) {
	text := uncommented(t)
	c, err := Load(Options{Path: write(t, text), Environ: []string{}})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := c.Names(); strings.Join(got, " ") != "dev prod" {
		t.Fatalf("contexts: %v", got)
	}
	for _, name := range c.Names() {
		if _, err := c.Context(name); err != nil {
			t.Error(err)
		}
	}
	for _, key := range allKeys() {
		leaf := key[strings.LastIndexByte(key, '.')+1:]
		if leaf == "server_name" || leaf == "NAME" {
			continue
		}
		if !strings.Contains(Template(), leaf+":") {
			t.Errorf("the template does not mention %s", key)
		}
	}
	if p := c.Contexts["prod"]; !p.Production || !p.ReadOnly || p.Keycloak.ClientSecret.IsZero() {
		t.Errorf("prod: %+v", p)
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	raw, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem://config.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem://config.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAgreesWithLoad feeds the same texts to the schema and to Load.
func TestSchemaAgreesWithLoad(t *testing.T) {
	s := compileSchema(t)
	for _, text := range []string{
		Template(), uncommented(t),
		"contexts: {a: {kratos: {admin_ulr: x}}}", "contexts: {a: {read_only: sure}}", "contexts: {a: {colour: mauve}}",
		"contexts: {a: {colour: '#12aaFF', keto: {strict: false, read_url: 'http://x'}}}", "contexts: {a: {keto: {engine: old, read_url: 'http://x'}}}",
		"contexts: {a: {timeouts: {write: 5}}}", "contexts: {a: {timeouts: {write: 1m30s}}}", "contexts: {a: {keycloak: {realms: r, url: 'http://x'}}}",
		"contexts: {a: {keto: {max_depth: 0, read_url: 'http://x'}}}", "contexts: {a: {kratos: {admin_url: 'http://x', headers: {x-a: env:B}}}}", "zebra: 1",
	} {
		raw, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		_, loadErr := Load(Options{Path: write(t, text), Environ: []string{}})
		schemaErr := s.Validate(v)
		// 0 is "not set" to Load: a default takes its place.
		if strings.Contains(text, "max_depth: 0") {
			continue
		}
		if (loadErr == nil) != (schemaErr == nil) {
			t.Errorf("%.60q: Load says %v, the schema says %v", text, loadErr, schemaErr)
		}
	}
}

func TestUse(t *testing.T) {
	tests := []struct{ name, before, after string }{
		{"plain", "# head\ncurrent: dev # why\ncontexts: {dev: {}, prod: {}}\n", "# head\ncurrent: prod # why\ncontexts: {dev: {}, prod: {}}\n"},
		{"quoted", "current:   \"dev\"\ncontexts: {dev: {}, prod: {}}\n", "current:   prod\ncontexts: {dev: {}, prod: {}}\n"},
		{"single quotes", "contexts: {dev: {}, prod: {}}\ncurrent: 'dev'", "contexts: {dev: {}, prod: {}}\ncurrent: prod"},
		{"missing", "# head\n\ncontexts:\n  dev: {} # dev\n  prod: {}\n", "# head\n\ncurrent: prod\ncontexts:\n  dev: {} # dev\n  prod: {}\n"},
		{"nothing after it", "current: # none yet\ncontexts: {dev: {}, prod: {}}\n", "current: prod # none yet\ncontexts: {dev: {}, prod: {}}\n"},
		{"windows", "current: dev\r\ncontexts: {dev: {}, prod: {}}\r\n", "current: prod\r\ncontexts: {dev: {}, prod: {}}\r\n"},
		{"a context called current", "contexts: {current: {}, prod: {}}\n", "current: prod\ncontexts: {current: {}, prod: {}}\n"},
		{"the value stands in the key", "current: c\ncontexts: {c: {}, prod: {}}\n", "current: prod\ncontexts: {c: {}, prod: {}}\n"},
		{"start of a document", "---\ncurrent: dev\ncontexts: {dev: {}, prod: {}}\n", "---\ncurrent: prod\ncontexts: {dev: {}, prod: {}}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.before)
			if _, err := Use(Options{Path: path, Environ: []string{}}, "prod"); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil || string(b) != tt.after {
				t.Errorf("got  %q\nwant %q", b, tt.after)
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		path := write(t, "contexts: {dev: {}, prod: {}}\n")
		if _, err := Use(Options{Path: path, Environ: []string{}}, "prdo"); err == nil || !strings.Contains(err.Error(), `did you mean "prod"?`) {
			t.Error(err)
		}
		if b, _ := os.ReadFile(path); string(b) != "contexts: {dev: {}, prod: {}}\n" {
			t.Error("the file was touched")
		}
	})
	t.Run("one line that cannot be edited", func(t *testing.T) {
		text := "{current: dev, contexts: {dev: {}, prod: {}}}\n"
		path := write(t, text)
		if _, err := Use(Options{Path: path, Environ: []string{}}, "prod"); err == nil || !strings.Contains(err.Error(), "by hand") {
			t.Error(err)
		}
		if b, _ := os.ReadFile(path); string(b) != text {
			t.Error("the file was touched")
		}
	})
	t.Run("through a link", func(t *testing.T) {
		target := write(t, "contexts: {dev: {}, prod: {}}\n")
		link := filepath.Join(t.TempDir(), "link.yaml")
		if err := os.Symlink(target, link); err != nil {
			t.Skip(err)
		}
		if _, err := Use(Options{Path: link, Environ: []string{}}, "prod"); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Error("the link became a file")
		}
		if b, _ := os.ReadFile(target); !strings.HasPrefix(string(b), "current: prod\n") {
			t.Errorf("%q", b)
		}
	})
}

func TestView(t *testing.T) {
	c, err := Load(Options{Path: write(t, `
current: dev
contexts:
  dev: {keycloak: {url: "http://127.0.0.1:1", username: u, password: hush-hush}, kratos: {admin_url: "http://127.0.0.1:2", headers: {x-a: hush-too}}}
  prod: {keycloak: {url: "https://sso.example", client_id: c, client_secret: "cmd:vault read hush"}}
`), Environ: []string{"GATEHOUSE_KETO_READ_URL=http://127.0.0.1:9"}})
	if err != nil {
		t.Fatal(err)
	}
	view, err := c.View()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"read_url: http://127.0.0.1:9", "cmd:vault …", Redacted, "auth_realm: master", "# in use: dev"} {
		if !strings.Contains(view, want) {
			t.Errorf("view lacks %q:\n%s", want, view)
		}
	}
	if strings.Contains(view, "hush") {
		t.Errorf("view shows a secret:\n%s", view)
	}
	var back any
	if err := yaml.Unmarshal([]byte(view), &back); err != nil {
		t.Errorf("view is no YAML: %v", err)
	}
}

func TestCheck(t *testing.T) {
	ctx, err := loadContext(t, `
contexts:
  a:
    tls: {ca: missing.pem}
    kratos: {admin_url: "http://kratos.example", public_url: "http://kratos.example", bearer: "env:NOT_SET_ANYWHERE"}
    keto: {write_url: "http://127.0.0.1:1", opl: missing.ts}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range ctx.Check(t.Context(), true) {
		got[f.Key] = f.Fatal
	}
	want := map[string]bool{"tls": true, "kratos.public_url": false, "keto.read_url": true, "keto.opl": true, "kratos.admin_url": false, "kratos.bearer": true}
	for key, fatal := range want {
		if f, ok := got[key]; !ok || f != fatal {
			t.Errorf("%s: found %v, fatal %v, want fatal %v", key, ok, f, fatal)
		}
	}
	for _, f := range ctx.Check(t.Context(), false) {
		if f.Key == "kratos.bearer" {
			t.Error("a secret was resolved unasked")
		}
	}
}

// FuzzLoad proves that no file makes us panic, and that what is accepted can be
// used, shown and edited.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{Template(), "", "a: b", "contexts: &a {b: *a}", "- x", "contexts:\n  dev:\n    <<: *x\n", "{current: a}", "? a\n: b\n", "contexts: {a: {keto: {strict: no}}}", "%YAML 1.2\n---\na", "contexts: {a: !!binary x}", "\x00", "a: |\n  b\n---\nc: d"} {
		f.Add([]byte(s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Skip(err)
		}
		o := Options{Path: path, Environ: []string{}}
		Validate(o)
		c, err := Load(o)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		if _, err := c.View(); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("view: %v", err)
			}
		}
		for _, name := range c.Names() {
			_, _ = c.Context(name)
			if _, err := Use(o, name); err == nil {
				if again, err := Load(o); err != nil || again.Current != name {
					t.Errorf("use %s: %v", name, err)
				}
			}
		}
	})
}
