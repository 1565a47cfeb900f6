package cmd

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/stack/stacktest"
)

// realRealm is a realm of its own on the running Keycloak.
type realRealm struct {
	t    testing.TB
	base string // …/admin/realms/NAME
	name string
	env  []string
	user string // name and password of the administrator
	pass string
	url  string
}

func newRealRealm(t testing.TB) realRealm {
	info := stacktest.Keycloak(t)
	pass, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	r := realRealm{t: t, name: uniq("cmd-"), user: info.AdminUsername, pass: pass, url: info.URL}
	r.base = info.URL + "/admin/realms/" + r.name
	r.env = []string{"GATEHOUSE_KEYCLOAK_URL=" + info.URL, "GATEHOUSE_KEYCLOAK_USERNAME=" + r.user, "GATEHOUSE_KEYCLOAK_PASSWORD=" + pass}
	type object = map[string]any
	r.must(201, plainHTTP(t, "POST", info.URL+"/admin/realms", r.token(), object{
		"realm": r.name, "enabled": true, "components": smallKeys,
		"roles": object{
			"realm":  []object{{"name": "employee", "description": "Works here"}, {"name": "boss", "composite": true, "composites": object{"realm": []string{"employee"}}}, {"name": "odd/role #1"}},
			"client": object{"app": []object{{"name": "admin"}, {"name": "reader"}}},
		},
		"clients": []object{{"clientId": "app", "enabled": true}},
		"groups":  []object{{"name": "staff", "realmRoles": []string{"employee"}, "subGroups": []object{{"name": "eng", "clientRoles": object{"app": []string{"reader"}}}}}},
		"users": []object{
			{"username": "ann", "email": "ann@acme.example", "firstName": "Ann\u202e", "lastName": "Okafor", "enabled": true, "groups": []string{"/staff/eng"}},
			{"username": "ben", "email": "ben@acme.example", "enabled": false, "requiredActions": []string{"UPDATE_PASSWORD"}},
		},
	}, nil))
	t.Cleanup(func() { plainHTTP(t, "DELETE", r.base, r.token(), nil, nil) })
	return r
}

// smallKeys sign the tokens of a test's realm: the keys that Keycloak makes by itself
// take it longer than all the rest of a realm.
var smallKeys = map[string]any{"org.keycloak.keys.KeyProvider": []map[string]any{
	{"name": "rsa", "providerId": "rsa-generated", "config": map[string]any{"keySize": []string{"1024"}, "priority": []string{"100"}}},
	{"name": "hmac", "providerId": "hmac-generated", "config": map[string]any{"algorithm": []string{"HS512"}, "priority": []string{"100"}}},
	{"name": "aes", "providerId": "aes-generated", "config": map[string]any{"priority": []string{"100"}}},
}}

func (r realRealm) must(want, got int) {
	r.t.Helper()
	if want != got {
		r.t.Fatalf("Keycloak answered %d, want %d", got, want)
	}
}

// token is fetched each time: it lives a minute.
func (r realRealm) token() string {
	resp, err := http.PostForm(r.url+"/realms/master/protocol/openid-connect/token",
		url.Values{"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {r.user}, "password": {r.pass}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		r.t.Fatal(err)
	}
	return out.Token
}

func (r realRealm) run(code int, args ...string) ran {
	r.t.Helper()
	return gatehouse(r.t, r.env, append(args, "--realm", r.name)...).want(r.t, code)
}

// mapped are the roles that Keycloak itself has mapped directly, sorted.
func (r realRealm) mapped(path string) []string {
	r.t.Helper()
	type role struct {
		Name string `json:"name"`
	}
	var m struct {
		Realm   []role `json:"realmMappings"`
		Clients map[string]struct {
			Mappings []role `json:"mappings"`
		} `json:"clientMappings"`
	}
	r.must(200, plainHTTP(r.t, "GET", r.base+path+"/role-mappings", r.token(), nil, &m))
	out := []string{}
	for _, x := range m.Realm {
		if !strings.HasPrefix(x.Name, "default-roles-") {
			out = append(out, x.Name)
		}
	}
	for client, c := range m.Clients {
		for _, x := range c.Mappings {
			out = append(out, client+":"+x.Name)
		}
	}
	slices.Sort(out)
	return out
}

func TestRealKeycloak(t *testing.T) {
	r := newRealRealm(t) // takes seconds, so that the verbs share it
	t.Run("users", func(t *testing.T) { r.t = t; r.users(t) })
	t.Run("roles", func(t *testing.T) { r.t = t; r.roles(t) })
	t.Run("lost answers", func(t *testing.T) { r.t = t; r.lostAnswers(t) })
}

func (r realRealm) users(t *testing.T) {
	list := decode[[]userOut](t, "user", r.run(0, "users", "list", "--json"))
	if len(list) != 2 || list[0].Username != "ann" || !list[0].Enabled || list[1].Enabled {
		t.Errorf("list %+v", list)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--search", "okaf"}, []string{"ann"}}, {[]string{"--state", "disabled"}, []string{"ben"}}, {[]string{"--username", "en"}, []string{"ben"}},
		{[]string{"--email", "acme"}, []string{"ann", "ben"}}, {[]string{"--limit", "1"}, []string{"ann"}}, {[]string{"--search", "nobody"}, nil},
	} {
		var got []string
		for _, u := range decode[[]userOut](t, "user", r.run(0, append([]string{"users", "list", "--json"}, c.args...)...)) {
			got = append(got, u.Username)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.args, got, c.want)
		}
	}
	for _, name := range []string{"ann", "ANN", "ann@acme.example", list[0].ID} {
		got := decode[userOut](t, "user", r.run(0, "users", "get", name, "--json"))
		if got.ID != list[0].ID || !slices.Equal(got.Groups, []string{"/staff/eng"}) || got.Lock == nil {
			t.Errorf("get %s: %+v", name, got)
		}
	}
	if got := decode[userOut](t, "user", r.run(0, "users", "get", "ben", "--json")); !slices.Equal(got.RequiredActions, []string{"UPDATE_PASSWORD"}) || got.Enabled {
		t.Errorf("ben %+v", got)
	}
	if text := r.run(0, "users", "get", "ann").stdout; strings.Contains(text, "\u202e") || !strings.Contains(text, "Okafor") {
		t.Errorf("plain text %q", text)
	}
	r.run(1, "users", "get", "nobody")
	gatehouse(t, r.env, "users", "list", "--realm", "no-such-realm").want(t, 1)
}

func (r realRealm) roles(t *testing.T) {
	ann := decode[userOut](t, "user", r.run(0, "users", "get", "ann", "--json"))
	at := "/users/" + ann.ID
	same := func(got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Fatalf("mapped %q, want %q", got, want)
		}
	}
	outcomes := func(x ran) map[string]string {
		t.Helper()
		out := map[string]string{}
		for _, c := range decode[[]roleChange](t, "role-change", x) {
			out[c.roleName.String()] = c.Outcome
		}
		return out
	}
	roles := []string{"--realm-role", "boss", "--realm-role", "odd/role #1", "--client", "app", "--role", "admin", "--role", "reader"}
	grant := append([]string{"roles", "grant", "--user", "ann", "--json"}, roles...)

	r.run(0, append(grant, "--dry-run")...)
	same(r.mapped(at))
	r.run(2, append(grant, "--read-only")...)
	same(r.mapped(at))
	if got := outcomes(r.run(0, grant...)); len(got) != 4 || got["boss"] != "done" || got["app:admin"] != "done" {
		t.Errorf("grant: %v", got)
	}
	same(r.mapped(at), "app:admin", "app:reader", "boss", "odd/role #1")
	if got := outcomes(r.run(0, grant...)); got["boss"] != "unchanged" || got["app:admin"] != "unchanged" {
		t.Errorf("grant again: %v", got)
	}

	held := map[string]string{}
	for _, role := range decode[[]roleOut](t, "role", r.run(0, "roles", "list", "--user", "ann", "--json")) {
		held[role.roleName.String()] = role.Mapping
	}
	for role, want := range map[string]string{"boss": "direct", "app:admin": "direct", "app:reader": "direct", "employee": "inherited"} {
		if held[role] != want {
			t.Errorf("%s is %q, want %q; all: %v", role, held[role], want, held)
		}
	}
	if got := decode[[]roleOut](t, "role", r.run(0, "roles", "list", "--user", "ann", "--client", "app", "--json")); len(got) != 2 {
		t.Errorf("of the client: %+v", got)
	}

	// A revoke takes what is named and nothing else: without a body Keycloak would
	// remove every mapping.
	x := r.run(0, "roles", "revoke", "--user", "ann", "--client", "app", "--role", "reader", "--json")
	if c := decode[[]roleChange](t, "role-change", x); len(c) != 1 || c[0].Outcome != "done" || !slices.Contains(c[0].HeldBy, "group /staff/eng") {
		t.Errorf("revoke: %s", x.stdout)
	}
	same(r.mapped(at), "app:admin", "boss", "odd/role #1")
	if got := outcomes(r.run(1, "roles", "revoke", "--user", "ann", "--client", "app", "--role", "reader", "--realm-role", "odd/role #1", "--json")); got["app:reader"] != "absent" || got["odd/role #1"] != "done" {
		t.Errorf("revoke again: %v", got)
	}
	same(r.mapped(at), "app:admin", "boss")

	var group struct {
		ID string `json:"id"`
	}
	r.must(200, plainHTTP(t, "GET", r.base+"/group-by-path/staff/eng", r.token(), nil, &group))
	r.run(0, "roles", "grant", "--group", "/staff/eng", "--role", "admin", "--client", "app")
	same(r.mapped("/groups/"+group.ID), "app:admin", "app:reader")
	r.run(0, "roles", "revoke", "--group", "staff/eng", "--client", "app", "--role", "admin")
	same(r.mapped("/groups/"+group.ID), "app:reader")

	r.run(2, "roles", "grant", "--user", "ann", "--realm-role", "no-such-role")
	r.run(2, "roles", "grant", "--user", "nobody", "--realm-role", "boss")
	r.run(2, "roles", "grant", "--user", "ann", "--client", "no-such-client", "--role", "x")
	r.run(1, "roles", "list", "--user", "nobody")
	if got := decode[[]roleOut](t, "role", r.run(0, "roles", "list", "--json")); len(got) < 3 {
		t.Errorf("realm roles %+v", got)
	}
	if got := decode[[]roleOut](t, "role", r.run(0, "roles", "list", "--client", "app", "--json")); len(got) != 2 {
		t.Errorf("client roles %+v", got)
	}
}

// A grant or revoke whose answer is lost on the way is looked up and told as it is.
func (r realRealm) lostAnswers(t *testing.T) {
	target, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		forward bool
		code    int
		outcome string
		mapped  []string
	}{{"it happened", true, 0, "done", []string{"boss"}}, {"it did not", false, 2, "unknown", []string{}}} {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			proxy := httptest.NewServer(losing(httputil.NewSingleHostReverseProxy(target), c.forward, func(req *http.Request) bool {
				return req.Method == "POST" && strings.Contains(req.URL.Path, "/role-mappings/")
			}))
			t.Cleanup(proxy.Close)
			r.env = slices.Concat([]string{"GATEHOUSE_KEYCLOAK_URL=" + proxy.URL}, r.env[1:])
			ben := decode[userOut](t, "user", r.run(0, "users", "get", "ben", "--json"))
			x := r.run(c.code, "roles", "grant", "--user", "ben", "--realm-role", "boss", "--json")
			if !strings.Contains(x.stdout, `"outcome":"`+c.outcome+`"`) {
				t.Errorf("stdout %q", x.stdout)
			}
			if c.code == 2 {
				if e := x.failure(t); e.Kind != clients.UnknownOutcome {
					t.Errorf("%+v", e)
				}
			}
			if got := r.mapped("/users/" + ben.ID); !slices.Equal(got, c.mapped) {
				t.Errorf("mapped %q, want %q", got, c.mapped)
			}
			gatehouse(t, r.env, "roles", "revoke", "--realm", r.name, "--user", "ben", "--realm-role", "boss")
		})
	}
}

// losing cuts the answer to some requests off, after they were carried out or before.
func losing(next http.Handler, forward bool, which func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !which(req) {
			next.ServeHTTP(w, req)
			return
		}
		if forward {
			next.ServeHTTP(httptest.NewRecorder(), req)
		}
		cut(w)
	})
}

// Every server says its version.
func TestRealVersions(t *testing.T) {
	all := stacktest.All(t)
	pass, err := all.Keycloak.Password()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"GATEHOUSE_KRATOS_ADMIN_URL=" + all.Kratos.AdminURL, "GATEHOUSE_KETO_READ_URL=" + all.Keto.ReadURL,
		"GATEHOUSE_KEYCLOAK_URL=" + all.Keycloak.URL, "GATEHOUSE_KEYCLOAK_USERNAME=" + all.Keycloak.AdminUsername, "GATEHOUSE_KEYCLOAK_PASSWORD=" + pass}
	v := decode[versionInfo](t, "version", gatehouse(t, env, "version", "--servers", "--json").want(t, 0))
	if len(v.Servers) != 3 {
		t.Fatalf("%+v", v)
	}
	for i, want := range []string{all.Kratos.Version, all.Keto.Version, all.Keycloak.Version} {
		if v.Servers[i].Version != want || v.Servers[i].Error != "" {
			t.Errorf("%+v, want %s", v.Servers[i], want)
		}
	}
}
