package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/zalando/go-keyring"
)

const hush = "correct-horse"

// TestSecretNeverPrints tries every way of printing that the standard library has.
func TestSecretNeverPrints(t *testing.T) {
	type holder struct {
		S Secret
		P *Secret
		M map[string]Secret
	}
	for _, s := range []Secret{LiteralSecret(hush), ParseSecret(hush), envSecret("X", hush)} {
		if v, err := s.Resolve(t.Context()); err != nil || v != hush {
			t.Fatal(v, err)
		}
		h := holder{s, &s, map[string]Secret{"a": s}}
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10s"} {
			fmt.Fprintf(&out, verb+verb+verb, s, &s, h)
		}
		fmt.Fprintln(&out, s, h, s.String(), s.GoString(), s.Reference())
		j, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(j)
		y, err := yaml.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(y)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "h", h, slog.Any("p", &s))
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "h", h)
		if strings.Contains(out.String(), hush) || strings.Contains(out.String(), fmt.Sprintf("%x", hush)) {
			t.Errorf("a secret was printed:\n%s", out.String())
		}
		if !strings.Contains(out.String(), Redacted) {
			t.Error("nothing says that something was left out")
		}
	}
	if b, err := json.Marshal(Secret{}); err != nil || string(b) != "null" {
		t.Errorf("unset secret: %s %v", b, err)
	}
	if got := fmt.Sprint(Secret{}); got != "" {
		t.Errorf("unset secret: %q", got)
	}
}

func secretFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResolve(t *testing.T) {
	keyring.MockInit()
	if err := keyring.Set("gate/house", "ann", hush); err != nil {
		t.Fatal(err)
	}
	t.Setenv("STORY_SECRET", hush)
	t.Setenv("STORY_EMPTY", "")
	tests := []struct{ ref, want, wantErr string }{
		{"env:STORY_SECRET", hush, ""},
		{"env:STORY_NOWHERE", "", "secret env:STORY_NOWHERE: the variable is not set"},
		{"env:STORY_EMPTY", "", "it is empty"},
		{"file:" + secretFile(t, hush+"\n", 0o600), hush, ""},
		{"file:" + secretFile(t, hush+"\r\n\n", 0o400), hush, ""},
		{"file:" + secretFile(t, " "+hush+" ", 0o600), " " + hush + " ", ""},
		{"file:" + secretFile(t, hush, 0o640), "", "others may read it (mode 0640); chmod 600 it"},
		{"file:" + secretFile(t, hush, 0o604), "", "others may read it"},
		{"file:" + secretFile(t, "", 0o600), "", "it is empty"},
		{"file:" + secretFile(t, strings.Repeat("x", maxSecret+1), 0o600), "", "larger than 64 KiB"},
		{"file:" + t.TempDir(), "", "not a plain file"},
		{"file:/no/such/file", "", "no such file"},
		{"cmd:echo " + hush, hush, ""},
		{`cmd:printf '%s %s' "a b" c\ d`, "a b c d", ""},
		{"cmd:echo $HOME", "$HOME", ""}, // no shell: nothing is expanded
		{"cmd:echo a; echo b", "a; echo b", ""},
		{"cmd:false", "", "the command failed (exit status 1)"},
		{"cmd:no-such-program-anywhere", "", "could not be run"},
		{"cmd:echo 'open", "", "a quote that is not closed"},
		{"cmd: ", "", "no command is named"},
		{"cmd:true", "", "it is empty"},
		{"cmd:head -c 100000 /dev/zero", "", "more than 64 KiB"},
		{"keyring:gate/house/ann", hush, ""},
		{"keyring:gate/nobody", "", "no such entry"},
		{"keyring:gate", "", "keyring:SERVICE/USER"},
	}
	for _, tt := range tests {
		got, err := ParseSecret(tt.ref).Resolve(t.Context())
		switch {
		case tt.wantErr == "" && (err != nil || got != tt.want):
			t.Errorf("%s: %q, %v", tt.ref, got, err)
		case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr) || got != ""):
			t.Errorf("%s: %.100q, %v; want …%s", tt.ref, got, err, tt.wantErr)
		case err != nil && strings.Contains(err.Error(), hush):
			t.Errorf("the message repeats the secret: %v", err)
		}
	}
	if _, err := (Secret{}).Resolve(t.Context()); err == nil {
		t.Error("an unset secret resolves")
	}
}

// TestResolveAgain proves what is kept and what is read anew.
func TestResolveAgain(t *testing.T) {
	path := secretFile(t, "one", 0o600)
	file := ParseSecret("file:" + path)
	cmd := ParseSecret("cmd:cat " + path)
	for _, s := range []Secret{file, cmd} {
		if v, err := s.Resolve(t.Context()); err != nil || v != "one" {
			t.Fatal(v, err)
		}
	}
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, _ := file.Resolve(t.Context()); v != "two" {
		t.Errorf("a rotated file still gives %q", v)
	}
	if v, _ := cmd.Resolve(t.Context()); v != "one" {
		t.Errorf("the command ran again: %q", v)
	}
	copied := cmd
	copied.Forget()
	if v, _ := cmd.Resolve(t.Context()); v != "two" {
		t.Errorf("Forget forgot nothing: %q", v)
	}
}

func TestResolveStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := ParseSecret("cmd:sleep 30").Resolve(ctx)
	if err == nil || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestRelativeSecret proves that a path starts at the folder of the file that names it.
func TestRelativeSecret(t *testing.T) {
	path := write(t, "contexts: {a: {keycloak: {url: 'https://sso.example', username: u, password: 'file:pw'}}}")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "pw"), []byte(hush), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Options{Path: path, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := c.Context("")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := ctx.Keycloak.Password.Resolve(t.Context()); err != nil || v != hush {
		t.Error(v, err)
	}
}

func TestLiteralSecrets(t *testing.T) {
	const ref = "a secret must not stand in the file"
	tests := []struct{ name, backEnds, want string }{
		{"loopback", "keycloak: {url: 'http://127.0.0.1:1', username: u, password: p}", ""},
		{"loopback by name", "keycloak: {url: 'http://localhost:1', username: u, password: p}", ""},
		{"loopback, version 6", "keycloak: {url: 'http://[::1]:1', username: u, password: p}", ""},
		{"loopback, all of 127/8", "keycloak: {url: 'http://127.8.8.8:1', username: u, password: p}", ""},
		{"away", "keycloak: {url: 'https://sso.example', username: u, password: p}", "keycloak.password: " + ref},
		{"looks like loopback", "keycloak: {url: 'http://localhost.evil.example', username: u, password: p}", ref},
		{"any address", "keycloak: {url: 'http://0.0.0.0:1', username: u, password: p}", ref},
		{"another back end is away", "keycloak: {url: 'http://127.0.0.1:1', username: u, password: p}, kratos: {admin_url: 'http://k.example'}", ref},
		{"client secret", "keycloak: {url: 'https://sso.example', client_id: c, client_secret: p}", "keycloak.client_secret: " + ref},
		{"bearer", "kratos: {admin_url: 'https://k.example', bearer: p}", "kratos.bearer: " + ref},
		{"header that names a secret", "kratos: {admin_url: 'https://k.example', headers: {x-api-key: p}}", ref},
		{"header that does not", "kratos: {admin_url: 'https://k.example', headers: {x-tenant: acme}}", ""},
		{"reference", "keycloak: {url: 'https://sso.example', username: u, password: 'env:P'}", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadContext(t, "contexts: {a: {"+tt.backEnds+"}}")
			if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s", err, tt.want)
			}
		})
	}
}

func TestSignIn(t *testing.T) {
	tests := []struct{ auth, want string }{
		{"username: u, password: env:P", ""}, {"client_id: c, client_secret: env:S", ""}, {"bearer: env:T", ""},
		{"username: u, password: env:P, client_id: c, client_secret: env:S", ""},
		{"username: u", "there is a username but no password"}, {"password: env:P", "there is a password but no username"},
		{"client_secret: env:S", "there is a client secret but no client"}, {"client_id: c", "there is a client but no secret"},
		{"auth_realm: master", "nothing to sign in with"},
	}
	for _, tt := range tests {
		_, err := loadContext(t, "contexts: {a: {keycloak: {url: 'https://sso.example', "+tt.auth+"}}}")
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want …%s", tt.auth, err, tt.want)
		}
	}
}
