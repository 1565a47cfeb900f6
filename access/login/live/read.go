package live

import (
	"context"
	"crypto/subtle"
	"errors"
	"regexp"
	"slices"
	"strings"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func problemOf(err error) *clients.Problem {
	p, _ := errors.AsType[*clients.Problem](err)
	return p
}

// reasonOf is an error in the words of a check.
func reasonOf(err error) string {
	if p := problemOf(err); p != nil && p.Reason != "" {
		return p.Reason
	}
	return err.Error()
}

// newest bounds how many events are looked at.
const newest = 50

// who reads who and what the question is about.
func (g *gather) who() []task {
	tasks := []task{g.readClient, g.clientEvents}
	tasks = append(tasks, fillOnce(g, &g.f.Realm, "realm", "view-realm", g.readRealm)...)
	tasks = append(tasks, g.others()...)
	if g.a.User == "" {
		g.f.User, g.f.ByEmail = login.Have[*login.User](nil), login.Have[[]login.User](nil)
		return tasks
	}
	tasks = append(tasks, g.readUser)
	if strings.Contains(g.a.User, "@") {
		tasks = append(tasks, fill(g, &g.f.ByEmail, "view-users", g.readByEmail))
	} else {
		g.f.ByEmail = login.Have[[]login.User](nil)
	}
	return tasks
}

func (g *gather) readRealm(ctx context.Context) (*login.Realm, error) {
	s, err := g.r.Settings(ctx)
	switch {
	case clients.Is(err, clients.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case s.Cut.Any():
		return nil, cutPart(s.Cut.String())
	}
	r := realmOf(s)
	return &r, nil
}

func (g *gather) readClient(ctx context.Context) func() {
	part := g.clientNamed(g.a.Client)(ctx)
	return func() {
		g.client = part.Value
		g.f.Client = loginClient(part)
	}
}

// clientNamed finds a client; the value is nil where there is none of that name.
func (g *gather) clientNamed(clientID string) func(context.Context) login.Part[*keycloak.Client] {
	return sorted(g, "view-clients", func(ctx context.Context) (*keycloak.Client, error) {
		c, err := g.r.ClientByClientID(ctx, clientID)
		if clients.Is(err, clients.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return &c, nil
	})
}

func loginClient(p login.Part[*keycloak.Client]) login.Part[*login.Client] {
	out := login.Part[*login.Client]{State: p.State, Needs: p.Needs, Why: p.Why}
	if p.Value != nil {
		n := clientOf(*p.Value)
		out.Value = &n
	}
	return out
}

func (g *gather) readUser(ctx context.Context) func() {
	part := sorted(g, "view-users", func(ctx context.Context) (*keycloak.User, error) {
		u, err := g.findUser(ctx, strings.TrimSpace(g.a.User))
		if clients.Is(err, clients.NotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return &u, nil
	})(ctx)
	return func() {
		g.user = part.Value
		g.f.User = login.Part[*login.User]{State: part.State, Needs: part.Needs, Why: part.Why}
		if part.Value != nil {
			n := userOf(*part.Value)
			g.f.User.Value = &n
		}
	}
}

var userID = regexp.MustCompile(`^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|f:.+)$`)

// findUser finds the account by name, or by an id, which support staff paste too.
func (g *gather) findUser(ctx context.Context, text string) (keycloak.User, error) {
	if userID.MatchString(text) {
		if u, err := g.r.User(ctx, text); err == nil {
			return u, nil
		}
	}
	return g.r.UserByUsername(ctx, text)
}

func (g *gather) readByEmail(ctx context.Context) ([]login.User, error) {
	var out []login.User
	page, err := g.r.Users(keycloak.UserQuery{Email: strings.TrimSpace(g.a.User), Exact: true, PageSize: 10})(ctx, "")
	for _, u := range page.Items {
		out = append(out, userOf(u))
	}
	return out, err
}

func (g *gather) clientEvents(ctx context.Context) func() {
	return g.events(ctx, keycloak.EventQuery{Client: g.a.Client, PageSize: newest})
}

// events adds to the events, which come by client and by user.
func (g *gather) events(ctx context.Context, q keycloak.EventQuery) func() {
	part := sorted(g, "view-events", func(ctx context.Context) ([]login.Event, error) {
		page, err := g.r.Events(q)(ctx, "")
		var out []login.Event
		for _, e := range page.Items {
			out = append(out, eventOf(e))
		}
		return out, err
	})(ctx)
	return func() {
		if g.f.Events.State == login.NotAsked || part.State != login.Known {
			g.f.Events = login.Part[[]login.Event]{State: part.State, Value: g.f.Events.Value, Needs: part.Needs, Why: part.Why}
		}
		g.f.Events.Value = mergeEvents(g.f.Events.Value, part.Value)
	}
}

// settle finds the account of the question once both lookups are there: the name comes
// first, then the e-mail, where the realm allows a login with it.
func (g *gather) settle() {
	if !g.f.User.Is() || g.f.User.Value != nil || !g.f.ByEmail.Is() || len(g.f.ByEmail.Value) != 1 {
		return
	}
	if r := g.f.Realm.Value; r != nil && r.LoginWithEmail && !r.DuplicateEmails {
		u := g.f.ByEmail.Value[0]
		g.f.User = login.Have(&u)
	}
}

// account is the id of the account that is looked at, "" where there is none: also the
// one that the e-mail belongs to, whether or not it may be used to log in.
func (g *gather) account() string {
	switch {
	case g.f.User.Value != nil:
		return g.f.User.Value.ID
	case g.f.User.Is() && len(g.f.ByEmail.Value) == 1:
		return g.f.ByEmail.Value[0].ID
	}
	return ""
}

// firstLook reads what stops most logins.
func (g *gather) firstLook() []task {
	var tasks []task
	if g.a.Grant == login.Service {
		if g.client != nil && g.client.ServiceAccounts {
			tasks = append(tasks, fill(g, &g.f.ServiceAccount, "view-clients", func(ctx context.Context) (*login.User, error) {
				u, err := g.r.ServiceAccount(ctx, g.client.ID)
				if clients.Is(err, clients.NotFound) {
					return nil, nil
				}
				n := userOf(u)
				return &n, err
			}))
		}
		return tasks
	}
	id := g.account()
	if id == "" {
		return tasks
	}
	tasks = append(tasks,
		fill(g, &g.f.Credentials, "view-users", func(ctx context.Context) ([]login.Credential, error) { return g.credentials(ctx, id) }),
		fill(g, &g.f.Lock, "view-users", func(ctx context.Context) (login.Lock, error) { return g.lock(ctx, id) }),
		func(ctx context.Context) func() {
			return g.events(ctx, keycloak.EventQuery{User: id, PageSize: newest})
		})
	tasks = append(tasks, fillOnce(g, &g.f.Profile, "profile", "view-users", g.profile)...)
	if u := g.f.User.Value; u != nil && (len(u.RequiredActions) > 0 || g.verifies(u)) {
		tasks = append(tasks, g.readActions()...)
	}
	return tasks
}

func (g *gather) verifies(u *login.User) bool {
	return g.f.Realm.Value != nil && g.f.Realm.Value.VerifyEmail && !u.EmailVerified
}

func (g *gather) readActions() []task {
	return fillOnce(g, &g.f.Actions, "actions", "view-realm", func(ctx context.Context) ([]login.Action, error) {
		list, err := g.r.RequiredActions(ctx)
		var out []login.Action
		for _, a := range list {
			out = append(out, login.Action{Alias: a.Alias, Name: a.Name, Enabled: a.Enabled, Priority: a.Priority})
		}
		return out, err
	})
}

// secondLook reads what else user and client lead to: what else may stop the login,
// and what the questions after it rest on.
func (g *gather) secondLook() []task {
	var tasks []task
	tasks = append(tasks, fillOnce(g, &g.f.Discovery, "discovery", "", g.discovery)...)
	if g.f.Actions.State == login.NotAsked {
		tasks = append(tasks, g.readActions()...)
	}
	tasks = append(tasks, fillOnce(g, &g.f.Policies, "policies", "view-realm", g.policies)...)
	tasks = append(tasks, g.scopes()...)
	tasks = append(tasks, g.flow()...)
	tasks = append(tasks, g.ofUser()...)
	tasks = append(tasks, g.near()...)
	if g.a.Secret != "" && g.client != nil && !g.client.Public {
		tasks = append(tasks, fill(g, &g.f.SecretMatches, "view-clients", func(ctx context.Context) (bool, error) {
			secret, err := g.r.ClientSecret(ctx, g.client.ID)
			return subtle.ConstantTimeCompare([]byte(secret), []byte(g.a.Secret)) == 1, err
		}))
	}
	if len(g.orgWords()) > 0 {
		tasks = append(tasks, fill(g, &g.f.Organizations, "view-organizations", g.organizations))
	}
	if g.f.User.Value != nil && g.a.Asks("offline_access") {
		g.askHeld()
	}
	tasks = append(tasks, g.pasted()...)
	return append(tasks, g.claims()...)
}

// nearMost bounds the names that are suggested.
const nearMost = 3

// near looks for names like the ones that are not there. That it fails does not matter.
func (g *gather) near() []task {
	var tasks []task
	if g.f.Client.Is() && g.f.Client.Value == nil {
		tasks = append(tasks, func(ctx context.Context) func() {
			page, _ := g.r.Clients(keycloak.ClientQuery{ClientID: g.a.Client, Search: true, PageSize: nearMost})(ctx, "")
			return func() {
				for _, c := range page.Items {
					g.f.NearClients = append(g.f.NearClients, c.ClientID)
				}
			}
		})
	}
	if name, _, _ := strings.Cut(strings.TrimSpace(g.a.User), "@"); g.f.User.Is() && g.f.User.Value == nil && len(name) > 2 {
		tasks = append(tasks, func(ctx context.Context) func() {
			page, _ := g.r.Users(keycloak.UserQuery{Search: "*" + name[:max(3, len(name)-2)] + "*", Brief: true, PageSize: nearMost})(ctx, "")
			return func() {
				for _, u := range page.Items {
					g.f.NearUsers = append(g.f.NearUsers, u.Username)
				}
			}
		})
	}
	return tasks
}

// ofUser reads what only some users have.
func (g *gather) ofUser() []task {
	var tasks []task
	name := strings.ToLower(strings.TrimSpace(g.a.User))
	if rest, is := strings.CutPrefix(name, "service-account-"); is {
		tasks = append(tasks, fill(g, &g.f.ServiceOf, "view-clients", func(ctx context.Context) (string, error) { return g.serviceOf(ctx, rest) }))
	} else {
		g.f.ServiceOf = login.Have("")
	}
	id := g.account()
	if id == "" || g.a.Grant == login.Service {
		g.f.Storage = login.Have[*login.Storage](nil)
		return tasks
	}
	if u := g.f.User.Value; u != nil && u.StorageID != "" {
		tasks = append(tasks, fill(g, &g.f.Storage, "view-realm", g.storage))
	} else {
		g.f.Storage = login.Have[*login.Storage](nil)
	}
	if g.client != nil && g.client.ConsentRequired {
		tasks = append(tasks, fill(g, &g.f.Consents, "view-users", func(ctx context.Context) ([]string, error) { return g.consents(ctx, id) }))
	}
	return tasks
}

// brokered reads, of a user without a password, where else the login may happen.
func (g *gather) brokered() []task {
	id := g.account()
	if id == "" || g.f.Links.State != login.NotAsked || !g.f.Credentials.Is() || hasPassword(g.f.Credentials.Value) {
		return nil
	}
	return append(fillOnce(g, &g.f.Providers, "providers", "view-identity-providers", g.providers),
		fill(g, &g.f.Links, "view-users", func(ctx context.Context) ([]login.Link, error) { return g.links(ctx, id) }))
}

// further reads what hangs on what is known by now: on the credentials, on the flow, on
// the policies, and what the questions after the login lead to. It is asked round by
// round until there is nothing more.
func (g *gather) further() []task {
	tasks := append(g.brokered(), g.flowSteps()...)
	tasks = append(tasks, g.sessions()...)
	tasks = append(tasks, g.clientRoles()...)
	if g.f.User.Value != nil && g.flowHas("conditional-user-role") {
		g.askHeld()
	}
	return append(tasks, g.afterClaims()...)
}

// clientRoles reads the names of the client's roles if a policy asks for them.
func (g *gather) clientRoles() []task {
	asks := func(p login.Policy) bool {
		return p.Enabled && slices.ContainsFunc(p.Conditions, func(c login.PolicyPart) bool { return c.Provider == "client-roles" })
	}
	if g.client == nil || g.f.ClientRoles.State != login.NotAsked || !slices.ContainsFunc(g.f.Policies.Value, asks) {
		return nil
	}
	return []task{fill(g, &g.f.ClientRoles, "view-clients", func(ctx context.Context) ([]string, error) {
		var out []string
		for r, err := range clients.Each(ctx, g.r.Roles(keycloak.OfClient(g.client.ID), keycloak.RoleQuery{})) {
			if err != nil {
				return nil, err
			}
			out = append(out, r.Name)
		}
		return out, nil
	})}
}

// sessions reads the sessions of the user if the flow counts them.
func (g *gather) sessions() []task {
	id := g.account()
	if id == "" || g.f.Sessions.State != login.NotAsked || !g.flowHas("user-session-limits") {
		return nil
	}
	return []task{fill(g, &g.f.Sessions, "view-users", func(ctx context.Context) ([]login.Session, error) {
		list, err := g.r.Sessions(ctx, id)
		var out []login.Session
		for _, s := range list {
			n := login.Session{ID: s.ID, Start: s.Start}
			for _, c := range s.Clients {
				n.Clients = append(n.Clients, c)
			}
			out = append(out, n)
		}
		return out, err
	})}
}

func (g *gather) flowHas(provider string) bool {
	return g.f.Flow.Is() && slices.ContainsFunc(g.f.Flow.Value.Steps, func(s login.FlowStep) bool { return s.Provider == provider })
}

func (g *gather) discovery(ctx context.Context) (login.Discovery, error) {
	d, err := g.r.Discovery(ctx)
	p := problemOf(err)
	switch {
	case err == nil:
		return login.Discovery{Issuer: d.Issuer}, nil
	case p != nil && p.Status == 404:
		return login.Discovery{Missing: true}, nil
	case p != nil && p.Status == 403:
		return login.Discovery{NeedsHTTPS: true}, nil
	}
	return login.Discovery{}, err
}
