// Package keycloak is a thin typed client of Keycloak's Admin REST API, its token
// endpoint and its public documents, for servers 26.0 and newer.
//
// It is written over net/http because the API punishes a general client: names go
// into paths (so each is escaped), a PUT with one key too few erases things on one
// resource and merges on the next, and many reads are cut silently to what our own
// account may see. The functions here send the smallest body that is safe, read
// what must be repeated a moment before, refuse what the server would take
// literally (an empty DELETE of role mappings removes all of them), and mark a
// result that may be incomplete with Cut.
//
// Every function answers errors as *clients.Problem; the server's own words are
// beneath it as *ServerError.
package keycloak

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"gatehouse/clients/transport"
)

// Options say where Keycloak is, who we are there, and how requests travel.
type Options struct {
	// URL is the root of the server, with its path prefix if it has one
	// ("https://id.example.org" or "https://id.example.org/auth").
	URL string
	// Login is our own account. With the zero value requests carry no token, which
	// suffices for Discovery, Keys and the token endpoints alone.
	Login Login
	// Transport holds deadlines, TLS, the request log and the read-only guard. Its
	// Auth is set from Login unless it is set already; Target defaults to "keycloak".
	Transport transport.Options
}

// Server is one Keycloak server. It is safe for use by many goroutines.
type Server struct {
	admin  *transport.Caller // carries our access token
	public *transport.Caller // carries none
	login  Login
	tokens *tokens

	states sync.Map // realm name → *realmState
	info   cached[ServerInfo]
	absent sync.Map // optional endpoint → struct{}: this server does not have it
}

// New checks the address and the login and gives the server; nothing is sent yet.
func New(o Options) (*Server, error) {
	s := &Server{login: o.Login.withDefaults()}
	if err := s.login.check(); err != nil {
		return nil, err
	}
	t := o.Transport
	if t.Target == "" {
		t.Target = "keycloak"
	}
	auth := t.Auth
	t.Auth = nil
	var err error
	if s.public, err = transport.NewCaller(transport.New(t), o.URL, t.Target, explain); err != nil {
		return nil, err
	}
	if auth == nil && s.login.grant() != grantNone {
		s.tokens = &tokens{server: s}
		auth = transport.Tokens(s.tokens.fetch)
	}
	t.Auth = auth
	s.admin, err = transport.NewCaller(transport.New(t), o.URL, t.Target, explain)
	return s, err
}

// URL is the root of the server without a final slash.
func (s *Server) URL() string { return s.admin.Base() }

// Realm names one realm of the server; nothing is sent. Handles of the same name
// share what was learnt about the realm (our rights in it).
func (s *Server) Realm(name string) *Realm {
	st, _ := s.states.LoadOrStore(name, &realmState{})
	return &Realm{s: s, name: name, state: st.(*realmState)}
}

// Realm is one realm of a server, the place where users, groups, roles and clients
// live. It holds no data of the realm, only its name and our rights in it.
type Realm struct {
	s     *Server
	name  string
	state *realmState
}

// Name is the name of the realm as it stands in URLs and in a token's issuer.
func (r *Realm) Name() string { return r.name }

// Server is the server that the realm is on.
func (r *Realm) Server() *Server { return r.s }

// realmState is what was learnt about a realm and is kept for a while.
type realmState struct {
	rights      sync.Map // name of a right → *cached[Tri]
	standard    cached[standardScopes]
	defaultRole cached[string] // its id
	clientIDs   sync.Map       // client UUID → *cached[string]
}

func (st *realmState) forget() {
	st.rights.Clear()
	st.standard.forget()
	st.defaultRole.forget()
	st.clientIDs.Clear()
}

// cached keeps one value for a while, so that a screen which asks for it with each
// row costs one request. Callers that come at the same time share the one fetch.
type cached[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
	busy  chan struct{} // closed when the fetch that runs now has ended; nil while none runs
}

// get waits for a fetch of somebody else only as long as its own context lives.
func (c *cached[T]) get(ctx context.Context, keep time.Duration, fetch func(context.Context) (T, error)) (T, error) {
	for {
		c.mu.Lock()
		if time.Now().Before(c.until) {
			defer c.mu.Unlock()
			return c.value, nil
		}
		if c.busy == nil {
			break
		}
		busy := c.busy
		c.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			var zero T
			return zero, transport.Wrap(ctx.Err(), "read what another request was reading", "keycloak")
		}
	}
	done := make(chan struct{})
	c.busy = done
	c.mu.Unlock()

	v, err := fetch(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy = nil; err == nil {
		c.value, c.until = v, time.Now().Add(keep)
	}
	close(done)
	return v, err
}

// put makes a value that another answer told by the way last.
func (c *cached[T]) put(v T, d time.Duration) {
	c.mu.Lock()
	c.value, c.until = v, time.Now().Add(d)
	c.mu.Unlock()
}

func (c *cached[T]) forget() {
	c.mu.Lock()
	c.until = time.Time{}
	c.mu.Unlock()
}

// lacks reports whether the server was found to have no such optional endpoint.
func (s *Server) lacks(endpoint string) bool {
	_, gone := s.absent.Load(endpoint)
	return gone
}

func (s *Server) learnLack(endpoint string) { s.absent.Store(endpoint, struct{}{}) }

// Tri is a yes or no that may be unknown: the server left it out because our
// account may not see it. The zero value is unknown, never "no".
type Tri int8

// The three values of Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// Known reports whether the server told.
func (t Tri) Known() bool { return t != Unknown }

// String is "unknown", "no" or "yes".
func (t Tri) String() string { return [...]string{"unknown", "no", "yes"}[t] }

// UnmarshalJSON takes true, false and null.
func (t *Tri) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		*t = Yes
	case "false":
		*t = No
	default:
		*t = Unknown
	}
	return nil
}

// MarshalJSON gives true, false or null.
func (t Tri) MarshalJSON() ([]byte, error) {
	return []byte([...]string{"null", "false", "true"}[t]), nil
}

func triOf(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// Cut names the rights that we lack and without which the server leaves things out
// of an answer in silence. A result with a Cut that is not empty may be incomplete:
// what is missing from it is unknown, never "not there".
type Cut []string

// Any reports whether something may have been left out.
func (c Cut) Any() bool { return len(c) > 0 }

// String lists the rights that are missing.
func (c Cut) String() string { return strings.Join(c, ", ") }

// Access is what our own account may do with one object, as the server reports it
// ("view", "manage", "mapRoles", "resetPassword", "manageGroupMembership", …).
type Access map[string]bool

// millis and seconds turn Keycloak's numbers into times; 0 is "never".
func millis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

func seconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// wire is the shape that the server sends for a T.
type wire[T any] interface{ neutral() T }

// rawKeeper is a neutral type that can hold the whole body for a detail view.
type rawKeeper interface{ keep(json.RawMessage) }
