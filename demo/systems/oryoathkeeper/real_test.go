package oryoathkeeper_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// TestThroughOathkeeper goes the whole way: browser, real Oathkeeper, Kratos, Keto,
// application, with the header and id_token mutators.
func TestThroughOathkeeper(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	listen := demotest.FreePort(t)
	p := demotest.Oathkeeper(t, stack.OathkeeperFiles{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, UIURL: ui, UpstreamURL: "http://" + listen})
	s := demotest.Start(t, server.Options{Systems: []string{"ory-oathkeeper", "ory-home"}, Listen: listen,
		Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: ui, OathkeeperProxyURL: p.ProxyURL, OathkeeperAPIURL: p.APIURL}})
	ann := demotest.NewIdentity(t, kratos, demotest.Unique("ann"))
	cookie := "ory_kratos_session=" + ann.Cookie(t)
	get := func(base, path string, h http.Header) int {
		t.Helper()
		if h == nil {
			h = http.Header{}
		}
		return demotest.Send(t, http.MethodGet, base, path, h, "").Status
	}
	with := http.Header{"Cookie": {cookie}, "X-User": {"admin"}, "Authorization": {"Bearer made-up"}}
	if got := get(p.ProxyURL, "/homepage", with); got != 403 {
		t.Errorf("without the tuple: %d", got)
	}
	demotest.Allow(t, keto, ann.ID)
	if got := get(p.ProxyURL, "/homepage", with); got != 200 {
		t.Errorf("with the tuple: %d", got)
	}
	if d := s.Ring.Since("", "ory-oathkeeper", 1); len(d) != 1 || d[0].Subject.IdentityID != ann.ID || !strings.EqualFold(d[0].Subject.Email, ann.Email) || d[0].Reason != decisions.OK {
		t.Errorf("who came through the proxy: %+v", d)
	}
	demotest.Deny(t, keto, ann.ID)
	if got := get(p.ProxyURL, "/homepage", with); got != 403 {
		t.Errorf("with the tuple removed: %d", got)
	}
	if got := get(p.ProxyURL, "/oathkeeper", with); got != 200 {
		t.Errorf("a session alone: %d", got)
	}
	token := http.Header{"X-Session-Token": {ann.Token(t)}}
	if got := get(p.ProxyURL, "/oathkeeper", token); got != 200 {
		t.Errorf("a session token: %d", got)
	}
	for name, h := range map[string]http.Header{"nothing": {}, "cookie": {"Cookie": {cookie}}, "X-User": {"X-User": {"admin"}}, "X_User": {"X_User": {"admin"}}, "garbage": {"Authorization": {"Bearer a.b.c"}},
		"none": {"Authorization": {"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."}}, "basic": {"Authorization": {"Basic YTpi"}}} {
		if got := get(s.URL, "/s/ory-oathkeeper/oathkeeper", h); got != 401 {
			t.Errorf("past the proxy with %s: %d", name, got)
		}
	}
}

// TestTheSubjectCollisionThroughOathkeeper: the rules that every stack uses ask Keto
// for the identity's id, so that somebody whose e-mail is the victim's once the @ is
// gone is not let in; under the original's rule they are.
func TestTheSubjectCollisionThroughOathkeeper(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	local, domain, _ := strings.Cut(demotest.Unique("victim"), "@")
	victim, attacker := demotest.NewIdentity(t, kratos, local+"x@"+domain), demotest.NewIdentity(t, kratos, local+"@x"+domain)
	demotest.Allow(t, keto, victim.ID)
	demotest.Allow(t, keto, local+"x"+domain)
	for subject, want := range map[string]int{"": http.StatusForbidden, `{{ .Extra.identity.traits.email | replace "@" "" | toJson }}`: http.StatusOK} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := demotest.Oathkeeper(t, stack.OathkeeperFiles{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, UIURL: ui, UpstreamURL: "http://" + l.Addr().String(), Subject: subject})
		demotest.Start(t, server.Options{Systems: []string{"ory-oathkeeper"}, Listen: l.Addr().String(), Listener: l, Env: gate.Env{OathkeeperProxyURL: p.ProxyURL, OathkeeperAPIURL: p.APIURL}})
		for who, want := range map[*demotest.Identity]int{victim: http.StatusOK, attacker: want} {
			if a := demotest.Send(t, http.MethodGet, p.ProxyURL, "/homepage", http.Header{"Cookie": {"ory_kratos_session=" + who.Cookie(t)}}, ""); a.Status != want {
				t.Errorf("subject %q: %s gets %d, want %d", subject, who.Email, a.Status, want)
			}
		}
	}
}

// TestTheProofIsNeeded leaves Oathkeeper's keys unreachable: nobody is let in, and it
// is a 503 and no refusal.
func TestTheProofIsNeeded(t *testing.T) {
	s := demotest.Start(t, server.Options{Systems: []string{"ory-oathkeeper"}, Env: gate.Env{OathkeeperProxyURL: "http://127.0.0.1:1", OathkeeperAPIURL: "http://" + demotest.FreePort(t)}})
	// A header with a key id, so that the key has to be asked for.
	h := http.Header{"Authorization": {"Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiJhIn0.AAAA"}}
	if a := demotest.Send(t, http.MethodGet, s.URL, "/oathkeeper", h, ""); a.Status != 503 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	trusting := demotest.Start(t, server.Options{Systems: []string{"ory-oathkeeper"}, Env: gate.Env{TrustProxyHeaders: true}})
	if a := demotest.Send(t, http.MethodGet, trusting.URL, "/oathkeeper", http.Header{"X-User": {"admin"}}, ""); a.Status != 200 || len(trusting.Systems()[0].Warn) == 0 {
		t.Errorf("the way of the original: %d, warned %v", a.Status, trusting.Systems()[0].Warn)
	}
}
