package gate

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"gatehouse/clients/decisions"
)

// SessionOptions ask for server-side sessions. The cookie holds a random token and
// nothing else; the store holds its hash.
type SessionOptions struct {
	// Idle and Lifetime end a session; zero takes those of the server.
	Idle, Lifetime time.Duration
}

// SessionStore is where sessions are kept: in memory, or in Redis.
type SessionStore scs.Store

// OpenStore opens the store that --session-store names: "" or "memory", or the URL of
// a Redis. It asks Redis once, so that a wrong address fails the start.
func OpenStore(ctx context.Context, where string) (store SessionStore, stop func() error, err error) {
	if where == "" || where == "memory" {
		return NewMemoryStore(), func() error { return nil }, nil
	}
	if u, err := url.Parse(where); err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
		return nil, nil, errors.New("--session-store: use memory, or redis://HOST:PORT/DB")
	}
	o, err := redis.ParseURL(where)
	if err != nil {
		return nil, nil, fmt.Errorf("--session-store: %s", strings.ReplaceAll(err.Error(), where, "the URL"))
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.MaxRetries, o.DialerRetries = time.Second, time.Second, time.Second, 1, 1
	o.MaxRetryBackoff = 20 * time.Millisecond
	redis.SetLogger(silent{}) // a Redis that is away is told by the 503 and its reason, not on the terminal
	c := redis.NewClient(o)
	if err := c.Ping(ctx).Err(); err != nil {
		_ = c.Close()
		return nil, nil, fmt.Errorf("--session-store: Redis at %s does not answer: %w", o.Addr, err)
	}
	return goredisstore.NewWithPrefix(c, "gatehouse:demo:"), c.Close, nil
}

// silent is a log of the Redis library that goes nowhere.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// prefixed keeps the sessions of the systems apart in one store: the token of one
// system is nobody in another.
type prefixed struct {
	scs.Store
	prefix string
}

// The methods with a context are those that scs calls where a store has them; a store
// over a network has only these (goredisstore panics in the others).

func (p prefixed) DeleteCtx(ctx context.Context, t string) error {
	if s, ok := p.Store.(scs.CtxStore); ok {
		return s.DeleteCtx(ctx, p.prefix+t)
	}
	return p.Store.Delete(p.prefix + t)
}

func (p prefixed) FindCtx(ctx context.Context, t string) ([]byte, bool, error) {
	if s, ok := p.Store.(scs.CtxStore); ok {
		return s.FindCtx(ctx, p.prefix+t)
	}
	return p.Store.Find(p.prefix + t)
}

func (p prefixed) CommitCtx(ctx context.Context, t string, b []byte, e time.Time) error {
	if s, ok := p.Store.(scs.CtxStore); ok {
		return s.CommitCtx(ctx, p.prefix+t, b, e)
	}
	return p.Store.Commit(p.prefix+t, b, e)
}

// Session is the session of one call. What is put into it is gob-encoded: strings,
// numbers, string slices and times always work.
type Session struct {
	m   *scs.SessionManager
	ctx context.Context
	// changed says that a handler wrote to it, so that the cookie is sent (again).
	changed bool
}

// The keys that gate keeps in every session.
const (
	keyBegun = "_begun" // when it began, for the lifetime
	keySeen  = "_seen"  // when it was used last, for the idle timeout
)

func init() {
	gob.Register([]string{})
	gob.Register(time.Time{})
}

// CookieName is the name of a system's session cookie.
func (e *Env) CookieName(system string) string {
	if e.InsecureHTTP {
		return "gh_" + system // __Host- asks for Secure
	}
	return "__Host-gh_" + system
}

// newManager is a session manager to copy: each that the library makes begins a
// goroutine for a store that we do not use, and which cannot be stopped safely. The
// copies share the key under which a request holds its session, so that one request
// has that of one system only.
var newManager = sync.OnceValue(scs.New)

func newSessions(e *Env, system string, o SessionOptions) *scs.SessionManager {
	one := *newManager()
	m := &one
	m.Store = prefixed{e.Store, system + ":"}
	m.Lifetime = o.Lifetime
	m.HashTokenInStore = true
	m.Cookie.Name = e.CookieName(system)
	m.Cookie.HttpOnly, m.Cookie.Secure, m.Cookie.SameSite, m.Cookie.Path = true, !e.InsecureHTTP, http.SameSiteLaxMode, "/"
	m.Cookie.Persist = false
	return m
}

// open ends a session that is too old by the server's clock. why is empty for one
// that may go on.
func (s *Session) open(now time.Time, o SessionOptions) (why decisions.Reason, err error) {
	begun, seen := s.m.GetTime(s.ctx, keyBegun), s.m.GetTime(s.ctx, keySeen)
	if begun.IsZero() {
		return "", nil // nothing in it yet
	}
	if now.Sub(begun) > o.Lifetime || now.Sub(seen) > o.Idle {
		return decisions.SessionExpired, s.Destroy()
	}
	s.m.Put(s.ctx, keySeen, now)
	return "", nil
}

// Put stores a value. The session begins with the first.
func (s *Session) Put(now time.Time, key string, v any) {
	if !s.m.Exists(s.ctx, keyBegun) {
		s.m.Put(s.ctx, keyBegun, now)
		s.m.Put(s.ctx, keySeen, now)
	}
	s.changed = true
	s.m.Put(s.ctx, key, v)
}

// Keep stores a value in a session that has begun, without sending its cookie again.
func (s *Session) Keep(now time.Time, key string, v any) {
	if !s.m.Exists(s.ctx, keyBegun) {
		s.Put(now, key, v)
		return
	}
	s.m.Put(s.ctx, key, v)
}

// Take reads a text and removes it, without sending the cookie again.
func (s *Session) Take(key string) string { return s.m.PopString(s.ctx, key) }

// Keys are the names of what is stored, sorted, without those of gate.
func (s *Session) Keys() []string {
	keys := s.m.Keys(s.ctx)
	return slices.DeleteFunc(keys, func(k string) bool { return k == keyBegun || k == keySeen })
}

// String, Strings, Time and Bool read a value; zero where there is none.
func (s *Session) String(key string) string { return s.m.GetString(s.ctx, key) }

// Strings reads a list of texts.
func (s *Session) Strings(key string) []string {
	v, _ := s.m.Get(s.ctx, key).([]string)
	return v
}

// Time reads a time.
func (s *Session) Time(key string) time.Time { return s.m.GetTime(s.ctx, key) }

// Bool reads a truth value.
func (s *Session) Bool(key string) bool { return s.m.GetBool(s.ctx, key) }

// Has reports whether there is a value.
func (s *Session) Has(key string) bool { return s.m.Exists(s.ctx, key) }

// Pop reads a text and removes it: it works once.
func (s *Session) Pop(key string) string {
	s.changed = s.changed || s.Has(key)
	return s.m.PopString(s.ctx, key)
}

// Remove removes a value.
func (s *Session) Remove(key string) {
	s.changed = s.changed || s.Has(key)
	s.m.Remove(s.ctx, key)
}

// Begin starts a session for somebody who has just logged in: a new token, so that
// one that somebody planted before is worth nothing, and a new beginning.
func (s *Session) Begin(now time.Time) error {
	if err := s.m.RenewToken(s.ctx); err != nil {
		return UpstreamFailed(decisions.Sessions, err)
	}
	s.m.Put(s.ctx, keyBegun, now)
	s.m.Put(s.ctx, keySeen, now)
	return nil
}

// Renew gives the session another token and leaves the rest as it is.
func (s *Session) Renew() error {
	if err := s.m.RenewToken(s.ctx); err != nil {
		return UpstreamFailed(decisions.Sessions, err)
	}
	return nil
}

// Destroy ends the session on the server: a copied cookie is worth nothing after.
func (s *Session) Destroy() error {
	if err := s.m.Destroy(s.ctx); err != nil {
		return UpstreamFailed(decisions.Sessions, err)
	}
	return nil
}
