package formlogin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

const cookie = "__Host-gh_form-login"

func start(t *testing.T) *demotest.Running {
	return demotest.Start(t, server.Options{Systems: []string{"form-login"}, Env: gate.Env{Accounts: gate.Seeds}})
}

func post(t *testing.T, s *demotest.Running, path, token string, form url.Values) vectors.Answer {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if token != "" {
		h.Set("Cookie", cookie+"="+token)
	}
	return demotest.Send(t, "POST", s.URL, path, h, form.Encode())
}

// tokenOf is the session that an answer sets; empty when it sets none.
func tokenOf(a vectors.Answer) string {
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == cookie && c.MaxAge >= 0 {
			return c.Value
		}
	}
	return ""
}

func login(t *testing.T, s *demotest.Running) string {
	t.Helper()
	token := tokenOf(post(t, s, "/login", "", url.Values{"username": {"admin"}, "password": {"password"}}))
	if token == "" {
		t.Fatal("no session")
	}
	return token
}

func home(t *testing.T, s *demotest.Running, token string) string {
	return string(demotest.Send(t, "GET", s.URL, "/", http.Header{"Cookie": {cookie + "=" + token}}, "").Body)
}

func TestVectors(t *testing.T) {
	s := start(t)
	demotest.Replay(t, "form-login", func(t *testing.T, v *vectors.Vector) demotest.Target {
		vars := vectors.Vars{}
		if sent := v.Request.Headers["Cookie"]; len(sent) > 0 {
			token := login(t, s)
			if v.Case == "tampered cookie" {
				token = demotest.Tamper(token)
			}
			v.Request.Headers["Cookie"] = []string{cookie + "=" + token}
		}
		return demotest.Target{URL: s.URL, Vars: vars}
	})
}

func TestLogoutEndsTheSessionEverywhere(t *testing.T) {
	s := start(t)
	token := login(t, s)
	if !strings.Contains(home(t, s, token), "Hello Boss!") {
		t.Fatal("not logged in")
	}
	a := demotest.Send(t, "GET", s.URL, "/logout", http.Header{"Cookie": {cookie + "=" + token}, "Sec-Fetch-Site": {"cross-site"}}, "")
	if a.Status != 200 || !strings.Contains(home(t, s, token), "Hello Boss!") {
		t.Errorf("a link of another site logs out: %d", a.Status)
	}
	if a := post(t, s, "/logout", token, nil); a.Status != http.StatusSeeOther {
		t.Errorf("logout: %d", a.Status)
	}
	if strings.Contains(home(t, s, token), "Hello Boss!") {
		t.Error("a copied cookie outlives the logout")
	}
}

func TestTheTokenChangesAtLogin(t *testing.T) {
	s := start(t)
	planted := login(t, s)
	after := tokenOf(post(t, s, "/login", planted, url.Values{"username": {"python"}, "password": {"python"}}))
	if after == "" || after == planted || strings.Contains(home(t, s, planted), "Hello Boss!") {
		t.Errorf("the session that was there before counts after the login: %q %q", planted, after)
	}
	if log := s.Log.String(); strings.Contains(log, after) || strings.Contains(log, planted) {
		t.Error("a token is in the log")
	}
}
