package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients"
)

// TestReadOnly: the guard lets through what cannot change anything and nothing
// else, whatever the request is called.
func TestReadOnly(t *testing.T) {
	s := serve(t, status(200, "{}"))
	log := &Log{}
	client := New(quick(Options{Target: "t", ReadOnly: true, Log: log}))
	defer client.CloseIdleConnections()
	check := "/relation-tuples/check"
	tests := []struct {
		method, path, mark string
		allowed            bool
	}{
		{"GET", "/a", "", true}, {"HEAD", "/a", "", true}, {"OPTIONS", "/a", "", true},
		{"POST", "/a", "", false}, {"PUT", "/a", "", false}, {"PATCH", "/a", "", false}, {"DELETE", "/a", "", false},
		{"TRACE", "/a", "", false}, {"PURGE", "/a", "", false}, {"get", "/a", "", false},
		{"POST", check, check, true},
		{"POST", "/base" + check, check, true},
		{"POST", "/admin/relation-tuples", check, false}, // the mark of another request, handed on
		{"POST", "/a", "/", false},
		{"PUT", check, check, false}, {"PATCH", check, check, false}, {"DELETE", check, check, false},
	}
	for _, tt := range tests {
		before := s.hits.Load()
		ctx := context.Background()
		if tt.mark != "" {
			ctx = AsRead(ctx, tt.mark)
		}
		req, err := http.NewRequestWithContext(ctx, tt.method, s.URL+tt.path, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != tt.allowed || (s.hits.Load() > before) != tt.allowed {
			t.Errorf("%s %s marked %q: err %v, reached the server %v, want allowed=%v", tt.method, tt.path, tt.mark, err, s.hits.Load() > before, tt.allowed)
		}
		if !tt.allowed && !clients.Is(err, clients.Denied) {
			t.Errorf("%s: refused as %v", tt.method, err)
		}
	}
	denied := 0
	for _, e := range log.Entries() {
		if e.Kind == clients.Denied && e.Status == 0 && e.Done {
			denied++
		}
	}
	if denied != 12 {
		t.Errorf("%d refusals in the log, want 12", denied)
	}
}

// TestRenewAfter401: one renewal, one further attempt with the whole body, for
// reads and writes alike; and no more than one.
func TestRenewAfter401(t *testing.T) {
	good := "Bearer two"
	var bodies []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 100)
		n, _ := r.Body.Read(b)
		bodies = append(bodies, string(b[:n]))
		if r.Header.Get("Authorization") != good {
			w.WriteHeader(401)
			return
		}
		w.Write([]byte("{}"))
	})
	fetches := 0
	names := []string{"one", "two", "three"}
	tokens := Tokens(func(context.Context) (Token, error) {
		fetches++
		return Token{Value: names[fetches-1]}, nil
	})
	c := caller(t, s.URL, quick(Options{Auth: tokens}))
	if err := post(c, nil); err != nil {
		t.Fatal(err)
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] || bodies[1] != `{"a":1}` || fetches != 2 {
		t.Errorf("bodies %q, %d fetches", bodies, fetches)
	}
	if err := get(c, nil); err != nil || fetches != 2 {
		t.Errorf("err %v, %d fetches: the renewed token was not kept", err, fetches)
	}
	good = "Bearer never"
	wantProblem(t, get(c, nil), clients.Denied)
	if s.hits.Load() != 5 {
		t.Errorf("%d requests, want 5: a second 401 is final", s.hits.Load())
	}
}

// TestTokenLife: a token is renewed at 80 % of its life, one fetch serves all who
// wait, and an old token that still lives is used when renewal fails.
func TestTokenLife(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	fetches, fail := 0, false
	s := Tokens(func(context.Context) (Token, error) {
		fetches++
		time.Sleep(5 * time.Millisecond)
		if fail {
			return Token{}, errors.New("no")
		}
		return Token{Value: "v", Life: 60 * time.Second}, nil
	})
	s.now = func() time.Time { return now }
	get := func() error { _, err := s.Token(context.Background()); return err }
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { get() })
	}
	wg.Wait()
	if fetches != 1 {
		t.Fatalf("%d fetches by 20 at once, want 1", fetches)
	}
	for _, step := range []struct {
		age  time.Duration
		fail bool
		want int
		ok   bool
	}{{47 * time.Second, false, 1, true}, {48 * time.Second, true, 2, true}, {59 * time.Second, true, 3, true}, {60 * time.Second, true, 4, false}, {60 * time.Second, false, 5, true}} {
		now, fail = time.Unix(1_000_000, 0).Add(step.age), step.fail
		if err := get(); (err == nil) != step.ok || fetches != step.want {
			t.Errorf("at %v: err %v, %d fetches, want %d", step.age, err, fetches, step.want)
		}
	}
}

// TestStaleRefresh: ten requests refused with the same old token make one fetch.
func TestStaleRefresh(t *testing.T) {
	fetches := 0
	s := Tokens(func(context.Context) (Token, error) { fetches++; return Token{Value: "new"}, nil })
	s.token = Token{Value: "old"}
	refused, _ := http.NewRequest("GET", "http://x", nil)
	refused.Header.Set("Authorization", "Bearer old")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if again, err := s.Refresh(refused); !again || err != nil {
				t.Error(again, err)
			}
		})
	}
	if wg.Wait(); fetches != 1 {
		t.Errorf("%d fetches, want 1", fetches)
	}
}

// TestNoCredentials: a request whose credentials cannot be had is not sent, and the
// problem is the one of the login, not "401".
func TestNoCredentials(t *testing.T) {
	s := serve(t, status(200, "{}"))
	c := caller(t, s.URL, quick(Options{Auth: Tokens(func(context.Context) (Token, error) {
		return Token{}, &clients.Problem{Kind: clients.Denied, Op: "log in as admin", Target: "keycloak", Reason: "Invalid user credentials", Hint: "check the password"}
	})}))
	p := wantProblem(t, post(c, nil), clients.Denied)
	if p.Reason != "log in as admin: Invalid user credentials" || p.Op != "write it" || s.hits.Load() != 0 {
		t.Errorf("%+v after %d requests", p, s.hits.Load())
	}
}

// TestRetryAfter: the server's wish is honoured within the deadline; beyond it the
// refusal comes back at once, with the wish in the hint.
func TestRetryAfter(t *testing.T) {
	wish := "1"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", wish)
		w.WriteHeader(429)
	})
	log := &Log{}
	c := caller(t, s.URL, Options{Retries: 1, Timeout: 5 * time.Second, Log: log})
	wantProblem(t, get(c, nil), clients.RateLimited)
	e := log.Entries()
	if len(e) != 2 || e[1].Time.Sub(e[0].Time) < time.Second {
		t.Fatalf("%d attempts, or too soon: %v", len(e), e)
	}
	if e[0].RequestID != e[1].RequestID || e[0].Attempt != 1 || e[1].Attempt != 2 {
		t.Errorf("attempts are not told as one request: %+v", e)
	}
	wish = "120"
	start := time.Now()
	p := wantProblem(t, get(c, nil), clients.RateLimited)
	if s.hits.Load() != 3 || time.Since(start) > 4*time.Second || p.Hint != "try again in 2m0s" {
		t.Errorf("%d requests, hint %q", s.hits.Load(), p.Hint)
	}
	if d, ok := RetryAfter(http.Header{"Retry-After": {"Wed, 21 Oct 2015 07:28:10 GMT"}}, time.Date(2015, 10, 21, 7, 28, 0, 0, time.UTC)); !ok || d != 10*time.Second {
		t.Errorf("date: %v %v", d, ok)
	}
}

// TestReadByPost: a POST that is a read is not repeated once it may have arrived.
func TestReadByPost(t *testing.T) {
	s := serve(t, status(503, ""))
	c := caller(t, s.URL, quick(Options{}))
	_, err := c.Do(context.Background(), Request{Op: "check", Method: "POST", Path: []string{"check"}, Read: true, JSON: 1})
	wantProblem(t, err, clients.Unreachable)
	if s.hits.Load() != 1 {
		t.Errorf("%d requests, want 1", s.hits.Load())
	}
}

// TestRecovers: a read that fails once succeeds.
func TestRecovers(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 3 {
			w.WriteHeader(502)
			return
		}
		w.Write([]byte(`{"a":1}`))
	})
	var out struct{ A int }
	if err := get(caller(t, s.URL, quick(Options{})), &out); err != nil || out.A != 1 {
		t.Error(err, out)
	}
}

// TestRedirects: same place for reads, nowhere else for anything.
func TestRedirects(t *testing.T) {
	elsewhere := serve(t, status(200, "{}"))
	var to string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			w.Write([]byte(`{"a":1}`))
			return
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	})
	c := caller(t, s.URL, quick(Options{Auth: Bearer("0123456789")}))
	to = "/end"
	var out struct{ A int }
	if err := get(c, &out); err != nil || out.A != 1 {
		t.Errorf("same host: %v %v", err, out)
	}
	wantProblem(t, post(c, nil), clients.Unreachable)
	to = elsewhere.URL + "/admin/identities?token=abc"
	for _, call := range []func(*Caller, any) error{get, post} {
		p := wantProblem(t, call(c, nil), clients.Unreachable)
		r, ok := errors.AsType[*Redirect](p)
		if !ok || r.To.Host != strings.TrimPrefix(elsewhere.URL, "http://") || r.Status != 307 || strings.Contains(p.Error(), "token") {
			t.Errorf("%v, redirect %+v", p, r)
		}
	}
	if elsewhere.hits.Load() != 0 {
		t.Error("the other server was asked")
	}
	reply, err := c.Do(context.Background(), Request{Op: "x", Path: []string{"x"}, Accept: []int{307}})
	if err != nil || reply.Status != 307 {
		t.Errorf("accepted redirect: %v %v", reply.Status, err)
	}
	to = "/loop"
	wantProblem(t, get(c, nil), clients.Unreachable)
}

// TestPaths: a segment that would widen a request never leaves.
func TestPaths(t *testing.T) {
	var got string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { got = r.RequestURI })
	c := caller(t, s.URL+"/base/", quick(Options{}))
	for _, bad := range []string{"", ".", ".."} {
		_, err := c.Do(context.Background(), Request{Op: "delete it", Method: "DELETE", Path: []string{"users", bad, "roles"}})
		wantProblem(t, err, clients.Invalid)
	}
	if s.hits.Load() != 0 {
		t.Fatal("a refused request was sent")
	}
	_, err := c.Do(context.Background(), Request{Op: "x", Path: []string{"a/b", "c d?é", "%2e"}, Query: url.Values{"q": {"1&2"}}})
	if err != nil || got != "/base/a%2Fb/c%20d%3F%C3%A9/%252e?q=1%262" {
		t.Errorf("%v %s", err, got)
	}
	for _, bad := range []string{"", "127.0.0.1:4434", "ftp://x", "http://", "/x"} {
		if _, err := NewCaller(http.DefaultClient, bad, "t", nil); !clients.Is(err, clients.Invalid) {
			t.Errorf("base %q: %v", bad, err)
		}
	}
}

func TestWriteGetsItsOwnDeadline(t *testing.T) {
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(300 * time.Millisecond):
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	c := New(Options{Timeout: 30 * time.Millisecond, WriteTimeout: time.Minute, Retries: -1})
	if _, err := c.Get(slow.URL); clients.KindOf(err) != clients.Timeout {
		t.Errorf("a read waited longer than it may: %v", err)
	}
	resp, err := c.Post(slow.URL, "application/json", nil)
	if err != nil {
		t.Fatalf("a write was cut by the deadline of reads: %v", err)
	}
	resp.Body.Close()
}
