package screens

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// The clock of these tests.
var identNow = time.Date(2026, 3, 12, 10, 0, 0, 0, time.UTC)

const (
	identAnn = "8f1c0a2e-1111-4222-8333-4444555566e2"
	identBo  = "b0b00a2e-1111-4222-8333-4444555566e3"
)

// identKratosStub is a Kratos in memory. Calls named in fail answer with that error, and
// those named in hold wait for its context.
type identKratosStub struct {
	mu       sync.Mutex
	people   []kratos.Identity
	sessions map[string][]kratos.Session
	ready    kratos.Readiness
	fail     map[string]error
	hold     map[string]bool
	calls    []string
	pageSize int
}

func (k *identKratosStub) begin(ctx context.Context, name, arg string) error {
	k.mu.Lock()
	k.calls = append(k.calls, strings.TrimSpace(name+" "+arg))
	hold, err := k.hold[name], k.fail[name]
	k.mu.Unlock()
	if hold {
		<-ctx.Done()
		return &clients.Problem{Kind: clients.Canceled, Op: name, Err: ctx.Err()}
	}
	return err
}

func (k *identKratosStub) setFail(name string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail == nil {
		k.fail = map[string]error{}
	}
	k.fail[name] = err
}

func (k *identKratosStub) called(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, c := range k.calls {
		if c == name || strings.HasPrefix(c, name+" ") {
			n++
		}
	}
	return n
}

func (k *identKratosStub) at(id string) int {
	return slices.IndexFunc(k.people, func(i kratos.Identity) bool { return i.ID == id })
}

func (k *identKratosStub) List(ctx context.Context, cursor string) (clients.Page[kratos.Identity], error) {
	page := clients.Page[kratos.Identity]{Total: -1}
	if err := k.begin(ctx, "List", cursor); err != nil {
		return page, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	from := 0
	fmt.Sscan(cursor, &from) //nolint:errcheck // the empty cursor is 0
	to := min(from+max(k.pageSize, 1), len(k.people))
	if page.Items = slices.Clone(k.people[from:to]); to < len(k.people) {
		page.Next = fmt.Sprint(to)
	}
	return page, nil
}

func (k *identKratosStub) Count(ctx context.Context) (int, error) {
	if err := k.begin(ctx, "Count", ""); err != nil {
		return -1, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.people), nil
}

func (k *identKratosStub) Get(ctx context.Context, id string) (kratos.Identity, error) {
	if err := k.begin(ctx, "Get", id); err != nil {
		return kratos.Identity{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := k.at(id); i >= 0 {
		return k.people[i], nil
	}
	return kratos.Identity{}, &clients.Problem{Kind: clients.NotFound, Op: "read the identity", Reason: "Unable to locate the resource"}
}

func (k *identKratosStub) find(fits func(string) bool) []kratos.Identity {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []kratos.Identity
	for _, i := range k.people {
		if slices.ContainsFunc(i.Credentials, func(c kratos.Credential) bool { return slices.ContainsFunc(c.Identifiers, fits) }) {
			out = append(out, i)
		}
	}
	return out
}

func (k *identKratosStub) FindExact(ctx context.Context, name string) ([]kratos.Identity, error) {
	if err := k.begin(ctx, "FindExact", name); err != nil {
		return nil, err
	}
	return k.find(func(s string) bool { return strings.EqualFold(s, name) }), nil
}

func (k *identKratosStub) FindPrefix(ctx context.Context, prefix, _ string) (clients.Page[kratos.Identity], error) {
	if err := k.begin(ctx, "FindPrefix", prefix); err != nil {
		return clients.Page[kratos.Identity]{}, err
	}
	return clients.Page[kratos.Identity]{Items: k.find(func(s string) bool { return strings.HasPrefix(s, prefix) }), Total: -1}, nil
}

func (k *identKratosStub) IdentitySessions(ctx context.Context, id string, q kratos.SessionQuery, _ string) (clients.Page[kratos.Session], error) {
	page := clients.Page[kratos.Session]{Total: -1}
	if err := k.begin(ctx, "IdentitySessions", id); err != nil {
		return page, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	off := false
	if i := k.at(id); i >= 0 {
		off = k.people[i].State == kratos.Inactive
	}
	for _, s := range k.sessions[id] {
		if q.Active != nil && *q.Active && !s.Live(identNow) {
			continue
		}
		if off {
			s.Active = false
		}
		page.Items = append(page.Items, s)
	}
	return page, nil
}

func (k *identKratosStub) Readiness(ctx context.Context, id string) (kratos.Readiness, error) {
	err := k.begin(ctx, "Readiness", id)
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ready, err
}

// change edits one identity in place.
func (k *identKratosStub) change(ctx context.Context, name, id string, edit func(*kratos.Identity) error) (clients.Change[kratos.Identity], error) {
	var c clients.Change[kratos.Identity]
	if err := k.begin(ctx, name, id); err != nil {
		return c, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.at(id)
	if i < 0 {
		return c, &clients.Problem{Kind: clients.NotFound, Op: name, Reason: "there is no such identity"}
	}
	c.Before = k.people[i]
	now := k.people[i]
	now.Addresses, now.Credentials = slices.Clone(now.Addresses), slices.Clone(now.Credentials)
	if err := edit(&now); err != nil {
		return c, err
	}
	k.people[i], c.After = now, now
	return c, nil
}

func (k *identKratosStub) setState(s kratos.State) func(*kratos.Identity) error {
	return func(i *kratos.Identity) error { i.State, i.StateChangedAt = s, identNow; return nil }
}

func (k *identKratosStub) Suspend(ctx context.Context, id string) (kratos.Suspension, error) {
	c, err := k.change(ctx, "Suspend", id, k.setState(kratos.Inactive))
	s := kratos.Suspension{Change: c}
	if err == nil {
		s.Ended, err = k.EndSessions(ctx, id)
	}
	return s, err
}

func (k *identKratosStub) Activate(ctx context.Context, id string) (kratos.Activation, error) {
	c, err := k.change(ctx, "Activate", id, k.setState(kratos.Active))
	a := kratos.Activation{Change: c}
	if err == nil {
		live := true
		page, _ := k.IdentitySessions(ctx, id, kratos.SessionQuery{Active: &live}, "")
		a.Revived = page.Items
	}
	return a, err
}

func (k *identKratosStub) EndSessions(ctx context.Context, id string) (kratos.Ended, error) {
	if err := k.begin(ctx, "EndSessions", id); err != nil {
		return kratos.Ended{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var e kratos.Ended
	for _, s := range k.sessions[id] {
		if s.Live(identNow) {
			e.Sessions = append(e.Sessions, s)
		}
	}
	e.Total = len(e.Sessions)
	delete(k.sessions, id)
	return e, nil
}

func (k *identKratosStub) Edit(ctx context.Context, id string, e kratos.Edit) (clients.Change[kratos.Identity], error) {
	return k.change(ctx, "Edit", id, func(i *kratos.Identity) error {
		if e.Base != nil && (e.Base.State != i.State || string(e.Base.Traits) != string(i.Traits)) {
			return &clients.Problem{Kind: clients.Conflict, Op: "edit the identity", Reason: "somebody changed it since it was read", Hint: "look at the new state and edit again"}
		}
		return k.setState(e.State)(i)
	})
}

func (k *identKratosStub) RevokeSession(ctx context.Context, id string) (clients.Change[kratos.Session], error) {
	var c clients.Change[kratos.Session]
	if err := k.begin(ctx, "RevokeSession", id); err != nil {
		return c, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, list := range k.sessions {
		for i := range list {
			if list[i].ID == id {
				c.Before = list[i]
				list[i].Active = false
				c.After = list[i]
			}
		}
	}
	return c, nil
}

func (k *identKratosStub) MarkVerified(ctx context.Context, id, address string, on bool) (clients.Change[kratos.Identity], error) {
	return k.change(ctx, "MarkVerified", id, func(i *kratos.Identity) error {
		at := slices.IndexFunc(i.Addresses, func(a kratos.Address) bool { return a.Value == address })
		i.Addresses[at].Verified = on
		return nil
	})
}

func (k *identKratosStub) DeleteCredential(ctx context.Context, id, kind, identifier string) (clients.Change[kratos.Identity], error) {
	return k.change(ctx, "DeleteCredential", id, func(i *kratos.Identity) error {
		i.Credentials = slices.DeleteFunc(i.Credentials, func(c kratos.Credential) bool {
			return c.Type == kind && (identifier == "" || slices.Contains(c.Identifiers, identifier))
		})
		return nil
	})
}

func (k *identKratosStub) Delete(ctx context.Context, id string) (kratos.Identity, error) {
	if err := k.begin(ctx, "Delete", id); err != nil {
		return kratos.Identity{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	i := k.at(id)
	gone := k.people[i]
	k.people = slices.Delete(k.people, i, i+1)
	return gone, nil
}

func (k *identKratosStub) RecoveryCode(ctx context.Context, id string, o kratos.RecoveryOptions) (kratos.Recovery, error) {
	return kratos.Recovery{Code: "032573", Link: "http://127.0.0.1:4455/recovery?flow=f1", Expires: identNow.Add(o.Life)}, k.begin(ctx, "RecoveryCode", o.Life.String())
}

func (k *identKratosStub) RecoveryLink(ctx context.Context, id string, o kratos.RecoveryOptions) (kratos.Recovery, error) {
	return kratos.Recovery{Link: "http://127.0.0.1:4433/self-service/recovery?token=t1", Expires: identNow.Add(o.Life)}, k.begin(ctx, "RecoveryLink", o.Life.String())
}

// identPerson makes an identity.
func identPerson(id, first, last, email string) kratos.Identity {
	traits, _ := json.Marshal(map[string]any{"email": email, "name": map[string]any{"first": first, "last": last}})
	low := strings.ToLower(email)
	return kratos.Identity{ID: id, SchemaID: "staff", State: kratos.Active, StateChangedAt: identNow.AddDate(0, 0, -9), Traits: traits, Created: identNow.AddDate(0, 0, -10),
		Addresses:   []kratos.Address{{ID: "a1", Value: low, Via: "email", Verified: true, VerifiedAt: identNow.AddDate(0, 0, -9), Status: "completed"}},
		Credentials: kratos.Credentials{{Type: kratos.Code, Identifiers: []string{low}}, {Type: kratos.Password, Identifiers: []string{low}}}}
}

func identSession(id string, active bool, hours int) kratos.Session {
	at := identNow.Add(-time.Duration(hours) * time.Hour)
	return kratos.Session{ID: id, Active: active, AAL: "aal1", AuthenticatedAt: at, IssuedAt: at, ExpiresAt: at.Add(24 * time.Hour),
		Methods: []kratos.AuthMethod{{Method: "password", AAL: "aal1"}}, Devices: []kratos.Device{{IPAddress: "127.0.0.1", UserAgent: "Mozilla/5.0"}}}
}

// identStubs is Ann with everything there can be.
func identStubs() (*identKratosStub, *identKetoStub, *identRealmStub) {
	ann := identPerson(identAnn, "Ann", "Okafor", "Ann@acme.example")
	ann.Traits = json.RawMessage(`{"email":"Ann@acme.example","username":"ann.okafor","name":{"first":"Ann","last":"Okafor"},"department":"finance","employee_number":1001,"skills":["consolidation","IFRS"]}`)
	ann.MetadataPublic = json.RawMessage(`{"desk":"F-12"}`)
	ann.Credentials = append(ann.Credentials, kratos.Credential{Type: kratos.TOTP, Identifiers: []string{identAnn}},
		kratos.Credential{Type: kratos.OIDC, Identifiers: []string{"corp:sub-1"}})
	ann.Credentials[1].Identifiers = append(ann.Credentials[1].Identifiers, "ann.okafor", "old@acme.example")
	bo := identPerson(identBo, "Bo", "Okabe", "bo@acme.example")
	bo.State = kratos.Inactive
	bo.Addresses[0].Verified = false
	k := &identKratosStub{people: []kratos.Identity{ann, bo}, pageSize: 100, ready: kratos.Readiness{Password: true, TOTP: true, Providers: []string{"corp:sub-1"}},
		sessions: map[string][]kratos.Session{
			identAnn: {identSession("5e550001-1111-4222-8333-444455556601", true, 2), identSession("5e550002-1111-4222-8333-444455556602", false, 5), identSession("5e550003-1111-4222-8333-444455556603", true, 40)},
			identBo:  {identSession("5e550004-1111-4222-8333-444455556604", true, 3)},
		}}
	kt := &identKetoStub{rows: []tuple.Tuple{
		{Namespace: "Doc", Object: "q3-report", Relation: "viewers", Subject: tuple.SubjectID(identAnn)},
		{Namespace: "Doc", Object: "budget", Relation: "owners", Subject: tuple.SubjectID(identAnn)},
		{Namespace: "Group", Object: "finance", Relation: "members", Subject: tuple.SubjectID("ann@acme.example")},
		{Namespace: "Group", Object: "board", Relation: "members", Subject: tuple.SubjectSet("User", "kc-ann", "")},
	}}
	kc := &identRealmStub{name: "LearningSoftware", users: []keycloak.User{
		{ID: "kc-ann", Username: "ann.okafor", Email: "ann@acme.example", Enabled: true, RequiredActions: []string{"UPDATE_PASSWORD"}}}}
	return k, kt, kc
}

// identKetoStub is the reading half of a Keto in memory.
type identKetoStub struct {
	mu    sync.Mutex
	rows  []tuple.Tuple
	fail  error
	only  string // fail only for this subject
	asked []string
	hold  bool
}

func (k *identKetoStub) ListN(ctx context.Context, q tuple.Query, _ string, size int) (clients.Page[tuple.Tuple], error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	page := clients.Page[tuple.Tuple]{Total: -1}
	k.asked = append(k.asked, q.Subject.String())
	if k.hold {
		k.mu.Unlock()
		<-ctx.Done()
		k.mu.Lock()
		return page, &clients.Problem{Kind: clients.Canceled, Op: "list relation tuples", Err: ctx.Err()}
	}
	if k.fail != nil && (k.only == "" || k.only == q.Subject.String()) {
		return page, k.fail
	}
	for _, t := range k.rows {
		if q.Matches(t) {
			if len(page.Items) == size {
				page.Next = "more"
				break
			}
			page.Items = append(page.Items, t)
		}
	}
	return page, nil
}

// identRealmStub is a Keycloak realm in memory.
type identRealmStub struct {
	name  string
	users []keycloak.User
	fail  map[string]error
	lock  keycloak.LockState
}

func (r *identRealmStub) Name() string { return r.name }

func (r *identRealmStub) Users(q keycloak.UserQuery) clients.Fetch[keycloak.User] {
	return func(context.Context, string) (clients.Page[keycloak.User], error) {
		var page clients.Page[keycloak.User]
		for _, u := range r.users {
			if q.Email != "" && strings.EqualFold(u.Email, q.Email) || q.Username != "" && strings.EqualFold(u.Username, q.Username) {
				page.Items = append(page.Items, u)
			}
		}
		return page, r.fail["Users"]
	}
}

func (r *identRealmStub) Lock(context.Context, string) (keycloak.LockState, error) {
	return r.lock, r.fail["Lock"]
}

func (r *identRealmStub) Effective(context.Context, keycloak.Holder) (keycloak.Effective, error) {
	role := func(name string, direct bool) keycloak.EffectiveRole {
		return keycloak.EffectiveRole{Role: keycloak.Role{ID: name, Name: name}, Direct: direct}
	}
	return keycloak.Effective{Roles: []keycloak.EffectiveRole{role("employee", false), role("examiner", true), role("uma", false)}}, r.fail["Effective"]
}

func (r *identRealmStub) UserGroups(string, keycloak.GroupQuery) clients.Fetch[keycloak.Group] {
	return func(context.Context, string) (clients.Page[keycloak.Group], error) {
		return clients.Page[keycloak.Group]{Items: []keycloak.Group{{Path: "/staff/finance"}}}, r.fail["UserGroups"]
	}
}

var (
	errKratosDown = &clients.Problem{Kind: clients.Unreachable, Op: "read the identity", Reason: "nothing listens at 127.0.0.1:4434", Hint: "check that it runs and that the URL of this context is right"}
	errKetoDown   = &clients.Problem{Kind: clients.Unreachable, Op: "list relation tuples", Reason: "nothing listens at 127.0.0.1:4466", Hint: "start it, or look at :log"}
	errKcDenied   = &clients.Problem{Kind: clients.Denied, Op: "list users", Reason: "our account lacks view-users", Hint: "give it the role view-users of realm-management"}
)

// identSpec is everything wired to stubs.
func identSpec(k *identKratosStub, kt *identKetoStub, kc *identRealmStub) IdentitySpec {
	return IdentitySpec{Kratos: k, Write: k, Edit: k, Recover: k, Keto: kt, Realms: []IdentityRealm{kc}}
}

// identApp is the shell on the clock of these tests.
func identApp(root tui.Screen, options ...func(*tui.Options)) *tui.App {
	o := tui.Options{Context: "dev", Root: root, Explain: explainProblem, Clock: func() time.Time { return identNow }}
	for _, change := range options {
		change(&o)
	}
	return tui.New(context.Background(), o)
}

func init() { time.Local = time.UTC } // dates on the screen are those of the person's zone
