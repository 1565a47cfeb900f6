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
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/clients"
)

// Options say where Keycloak is and how requests reach it.
type Options struct {
	// URL is the root of the server, with its path prefix if it has one
	// ("https://id.example.org" or "https://id.example.org/auth").
	URL string
	// HTTP sends the requests. It must add the access token itself: build it with
	// clients/transport and the Login of this package.
	HTTP *http.Client
	// Public sends the requests that carry no token (discovery, keys). Empty means
	// HTTP.
	Public *http.Client
}

// Server is one Keycloak server. It is safe for use by many goroutines.
type Server struct {
	base   string
	http   *http.Client
	public *http.Client

	states sync.Map // realm name → *realmState
	info   cached[ServerInfo]
	absent sync.Map // optional endpoint → struct{}: this server does not have it
}

// New checks the address and gives the server; nothing is sent yet.
func New(o Options) (*Server, error) {
	base, err := baseURL(o.URL)
	if err != nil {
		return nil, err
	}
	s := &Server{base: base, http: o.HTTP, public: o.Public}
	if s.http == nil {
		s.http = http.DefaultClient
	}
	if s.public == nil {
		s.public = s.http
	}
	return s, nil
}

func baseURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return "", &clients.Problem{Kind: clients.Invalid, Op: "use the Keycloak address",
			Reason: strconv.Quote(raw) + " is not an http or https URL", Hint: "give the root of the server, such as https://id.example.org"}
	}
	u.User = nil
	return strings.TrimRight(u.String(), "/"), nil
}

// URL is the root of the server without a final slash.
func (s *Server) URL() string { return s.base }

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

// at builds a path beneath /admin/realms/{realm}.
func (r *Realm) at(segments ...string) []string {
	return append([]string{"admin", "realms", r.name}, segments...)
}

type realmState struct {
	rights cached[Rights]
}

// cached keeps one value for a while, so that a screen which asks for it with each
// row costs one request. Callers that come at the same time share the one fetch.
type cached[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
}

func (c *cached[T]) get(ctx context.Context, keep time.Duration, fetch func(context.Context) (T, error)) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.until) {
		return c.value, nil
	}
	v, err := fetch(ctx)
	if err == nil {
		c.value, c.until = v, time.Now().Add(keep)
	}
	return v, err
}

func (c *cached[T]) forget() {
	c.mu.Lock()
	c.until = time.Time{}
	c.mu.Unlock()
}

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
