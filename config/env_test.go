package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain keeps the tests away from the configuration of whoever runs them.
func TestMain(m *testing.M) {
	for _, v := range variables {
		_ = os.Unsetenv(v.name)
	}
	os.Exit(m.Run())
}

func TestEnvironmentAlone(t *testing.T) {
	environ := []string{
		"GATEHOUSE_KRATOS_ADMIN_URL=http://kratos.example:4434/", "GATEHOUSE_KRATOS_PUBLIC_URL=http://kratos.example:4433",
		"GATEHOUSE_KETO_READ_URL=http://keto.example:4466", "GATEHOUSE_KETO_WRITE_URL=http://keto.example:4467",
		"GATEHOUSE_KETO_OPL_URL=http://keto.example:4469", "GATEHOUSE_KETO_OPL=model.ts", "GATEHOUSE_KETO_MAX_DEPTH=7",
		"GATEHOUSE_KEYCLOAK_URL=https://sso.example", "GATEHOUSE_KEYCLOAK_USERNAME=ann", "GATEHOUSE_KEYCLOAK_PASSWORD=file:is-the-password",
		"GATEHOUSE_KEYCLOAK_CLIENT_ID=c", "GATEHOUSE_KEYCLOAK_CLIENT_SECRET=s3", "GATEHOUSE_READ_ONLY=1",
	}
	c := loadWithout(t, environ)
	ctx, err := c.Context("")
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Name != EnvContext || ctx.Origin != "environment" || !ctx.ReadOnly {
		t.Errorf("%+v", ctx)
	}
	if ctx.Kratos.AdminURL != "http://kratos.example:4434" || ctx.Kratos.PublicURL != "http://kratos.example:4433" {
		t.Errorf("%+v", ctx.Kratos)
	}
	k := ctx.Keto
	if k.ReadURL != "http://keto.example:4466" || k.WriteURL != "http://keto.example:4467" || k.OPLURL != "http://keto.example:4469" || k.MaxDepth != 7 || !filepath.IsAbs(k.OPL) {
		t.Errorf("%+v", k)
	}
	password, err := ctx.Keycloak.Password.Resolve(t.Context())
	if err != nil || password != "file:is-the-password" {
		t.Errorf("the password of the environment is taken as it is: %q, %v", password, err)
	}
	if ctx.Keycloak.Password.Reference() != "env:GATEHOUSE_KEYCLOAK_PASSWORD" || ctx.Keycloak.Password.Literal() {
		t.Error("a password in the environment counts as written in the file")
	}
	if view, err := c.View(); err != nil || strings.Contains(view, "is-the-password") || strings.Contains(view, "s3") {
		t.Errorf("view: %v\n%s", err, view)
	}
}

// loadWithout loads with folders that hold no file of ours.
func loadWithout(t *testing.T, environ []string) *Config {
	t.Helper()
	if _, err := os.Stat(DefaultPath()); err == nil {
		t.Skipf("%s exists on this machine, so the environment is not alone", DefaultPath())
	}
	c, err := Load(Options{Environ: append([]string{}, environ...)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNothingConfigured(t *testing.T) {
	c := loadWithout(t, []string{"GATEHOUSE_KEYCLOAK_PASSWORD=x", "HOME=/"})
	_, err := c.Context("")
	if !errors.Is(err, ErrNotConfigured) || !strings.Contains(err.Error(), "gatehouse config init") {
		t.Error(err)
	}
	if _, err := c.Context("dev"); !errors.Is(err, ErrNotConfigured) {
		t.Error(err)
	}
	if _, err := Use(Options{Environ: []string{"GATEHOUSE_KRATOS_ADMIN_URL=http://x"}}, EnvContext); !errors.Is(err, ErrNotConfigured) {
		t.Error(err)
	}
}

func TestOverrides(t *testing.T) {
	const file = `
contexts:
  dev:
    kratos: {admin_url: "http://127.0.0.1:1", public_url: "http://127.0.0.1:2"}
    keycloak: {url: "http://127.0.0.1:3", username: ann, password: literal}
`
	ctx, err := loadContext(t, file, "GATEHOUSE_KRATOS_ADMIN_URL=http://127.0.0.1:9", "GATEHOUSE_KETO_READ_URL=http://127.0.0.1:4")
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Kratos.AdminURL != "http://127.0.0.1:9" || ctx.Kratos.PublicURL != "http://127.0.0.1:2" || ctx.Keto.ReadURL != "http://127.0.0.1:4" {
		t.Errorf("%+v %+v", ctx.Kratos, ctx.Keto)
	}

	// A variable that points away from this machine must not take the file's literal password along.
	_, err = loadContext(t, file, "GATEHOUSE_KEYCLOAK_URL=https://evil.example")
	if err == nil || !strings.Contains(err.Error(), "keycloak.password: a secret must not stand in the file") {
		t.Errorf("a literal password goes to another machine: %v", err)
	}

	bad := []struct{ set, want string }{
		{"GATEHOUSE_KRATOS_ADMIN_URL=nope", `environment: GATEHOUSE_KRATOS_ADMIN_URL: "nope" is not an http or https URL`},
		{"GATEHOUSE_KETO_MAX_DEPTH=deep", `environment: GATEHOUSE_KETO_MAX_DEPTH: "deep" is not a whole number`},
		{"GATEHOUSE_READ_ONLY=maybe", `environment: GATEHOUSE_READ_ONLY: "maybe" is neither true nor false`},
	}
	for _, b := range bad {
		if _, err := loadContext(t, file, b.set); err == nil || !strings.Contains(err.Error(), b.want) {
			t.Errorf("%s: %v", b.set, err)
		}
	}
}

// TestReadOnlySticks proves that no layer takes back what another has forbidden.
func TestReadOnlySticks(t *testing.T) {
	for _, tt := range []struct {
		file string
		env  string
		flag bool
		want bool
	}{
		{"false", "", false, false}, {"true", "", false, true}, {"true", "0", false, true},
		{"false", "1", false, true}, {"false", "no", true, true}, {"false", "yes", false, true}, {"false", "off", false, false},
	} {
		c, err := Load(Options{Path: write(t, "contexts: {a: {read_only: "+tt.file+"}}"), ReadOnly: tt.flag, Environ: []string{"GATEHOUSE_READ_ONLY=" + tt.env}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, err := c.Context("")
		if err != nil || ctx.ReadOnly != tt.want {
			t.Errorf("%+v: %v, %v", tt, ctx.ReadOnly, err)
		}
	}
}

func TestTimeoutFlag(t *testing.T) {
	c, err := Load(Options{Path: write(t, "contexts: {a: {timeouts: {connect: 1s, request: 2s}}}"), Timeout: 7 * time.Second, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := c.Context("")
	if err != nil || ctx.Timeouts != (Timeouts{time.Second, 7 * time.Second, 7 * time.Second}) {
		t.Errorf("%+v %v", ctx.Timeouts, err)
	}
}

func TestStrayVariables(t *testing.T) {
	got := strayVariables(Options{Environ: []string{
		"GATEHOUSE_KRATOS_ADMIN_ULR=1", "GATEHOUSE_KETO_MAXDEPTH=1", "GATEHOUSE_TEST_STACK=x", "GATEHOUSE_READ_ONLY=1", "GATEHOUSE_ZEBRA=1", "PATH=x",
	}})
	if len(got) != 2 || !strings.Contains(got[0], "GATEHOUSE_KRATOS_ADMIN_URL") || !strings.Contains(got[1], "GATEHOUSE_KETO_MAX_DEPTH") {
		t.Errorf("%q", got)
	}
}

// TestContextIsACopy proves that a screen cannot change the configuration under another.
func TestContextIsACopy(t *testing.T) {
	c, err := Load(Options{Path: write(t, "contexts: {a: {tls: {ca: x}, keto: {read_url: 'http://h', headers: {x-a: b}}, keycloak: {url: 'http://h', realms: [r], username: u, password: env:P}}}"), Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	one, err := c.Context("a")
	if err != nil {
		t.Fatal(err)
	}
	one.Keto.ReadURL, one.Keto.Headers["X-A"], one.Keycloak.Realms[0], one.TLS.CA = "changed", Secret{}, "changed", "changed"
	two, err := c.Context("a")
	if err != nil {
		t.Fatal(err)
	}
	if two.Keto.ReadURL == "changed" || two.Keto.Headers["X-A"].IsZero() || two.Keycloak.Realms[0] == "changed" || two.TLS.CA == "changed" {
		t.Errorf("%+v %+v", two.Keto, two.Keycloak)
	}
}
