package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// write puts a configuration file into a folder of its own.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadContext loads a text and takes the context in use.
func loadContext(t *testing.T, text string, environ ...string) (*Context, error) {
	t.Helper()
	c, err := Load(Options{Path: write(t, text), Environ: append([]string{}, environ...)})
	if err != nil {
		return nil, err
	}
	return c.Context("")
}

func TestLoadWhole(t *testing.T) {
	ctx, err := loadContext(t, `
current: prod
contexts:
  dev: {}
  prod:
    description: real people
    production: true
    read_only: true
    colour: "#aa0033"
    timeouts: {connect: 1s, request: 2s, write: 1m}
    tls: {ca: ca.pem}
    kratos:
      admin_url: https://admin.example.com/
      public_url: https://auth.example.com/k/
      bearer: env:KRATOS_TOKEN
      headers: {x-tenant: acme, x-api-key: env:API_KEY}
    keto:
      read_url: https://read.example.com
      write_url: https://write.example.com
      opl: ./model.ts
      max_depth: 12
      engine: new
      strict: true
      tls: {ca: /etc/other.pem, server_name: keto}
    keycloak:
      url: https://sso.example.com/auth/
      realms: [staff, guests]
      client_id: gatehouse
      client_secret: cmd:pass show sso
`)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Name != "prod" || !ctx.Production || !ctx.ReadOnly || ctx.Colour != "#aa0033" || ctx.Description != "real people" {
		t.Errorf("context: %+v", ctx)
	}
	if ctx.Timeouts != (Timeouts{time.Second, 2 * time.Second, time.Minute}) {
		t.Errorf("timeouts: %+v", ctx.Timeouts)
	}
	dir := filepath.Dir(strings.TrimSuffix(ctx.Origin, "config.yaml") + "x")
	k := ctx.Kratos
	if k.AdminURL != "https://admin.example.com" || k.PublicURL != "https://auth.example.com/k" {
		t.Errorf("slashes stay: %q %q", k.AdminURL, k.PublicURL)
	}
	if k.Bearer.Reference() != "env:KRATOS_TOKEN" || k.Headers["X-Tenant"].Reference() != Redacted || k.Headers["X-Api-Key"].Reference() != "env:API_KEY" {
		t.Errorf("gateway: %v %v", k.Bearer.Reference(), k.Headers)
	}
	if k.TLS == nil || k.TLS.CA != filepath.Join(dir, "ca.pem") {
		t.Errorf("the context's tls is not inherited: %+v", k.TLS)
	}
	if g := ctx.Keto; g.OPL != filepath.Join(dir, "model.ts") || g.MaxDepth != 12 || g.MaxWidth != DefaultMaxWidth || g.Engine != "new" || g.Strict != Yes || g.TLS.CA != "/etc/other.pem" {
		t.Errorf("keto: %+v", g)
	}
	if g := ctx.Keycloak; g.URL != "https://sso.example.com/auth" || !reflect.DeepEqual(g.Realms, []string{"staff", "guests"}) || g.AuthRealm != "master" || g.ClientSecret.Reference() != "cmd:pass …" {
		t.Errorf("keycloak: %+v", g)
	}
}

func TestDefaults(t *testing.T) {
	ctx, err := loadContext(t, "contexts: {dev: {keto: {read_url: 'http://127.0.0.1:4466'}, keycloak: {url: 'http://localhost:8080', username: a, password: b}}}")
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Kratos != nil {
		t.Error("kratos appeared from nothing")
	}
	if k := ctx.Keto; k.MaxDepth != 5 || k.MaxWidth != 100 || k.Engine != "auto" || k.Strict != Auto {
		t.Errorf("keto: %+v", k)
	}
	if k := ctx.Keycloak; k.AuthRealm != "master" || k.ClientID != "admin-cli" {
		t.Errorf("keycloak: %+v", k)
	}
	if ctx.Timeouts != (Timeouts{DefaultConnect, DefaultRequest, DefaultWrite}) {
		t.Errorf("timeouts: %+v", ctx.Timeouts)
	}
}

// TestMergedContexts proves that a context may build on another with YAML's own means.
func TestMergedContexts(t *testing.T) {
	ctx, err := loadContext(t, `
current: stage
contexts:
  dev: &base
    kratos: &kratos {admin_url: "http://127.0.0.1:1", public_url: "http://127.0.0.1:2"}
    colour: green
  stage:
    <<: *base
    colour: yellow
    kratos:
      <<: *kratos
      public_url: http://127.0.0.1:3
`)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Colour != "yellow" || ctx.Kratos.AdminURL != "http://127.0.0.1:1" || ctx.Kratos.PublicURL != "http://127.0.0.1:3" {
		t.Errorf("%+v %+v", ctx, ctx.Kratos)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "contexts:\n  dev:\n    kratos:\n      admin_ulr: http://127.0.0.1:1\n", `:4: unknown key "kratos.admin_ulr"; did you mean "admin_url"?`},
		{"unknown key at the top", "context:\n  dev: {}\n", `:1: unknown key "context"; did you mean "contexts"?`},
		{"american colour", "contexts:\n  dev:\n    color: red\n", `:3: unknown key "color"; did you mean "colour"?`},
		{"key in the wrong place", "contexts:\n  dev:\n    admin_url: http://127.0.0.1:1\n", `:3: unknown key "admin_url"; it belongs under "contexts.NAME.kratos"`},
		{"key far from all", "contexts:\n  dev:\n    tls: {zebra: 1}\n", `:3: unknown key "tls.zebra"; known here: ca, cert, key, server_name`},
		{"text for a mapping", "contexts:\n  dev:\n    kratos: http://127.0.0.1\n", ":3: kratos must be a mapping (name: value), not a text"},
		{"list for the file", "- a\n", ":1: the file must be a mapping (name: value), not a list"},
		{"text for a list", "contexts:\n  dev:\n    keycloak:\n      realms: a\n", ":4: keycloak.realms must be a list, not a text; write it as [a, b]"},
		{"number in a list", "contexts:\n  dev:\n    keycloak:\n      realms: [1]\n", ":4: keycloak.realms[] must be a text, not a number; put it in quotes"},
		{"number for a password", "contexts:\n  dev:\n    keycloak:\n      password: 0123\n", ":4: keycloak.password must be a text, not a number; put it in quotes"},
		{"text for a switch", "contexts:\n  dev:\n    read_only: yes\n", ":3: read_only must be true or false, not a text"},
		{"text for a number", "contexts:\n  dev:\n    keto: {max_depth: deep}\n", ":3: keto.max_depth must be a whole number, not a text"},
		{"huge number", "contexts:\n  dev:\n    keto: {max_depth: 99999999999999999999}\n", "max_depth must be"},
		{"negative number", "contexts:\n  dev:\n    keto: {read_url: 'http://x', max_depth: -1}\n", ":3: keto.max_depth: -1 is not between 1 and 65535"},
		{"no unit", "contexts:\n  dev:\n    timeouts: {connect: 5}\n", ":3: timeouts.connect must be a duration, not a number; write it with a unit, such as 15s or 500ms"},
		{"time too long", "contexts:\n  dev:\n    timeouts: {connect: 5h}\n", ":3: timeouts.connect: 5h0m0s is not between 10ms and 1h"},
		{"engine", "contexts:\n  dev:\n    keto: {read_url: 'http://x', engine: clasic}\n", `:3: keto.engine: "clasic" is not an engine; did you mean "classic"?`},
		{"strict", "contexts:\n  dev:\n    keto: {strict: perhaps}\n", ":3: keto.strict must be auto, true or false, not a text"},
		{"colour", "contexts:\n  dev:\n    colour: grene\n", `:3: colour: "grene" is not a colour; did you mean "green"?`},
		{"base64", "contexts:\n  dev:\n    keto: {opl: 'base64://%%'}\n", ":3: keto.opl: what follows base64:// is not base64"},
		{"opl scheme", "contexts:\n  dev:\n    keto: {opl: 'ftp://x/y'}\n", ":3: keto.opl: ftp:// is not understood"},
		{"realm", "contexts:\n  dev:\n    keycloak: {url: 'http://localhost', realms: [a/b]}\n", `:3: keycloak.realms: "a/b" is not the name of a realm`},
		{"context name", "contexts:\n  'de v': {}\n", `:2: "de v" is not a name for a context`},
		{"unknown current", "current: prd\ncontexts:\n  prod: {}\n", `:1: current: there is no context "prd"; did you mean "prod"?`},
		{"half a client certificate", "contexts:\n  dev:\n    tls: {cert: a.pem}\n", ":3: tls: cert and key go together"},
		{"two documents", "current: a\n---\ncurrent: b\n", "holds more than one document"},
		{"duplicate key", "contexts:\n  dev: {}\n  dev: {}\n", ":3: is not valid YAML"},
		{"broken", "contexts: [\n", "is not valid YAML"},
		{"unknown alias", "contexts:\n  dev: *nobody\n", "nobody"},
		{"alias to itself", "contexts: &a\n  dev: *a\n", ""},
		{"bad header name", "contexts:\n  dev:\n    kratos: {admin_url: 'http://127.0.0.1', headers: {'a b': x}}\n", `"a b" is not the name of a header`},
		{"header smuggling", "contexts:\n  dev:\n    kratos: {admin_url: 'http://127.0.0.1', headers: {x-a: \"a\\r\\nb: c\"}}\n", "holds characters that a header cannot carry"},
		{"one header twice", "contexts:\n  dev:\n    kratos:\n      headers:\n        x-a: b\n        X-A: c\n", `:6: kratos.headers.X-A is set twice, also as "x-a"`},
		{"two authorizations", "contexts:\n  dev:\n    kratos: {admin_url: 'http://127.0.0.1', bearer: env:A, headers: {authorization: env:B}}\n", "is set twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.text)
			_, err := Load(Options{Path: path, Environ: []string{}})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("accepted: %v", err)
			}
			if !strings.HasPrefix(err.Error(), path) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %s\nwant …%s", err, tt.want)
			}
			if strings.Contains(e.Msg+e.Hint, "0123") /* not the path, which is random */ {
				t.Error("the message repeats a password")
			}
		})
	}
}

func TestURLs(t *testing.T) {
	tests := []struct{ url, want string }{
		{"http://127.0.0.1:4434", ""}, {"https://a.example/k/", ""}, {"http://[::1]:1", ""},
		{"127.0.0.1:4434", "not"}, {"localhost:4434", "not an http or https URL"}, {"ftp://x", "not an http or https URL"},
		{"http://", "names no host"}, {"http://:80", "names no host"}, {"http://u:p@x", "must not carry a user"},
		{"http://x?a=b", "no ?"}, {"http://x/#f", "no #"}, {"http://x:99999", "not a port"}, {"http://x:http", "not a URL"}, {"http://a b", "not a URL"},
	}
	for _, tt := range tests {
		_, err := loadContext(t, "contexts:\n  dev:\n    kratos:\n      admin_url: '"+tt.url+"'\n")
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s refused: %v", tt.url, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), ":4: kratos.admin_url:")):
			t.Errorf("%s: got %v, want …%s", tt.url, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "u:p"):
			t.Errorf("the message repeats a password: %v", err)
		}
	}
}

func TestValidateReportsAll(t *testing.T) {
	path := write(t, "contexts:\n  a:\n    kratos: {admin_url: nope, zebra: 1}\n    read_only: 3\n  b:\n    keto: 4\n")
	got := Validate(Options{Path: path, Environ: []string{}})
	if len(got) != 3 {
		t.Fatalf("%d problems: %v", len(got), got)
	}
	for i, line := range []int{3, 4, 6} {
		if got[i].Line != line {
			t.Errorf("problem %d on line %d, want %d: %v", i, got[i].Line, line, got[i])
		}
	}
	path = write(t, "contexts:\n  a:\n    kratos:\n      admin_url: nope\n    colour: mauve\n  b:\n    keto:\n      read_url: http://\n")
	if got := Validate(Options{Path: path, Environ: []string{}}); len(got) != 3 {
		t.Errorf("%d problems: %v", len(got), got)
	}
}

func TestFiles(t *testing.T) {
	t.Run("named and missing", func(t *testing.T) {
		_, err := Load(Options{Path: filepath.Join(t.TempDir(), "no.yaml")})
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "gatehouse config init") {
			t.Error(err)
		}
	})
	t.Run("writable by everybody", func(t *testing.T) {
		path := write(t, "contexts: {}\n")
		if err := os.Chmod(path, 0o606); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(Options{Path: path}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Error(err)
		}
	})
	t.Run("a folder", func(t *testing.T) {
		if _, err := Load(Options{Path: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "folder") {
			t.Error(err)
		}
	})
	t.Run("too large", func(t *testing.T) {
		path := write(t, "# "+strings.Repeat("x", maxFileSize))
		if _, err := Load(Options{Path: path}); err == nil || !strings.Contains(err.Error(), "1 MiB") {
			t.Error(err)
		}
	})
	t.Run("empty", func(t *testing.T) {
		c, err := Load(Options{Path: write(t, "# nothing\n"), Environ: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Context(""); !errors.Is(err, ErrNotConfigured) {
			t.Error(err)
		}
	})
	t.Run("by variable", func(t *testing.T) {
		path := write(t, "contexts: {a: {colour: red}}\n")
		c, err := Load(Options{Environ: []string{"GATEHOUSE_CONFIG=" + path}})
		if err != nil || c.Path != path {
			t.Fatal(c, err)
		}
		if ctx, err := c.Context(""); err != nil || ctx.Colour != "red" {
			t.Error(ctx, err)
		}
	})
}

func TestChoose(t *testing.T) {
	const two = "contexts: {dev: {colour: green}, prod: {colour: red}}\n"
	tests := []struct {
		name, text, flag, asked string
		environ                 []string
		want, wantErr           string
	}{
		{"flag first", "current: dev\n" + two, "prod", "", []string{"GATEHOUSE_CONTEXT=dev"}, "prod", ""},
		{"argument over flag", "current: dev\n" + two, "prod", "dev", nil, "dev", ""},
		{"variable over file", "current: dev\n" + two, "", "", []string{"GATEHOUSE_CONTEXT=prod"}, "prod", ""},
		{"file", "current: dev\n" + two, "", "", nil, "dev", ""},
		{"the only one", "contexts: {dev: {}}\n", "", "", nil, "dev", ""},
		{"none current", two, "", "", nil, "", "no context is current; run: gatehouse context use NAME, with one of dev, prod"},
		{"mistyped", two, "prodd", "", nil, "", `there is no context "prodd"; did you mean "prod"?`},
		{"unknown", two, "zzz", "", nil, "", "there are: dev, prod"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Load(Options{Path: write(t, tt.text), Context: tt.flag, Environ: append([]string{}, tt.environ...)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, err := c.Context(tt.asked)
			switch {
			case tt.wantErr == "" && (err != nil || ctx.Name != tt.want):
				t.Errorf("got %v, %v", ctx, err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Errorf("got %v, want …%s", err, tt.wantErr)
			}
		})
	}
}
