package gate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// clock is a clock that stands still until it is moved.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }

const self = "http://127.0.0.1:4480"

// serve makes a server of systems without listening.
func serve(t *testing.T, env *gate.Env, systems ...*gate.System) *gate.Server {
	t.Helper()
	if env.BcryptCost == 0 {
		env.BcryptCost = bcrypt.MinCost
	}
	if err := env.Complete(nil); err != nil {
		t.Fatal(err)
	}
	s, err := gate.New(env, gate.Config{PublicURL: self}, systems...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// ask sends one request; change may alter it.
func ask(s *gate.Server, method, target string, change func(*http.Request)) *http.Response {
	r := httptest.NewRequest(method, self+target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(r *http.Response) string {
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// guarded is a system with one page for nobody and one for those with a session.
func guarded(ran *atomic.Int64) *gate.System {
	s := &gate.System{ID: "app", Title: "App", Guard: "session", Session: &gate.SessionOptions{},
		Guards: map[string]gate.Guard{
			"never": func(*gate.Call, decisions.Policy) gate.Verdict { return gate.Refuse(403, decisions.RoleMissing) },
			"user": func(c *gate.Call, _ decisions.Policy) gate.Verdict {
				if c.Session.String("user") == "" {
					return gate.Refuse(401, decisions.NoCredential)
				}
				return gate.Pass()
			},
		}}
	ok := func(c *gate.Call) { ran.Add(1); c.Text(200, "inside") }
	s.Routes = []gate.Route{
		{Method: "GET", Path: "/", Policy: gate.Public("a start page"), Serve: func(c *gate.Call) { c.Text(200, "hello") }},
		{Method: "GET", Path: "/admin", Policy: decisions.Policy{Kind: decisions.KindRolesAll, Guard: "never", Roles: []string{"admin"}}, Serve: ok},
		{Method: "GET", Path: "/me", Policy: decisions.Policy{Kind: decisions.KindSession, Guard: "user"}, Serve: ok},
		{Method: "POST", Path: "/login", Policy: gate.Login("anybody, for the test"), Serve: func(c *gate.Call) {
			if err := c.Session.Begin(c.Env.Now()); err != nil {
				c.Fail(err)
				return
			}
			c.Session.Put(c.Env.Now(), "user", "ann")
			c.Text(200, "in")
		}},
		{Method: "POST", Path: "/visit", Policy: gate.Public("begins an anonymous session"), Serve: func(c *gate.Call) {
			c.Session.Put(c.Env.Now(), "seen", true)
			c.Text(200, "ok")
		}},
		{Method: "POST", Path: "/logout", Policy: gate.Login("ends the session"), Serve: func(c *gate.Call) {
			if err := c.Session.Destroy(); err != nil {
				c.Fail(err)
				return
			}
			c.Text(200, "out")
		}},
		{Method: "GET", Path: "/crash", Policy: gate.Public("crashes"), Serve: func(*gate.Call) { panic("canary-panic") }},
		{Method: "POST", Path: "/echo", Policy: gate.Public("reads a body"), Serve: func(c *gate.Call) {
			b, err := io.ReadAll(c.R.Body)
			if err != nil {
				c.Decide(decisions.Denied, decisions.TooLarge)
				c.Error(http.StatusRequestEntityTooLarge)
				return
			}
			c.Text(200, fmt.Sprint(len(b), c.R.Header))
		}},
	}
	return s
}

func TestEveryRouteIsGuarded(t *testing.T) {
	ok := func(*gate.Call) {}
	pass := map[string]gate.Guard{"g": func(*gate.Call, decisions.Policy) gate.Verdict { return gate.Pass() }}
	for name, r := range map[string]gate.Route{
		"no policy":              {Method: "GET", Path: "/", Serve: ok},
		"no such guard":          {Method: "GET", Path: "/", Serve: ok, Policy: decisions.Policy{Kind: decisions.KindSession, Guard: "other"}},
		"no guard at all":        {Method: "GET", Path: "/", Serve: ok, Policy: decisions.Policy{Kind: decisions.KindToken}},
		"public without why":     {Method: "GET", Path: "/", Serve: ok, Policy: decisions.Policy{Kind: decisions.KindPublic}},
		"public with a relation": {Method: "GET", Path: "/", Serve: ok, Policy: decisions.Policy{Kind: decisions.KindPublic, Why: "x", Relation: "a:b#c"}},
		"relation without one":   {Method: "GET", Path: "/", Serve: ok, Policy: decisions.Policy{Kind: decisions.KindRelation, Guard: "g"}},
		"roles without any":      {Method: "GET", Path: "/", Serve: ok, Policy: decisions.Policy{Kind: decisions.KindRolesAny, Guard: "g"}},
		"no handler":             {Method: "GET", Path: "/", Policy: gate.Public("x")},
		"every method":           {Path: "/", Serve: ok, Policy: gate.Public("x")},
		"trace":                  {Method: "TRACE", Path: "/", Serve: ok, Policy: gate.Public("x")},
	} {
		env := &gate.Env{}
		if err := env.Complete(nil); err != nil {
			t.Fatal(err)
		}
		_, err := gate.New(env, gate.Config{PublicURL: self}, &gate.System{ID: "app", Guards: pass, Routes: []gate.Route{r}})
		if err == nil || !strings.Contains(err.Error(), "app") {
			t.Errorf("%s: the server starts: %v", name, err)
		}
	}
}

func TestSpellingsOfAPathDoNotGoRoundTheGuard(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	for _, c := range []struct {
		method, path string
		want         []int
	}{
		{"GET", "/admin", []int{403}}, {"HEAD", "/admin", []int{403}}, {"GET", "/%61dmin", []int{403}}, {"GET", "/admin?x=/me", []int{403}},
		{"GET", "/admin/", []int{404}}, {"GET", "/admin;x", []int{404}}, {"GET", "/ADMIN", []int{404}}, {"GET", "/admin%2f", []int{404}}, {"GET", "/admin%00", []int{404}},
		{"GET", "//admin", []int{301, 307, 404}}, {"GET", "/./admin", []int{301, 307, 404}}, {"GET", "/x/../admin", []int{301, 307, 404}},
		{"TRACE", "/admin", []int{405}}, {"POST", "/admin", []int{405}}, {"BREW", "/admin", []int{405}}, {"OPTIONS", "/admin", []int{200}},
	} {
		resp := ask(s, c.method, "/s/app"+c.path, nil)
		fits := false
		for _, w := range c.want {
			fits = fits || resp.StatusCode == w
		}
		if !fits || strings.Contains(body(resp), "inside") {
			t.Errorf("%s %s: %d, want %v", c.method, c.path, resp.StatusCode, c.want)
		}
	}
	if ran.Load() != 0 {
		t.Error("the handler ran")
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	for _, path := range []string{"/", "/nope", "/s/app/", "/s/app/admin", "/s/app/nope", "/s/app/crash", "/s/app//x"} {
		resp := ask(s, "GET", path, nil)
		h := resp.Header
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-store" || len(h.Get("X-Gatehouse-Decision")) != 26 {
			t.Errorf("%s (%d): %v", path, resp.StatusCode, h)
		}
		if strings.Contains(body(resp), "canary-panic") {
			t.Errorf("%s tells what went wrong inside", path)
		}
	}
	if got := ask(s, "GET", "/s/app/crash", nil).StatusCode; got != 500 {
		t.Errorf("a crash answers %d", got)
	}
}

func TestHostsAndSpoofedHeaders(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	for host, want := range map[string]int{"127.0.0.1:4480": 200, "localhost": 200, "[::1]:9": 200, "LOCALHOST:1": 200, "evil.example": 421, "127.0.0.1.evil.example": 421, "": 421} {
		if got := ask(s, "GET", "/s/app/", func(r *http.Request) { r.Host = host }).StatusCode; got != want {
			t.Errorf("Host %q: %d, want %d", host, got, want)
		}
	}
	resp := ask(s, "POST", "/s/app/echo", func(r *http.Request) {
		for _, name := range []string{"X-User", "X_User", "x_user", "X-Email", "X-Forwarded-For", "X-Forwarded-Proto", "X-Original-Url", "Forwarded", "X-Http-Method-Override"} {
			r.Header[name] = []string{"spoofed", "spoofed"}
		}
		r.Header.Set("Connection", "X-User")
	})
	if b := body(resp); resp.StatusCode != 200 || strings.Contains(b, "spoofed") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
	long := ask(s, "POST", "/s/app/echo", func(r *http.Request) { r.Body = io.NopCloser(io.LimitReader(zeros{}, 3<<20)) })
	if long.StatusCode != 413 {
		t.Errorf("a body of 3 MiB answers %d", long.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestOtherSitesCannotChangeAnything(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	for _, c := range []struct {
		name, header, value string
		want                int
	}{
		{"no header: no browser", "", "", 200}, {"same origin", "Sec-Fetch-Site", "same-origin", 200}, {"typed by the person", "Sec-Fetch-Site", "none", 200},
		{"another site", "Sec-Fetch-Site", "cross-site", 403}, {"a sister site", "Sec-Fetch-Site", "same-site", 403},
		{"foreign origin", "Origin", "http://evil.example", 403}, {"no origin", "Origin", "null", 403}, {"another port", "Origin", "http://127.0.0.1:1", 403}, {"own origin", "Origin", self, 200},
	} {
		for _, path := range []string{"/login", "/logout", "/visit"} {
			resp := ask(s, "POST", "/s/app"+path, func(r *http.Request) {
				if c.header != "" {
					r.Header.Set(c.header, c.value)
				}
			})
			if resp.StatusCode != c.want {
				t.Errorf("%s: POST %s: %d, want %d", c.name, path, resp.StatusCode, c.want)
			}
			if c.want == 403 && len(resp.Cookies()) > 0 {
				t.Errorf("%s: a cookie was set", c.name)
			}
		}
	}
}

// withCookie sends a session token.
func withCookie(k *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value}) }
}

func session(t *testing.T, resp *http.Response) *http.Cookie {
	t.Helper()
	for _, k := range resp.Cookies() {
		if strings.Contains(k.Name, "gh_") {
			return k
		}
	}
	t.Fatalf("no session cookie: %v", resp.Header)
	return nil
}

func TestSessionsBeginAnewAndEnd(t *testing.T) {
	var ran atomic.Int64
	c := newClock()
	s := serve(t, &gate.Env{Now: c.now, IdleTimeout: 15 * time.Minute, Lifetime: time.Hour}, guarded(&ran))
	resp := ask(s, "POST", "/s/app/visit", nil)
	before := session(t, resp)
	if before.Name != "__Host-gh_app" || !before.Secure || !before.HttpOnly || before.SameSite != http.SameSiteLaxMode || before.Path != "/" || before.Domain != "" || len(before.String()) > 4096 {
		t.Errorf("the cookie is %s", before)
	}
	after := session(t, ask(s, "POST", "/s/app/login", withCookie(before)))
	if after.Value == before.Value {
		t.Fatal("the token is the same after the login: one that was planted would be logged in")
	}
	status := func(k *http.Cookie) int { return ask(s, "GET", "/s/app/me", withCookie(k)).StatusCode }
	if status(before) != 401 || status(after) != 200 {
		t.Errorf("old token %d, new token %d", status(before), status(after))
	}
	ask(s, "POST", "/s/app/logout", withCookie(after))
	if status(after) != 401 {
		t.Error("a copied cookie lives on after the logout")
	}
	for _, x := range []struct {
		name string
		wait []time.Duration
		want int
	}{
		{"just before the idle timeout", []time.Duration{15*time.Minute - time.Second}, 200},
		{"just after it", []time.Duration{15*time.Minute + time.Second}, 401},
		{"used in between", []time.Duration{10 * time.Minute, 10 * time.Minute}, 200},
		{"just before the end of its life", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 4*time.Minute - time.Second}, 200},
		{"just after it", []time.Duration{14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 14 * time.Minute, 4*time.Minute + time.Second}, 401},
	} {
		k := session(t, ask(s, "POST", "/s/app/login", nil))
		got := 0
		for _, d := range x.wait {
			c.move(d)
			got = status(k)
		}
		if got != x.want {
			t.Errorf("%s: %d, want %d", x.name, got, x.want)
		}
	}
}

func TestSystemsDoNotShareSessions(t *testing.T) {
	var ran atomic.Int64
	a, b := guarded(&ran), guarded(&ran)
	b.ID = "other"
	s := serve(t, &gate.Env{}, a, b)
	k := session(t, ask(s, "POST", "/s/app/login", nil))
	resp := ask(s, "GET", "/s/other/me", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-gh_other", Value: k.Value}) })
	if resp.StatusCode != 401 {
		t.Errorf("the token of one system is good in another: %d", resp.StatusCode)
	}
}

// broken is a session store that fails.
type broken struct{ gate.SessionStore }

func (broken) Find(string) ([]byte, bool, error)              { return nil, false, errors.New("down") }
func (broken) Commit(string, []byte, time.Time) error         { return errors.New("down") }
func (broken) Delete(string) error                            { return errors.New("down") }
func (broken) All(context.Context) (map[string][]byte, error) { return nil, errors.New("down") }

func TestASessionStoreThatFailsLetsNobodyIn(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{Store: broken{gate.NewMemoryStore()}}, guarded(&ran))
	for _, c := range []struct{ method, path string }{{"GET", "/me"}, {"POST", "/login"}, {"POST", "/logout"}, {"POST", "/visit"}} {
		resp := ask(s, c.method, "/s/app"+c.path, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-gh_app", Value: "token"}) })
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d", c.method, c.path, resp.StatusCode)
		}
	}
	if ran.Load() != 0 {
		t.Error("somebody was let in")
	}
}

func TestSafeNext(t *testing.T) {
	for next, ok := range map[string]bool{
		"/profile": true, "/a?b=c#d": true, "/": true,
		"": false, "profile": false, "//evil.example": false, "///evil.example": false, `/\evil.example`: false, "/\t/evil.example": false, "/a\r\nSet-Cookie: x=y": false,
		"http://evil.example/": false, "javascript:alert(1)": false, "/%2f/../\\evil": false, "/%5cevil.example": false, "/%2fevil.example": false, "/" + strings.Repeat("x", 3000): false,
	} {
		if got := gate.SafeNext(next, "/home") == next; got != ok {
			t.Errorf("%q: followed %v, want %v", next, got, ok)
		}
	}
}
