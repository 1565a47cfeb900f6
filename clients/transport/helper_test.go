package transport

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/clients"
)

// TestMain points the proxy variables at a port where nothing listens. net/http
// reads them once, so that every test below also shows that no proxy is used for
// loopback.
func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://127.0.0.1:9")
	os.Setenv("HTTPS_PROXY", "http://127.0.0.1:9")
	os.Exit(m.Run())
}

// server counts what reached it.
type server struct {
	*httptest.Server
	hits atomic.Int64
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		// The server notices that a client has gone only once it has read the body.
		b, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(b))
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func caller(t *testing.T, url string, o Options) *Caller {
	t.Helper()
	if o.Target == "" {
		o.Target = "test server"
	}
	client := New(o)
	t.Cleanup(client.CloseIdleConnections)
	c, err := NewCaller(client, url, o.Target, ExplainOry)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// get and post are the plainest read and write.
func get(c *Caller, out any) error {
	_, err := c.Do(context.Background(), Request{Op: "read it", Path: []string{"thing"}, Out: out})
	return err
}

func post(c *Caller, out any) error {
	_, err := c.Do(context.Background(), Request{Op: "write it", Method: "POST", Path: []string{"thing"}, JSON: map[string]int{"a": 1}, Out: out})
	return err
}

func wantProblem(t *testing.T, err error, kind clients.Kind) *clients.Problem {
	t.Helper()
	p, ok := err.(*clients.Problem)
	if !ok {
		t.Fatalf("error is %T (%v), want *clients.Problem", err, err)
	}
	if p.Kind != kind {
		t.Fatalf("kind = %s, want %s: %v", p.Kind, kind, err)
	}
	if p.Op == "" || p.Target == "" || p.Reason == "" {
		t.Errorf("op, target or reason is missing: %+v", p)
	}
	return p
}

// hijacked gives the test the raw connection.
func hijacked(t *testing.T, w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
	}
	return c, rw
}

// quick keeps the pauses of retries from slowing the tests: it is long enough for
// a deadline that is never the point.
func quick(o Options) Options {
	o.Timeout = 5 * time.Second
	return o
}

// freePort is an address where nothing listens.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
