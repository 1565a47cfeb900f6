package gate

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
)

// buildIndex adds what the server has beside its systems: the style sheet, and where
// no system stands alone the page that shows them all.
func (s *Server) buildIndex(mux *http.ServeMux) {
	sys := &System{ID: "index", Title: "All systems", Guard: "public", Routes: []Route{
		{Method: http.MethodGet, Path: stylePath, Policy: Public("a style sheet"), Serve: serveStyle},
	}}
	if !(s.conf.Alone && len(s.systems) == 1) {
		sys.Routes = append(sys.Routes,
			Route{Method: http.MethodGet, Path: "/", Policy: Public("what there is to see"), Serve: s.index},
			Route{Method: http.MethodPost, Path: "/-/signin", Policy: Login("signs a person of the demo in, on loopback only"), Serve: s.signIn})
	} else {
		sys.Routes[0].Serve = serveStyle
		m := &mounted{s: sys, env: s.Env, origin: http.NewCrossOriginProtection()}
		mux.Handle(stylePath, m.path(map[string]*Route{http.MethodGet: &sys.Routes[0]}))
		return
	}
	mount(mux, s.Env, sys, "")
}

type indexSystem struct {
	decisions.System
	Prefix string
	About  string
	WhoIs  string
	Rows   []indexRow
	First  []Person // those with a button at once
	Rest   []Person // those behind a fold
}

// indexRow are the methods of one path that need the same.
type indexRow struct {
	Methods, Path, Policy string
	Kind                  decisions.Kind
	Link                  string // empty for what is not there to be opened
}

// indexRows puts routes together that need the same.
func indexRows(prefix string, routes []decisions.Route) []indexRow {
	var rows []indexRow
	for _, r := range routes {
		i := slices.IndexFunc(rows, func(x indexRow) bool { return x.Path == r.Path && x.Policy == r.Policy })
		if i < 0 {
			rows = append(rows, indexRow{Path: r.Path, Policy: r.Policy, Kind: r.Data.Kind})
			i = len(rows) - 1
		}
		rows[i].Methods = strings.TrimSpace(rows[i].Methods + " " + r.Method)
		if opens(r) {
			rows[i].Link = prefix + r.Path
		}
	}
	return rows
}

// shownPeople is how many people have a button at once.
const shownPeople = 6

// indexGroup are the systems of one kind, under one heading.
type indexGroup struct {
	ID, Title string
	seeds     []string
	Systems   []indexSystem
}

// indexGroups are the headings in their order, by the seed documents.
func indexGroups() []indexGroup {
	return []indexGroup{
		{ID: "g-relations", Title: "Identities and relations", seeds: []string{"000, 001"}},
		{ID: "g-roles", Title: "Roles", seeds: []string{"002"}},
		{ID: "g-tokens", Title: "Tokens", seeds: []string{"003"}},
		{ID: "g-logins", Title: "Sessions, passwords and other providers", seeds: nil}, // the rest
	}
}

// index shows every system, who is logged in there, and what each route needs.
func (s *Server) index(c *Call) {
	groups, total := indexGroups(), 0
	var in []indexSystem
	for i, d := range s.Systems() {
		sys := s.systems[i]
		e := indexSystem{System: d, About: sys.About, WhoIs: s.whoIs(c, sys), Prefix: s.mounts[sys.ID].prefix}
		e.URL, e.Rows = e.Prefix+"/", indexRows(e.Prefix, d.Routes)
		if sys.SignIn != nil && sys.People != nil && s.mayImpersonate() {
			people := sys.People()
			n := min(shownPeople, len(people))
			e.First, e.Rest = people[:n], people[n:]
		}
		g := slices.IndexFunc(groups, func(g indexGroup) bool { return g.seeds == nil || slices.Contains(g.seeds, sys.Seed) })
		groups[g].Systems = append(groups[g].Systems, e)
		if e.WhoIs != "" {
			in = append(in, e)
		}
		total++
	}
	groups = slices.DeleteFunc(groups, func(g indexGroup) bool { return len(g.Systems) == 0 })
	c.Page(http.StatusOK, "index", map[string]any{"Groups": groups, "Total": total, "In": in, "Accounts": string(s.Env.Accounts), "Strict": s.Env.Strict,
		"Subject": string(s.Env.Subject), "Note": s.conf.Note})
}

// keyOf names a person within a system.
func keyOf(p Person) string { return cmp.Or(p.Key, p.Username, p.Email) }

// nameOf is what a person is called on a button.
func nameOf(p Person) string { return cmp.Or(p.Name, p.Username, p.Email) }

// opens reports whether a route can be opened with a link.
func opens(r decisions.Route) bool {
	return r.Method == http.MethodGet && !strings.Contains(r.Path, "{")
}

// whoIs asks a system who is logged in, with its own session.
func (s *Server) whoIs(c *Call, sys *System) (who string) {
	if sys.WhoIs == nil {
		return ""
	}
	m := s.mounts[sys.ID]
	side := &Call{W: discard{}, R: c.R, Env: c.Env, Sys: sys, Prefix: m.prefix, trace: &trace{begin: c.trace.begin}}
	if m.sessions != nil {
		token, _ := c.Cookie(m.sessions.Cookie.Name)
		ctx, err := m.sessions.Load(c.R.Context(), token)
		if err != nil {
			return ""
		}
		side.R, side.Session = c.R.WithContext(ctx), &Session{m: m.sessions, ctx: ctx}
		if why, err := side.Session.open(c.Env.Now(), m.options); why != "" || err != nil {
			return ""
		}
	}
	return sys.WhoIs(side)
}

// discard is the answer of a call that has none.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// mayImpersonate says whether a click may sign a person in: on a server that only
// this machine reaches.
func (s *Server) mayImpersonate() bool {
	return isLoopback(s.Env.publicURL) && len(s.conf.Hosts) == 0
}

// signIn signs a person of the demo in.
func (s *Server) signIn(c *Call) {
	id, key := c.R.PostFormValue("system"), c.R.PostFormValue("person")
	m := s.mounts[id]
	if m == nil || m.s.SignIn == nil || m.s.People == nil || !s.mayImpersonate() {
		c.Decide(decisions.Denied, decisions.NotFound)
		c.Error(http.StatusNotFound)
		return
	}
	for _, p := range m.s.People() {
		if keyOf(p) != key {
			continue
		}
		side := *c
		side.Sys, side.Prefix = m.s, m.prefix
		c.trace.d.System = id
		c.Audit("act_as", "person", keyOf(p))
		m.asSession(&side, func() { m.s.SignIn(&side, p) })
		return
	}
	c.Decide(decisions.Denied, decisions.NotFound)
	c.Error(http.StatusNotFound)
}

// asSession runs f with the session of the system.
func (m *mounted) asSession(c *Call, f func()) {
	m.withSession(c, &Route{Method: c.R.Method, Path: c.R.URL.Path, Policy: Login("signs a person of the demo in"), Serve: func(*Call) { f() }})
}
