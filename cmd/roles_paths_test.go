package cmd

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
)

// rolesRealm is a realm with the story of the way: ann is in /staff/eng, /staff has
// employee, employee contains the client role app:admin; and a service account.
func rolesRealm(t *testing.T, r realRealm) realRealm {
	t.Helper()
	type object = map[string]any
	post := func(path string, body any) {
		t.Helper()
		if status := plainHTTP(t, "POST", r.base+path, r.token(), body, nil); status/100 != 2 {
			t.Fatalf("POST %s: %d", path, status)
		}
	}
	post("/clients", object{"clientId": "robot", "enabled": true, "serviceAccountsEnabled": true, "secret": "x"})
	post("/partialImport", object{"ifResourceExists": "SKIP", "users": []object{{"username": "zoe\u202e", "enabled": true, "realmRoles": []string{"boss"}}}})
	var admin, employee object
	var app []object
	r.must(200, plainHTTP(t, "GET", r.base+"/clients?clientId=app", r.token(), nil, &app))
	uuid := app[0]["id"].(string)
	r.must(200, plainHTTP(t, "GET", r.base+"/clients/"+uuid+"/roles/admin", r.token(), nil, &admin))
	r.must(200, plainHTTP(t, "GET", r.base+"/roles/employee", r.token(), nil, &employee))
	post("/roles/employee/composites", []object{admin})
	post("/clients/"+uuid+"/roles/admin/composites", []object{employee}) // a cycle
	r.run(0, "roles", "grant", "--user", "service-account-robot", "--client", "app", "--role", "admin")
	return r
}

// The tests share a realm, since making one takes seconds; the first one changes
// nothing but what it says.
func TestRealRoleWays(t *testing.T) {
	r := rolesRealm(t, newRealRealm(t))
	for name, run := range map[string]func(*testing.T, realRealm){
		"few rights": rolesUnderFewRights, "cut off": holdersCutOff, "holders": roleHolders,
	} {
		t.Run(name, func(t *testing.T) { r.t = t; run(t, r) })
	}
	t.Run("paths", func(t *testing.T) { r.t = t; rolePaths(t, r) }) // grants a role
}

func rolePaths(t *testing.T, r realRealm) {
	paths := func(code int, args ...string) map[string][][]string {
		t.Helper()
		out := map[string][][]string{}
		for _, role := range decode[[]rolePathsOut](t, "role-paths", r.run(code, append([]string{"roles", "paths", "--json"}, args...)...)) {
			out[role.Role.String()] = role.Paths
		}
		return out
	}
	way := []string{"user ann", "group /staff/eng", "group /staff", "realm role employee", "client role app:admin"}
	got := paths(0, "--user", "ann")
	if len(got) != 3 || len(got["app:admin"]) != 1 || !slices.Equal(got["app:admin"][0], way) || !slices.Equal(got["app:reader"][0], []string{"user ann", "group /staff/eng", "client role app:reader"}) {
		t.Errorf("the roles of ann: %q", got)
	}
	r.run(0, "roles", "grant", "--user", "ann", "--client", "app", "--role", "admin")
	if got = paths(0, "--user", "ann", "--client", "app", "--role", "admin"); len(got["app:admin"]) != 2 || len(got["app:admin"][0]) != 2 || !slices.Equal(got["app:admin"][1], way) {
		t.Errorf("both ways, the shortest first: %q", got)
	}
	if got = paths(0, "--user", "ann", "--role", "admin", "--client", "app", "--max-paths", "1"); len(got["app:admin"]) != 1 {
		t.Errorf("one way: %q", got)
	}
	if x := r.run(0, "roles", "paths", "--user", "ann", "--max-paths", "1"); !strings.Contains(x.stdout, "app:admin\n  user ann > client role app:admin\n  and 1 more way; --max-paths lists more\n") {
		t.Errorf("as text: %s", x.stdout)
	}
	if x := r.run(0, "roles", "paths", "--user", "ann", "--csv"); !strings.Contains(x.stdout, ",app,admin,user ann > client role app:admin\n") || strings.Count(x.stdout, "\n") != 1+2+2+1 {
		t.Errorf("as CSV: %s", x.stdout)
	}
	if got = paths(0, "--group", "/staff/eng"); !slices.Equal(got["app:admin"][0], way[1:]) {
		t.Errorf("the roles of /staff/eng: %q", got)
	}
	for _, flag := range []string{"--service-account", "--client"} {
		if got = paths(0, flag, "robot"); !slices.Equal(got["app:admin"][0], []string{"service account robot", "client role app:admin"}) {
			t.Errorf("%s: %q", flag, got)
		}
	}
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{1, "it is not held in any way", []string{"--user", "ben", "--realm-role", "boss"}},
		{1, "has no such role", []string{"--user", "ben", "--realm-role", "boos"}},
		{1, "realm " + r.name, []string{"--user", "nobody"}},
		{1, "this client has none", []string{"--service-account", "app"}},
		{2, "say whose roles are meant", []string{"--client", "app", "--role", "admin"}},
		{2, "say whose roles are meant", []string{"--realm-role", "boss"}},
		{2, "at least 1", []string{"--user", "ann", "--max-paths", "0"}},
	} {
		x := r.run(c.code, append([]string{"roles", "paths", "--json"}, c.args...)...)
		if !strings.Contains(x.stderr, c.says) {
			t.Errorf("%q says %s", c.args, x.stderr)
		}
	}
	if got = paths(1, "--user", "ann", "--realm-role", "boss", "--realm-role", "employee"); len(got) != 1 {
		t.Errorf("one of two: %q", got)
	}
}

func roleHolders(t *testing.T, r realRealm) {
	holders := func(code int, args ...string) []string {
		t.Helper()
		var out []string
		for _, h := range decode[[]roleHolderOut](t, "role-holder", r.run(code, append([]string{"roles", "holders", "--json"}, args...)...)) {
			if h.Direct != (len(h.Path) == 2 && h.Kind != "everyone") || h.ID == "" {
				t.Errorf("%+v", h)
			}
			out = append(out, strings.Join(h.Path, " > "))
		}
		return out
	}
	want := []string{
		"service account robot > client role app:admin",
		"group /staff > realm role employee > client role app:admin",
		"group /staff/eng > group /staff > realm role employee > client role app:admin",
		"user zoe\u202e > realm role boss > realm role employee > client role app:admin",
		"user ann > group /staff/eng > group /staff > realm role employee > client role app:admin",
	}
	if got := holders(0, "--client", "app", "--role", "admin"); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := holders(0, "--client", "app", "--role", "admin", "--direct"); !slices.Equal(got, want[:1]) {
		t.Errorf("direct: %q", got)
	}
	if got := holders(1, "--realm-role", "odd/role #1"); len(got) != 0 {
		t.Errorf("nobody: %q", got)
	}
	everyone := "realm role default-roles-" + r.name + " > client role account:view-profile"
	if got := holders(0, "--client", "account", "--role", "view-profile"); !slices.Equal(got, []string{everyone}) {
		t.Errorf("everyone: %q", got)
	}
	if got := holders(0, "--client", "account", "--role", "view-profile", "--everyone"); !slices.Contains(got, "service account robot > "+everyone) {
		t.Errorf("everyone, listed: %q", got)
	}
	if x := r.run(0, "roles", "holders", "--client", "app", "--role", "admin"); strings.Contains(x.stdout, "\u202e") || !strings.Contains(x.stdout, "service account") {
		t.Errorf("as text: %s", x.stdout)
	}
	if x := r.run(0, "roles", "holders", "--client", "app", "--role", "admin", "--jsonl"); strings.Count(x.stdout, "\n") != 5 {
		t.Errorf("as JSON lines: %s", x.stdout)
	}
	r.run(2, "roles", "holders", "--realm-role", "employee", "--realm-role", "boss")
	r.run(2, "roles", "holders")
	r.run(1, "roles", "holders", "--realm-role", "no such role")
}

// An account that may see only some of it gets "could not tell" with the right that is
// missing, never "not held" and never "nobody".
func rolesUnderFewRights(t *testing.T, r realRealm) {
	type object = map[string]any
	as := func(name string, rights ...string) realRealm {
		r.must(200, plainHTTP(t, "POST", r.base+"/partialImport", r.token(), object{"users": []object{{"username": name, "enabled": true,
			"email": name + "@acme.example", "emailVerified": true, "firstName": "A", "lastName": "B",
			"credentials": []object{{"type": "password", "value": "pw"}}, "clientRoles": object{"realm-management": rights}}}}, nil))
		x := r
		x.env = []string{"GATEHOUSE_CONFIG=" + configFile(t, "contexts:\n  few:\n    keycloak: {url: '"+r.url+"', auth_realm: '"+r.name+"', username: "+name+", password: pw}\n")}
		return x
	}
	ask := func(x realRealm, code int, says string, args ...string) {
		t.Helper()
		x.t = t
		if got := x.run(code, append([]string{"roles"}, append(args, "--json")...)...); !strings.Contains(got.stderr, says) {
			t.Errorf("%q says %s", args, got.stderr)
		}
	}
	few := as("few-users", "view-users")
	if x := few.run(0, "roles", "paths", "--user", "zoe\u202e", "--realm-role", "boss", "--json"); !strings.Contains(x.stdout, "realm role boss") {
		t.Errorf("a direct realm role is seen with view-users alone: %s", x.stdout)
	}
	if x := few.run(0, "roles", "paths", "--user", "zoe\u202e", "--realm-role", "employee", "--json"); !strings.Contains(x.stdout, `"paths":[]`) || !strings.Contains(x.stdout, "view-realm") {
		t.Errorf("held, and the way is not visible: %s", x.stdout)
	}
	ask(few, 2, "view-clients", "paths", "--user", "ann", "--client", "app", "--role", "admin")
	ask(few, 2, "view-clients", "paths", "--user", "ann")
	noClients := as("few-clients", "view-users", "view-realm")
	ask(noClients, 2, "view-clients", "paths", "--user", "ben", "--client", "app", "--role", "admin")
	ask(noClients, 1, "it is not held in any way", "paths", "--user", "ben", "--realm-role", "employee") // the server's own list of realm roles is whole
	ask(noClients, 2, "view-clients", "holders", "--realm-role", "employee")
	noRealm := as("few-realm", "view-users", "view-clients")
	ask(noRealm, 2, "view-realm", "paths", "--user", "ben", "--client", "app", "--role", "admin")
	ask(noRealm, 2, "view-realm", "holders", "--client", "app", "--role", "admin")
	noUsers := as("few-none", "view-realm", "view-clients")
	ask(noUsers, 2, "view-users", "paths", "--user", "ann")
	ask(noUsers, 2, "view-users", "holders", "--client", "app", "--role", "admin")
}

// A part that does not answer is an error, and what came before it is no whole list.
func holdersCutOff(t *testing.T, r realRealm) {
	target, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	next := httputil.NewSingleHostReverseProxy(target)
	next.ErrorLog = log.New(io.Discard, "", 0) // requests that are stopped when one fails
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/members") {
			http.Error(w, `{"error":"unknown_error"}`, 500)
			return
		}
		next.ServeHTTP(w, req)
	}))
	t.Cleanup(proxy.Close)
	r.env = slices.Concat([]string{"GATEHOUSE_KEYCLOAK_URL=" + proxy.URL}, r.env[1:])
	x := r.run(2, "roles", "holders", "--client", "app", "--role", "admin", "--json")
	if !strings.Contains(x.stdout, "robot") || strings.HasSuffix(strings.TrimSpace(x.stdout), "]") {
		t.Errorf("what was found is there and the array is open: %s", x.stdout)
	}
	if e := x.failure(t); e.Kind != clients.Unreachable {
		t.Errorf("%+v", e)
	}
}
