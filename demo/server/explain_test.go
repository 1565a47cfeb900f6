package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

// TestExplain asks over the private socket what would be decided, with every kind of
// answer, and looks that nothing came of it.
func TestExplain(t *testing.T) {
	dir, err := os.MkdirTemp("", "gh") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	people := []gate.Person{{Key: "ann", Username: "ann.o", Password: "a password of this test", Roles: []string{"admin"}}, {Key: "bo", Username: "bo.o", Password: "another password", Note: "suspended"}}
	s := demotest.Start(t, server.Options{Systems: []string{"basic", "fl-session", "eve-global"}, DebugSocket: filepath.Join(dir, "s"), Env: gate.Env{People: people}})
	client := decisions.New(filepath.Join(dir, "s"))
	a := demotest.Send(t, http.MethodPost, s.URL, "/s/fl-session/login", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "username=ann.o&password=a+password+of+this+test")
	cookie := strings.Split(a.Header.Get("Set-Cookie"), ";")[0]
	before, log := len(s.Ring.Since("", "", 0)), s.Log.String()
	for name, c := range map[string]struct {
		q       decisions.Explain
		outcome decisions.Outcome
		reason  decisions.Reason
		status  int
	}{
		"public":                     {decisions.Explain{System: "fl-session", Method: "GET", Path: "/login"}, decisions.Allowed, decisions.Public, 0},
		"nobody":                     {decisions.Explain{System: "fl-session", Method: "GET", Path: "/protected"}, decisions.Denied, decisions.NoCredential, 302},
		"a session":                  {decisions.Explain{System: "fl-session", Method: "GET", Path: "/protected", Headers: map[string]string{"Cookie": cookie}}, decisions.Allowed, decisions.OK, 0},
		"a person":                   {decisions.Explain{System: "basic", Method: "GET", Path: "/secret-page", As: "ann"}, decisions.Allowed, decisions.OK, 0},
		"a wrong password":           {decisions.Explain{System: "basic", Method: "GET", Path: "/secret-page", Headers: map[string]string{"Authorization": "Basic YTpi"}}, decisions.Denied, decisions.BadPassword, 401},
		"a path with a part of data": {decisions.Explain{System: "eve-global", Method: "DELETE", Path: "/people/x1"}, decisions.Denied, decisions.NoCredential, 401},
	} {
		d, err := client.Explain(t.Context(), c.q)
		if err != nil || d.Outcome != c.outcome || d.Reason != c.reason || d.Status != c.status || d.System != c.q.System || d.Policy.Kind == "" {
			t.Errorf("%s: %v %s %s %d", name, err, d.Outcome, d.Reason, d.Status)
		}
	}
	for name, q := range map[string]decisions.Explain{"system": {System: "x", Method: "GET", Path: "/"}, "route": {System: "basic", Method: "GET", Path: "/x"},
		"method": {System: "basic", Method: "PATCH", Path: "/"}, "person": {System: "basic", Method: "GET", Path: "/", As: "x"}} {
		if _, err := client.Explain(t.Context(), q); !clients.Is(err, clients.NotFound) {
			t.Errorf("an unknown %s: %v", name, err)
		}
	}
	if after := len(s.Ring.Since("", "", 0)); after != before {
		t.Errorf("%d decisions were kept of what nobody sent", after-before)
	}
	if s.Log.String() != log {
		t.Errorf("the log has it: %s", strings.TrimPrefix(s.Log.String(), log))
	}
}
