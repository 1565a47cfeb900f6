package screens

import (
	"context"
	"encoding/json"
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

// rolesStub is a realm in memory: ben, the roles that he holds, and the roles that
// he could be granted.
type rolesStub struct {
	mu    sync.Mutex
	held  []keycloak.EffectiveRole
	free  []keycloak.Role
	cut   keycloak.Cut
	fail  error
	asked []string
}

func (r *rolesStub) Name() string { return "Learning" }

func (r *rolesStub) Realms(context.Context) ([]keycloak.RealmSettings, error) {
	return []keycloak.RealmSettings{{Name: "Learning", DisplayName: "Learning Software", Enabled: keycloak.Yes}, {Name: "hidden"}}, r.fail
}

func (r *rolesStub) Users(q keycloak.UserQuery) clients.Fetch[keycloak.User] {
	return func(context.Context, string) (clients.Page[keycloak.User], error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, "search "+q.Search)
		users := []keycloak.User{{ID: "1", Username: "ben", Email: "ben@acme.example", Enabled: true}, {ID: "2", Username: "farah",
			Attributes: map[string][]string{"disabledReason": {"permanentLockout"}}}, {ID: "3", Username: "ines"}}
		if q.Search != "" {
			users = users[:1]
		}
		return clients.Page[keycloak.User]{Items: users, Total: -1}, r.fail
	}
}

func (r *rolesStub) Effective(context.Context, keycloak.Holder) (keycloak.Effective, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return keycloak.Effective{Roles: slices.Clone(r.held), Cut: r.cut}, r.fail
}

func (r *rolesStub) AvailableRoles(context.Context, keycloak.Holder, keycloak.Container) ([]keycloak.Role, error) {
	return r.free, r.fail
}

func (r *rolesStub) Clients(keycloak.ClientQuery) clients.Fetch[keycloak.Client] {
	return func(context.Context, string) (clients.Page[keycloak.Client], error) {
		return clients.Page[keycloak.Client]{Items: []keycloak.Client{{ID: "c", ClientID: "flaskClient", Enabled: true}}}, r.fail
	}
}

func (r *rolesStub) direct() []keycloak.Role {
	var out []keycloak.Role
	for _, h := range r.held {
		if h.Direct {
			out = append(out, h.Role)
		}
	}
	return out
}

func (r *rolesStub) Grant(_ context.Context, _ keycloak.Holder, roles ...keycloak.Role) (clients.Change[[]keycloak.Role], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.direct()
	for _, role := range roles {
		if !slices.ContainsFunc(before, func(b keycloak.Role) bool { return b.ID == role.ID }) {
			r.held = append(r.held, keycloak.EffectiveRole{Role: role, Direct: true, Path: []keycloak.Hop{{Name: role.Name}}})
		}
	}
	return clients.Change[[]keycloak.Role]{Before: before, After: r.direct()}, r.fail
}

func (r *rolesStub) Revoke(_ context.Context, _ keycloak.Holder, roles ...keycloak.Role) (clients.Change[[]keycloak.Role], error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.direct()
	for _, role := range roles {
		r.held = slices.DeleteFunc(r.held, func(h keycloak.EffectiveRole) bool { return h.ID == role.ID })
	}
	return clients.Change[[]keycloak.Role]{Before: before, After: r.direct()}, r.fail
}

func (r *rolesStub) Previews(ctx context.Context, q keycloak.PreviewQuery) (keycloak.Previews, error) {
	out := keycloak.Previews{Of: map[keycloak.TokenKind]keycloak.Preview{}}
	for _, k := range []keycloak.TokenKind{keycloak.AccessToken, keycloak.IDToken, keycloak.UserInfo} {
		p, err := r.Preview(ctx, k, q)
		if err != nil {
			return out, err
		}
		out.Of[k] = p
	}
	out.Mappers = []keycloak.PreviewMapper{{Mapper: keycloak.Mapper{Name: "client roles"}, Scope: "roles", Path: []string{"resource_access", "*", "roles"},
		Puts: map[keycloak.TokenKind]bool{keycloak.AccessToken: true}}}
	return out, nil
}

func (r *rolesStub) Preview(_ context.Context, kind keycloak.TokenKind, q keycloak.PreviewQuery) (keycloak.Preview, error) {
	claims := `{"aud":"account","resource_access":{"flaskClient":{"roles":["admin"]}},"exp":1700000000}`
	if kind == keycloak.IDToken {
		claims = `{"aud":"flaskClient"}`
	}
	return keycloak.Preview{Kind: kind, Claims: json.RawMessage(claims)}, r.fail
}

func (r *rolesStub) names() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, h := range r.held {
		out = append(out, h.Name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func newRolesStub() *rolesStub {
	employee := keycloak.Role{ID: "e", Name: "employee", Composite: true}
	return &rolesStub{
		held: []keycloak.EffectiveRole{
			{Role: employee, Path: []keycloak.Hop{{Kind: roles.User, Name: "ben"}, {Kind: "group", Name: "/staff/eng"}, {Kind: "group", Name: "/staff"}, {Name: "employee"}}},
			{Role: keycloak.Role{ID: "x", Name: "examiner"}, Direct: true, Path: []keycloak.Hop{{Name: "examiner"}}},
		},
		free: []keycloak.Role{{ID: "a", Name: "admin", ClientRole: true}, {ID: "s", Name: "student", ClientRole: true}},
	}
}

func rolesOf(r *rolesStub) tui.Screen {
	return NewUserRoles(UserRolesSpec{Realm: r, Holder: keycloak.OfUser("1"), Name: "ben", Preview: func() tui.Screen { return NewTokens(r, "1", "ben") }})
}

func TestUserRoles(t *testing.T) {
	r := newRolesStub()
	s := tuitest.Open(t, consoleOn(rolesOf(r)), tuitest.Size(110, 24))
	s.Want("examiner", "direct", "employee", "inherited", "/staff/eng → /staff")
	if _, direct := s.Find("examiner"); direct > 0 {
		if _, inherited := s.Find("employee"); inherited < direct {
			t.Errorf("direct mappings come first:\n%s", s.Screen())
		}
	}
	s.Golden("roles")
	s.Press("down", "x")
	s.Want("ben holds employee only through /staff/eng → /staff: take it away there")
	s.Press("a")
	s.Want("of which client?", "flaskClient")
	s.Press("down", "enter")
	s.Want("Which roles should ben get?", "student")
	s.Press("tab", "enter")
	s.Want("Grant 1 role: ben?", "+ flaskClient:admin")
	s.Press("y")
	s.Want("u undoes it")
	eventually(t, func() bool { return r.names() == "admin employee examiner" })
	s.Press("u")
	s.Want("- flaskClient:admin")
	s.Press("y")
	eventually(t, func() bool { return r.names() == "employee examiner" })
}

func TestUserRolesCutIsNotNothing(t *testing.T) {
	r := newRolesStub()
	r.cut = keycloak.Cut{"view-clients"}
	s := tuitest.Open(t, consoleOn(rolesOf(r)), tuitest.Size(110, 24))
	s.Want("some roles are not visible", "our account lacks view-clients", "unknown")
	r.mu.Lock()
	r.held = nil
	r.mu.Unlock()
	s.Press("ctrl+r")
	s.Want("our account may not see them: it lacks view-clients")
}

func TestUsersAndRealms(t *testing.T) {
	r := newRolesStub()
	app := consoleOn(NewRealms(r, func(realm string) tui.Screen {
		return NewUsers(UsersSpec{Realm: r, Open: func(u keycloak.User) tui.Screen { return rolesOf(r) }})
	}))
	s := tuitest.Open(t, app, tuitest.Size(110, 24))
	s.Want("Learning Software", "✓ enabled", "? not visible")
	s.Press("enter")
	s.Want("ben@acme.example", "✗ locked for good", "✗ disabled")
	s.Press("f")
	s.Type("be")
	s.Press("enter")
	s.WantNot("farah")
	if !slices.Contains(r.asked, "search be") {
		t.Errorf("asked %q", r.asked)
	}
	s.Press("enter")
	s.Want("roles of ben")
	s.Press("t")
	s.Want("tokens of ben for", "flaskClient")
	s.Press("enter")
	s.Want("Access token", "roles of flaskClient", "admin", "ID token", "It does not say that the login works")
}

func TestSweepOfKeycloakScreens(t *testing.T) {
	r := newRolesStub()
	for name, make := range map[string]func() tui.Screen{
		"users":  func() tui.Screen { return NewUsers(UsersSpec{Realm: r}) },
		"realms": func() tui.Screen { return NewRealms(r, nil) },
		"roles":  func() tui.Screen { return rolesOf(r) },
		"tokens": func() tui.Screen { return NewTokens(r, "1", "ben") },
		"token":  func() tui.Screen { return NewToken(r, keycloak.Client{ID: "c", ClientID: "flaskClient"}, "1", "ben") },
	} {
		t.Run(name, func(t *testing.T) { tuitest.Sweep(t, func() tea.Model { return consoleOn(make()) }) })
	}
}
