package live

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func realmOf(s keycloak.RealmSettings) login.Realm {
	yes := func(t keycloak.Tri) bool { return t == keycloak.Yes }
	return login.Realm{Name: s.Name, Enabled: yes(s.Enabled), SSLRequired: s.SSLRequired, LoginWithEmail: yes(s.LoginWithEmailAllowed),
		DuplicateEmails: yes(s.DuplicateEmails), EmailAsUsername: yes(s.EmailAsUsername), VerifyEmail: yes(s.VerifyEmail), HasMail: yes(s.HasSMTP),
		PasswordPolicy: s.PasswordPolicy, BruteForce: yes(s.BruteForce.Enabled), FailureFactor: s.BruteForce.FailureFactor,
		QuickLoginCheck: s.BruteForce.QuickLoginCheck, QuickLoginWait: s.BruteForce.MinQuickLoginWait, DefaultRole: s.DefaultRole.Name, DefaultRoleID: s.DefaultRole.ID,
		BrowserFlow: s.BrowserFlow, DirectGrantFlow: s.DirectGrantFlow, EventsEnabled: yes(s.EventsEnabled),
		OrganizationsEnabled: yes(s.Organizations), NotBefore: s.NotBefore}
}

func userOf(u keycloak.User) login.User {
	return login.User{ID: u.ID, Username: u.Username, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Enabled: u.Enabled,
		EmailVerified: u.EmailVerified, PermanentlyLocked: u.PermanentlyLocked(), RequiredActions: u.RequiredActions, Attributes: u.Attributes,
		StorageID: u.FederationLink, NotBefore: u.NotBefore}
}

func clientOf(c keycloak.Client) login.Client {
	return login.Client{ID: c.ID, ClientID: c.ClientID, Enabled: c.Enabled, Public: c.Public, BearerOnly: c.BearerOnly, Protocol: c.Protocol,
		StandardFlow: c.StandardFlow, DirectGrants: c.DirectAccessGrants, ServiceAcct: c.ServiceAccounts, ConsentRequired: c.ConsentRequired,
		FullScope: c.FullScope, Authenticator: c.Authenticator, RootURL: c.RootURL, RedirectURIs: c.RedirectURIs, WebOrigins: c.WebOrigins,
		DefaultScopes: c.DefaultScopes, OptionalScopes: c.OptionalScopes, FlowOverrides: c.FlowOverrides, Attributes: c.Attributes, NotBefore: c.NotBefore}
}

func eventOf(e keycloak.Event) login.Event {
	return login.Event{Time: e.Time, Type: e.Type, Client: e.ClientID, UserID: e.UserID, Error: e.Error, IP: e.IP, SessionID: e.SessionID, Details: e.Details}
}

// mergeEvents joins two lists, newest first, each event once.
func mergeEvents(a, b []login.Event) []login.Event {
	out := slices.Clone(a)
	for _, e := range b {
		same := func(x login.Event) bool {
			return x.Time.Equal(e.Time) && x.Type == e.Type && x.UserID == e.UserID && x.Client == e.Client && x.Error == e.Error && x.SessionID == e.SessionID
		}
		if !slices.ContainsFunc(a, same) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(x, y login.Event) int { return cmp.Compare(y.Time.UnixNano(), x.Time.UnixNano()) })
	return out
}

func hasPassword(list []login.Credential) bool {
	return slices.ContainsFunc(list, func(c login.Credential) bool { return c.Type == "password" })
}

func (g *gather) credentials(ctx context.Context, id string) ([]login.Credential, error) {
	list, err := g.r.Credentials(ctx, id)
	var out []login.Credential
	for _, c := range list {
		out = append(out, login.Credential{ID: c.ID, Type: c.Type, Label: c.Label, Created: c.Created})
	}
	return out, err
}

// lock is what brute-force protection says, without what the account itself tells.
func (g *gather) lock(ctx context.Context, id string) (login.Lock, error) {
	l, err := g.r.LockCounters(ctx, id)
	return login.Lock{Locked: l.Locked, Permanent: l.Permanent, Until: l.Until, Failures: l.Failures, SecondFailures: l.SecondaryFailures,
		TemporaryLocks: l.TemporaryLockouts, LastFailure: l.LastFailure, LastIP: l.LastIP}, err
}

func (g *gather) profile(ctx context.Context) ([]login.ProfileField, error) {
	p, err := g.r.Profile(ctx)
	var out []login.ProfileField
	for _, a := range p.Attributes {
		always := a.Required && len(a.RequiredRoles) == 0 && len(a.RequiredScopes) == 0
		out = append(out, login.ProfileField{Name: a.Name, RequiredOfUser: always || slices.Contains(a.RequiredRoles, "user"),
			Editable: slices.Contains(a.EditRoles, "user")})
	}
	return out, err
}

func (g *gather) links(ctx context.Context, id string) ([]login.Link, error) {
	list, err := g.r.FederatedIdentities(ctx, id)
	var out []login.Link
	for _, l := range list {
		out = append(out, login.Link{Provider: l.Provider, Username: l.Username})
	}
	return out, err
}

func (g *gather) providers(ctx context.Context) ([]login.Provider, error) {
	list, err := g.r.IdentityProviders(ctx)
	var out []login.Provider
	for _, p := range list {
		out = append(out, login.Provider{Alias: p.Alias, Enabled: p.Enabled})
	}
	return out, err
}

func (g *gather) consents(ctx context.Context, id string) ([]string, error) {
	list, err := g.r.Consents(ctx, id)
	var out []string
	for _, c := range list {
		if len(c.Scopes) > 0 {
			out = append(out, c.ClientID)
		}
	}
	return out, err
}

func (g *gather) policies(ctx context.Context) ([]login.Policy, error) {
	list, err := g.r.ClientPolicies(ctx)
	var out []login.Policy
	for _, p := range list {
		n := login.Policy{Name: p.Name, Enabled: p.Enabled}
		for _, c := range p.Conditions {
			n.Conditions = append(n.Conditions, login.PolicyPart(c))
		}
		for _, e := range p.Executors {
			n.Executors = append(n.Executors, login.PolicyPart(e))
		}
		out = append(out, n)
	}
	return out, err
}

// serviceOf finds the client whose service account the user is. The server makes the
// name of it of the clientId in lower case, and tells in no other way.
func (g *gather) serviceOf(ctx context.Context, rest string) (string, error) {
	if !g.f.User.Is() {
		return "", cutPart(g.f.User.Needs)
	}
	if g.user == nil {
		return "", nil
	}
	page, err := g.r.Clients(keycloak.ClientQuery{ClientID: rest, Search: true})(ctx, "")
	for _, c := range page.Items {
		if !strings.EqualFold(c.ClientID, rest) || !c.ServiceAccounts {
			continue
		}
		u, err := g.r.ServiceAccount(ctx, c.ID)
		if err == nil && u.ID == g.user.ID {
			return c.ClientID, nil
		}
	}
	return "", err
}

// storage reads the directory that the account comes from. An account whose directory
// is on and that yet shows as disabled may come from one that does not answer, which
// only a test of the connection tells.
func (g *gather) storage(ctx context.Context) (*login.Storage, error) {
	u := g.f.User.Value
	c, err := g.r.Component(ctx, u.StorageID)
	if clients.Is(err, clients.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &login.Storage{ID: c.ID, Name: c.Name, Type: c.Provider, Enabled: c.Enabled(), URL: c.Setting("connectionUrl")}
	if s.Enabled && !u.Enabled && c.Provider == "ldap" {
		terr := g.r.TestLDAP(ctx, c)
		if reached := terr == nil; !clients.Is(terr, clients.Denied) {
			s.Reachable = &reached
		}
		if terr != nil {
			s.TestError = reasonOf(terr)
		}
	}
	return s, nil
}

// orgWords are the organizations that the scope parameter names.
func (g *gather) orgWords() []string {
	var out []string
	for _, w := range g.a.Words() {
		if alias, is := strings.CutPrefix(w, "organization:"); is && alias != "*" {
			out = append(out, alias)
		}
	}
	return out
}

func (g *gather) organizations(ctx context.Context) ([]login.Org, error) {
	var mine []keycloak.Organization
	var err error
	if u := g.f.User.Value; u != nil {
		if mine, err = g.r.OrganizationsOfUser(ctx, u.ID); err != nil {
			return nil, err
		}
	}
	var out []login.Org
	for _, alias := range g.orgWords() {
		o, err := g.r.OrganizationByAlias(ctx, alias)
		if err != nil {
			return nil, err
		}
		n := login.Org{Alias: alias}
		if o != nil {
			n.ID, n.Exists, n.Enabled = o.ID, true, o.Enabled
			n.Member = slices.ContainsFunc(mine, func(m keycloak.Organization) bool { return m.ID == o.ID })
		}
		out = append(out, n)
	}
	return out, nil
}

// binding is the name under which a client can have a flow of its own.
func (g *gather) binding() string {
	if g.a.Grant == login.Direct {
		return "direct_grant"
	}
	return "browser"
}

// flow reads the flow that the login takes: the client's own, or the realm's.
func (g *gather) flow() []task {
	alias := ""
	if r := g.f.Realm.Value; r != nil {
		if alias = r.BrowserFlow; g.a.Grant == login.Direct {
			alias = r.DirectGrantFlow
		}
	}
	id := ""
	if g.client != nil {
		id = g.client.FlowOverrides[g.binding()]
	}
	if g.a.Grant == login.Service || id == "" && alias == "" {
		if g.f.Realm.State == login.Cut {
			g.f.Flow = login.Lacks(login.Flow{}, "view-realm")
		}
		return nil
	}
	if id == "" {
		return g.executions(alias, false)
	}
	return fillOnce(g, &g.flows, "flows", "view-clients", g.r.Flows)
}

// flowSteps reads the steps of a flow whose name had to be read first, and the settings
// of those steps that decide who gets in.
func (g *gather) flowSteps() []task {
	switch {
	case g.f.Flow.Is():
		return g.configs()
	case g.flows.State == login.NotAsked || g.f.Flow.State != login.NotAsked:
		return nil
	case !g.flows.Is():
		g.f.Flow = login.Part[login.Flow]{State: g.flows.State, Needs: g.flows.Needs, Why: g.flows.Why}
		return nil
	}
	id := g.client.FlowOverrides[g.binding()]
	i := slices.IndexFunc(g.flows.Value, func(f keycloak.Flow) bool { return f.ID == id })
	if i < 0 {
		g.f.Flow = login.Broken[login.Flow]("the client names a flow that is not there")
		return nil
	}
	return g.executions(g.flows.Value[i].Alias, true)
}

func (g *gather) executions(alias string, override bool) []task {
	return fillOnce(g, &g.f.Flow, fmt.Sprint("flow ", alias, override), "view-realm", func(ctx context.Context) (login.Flow, error) {
		out := login.Flow{Alias: alias, Override: override}
		steps, err := g.r.Executions(ctx, alias)
		for _, e := range steps {
			out.Steps = append(out.Steps, login.FlowStep{ID: e.ID, Provider: e.Provider, Name: e.Name, Requirement: e.Requirement, Level: e.Level, SubFlow: e.SubFlow, ConfigID: e.ConfigID})
		}
		return out, err
	})
}

// configs reads the settings of the steps that decide who gets in.
func (g *gather) configs() []task {
	steps := slices.Clone(g.f.Flow.Value.Steps) // these may be remembered
	g.f.Flow.Value.Steps = steps
	var tasks []task
	for i := range steps {
		s := &steps[i]
		if s.ConfigID == "" || s.Config != nil || !telling[s.Provider] {
			continue
		}
		var config login.Part[map[string]string]
		for _, t := range fillOnce(g, &config, "step "+s.ConfigID, "view-realm", func(ctx context.Context) (map[string]string, error) { return g.r.ExecutionConfig(ctx, s.ConfigID) }) {
			tasks = append(tasks, func(ctx context.Context) func() {
				put := t(ctx)
				return func() {
					put()
					if s.Config = config.Value; config.State != login.Known {
						g.f.Flow = login.Part[login.Flow]{State: config.State, Value: g.f.Flow.Value, Needs: config.Needs, Why: config.Why}
					}
				}
			})
		}
		s.Config = config.Value
	}
	return tasks
}

// telling are the steps whose configuration decides who gets in.
var telling = map[string]bool{"conditional-user-role": true, "deny-access-authenticator": true, "user-session-limits": true,
	"conditional-user-attribute": true, "conditional-client-scope": true}
