package flsession_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/flsession"
	"gatehouse/demo/vectors"
)

// clock is the time of a test.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type running struct {
	*clock
	id, url string
}

// serve runs a variant of a system, at /.
func serve(t *testing.T, id string, loginView bool, protect string, timeout bool, o gate.SessionOptions) *running {
	t.Helper()
	r := &running{clock: &clock{t: time.Now()}, id: id}
	env := gate.Env{Accounts: gate.Seeds, BcryptCost: bcrypt.MinCost, Now: r.now}
	if err := env.Complete(nil); err != nil {
		t.Fatal(err)
	}
	s, err := flsession.Variant(&env, id, loginView, protect, timeout, o)
	if err != nil {
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(nil)
	g, err := gate.New(&env, gate.Config{PublicURL: "http://" + h.Listener.Addr().String(), Alone: true}, s)
	if err != nil {
		t.Fatal(err)
	}
	h.Config.Handler = g.Handler()
	h.Start()
	t.Cleanup(h.Close)
	r.url = h.URL
	return r
}

// cookies of one login.
type cookies struct{ session, remember string }

func (r *running) header(c cookies) string {
	var out []string
	if c.remember != "" {
		out = append(out, "__Host-gh_"+r.id+".remember_token="+c.remember)
	}
	if c.session != "" {
		out = append(out, "__Host-gh_"+r.id+"="+c.session)
	}
	return strings.Join(out, "; ")
}

func (r *running) read(a vectors.Answer) (c cookies) {
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		switch {
		case k.MaxAge < 0:
		case strings.HasSuffix(k.Name, ".remember_token"):
			c.remember = k.Value
		default:
			c.session = k.Value
		}
	}
	return c
}

func (r *running) login(t *testing.T, more string) cookies {
	t.Helper()
	a := demotest.Send(t, "POST", r.url, "/login", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"agent-A"}}, "username=alice&password=secret"+more)
	c := r.read(a)
	if c.session == "" {
		t.Fatalf("no session: %d %s", a.Status, a.Body)
	}
	return c
}

func (r *running) get(t *testing.T, path string, c cookies) vectors.Answer {
	return demotest.Send(t, "GET", r.url, path, http.Header{"Cookie": {r.header(c)}, "User-Agent": {"agent-A"}}, "")
}

func TestVectors(t *testing.T) {
	usual := serve(t, "fl-session", true, "basic", false, gate.SessionOptions{})
	noView := serve(t, "fl-session", false, "basic", false, gate.SessionOptions{})
	strict := serve(t, "fl-session", true, "strong", false, gate.SessionOptions{})
	open := serve(t, "fl-session", true, "none", false, gate.SessionOptions{})
	demotest.Replay(t, "fl-session", func(t *testing.T, v *vectors.Vector) demotest.Target {
		r := usual
		switch {
		case strings.HasPrefix(v.Setup, "login_view unset"):
			r = noView
		case strings.HasPrefix(v.Setup, "session_protection=strong"):
			r = strict
		case strings.HasPrefix(v.Setup, "session_protection=None"):
			r = open
		}
		sent := v.Request.Headers.Get("Cookie")
		if sent == "" {
			return demotest.Target{URL: r.url}
		}
		c := r.login(t, "&remember=1")
		switch {
		case strings.Contains(v.Case, "bob"), strings.Contains(v.Case, "inactive user, forced"):
			c = cookies{session: "x"} // nobody can be logged in as somebody who is suspended
		case strings.HasPrefix(v.Case, "tampered"):
			c.session = demotest.Tamper(c.session)
		case strings.HasPrefix(v.Case, "remember cookie for another id"), strings.Contains(sent, "garbage"):
			c.remember = "garbage"
		case strings.HasPrefix(v.Case, "EXPLOIT"):
			r.get(t, "/logout", c)
		case strings.HasPrefix(v.Case, "reauth page"):
			r.get(t, "/fresh-only", cookies{remember: c.remember})
			c = r.read(r.get(t, "/fresh-only", cookies{remember: c.remember}))
		case strings.HasPrefix(v.Case, "session fixation"):
			c = r.read(r.get(t, "/protected", cookies{}))
		}
		if !strings.Contains(sent, "remember_token") {
			c.remember = ""
		}
		if !strings.Contains(sent, "session=") {
			c.session = ""
		}
		v.Request.Headers["Cookie"] = []string{r.header(c)}
		return demotest.Target{URL: r.url}
	})
}

func TestTimeoutVectors(t *testing.T) {
	demotest.Replay(t, "fl-timeout", func(t *testing.T, v *vectors.Vector) demotest.Target {
		permanent := !strings.Contains(v.Setup, "NOT permanent") && !strings.HasPrefix(v.Setup, "defaults")
		idle := 2 * time.Second
		if strings.HasPrefix(v.Setup, "defaults") {
			idle = time.Hour
		}
		r := serve(t, "fl-timeout", true, "basic", permanent, gate.SessionOptions{Idle: idle, Lifetime: time.Hour})
		if v.Request.Headers.Get("Cookie") == "" {
			return demotest.Target{URL: r.url}
		}
		c := r.login(t, "&remember=1")
		if !strings.Contains(v.Request.Headers.Get("Cookie"), "remember_token") {
			c.remember = ""
		}
		switch {
		case v.Case == "after 1 s":
			r.pass(time.Second)
		case strings.Contains(v.Case, "sliding"):
			for range 5 {
				r.pass(time.Second)
				r.get(t, "/protected", c)
			}
			r.pass(time.Second)
		case strings.Contains(v.Case, "6 s old"):
			r.pass(6 * time.Second)
		default:
			r.pass(3500 * time.Millisecond)
		}
		v.Request.Headers["Cookie"] = []string{r.header(c)}
		return demotest.Target{URL: r.url}
	})
}

func TestLifetimeEndsASessionThatIsUsed(t *testing.T) {
	r := serve(t, "fl-timeout", true, "basic", true, gate.SessionOptions{Idle: 10 * time.Minute, Lifetime: 25 * time.Minute})
	c := r.login(t, "")
	for i := range 5 {
		r.pass(5 * time.Minute)
		if a := r.get(t, "/protected", c); a.Status != 200 {
			t.Fatalf("after %d minutes: %d", 5*(i+1), a.Status)
		}
	}
	r.pass(time.Minute)
	if a := r.get(t, "/protected", c); a.Status != http.StatusFound {
		t.Errorf("past its lifetime: %d", a.Status)
	}
}

func TestFreshIsNotForever(t *testing.T) {
	r := serve(t, "fl-session", true, "basic", false, gate.SessionOptions{Idle: time.Hour})
	c := r.login(t, "")
	if a := r.get(t, "/fresh-only", c); a.Status != 200 {
		t.Fatal(a.Status)
	}
	r.pass(16 * time.Minute)
	if a := r.get(t, "/fresh-only", c); a.Status != http.StatusFound || !strings.HasPrefix(a.Header.Get("Location"), "/reauth?next=") {
		t.Errorf("a password of 16 minutes ago: %d %s", a.Status, a.Header.Get("Location"))
	}
	if a := r.get(t, "/protected", c); a.Status != 200 {
		t.Errorf("the rest: %d", a.Status)
	}
}

func TestNextLeadsNowhereElse(t *testing.T) {
	r := serve(t, "fl-session", true, "basic", false, gate.SessionOptions{})
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"} {
		a := demotest.Send(t, "POST", r.url, "/login?next="+url.QueryEscape(next), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"text/html"}}, "username=alice&password=secret")
		if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/" {
			t.Errorf("%q: %d %q", next, a.Status, a.Header.Get("Location"))
		}
	}
}
