package screens

import (
	"context"
	"fmt"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// wholeRealm is all that the screens of an administrator ask of a realm.
type wholeRealm interface {
	GroupsKeycloak
	GroupKeycloak
	RoleKeycloak
	RoleListKeycloak
	ClientKeycloak
	ClientScopeKeycloak
	RealmKeycloak
}

// adminStub is a realm in memory, with hostile names in it, or one that fails. What is not
// asked here is not there.
type adminStub struct {
	wholeRealm
	fail error
}

const hostile = "evil\x1b[31m\u202ename 漢字漢字漢字漢字 with a very long tail that does not end before the window does"

func pageOf[T any](fail error, items ...T) clients.Fetch[T] {
	return func(context.Context, string) (clients.Page[T], error) {
		if fail != nil {
			return clients.Page[T]{}, fail
		}
		return clients.Page[T]{Items: items, Total: -1}, nil
	}
}

func (s adminStub) Name() string { return "Learning" }

func (s adminStub) Groups(q keycloak.GroupQuery) clients.Fetch[keycloak.Group] {
	if q.Search != "" {
		return pageOf(s.fail, keycloak.Group{ID: "1", Name: "staff", SubGroupCount: 2, SubGroups: []keycloak.Group{{ID: "2", Name: "eng"}}})
	}
	return pageOf(s.fail, keycloak.Group{ID: "1", Name: "staff", SubGroupCount: 2}, keycloak.Group{ID: "9", Name: hostile}, keycloak.Group{ID: "4", Name: "students"})
}

func (s adminStub) GroupChildren(string, keycloak.GroupQuery) clients.Fetch[keycloak.Group] {
	return pageOf(s.fail, keycloak.Group{ID: "2", Name: "eng", ParentID: "1"}, keycloak.Group{ID: "3", Name: "finance", ParentID: "1", SubGroupCount: 1})
}

func (s adminStub) CountGroups(context.Context, string, bool) (int, error) { return 1_204, s.fail }

func (s adminStub) GroupMembers(string, int) clients.Fetch[keycloak.User] {
	return pageOf(s.fail, keycloak.User{ID: "u1", Username: "ann", FirstName: "Ann", LastName: "Okafor", Email: "ann@acme.example", Enabled: true}, keycloak.User{ID: "u2", Username: hostile})
}

func (s adminStub) Group(context.Context, string) (keycloak.Group, error) {
	return keycloak.Group{ID: "1", Name: "staff", Path: "/staff", SubGroupCount: 2, Description: "Everybody who works here", Attributes: map[string][]string{"floor": {"3", "4"}, hostile: {hostile}}}, s.fail
}

func (s adminStub) RoleMappings(_ context.Context, h keycloak.Holder) (keycloak.Mappings, error) {
	return keycloak.Mappings{Realm: []keycloak.Role{{ID: "e", Name: "employee", Composite: true, Description: "Works here"}},
		Clients: map[string][]keycloak.Role{"flaskClient": {{ID: "a", Name: "admin", ClientRole: true, Client: "flaskClient"}}}, Cut: keycloak.Cut{"view-realm"}}, s.fail
}

func (s adminStub) Role(context.Context, string) (keycloak.Role, error) {
	return keycloak.Role{ID: "e", Name: "employee", Composite: true, Description: "Works here", Attributes: map[string][]string{"level": {"3"}}}, s.fail
}

func (s adminStub) Composites(context.Context, string) (keycloak.Roleset, error) {
	return keycloak.Roleset{Roles: []keycloak.Role{{ID: "a", Name: "admin", ClientRole: true, Client: "flaskClient"}, {ID: "x", Name: hostile}}}, s.fail
}

func (s adminStub) RoleUsers(keycloak.Role, int) clients.Fetch[keycloak.User] {
	return s.GroupMembers("", 0)
}

func (s adminStub) RoleGroups(keycloak.Role, int) clients.Fetch[keycloak.Group] {
	return pageOf(s.fail, keycloak.Group{ID: "1", Name: "staff", Path: "/staff"})
}

func (s adminStub) Clients(keycloak.ClientQuery) clients.Fetch[keycloak.Client] {
	return pageOf(s.fail, keycloak.Client{ID: "c", ClientID: "flaskClient", Enabled: true})
}

func (s adminStub) Users(keycloak.UserQuery) clients.Fetch[keycloak.User] {
	return s.GroupMembers("", 0)
}

func (s adminStub) Client(context.Context, string) (keycloak.Client, error) {
	return keycloak.Client{ID: "c", ClientID: "flaskClient", Name: "The Flask demo", Enabled: true, StandardFlow: true, ServiceAccounts: true, Protocol: "openid-connect",
		RedirectURIs: []string{"http://localhost:5000/*", hostile}, WebOrigins: []string{"+"}, Attributes: map[string]string{logoutURIs: "http://localhost:5000/bye##https://app.example/"}}, s.fail
}

func (s adminStub) ScopesOfClient(context.Context, string) (keycloak.AttachedScopes, error) {
	return keycloak.AttachedScopes{Default: []keycloak.ClientScope{{ID: "p", Name: "profile"}, {ID: "r", Name: "roles"}}, Optional: []keycloak.ClientScope{{ID: "o", Name: "offline_access"}}}, s.fail
}

func (s adminStub) Mappers(context.Context, keycloak.MapperOwner) ([]keycloak.Mapper, error) {
	return []keycloak.Mapper{{ID: "m", Name: "dept", Type: "oidc-usermodel-attribute-mapper", Config: map[string]string{"user.attribute": "dept", "claim.name": "dept", "id.token.claim": "true"}},
		{ID: "n", Name: hostile, Type: "of-our-own", Config: map[string]string{"a": hostile, "b": "true"}}}, s.fail
}

func (s adminStub) ServiceAccount(context.Context, string) (keycloak.User, error) {
	return keycloak.User{ID: "sa", Username: "service-account-flaskclient", Enabled: true}, s.fail
}

func (s adminStub) ClientScope(context.Context, string) (keycloak.ClientScope, error) {
	return keycloak.ClientScope{ID: "p", Name: "profile", Protocol: "openid-connect", InTokenScope: true}, s.fail
}

func (s adminStub) Settings(context.Context) (keycloak.RealmSettings, error) {
	return keycloak.RealmSettings{ID: "x", Name: "Learning", DisplayName: "Learning Software", Enabled: keycloak.Yes, SSLRequired: "external", LoginWithEmailAllowed: keycloak.Yes,
		PasswordPolicy: "length(8) and digits(1)", BrowserFlow: "browser", DirectGrantFlow: "direct grant", DefaultRole: keycloak.Role{ID: "d", Name: "default-roles-learning"},
		BruteForce:      keycloak.BruteForceSettings{Enabled: keycloak.Yes, Permanent: keycloak.No, FailureFactor: 30, WaitIncrement: time.Minute, MaxWait: 15 * time.Minute, QuickLoginCheck: time.Second, MinQuickLoginWait: time.Minute, FailureReset: 12 * time.Hour},
		AccessTokenLife: 5 * time.Minute, SSOSessionIdle: 30 * time.Minute, SSOSessionMaxLife: 10 * time.Hour}, s.fail
}

func (s adminStub) EventsConfig(context.Context) (keycloak.EventsConfig, error) {
	return keycloak.EventsConfig{}, &clients.Problem{Kind: clients.Denied, Op: "read the events configuration", Status: 403, Reason: "Keycloak answered 403", Hint: "our account needs the role view-events of realm-management"}
}

func (s adminStub) RequiredActions(context.Context) ([]keycloak.RequiredAction, error) {
	return []keycloak.RequiredAction{{Alias: "VERIFY_EMAIL", Name: "Verify Email", Enabled: true}, {Alias: "UPDATE_PASSWORD", Name: "Update Password", Enabled: true, Default: true}, {Alias: "TERMS_AND_CONDITIONS", Name: "Terms"}}, s.fail
}

func (s adminStub) NewClientScopes(ctx context.Context) (keycloak.AttachedScopes, error) {
	return s.ScopesOfClient(ctx, "")
}

func (s adminStub) Rights(context.Context) (keycloak.Rights, error) {
	return keycloak.Rights{ViewRealm: keycloak.Yes, ViewUsers: keycloak.Yes}, s.fail
}

// adminScreens are the screens over a stub, by name.
func adminScreens(s adminStub) map[string]func() tui.Screen {
	role := func(keycloak.Role) tui.Screen { return nil }
	return map[string]func() tui.Screen{
		"groups": func() tui.Screen {
			return NewGroups(GroupsSpec{Realm: s, Open: func(keycloak.Group) tui.Screen { return nil }})
		},
		"group": func() tui.Screen { return NewGroup(GroupSpec{Realm: s, ID: "1", Path: "/staff", Role: role}) },
		"role":  func() tui.Screen { return NewRole(RoleSpec{Realm: s, Role: keycloak.Role{ID: "e", Name: "employee"}}) },
		"client": func() tui.Screen {
			return NewClient(ClientSpec{Realm: s, Client: keycloak.Client{ID: "c", ClientID: "flaskClient"}, Role: role, Check: func() tui.Screen { return nil }})
		},
		"clientscope": func() tui.Screen {
			return NewClientScope(ClientScopeSpec{Realm: s, ID: "p", Name: "profile", Role: role})
		},
		"realm": func() tui.Screen {
			return NewRealm(RealmSpec{Realm: s, Places: []RealmPlace{{Key: "1", Name: "users", Help: "List the users."}, {Key: "2", Name: "groups", Help: "Show the groups."}}})
		},
	}
}

func TestAdminScreensGolden(t *testing.T) {
	seen := map[string]string{"groups": "students", "group": "Okafor", "role": "/staff", "client": "service-account", "clientscope": "dept", "realm": "How long"}
	for name, open := range adminScreens(adminStub{}) {
		for _, size := range [][2]int{{80, 24}, {120, 40}} {
			t.Run(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), func(t *testing.T) {
				// All parts are seen to be there first: they come in any order, and the widest
				// decides where the values stand.
				s := tuitest.Open(t, consoleOn(open()), tuitest.Size(120, 120))
				s.Want(seen[name])
				s.WantNot("reading…")
				s.Resize(size[0], size[1])
				if name == "groups" {
					s.Press("right")
					s.Want("finance")
				}
				s.Golden(fmt.Sprintf("%s-%dx%d", name, size[0], size[1]))
			})
		}
	}
}

func TestAdminScreensSweep(t *testing.T) {
	down := adminStub{fail: &clients.Problem{Kind: clients.Unreachable, Op: "read", Reason: "Keycloak does not answer " + hostile, Hint: "is it running?"}}
	for name, open := range adminScreens(adminStub{}) {
		t.Run(name, func(t *testing.T) {
			sequences := [][]string{nil, {"G"}, {"e"}, {"D"}}
			if name == "client" {
				sequences = append(sequences, []string{"tab", "enter"}, []string{"S"}, []string{"n"})
			}
			tuitest.Sweep(t, func() tea.Model { return consoleOn(open()) }, sequences...)
		})
	}
	for name, open := range adminScreens(down) {
		t.Run(name+" down", func(t *testing.T) { tuitest.Sweep(t, func() tea.Model { return consoleOn(open()) }) })
	}
}

// What cannot be read is said, with what to do, and never passes for nothing.
func TestAdminScreensSayWhatFailed(t *testing.T) {
	denied := adminStub{fail: &clients.Problem{Kind: clients.Denied, Op: "read", Status: 403, Reason: "Keycloak answered 403", Hint: "our account needs the role view-users"}}
	for name, open := range adminScreens(denied) {
		t.Run(name, func(t *testing.T) {
			s := tuitest.Open(t, consoleOn(open()), tuitest.Size(100, 60))
			s.Want("Keycloak answered 403", "view-users")
			s.WantNot("none;", "has no groups")
		})
	}
}

func TestAttributeText(t *testing.T) {
	for _, values := range [][]string{{"a"}, {"a", "b"}, {"a, b", `c\`}, {`\,`, "x"}} {
		if got := attributeValues(attributeText(values)); fmt.Sprint(got) != fmt.Sprint(values) {
			t.Errorf("%q became %q", values, got)
		}
	}
}

func TestTupleTreeAndBulkSweep(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Group:finance#members@ann", "Group:finance#members@ann", "Group:finance#members@Group:all#members", "Group:all#members@Group:finance#members", "Group:all#members@carla")}
	open := func() tui.Screen {
		return NewTupleTree(TuplesSpec{Keto: k, Words: screenWords(t)}, tuple.Set{Namespace: "Group", Object: "finance", Relation: "members"})
	}
	s := tuitest.Open(t, consoleOn(open()), tuitest.Size(100, 24))
	s.Want("Group:finance#members has 2 subjects stored directly", "stored 2 times")
	s.Press("down", "enter")
	s.Want("carla", "stands above already: a circle")
	s.Golden("tupletree")
	tuitest.Sweep(t, func() tea.Model { return consoleOn(open()) }, nil, []string{"down", "enter"})
	tuitest.Sweep(t, func() tea.Model {
		return consoleOn(&tupleRun{title: "import", total: 100_000, work: func(ctx context.Context, tell func(tupleProgress)) (string, *tui.Undo, error) {
			tell(tupleProgress{done: 12_000, note: hostile})
			return "12,000 read", nil, &clients.Problem{Kind: clients.UnknownOutcome, Op: "import", Reason: hostile}
		}})
	})
}
