package gate_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
)

// TestSessionsInRedis has two instances share their sessions in a real Redis, and
// takes it away: nobody is let in, and it is a 503.
func TestSessionsInRedis(t *testing.T) {
	url, stop := demotest.Redis(t)
	var ran atomic.Int64
	instance := func() *gate.Server {
		store, end, err := gate.OpenStore(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = end() })
		return serve(t, &gate.Env{Store: store}, guarded(&ran))
	}
	a, b := instance(), instance()
	k := session(t, ask(a, "POST", "/s/app/login", nil))
	for range 20 {
		for _, s := range []*gate.Server{a, b} {
			if got := ask(s, "GET", "/s/app/me", withCookie(k)).StatusCode; got != 200 {
				t.Fatalf("an instance answers %d", got)
			}
		}
	}
	ask(b, "POST", "/s/app/logout", withCookie(k))
	if got := ask(a, "GET", "/s/app/me", withCookie(k)).StatusCode; got != 401 {
		t.Errorf("after the logout at one instance the other answers %d", got)
	}
	k = session(t, ask(a, "POST", "/s/app/login", nil))
	before := ran.Load()
	stop()
	if resp := ask(a, "GET", "/s/app/me", withCookie(k)); resp.StatusCode != http.StatusServiceUnavailable || ran.Load() != before {
		t.Errorf("without Redis: %d", resp.StatusCode)
	}
	if _, _, err := gate.OpenStore(t.Context(), url); err == nil {
		t.Error("a server starts without its Redis")
	}
	for _, bad := range []string{"http://x", "redis://user:canary@[", "mongo://x"} {
		if _, _, err := gate.OpenStore(t.Context(), bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
