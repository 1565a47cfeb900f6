package demo_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
)

// mode is a way in which the server can be run.
type mode struct {
	name   string
	change func(*gate.Env)
}

func (m mode) seeds() bool { return strings.HasPrefix(m.name, "seeds") }

// modes are all of them that change what is decided.
var modes = []mode{
	{"default", func(*gate.Env) {}},
	{"strict", func(e *gate.Env) { e.Strict = true }},
	{"seeds", func(e *gate.Env) { e.Accounts = gate.Seeds }},
	{"seeds strict", func(e *gate.Env) { e.Accounts, e.Strict = gate.Seeds, true }},
	{"seeds by id", func(e *gate.Env) { e.Accounts, e.Subject = gate.Seeds, gate.SubjectID }},
	{"subject email", func(e *gate.Env) { e.Subject = gate.SubjectEmail }},
	{"subject seed", func(e *gate.Env) { e.Subject = gate.SubjectSeed }},
	{"trust headers", func(e *gate.Env) { e.TrustProxyHeaders = true }},
	{"insecure http", func(e *gate.Env) { e.InsecureHTTP = true }},
}

// account is somebody who may log in to a system that keeps accounts: the name, the
// password. Not every system has the same people in every mode.
func (m mode) account(system string) (name, password string) {
	if !m.seeds() {
		return demotest.WorldUser, demotest.WorldPassword
	}
	switch system {
	case "form-login":
		return "admin", "password"
	case "flask-jwt", "flask-jwt-refresh":
		return "user1", "abcxyz"
	case "fl-session", "fl-timeout", "eve-roles", "eve-bcrypt", "eve-token", "eve-hmac":
		return "alice", "secret"
	}
	return "admin", "secret"
}

// hole is one of the holes of the originals that really work, and its attack.
type hole struct {
	number int
	name   string
	// try attacks; it reports each place where the attack works, and fails the test
	// where what is right does not work either.
	try func(t *testing.T, m mode, s *demotest.Site) (open []string)
	// shown are the modes that exist to show it; they must warn.
	shown []string
	// warns is the system that warns there.
	warns []string
}

// TestHoles tries each of the 16 holes against every mode of the server: it is closed
// in each but in those that exist to show it, which say so on the page, in the list of
// systems and in the log.
func TestHoles(t *testing.T) {
	w := demotest.NewWorld(t)
	var table []string
	defer func() {
		head := fmt.Sprintf("%-36s", "hole")
		for _, m := range modes {
			head += fmt.Sprintf(" %-13s", m.name)
		}
		t.Log("\n" + head + "\n" + strings.Join(table, "\n"))
	}()
	for _, h := range holes {
		row := fmt.Sprintf("%2d %-33s", h.number, h.name)
		t.Run(fmt.Sprintf("%02d %s", h.number, h.name), func(t *testing.T) {
			for _, m := range modes {
				t.Run(m.name, func(t *testing.T) {
					s := w.Site(t, nil, m.change)
					open := h.try(t, m, s)
					result := "closed"
					if show := slices.Contains(h.shown, m.name); show != (len(open) > 0) {
						t.Errorf("open: %q; the mode is there to show it: %v", open, show)
						result = "WRONG"
					} else if show {
						checkWarned(t, s, h.warns)
						result = "shown, warns"
					}
					row += fmt.Sprintf(" %-13s", result)
				})
			}
		})
		table = append(table, row)
	}
	if len(holes) != 16 {
		t.Errorf("%d holes", len(holes))
	}
}

// checkWarned holds a site to its duty to warn of what it shows.
func checkWarned(t *testing.T, s *demotest.Site, systems []string) {
	t.Helper()
	for _, id := range systems {
		sys := s.System(t, id)
		if len(sys.Warn) == 0 {
			t.Fatalf("%s does not warn", id)
		}
		if log := s.Log.String(); !strings.Contains(log, `"msg":"unsafe on purpose","system":"`+id+`"`) || !strings.Contains(log, `"level":"WARN"`) {
			t.Errorf("%s: the log does not warn", id)
		}
		b := s.Browser(t)
		b.Cookies[gate.KratosCookie] = demotest.VictimSession
		warned := false
		for _, r := range sys.Routes {
			if r.Method == http.MethodGet {
				a := b.Ask(http.MethodGet, demotest.PathOf(id, r), "")
				warned = warned || strings.Contains(a.Body, `<p class="warn">Warning: `)
				if a.Header.Get("X-Gatehouse-Warning") == "" {
					t.Errorf("%s %s: no header warns", id, r.Path)
				}
			}
		}
		json := strings.HasPrefix(id, "eve-") || id == "oathkeeper" || id == "ory-oathkeeper"
		if !warned && !json { // APIs have no page; theirs is the index
			t.Errorf("%s: no page warns", id)
		}
		if a := b.Open("/"); !strings.Contains(a.Body, `<p class="warn">Warning: `) {
			t.Errorf("%s: the index does not warn", id)
		}
	}
}

func basicAuth(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func loginBody(name, password string) string { return form("username", name, "password", password) }

func jsonLogin(name, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, name, password)
}

// inside is a page of a system that says whether somebody is logged in, and a word
// that stands there only then.
var inside = map[string]struct{ path, word string }{
	"kc-web": {"/admin", "This page requires admin role"}, "okta-oidc": {"/dashboard", "Welcome, "}, "social-fb": {"/", "Hi, "}, "social-tw": {"/", "Hi, "},
	"form-login": {"/", "Hello Boss!"}, "fl-session": {"/protected", "Logged in as: "}, "fl-timeout": {"/protected", "Logged in as: "},
}

// sessionSystems are those with a session of their own.
var sessionSystems = []string{"kc-web", "okta-oidc", "social-fb", "social-tw", "form-login", "fl-session", "fl-timeout"}

func isIn(b *demotest.Browser, system string) bool {
	a := b.Ask(http.MethodGet, "/s/"+system+inside[system].path, "")
	return a.Status == http.StatusOK && strings.Contains(a.Body, inside[system].word)
}

// logIn logs a browser in, the way that people do.
func logIn(t *testing.T, m mode, s *demotest.Site, system string) *demotest.Browser {
	t.Helper()
	b := s.Browser(t)
	if r, ok := login[system]; ok {
		b.Open(demotest.PathOf(system, r))
	} else {
		b.Ask(http.MethodPost, "/s/"+system+"/login", loginBody(m.account(system))+"&remember=1")
	}
	if !isIn(b, system) {
		t.Fatalf("%s: nobody can log in", system)
	}
	return b
}

func logoutPath(system string) string {
	if system == "kc-web" {
		return "/s/kc-web/oauth/logout"
	}
	return "/s/" + system + "/logout"
}

// copyOf is a browser with the same cookies: those of a thief.
func copyOf(t *testing.T, b *demotest.Browser) *demotest.Browser {
	c := b.Site.Browser(t)
	for k, v := range b.Cookies {
		c.Cookies[k] = v
	}
	return c
}

// request makes one for Browser.Send, where Ask says too little.
func request(t *testing.T, method, path, body string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequestWithContext(t.Context(), method, demotest.SiteURL+path, strings.NewReader(body))
	r.Host = strings.TrimPrefix(demotest.SiteURL, "http://")
	if change != nil {
		change(r)
	}
	return r
}

// contextOf is one that ends with the test, or before.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
