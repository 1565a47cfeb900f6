package demo_test

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
)

// step is one request to a site that asked at least one upstream: all that is needed
// to send it again to another site.
type step struct {
	system, route string
	method, uri   string
	header        http.Header
	body          string
	store         *demotest.Store
	asks          []string // endpoints
}

func (s step) key(endpoint string) string { return s.system + " " + s.route + " " + endpoint }

// steps goes to every route of every system of a healthy world and notes which
// request asked what.
func steps(t *testing.T, w *demotest.World) []step {
	t.Helper()
	s := w.Site(t, nil, nil)
	var list []step
	var now step
	s.Watch(func(endpoint string) {
		if !slices.Contains(now.asks, endpoint) {
			now.asks = append(now.asks, endpoint)
		}
	})
	watched := func() *demotest.Browser {
		b := s.Browser(t)
		b.Before = func(r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			now = step{method: r.Method, uri: r.URL.RequestURI(), header: r.Header.Clone(), body: string(body), store: s.Store.Copy()}
		}
		b.After = func(a demotest.Answer) {
			now.system, now.route = a.Decision.System, cmp.Or(a.Decision.Request.Route, a.Decision.Request.Path)
			if len(now.asks) > 0 {
				list = append(list, now)
			}
		}
		return b
	}
	s.EachRoute(func(sys decisions.System, r decisions.Route) {
		a := watched().Visit(sys, r)
		guarded := r.Data.Kind != decisions.KindPublic && r.Data.Kind != decisions.KindLogin
		if guarded && a.Decision.Outcome != decisions.Allowed || a.Decision.Outcome == decisions.Failed {
			t.Errorf("%s %s %s: with everything in order: %d %s", sys.ID, r.Method, r.Path, a.Status, a.Decision.Reason)
		}
		if sys.ID == "kc-web" || sys.ID == "okta-oidc" || strings.HasPrefix(sys.ID, "social-") { // what it does for who is logged in
			b := watched()
			b.Visit(sys, login[sys.ID])
			b.Visit(sys, r)
		}
		if sys.ID == "kratos-ui" {
			watched().Open(demotest.PathOf(sys.ID, r) + "?flow=f1&id=e1")
		}
	})
	for _, sys := range s.Systems() { // one click on the index page
		b := watched()
		b.Header.Set("Accept", "text/html") // a person clicks
		if a := b.Ask(http.MethodPost, "/-/signin", demotest.SignInForm(sys.ID)); a.Status != http.StatusSeeOther && a.Status != http.StatusNotFound {
			t.Errorf("one click for %s: %d", sys.ID, a.Status)
		}
	}
	return list
}

// login is the route of a system that begins a login at a provider.
var login = map[string]decisions.Route{
	"kc-web": {Method: "GET", Path: "/oauth/login"}, "okta-oidc": {Method: "GET", Path: "/login"},
	"social-fb": {Method: "GET", Path: "/authorize/{provider}"}, "social-tw": {Method: "GET", Path: "/authorize/{provider}"},
}

// tolerated are the places where a broken upstream stops nothing, and why that lets
// nobody in.
var tolerated = map[string]string{
	"okta-oidc GET /dashboard okta.discovery": "a login can begin at the address that the settings name; nobody is in before its end, which asks again",
	"okta-oidc GET /login okta.discovery":     "the same",
}

// TestEveryFaultOfEveryUpstreamLetsNobodyIn goes to every route of every system and
// breaks each thing that it asks, in every way, one at a time: the answer is 503 with
// Retry-After, says nothing of the inside, and is never the page, a redirect, or a 403
// that reads as a decision. What a server may say (nobody is logged in) is an answer,
// but never lets anybody in either.
//
// The table makes itself: a new system is in it as soon as it is in the catalogue.
func TestEveryFaultOfEveryUpstreamLetsNobodyIn(t *testing.T) {
	w := demotest.NewWorld(t)
	all := map[string]step{}
	for _, st := range steps(t, w) {
		for _, e := range st.asks {
			if _, have := all[st.key(e)]; !have {
				all[st.key(e)] = st
			}
		}
	}
	if len(all) < 80 {
		t.Fatalf("only %d requests lean on something: the table does not make itself any more", len(all))
	}
	var mu sync.Mutex
	cases, asked, answered, free := map[string]int{}, map[string]map[string]bool{}, 0, 0
	t.Cleanup(func() {
		total := 0
		for _, sys := range slices.Sorted(maps.Keys(cases)) {
			total += cases[sys]
			t.Logf("%-18s %5d  %s", sys, cases[sys], strings.Join(slices.Sorted(maps.Keys(asked[sys])), " "))
		}
		t.Logf("%d faults in all: %d answers of an upstream that are no fault, %d that stop nothing, the rest 503", total, answered, free)
	})
	for _, key := range slices.Sorted(maps.Keys(all)) {
		st, endpoint := all[key], key[strings.LastIndexByte(key, ' ')+1:]
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			faults := demotest.Faults()
			if strings.HasPrefix(endpoint, "sessions.") {
				faults = demotest.StoreFaults()
			}
			for _, f := range faults {
				if !f.Fits(endpoint) {
					continue
				}
				a, out := st.again(t, w, endpoint, f)
				mu.Lock()
				cases[st.system]++
				if asked[st.system] == nil {
					asked[st.system] = map[string]bool{}
				}
				asked[st.system][endpoint] = true
				mu.Unlock()
				switch {
				case tolerated[key] != "":
					mu.Lock()
					free++
					mu.Unlock()
					if a.Decision.Outcome == decisions.Allowed || a.Status == http.StatusOK {
						t.Errorf("%s: %d %s", f.Name, a.Status, a.Decision.Outcome)
					}
				case f.IsAnswer(endpoint):
					mu.Lock()
					answered++
					mu.Unlock()
					judgeAnswer(t, st, f, a)
				default:
					judgeFault(t, endpoint, f, a, out)
				}
			}
		})
	}
}

// again sends the request of a step to a new site that stands where the old one stood,
// with one endpoint broken.
func (st step) again(t *testing.T, w *demotest.World, endpoint string, f demotest.Fault) (demotest.Answer, string) {
	t.Helper()
	s := w.Site(t, st.store.Copy(), func(e *gate.Env) {
		if f.Hangs {
			e.HopTimeout = 40 * time.Millisecond
		}
	})
	s.Break(endpoint, f)
	r := httptest.NewRequestWithContext(t.Context(), st.method, demotest.SiteURL+st.uri, strings.NewReader(st.body))
	r.Header = st.header.Clone()
	return s.Browser(t).Send(r), s.Log.String()
}

func judgeFault(t *testing.T, endpoint string, f demotest.Fault, a demotest.Answer, log string) {
	t.Helper()
	d := a.Decision
	if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "5" || a.Header.Get("Location") != "" || d.Outcome != decisions.Failed || d.Status != a.Status {
		t.Errorf("%s: %d, Retry-After %q, Location %q, %s %s", f.Name, a.Status, a.Header.Get("Retry-After"), a.Header.Get("Location"), d.Outcome, d.Reason)
	}
	if !strings.HasPrefix(string(d.Reason), "upstream_") || !decisions.Known(d.Reason) {
		t.Errorf("%s: the reason is %q", f.Name, d.Reason)
	}
	if !f.Hangs && !strings.HasSuffix(string(d.Reason), ":"+demotest.UpstreamOf(endpoint)) { // with a short deadline another may be slow too
		t.Errorf("%s: %s is blamed for %s", f.Name, d.Reason, endpoint)
	}
	if a.Status != http.StatusServiceUnavailable {
		return
	}
	for _, secret := range []string{"canary", "127.0.0.1:", demotest.WorldEmail, demotest.WorldIdentity, "eyJ"} {
		body := strings.ReplaceAll(a.Body, demotest.SiteURL, "")
		if strings.Contains(body, secret) {
			t.Errorf("%s: the answer tells %q:\n%s", f.Name, secret, a.Body)
		}
		if secret != "127.0.0.1:" && secret != demotest.WorldIdentity && strings.Contains(log, secret) {
			t.Errorf("%s: the log tells %q:\n%s", f.Name, secret, log)
		}
	}
}

func judgeAnswer(t *testing.T, st step, f demotest.Fault, a demotest.Answer) {
	t.Helper()
	d := a.Decision
	public := d.Policy.Kind == decisions.KindPublic || d.Policy.Kind == decisions.KindLogin
	if d.Outcome == decisions.Allowed && !public || a.Status == http.StatusOK && !public || a.Status >= 500 {
		t.Errorf("%s %s: %s: %d %s %s", st.system, st.route, f.Name, a.Status, d.Outcome, d.Reason)
	}
	if strings.Contains(a.Body, demotest.WorldEmail) {
		t.Errorf("%s %s: %s: the page is that of somebody:\n%s", st.system, st.route, f.Name, a.Body)
	}
}

// TestTheIndexOutlivesEveryFault: the page that shows all systems decides nothing, and
// is there whatever is broken; then nobody is logged in.
func TestTheIndexOutlivesEveryFault(t *testing.T) {
	w := demotest.NewWorld(t)
	b := w.Site(t, nil, nil).Browser(t)
	b.Cookies[gate.KratosCookie] = demotest.WorldSession
	if a := b.Open("/"); a.Status != 200 || !strings.Contains(a.Body, "Logged in: "+demotest.WorldEmail) {
		t.Fatalf("with everything in order: %d", a.Status)
	}
	for _, f := range demotest.Faults() {
		s := w.Site(t, nil, func(e *gate.Env) {
			if f.Hangs {
				e.HopTimeout = 40 * time.Millisecond
			}
		})
		s.Break("kratos.whoami", f)
		b := s.Browser(t)
		b.Cookies[gate.KratosCookie] = demotest.WorldSession
		if a := b.Open("/"); a.Status != 200 || strings.Contains(a.Body, "Logged in:") {
			t.Errorf("%s: %d %v", f.Name, a.Status, strings.Contains(a.Body, "Logged in:"))
		}
	}
}
