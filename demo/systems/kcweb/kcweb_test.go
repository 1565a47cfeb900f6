package kcweb_test

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
)

// TestRoles is the story of a role on the real Keycloak: one that is added counts
// after the next login, and the page says so; one that is removed, a session that is
// ended and a person who is disabled count at once; so does a logout, for a copy of
// the cookie too.
func TestRoles(t *testing.T) {
	listen := demotest.FreePort(t)
	realm := demotest.NewRealm(t, "http://"+listen)
	w := serve(t, realm, listen, nil)
	expect := func(s, path string, status int, why decisions.Reason) {
		t.Helper()
		a := w.get(t, path, s)
		d := w.Ring.Since("", "", 1)
		if a.Status != status || len(d) != 1 || d[0].Reason != why {
			t.Errorf("%s: %d %+v, want %d %s", path, a.Status, d, status, why)
		}
	}
	s := w.login(t, "carol")
	expect(s, "/admin", 401, decisions.RoleMissing)
	realm.SetRole(t, "carol", "admin", true)
	if a := w.get(t, "/admin", s); a.Status != 401 || !strings.Contains(string(a.Body), "after you log in again") {
		t.Errorf("with the session from before: %d %s", a.Status, a.Body)
	}
	s = w.login(t, "carol")
	expect(s, "/admin", 200, decisions.OK)
	realm.SetRole(t, "carol", "admin", false)
	expect(s, "/admin", 401, decisions.RoleMissing)
	expect(s, "/profile", 200, decisions.OK)
	realm.Enable(t, "carol", false)
	expect(s, "/profile", 302, decisions.SessionInvalid)
	realm.Enable(t, "carol", true)

	s = w.login(t, "alice")
	w.down.Store(true)
	for _, path := range []string{"/admin", "/profile"} {
		if a := w.get(t, path, s); a.Status != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s without Keycloak: %d", path, a.Status)
		}
	}
	w.down.Store(false)
	expect(s, "/admin", 200, decisions.OK)
	a := demotest.Send(t, http.MethodPost, w.URL, "/oauth/logout", http.Header{"Cookie": {cookie + "=" + s}}, "")
	if to := a.Header.Get("Location"); a.Status != http.StatusSeeOther || !strings.HasPrefix(to, realm.URL+"/protocol/openid-connect/logout?id_token_hint=") {
		t.Errorf("logout: %d %s", a.Status, to)
	}
	expect(s, "/admin", 302, decisions.NoCredential)
	if resp, err := demotest.Client.Get(a.Header.Get("Location")); err != nil || resp.StatusCode != http.StatusFound {
		t.Errorf("Keycloak's end of it: %v %v", resp, err)
	} else {
		_ = resp.Body.Close()
	}
	if log := w.Log.String(); strings.Contains(log, "eyJ") || strings.Contains(log, realm.Secret) {
		t.Error("a token or a secret is in the log")
	}
}

// TestNext: the page that was asked for, of this server, and nothing else.
func TestNext(t *testing.T) {
	listen := demotest.FreePort(t)
	realm := demotest.NewRealm(t, "http://"+listen)
	w := serve(t, realm, listen, nil)
	for next, want := range map[string]string{"http://" + listen + "/admin": "/admin", "/profile": "/profile", "http://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/",
		"http://" + listen + ".evil.example/": "/", "http://" + listen + "@evil.example/": "/"} {
		a := w.get(t, "/oauth/login?next="+next, "")
		b := w.get(t, realm.Authorize(t, a.Header.Get("Location"), "alice"), session(a))
		if b.Status != http.StatusFound || b.Header.Get("Location") != want {
			t.Errorf("%s: %d %s, want %s", next, b.Status, b.Header.Get("Location"), want)
		}
	}
}
