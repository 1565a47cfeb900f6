package gate

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"gatehouse/clients/decisions"
)

// Explain has the real guard of a route decide a request that nobody sent. Nothing
// comes of it: the handler does not run, no session is written or ended, nothing goes
// to the ring of decisions or to the audit log. What a guard asks of Kratos, Keto or
// Keycloak is asked. ok is false where there is no such system, route or person.
//
// The decision of a request that passes has no status: that would be the handler's.
func (s *Server) Explain(ctx context.Context, q decisions.Explain) (d decisions.Decision, ok bool) {
	m := s.mounts[q.System]
	if m == nil {
		return d, false
	}
	ctx, cancel := context.WithTimeout(ctx, s.Env.RequestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, q.Method, s.Env.publicURL+q.Path, nil)
	if err != nil || !s.dress(r, q) {
		return d, false
	}
	route, r := m.routeOf(r)
	if route == nil {
		return d, false
	}
	env := *s.Env
	env.Log = slog.New(slog.DiscardHandler)
	c := &Call{W: &recorder{ResponseWriter: discard{}}, R: r, Env: &env, Sys: m.s, Prefix: m.prefix, trace: newTrace(r, s.Env.Now())}
	t := c.trace
	t.d.System, t.d.Request.Route, t.d.Policy = m.s.ID, route.Method+" "+route.Path, route.Policy
	if m.sessions != nil && !m.lookIntoSession(c) {
		return t.done(0), true
	}
	switch route.Policy.Kind {
	case decisions.KindPublic:
		t.d.Outcome, t.d.Reason = decisions.Allowed, decisions.Public
	case decisions.KindLogin:
		t.d.Outcome, t.d.Reason = decisions.Allowed, decisions.OK
	default:
		m.obey(c, m.s.Guards[route.Policy.Guard](c, route.Policy))
	}
	return t.done(c.W.(*recorder).status), true
}

// dress gives a request what it is to be sent with.
func (s *Server) dress(r *http.Request, q decisions.Explain) bool {
	for name, value := range q.Headers {
		r.Header.Set(name, value)
	}
	if q.As == "" {
		return true
	}
	for _, p := range s.Env.People {
		if keyOf(p) == q.As && p.Username != "" && p.Password != "" {
			r.SetBasicAuth(p.Username, p.Password)
			return true
		}
	}
	return false
}

// routeOf finds the route of a request as the server would, without serving it.
func (m *mounted) routeOf(r *http.Request) (route *Route, matched *http.Request) {
	mux := http.NewServeMux()
	paths := map[string][]*Route{}
	for i := range m.s.Routes {
		one := &m.s.Routes[i]
		paths[one.Path] = append(paths[one.Path], one)
	}
	for path, routes := range paths {
		mux.HandleFunc(exact(path), func(_ http.ResponseWriter, r *http.Request) {
			for _, one := range routes {
				if one.Method == r.Method || one.Method == http.MethodGet && r.Method == http.MethodHead && route == nil {
					route, matched = one, r
				}
			}
		})
	}
	mux.ServeHTTP(discard{}, r)
	return route, matched
}

// lookIntoSession loads the session of a call so that nothing is written to it; false
// says that it does not count, or could not be read, and the trace says why.
func (m *mounted) lookIntoSession(c *Call) bool {
	sessions := *m.sessions
	sessions.Store = lookOnly{m.sessions.Store}
	token, sent := c.Cookie(sessions.Cookie.Name)
	if sent {
		c.Credential("cookie", token)
	}
	ctx, err := sessions.Load(c.R.Context(), token)
	if err != nil {
		c.Fail(UpstreamFailed(decisions.Sessions, err))
		return false
	}
	c.R, c.Session = c.R.WithContext(ctx), &Session{m: &sessions, ctx: ctx}
	why, err := c.Session.open(c.Env.Now(), m.options)
	if why != "" || err != nil {
		c.Hop("session", "deny").Rule = string(why)
	}
	if err != nil {
		c.Fail(err)
	}
	return err == nil
}

// lookOnly is a store that forgets what is written to it.
type lookOnly struct{ scs.Store }

// Commit and the rest write nothing.
func (lookOnly) Commit(string, []byte, time.Time) error                     { return nil }
func (lookOnly) CommitCtx(context.Context, string, []byte, time.Time) error { return nil }
func (lookOnly) Delete(string) error                                        { return nil }
func (lookOnly) DeleteCtx(context.Context, string) error                    { return nil }

// FindCtx reads.
func (l lookOnly) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	if s, ok := l.Store.(scs.CtxStore); ok {
		return s.FindCtx(ctx, token)
	}
	return l.Store.Find(token)
}

// explain answers POST /debug/explain.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	var q decisions.Explain
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		http.Error(w, "the body is not what it should be", http.StatusBadRequest)
		return
	}
	d, ok := s.Explain(r.Context(), q)
	if !ok {
		http.NotFound(w, r)
		return
	}
	answer(w, d)
}
