// Package demotest is how tests start a demo server and replay recorded vectors on it.
package demotest

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

// Running is a server of one test.
type Running struct {
	*server.Server
	Log *Log
}

// Log is what the server logged.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String is everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start starts a server on a free port, with cheap password hashes; it ends with the test.
func Start(t testing.TB, o server.Options) *Running {
	t.Helper()
	r := &Running{Log: &Log{}}
	if o.Env.BcryptCost == 0 {
		o.Env.BcryptCost = bcrypt.MinCost
	}
	if o.Env.Log == nil {
		o.Env.Log = slog.New(slog.NewJSONHandler(r.Log, &slog.HandlerOptions{ReplaceAttr: gate.Redact}))
	}
	if o.DebugSocket == "" {
		o.DebugSocket = "off"
	}
	s, err := server.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("start the demo server: %v", err)
	}
	r.Server = s
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("stop the demo server: %v", err)
		}
	})
	return r
}

// Client sends requests as they are: no redirects, no cookies of its own.
var Client = &http.Client{
	Timeout:       60 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Send sends a request with the path exactly as written.
func Send(t testing.TB, method, base, path string, header http.Header, body string) vectors.Answer {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, base, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	raw, query, _ := strings.Cut(path, "?")
	plain, err := url.PathUnescape(raw)
	if err != nil {
		t.Fatalf("the path %q cannot be sent: %v", raw, err)
	}
	req.URL = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: plain, RawPath: raw, RawQuery: query}
	for name, values := range header {
		if strings.EqualFold(name, "Host") {
			req.Host = values[0]
			continue
		}
		req.Header[name] = values
	}
	resp, err := Client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return vectors.Answer{Status: resp.StatusCode, Header: resp.Header, Body: b}
}

// Tamper is another text: its first letter is changed for certain.
func Tamper(s string) string {
	if s[0] == 'x' {
		return "y" + s[1:]
	}
	return "x" + s[1:]
}

// Target is where a vector is sent to.
type Target struct {
	URL  string
	Vars vectors.Vars
	// Skip is why the vector says nothing about our server (a library that does not
	// start); rare, and counted.
	Skip string
}

// Replay sends every vector of a system and holds the answers against the recording
// and against demo/deviations.yaml. prepare brings about the setup that a vector
// names and says where to send it; it may change the vector's request.
func Replay(t *testing.T, system string, prepare func(t *testing.T, v *vectors.Vector) Target) {
	t.Helper()
	list := vectors.Of(system)
	if len(list) == 0 {
		t.Fatalf("there are no vectors of %q", system)
	}
	table, err := vectors.Deviations()
	if err != nil {
		t.Fatal(err)
	}
	equal, deviate, skipped, wrong := 0, 0, 0, 0
	for _, v := range list {
		ok := t.Run(v.Case, func(t *testing.T) {
			target := prepare(t, &v)
			if target.Skip != "" {
				skipped++
				t.Log(target.Skip)
				return
			}
			a := sendVector(t, v, target)
			differs, err := vectors.Judge(v, vectors.Diff(v, a, target.URL, target.Vars), table)
			switch {
			case err != nil:
				t.Errorf("%s %s (%s): %v", v.Request.Method, v.Request.Path, v.Setup, err)
			case differs:
				deviate++
			default:
				equal++
			}
			if id := a.Header.Get("X-Gatehouse-Decision"); id == "" && !strings.HasPrefix(v.Case, "proxy:") {
				t.Error("the answer carries no decision id")
			}
		})
		if !ok {
			wrong++
		}
	}
	t.Logf("%s: %d vectors: %d equal, %d deviate with a reason, %d say nothing about us, %d wrong", system, len(list), equal, deviate, skipped, wrong)
}

func sendVector(t *testing.T, v vectors.Vector, target Target) vectors.Answer {
	t.Helper()
	fill := func(s string) string {
		out, err := target.Vars.Fill(s)
		if err != nil {
			t.Fatalf("%v: %q", err, s)
		}
		return out
	}
	h := http.Header{}
	for name, values := range v.Request.Headers {
		for _, value := range values {
			h[name] = append(h[name], fill(value))
		}
	}
	body := ""
	if v.Request.Body != nil {
		body = fill(*v.Request.Body)
	}
	return Send(t, v.Request.Method, target.URL, fill(v.Request.Path), h, body)
}
