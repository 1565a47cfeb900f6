package courses_test

import (
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

// TestRealKeycloak takes the access tokens of a real realm, and none of its other tokens.
func TestRealKeycloak(t *testing.T) {
	realm := demotest.NewRealm(t, "http://127.0.0.1:1")
	s := demotest.Start(t, server.Options{Systems: []string{"jwt-courses"},
		Env: gate.Env{KeycloakURL: realm.ServerURL, Realm: realm.Name, Tokens: gate.TokenIssuer{Audience: demotest.Audience}}})
	tokens := realm.Grant(t, "alice")
	if a := get(t, s.URL, tokens.Access); a.Status != 200 || len(a.Body) != 607 {
		t.Errorf("an access token: %d %s", a.Status, a.Body)
	}
	d := s.Ring.Since("", "", 1)
	if len(d) != 1 || d[0].Subject.User != "alice" || d[0].Subject.Realm != realm.Name {
		t.Errorf("decided %+v", d)
	}
	for name, token := range map[string]string{"ID": tokens.ID, "refresh": tokens.Refresh} {
		if a := get(t, s.URL, token); a.Status != 401 {
			t.Errorf("an %s token: %d %s", name, a.Status, a.Body)
		}
	}
	other := demotest.Start(t, server.Options{Systems: []string{"jwt-courses"}, Env: gate.Env{KeycloakURL: realm.ServerURL, Realm: realm.Name}})
	if a := get(t, other.URL, tokens.Access); code(a) != "invalid_claims" {
		t.Errorf("a token for another API: %d %s", a.Status, a.Body)
	}
}
