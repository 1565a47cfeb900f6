package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
	"gatehouse/tui/tuitest"
)

// The console over the real servers: keys in at one end, and what a plain HTTP
// client reads from the servers at the other. None of our clients looks here.

// plain is an HTTP client that knows nothing of ours.
type plain struct {
	t     testing.TB
	token string
}

func (p plain) call(method, where string, body any) (int, []byte) {
	p.t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			p.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, where, in)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, b
}

// must is call with a status that is expected, and the answer decoded.
func (p plain) must(status int, method, where string, body, out any) {
	p.t.Helper()
	got, b := p.call(method, where, body)
	if got != status {
		p.t.Fatalf("%s %s: %d, want %d: %s", method, where, got, status, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			p.t.Fatalf("%s %s: %v: %s", method, where, err, b)
		}
	}
}

// keycloakAdmin is a plain client with an administrator's token.
func keycloakAdmin(t testing.TB, k stack.KeycloakInfo) plain {
	t.Helper()
	pw, err := k.Password()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.PostForm(k.URL+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {k.AdminUsername}, "password": {pw}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var tok struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&tok); err != nil || tok.AccessToken == "" {
		t.Fatalf("no token: %s %v", resp.Status, err)
	}
	return plain{t, tok.AccessToken}
}

// consoleOver opens the whole console on an emulated terminal.
func consoleOver(t *testing.T, info stack.Info, realms ...string) *tuitest.Term {
	t.Helper()
	conf, err := config.Load(config.Options{Path: info.Config})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := conf.Context(info.Name)
	if err != nil {
		t.Fatal(err)
	}
	chosen.Keycloak.Realms = realms
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	g := newGlobals(World{Now: time.Now})
	s := tuitest.Open(t, newConsole(ctx, newBackends(chosen)).app(ctx, g), tuitest.Size(130, 36), tuitest.Patience(30*time.Second))
	s.Want("What would you like to know?", "● kratos", "● keto", "● keycloak")
	return s
}

// go takes the palette to a place.
func goTo(s *tuitest.Term, line string) {
	s.Press(":")
	s.Want("where to, or what to do?")
	s.Type(line)
	s.Press("enter")
}

func unique(t testing.TB) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, t.Name())) + fmt.Sprintf("%x", time.Now().UnixNano()&0xffffff)
}

func until(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not become so: %s", what)
		}
	}
}

func TestConsoleWritesTuples(t *testing.T) {
	info := stacktest.All(t)
	p, object := plain{t: t}, "console-"+unique(t)
	stored := func() []string {
		var page struct {
			Tuples []struct {
				Relation string `json:"relation"`
				Subject  string `json:"subject_id"`
				Set      *struct{ Namespace, Object, Relation string }
			} `json:"relation_tuples"`
		}
		p.must(200, "GET", info.Keto.ReadURL+"/relation-tuples?namespace=Group&object="+object, nil, &page)
		var out []string
		for _, t := range page.Tuples {
			out = append(out, t.Relation+"@"+t.Subject)
		}
		slices.Sort(out)
		return out
	}
	now := func(want ...string) {
		t.Helper()
		until(t, fmt.Sprintf("Group:%s holds %q, has %q", object, want, stored()), func() bool { return slices.Equal(stored(), want) })
	}
	t.Cleanup(func() {
		p.call("DELETE", info.Keto.WriteURL+"/admin/relation-tuples?namespace=Group&object="+object, nil)
	})

	s := consoleOver(t, info)
	goTo(s, "tuples Group:"+object)
	s.Want("No relation tuple matches Group:" + object)
	for _, row := range []struct {
		name string
		keys func()
		want []string
	}{
		{"add", func() { addTuple(s, "Group:"+object+"#members@ann") }, []string{"members@ann"}},
		{"add another", func() { addTuple(s, "Group:"+object+"#members@ben") }, []string{"members@ann", "members@ben"}},
		{"undo the newest", func() { s.Press("u"); s.Want("- Group:" + object + "#members@ben"); s.Press("y") }, []string{"members@ann"}},
		{"add it again", func() { addTuple(s, "Group:"+object+"#members@ben") }, []string{"members@ann", "members@ben"}},
		{"remove the marked", func() {
			s.Press("home", "space", "space", "x")
			s.Want("Remove 2 relation tuples?")
			s.Press("y")
			s.Want("removed 2 relation tuples")
		}, nil},
		{"undo the removal", func() { s.Press("u"); s.Want("+ Group:" + object + "#members@ann"); s.Press("y") }, []string{"members@ann", "members@ben"}},
		{"refuse what Keto would store in silence", func() {
			s.Press("a", "ctrl+u")
			s.Want("relation tuple")
			s.Type("Group:" + object + "#member@zoe")
			s.Press("enter")
			s.Want(`did you mean`, "members")
			s.Press("esc")
			if strings.Contains(s.Screen(), "leave") {
				s.Press("y")
			}
		}, []string{"members@ann", "members@ben"}},
	} {
		row.keys()
		t.Log(row.name)
		now(row.want...)
	}
}

func addTuple(s *tuitest.Term, text string) {
	s.Press("a")
	s.Want("relation tuple *")
	s.Press("ctrl+u")
	s.Type(text)
	s.Press("enter")
	s.Want("Add this relation tuple?", "+ "+text)
	s.Press("y")
	s.Want("added " + text)
}

func TestConsoleAsks(t *testing.T) {
	info := stacktest.All(t)
	p, object := plain{t: t}, "console-"+unique(t)
	p.must(201, "PUT", info.Keto.WriteURL+"/admin/relation-tuples", map[string]string{"namespace": "Group", "object": object, "relation": "members", "subject_id": "ann"}, nil)
	t.Cleanup(func() {
		p.call("DELETE", info.Keto.WriteURL+"/admin/relation-tuples?namespace=Group&object="+object, nil)
	})
	s := consoleOver(t, info)
	goTo(s, "check Group:"+object+"#members@ann")
	s.Want("✓ ALLOWED")
	s.Press("l")
	s.Want("live")
	p.must(204, "DELETE", info.Keto.WriteURL+"/admin/relation-tuples?namespace=Group&object="+object+"&relation=members&subject_id=ann", nil, nil)
	s.Want("✗ DENIED", "it was allowed") // by itself
}

func TestConsoleWritesRoleMappings(t *testing.T) {
	info := stacktest.All(t)
	p, realm := keycloakAdmin(t, info.Keycloak), "console-"+unique(t)
	base := info.Keycloak.URL + "/admin/realms"
	p.must(201, "POST", base, map[string]any{"realm": realm, "enabled": true, "components": smallKeys,
		"users":  []any{map[string]any{"username": "ben", "enabled": true, "email": "ben@example.org", "firstName": "Ben", "lastName": "A", "groups": []string{"/staff"}}},
		"groups": []any{map[string]any{"name": "staff", "realmRoles": []string{"employee"}}},
		"roles": map[string]any{"realm": []any{map[string]any{"name": "employee"}, map[string]any{"name": "examiner"}},
			"client": map[string]any{"flaskClient": []any{map[string]any{"name": "admin"}, map[string]any{"name": "editor"}}}},
		"clients": []any{map[string]any{"clientId": "flaskClient", "enabled": true}}}, nil)
	t.Cleanup(func() { keycloakAdmin(t, info.Keycloak).call("DELETE", base+"/"+realm, nil) })
	var users []struct{ ID string }
	p.must(200, "GET", base+"/"+realm+"/users?username=ben&exact=true", nil, &users)
	held := func() []string {
		var m struct {
			Realm   []struct{ Name string }                               `json:"realmMappings"`
			Clients map[string]struct{ Mappings []struct{ Name string } } `json:"clientMappings"`
		}
		keycloakAdmin(t, info.Keycloak).must(200, "GET", base+"/"+realm+"/users/"+users[0].ID+"/role-mappings", nil, &m)
		var out []string
		for _, r := range m.Realm {
			out = append(out, r.Name)
		}
		for client, c := range m.Clients {
			for _, r := range c.Mappings {
				out = append(out, client+":"+r.Name)
			}
		}
		slices.Sort(out)
		return out
	}
	start := held()
	now := func(plus ...string) {
		t.Helper()
		want := append(slices.Clone(start), plus...)
		slices.Sort(want)
		until(t, fmt.Sprintf("ben holds %q, has %q", want, held()), func() bool { return slices.Equal(held(), want) })
	}

	s := consoleOver(t, info, realm)
	goTo(s, "users")
	s.Want("ben@example.org")
	s.Press("r")
	s.Want("roles of ben", "employee", "inherited", "/staff")
	grant := func(container string, roles ...string) {
		s.Press("a")
		s.Want("of which client?", container)
		s.Type(container)
		s.Press("enter")
		s.Want("Which roles should ben get?", roles[0])
		for _, r := range roles {
			s.Type(r)
			s.Press("tab")
			for range r {
				s.Press("backspace")
			}
		}
		s.Press("enter")
		s.Want("Grant ", roles[0])
		s.Press("y")
		s.Want("u undoes it")
	}
	for _, row := range []struct {
		name string
		keys func()
		want []string
	}{
		{"grant a realm role", func() { grant("realm roles", "examiner") }, []string{"examiner"}},
		{"grant two client roles", func() { grant("flaskClient", "admin", "editor") }, []string{"examiner", "flaskClient:admin", "flaskClient:editor"}},
		{"undo", func() { s.Press("u"); s.Want("- flaskClient:admin"); s.Press("y"); s.Want("undone") }, []string{"examiner"}},
		{"an inherited role cannot be revoked here", func() {
			s.Type("/employee")
			s.Press("enter")
			s.Want("1 match")
			s.Press("x")
			s.Want("ben holds employee only through /staff")
			s.Press("esc")
		}, []string{"examiner"}},
		{"revoke", func() {
			s.Type("/examiner")
			s.Press("enter")
			s.Want("1 match")
			s.Press("x")
			s.Want("Revoke 1 role", "- examiner")
			s.Press("y")
			s.Want("u undoes it")
		}, nil},
		{"undo the revocation", func() { s.Press("u"); s.Want("+ examiner"); s.Press("y"); s.Want("undone") }, []string{"examiner"}},
	} {
		t.Log(row.name)
		row.keys()
		now(row.want...)
	}
}
