package screens

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

var userNoon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// userStub is a realm with one user, ann, in memory. What is written is written down in
// log as well.
type userStub struct {
	*rolesStub
	mu       sync.Mutex
	now      time.Time
	user     keycloak.User
	more     []keycloak.User
	lock     keycloak.LockState
	settings keycloak.RealmSettings
	creds    []keycloak.Credential
	groups   []keycloak.Group
	sessions []keycloak.Session
	consents []keycloak.Consent
	links    []keycloak.FederatedIdentity
	events   []keycloak.UserEvent
	config   keycloak.EventsConfig
	profile  keycloak.Profile
	denied   bool  // nothing but the account may be seen
	refuse   error // what writes answer
	log      []string
}

func newUserStub() *userStub {
	at := func(d time.Duration) time.Time { return userNoon.Add(-d) }
	return &userStub{rolesStub: newRolesStub(), now: userNoon,
		user: keycloak.User{ID: "11111111-2222-3333-4444-555555555555", Username: "ann", Email: "ann@acme.example", FirstName: "Ann", LastName: "Okafor", Enabled: true,
			Created: at(48 * time.Hour), Attributes: map[string][]string{"department": {"finance"}, "phone": {"+44 1", "+44 2"}}, RequiredActions: []string{"VERIFY_EMAIL"}},
		lock:     keycloak.LockState{Locked: true, Until: userNoon.Add(43 * time.Second), Failures: 3, TemporaryLockouts: 1, LastFailure: at(17 * time.Second), LastIP: "192.0.2.7"},
		settings: keycloak.RealmSettings{Name: "Learning", BruteForce: keycloak.BruteForceSettings{Enabled: keycloak.Yes, FailureFactor: 3}},
		creds:    []keycloak.Credential{{ID: "c1", Type: "password", Created: at(48 * time.Hour)}, {ID: "c2", Type: "otp", Label: "my phone", Created: at(time.Hour)}},
		groups:   []keycloak.Group{{ID: "g1", Name: "eng", Path: "/staff/eng"}},
		sessions: []keycloak.Session{{ID: "s1", Username: "ann", IP: "192.0.2.7", Start: at(2 * time.Hour), LastAccess: at(5 * time.Minute), Clients: map[string]string{"c": "flaskClient", "d": "account"}},
			{ID: "s2", Username: "ann", IP: "192.0.2.9", Start: at(30 * time.Hour), LastAccess: at(20 * time.Hour), Clients: map[string]string{"e": "reporting"}, Offline: true}},
		consents: []keycloak.Consent{{ClientID: "reporting", Scopes: []string{"profile", "email"}, Created: at(30 * time.Hour), OfflineToken: true}},
		links:    []keycloak.FederatedIdentity{{Provider: "okta", UserID: "00u1", Username: "ann.o"}},
		events: []keycloak.UserEvent{
			{Found: keycloak.FoundByID, Login: &keycloak.Event{ID: "1", Time: at(17 * time.Second), Type: "LOGIN_ERROR", ClientID: "flaskClient", UserID: "1", IP: "192.0.2.7", Error: "invalid_user_credentials", Details: map[string]string{"username": "ann"}}},
			{Found: keycloak.FoundByName, Login: &keycloak.Event{ID: "2", Time: at(3 * time.Minute), Type: "LOGIN_ERROR", ClientID: "flaskClient", IP: "192.0.2.7", Error: "resolve_required_actions", Details: map[string]string{"username": " Ann "}}},
			{Found: keycloak.FoundByID, Admin: &keycloak.AdminEvent{ID: "3", Time: at(time.Hour), Operation: "CREATE", ResourceType: "CLIENT_ROLE_MAPPING", ResourcePath: "users/1/role-mappings/clients/c", AuthIP: "192.0.2.1", Representation: []byte(`[{"name":"admin"}]`)}},
		},
		config: keycloak.EventsConfig{Enabled: true, AdminEnabled: true, Expiration: 7 * 24 * time.Hour},
		profile: keycloak.Profile{Unmanaged: "ENABLED", Attributes: []keycloak.ProfileAttribute{{Name: "username", EditRoles: []string{"admin"}}, {Name: "email", EditRoles: []string{"admin"}},
			{Name: "department", DisplayName: "Department", EditRoles: []string{"admin"}, Required: true, RequiredRoles: []string{"user"}}, {Name: "phone", Multivalued: true, EditRoles: []string{"admin", "user"}}}},
	}
}

// may is what a read of something else than the account answers.
func (r *userStub) may(what string) error {
	if r.denied {
		return &clients.Problem{Kind: clients.Denied, Op: "read " + what, Reason: "HTTP 403 Forbidden"}
	}
	return nil
}

func stubRead[T any](r *userStub, what string, v func() T) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.may(what); err != nil {
		var zero T
		return zero, err
	}
	return v(), nil
}

// wrote notes a write, and carries it out when it is not refused.
func (r *userStub) wrote(what string, do func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, what)
	if r.refuse == nil {
		do()
	}
	return r.refuse
}

func (r *userStub) written() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.log)
}

func (r *userStub) set(f func()) { r.mu.Lock(); defer r.mu.Unlock(); f() }

func (r *userStub) clock() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }

func (r *userStub) User(_ context.Context, id string) (keycloak.User, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range append([]keycloak.User{r.user}, r.more...) {
		if u.ID == id {
			return u, nil
		}
	}
	return keycloak.User{}, &clients.Problem{Kind: clients.NotFound, Op: "read the user", Reason: "User not found"}
}

func (r *userStub) Users(keycloak.UserQuery) clients.Fetch[keycloak.User] {
	return func(context.Context, string) (clients.Page[keycloak.User], error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return clients.Page[keycloak.User]{Items: append([]keycloak.User{r.user}, r.more...), Total: -1}, nil
	}
}

func (r *userStub) Lock(context.Context, string) (keycloak.LockState, error) {
	return stubRead(r, "the lock", func() keycloak.LockState { return r.lock })
}
func (r *userStub) Settings(context.Context) (keycloak.RealmSettings, error) {
	if r.denied {
		return keycloak.RealmSettings{Name: "Learning", Cut: keycloak.Cut{"view-realm"}}, nil
	}
	return stubRead(r, "the realm", func() keycloak.RealmSettings { return r.settings })
}
func (r *userStub) Credentials(context.Context, string) ([]keycloak.Credential, error) {
	return stubRead(r, "the credentials", func() []keycloak.Credential { return slices.Clone(r.creds) })
}
func (r *userStub) UserGroups(string, keycloak.GroupQuery) clients.Fetch[keycloak.Group] {
	return func(context.Context, string) (clients.Page[keycloak.Group], error) {
		list, err := stubRead(r, "the groups", func() []keycloak.Group { return slices.Clone(r.groups) })
		return clients.Page[keycloak.Group]{Items: list, Total: -1}, err
	}
}
func (r *userStub) RoleMappings(context.Context, keycloak.Holder) (keycloak.Mappings, error) {
	return stubRead(r, "the roles", func() keycloak.Mappings {
		return keycloak.Mappings{Realm: []keycloak.Role{{Name: "employee"}}, Clients: map[string][]keycloak.Role{"flaskClient": {{Name: "admin"}}}}
	})
}
func (r *userStub) Sessions(context.Context, string) ([]keycloak.Session, error) {
	return stubRead(r, "the sessions", func() []keycloak.Session {
		return slices.DeleteFunc(slices.Clone(r.sessions), func(s keycloak.Session) bool { return s.Offline })
	})
}
func (r *userStub) AllOfflineSessions(context.Context, string) ([]keycloak.Session, error) {
	return stubRead(r, "the sessions", func() []keycloak.Session {
		return slices.DeleteFunc(slices.Clone(r.sessions), func(s keycloak.Session) bool { return !s.Offline })
	})
}
func (r *userStub) Consents(context.Context, string) ([]keycloak.Consent, error) {
	return stubRead(r, "the consents", func() []keycloak.Consent { return slices.Clone(r.consents) })
}
func (r *userStub) FederatedIdentities(context.Context, string) ([]keycloak.FederatedIdentity, error) {
	return stubRead(r, "the links", func() []keycloak.FederatedIdentity { return slices.Clone(r.links) })
}
func (r *userStub) EventsConfig(context.Context) (keycloak.EventsConfig, error) {
	return stubRead(r, "the events configuration", func() keycloak.EventsConfig { return r.config })
}
func (r *userStub) UserEvents(_ context.Context, q keycloak.UserEventQuery) iter.Seq2[keycloak.UserEvent, error] {
	list, err := stubRead(r, "the events", func() []keycloak.UserEvent { return slices.Clone(r.events) })
	return func(yield func(keycloak.UserEvent, error) bool) {
		if err != nil {
			yield(keycloak.UserEvent{}, err)
			return
		}
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (r *userStub) UpdateEventsConfig(_ context.Context, p keycloak.EventsPatch) (clients.Change[keycloak.EventsConfig], error) {
	var ch clients.Change[keycloak.EventsConfig]
	err := r.wrote(fmt.Sprint("events login=", p.Enabled != nil && *p.Enabled, " admin=", p.AdminEnabled != nil && *p.AdminEnabled), func() {
		ch.Before = r.config
		if p.Enabled != nil {
			r.config.Enabled = *p.Enabled
		}
		if p.AdminEnabled != nil {
			r.config.AdminEnabled = *p.AdminEnabled
		}
		ch.After = r.config
	})
	return ch, err
}

func (r *userStub) UpdateUser(_ context.Context, id string, p keycloak.UserPatch) (clients.Change[keycloak.User], error) {
	var ch clients.Change[keycloak.User]
	err := r.wrote("update "+id[:1]+" "+patchWords(p), func() {
		u := &r.user
		for i := range r.more {
			if r.more[i].ID == id {
				u = &r.more[i]
			}
		}
		ch.Before = *u
		for to, v := range map[*string]*string{&u.Username: p.Username, &u.Email: p.Email, &u.FirstName: p.FirstName, &u.LastName: p.LastName} {
			if v != nil {
				*to = *v
			}
		}
		if p.Enabled != nil {
			u.Enabled = *p.Enabled
		}
		if p.EmailVerified != nil {
			u.EmailVerified = *p.EmailVerified
		}
		if p.RequiredActions != nil {
			u.RequiredActions = *p.RequiredActions
		}
		attrs := map[string][]string{}
		for k, v := range u.Attributes {
			attrs[k] = v
		}
		for k, v := range p.Attributes {
			if attrs[k] = v; len(v) == 0 {
				delete(attrs, k)
			}
		}
		u.Attributes = attrs
		ch.After = *u
	})
	return ch, err
}

// patchWords writes down what a patch touches.
func patchWords(p keycloak.UserPatch) string {
	out := ""
	for _, t := range []struct {
		name string
		v    *string
	}{{"username", p.Username}, {"email", p.Email}, {"first", p.FirstName}, {"last", p.LastName}} {
		if t.v != nil {
			out += t.name + "=" + *t.v + " "
		}
	}
	if p.Enabled != nil {
		out += fmt.Sprint("enabled=", *p.Enabled, " ")
	}
	if p.EmailVerified != nil {
		out += fmt.Sprint("verified=", *p.EmailVerified, " ")
	}
	if p.RequiredActions != nil {
		out += fmt.Sprint("actions=", *p.RequiredActions, " ")
	}
	if p.Attributes != nil {
		out += fmt.Sprint("attributes=", p.Attributes, " ")
	}
	return out
}

func (r *userStub) CreateUser(_ context.Context, n keycloak.NewUser) (clients.Change[keycloak.User], error) {
	u := keycloak.User{ID: "99999999-2222-3333-4444-555555555555", Username: n.Username, Email: n.Email, FirstName: n.FirstName, LastName: n.LastName, Enabled: !n.Disabled}
	err := r.wrote(fmt.Sprint("create ", n.Username, " ", n.Email, " groups=", n.Groups, " password=", n.Password != "", " temporary=", n.TemporaryPassword), func() { r.more = append(r.more, u) })
	return clients.Change[keycloak.User]{After: u}, err
}

func (r *userStub) DeleteUser(_ context.Context, id string) (clients.Change[keycloak.User], error) {
	return clients.Change[keycloak.User]{}, r.wrote("delete "+id[:1], func() {
		r.more = slices.DeleteFunc(r.more, func(u keycloak.User) bool { return u.ID == id })
	})
}
func (r *userStub) ResetPassword(_ context.Context, _, password string, temporary bool) (clients.Change[[]keycloak.Credential], error) {
	return clients.Change[[]keycloak.Credential]{}, r.wrote(fmt.Sprint("password of ", len(password), " characters, temporary=", temporary), func() {})
}
func (r *userStub) DeleteCredential(_ context.Context, _, id string) (clients.Change[[]keycloak.Credential], error) {
	return clients.Change[[]keycloak.Credential]{}, r.wrote("delete credential "+id, func() {
		r.creds = slices.DeleteFunc(r.creds, func(c keycloak.Credential) bool { return c.ID == id })
	})
}
func (r *userStub) Unlock(context.Context, string) (clients.Change[keycloak.LockState], error) {
	return clients.Change[keycloak.LockState]{}, r.wrote("unlock", func() { r.lock = keycloak.LockState{} })
}
func (r *userStub) JoinGroup(_ context.Context, _, id string) (clients.Change[[]keycloak.Group], error) {
	var ch clients.Change[[]keycloak.Group]
	return ch, r.wrote("join "+id, func() {
		ch.Before = slices.Clone(r.groups)
		r.groups = append(r.groups, keycloak.Group{ID: id, Path: "/" + id})
	})
}
func (r *userStub) LeaveGroup(_ context.Context, _, id string) (clients.Change[[]keycloak.Group], error) {
	var ch clients.Change[[]keycloak.Group]
	err := r.wrote("leave "+id, func() {
		ch.Before = slices.Clone(r.groups)
		r.groups = slices.DeleteFunc(r.groups, func(g keycloak.Group) bool { return g.ID == id })
	})
	return ch, err
}
func (r *userStub) EndSession(_ context.Context, id string, offline bool) error {
	return r.wrote(fmt.Sprint("end ", id, " offline=", offline), func() {
		r.sessions = slices.DeleteFunc(r.sessions, func(s keycloak.Session) bool { return s.ID == id })
	})
}
func (r *userStub) LogoutEverywhere(context.Context, string) (clients.Change[[]keycloak.Session], error) {
	var ch clients.Change[[]keycloak.Session]
	err := r.wrote("log out", func() { ch.Before, r.sessions = r.sessions, nil })
	return ch, err
}
func (r *userStub) RevokeConsent(_ context.Context, _, client string) (clients.Change[[]keycloak.Consent], error) {
	return clients.Change[[]keycloak.Consent]{}, r.wrote("revoke "+client, func() { r.consents = nil })
}
func (r *userStub) LinkFederatedIdentity(_ context.Context, _ string, f keycloak.FederatedIdentity) (clients.Change[[]keycloak.FederatedIdentity], error) {
	return clients.Change[[]keycloak.FederatedIdentity]{}, r.wrote("link "+f.Provider, func() { r.links = append(r.links, f) })
}
func (r *userStub) UnlinkFederatedIdentity(_ context.Context, _, provider string) (clients.Change[[]keycloak.FederatedIdentity], error) {
	return clients.Change[[]keycloak.FederatedIdentity]{}, r.wrote("unlink "+provider, func() { r.links = nil })
}
func (r *userStub) RequiredActions(context.Context) ([]keycloak.RequiredAction, error) {
	return []keycloak.RequiredAction{{Alias: "UPDATE_PASSWORD", Name: "Update Password", Enabled: true}, {Alias: "VERIFY_EMAIL", Name: "Verify Email", Enabled: true}}, nil
}
func (r *userStub) Profile(context.Context) (keycloak.Profile, error) {
	return stubRead(r, "the profile", func() keycloak.Profile { return r.profile })
}
func (r *userStub) Groups(keycloak.GroupQuery) clients.Fetch[keycloak.Group] {
	return func(context.Context, string) (clients.Page[keycloak.Group], error) {
		return clients.Page[keycloak.Group]{Items: []keycloak.Group{{ID: "g0", Path: "/staff", SubGroupCount: 2}}, Total: -1}, nil
	}
}
func (r *userStub) GroupChildren(string, keycloak.GroupQuery) clients.Fetch[keycloak.Group] {
	return func(context.Context, string) (clients.Page[keycloak.Group], error) {
		return clients.Page[keycloak.Group]{Items: []keycloak.Group{{ID: "g1", Path: "/staff/eng"}, {ID: "g2", Path: "/staff/ops"}}, Total: -1}, nil
	}
}
func (r *userStub) Roles(c keycloak.Container, _ keycloak.RoleQuery) clients.Fetch[keycloak.Role] {
	return func(context.Context, string) (clients.Page[keycloak.Role], error) {
		return clients.Page[keycloak.Role]{Items: r.free, Total: -1}, nil
	}
}

// userConsole is a program with a screen at its bottom and the clock of the stub.
func userConsole(r *userStub, root tui.Screen) *tui.App {
	explain := func(err error) tui.Failure {
		f := explainProblem(err)
		if p, ok := asProblem(err); ok {
			f.Fields = map[string]string{}
			for _, field := range p.Fields {
				f.Fields[field.Path] = field.Message
			}
		}
		return f
	}
	return tui.New(context.Background(), tui.Options{Context: "dev", Root: root, Explain: explain, Clock: r.clock})
}

func userOf(r *userStub) *User {
	link := func(name string) func(keycloak.User) tui.Screen {
		return func(u keycloak.User) tui.Screen { return tui.NewFields(name + " of " + u.Username) }
	}
	return NewUser(UserSpec{Realm: r, Write: r, Links: UserLinks{Roles: link("roles"), Paths: link("paths"), Tokens: link("tokens"), Why: link("why"), Person: link("person"),
		Group: func(g keycloak.Group) tui.Screen { return tui.NewFields("group " + g.Path) }}}, r.user.ID, "ann")
}
