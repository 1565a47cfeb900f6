package live_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// lab is a realm of its own on the real server, in which tests spoil users and
// clients and log in for real. All tests share one; each works on users and clients
// of its own, so that they may run side by side.
type lab struct {
	info  stack.KeycloakInfo
	admin *keycloak.Server
	realm *keycloak.Realm

	mu       sync.Mutex
	token    string
	until    time.Time
	accounts map[string]*keycloak.Realm
	clerks   map[string]*live.Explainer

	outside   map[string]*keycloak.Server
	strangers []string // ids of the accounts behind it, in the realm master
}

var labs struct {
	sync.Mutex
	shared *lab
	all    []*lab
}

func TestMain(m *testing.M) {
	code := m.Run()
	line, never := proved.report()
	if line != "" {
		fmt.Println(line)
	}
	if len(never) > 0 {
		fmt.Fprintln(os.Stderr, "no row reads back", never)
		code = 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, l := range labs.all {
		if _, err := l.realm.DeleteRealm(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "a realm of the tests is left behind:", err)
			code = 1
		}
		for _, id := range l.strangers {
			if _, err := l.admin.Realm("master").DeleteUser(ctx, id); err != nil {
				fmt.Fprintln(os.Stderr, "an account of the tests is left behind:", err)
				code = 1
			}
		}
		l.admin.Logout(ctx)
	}
	os.Exit(code)
}

// theLab is the shared realm; a test without a real server is skipped.
func theLab(t testing.TB) *lab {
	t.Helper()
	info := stacktest.Keycloak(t)
	labs.Lock()
	defer labs.Unlock()
	if labs.shared == nil {
		l := openLab(t, info)
		l.prepare(t)
		labs.shared = l
	}
	return labs.shared
}

// ownLab is a realm for one test that changes the realm itself.
func ownLab(t testing.TB) *lab {
	t.Helper()
	info := stacktest.Keycloak(t)
	labs.Lock()
	defer labs.Unlock()
	return openLab(t, info)
}

func openLab(t testing.TB, info stack.KeycloakInfo) *lab {
	t.Helper()
	pw, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	s, err := keycloak.New(keycloak.Options{URL: info.URL, Login: keycloak.Login{Username: info.AdminUsername, Password: pw},
		Transport: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	name := "gh-login-" + unique()
	if _, err := s.CreateRealm(context.Background(), keycloak.NewRealm{Name: name}); err != nil {
		t.Fatal(err)
	}
	l := &lab{info: info, admin: s, realm: s.Realm(name), accounts: map[string]*keycloak.Realm{}, clerks: map[string]*live.Explainer{}, outside: map[string]*keycloak.Server{}}
	labs.all = append(labs.all, l)
	l.set(t, "eventsEnabled", true)
	return l
}

func unique() string {
	var b [5]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// set changes settings of the realm, given as pairs.
func (l *lab) set(t testing.TB, pairs ...any) {
	t.Helper()
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	if _, err := l.realm.UpdateRealm(context.Background(), m); err != nil {
		t.Fatal(err)
	}
}

func (l *lab) bearer(t testing.TB) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.until) {
		return l.token
	}
	pw, err := l.info.Password()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := l.admin.Realm("master").PasswordToken(context.Background(), keycloak.ClientAuth{ID: "admin-cli"}, l.info.AdminUsername, pw, "", "")
	if err != nil {
		t.Fatal(err)
	}
	l.token, l.until = tok.Access, time.Now().Add(tok.Life/2)
	return l.token
}

// send talks to the realm's admin API with nothing of ours between.
func (l *lab) send(t testing.TB, method, path string, body any) (int, []byte, http.Header) {
	t.Helper()
	var rd io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		rd = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, strings.TrimSuffix(l.info.URL+"/admin/realms/"+l.realm.Name()+"/"+path, "/"), rd)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+l.bearer(t))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b, res.Header
}

// must makes a call that has to succeed, and decodes what it answers into out.
func (l *lab) must(t testing.TB, method, path string, body, out any) http.Header {
	t.Helper()
	status, b, h := l.send(t, method, path, body)
	if status > 299 {
		t.Fatalf("%s %s: %d %s", method, path, status, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return h
}

// made is the id at the end of a Location.
func made(h http.Header) string {
	loc := h.Get("Location")
	return loc[strings.LastIndexByte(loc, '/')+1:]
}

// patch reads an object, changes it and writes it back whole.
func (l *lab) patch(t testing.TB, path string, change func(map[string]any)) {
	t.Helper()
	var m map[string]any
	l.must(t, "GET", path, nil, &m)
	change(m)
	l.must(t, "PUT", path, m, nil)
}

// as is the realm seen by an account that has just these roles of realm-management.
func (l *lab) as(t testing.TB, roles ...string) *keycloak.Realm {
	t.Helper()
	l.mu.Lock()
	known := l.accounts[strings.Join(roles, " ")]
	l.mu.Unlock()
	if known != nil {
		return known
	}
	ctx := context.Background()
	name := "clerk-" + unique()
	ch, err := l.realm.CreateUser(ctx, keycloak.NewUser{Username: name, Email: name + "@example.org", EmailVerified: true, FirstName: "A", LastName: "Clerk", Password: "pw-clerk"})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		mgmt, err := l.realm.ClientByClientID(ctx, "realm-management")
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.realm.RoleByName(ctx, keycloak.OfClient(mgmt.ID), role)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.realm.Grant(ctx, keycloak.OfUser(ch.After.ID), r); err != nil {
			t.Fatal(err)
		}
	}
	s, err := keycloak.New(keycloak.Options{URL: l.info.URL, Login: keycloak.Login{Realm: l.realm.Name(), Username: name, Password: "pw-clerk"},
		Transport: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accounts[strings.Join(roles, " ")] = s.Realm(l.realm.Name())
	return s.Realm(l.realm.Name())
}

// clerk is an explainer under an account with just these rights. It is shared, so that
// what it remembers of the realm is tried too.
func (l *lab) clerk(t testing.TB, roles ...string) *live.Explainer {
	t.Helper()
	r := l.as(t, roles...)
	l.mu.Lock()
	defer l.mu.Unlock()
	key := strings.Join(roles, " ")
	if l.clerks[key] == nil {
		l.clerks[key] = live.New(r)
	}
	return l.clerks[key]
}

// why asks with a fresh explainer, as the administrator of the whole server.
func (l *lab) why(t testing.TB, a login.Asked) login.Trace { return ask(t, l.admin.Realm(a.Realm), a) }

func ask(t testing.TB, r *keycloak.Realm, a login.Asked) login.Trace {
	t.Helper()
	tr, err := live.New(r).Why(context.Background(), a, nil)
	if err != nil {
		t.Fatalf("why %s: %v", a.Question(), err)
	}
	return tr
}

// account is a user with a password that can log in, made for one test.
func (l *lab) account(t testing.TB) keycloak.User {
	t.Helper()
	name := "u" + unique()
	ch, err := l.realm.CreateUser(context.Background(), keycloak.NewUser{Username: name, Email: name + "@example.org", EmailVerified: true,
		FirstName: "Ann", LastName: "Okafor", Password: "pw-" + name})
	if err != nil {
		t.Fatal(err)
	}
	return ch.After
}

// app is a client that lets people log in by form and by direct grant, made for one test.
func (l *lab) app(t testing.TB, change func(*keycloak.NewClient)) keycloak.Client {
	t.Helper()
	n := keycloak.NewClient{ClientID: "app-" + unique(), DirectAccessGrants: true, ServiceAccounts: true, Secret: "secret-" + unique(),
		RedirectURIs: []string{callback}}
	if change != nil {
		change(&n)
	}
	ch, err := l.realm.CreateClient(context.Background(), n)
	if err != nil {
		t.Fatal(err)
	}
	return ch.After
}

// callback is where the application of the tests takes the code; nobody listens.
const callback = "http://127.0.0.1:9/cb"
