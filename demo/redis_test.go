package demo_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
)

// replies has a lossy connection answer everything that is sent with one text.
func replies(text string) func(net.Conn) {
	return func(c net.Conn) {
		buf := make([]byte, 64<<10)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			if _, err := c.Write([]byte(text)); err != nil {
				return
			}
		}
	}
}

// TestRedisThatFailsLogsNobodyOut puts the sessions of every system into a real Redis
// and has the way to it fail in every fashion: 503, and neither the page nor a redirect
// to a login; when Redis is back whoever was logged in still is.
func TestRedisThatFailsLogsNobodyOut(t *testing.T) {
	redis, _ := demotest.Redis(t)
	u, err := url.Parse(redis)
	if err != nil {
		t.Fatal(err)
	}
	way := demotest.NewLossy(t, u.Host)
	store, stop, err := gate.OpenStore(t.Context(), "redis://"+way.Addr+"/0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	s := demotest.NewWorld(t).Site(t, nil, func(e *gate.Env) { e.Store = store })
	faults := map[string]func(net.Conn){
		"refused": func(net.Conn) {}, "an error": replies("-ERR canary-redis\r\n"), "loading": replies("-LOADING Redis is loading the dataset in memory\r\n"),
		"a cluster that is down": replies("-CLUSTERDOWN The cluster is down\r\n"), "a login is needed": replies("-NOAUTH Authentication required.\r\n"),
		"a number": replies(":1\r\n"), "nonsense": replies("HTTP/1.1 400 Bad Request\r\n\r\n"), "half an answer": func(c net.Conn) {
			buf := make([]byte, 64<<10)
			_, _ = c.Read(buf)
			_, _ = c.Write([]byte("$100\r\nabc"))
		}, "a session that is none": replies("$3\r\nabc\r\n"), "no answer": func(c net.Conn) {
			buf := make([]byte, 64<<10)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
			}
		},
	}
	cases := 0
	for _, id := range sessionSystems {
		b := logIn(t, modes[0], s, id)
		for name, f := range faults {
			if id != "form-login" && name != "refused" { // the way is one for all
				continue
			}
			before := map[string]string{}
			for k, v := range b.Cookies {
				before[k] = v
			}
			way.Answer(f)
			for _, path := range []string{inside[id].path, "/"} {
				a := b.Ask(http.MethodGet, "/s/"+id+path, "")
				cases++
				if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "5" || a.Header.Get("Location") != "" || a.Decision.Outcome != decisions.Failed || !strings.HasSuffix(string(a.Decision.Reason), ":sessions") {
					t.Errorf("%s%s, Redis: %s: %d %s %s", id, path, name, a.Status, a.Decision.Outcome, a.Decision.Reason)
				}
				if strings.Contains(a.Body, "canary") || strings.Contains(a.Body, inside[id].word) {
					t.Errorf("%s, Redis: %s: %s", id, name, a.Body)
				}
			}
			if a := b.Ask(http.MethodPost, logoutPath(id), ""); a.Status != http.StatusServiceUnavailable { // never "you are logged out"
				t.Errorf("%s, Redis: %s: logout answers %d", id, name, a.Status)
			}
			way.Answer(nil)
			b.Cookies = before
			if !isIn(b, id) {
				t.Errorf("%s: logged out by a Redis that was away (%s)", id, name)
			}
		}
	}
	t.Logf("%d requests of %d systems with a Redis that fails", cases, len(sessionSystems))
}
