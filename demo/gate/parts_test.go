package gate_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/clients"
	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

func TestPasswords(t *testing.T) {
	c := newClock()
	p := gate.NewPasswords(bcrypt.MinCost, c.now)
	ctx := t.Context()
	h, err := p.New("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, time := range []string{"the first", "the second"} { // the second is answered from what is remembered
		if !p.Verify(ctx, h, "correct horse") || p.Verify(ctx, h, "wrong") || p.Verify(ctx, nil, "correct horse") {
			t.Errorf("right and wrong are not told apart %s time", time)
		}
	}
	if _, err := p.New(strings.Repeat("a", 73)); !errors.Is(err, gate.ErrTooLong) {
		t.Errorf("a password of 73 bytes is taken: %v", err)
	}
	long := strings.Repeat("a", 72)
	if h, err = p.New(long); err != nil || !p.Verify(ctx, h, long) || p.Verify(ctx, h, long+"a") {
		t.Errorf("72 bytes and 73 are not told apart (%v)", err)
	}
	if p.Verify(ctx, p.Stored("plain text"), "plain text") || p.Verify(ctx, p.Stored(""), "") {
		t.Error("what is no hash matches")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if p.Verify(gone, h, "x") {
		t.Error("a client that went away is let in")
	}
}

func TestLimitsAreKeptAndBounded(t *testing.T) {
	c := newClock()
	l := gate.NewLimits(gate.Story, c.now)
	try := func(system, account, ip string, failed bool) bool {
		leave, wait := l.Enter(t.Context(), system, account, ip)
		if leave == nil {
			if wait <= 0 {
				t.Errorf("has to wait %v", wait)
			}
			return false
		}
		leave(failed)
		return true
	}
	for n := range 5 {
		if !try("app", "ann", "10.0.0.1", true) {
			t.Fatalf("try %d has to wait", n+1)
		}
	}
	if try("app", "ann", "10.0.0.2", true) {
		t.Error("a sixth try at an account is let through from elsewhere")
	}
	if !try("app", "bob", "10.0.0.1", false) || !try("other", "ann", "10.0.0.3", false) {
		t.Error("somebody else has to wait")
	}
	c.move(12*time.Second - time.Millisecond)
	if try("app", "ann", "10.0.0.2", false) {
		t.Error("a try has come back early")
	}
	c.move(2 * time.Millisecond)
	if !try("app", "ann", "10.0.0.2", false) {
		t.Error("still locked when a try has come back")
	}
	for range 100 {
		if !try("app", "carol", "10.0.0.4", false) {
			t.Fatal("who knows the password has to wait")
		}
	}
	for i := range 20 {
		if !try("app", fmt.Sprint("user", i), "10.0.0.9", true) {
			t.Fatalf("try %d of an address has to wait", i+1)
		}
	}
	if try("app", "fresh", "10.0.0.9", true) {
		t.Error("an address may try for ever")
	}
	for i := range 30_000 {
		try("app", fmt.Sprint("made-up-", i), fmt.Sprint("ip", i), true)
	}
	if l.Len() > 10_000 {
		t.Errorf("%d keys are remembered", l.Len())
	}
}

// TestManyTriesAtOnceAreNoWayRound: tries that are under way count, so that who sends
// a thousand at once gets no further than who sends one after the other.
func TestManyTriesAtOnceAreNoWayRound(t *testing.T) {
	c := newClock()
	l := gate.NewLimits(gate.Story, c.now)
	var looked atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if leave, _ := l.Enter(t.Context(), "app", "ann", "10.0.0.1"); leave != nil {
				looked.Add(1)
				runtime.Gosched()
				leave(true)
			}
		})
	}
	wg.Wait()
	if n := looked.Load(); n != 5 {
		t.Errorf("%d of 200 passwords were looked at", n)
	}
	looked.Store(0)
	hold := make(chan struct{})
	var entered sync.WaitGroup
	entered.Add(200)
	for i := range 200 {
		wg.Go(func() {
			leave, _ := l.Enter(t.Context(), "app", fmt.Sprint("user", i), "10.0.0.2")
			entered.Done()
			if leave != nil {
				looked.Add(1)
				<-hold
				leave(true)
			}
		})
	}
	entered.Wait()
	close(hold)
	wg.Wait()
	if n := looked.Load(); n != 20 {
		t.Errorf("%d of 200 accounts were tried from one address", n)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	held, _ := l.Enter(t.Context(), "app", "dora", "10.0.0.3")
	if leave, _ := l.Enter(gone, "app", "dora", "10.0.0.3"); leave != nil {
		t.Error("a client that went away is let in before its turn")
	}
	held(false)
}

// socket serves the private socket of a server.
func socket(t *testing.T, s *gate.Server) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gh") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "d", "s.sock")
	l, err := gate.ListenDebug(path)
	if err != nil {
		t.Fatal(err)
	}
	h := gate.HTTPServer(s.DebugHandler())
	go func() { _ = h.Serve(l) }()
	t.Cleanup(func() { _ = h.Close(); _ = os.RemoveAll(dir) })
	return path
}

func TestDecisionsAreToldOnAPrivateSocket(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	path := socket(t, s)
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if i, err := os.Stat(p); err != nil || i.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", p, i.Mode(), err, want)
		}
	}
	if _, err := gate.ListenDebug(path); err == nil {
		t.Error("a second server takes the socket of the first")
	}
	c := decisions.New(path)
	first := ask(s, "GET", "/s/app/", nil).Header.Get("X-Gatehouse-Decision")
	denied := ask(s, "GET", "/s/app/admin", nil).Header.Get("X-Gatehouse-Decision")
	list, err := c.List(t.Context(), decisions.Query{})
	if err != nil || len(list) != 2 || list[0].ID != first || list[1].ID != denied {
		t.Fatalf("%v %v", list, err)
	}
	d, err := c.Get(t.Context(), denied)
	if err != nil || d.Outcome != decisions.Denied || d.Reason != decisions.RoleMissing || d.Status != 403 || d.Request.Route != "GET /admin" || d.Policy.Roles[0] != "admin" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := c.Get(t.Context(), "nope"); !clients.Is(err, clients.NotFound) {
		t.Errorf("an unknown id: %v", err)
	}
	if sys, err := c.Systems(t.Context()); err != nil || len(sys) != 1 || len(sys[0].Routes) != 8 {
		t.Errorf("%v %v", sys, err)
	}
	raw := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	for _, c := range []struct{ host, origin string }{{"gatehouse", "http://evil.example"}, {"localhost", ""}, {"evil.example", ""}} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+c.host+"/debug/decisions", nil)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		resp, err := raw.Do(r)
		if err != nil || resp.StatusCode != 403 {
			t.Errorf("%v: %v %v", c, resp, err)
		}
	}
	for _, path := range []string{"/debug/decisions", "/s/app/debug/decisions"} {
		if got := ask(s, "GET", path, nil).StatusCode; got != 404 {
			t.Errorf("the public server answers %d to %s", got, path)
		}
	}
}

func TestFollowingHasNoGap(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	c := decisions.New(socket(t, s))
	var want []string
	request := func() { want = append(want, ask(s, "GET", "/s/app/", nil).Header.Get("X-Gatehouse-Decision")) }
	request()
	request()
	got := make(chan string, 100)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- c.Follow(ctx, decisions.Query{Since: want[0]}, func(d decisions.Decision) error { got <- d.ID; return nil }, nil)
	}()
	for i := 1; i < 20; i++ {
		select {
		case id := <-got:
			if id != want[i] {
				t.Fatalf("%d: %s, want %s", i, id, want[i])
			}
		case <-ctx.Done():
			t.Fatal("nothing comes")
		}
		request()
	}
	cancel()
	if err := <-ended; !clients.Is(err, clients.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestASlowFollowerLosesAndIsTold(t *testing.T) {
	var ran atomic.Int64
	s := serve(t, &gate.Env{}, guarded(&ran))
	_, f, stop := s.Ring.Follow("", "")
	defer stop()
	for range 1300 {
		ask(s, "GET", "/s/app/", nil)
	}
	if len(f.C) != 256 || f.Dropped() != 1300-256 {
		t.Errorf("%d are kept for it, %d lost", len(f.C), 1300-256)
	}
	if n := len(s.Ring.Since("", "", 0)); n != 1000 {
		t.Errorf("%d are kept", n)
	}
}

// issuer publishes keys and counts how often it is asked.
type issuer struct {
	*httptest.Server
	asked atomic.Int64
	body  atomic.Value
	down  atomic.Bool
}

func jwk(id string, k *rsa.PublicKey) string {
	return fmt.Sprintf(`{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}`, id,
		base64.RawURLEncoding.EncodeToString(k.N.Bytes()), base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes()))
}

func newIssuer(t *testing.T, keys ...string) *issuer {
	i := &issuer{}
	i.body.Store(`{"keys":[` + strings.Join(keys, ",") + `]}`)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		if i.down.Load() {
			w.WriteHeader(500)
			return
		}
		fmt.Fprint(w, i.body.Load())
	}))
	t.Cleanup(i.Close)
	return i
}

func TestKeysOfAnIssuer(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := newClock()
	env := &gate.Env{Now: c.now}
	if err := env.Complete(nil); err != nil {
		t.Fatal(err)
	}
	i := newIssuer(t, jwk("k1", &key.PublicKey), `{"kty":"oct","kid":"sym","k":"c2VjcmV0"}`)
	k, err := env.NewKeys(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	find := func(id string) error { _, err := k.Find(t.Context(), id); return err }
	if got, err := k.Find(t.Context(), "k1"); err != nil || got.Key.(*rsa.PublicKey).N.Cmp(key.N) != 0 {
		t.Fatal(got, err)
	}
	if err := find("sym"); !errors.Is(err, gate.ErrNoKey) {
		t.Errorf("a symmetric key of a key set is taken: %v", err)
	}
	for n := range 1000 {
		if err := find(fmt.Sprint("made-up-", n)); !errors.Is(err, gate.ErrNoKey) {
			t.Fatal(err)
		}
	}
	if n := i.asked.Load(); n > 1 {
		t.Errorf("1000 made-up key ids ask the issuer %d times", n)
	}
	i.body.Store(`{"keys":[` + jwk("k2", &key.PublicKey) + `]}`)
	c.move(11 * time.Second)
	if find("k2") != nil {
		t.Error("a new key is not seen")
	}
	i.down.Store(true)
	c.move(30 * time.Minute)
	if find("k2") != nil {
		t.Error("a key that is kept does not help while the issuer is down")
	}
	c.move(2 * time.Hour)
	if err := find("k2"); err == nil || errors.Is(err, gate.ErrNoKey) {
		t.Errorf("a key of two hours ago: %v", err)
	}
	for _, bad := range []string{"ftp://x/", "http://keys.example/", "::", ""} {
		if _, err := env.NewKeys(bad); err == nil {
			t.Errorf("keys are taken from %q", bad)
		}
	}
}

func TestAKeySetThatMeansNothing(t *testing.T) {
	many, _ := json.Marshal(make([]int, 101))
	for name, body := range map[string]string{"html": "<p>", "list": "[]", "null": "null", "no keys": "{}", "too many": `{"keys":` + string(many) + `}`, "huge": `{"keys":[],"x":"` + strings.Repeat("x", 300<<10) + `"}`} {
		env := &gate.Env{}
		if err := env.Complete(nil); err != nil {
			t.Fatal(err)
		}
		i := newIssuer(t)
		i.body.Store(body)
		k, err := env.NewKeys(i.URL)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Find(t.Context(), "k1"); err == nil || errors.Is(err, gate.ErrNoKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAPlainPageIsTheSameHoweverItIsDrawn draws a page without the templates and with
// them, hostile texts included.
func TestAPlainPageIsTheSameHoweverItIsDrawn(t *testing.T) {
	evil := `<script>alert("x")</script>&'`
	p := gate.Plain{Title: evil, Alert: evil, Lines: []string{evil}, Details: [][2]string{{evil, evil}}, Links: []gate.Link{{Text: evil, Href: "/a?b=" + evil}}}
	page := func(p gate.Plain) string {
		s := serve(t, &gate.Env{}, &gate.System{ID: "app", Routes: []gate.Route{{Method: "GET", Path: "/", Policy: gate.Public("x"), Serve: func(c *gate.Call) { c.Plain(200, p) }}}})
		return body(ask(s, "GET", "/s/app/", nil))
	}
	fast := page(p)
	p.Links = append(p.Links, gate.Link{Text: "x", Href: "javascript:alert(1)"}) // leads to the templates
	slow := page(p)
	for name, b := range map[string]string{"fast": fast, "slow": slow} {
		if strings.Contains(b, "<script") || strings.Contains(b, `href="javascript:`) || strings.Contains(b, `b=<`) || !strings.Contains(b, "<title>&lt;script&gt;") || strings.Contains(b, "TOKEN") {
			t.Errorf("%s: %s", name, b)
		}
	}
	if head := func(s string) string { return strings.TrimSpace(s[:strings.Index(s, "<h1>")]) }; head(fast) != head(slow) {
		t.Errorf("%s\n%s", head(fast), head(slow))
	}
}
