package cmd

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// demoRealm is a realm of its own with a context that names nothing else.
type demoRealm struct {
	realRealm
	env []string
}

func newDemoRealm(t testing.TB, more map[string]any) demoRealm {
	t.Helper()
	info := stacktest.Keycloak(t)
	pass, err := info.Password()
	if err != nil {
		t.Fatal(err)
	}
	r := realRealm{t: t, name: uniq("demo-"), user: info.AdminUsername, pass: pass, url: info.URL}
	r.base = info.URL + "/admin/realms/" + r.name
	body := map[string]any{"realm": r.name, "enabled": true, "sslRequired": "none", "components": smallKeys}
	for k, v := range more {
		body[k] = v
	}
	r.must(http.StatusCreated, plainHTTP(t, http.MethodPost, info.URL+"/admin/realms", r.token(), body, nil))
	t.Cleanup(func() { plainHTTP(t, http.MethodDelete, r.base, r.token(), nil, nil) })
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	text := "contexts:\n  own:\n    keycloak:\n      url: " + info.URL + "\n      username: " + r.user + "\n      password: " + pass + "\n      realms: [" + r.name + "]\ncurrent: own\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return demoRealm{r, []string{"GATEHOUSE_CONFIG=" + file, "HOME=" + t.TempDir()}}
}

// seed runs demo seed and gives its steps by outcome.
func (r demoRealm) seed(args ...string) map[seeding.Outcome][]string {
	r.t.Helper()
	args = append([]string{"demo", "seed", "--json", "--timeout", "60s"}, args...)
	by := map[seeding.Outcome][]string{}
	for _, s := range decode[[]seeding.Step](r.t, "demo-seeded", gatehouse(r.t, r.env, args...).want(r.t, exitYes)) {
		if s.Server != "keycloak" {
			r.t.Errorf("the context has Keycloak alone: %+v", s)
		}
		by[s.Outcome] = append(by[s.Outcome], s.What)
	}
	return by
}

// check runs demo check and gives what it says of Keycloak, by state.
func (r demoRealm) check(args ...string) map[string][]server.Finding {
	r.t.Helper()
	args = append([]string{"demo", "check", "--json", "--timeout", "60s"}, args...)
	by := map[string][]server.Finding{}
	for _, f := range decode[[]server.Finding](r.t, "demo-finding", gatehouse(r.t, r.env, args...).want(r.t, exitNo)) {
		if f.Server == "keycloak" {
			by[f.State] = append(by[f.State], f)
		}
	}
	return by
}

type wireWebClient struct {
	ID        string            `json:"id"`
	Enabled   bool              `json:"enabled"`
	Redirects []string          `json:"redirectUris"`
	Attrs     map[string]string `json:"attributes"`
	Mappers   []struct {
		Config map[string]string `json:"config"`
	} `json:"protocolMappers"`
}

func (r demoRealm) webClient() wireWebClient {
	r.t.Helper()
	var list []wireWebClient
	r.must(http.StatusOK, plainHTTP(r.t, http.MethodGet, r.base+"/clients?clientId="+seeding.WebClientID, r.token(), nil, &list))
	if len(list) != 1 {
		r.t.Fatalf("%d clients", len(list))
	}
	return list[0]
}

func says(list []server.Finding, text string) bool {
	return slices.ContainsFunc(list, func(f server.Finding) bool { return strings.Contains(f.What+" -> "+f.Do, text) })
}

// TestDemoSeedMakesTheWebApplicationsClient goes from an empty realm to one that lacks
// nothing, breaks it, and mends it: each step is told, and what others entered stays.
func TestDemoSeedMakesTheWebApplicationsClient(t *testing.T) {
	t.Parallel()
	r := newDemoRealm(t, nil)
	if by := r.check(); !says(by[server.Lacking], "there is no client flaskClient -> gatehouse demo seed --accounts story --app-url http://127.0.0.1:4480") {
		t.Errorf("%+v", by)
	}
	if by := r.seed("--accounts", "story", "--dry-run"); len(by) != 1 || !slices.Equal(by[seeding.Missing], []string{"client flaskClient"}) {
		t.Errorf("dry run: %v", by)
	}
	if by := r.seed("--accounts", "story"); len(by) != 1 || len(by[seeding.Made]) != 3 { // client, role, mapper
		t.Errorf("first: %v", by)
	}
	if by := r.seed("--accounts", "story", "--app-url", "http://127.0.0.1:9999"); len(by) != 1 || len(by[seeding.Same]) != 3 {
		t.Errorf("again, on another port: %v", by)
	}
	by := r.check("--listen", "127.0.0.1:7777")
	if len(by[server.Lacking]) != 1 || !says(by[server.Lacking], "nobody has the role admin of the client, so that /admin lets nobody in -> gatehouse roles grant --realm "+r.name+" --user NAME --client flaskClient --role admin") || len(by[server.Unknown]) != 0 {
		t.Errorf("%+v", by)
	}

	c := r.webClient()
	r.must(http.StatusNoContent, plainHTTP(t, http.MethodPut, r.base+"/clients/"+c.ID, r.token(), map[string]any{"clientId": seeding.WebClientID, "enabled": false,
		"redirectUris": []string{"https://own.example/cb"}, "attributes": map[string]string{"post.logout.redirect.uris": "https://own.example/##https://own.example/bye"}}, nil))
	for _, want := range []string{"it is disabled", "after a login it may not send people back to http://127.0.0.1:4480/s/kc-web/oauth/login/callback",
		"after a logout it may not send people back to http://127.0.0.1:4480/s/kc-web/"} {
		if by := r.check(); !says(by[server.Lacking], want) {
			t.Errorf("check does not say %q: %+v", want, by)
		}
	}
	if by := r.seed("--accounts", "story", "--dry-run"); len(by[seeding.Differs]) != 1 || r.webClient().Enabled {
		t.Errorf("dry run: %v", by)
	}
	if by := r.seed("--accounts", "story"); len(by[seeding.Changed]) != 1 {
		t.Errorf("mended: %v", by)
	}
	c = r.webClient()
	if !c.Enabled || !slices.Contains(c.Redirects, "https://own.example/cb") || len(c.Redirects) != 3 ||
		!strings.HasPrefix(c.Attrs["post.logout.redirect.uris"], "https://own.example/##https://own.example/bye##http://127.0.0.1/") {
		t.Errorf("%+v", c)
	}

	seeds := r.seed()
	if len(seeds[seeding.Made]) != 8 { // the role user, four people, three role mappings
		t.Errorf("accounts seeds: %v", seeds)
	}
	if by := r.seed(); len(by) != 1 || len(by[seeding.Same]) != 11 {
		t.Errorf("accounts seeds again: %v", by)
	}
	if by := r.check(); len(by[server.Lacking])+len(by[server.Unknown]) != 0 || len(by[server.Fine]) != 6 || !says(by[server.Fine], "held: by alice") {
		t.Errorf("%+v", by)
	}
	if by := r.check("--public-url", "https://demo.example.com"); len(by[server.Lacking]) != 2 {
		t.Errorf("an address that was not entered: %+v", by)
	}
}

// TestDemoSeedKeepsTheStorysFault: in the story's realm the missing mapper is what a
// ticket is about, so that the story's accounts leave it alone.
func TestDemoSeedKeepsTheStorysFault(t *testing.T) {
	t.Parallel()
	st, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	for _, c := range st.Keycloak.Clients {
		list = append(list, map[string]any{"clientId": c.ClientID, "enabled": true, "standardFlowEnabled": true, "redirectUris": c.RedirectURIs, "attributes": c.Attributes})
	}
	r := newDemoRealm(t, map[string]any{"clients": list})
	if by := r.seed("--accounts", "story"); len(by[seeding.Kept]) != 1 || len(by[seeding.Changed]) != 1 || len(by[seeding.Made]) != 1 {
		t.Errorf("%v", by)
	}
	if by := r.check(); !says(by[server.Lacking], "no mapper writes the client's roles into the ID token") {
		t.Errorf("%+v", by)
	}
	if by := r.seed(); len(by[seeding.Changed]) != 1 || len(by[seeding.Kept]) != 0 {
		t.Errorf("%v", by)
	}
	if c := r.webClient(); len(c.Mappers) != 0 {
		t.Errorf("the client was given a mapper of its own: %+v", c.Mappers)
	}
	if by := r.check(); len(by[server.Lacking])+len(by[server.Unknown]) != 0 {
		t.Errorf("%+v", by)
	}
}
