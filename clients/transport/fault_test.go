package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
)

// TestFaults is the table of what a network and a server can do wrong, each as a
// read and as a write: the same fault must never be called "not happened" for a
// write that may have arrived.
func TestFaults(t *testing.T) {
	cut := func(w http.ResponseWriter, r *http.Request) {
		c, _ := hijacked(t, w)
		c.Close()
	}
	tests := []struct {
		name        string
		handler     http.HandlerFunc
		o           Options
		read, write clients.Kind
		hits        int64 // of the read; a write always makes one
		says        string
	}{
		{"cut before the answer", cut, Options{}, clients.Unreachable, clients.UnknownOutcome, 3, "cut the connection"},
		{"cut in the middle of the answer", func(w http.ResponseWriter, r *http.Request) {
			c, rw := hijacked(t, w)
			rw.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":")
			rw.Flush()
			c.Close()
		}, Options{}, clients.Unreachable, clients.UnknownOutcome, 1, "cut the connection"},
		{"slow to answer", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			Options{Timeout: 80 * time.Millisecond}, clients.Timeout, clients.UnknownOutcome, 1, "in time"},
		{"slow in the middle", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(`{"a":`))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, Options{Timeout: 80 * time.Millisecond}, clients.Timeout, clients.UnknownOutcome, 1, "in time"},
		{"garbage", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte("{nonsense"))
		}, Options{}, clients.Unreachable, clients.UnknownOutcome, 1, "not what was expected"},
		{"a web page", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>Log in</html>"))
		}, Options{}, clients.Unreachable, clients.UnknownOutcome, 1, "text/html and not JSON"},
		{"too much", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"a":%q}`, strings.Repeat("x", 4096))
		}, Options{MaxBody: 1024}, clients.Unreachable, clients.UnknownOutcome, 1, "larger than 1024 bytes"},
		{"no HTTP at all", func(w http.ResponseWriter, r *http.Request) {
			c, rw := hijacked(t, w)
			rw.WriteString("SSH-2.0-OpenSSH_9.2\r\n")
			rw.Flush()
			c.Close()
		}, Options{Retries: -1}, clients.Unreachable, clients.UnknownOutcome, 1, ""},
		{"500", status(500, `{"error":{"reason":"boom"}}`), Options{}, clients.Unreachable, clients.UnknownOutcome, 1, "boom"},
		{"502", status(502, ""), Options{}, clients.Unreachable, clients.UnknownOutcome, 3, "502"},
		{"503", status(503, ""), Options{}, clients.Unreachable, clients.Unreachable, 3, "503"},
		{"504", status(504, ""), Options{}, clients.Timeout, clients.UnknownOutcome, 3, "504"},
		{"400", status(400, `{"error":{"id":"x","reason":"because","message":"m"}}`), Options{}, clients.Invalid, clients.Invalid, 1, "because"},
		{"401", status(401, ""), Options{}, clients.Denied, clients.Denied, 1, "401"},
		{"403", status(403, ""), Options{}, clients.Denied, clients.Denied, 1, "403"},
		{"404 in plain text", status(404, "404 page not found"), Options{}, clients.NotFound, clients.NotFound, 1, "404 page not found (HTTP 404)"},
		{"409", status(409, `{"error":{"message":"exists"}}`), Options{}, clients.Conflict, clients.Conflict, 1, "exists"},
		{"429", status(429, ""), Options{}, clients.RateLimited, clients.RateLimited, 3, "429"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, write := range []bool{false, true} {
				s := serve(t, tt.handler)
				o := tt.o
				if o.Timeout == 0 {
					o = quick(o)
				}
				c := caller(t, s.URL, o)
				var out map[string]any
				call, kind, hits := get, tt.read, tt.hits
				if write {
					call, kind, hits = post, tt.write, 1
				}
				p := wantProblem(t, call(c, &out), kind)
				if !strings.Contains(p.Error(), tt.says) {
					t.Errorf("write=%v: %q does not say %q", write, p.Error(), tt.says)
				}
				if kind == clients.UnknownOutcome && !strings.Contains(p.Hint, "read again") {
					t.Errorf("hint of an unknown outcome is %q", p.Hint)
				}
				if got := s.hits.Load(); got != hits {
					t.Errorf("write=%v: the server saw %d requests, want %d", write, got, hits)
				}
				if p.RequestID == "" {
					t.Errorf("write=%v: no request id", write)
				}
			}
		})
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(body, "{") {
			w.Header().Set("Content-Type", "application/json")
		} else {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		}
		w.WriteHeader(code)
		w.Write([]byte(body))
	}
}

// TestNeverSent: what did not leave us is Unreachable, also for a write.
func TestNeverSent(t *testing.T) {
	for name, url := range map[string]string{"refused": "http://" + freePort(t), "no such host": "http://no-such-host.invalid:1"} {
		t.Run(name, func(t *testing.T) {
			c := caller(t, url, quick(Options{Retries: 1}))
			for _, call := range []func(*Caller, any) error{get, post} {
				p := wantProblem(t, call(c, nil), clients.Unreachable)
				if p.Hint == "" || strings.Contains(p.Error(), "dial tcp") {
					t.Errorf("not in plain words: %q", p.Error())
				}
			}
		})
	}
}

// TestTLSMismatch: https to an http port is named, and not tried again.
func TestTLSMismatch(t *testing.T) {
	s := serve(t, status(200, "{}"))
	log := &Log{}
	c := caller(t, strings.Replace(s.URL, "http:", "https:", 1), quick(Options{Log: log}))
	p := wantProblem(t, get(c, nil), clients.Unreachable)
	if !strings.Contains(p.Reason, "does not speak TLS") {
		t.Errorf("reason = %q", p.Reason)
	}
	if n := len(log.Entries()); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
}

func TestCancel(t *testing.T) {
	started := make(chan struct{}, 2)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { started <- struct{}{}; <-r.Context().Done() })
	c := caller(t, s.URL, quick(Options{}))
	for _, tt := range []struct {
		method string
		want   clients.Kind
	}{{"GET", clients.Canceled}, {"DELETE", clients.UnknownOutcome}} {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-started; cancel() }()
		_, err := c.Do(ctx, Request{Op: "do it", Method: tt.method, Path: []string{"x"}})
		wantProblem(t, err, tt.want)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v is not context.Canceled", tt.method, err)
		}
		cancel()
	}
	// Cancelled before anything was sent: nothing can have happened.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.Do(ctx, Request{Op: "do it", Method: "DELETE", Path: []string{"x"}})
	wantProblem(t, err, clients.Canceled)
}

// TestOwnDeadline: a deadline of the caller's wins over Options.Timeout, both ways.
func TestOwnDeadline(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { time.Sleep(60 * time.Millisecond); w.Write([]byte("{}")) })
	c := caller(t, s.URL, Options{Timeout: 10 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := c.Do(ctx, Request{Op: "x", Path: []string{"x"}}); err != nil {
		t.Error(err)
	}
}
