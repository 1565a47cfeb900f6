package demotest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

// SiteURL is the address of every Site. Nothing listens there.
const SiteURL = "http://127.0.0.1:4480"

// Site is a demo server in a World, with every system of the catalogue, asked without
// a network between.
type Site struct {
	*gate.Server
	World *World
	Log   *Log
	Store *Store
	out   *brokenClient
}

// siteSecret is that of every Site, so that one can go on where another ended.
var siteSecret = []byte("a secret of the tests, of 32 bytes or more")

// Site starts one. change may alter the settings first. It keeps its sessions in
// store; nil makes one. Every system must be able to run.
func (w *World) Site(t testing.TB, store *Store, change func(*gate.Env)) *Site {
	t.Helper()
	s := &Site{World: w, Log: &Log{}, Store: store, out: &brokenClient{w: w}}
	if s.Store == nil {
		s.Store = NewStore()
	}
	env := w.Env()
	env.BcryptCost, env.Store = bcrypt.MinCost, s.Store
	env.Log = slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{ReplaceAttr: gate.Redact}))
	env.HTTP = &http.Client{Transport: s.out, CheckRedirect: Client.CheckRedirect}
	if change != nil {
		change(&env)
	}
	if err := env.Complete(siteSecret); err != nil {
		t.Fatal(err)
	}
	env.SetPublicURL(SiteURL)
	var systems []*gate.System
	for _, e := range server.Catalog() {
		sys, err := e.New(&env)
		if err != nil {
			t.Fatalf("%s cannot run in the world of the tests: %v; teach demotest.World what it needs", e.ID, err)
		}
		systems = append(systems, sys)
	}
	var err error
	if s.Server, err = gate.New(&env, gate.Config{PublicURL: SiteURL}, systems...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Server.Close() })
	return s
}

// Break breaks one endpoint: of the world, by the names that NewWorld gives them, or of
// the store: sessions.find, sessions.commit, sessions.delete. It is for a site that
// nobody asks yet.
func (s *Site) Break(endpoint string, f Fault) {
	s.out.endpoint, s.out.fault = endpoint, f
	s.Store.broken, s.Store.fault = endpoint, f
}

// Watch has every endpoint that is asked told to seen.
func (s *Site) Watch(seen func(endpoint string)) { s.out.seen, s.Store.seen = seen, seen }

// Browser keeps cookies and follows redirects, to the site and to the world. Cookies
// know no ports, so that all of 127.0.0.1 shares them, as in a real browser.
type Browser struct {
	t       testing.TB
	Site    *Site
	Cookies map[string]string
	// Header goes along with every request to the site.
	Header http.Header
	key    string // for the MAC of requests
	// Before is told every request to the site; may be nil.
	Before func(r *http.Request)
	// After is told every answer of the site; may be nil.
	After func(a Answer)
}

// Browser makes one without cookies.
func (s *Site) Browser(t testing.TB) *Browser {
	return &Browser{t: t, Site: s, Cookies: map[string]string{}, Header: http.Header{}}
}

// Answer is an answer of a site with the decision that it came of.
type Answer struct {
	Status   int
	Header   http.Header
	Body     string
	Decision decisions.Decision
}

// Ask sends one request to the site, with the browser's cookies, and keeps what the
// answer sets. body is that of a form, or JSON where it begins with a brace.
func (b *Browser) Ask(method, path, body string) Answer {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, SiteURL+path, strings.NewReader(body))
	r.Host = strings.TrimPrefix(SiteURL, "http://")
	for name, v := range b.Header {
		r.Header[name] = slices.Clone(v)
	}
	if body != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(body, "{") {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: b.Cookies[name]})
	}
	return b.Send(r)
}

// Send sends a request as it is and keeps the cookies of the answer.
func (b *Browser) Send(r *http.Request) Answer {
	b.t.Helper()
	if b.Before != nil {
		b.Before(r)
	}
	w := httptest.NewRecorder()
	b.Site.Handler().ServeHTTP(w, r)
	resp := w.Result()
	b.keep(resp)
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: w.Body.String()}
	a.Decision, _ = b.Site.Ring.Get(resp.Header.Get("X-Gatehouse-Decision"))
	if b.After != nil {
		b.After(a)
	}
	return a
}

func (b *Browser) keep(resp *http.Response) {
	for _, k := range resp.Cookies() {
		if k.MaxAge < 0 {
			delete(b.Cookies, k.Name)
		} else {
			b.Cookies[k.Name] = k.Value
		}
	}
}

// maxRedirects is where a browser gives up.
const maxRedirects = 10

// Open asks and follows redirects to the end. The answer is the last one of the site.
func (b *Browser) Open(path string) Answer {
	b.t.Helper()
	var a Answer
	next := SiteURL + path
	for range maxRedirects {
		u, err := url.Parse(next)
		if err != nil {
			b.t.Fatalf("a redirect to %q: %v", next, err)
		}
		here := u.Host == strings.TrimPrefix(SiteURL, "http://")
		to := ""
		if here {
			a = b.Ask(http.MethodGet, u.RequestURI(), "")
			to = a.Header.Get("Location")
		} else if to = b.away(u.String()); to == "" {
			return a // a page of the world, where a person would read
		}
		if here && to == "" {
			return a
		}
		t, err := u.Parse(to)
		if err != nil {
			b.t.Fatalf("a redirect to %q: %v", to, err)
		}
		next = t.String()
	}
	b.t.Fatalf("%s leads from one page to the next for ever", path)
	return a
}

// away asks the world and is where it leads on to.
func (b *Browser) away(u string) string {
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, u, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, value := range b.Cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := Client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	b.keep(resp)
	return resp.Header.Get("Location")
}

// Store is a session store in memory that can fail, and of which a copy can be made.
type Store struct {
	mu     sync.Mutex
	data   map[string][]byte
	broken string
	fault  Fault
	seen   func(string)
}

// NewStore makes one.
func NewStore() *Store { return &Store{data: map[string][]byte{}} }

// Copy is another store with the same sessions.
func (s *Store) Copy() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Store{data: maps.Clone(s.data)}
}

// at is what the store fails with.
func (s *Store) at(name string) error {
	name = "sessions." + name
	if s.seen != nil {
		s.seen(name)
	}
	if s.broken == name {
		return s.fault.storeError()
	}
	return nil
}

var errNoContext = errors.New("called without a context, which a store over a network needs")

// Find, Commit and Delete are there because scs.Store has them.
func (s *Store) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (s *Store) Commit(string, []byte, time.Time) error { return errNoContext }

// Delete is never called.
func (s *Store) Delete(string) error { return errNoContext }

// FindCtx is one of the ways in which the store can fail.
func (s *Store) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	if err := s.at("find"); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.data[token]
	return bytes.Clone(b), ok, nil
}

// CommitCtx is another.
func (s *Store) CommitCtx(_ context.Context, token string, b []byte, _ time.Time) error {
	if err := s.at("commit"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[token] = bytes.Clone(b)
	return nil
}

// DeleteCtx is another.
func (s *Store) DeleteCtx(_ context.Context, token string) error {
	if err := s.at("delete"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, token)
	return nil
}
