package kcweb_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

// web is the system with a realm of its own.
type web struct {
	*demotest.Running
	realm *demotest.Realm
	down  *atomic.Bool // Keycloak cannot be reached
}

const cookie = "__Host-gh_kc-web"

func serve(t *testing.T, realm *demotest.Realm, listen string, change func(*gate.Env)) *web {
	t.Helper()
	down := &atomic.Bool{}
	client := &http.Client{CheckRedirect: demotest.Client.CheckRedirect, Transport: wire(func(r *http.Request) (*http.Response, error) {
		if down.Load() {
			return nil, errors.New("connection refused")
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	env := gate.Env{HTTP: client, Accounts: gate.Seeds, KeycloakURL: realm.ServerURL, Realm: realm.Name, ClientID: demotest.WebClient, ClientSecret: realm.Secret}
	if change != nil {
		change(&env)
	}
	return &web{demotest.Start(t, server.Options{Systems: []string{"kc-web"}, Listen: listen, PublicURL: "http://" + listen, Env: env}), realm, down}
}

type wire func(*http.Request) (*http.Response, error)

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func session(a vectors.Answer) string {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		if k.Name == cookie && k.MaxAge >= 0 {
			return k.Value
		}
	}
	return ""
}

func (w *web) get(t *testing.T, path, s string) vectors.Answer {
	t.Helper()
	h := http.Header{}
	if s != "" {
		h.Set("Cookie", cookie+"="+s)
	}
	return demotest.Send(t, http.MethodGet, w.URL, path, h, "")
}

// begin begins a login: the session, and where the browser is sent.
func (w *web) begin(t *testing.T) (s, to string) {
	t.Helper()
	a := w.get(t, "/oauth/login", "")
	if a.Status != http.StatusFound || session(a) == "" {
		t.Fatalf("login: %d %v", a.Status, a.Header)
	}
	return session(a), a.Header.Get("Location")
}

// back is a login up to the callback that the browser is sent to.
func (w *web) back(t *testing.T, who string) (s, callback string) {
	t.Helper()
	s, to := w.begin(t)
	return s, w.realm.Authorize(t, to, who)
}

// login is the session of somebody who logged in.
func (w *web) login(t *testing.T, who string) string {
	t.Helper()
	s, callback := w.back(t, who)
	a := w.get(t, callback, s)
	if a.Status != http.StatusFound || a.Header.Get("Location") != "/" || session(a) == "" || session(a) == s {
		t.Fatalf("callback of %s: %d %s", who, a.Status, a.Header.Get("Location"))
	}
	return session(a)
}

func stateOf(t *testing.T, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("state")
}

// who is the person whom a case is about.
func who(c string) string {
	for _, name := range []string{"alice", "bob", "carol", "noemail"} {
		if strings.Contains(c, name) {
			return name
		}
	}
	return "alice"
}

func TestVectors(t *testing.T) {
	listen := demotest.FreePort(t)
	realm := demotest.NewRealm(t, "http://"+listen)
	w := serve(t, realm, listen, nil)
	in := map[string]string{}
	loggedIn := func(t *testing.T, name string) string {
		if in[name] == "" {
			in[name] = w.login(t, name)
		}
		return in[name]
	}
	demotest.Replay(t, "kc-web", func(t *testing.T, v *vectors.Vector) demotest.Target {
		w, s := w, ""
		vars := vectors.Vars{"code": "garbage", "state": "made-up"}
		path := func(callback string) { v.Request.Path = callback }
		switch {
		case strings.HasPrefix(v.Setup, "repository version; Keycloak refused"):
			if strings.Contains(v.Case, "logout") {
				s = w.login(t, "alice")
			}
			w.down.Store(true)
			t.Cleanup(func() { w.down.Store(false) })
		case strings.Contains(v.Case, "wrong client secret"):
			// The realm knows one address of the application; this is a second server behind it.
			w = serve(t, realm, demotest.FreePort(t), func(e *gate.Env) { e.ClientSecret = "wrong" })
			var to string
			s, to = w.begin(t)
			path("/oauth/login/callback?state=" + stateOf(t, to) + "&iss=" + url.QueryEscape(realm.URL) + "&code=x")
		case strings.HasPrefix(v.Case, "callback after login"):
			if strings.Contains(v.Case, "41") {
				for i := range 39 {
					realm.NewRole(t, fmt.Sprint("role-", i))
					realm.SetRole(t, "carol", fmt.Sprint("role-", i), true)
				}
			}
			if strings.Contains(v.Case, "mapper off") {
				realm.RemoveRolesMapper(t)
			}
			var callback string
			s, callback = w.back(t, who(v.Case))
			path(callback)
		case strings.HasPrefix(v.Case, "callback replayed"), strings.HasPrefix(v.Case, "callback of alice in a browser"):
			first, callback := w.back(t, "alice")
			path(callback)
			if strings.Contains(v.Case, "browser without session") {
				break
			}
			s = first
			if fresh := session(w.get(t, callback, first)); strings.Contains(v.Case, "new session") {
				s = fresh
			}
		case strings.HasPrefix(v.Case, "code injection"), strings.HasPrefix(v.Case, "the same injected code"):
			own, to := w.begin(t)
			foreign, callback := w.back(t, "bob")
			u, err := url.Parse(callback)
			if err != nil {
				t.Fatal(err)
			}
			inject := "/oauth/login/callback?state=" + stateOf(t, to) + "&iss=" + url.QueryEscape(realm.URL) + "&code=" + url.QueryEscape(u.Query().Get("code"))
			s = own
			path(inject)
			if strings.HasPrefix(v.Case, "the same") {
				if a := w.get(t, inject, own); a.Status == http.StatusFound {
					t.Error("the foreign code logged somebody in")
				}
				s = foreign
				path(callback)
			}
		case strings.Contains(v.Case, "own state"):
			var to string
			s, to = w.begin(t)
			vars["state"] = stateOf(t, to)
		case strings.HasPrefix(v.Case, "role admin removed"):
			s = w.login(t, "alice")
			realm.SetRole(t, "alice", "admin", false)
			t.Cleanup(func() { realm.SetRole(t, "alice", "admin", true) })
		case strings.HasPrefix(v.Case, "all Keycloak sessions"):
			s = w.login(t, "alice")
			realm.EndSessions(t, "alice")
			delete(in, "alice")
		case strings.HasPrefix(v.Case, "EXPLOIT after logout"):
			s = w.login(t, "alice")
			w.get(t, "/oauth/logout", s)
		case strings.HasPrefix(v.Case, "logout by cross-site"):
			s = w.login(t, "alice")
		case strings.HasPrefix(v.Case, "tampered"):
			s = demotest.Tamper(loggedIn(t, "alice"))
		case v.Request.Headers.Get("Cookie") != "":
			s = loggedIn(t, who(v.Case))
		}
		if v.Request.Headers.Get("Cookie") != "" {
			v.Request.Headers["Cookie"] = []string{cookie + "=" + s}
		}
		vars["keycloak"], vars["realm"] = strings.TrimPrefix(realm.ServerURL, "http://"), realm.Name
		if strings.HasPrefix(v.Case, "login") {
			delete(vars, "state") // the answer makes one
		}
		return demotest.Target{URL: w.URL, Vars: vars}
	})
}
