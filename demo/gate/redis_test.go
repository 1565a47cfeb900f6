package gate_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/demo/gate"
)

// redisServer starts a real Redis for one test. Root on Debian installs its package
// where there is none.
func redisServer(t *testing.T) (url string, stop func()) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	if err != nil && os.Getuid() == 0 {
		_ = exec.CommandContext(t.Context(), "apt-get", "update").Run()
		_ = exec.CommandContext(t.Context(), "apt-get", "install", "-y", "-q", "redis-server").Run()
		bin, err = exec.LookPath("redis-server")
	}
	if err != nil {
		t.Skip("needs Redis: apt-get install redis-server, or put redis-server on the PATH")
	}
	for range 5 { // a port may be taken between finding and using it
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := l.Addr().String()
		_ = l.Close()
		cmd := exec.Command(bin, "--port", addr[strings.LastIndexByte(addr, ':')+1:], "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		var once atomic.Bool
		stop = func() {
			if once.CompareAndSwap(false, true) {
				_ = cmd.Process.Kill()
				<-done
			}
		}
		t.Cleanup(stop)
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if c, err := net.Dial("tcp", addr); err == nil {
				_ = c.Close()
				return "redis://" + addr + "/0", stop
			}
			select {
			case <-done:
				deadline = time.Time{}
			default:
			}
		}
	}
	t.Fatal("Redis does not start")
	return "", nil
}

// TestSessionsInRedis has two instances share their sessions in a real Redis, and
// takes it away: nobody is let in, and it is a 503.
func TestSessionsInRedis(t *testing.T) {
	url, stop := redisServer(t)
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
