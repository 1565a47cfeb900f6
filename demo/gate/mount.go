package gate

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/alexedwards/scs/v2"

	"gatehouse/clients/decisions"
)

// mounted is a system on its prefix.
type mounted struct {
	s        *System
	env      *Env
	prefix   string
	origin   *http.CrossOriginProtection
	sessions *scs.SessionManager
	options  SessionOptions
}

// mount puts the routes of a system into a mux, each path whole: "/" is the start
// page and not everything below it.
func mount(mux *http.ServeMux, env *Env, s *System, prefix string) *mounted {
	m := &mounted{s: s, env: env, prefix: prefix, origin: http.NewCrossOriginProtection()}
	if s.Session != nil {
		m.options = *s.Session
		setDefault(&m.options.Idle, env.IdleTimeout)
		setDefault(&m.options.Lifetime, env.Lifetime)
		m.sessions = newSessions(env, s.ID, m.options)
	}
	paths := map[string]map[string]*Route{}
	for i := range s.Routes {
		r := &s.Routes[i]
		if paths[r.Path] == nil {
			paths[r.Path] = map[string]*Route{}
		}
		paths[r.Path][r.Method] = r
	}
	for path, routes := range paths {
		mux.Handle(exact(prefix+path), m.wrap(m.path(routes)))
		if s.AlsoAtRoot && prefix != "" {
			mux.Handle(exact(path), m.wrap(m.path(routes)))
		}
	}
	if paths["/{rest...}"] == nil {
		mux.Handle(prefix+"/", m.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := m.call(w, r)
			c.Decide(decisions.Denied, decisions.NotFound)
			c.Error(http.StatusNotFound)
		})))
	}
	if s.Mounted != nil {
		s.Mounted(prefix)
	}
	return m
}

func (m *mounted) wrap(h http.Handler) http.Handler {
	if m.s.Wrap != nil {
		return m.s.Wrap(h)
	}
	return h
}

func exact(pattern string) string {
	if strings.HasSuffix(pattern, "/") {
		return pattern + "{$}"
	}
	return pattern
}

// call makes the Call of a request that arrived here.
func (m *mounted) call(w http.ResponseWriter, r *http.Request) *Call {
	t := traceOf(r)
	t.d.System = m.s.ID
	if p := strings.TrimPrefix(t.d.Request.Path, m.prefix); p != t.d.Request.Path {
		t.d.Request.Path = p
	}
	if len(m.s.Warn) > 0 { // for who sees no page; what it is about is in the log and on the pages
		w.Header().Set("X-Gatehouse-Warning", "unsafe on purpose")
	}
	return &Call{W: w, R: r, Env: m.env, Sys: m.s, Prefix: m.prefix, trace: t}
}

// path serves one path: it finds the route of the method and has its guard decide.
func (m *mounted) path(routes map[string]*Route) http.Handler {
	var allow []string
	for method := range routes {
		allow = append(allow, method)
	}
	if routes[http.MethodGet] != nil && routes[http.MethodHead] == nil {
		allow = append(allow, http.MethodHead)
	}
	if routes[http.MethodOptions] == nil {
		allow = append(allow, http.MethodOptions)
	}
	slices.Sort(allow)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := m.call(w, r)
		route := routes[r.Method]
		if route == nil && r.Method == http.MethodHead {
			route = routes[http.MethodGet]
		}
		switch {
		case route != nil:
			m.withSession(c, route)
		case r.Method == http.MethodOptions:
			c.Decide(decisions.Allowed, decisions.Public)
			m.answerOptions(c, allow)
		default:
			c.W.Header().Set("Allow", strings.Join(allow, ", "))
			c.Decide(decisions.Denied, decisions.MethodNotAllowed)
			c.Error(http.StatusMethodNotAllowed)
		}
	})
}

func (m *mounted) answerOptions(c *Call, allow []string) {
	if m.s.Options != nil {
		m.s.Options(c, allow)
		return
	}
	c.W.Header().Set("Allow", strings.Join(allow, ", "))
	c.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.W.WriteHeader(http.StatusOK)
}

// withSession loads the session, where the system has one, and serves.
func (m *mounted) withSession(c *Call, route *Route) {
	if m.sessions == nil {
		m.serve(c, route)
		return
	}
	h := m.sessionHandler(c, func(ctx context.Context, w http.ResponseWriter, r *http.Request) {
		c.W, c.R, c.Session = w, r, &Session{m: m.sessions, ctx: ctx}
		if _, sent := c.Cookie(m.sessions.Cookie.Name); sent {
			value, _ := c.Cookie(m.sessions.Cookie.Name)
			c.Credential("cookie", value)
		}
		why, err := c.Session.open(c.Env.Now(), m.options)
		if why != "" || err != nil {
			h := c.Hop("session", "deny")
			h.Rule = string(why)
		}
		if err != nil {
			c.Fail(err)
			return
		}
		m.serve(c, route)
	})
	h.ServeHTTP(c.W, c.R)
}

// serve decides and answers.
func (m *mounted) serve(c *Call, route *Route) {
	c.trace.d.Request.Route = route.Method + " " + route.Path
	c.trace.d.Policy = route.Policy
	if err := m.crossSite(c, route); err != nil {
		h := c.Hop("origin", "deny")
		h.Rule = "cross_origin"
		c.Decide(decisions.Denied, decisions.CSRFRejected)
		c.Audit("csrf_rejected", "route", c.trace.d.Request.Route)
		c.Error(http.StatusForbidden)
		return
	}
	switch route.Policy.Kind {
	case decisions.KindPublic:
		c.trace.d.Outcome, c.trace.d.Reason = decisions.Allowed, decisions.Public
	case decisions.KindLogin:
		c.trace.d.Outcome, c.trace.d.Reason = decisions.Allowed, decisions.OK
	default:
		v := m.s.Guards[route.Policy.Guard](c, route.Policy)
		if !m.obey(c, v) {
			return
		}
	}
	route.Serve(c)
}

// obey carries out a verdict and reports whether the handler may run.
func (m *mounted) obey(c *Call, v Verdict) bool {
	out := decisions.Denied
	switch {
	case v.Allow:
		out = decisions.Allowed
	case strings.HasPrefix(string(v.Reason), "upstream_"), v.Reason == decisions.InternalError:
		out = decisions.Failed
	}
	c.trace.d.Outcome, c.trace.d.Reason = out, v.Reason
	if v.Allow {
		return true
	}
	c.Audit("refused", "reason", string(v.Reason), "route", c.trace.d.Request.Route)
	switch {
	case v.Respond != nil:
		v.Respond(c)
	case v.Status == 0: // a guard that forgot to say how it refuses still refuses
		c.Error(http.StatusForbidden)
	default:
		c.Error(v.Status)
	}
	return false
}

// crossSite refuses what another site made a browser send.
func (m *mounted) crossSite(c *Call, route *Route) error {
	if slices.Contains(m.s.AllowCrossSite, route.Method+" "+route.Path) {
		return nil
	}
	return m.origin.Check(c.R)
}
