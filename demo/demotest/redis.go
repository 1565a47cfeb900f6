package demotest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Redis starts a real Redis for one test. Root on Debian installs its package
// where there is none.
func Redis(t testing.TB) (url string, stop func()) {
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

// Lossy passes connections on to a server, until it is told to do something else with
// what clients send.
type Lossy struct {
	Addr   string
	to     string
	mu     sync.Mutex
	answer func(c net.Conn) // nil passes on
	open   map[net.Conn]bool
}

// NewLossy starts one in front of an address.
func NewLossy(t testing.TB, to string) *Lossy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Lossy{Addr: l.Addr().String(), to: to, open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); p.Answer(nil) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

// Answer cuts every connection, and has f answer on new ones from then on; nil passes
// them on again.
func (p *Lossy) Answer(f func(c net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
	for c := range p.open {
		_ = c.Close()
	}
}

func (p *Lossy) keep(c net.Conn, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		p.open[c] = true
	} else {
		delete(p.open, c)
	}
}

func (p *Lossy) serve(c net.Conn) {
	p.keep(c, true)
	defer p.keep(c, false)
	defer c.Close()
	p.mu.Lock()
	answer := p.answer
	p.mu.Unlock()
	if answer != nil {
		answer(c)
		return
	}
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer up.Close()
	done := make(chan struct{})
	go func() { _, _ = io.Copy(c, up); _ = c.Close(); close(done) }()
	_, _ = io.Copy(up, c)
	_ = up.Close()
	<-done
}
