package demo_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

// eachAnswer goes to every route of every system as the person of the world and has
// every answer on the way looked at.
func eachAnswer(t *testing.T, s *demotest.Site, look func(sys decisions.System, r decisions.Route, a demotest.Answer)) (n int) {
	t.Helper()
	s.EachRoute(func(sys decisions.System, r decisions.Route) {
		b := s.Browser(t)
		b.After = func(a demotest.Answer) { n++; look(sys, r, a) }
		b.Visit(sys, r)
	})
	return n
}

// TestEveryCookieIsSealed looks at every cookie that any system sets on any route.
func TestEveryCookieIsSealed(t *testing.T) {
	w := demotest.NewWorld(t)
	for _, insecure := range []bool{false, true} {
		s := w.Site(t, nil, func(e *gate.Env) { e.InsecureHTTP = insecure })
		seen := 0
		eachAnswer(t, s, func(sys decisions.System, r decisions.Route, a demotest.Answer) {
			for _, k := range (&http.Response{Header: a.Header}).Cookies() {
				seen++
				raw := k.String()
				if strings.HasPrefix(k.Name, "__Host-") == insecure || !strings.Contains(k.Name, "gh_"+sys.ID) || k.Secure == insecure || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || len(raw) > 4096 {
					t.Errorf("%s %s %s sets %s", sys.ID, r.Method, r.Path, raw)
				}
				if strings.Contains(k.Value, "canary") || strings.Contains(k.Value, demotest.WorldUser) || strings.Contains(k.Value, "eyJ") {
					t.Errorf("%s tells something: %s", k.Name, k.Value)
				}
			}
		})
		if seen < 20 {
			t.Errorf("only %d cookies were seen", seen)
		}
	}
}

// TestNoSystemKeepsAPlantedToken: the token from before a login is nobody after it.
func TestNoSystemKeepsAPlantedToken(t *testing.T) {
	s := demotest.NewWorld(t).Site(t, nil, nil)
	for _, id := range sessionSystems {
		first := logIn(t, modes[0], s, id) // the attacker's own session is what they plant
		planted := first.Cookies["__Host-gh_"+id]
		victim := s.Browser(t)
		victim.Cookies["__Host-gh_"+id] = planted
		if r, ok := login[id]; ok {
			first.Ask(http.MethodPost, logoutPath(id), "")
			victim.Open(demotest.PathOf(id, r))
		} else {
			victim.Ask(http.MethodPost, "/s/"+id+"/login", loginBody(modes[0].account(id)))
		}
		if !isIn(victim, id) || victim.Cookies["__Host-gh_"+id] == planted {
			t.Errorf("%s: the login keeps the token", id)
		}
		thief := s.Browser(t)
		thief.Cookies["__Host-gh_"+id] = planted
		if isIn(thief, id) {
			t.Errorf("%s: the planted token is logged in", id)
		}
	}
}

// TestSessionsEndOnTheSecond holds idle timeout and lifetime of every system to their
// second.
func TestSessionsEndOnTheSecond(t *testing.T) {
	w := demotest.NewWorld(t)
	var passed atomic.Int64
	begin := time.Now()
	s := w.Site(t, nil, func(e *gate.Env) {
		e.Now = func() time.Time { return begin.Add(time.Duration(passed.Load())) }
		e.IdleTimeout, e.Lifetime = 10*time.Minute, 25*time.Minute
	})
	for _, id := range sessionSystems {
		if id == "kc-web" || id == "okta-oidc" { // the tokens of the world are of now: their sessions are those of gate, tried there
			continue
		}
		for _, c := range []struct {
			waits []time.Duration
			in    bool
		}{
			{[]time.Duration{10 * time.Minute}, true}, {[]time.Duration{10*time.Minute + time.Second}, false},
			{[]time.Duration{9 * time.Minute, 9 * time.Minute, 7 * time.Minute}, true}, {[]time.Duration{9 * time.Minute, 9 * time.Minute, 7*time.Minute + time.Second}, false},
		} {
			b := s.Browser(t)
			if r, ok := login[id]; ok {
				b.Open(demotest.PathOf(id, r))
			} else {
				b.Ask(http.MethodPost, "/s/"+id+"/login", loginBody(modes[0].account(id)))
			}
			in := false
			for _, d := range c.waits {
				passed.Add(int64(d))
				in = isIn(b, id)
			}
			if in != c.in {
				t.Errorf("%s after %v: %v", id, c.waits, in)
			}
		}
	}
}

// crossSiteIsFine are the routes that take no cookie, so that another site has nothing
// to abuse.
var crossSiteIsFine = []string{"flask-jwt POST /auth", "flask-jwt-refresh POST /auth", "flask-jwt-refresh POST /auth/refresh", "flask-jwt-refresh POST /auth/logout"}

// TestNoRouteChangesAnythingForAnotherSite sends every writing request of every system
// as another site would make a browser send it.
func TestNoRouteChangesAnythingForAnotherSite(t *testing.T) {
	s := demotest.NewWorld(t).Site(t, nil, nil)
	n := 0
	s.EachRoute(func(sys decisions.System, r decisions.Route) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || slices.Contains(crossSiteIsFine, sys.ID+" "+r.Method+" "+r.Path) {
			return
		}
		for name, h := range map[string]http.Header{"cross-site": {"Sec-Fetch-Site": {"cross-site"}}, "same-site": {"Sec-Fetch-Site": {"same-site"}}, "foreign origin": {"Origin": {"http://evil.example"}},
			"null origin": {"Origin": {"null"}}, "another port": {"Origin": {"http://127.0.0.1:1"}}, "https of us": {"Origin": {"https://127.0.0.1:4481"}}} {
			n++
			b := s.Browser(t)
			a := b.Send(request(t, r.Method, strings.ReplaceAll(demotest.PathOf(sys.ID, r), "{id}", "1"), "", func(r *http.Request) { r.Header = h.Clone() }))
			if a.Status != http.StatusForbidden || a.Decision.Reason != decisions.CSRFRejected || len(b.Cookies) > 0 {
				t.Errorf("%s %s %s, %s: %d %s", sys.ID, r.Method, r.Path, name, a.Status, a.Decision.Reason)
			}
		}
	})
	if n < 200 {
		t.Errorf("only %d requests were sent", n)
	}
}

// TestEveryAnswerOfEverySystemHasTheHeaders: pages, refusals, 404, 405, 503.
func TestEveryAnswerOfEverySystemHasTheHeaders(t *testing.T) {
	w := demotest.NewWorld(t)
	look := func(what string, a demotest.Answer) {
		h := a.Header
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy lacks %s: %s", what, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" && !strings.Contains(what, "style") ||
			h.Get("Strict-Transport-Security") != "" || len(h.Get("X-Gatehouse-Decision")) != 26 || h.Get("Server") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s (%d): %v", what, a.Status, h)
		}
		if a.Body != "" && h.Get("Content-Type") == "" {
			t.Errorf("%s (%d): no content type", what, a.Status)
		}
	}
	s := w.Site(t, nil, nil)
	n := eachAnswer(t, s, func(sys decisions.System, r decisions.Route, a demotest.Answer) {
		look(sys.ID+" "+r.Method+" "+r.Path, a)
	})
	broken := w.Site(t, nil, nil)
	broken.Break("kratos.whoami", demotest.Faults()[0])
	s.EachRoute(func(sys decisions.System, r decisions.Route) {
		path := strings.ReplaceAll(demotest.PathOf(sys.ID, r), "{id}", "1")
		for _, b := range []*demotest.Browser{s.Browser(t), broken.Browser(t)} {
			b.Cookies[gate.KratosCookie] = "x"
			for _, method := range []string{r.Method, "TRACE", "OPTIONS", "PROPFIND"} {
				look(sys.ID+" "+method+" "+r.Path, b.Ask(method, path, ""))
			}
			look(sys.ID+" unknown path", b.Ask(r.Method, "/s/"+sys.ID+"/no-such-page", ""))
		}
		n += 10
	})
	for _, path := range []string{"/", "/nope", "/s/", "/s/nope/", "//x", "/-/style.x.css", "/%2e%2e/", "/s/ory-home/../kc-web/admin"} {
		look(path, s.Browser(t).Ask(http.MethodGet, path, ""))
	}
	https := w.Site(t, nil, nil)
	https.Env.SetPublicURL("https://127.0.0.1:4480")
	if a := https.Browser(t).Ask(http.MethodGet, "/", ""); a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("over TLS nothing keeps the browser there")
	}
	t.Logf("%d answers", n)
}

// TestNoSpellingOfAPathGoesRoundAGuard asks for every guarded route without anything,
// in every spelling.
func TestNoSpellingOfAPathGoesRoundAGuard(t *testing.T) {
	s := demotest.NewWorld(t).Site(t, nil, nil)
	n := 0
	s.EachRoute(func(sys decisions.System, r decisions.Route) {
		if k := r.Data.Kind; k == decisions.KindPublic || k == decisions.KindLogin {
			return
		}
		path := strings.ReplaceAll(demotest.PathOf(sys.ID, r), "{id}", "1")
		last := path[strings.LastIndexByte(path, '/')+1:]
		spellings := []string{path, path + "/", path + "//", "/" + path, path + ";x", path + "%20", path + "%00", path + "%2f", path + "?x=/", path + "/.", path + "/..;/" + last, strings.Replace(path, "/s/", "/s/./", 1), strings.Replace(path, "/s/", "/S/", 1), strings.ToUpper(path)}
		if last != "" {
			spellings = append(spellings, strings.TrimSuffix(path, last)+fmt.Sprintf("%%%02x", last[0])+last[1:], strings.TrimSuffix(path, last)+"x/../"+last)
		}
		for _, p := range spellings {
			for _, method := range []string{r.Method, "HEAD", "TRACE", "GET "} {
				n++
				method = strings.TrimSpace(method)
				b := s.Browser(t)
				raw := request(t, method, "/", "", nil)
				u, err := url.Parse(demotest.SiteURL + p)
				if err != nil { // what cannot be a request
					continue
				}
				raw.URL, raw.RequestURI = u, p
				raw.Header.Set("X-Http-Method-Override", "GET")
				raw.Header.Set("X-Original-Url", path)
				if a := b.Send(raw); a.Decision.Outcome == decisions.Allowed && a.Decision.Policy.Kind != decisions.KindPublic && a.Decision.Policy.Kind != decisions.KindLogin || a.Status == http.StatusOK && a.Decision.Policy.Kind != decisions.KindPublic && a.Decision.Policy.Kind != decisions.KindLogin {
					t.Errorf("%s %s: %d %s %+v", method, p, a.Status, a.Decision.Outcome, a.Decision.Policy)
				}
			}
		}
	})
	t.Logf("%d spellings", n)
}

// TestTooManyTriesAtEverySystem: five failures a minute for an account, also of who
// then knows the password; the sixth is 429 with Retry-After.
func TestTooManyTriesAtEverySystem(t *testing.T) {
	w := demotest.NewWorld(t)
	try := map[string]func(b *demotest.Browser, id, password string) demotest.Answer{
		"basic": func(b *demotest.Browser, id, p string) demotest.Answer {
			b.Header.Set("Authorization", basicAuth(demotest.WorldUser, p))
			return b.Ask(http.MethodGet, "/s/"+id+map[string]string{"basic": "/secret-page"}[id], "")
		},
		"form": func(b *demotest.Browser, id, p string) demotest.Answer {
			return b.Ask(http.MethodPost, "/s/"+id+"/login", loginBody(demotest.WorldUser, p))
		},
		"json": func(b *demotest.Browser, id, p string) demotest.Answer {
			return b.Ask(http.MethodPost, "/s/"+id+"/auth", jsonLogin(demotest.WorldUser, p))
		},
	}
	for id, how := range map[string]string{"basic": "basic", "form-login": "form", "fl-session": "form", "fl-timeout": "form", "flask-jwt": "json", "flask-jwt-refresh": "json"} {
		s := w.Site(t, nil, nil)
		for range 5 {
			if a := try[how](s.Browser(t), id, "wrong"); a.Decision.Reason != decisions.BadPassword {
				t.Errorf("%s: %d %s", id, a.Status, a.Decision.Reason)
			}
		}
		a := try[how](s.Browser(t), id, demotest.WorldPassword)
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" || a.Decision.Reason != decisions.RateLimited {
			t.Errorf("%s: the sixth: %d %s", id, a.Status, a.Decision.Reason)
		}
		log := s.Log.String()
		if n := strings.Count(log, `"event":"login_failed"`); n != 5 || strings.Count(log, `"event":"login_limited"`) != 1 {
			t.Errorf("%s: %d failures in the audit log", id, n)
		}
	}
}

// TestAuditCounts plays scenarios and counts their lines in the audit log.
func TestAuditCounts(t *testing.T) {
	w := demotest.NewWorld(t)
	s := w.Site(t, nil, nil)
	count := func(event string) int { return strings.Count(s.Log.String(), `"event":"`+event+`"`) }
	expect := func(scenario string, want map[string]int, play func()) {
		t.Helper()
		before := map[string]int{}
		events := []string{"login", "login_failed", "login_limited", "logout", "refused", "csrf_rejected", "act_as", "refresh_replayed"}
		for _, e := range events {
			before[e] = count(e)
		}
		play()
		for _, e := range events {
			if got := count(e) - before[e]; got != want[e] {
				t.Errorf("%s: %d times %q in the audit log, want %d", scenario, got, e, want[e])
			}
		}
	}
	ask := func(method, path, body string) { s.Browser(t).Ask(method, path, body) }
	expect("a wrong password", map[string]int{"login_failed": 1}, func() { ask("POST", "/s/form-login/login", loginBody("ann-canary", "wrong")) })
	for _, id := range sessionSystems {
		expect(id+": login and logout", map[string]int{"login": 1, "logout": 1, "refused": map[string]int{"okta-oidc": 1}[id]}, func() {
			b := s.Browser(t)
			if r, ok := login[id]; ok {
				b.Open(demotest.PathOf(id, r))
			} else {
				b.Ask("POST", "/s/"+id+"/login", loginBody(modes[0].account(id)))
			}
			b.Ask("POST", logoutPath(id), "")
		})
	}
	expect("a denial", map[string]int{"refused": 1}, func() { ask("GET", "/s/basic/secret-page", "") })
	expect("a wrong password at a guard", map[string]int{"refused": 1, "login_failed": 1}, func() {
		b := s.Browser(t)
		b.Header.Set("Authorization", basicAuth("ann", "wrong"))
		b.Ask("GET", "/s/basic/secret-page", "")
	})
	expect("another site", map[string]int{"csrf_rejected": 1}, func() {
		b := s.Browser(t)
		b.Header.Set("Sec-Fetch-Site", "cross-site")
		b.Ask("POST", "/s/form-login/login", "")
	})
	expect("one click", map[string]int{"act_as": 1, "login": 1}, func() { ask("POST", "/-/signin", demotest.SignInForm("form-login")) })
	expect("a refused answer of a provider", map[string]int{"login_failed": 1}, func() { ask("GET", "/s/kc-web/oauth/login/callback?state=x&code=y", "") })
	expect("the same for an OAuth provider", map[string]int{"login_failed": 1}, func() { ask("GET", "/s/social-fb/callback/facebook?state=x&code=y", "") })
	if strings.Contains(s.Log.String(), "ann-canary") {
		t.Error("the log has a name that somebody failed with")
	}
	real := demotest.Start(t, server.Options{Systems: []string{"basic"}})
	if log := real.Log.String(); strings.Count(log, `"msg":"start"`) != 1 || !strings.Contains(log, `"subject":"identity_id"`) {
		t.Errorf("the settings at the start are not told: %s", log)
	}
}

// TestNoCanaryGetsOut sends secrets in every place to every route and looks for them in
// the log, in the decisions, and in what the private socket tells.
func TestNoCanaryGetsOut(t *testing.T) {
	w := demotest.NewWorld(t)
	s, healthy := w.Site(t, nil, nil), w.Site(t, nil, nil)
	var b strings.Builder // the ring forgets: what it has is taken down on the way
	note := func() func(demotest.Answer) {
		return func(a demotest.Answer) {
			d, err := json.Marshal(a.Decision)
			if err != nil || a.Decision.ID == "" {
				t.Errorf("the decision of %d: %v", a.Status, err)
			}
			b.Write(d)
		}
	}
	s.EachRoute(func(sys decisions.System, r decisions.Route) {
		path := strings.ReplaceAll(demotest.PathOf(sys.ID, r), "{id}", "1")
		for _, h := range []http.Header{
			{"Authorization": {"Bearer canary-1"}}, {"Authorization": {"JWT canary-2"}}, {"Authorization": {basicAuth("ann", "canary-3")}}, {"Authorization": {"ann:canary-4"}}, {"X-Session-Token": {"canary-5"}, "Proxy-Authorization": {"canary-6"}},
			{"Cookie": {gate.KratosCookie + "=canary-7; __Host-gh_" + sys.ID + "=canary-8; __Host-gh_" + sys.ID + ".remember_token=canary-9"}}, {"Referer": {"http://x/?token=canary-10"}, "User-Agent": {"canary-11"}},
		} {
			b := s.Browser(t)
			b.After = note()
			b.Header = h.Clone()
			b.Ask(r.Method, path+"?code=canary-12&state=canary-13&id_token_hint=canary-14&access_token=canary-15&flow=canary-16&next=/canary-17&oauth_token=canary-18&oauth_verifier=canary-19&error=canary-20",
				form("username", "canary-21", "password", "canary-22", "csrf_token", "canary-23", "refresh_token", "canary-24"))
			b.Ask(r.Method, path, `{"username":"canary-25","password":"canary-26","refresh_token":"canary-27"}`)
		}
		v := healthy.Browser(t)
		v.After = note()
		v.Visit(sys, r) // and the canaries of the world: what providers hand out
	})
	for name, text := range map[string]string{"log": s.Log.String(), "log of who may": healthy.Log.String(), "decisions": b.String()} {
		if i := strings.Index(text, "canary"); i >= 0 {
			t.Errorf("the %s has %q", name, text[max(0, i-200):min(len(text), i+60)])
		}
		for _, secret := range []string{demotest.WorldPassword, "eyJhbGci", basicAuth(demotest.WorldUser, demotest.WorldPassword)} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s has %q", name, secret)
			}
		}
	}
	if len(s.Log.String()) < 100_000 {
		t.Error("the log is too short to have been looked at")
	}
}

// TestLoginsAtProvidersCountOnceAndForAWhile: wrong or missing issuer of the answer,
// an error, a code that comes twice, a login that took too long.
func TestLoginsAtProvidersCountOnceAndForAWhile(t *testing.T) {
	w := demotest.NewWorld(t)
	var passed atomic.Int64
	s := w.Site(t, nil, func(e *gate.Env) {
		e.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		e.IdleTimeout = time.Hour
	})
	for _, id := range []string{"kc-web", "okta-oidc"} {
		other := map[string]string{"kc-web": "okta-oidc", "okta-oidc": "kc-web"}[id]
		for name, c := range map[string]struct {
			change func(string) string
			wait   time.Duration
			status int
		}{
			"right": {func(p string) string { return p }, 0, 302}, "of the other provider (iss)": {func(p string) string { return with(p, "iss", w.IDClaims(other, "")["iss"].(string)) }, 0, 401},
			"iss with a slash": {func(p string) string { return with(p, "iss", w.IDClaims(id, "")["iss"].(string)+"/") }, 0, 401}, "no iss, which was announced": {func(p string) string { return without(p, "iss") }, 0, 401},
			"an error": {func(p string) string { return with(without(p, "code"), "error", "access_denied") }, 0, 401}, "an error and a code": {func(p string) string { return with(p, "error", "access_denied") }, 0, 401},
			"no code": {func(p string) string { return without(p, "code") }, 0, map[string]int{"kc-web": 400, "okta-oidc": 401}[id]}, "no state": {func(p string) string { return without(p, "state") }, 0, map[string]int{"kc-web": 400, "okta-oidc": 401}[id]},
			"another state": {func(p string) string { return with(p, "state", "x") }, 0, map[string]int{"kc-web": 400, "okta-oidc": 401}[id]}, "in time": {func(p string) string { return p }, 10*time.Minute - 5*time.Second, 302},
			"too late": {func(p string) string { return p }, 10*time.Minute + 5*time.Second, 401},
		} {
			passed.Store(0)
			b := s.Browser(t)
			to, err := url.Parse(b.Ask(http.MethodGet, demotest.PathOf(id, login[id]), "").Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			if q := to.Query(); q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43 || strings.Contains(q.Get("redirect_uri"), "evil") {
				t.Errorf("%s: the login begins with %v", id, q)
			}
			passed.Store(int64(c.wait))
			if c.wait > 0 { // the provider's clock goes with ours: the token is made after the wait
				claims := over(w.IDClaims(id, to.Query().Get("nonce")), object{"iat": time.Now().Add(c.wait).Unix(), "exp": time.Now().Add(c.wait + time.Minute).Unix()})
				callback := with(callbackOf(id, to.Query(), w), "code", demotest.Grant{IDToken: w.Token(t, claims, nil)}.Code())
				if a := b.Ask(http.MethodGet, callback, ""); a.Status != c.status {
					t.Errorf("%s, %s: %d, want %d", id, name, a.Status, c.status)
				}
				continue
			}
			callback := c.change(callbackOf(id, to.Query(), w))
			if a := b.Ask(http.MethodGet, callback, ""); a.Status != c.status {
				t.Errorf("%s, %s: %d %s, want %d", id, name, a.Status, a.Decision.Reason, c.status)
			}
			if name == "right" {
				if a := b.Ask(http.MethodGet, callback, ""); a.Status/100 == 3 {
					t.Errorf("%s: the answer counts twice: %d", id, a.Status)
				}
			}
		}
	}
}

// TestNothingIsLeftBehind starts and stops the whole server many times.
func TestNothingIsLeftBehind(t *testing.T) {
	w := demotest.NewWorld(t)
	run := func() {
		s, err := server.Start(t.Context(), server.Options{DebugSocket: "off", Env: w.Env()})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := demotest.Client.Get(s.URL + "/")
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		demotest.Client.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	run()
	before := runtime.NumGoroutine()
	for range 10 {
		run()
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+3 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before+3 {
		buf := make([]byte, 1<<18)
		t.Errorf("%d goroutines after one run, %d after eleven:\n%s", before, now, buf[:runtime.Stack(buf, true)])
	}
}
