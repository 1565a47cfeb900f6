// Package courses is the API of the third seed document: a list of courses, open to
// everybody at first, then guarded by an RS256 access token, and readable from a
// browser application of another origin.
package courses

import (
	_ "embed"
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// body is the answer, byte for byte as the original serves it.
//
//go:embed courses.json
var body []byte

const path = "/api/v1/courses"

type app struct {
	env      *gate.Env
	verifier *verifier
	origins  []string
}

// New makes the API with its token.
func New(env *gate.Env) (*gate.System, error) {
	s, err := guarded(env, "jwt-courses", "Courses API")
	if err != nil {
		return nil, err
	}
	s.About = "A list of courses for whoever brings an access token of the issuer, signed with RS256, for this API and not past its time. Each refusal has a code of its own."
	return s, nil
}

// NewCORS makes the same API, shown for what a browser of another origin may do.
func NewCORS(env *gate.Env) (*gate.System, error) {
	s, err := guarded(env, "jwt-cors", "Courses API, from another origin")
	if err != nil {
		return nil, err
	}
	s.About = "The courses API again: a browser lets an application of another origin read the answer only where that origin is on the list."
	return s, nil
}

// NewPublic makes the API before it was guarded: what a route without a guard gives away.
func NewPublic(*gate.Env) (*gate.System, error) {
	return &gate.System{ID: "courses-public", Title: "Courses API without a guard", Guard: "public", Seed: "003",
		About:  "The courses API of the tutorial's first steps, with no guard at all: compare it with the guarded one.",
		Routes: []gate.Route{{Method: http.MethodGet, Path: path, Policy: gate.Public("the step of the tutorial before the guard"), Serve: list}},
	}, nil
}

func guarded(env *gate.Env, id, title string) (*gate.System, error) {
	settings, issuers := env.Issuer()
	if len(issuers) == 0 {
		return nil, errors.New("it needs an issuer of tokens: set keycloak.url and keycloak.realms in the context, or CRYPTR_BASE_URL and CRYPTR_TENANT_DOMAIN")
	}
	if settings.KeysURL == "" {
		return nil, errors.New("it needs the address of the issuer's keys: set CRYPTR_JWKS_URL")
	}
	keys, err := env.NewKeys(settings.KeysURL)
	if err != nil {
		return nil, err
	}
	a := &app{env: env, origins: settings.Origins,
		verifier: &verifier{keys: keys, issuers: issuers, audience: settings.Audience, now: env.Now, strict: env.Strict}}
	need := decisions.Policy{Kind: decisions.KindToken, Guard: "bearer", Why: "RS256, of " + clean.Line(settings.Issuer, 200) + ", for " + clean.Line(settings.Audience, 200)}
	return &gate.System{ID: id, Title: title, Guard: "bearer token (JWT, RS256)", Seed: "003",
		Guards:  map[string]gate.Guard{"bearer": a.guard},
		Routes:  []gate.Route{{Method: http.MethodGet, Path: path, Policy: need, Serve: func(c *gate.Call) { a.cors(c); list(c) }}},
		Options: a.preflight,
	}, nil
}

func list(c *gate.Call) { c.Bytes(http.StatusOK, "application/json", body) }

// seven are the methods that the original's library names whatever a route serves.
const seven = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"

// cors says which origin may read the answer: one of the list, compared whole. The
// original names whatever origin asks. A request without an origin is nobody's
// application; "*" is what the original says then, and carries no credentials.
func (a *app) cors(c *gate.Call) (allowed bool) {
	h := c.W.Header()
	h.Add("Vary", "Origin")
	origin, sent := c.R.Header["Origin"]
	switch {
	case !sent:
		h.Set("Access-Control-Allow-Origin", "*")
	case len(origin) == 1 && slices.Contains(a.origins, origin[0]):
		h.Set("Access-Control-Allow-Origin", origin[0])
		return true
	default:
		c.Hop("cors", "deny").Rule = "the origin is not on the list"
	}
	return false
}

func (a *app) preflight(c *gate.Call, allow []string) {
	h := c.W.Header()
	h.Set("Allow", strings.Join(allow, ", "))
	if a.cors(c) && c.R.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", seven)
		if a.env.Strict {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		}
		if asked := headerNames(c.R.Header.Get("Access-Control-Request-Headers")); len(asked) > 0 {
			h.Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
		}
	}
	c.Bytes(http.StatusOK, "text/html; charset=utf-8", nil)
}

// headerNames are the names that a preflight asks for, sorted; what is no name of a
// header is left out.
func headerNames(list string) []string {
	var names []string
	for n := range strings.SplitSeq(list, ",") {
		n = strings.TrimSpace(n)
		if n != "" && len(n) <= 100 && !strings.ContainsFunc(n, notInName) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), 50)]
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

// refusal is one of the tutorial's errors.
type refusal struct {
	Code        string `json:"code"`
	Description string `json:"description"`
	reason      decisions.Reason
	challenge   string
}

// The five errors of the tutorial, in its words.
var (
	headerMissing = refusal{"authorization_header_missing", "Authorization header is required", decisions.JWTHeaderMissing, "Bearer"}
	invalidHeader = refusal{"invalid_header", "Wrong Bearer Authorization header syntax", decisions.JWTInvalidHeader, `Bearer error="invalid_token"`}
	noKey         = refusal{"no_rsa_key", "Unable to find appropriate key", decisions.JWTNoRSAKey, `Bearer error="invalid_token"`}
	tokenExpired  = refusal{"token_expired", "token is expired", decisions.JWTTokenExpired, `Bearer error="invalid_token"`}
	invalidClaims = refusal{"invalid_claims", "incorrect claims, please check the audience and issuer", decisions.JWTInvalidClaims, `Bearer error="invalid_token"`}
)

// refuse answers 401 with the code. The original says neither how to log in nor lets
// the application of another origin read why; with --strict both are said.
func (a *app) refuse(r refusal) gate.Verdict {
	return gate.RefuseWith(r.reason, func(c *gate.Call) {
		if a.env.Strict {
			a.cors(c)
			c.W.Header().Set("WWW-Authenticate", r.challenge)
		}
		c.JSON(http.StatusUnauthorized, r)
	})
}

func unavailable(err error) gate.Verdict {
	v := gate.Unavailable(err)
	v.Respond = func(c *gate.Call) {
		c.W.Header().Set("Retry-After", "5")
		c.JSON(http.StatusServiceUnavailable, refusal{Code: "jwks_unavailable", Description: "the keys of the issuer cannot be fetched, so no token can be checked"})
	}
	return v
}
