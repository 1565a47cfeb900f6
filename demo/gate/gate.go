// Package gate is the frame of the demo server. A system is a folder with routes,
// each with its policy as data, and guards, which decide what the policies ask for;
// gate matches, lets the guard decide, records every step, and answers.
//
// What makes a decision records it: a guard asks for what it needs through the Call,
// and the Call writes down the steps. There is no trace beside the code.
//
// A new system:
//
//	func New(env *gate.Env) (*gate.System, error) {
//		s := &app{env: env}
//		return &gate.System{
//			ID: "my-app", Title: "My application", Guard: "name and password",
//			Guards: map[string]gate.Guard{"basic": s.basic},
//			Routes: []gate.Route{
//				{Method: "GET", Path: "/", Policy: gate.Public("a greeting"), Serve: s.home},
//				{Method: "GET", Path: "/secret", Policy: decisions.Policy{Kind: decisions.KindBasic, Guard: "basic"}, Serve: s.secret},
//			},
//		}, nil
//	}
//
// A route without a policy, or with one that no guard decides, fails the start.
package gate

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
)

// Guard decides whether a call may pass. p is the policy of the route, the same
// value that is printed.
type Guard func(c *Call, p decisions.Policy) Verdict

// Verdict is what a guard answers.
type Verdict struct {
	Allow  bool
	Reason decisions.Reason
	// Status is that of the refusal when Respond is nil.
	Status int
	// Respond writes the refusal; nil leaves it to the system's error page.
	Respond func(*Call)
}

// Pass lets a call through.
func Pass() Verdict { return Verdict{Allow: true, Reason: decisions.OK} }

// Refuse answers with a status and the system's page for it.
func Refuse(status int, why decisions.Reason) Verdict { return Verdict{Status: status, Reason: why} }

// RefuseWith answers with what respond writes.
func RefuseWith(why decisions.Reason, respond func(*Call)) Verdict {
	return Verdict{Reason: why, Respond: respond}
}

// Send answers with 302 to a place, which the guard made and no request can name.
func Send(to string, why decisions.Reason) Verdict {
	return RefuseWith(why, func(c *Call) { c.Redirect(http.StatusFound, to) })
}

// Unavailable answers 503 for a server that the decision leans on and that gave no
// usable answer: never 200, never a redirect into a login loop, never a 403 that
// would read as a decision.
func Unavailable(err error) Verdict {
	return Verdict{Status: http.StatusServiceUnavailable, Reason: reasonOf(err)}
}

// Route is one way into a system.
type Route struct {
	Method string // one method; GET serves HEAD too
	Path   string // within the system: "/", "/people/{id}" (net/http patterns, matched whole)
	Policy decisions.Policy
	Serve  func(*Call)
}

// Public is the policy of a route that is open to everybody, and why it may be.
func Public(why string) decisions.Policy {
	return decisions.Policy{Kind: decisions.KindPublic, Why: why}
}

// Login is the policy of a route whose handler looks at what is sent itself (name
// and password, a code). Its handler must call Call.Decide.
func Login(why string) decisions.Policy {
	return decisions.Policy{Kind: decisions.KindLogin, Why: why}
}

// System is one guarded application.
type System struct {
	ID    string // as in the paths: /s/<id>/
	Title string
	Guard string // in a few words
	Seed  string // the document that it comes from: "000", "001", "002", "003", "004"
	About string // two or three sentences for the index page

	Routes []Route
	Guards map[string]Guard

	// AlsoAtRoot serves the same paths at / of a server with several systems: for a
	// proxy in front that knows nothing of our prefixes.
	AlsoAtRoot bool

	// Session asks for a server-side session; nil for a system that has none.
	Session *SessionOptions
	// Options answers OPTIONS on a known path; nil answers 200 with Allow, as Flask does.
	Options func(c *Call, allow []string)
	// ErrorPage writes the page of a status that gate or a guard answers with; nil is gate's own.
	ErrorPage func(c *Call, status int)
	// AllowCrossSite names routes ("POST /auth") that take no cookie and may therefore
	// be called from other sites.
	AllowCrossSite []string
	// Wrap puts a handler around the whole system (CORS); may be nil.
	Wrap func(http.Handler) http.Handler
	// Warn says what is unsafe on purpose in the mode that runs.
	Warn []string

	// People are those who can sign in with one click on the index page. May be nil.
	People func() []Person
	// SignIn signs a person of People in without asking for the password; on success it
	// redirects. It runs on loopback only, for POST only. Nil where that cannot be.
	SignIn func(c *Call, p Person)
	// WhoIs tells who is logged in, for the index page; it must not cost more than a
	// look into the session or one request. Empty is nobody. May be nil.
	WhoIs func(c *Call) string
	// Mounted is told the handler-ready prefix ("" or "/s/<id>") when the server is built; may be nil.
	Mounted func(prefix string)
	// Close frees what the system holds; may be nil.
	Close func() error
}

// Person is somebody of the demo.
type Person struct {
	Key      string // within the demo: "ann"
	Name     string
	Email    string
	Username string
	Password string   // never shown
	Roles    []string // where the system has roles of its own
	Note     string   // what is special: "suspended", "no roles"
}

// Describe is the system as data; url is where it is mounted.
func (s *System) Describe(url string) decisions.System {
	d := decisions.System{ID: s.ID, URL: url, Title: s.Title, Guard: s.Guard, Seed: s.Seed, Warn: s.Warn, Routes: []decisions.Route{}}
	for _, r := range s.Routes {
		d.Routes = append(d.Routes, decisions.Route{Method: r.Method, Path: r.Path, Policy: r.Policy.String(), Data: r.Policy})
	}
	return d
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// check finds what would leave a route unguarded.
func (s *System) check() error {
	var errs []error
	bad := func(r Route, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s %s %s", s.ID, r.Method, r.Path, fmt.Sprintf(format, args...)))
	}
	seen := map[string]bool{}
	for _, r := range s.Routes {
		key := r.Method + " " + r.Path
		switch {
		case !slices.Contains(methods, r.Method):
			bad(r, "has a method that is not served")
		case !strings.HasPrefix(r.Path, "/"):
			bad(r, "has a path that does not begin with /")
		case seen[key]:
			bad(r, "is there twice")
		case r.Serve == nil:
			bad(r, "has no handler")
		}
		seen[key] = true
		s.checkPolicy(r, bad)
	}
	if len(s.Routes) == 0 {
		errs = append(errs, fmt.Errorf("%s: has no routes", s.ID))
	}
	return errors.Join(errs...)
}

func (s *System) checkPolicy(r Route, bad func(Route, string, ...any)) {
	p := r.Policy
	switch p.Kind {
	case "":
		bad(r, "has no policy; say what it asks for, or gate.Public and why")
	case decisions.KindPublic, decisions.KindLogin:
		if p.Why == "" {
			bad(r, "is open without a reason")
		}
		if p.Guard != "" || p.Relation != "" || len(p.Roles) > 0 {
			bad(r, "is open and names something that it asks for")
		}
	default:
		if s.Guards[p.Guard] == nil {
			bad(r, "has a policy that no guard decides: %q", p.Guard)
		}
		if p.Kind == decisions.KindRelation && p.Relation == "" {
			bad(r, "asks for a relation and names none")
		}
		if (p.Kind == decisions.KindRolesAll || p.Kind == decisions.KindRolesAny) && len(p.Roles) == 0 {
			bad(r, "asks for roles and names none")
		}
	}
}
