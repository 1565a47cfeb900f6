package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// waysStub is a realm in memory as a graph: what Explain and Find answer is worked out
// from it by the code that answers over the real server.
type waysStub struct {
	mu      sync.Mutex
	links   [][2]string
	fail    error
	needs   []string
	server  []roles.Step // what only the server lists
	crowd   int          // how many more hold every role
	blocked chan struct{}
}

// step reads "g/staff", "r:employee", "c:flaskClient:admin", "u:ben", "s:robot".
func (w *waysStub) step(id string) roles.Step {
	kind, name, _ := strings.Cut(id, ":")
	s := roles.Step{ID: id, Name: name}
	switch kind {
	case "u":
		s.Kind = roles.User
	case "s":
		s.Kind = roles.ServiceAccount
	case "g":
		s.Kind = roles.Group
	case "r":
		s.Kind, s.Default = roles.RealmRole, strings.HasPrefix(name, "default-roles")
	case "c":
		s.Kind = roles.ClientRole
		s.Client, s.Name, _ = strings.Cut(name, ":")
	}
	return s
}

func (w *waysStub) graph() *roles.Graph {
	g := roles.NewGraph()
	for _, l := range w.links {
		g.Add(w.step(l[0]))
		g.Add(w.step(l[1]))
		g.Link(l[0], l[1])
	}
	return g
}

func (w *waysStub) explain(who string) func(context.Context) (keycloak.Provenance, error) {
	return func(context.Context) (keycloak.Provenance, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.fail != nil {
			return keycloak.Provenance{}, w.fail
		}
		g := w.graph()
		g.Add(w.step(who))
		g.Hide(who, w.needs...)
		p := keycloak.Provenance{Provenance: g.Provenance(who, 3), Known: map[string]keycloak.Role{}}
		for _, l := range w.links {
			if s := w.step(l[1]); s.Kind.IsRole() {
				p.Known[s.ID] = keycloak.Role{ID: s.ID, Name: s.Name, Client: s.Client, ClientRole: s.Kind == roles.ClientRole}
			}
		}
		p.Checked, p.OnlyServer = true, w.server
		return p, nil
	}
}

func (w *waysStub) Revoke(_ context.Context, h keycloak.Holder, list ...keycloak.Role) (clients.Change[[]keycloak.Role], error) {
	return w.change(h, list, func(edge [2]string) {
		w.links = slices.DeleteFunc(w.links, func(l [2]string) bool { return l == edge })
	})
}

func (w *waysStub) Grant(_ context.Context, h keycloak.Holder, list ...keycloak.Role) (clients.Change[[]keycloak.Role], error) {
	return w.change(h, list, func(edge [2]string) { w.links = append(w.links, edge) })
}

func (w *waysStub) change(h keycloak.Holder, list []keycloak.Role, do func([2]string)) (clients.Change[[]keycloak.Role], error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	direct := func() (out []keycloak.Role) {
		for _, r := range list {
			if slices.Contains(w.links, [2]string{h.ID, r.ID}) {
				out = append(out, r)
			}
		}
		return out
	}
	ch := clients.Change[[]keycloak.Role]{Before: direct()}
	for _, r := range list {
		do([2]string{h.ID, r.ID})
	}
	ch.After = direct()
	return ch, w.fail
}

func (w *waysStub) has(from, to string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.links, [2]string{from, to})
}

// find answers as a search over the server would, in the order of the links.
func (w *waysStub) find(role string) func(context.Context, roles.HoldersQuery, func(roles.Holder) error) (roles.Holders, error) {
	return func(ctx context.Context, q roles.HoldersQuery, emit func(roles.Holder) error) (roles.Holders, error) {
		w.mu.Lock()
		g, fail, needs, crowd, blocked := w.graph(), w.fail, w.needs, w.crowd, w.blocked
		var ids []string
		for _, l := range w.links {
			for _, id := range l {
				if s := w.step(id); !s.Kind.IsRole() && !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
		}
		w.mu.Unlock()
		q.Progress(roles.Progress{Roles: 3, OfRoles: 8})
		if blocked != nil {
			select {
			case <-blocked:
			case <-ctx.Done():
				return roles.Holders{}, ctx.Err()
			}
		}
		out := roles.Holders{Needs: needs}
		for _, id := range ids {
			h := g.Ways(id, role, 3)
			if len(h.Paths) == 0 || q.Direct && !h.Direct {
				continue
			}
			if h.Paths[0].ByDefault() && !q.Everyone {
				out.Everyone = h.Paths[0][1:]
				continue
			}
			out.Users++
			if err := emit(roles.Holder{Who: w.step(id), Direct: h.Direct, Path: h.Paths[0]}); err != nil {
				return out, err
			}
		}
		for i := range crowd {
			who := roles.Step{Kind: roles.User, ID: fmt.Sprint("x", i), Name: fmt.Sprintf("user%04d", i)}
			if err := emit(roles.Holder{Who: who, Direct: true, Path: roles.Path{who, w.step(role)}}); err != nil {
				return out, err
			}
		}
		return out, fail
	}
}

func newWaysStub() *waysStub {
	return &waysStub{links: [][2]string{
		{"u:ben", "r:default-roles-learning"}, {"r:default-roles-learning", "c:account:view-profile"},
		{"u:ben", "g:/staff/eng"}, {"g:/staff/eng", "g:/staff"}, {"g:/staff", "r:employee"}, {"r:employee", "c:flaskClient:admin"},
		{"u:ben", "c:flaskClient:admin"}, {"c:flaskClient:admin", "r:employee"},
		{"s:nightlySync", "r:employee"},
		{"u:zoe", "r:default-roles-learning"},
	}}
}

func waysOf(w *waysStub, who string) tui.Screen {
	return NewRolePaths(RolePathsSpec{Name: strings.TrimLeft(who, "us:"), Realm: w, Explain: w.explain(who),
		Group:   func(id, path string) tui.Screen { return waysOf(w, id) },
		Holders: func(r keycloak.Role) tui.Screen { return holdersIn(w, r.ID) }})
}

func holdersIn(w *waysStub, role string) tui.Screen {
	return NewRoleHolders(RoleHoldersSpec{Name: w.step(role).Label(), Find: w.find(role),
		Open: func(who roles.Step) tui.Screen { return waysOf(w, who.ID) }})
}

func TestRolePaths(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(waysOf(w, "u:ben")), tuitest.Size(80, 24))
	s.Want("ben holds 4 roles: 1 direct, 1 inherited, 2 by the realm's default roles", "employee", "through flaskClient:admin · and 1 more way", "flaskClient:admin", "direct · and 1 more way")
	s.Golden("role-paths-80")
	s.Resize(120, 40)
	s.Press("+")
	s.Want("through /staff/eng → /staff", "group /staff/eng", "the realm's default role")
}

func TestRolePathsOpensGroupsAndHolders(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(waysOf(w, "u:ben")), tuitest.Size(120, 40))
	s.Want("employee")
	s.Press("+", "f", "g")
	s.Want("shown: without the default roles")
	s.WantNot("view-profile")
	s.Golden("role-paths-120")
	s.Want("realm role employee")
	for range 7 { // employee, its first way and the steps of it, its second way and ben
		s.Press("down")
	}
	s.Press("enter")
	s.Want("ways of g:/staff/eng", "holds 2 roles")
	s.Press("esc", "o")
	s.Want("this step is no role")
	s.Press("down", "down", "enter")
	s.Want("holders of employee", "nightlySync", "direct")
	s.Press("esc", "f", "f")
	s.Want("shown: inherited ones")
	s.Press("f", "f", "f", "g")
	s.Press("enter")
}

func TestRolePathsTakesAMappingAwayAndGivesItBack(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(waysOf(w, "u:ben")), tuitest.Size(110, 30))
	s.Want("employee")
	s.Press("f", "g", "x")
	s.Want("it is held in 2 ways: open it and choose one")
	s.Press("enter", "down", "down", "x")
	s.Want("Take employee from group /staff?", "- realm role employee of group /staff", "Everybody in this group and beneath it loses it, not only ben.")
	s.Press("y")
	s.Want("u undoes it", "through flaskClient:admin")
	if w.has("g:/staff", "r:employee") {
		t.Error("the mapping is still there")
	}
	s.Press("u")
	s.Want("+ realm role employee of group /staff")
	s.Press("y")
	eventually(t, func() bool { return w.has("g:/staff", "r:employee") })
}

func TestRolePathsSaysWhatItCannotSee(t *testing.T) {
	w := newWaysStub()
	w.needs = []string{"view-clients"}
	s := tuitest.Open(t, consoleOn(waysOf(w, "u:ben")), tuitest.Size(110, 30))
	s.Want("? there may be more", "not visible: our account lacks view-clients")
	s.Golden("role-paths-cut")
	w.mu.Lock()
	w.needs, w.server = nil, []roles.Step{{Kind: roles.RealmRole, ID: "z", Name: "ghost"}}
	w.mu.Unlock()
	s.Press("r")
	s.Want("✗ this does not match Keycloak's own list", "ghost", "no mapping was found")
	w.mu.Lock()
	w.fail = &clients.Problem{Kind: clients.Denied, Op: "read the user", Reason: "Keycloak answered 403", Hint: "our account needs the role view-users"}
	w.mu.Unlock()
	s.Press("r")
	s.Want("Keycloak answered 403", "view-users", "what stands below was read before", "employee")
}

func TestRolePathsEmptyFailedAndHostile(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(waysOf(w, "u:nobody")), tuitest.Size(80, 24))
	s.Want("holds no role at all, not even the realm's default roles")
	w.needs = []string{"view-realm", "view-clients"}
	s.Press("r")
	s.Want("may hold roles; our account may see none of them")
	w.fail = &clients.Problem{Kind: clients.Unreachable, Op: "read the user", Reason: "the connection was refused", Hint: "is Keycloak up?"}
	s = tuitest.Open(t, consoleOn(waysOf(w, "u:ben")), tuitest.Size(80, 24))
	s.Want("the connection was refused", "is Keycloak up?")
	s.WantNot("holds no role")
	evil := &waysStub{links: [][2]string{{"u:ben", "g:/\x1b[2Jstaff\u202e\n"}, {"g:/\x1b[2Jstaff\u202e\n", "c:app\x07:ad\x1b]0;x\x07min" + strings.Repeat("ö", 300)}}}
	s = tuitest.Open(t, consoleOn(waysOf(evil, "u:ben")), tuitest.Size(80, 24))
	s.Want("ben holds 1 role")
	s.Press("+")
	s.Want("ad", "staff")
	if strings.ContainsAny(s.Screen(), "\x1b\x07\u202e") {
		t.Errorf("an escape reached the screen: %q", s.Screen())
	}
}

func TestRoleHolders(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(holdersIn(w, "r:employee")), tuitest.Size(120, 40))
	s.Want("ben", "nightlySync", "service account", "/staff/eng", "direct")
	s.Golden("role-holders-120")
	s.Resize(80, 24)
	s.Golden("role-holders-80")
	s.Press("d")
	s.Want("not direct only")
	s.WantNot("/staff/eng")
	s.Press("d", "enter")
	s.Want("ways of")
}

func TestRoleHoldersOfADefaultRole(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(holdersIn(w, "c:account:view-profile")), tuitest.Size(110, 24))
	s.Want("everybody", "the realm's default roles · e lists them")
	s.WantNot("zoe")
	s.Press("enter")
	s.Want("this line is no one person")
	s.Press("e")
	s.Want("zoe", "ben", "default roles of the realm")
}

func TestRoleHoldersStreamsAndIsStopped(t *testing.T) {
	w := newWaysStub()
	w.blocked = make(chan struct{})
	w.crowd = 3000
	s := tuitest.Open(t, consoleOn(holdersIn(w, "r:employee")), tuitest.Size(110, 24))
	s.Want("3 of 8 composite roles read")
	s.Press("esc") // stops waiting, not the search
	close(w.blocked)
	s.Press("m")
	s.Want("user0")
	s.Press("G")
	s.Want("user2999")
}

func TestRoleHoldersFailedCutAndEmpty(t *testing.T) {
	w := newWaysStub()
	w.needs = []string{"view-users"}
	s := tuitest.Open(t, consoleOn(holdersIn(w, "r:employee")), tuitest.Size(110, 24))
	s.Want("? not all are visible", "our account lacks view-users")
	w.mu.Lock()
	w.needs, w.fail = nil, &clients.Problem{Kind: clients.Unreachable, Op: "list members", Reason: "the connection was cut", Hint: "ctrl+r reads again"}
	w.mu.Unlock()
	s.Press("ctrl+r")
	s.Want("the connection was cut")
	s = tuitest.Open(t, consoleOn(holdersIn(newWaysStub(), "r:none")), tuitest.Size(110, 24))
	s.Want("Nobody holds none")
}

// rolesOfRealm is a realm with roles of its own and of two clients, one without any.
type rolesOfRealm struct {
	RoleListKeycloak // what is not asked here
	fail             error
}

func (r rolesOfRealm) Name() string { return "Learning" }

func (r rolesOfRealm) Roles(c keycloak.Container, _ keycloak.RoleQuery) clients.Fetch[keycloak.Role] {
	return func(_ context.Context, cursor string) (clients.Page[keycloak.Role], error) {
		page := clients.Page[keycloak.Role]{Total: -1}
		switch {
		case r.fail != nil:
			return page, r.fail
		case c.ClientUUID == "" && cursor == "":
			page.Items, page.Next = []keycloak.Role{{ID: "1", Name: "employee", Composite: true, Description: "Works here"}}, "1"
		case c.ClientUUID == "":
			page.Items = []keycloak.Role{{ID: "2", Name: "boss\x1b[31m"}}
		case c.ClientUUID == "b":
			page.Items = []keycloak.Role{{ID: "3", Name: "admin", ClientRole: true}}
		}
		return page, nil
	}
}

func (r rolesOfRealm) Clients(keycloak.ClientQuery) clients.Fetch[keycloak.Client] {
	return func(_ context.Context, cursor string) (clients.Page[keycloak.Client], error) {
		if cursor == "" {
			return clients.Page[keycloak.Client]{Items: []keycloak.Client{{ID: "a", ClientID: "empty"}}, Next: "1"}, nil
		}
		return clients.Page[keycloak.Client]{Items: []keycloak.Client{{ID: "b", ClientID: "flaskClient"}}}, nil
	}
}

func TestRoleList(t *testing.T) {
	w := newWaysStub()
	s := tuitest.Open(t, consoleOn(NewRoleList(rolesOfRealm{}, func(r keycloak.Role) tui.Screen { return holdersIn(w, "r:"+r.Name) }, nil)), tuitest.Size(110, 24))
	s.Want("employee", "Works here", "boss", "flaskClient", "admin", "realm")
	s.Press("enter")
	s.Want("holders of employee", "nightlySync")
	s = tuitest.Open(t, consoleOn(NewRoleList(rolesOfRealm{fail: &clients.Problem{Kind: clients.Denied, Op: "list roles", Reason: "Keycloak answered 403"}}, nil, nil)), tuitest.Size(110, 24))
	s.Want("Keycloak answered 403")
}

func TestSweepOfRoleScreens(t *testing.T) {
	w := newWaysStub()
	w.needs = []string{"view-clients"}
	for name, make := range map[string]func() tui.Screen{
		"paths":   func() tui.Screen { return waysOf(w, "u:ben") },
		"holders": func() tui.Screen { return holdersIn(w, "r:employee") },
		"roles": func() tui.Screen {
			return NewRoleList(rolesOfRealm{}, func(keycloak.Role) tui.Screen { return nil }, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			tuitest.Sweep(t, func() tea.Model { return consoleOn(make()) }, nil, []string{"+", "down", "down"})
		})
	}
}
