package keycloak_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// The tests against the real server share one realm with a name of its own, made by
// the first that needs it and deleted at the end.
var shared struct {
	once  sync.Once
	err   error
	admin *keycloak.Server
	realm *keycloak.Realm
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.realm != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if _, err := shared.realm.DeleteRealm(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "the realm of the tests is left behind:", err)
			code = 1
		}
		shared.admin.Logout(ctx)
		cancel()
	}
	os.Exit(code)
}

// realm gives the shared realm on the real server, or skips the test.
func realm(t testing.TB) *keycloak.Realm {
	t.Helper()
	info := stacktest.Keycloak(t)
	shared.once.Do(func() {
		shared.admin, shared.err = adminOf(info)
		if shared.err == nil {
			name := "gh-test-" + unique()
			_, shared.err = shared.admin.CreateRealm(context.Background(), keycloak.NewRealm{Name: name})
			if shared.err == nil {
				shared.realm = shared.admin.Realm(name)
			}
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.realm
}

func adminOf(info stack.KeycloakInfo) (*keycloak.Server, error) {
	pw, err := info.Password()
	if err != nil {
		return nil, err
	}
	return keycloak.New(keycloak.Options{URL: info.URL, Login: keycloak.Login{Username: info.AdminUsername, Password: pw},
		Transport: transport.Options{Timeout: time.Minute}})
}

func unique() string {
	var b [5]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// plain talks to the real server with nothing of ours between, to see what is really
// there.
type plain struct {
	t     testing.TB
	base  string
	token string
	until time.Time
	user  string
	pw    string
}

func newPlain(t testing.TB) *plain {
	t.Helper()
	info := stacktest.Keycloak(t)
	pw, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	return &plain{t: t, base: info.URL, user: info.AdminUsername, pw: pw}
}

func (p *plain) bearer() string {
	if time.Now().Before(p.until) {
		return p.token
	}
	res, err := http.PostForm(p.base+"/realms/master/protocol/openid-connect/token", url.Values{"grant_type": {"password"},
		"client_id": {"admin-cli"}, "username": {p.user}, "password": {p.pw}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var w struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&w); err != nil || w.AccessToken == "" {
		p.t.Fatalf("no admin token: %s %v", res.Status, err)
	}
	p.token, p.until = w.AccessToken, time.Now().Add(30*time.Second)
	return p.token
}

// send makes a request beneath /admin/realms/{shared realm}; a path that begins with
// a slash is beneath the server's root.
func (p *plain) send(method, path string, body any) (int, []byte, http.Header) {
	p.t.Helper()
	target := p.base + path
	if !strings.HasPrefix(path, "/") {
		target = p.base + "/admin/realms/" + shared.realm.Name()
		if path != "" {
			target += "/" + path
		}
	}
	var rd io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		rd = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, target, rd)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.bearer())
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res.StatusCode, b, res.Header
}

// get reads JSON; nil for 404.
func (p *plain) get(path string) any {
	p.t.Helper()
	status, b, _ := p.send("GET", path, nil)
	if status == 404 {
		return nil
	}
	if status != 200 {
		p.t.Fatalf("GET %s: %d %s", path, status, b)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		p.t.Fatalf("GET %s: %v", path, err)
	}
	return v
}

// must makes a write that has to succeed.
func (p *plain) must(method, path string, body any) http.Header {
	p.t.Helper()
	status, b, h := p.send(method, path, body)
	if status > 299 {
		p.t.Fatalf("%s %s: %d %s", method, path, status, b)
	}
	return h
}

// names lists one field of a list of objects.
func namesIn(v any, field string) []string {
	out := []string{}
	l, _ := v.([]any)
	for _, e := range l {
		m, _ := e.(map[string]any)
		s, _ := m[field].(string)
		out = append(out, s)
	}
	return out
}

func ok[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// wantKind checks the kind of a refusal and hands out the problem.
func wantKind(t testing.TB, err error, kind clients.Kind) *clients.Problem {
	t.Helper()
	p, is := err.(*clients.Problem)
	if !is || p.Kind != kind {
		t.Fatalf("got %v (kind %q), want a problem of kind %s", err, clients.KindOf(err), kind)
	}
	return p
}

func ptr[T any](v T) *T { return &v }

// newUser makes a user that can log in, and deletes it at the end.
func newUser(t testing.TB, r *keycloak.Realm, name string) keycloak.User {
	t.Helper()
	ch, err := r.CreateUser(t.Context(), keycloak.NewUser{Username: name + "-" + unique(), Email: name + "-" + unique() + "@example.org",
		EmailVerified: true, FirstName: "First", LastName: "Last", Password: "pw-" + name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.DeleteUser(context.Background(), ch.After.ID) })
	return ch.After
}

func newGroup(t testing.TB, r *keycloak.Realm, parent, name string) keycloak.Group {
	t.Helper()
	ch, err := r.CreateGroup(t.Context(), parent, name+"-"+unique())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.DeleteGroup(context.Background(), ch.After.ID) })
	return ch.After
}

func newRole(t testing.TB, r *keycloak.Realm, c keycloak.Container, name string) keycloak.Role {
	t.Helper()
	ch, err := r.CreateRole(t.Context(), c, keycloak.NewRole{Name: name + "-" + unique(), Description: "the role " + name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.DeleteRole(context.Background(), ch.After.ID) })
	return ch.After
}

func newClient(t testing.TB, r *keycloak.Realm, n keycloak.NewClient) keycloak.Client {
	t.Helper()
	n.ClientID += "-" + unique()
	ch, err := r.CreateClient(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.DeleteClient(context.Background(), ch.After.ID) })
	return ch.After
}
