package setup

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// looker goes through the steps and keeps what later ones need of earlier ones.
type looker struct {
	s *keycloak.Server
	r *keycloak.Realm
	w Wish

	realm   bool             // it is there
	client  *keycloak.Client // nil while it is not there
	ours    bool             // the client was made in this run
	roles   []keycloak.Role  // of the client, those that are wanted and there
	users   map[string]*keycloak.User
	unseen  map[string]bool // users of whom it could not be told whether they are there
	unknown bool            // the same of the client
}

// The names of the steps.
const (
	NameRealm  = "realm"
	NameClient = "client"
	NameSecret = "secret"
	NameRoles  = "roles"
	NameMapper = "mapper"
	NameUser   = "user"
	NameGrant  = "grant"
	NameIssuer = "issuer"
	NameLogin  = "login"
	NameLogout = "logout"
)

type look = func(context.Context) (Step, error)

func (l *looker) steps() []look {
	l.users, l.unseen = map[string]*keycloak.User{}, map[string]bool{}
	out := []look{l.lookRealm, l.ofClient(2, NameClient, l.lookClient), l.ofClient(3, NameSecret, l.lookSecret),
		l.ofClient(4, NameRoles, l.lookRoles), l.ofClient(5, NameMapper, l.lookMapper)}
	if len(l.w.Users) == 0 {
		for i, name := range []string{NameUser, NameGrant} {
			out = append(out, func(context.Context) (Step, error) {
				return Step{Number: 6 + i, Name: name, State: Skipped, Found: "no user was named"}, nil
			})
		}
	}
	for _, u := range l.w.Users {
		out = append(out, func(ctx context.Context) (Step, error) { return l.lookUser(ctx, u) },
			l.ofClient(7, NameGrant, func(ctx context.Context, st Step) (Step, error) { return l.lookGrant(ctx, st, u) }))
	}
	return append(out, l.lookIssuer, l.ofClient(9, NameLogin, l.lookLogin), l.ofClient(10, NameLogout, l.lookLogout))
}

// ofClient is a step that leans on the client.
func (l *looker) ofClient(number int, name string, f func(context.Context, Step) (Step, error)) look {
	return func(ctx context.Context) (Step, error) {
		st := Step{Number: number, Name: name}
		switch {
		case number > 2 && l.unknown:
			st.State, st.Found = Unknown, "whether the client is there could not be told"
			st.Needs = "view-clients"
			return st, nil
		case number > 2 && (!l.realm || l.client == nil) && (name != NameLogout || len(l.w.PostLogout) > 0):
			return st.missing("there is no client yet", "").later(l.planned(name)), nil
		}
		return f(ctx, st)
	}
}

// planned says what a step will come to once the client is there.
func (l *looker) planned(name string) string {
	switch name {
	case NameSecret:
		if l.w.Public {
			return "none: a public client has no secret"
		}
		return "the client gets a secret"
	case NameRoles:
		return "make the role " + strings.Join(l.w.Roles, ", ")
	case NameMapper:
		return "let mapper \"client roles\" of client scope \"roles\" put the roles into " + kindsText(l.w.Tokens)
	case NameGrant:
		return "grant the role " + strings.Join(l.w.Roles, ", ")
	case NameLogin:
		return "open the login page"
	}
	return "allow " + strings.Join(l.w.PostLogout, ", ") + " after a logout"
}

func (l *looker) lookRealm(ctx context.Context) (Step, error) {
	st := Step{Number: 1, Name: NameRealm}
	s, err := l.r.Settings(ctx)
	switch {
	case clients.Is(err, clients.NotFound):
		l.realm = false
		return st.missing("there is no realm "+quote(l.w.Realm), "the login page answers: Realm does not exist").
			with("make the realm "+quote(l.w.Realm), "", func(ctx context.Context) (func(context.Context) error, error) {
				_, err := l.s.CreateRealm(ctx, keycloak.NewRealm{Name: l.w.Realm, DisplayName: l.w.DisplayName})
				return nil, err
			}), nil
	case err != nil:
		return st, err
	}
	l.realm = true
	switch s.Enabled {
	case keycloak.Yes:
		return st.done(quote(l.w.Realm) + " is there and enabled"), nil
	case keycloak.No:
		return st.missing(quote(l.w.Realm)+" is there, but disabled", "the login page answers: Realm not enabled").
			byHand("enable the realm, if nobody switched it off on purpose"), nil
	}
	st.State, st.Found, st.Needs = Unknown, quote(l.w.Realm)+" is there; whether it is enabled is not visible to our account", s.Cut.String()
	return st, nil
}

func (l *looker) lookClient(ctx context.Context, st Step) (Step, error) {
	l.client, l.unknown = nil, false
	if !l.realm {
		return st.missing("there is no realm yet", "").with("make the client "+quote(l.w.Client), "", l.createClient), nil
	}
	c, err := l.r.ClientByClientID(ctx, l.w.Client)
	switch {
	case clients.Is(err, clients.NotFound):
		return st.missing("there is no client "+quote(l.w.Client), "the login page answers: Client not found.").
			with("make the client "+quote(l.w.Client)+l.kind()+redirectsText(l.w.Redirects), "", l.createClient), nil
	case err != nil:
		l.unknown = clients.Is(err, clients.Denied)
		return st, err
	}
	l.client = &c
	switch {
	case c.Protocol != "" && c.Protocol != "openid-connect":
		return st.missing("it speaks "+c.Protocol, "the login page answers: Wrong client protocol.").byHand("use another clientId for OpenID Connect"), nil
	case !c.Enabled:
		return st.missing("it is disabled", "the login page answers: Client disabled.").byHand("enable the client, if nobody switched it off on purpose"), nil
	case c.BearerOnly:
		return st.missing("it is bearer-only: it can check tokens, but nobody can log in with it", "the login page refuses it").byHand("use another client for the login"), nil
	}
	return l.lookClientFlow(st, c), nil
}

// lookClientFlow checks that a browser can come back to the application.
func (l *looker) lookClientFlow(st Step, c keycloak.Client) Step {
	var todo []string
	var patch keycloak.ClientPatch
	if !c.StandardFlow {
		on := true
		patch.StandardFlow = &on
		todo = append(todo, "switch on the standard flow")
	}
	var absent []string
	for _, u := range l.w.Redirects {
		if !allowed(c.RedirectURIs, c.RootURL, u) {
			absent = append(absent, u)
		}
	}
	if len(absent) > 0 {
		uris := slices.Concat(c.RedirectURIs, absent)
		patch.RedirectURIs = &uris
		todo = append(todo, "register the redirect URI "+strings.Join(absent, ", "))
	}
	switch {
	case len(todo) > 0:
		found, effect := "the redirect URI "+strings.Join(absent, ", ")+" is not registered", "the login page answers: Invalid parameter: redirect_uri"
		if !c.StandardFlow {
			found, effect = "its standard flow is off", "the browser comes back with the error unauthorized_client"
		}
		return st.missing(found, effect).with(strings.Join(todo, " and "), "", l.patchClient(c, patch))
	case len(c.RedirectURIs) == 0:
		return st.missing("no redirect URI is registered", "the login page answers: Invalid parameter: redirect_uri").byHand("name the one of the application with --redirect")
	}
	kind := "confidential"
	if c.Public {
		kind = "public"
	}
	return st.done(quote(c.ClientID) + " is there and enabled, " + kind + redirectsText(c.RedirectURIs))
}

func (l *looker) kind() string {
	if l.w.Public {
		return " (public)"
	}
	return " (with a secret)"
}

func redirectsText(uris []string) string {
	if len(uris) == 0 {
		return ""
	}
	return ", back to " + strings.Join(uris, ", ")
}

func (l *looker) createClient(ctx context.Context) (func(context.Context) error, error) {
	n := keycloak.NewClient{ClientID: l.w.Client, Name: l.w.ClientName, Public: l.w.Public, RedirectURIs: l.w.Redirects, WebOrigins: []string{"+"}}
	if len(l.w.Redirects) > 0 {
		if u, err := url.Parse(l.w.Redirects[0]); err == nil && u.Host != "" {
			n.RootURL = u.Scheme + "://" + u.Host
		}
	}
	if l.w.Public {
		n.Attributes = map[string]string{"pkce.code.challenge.method": "S256"}
	}
	_, err := l.r.CreateClient(ctx, n)
	l.ours = err == nil
	return nil, err
}

// patchClient changes the client, and back.
func (l *looker) patchClient(c keycloak.Client, p keycloak.ClientPatch) func(context.Context) (func(context.Context) error, error) {
	return func(ctx context.Context) (func(context.Context) error, error) {
		_, err := l.r.UpdateClient(ctx, c.ID, p)
		back := keycloak.ClientPatch{}
		if p.StandardFlow != nil {
			back.StandardFlow = &c.StandardFlow
		}
		if p.RedirectURIs != nil {
			back.RedirectURIs = &c.RedirectURIs
		}
		for k := range p.Attributes {
			back.Attributes = map[string]string{k: c.Attributes[k]}
		}
		return func(ctx context.Context) error {
			_, err := l.r.UpdateClient(ctx, c.ID, back)
			return err
		}, err
	}
}

func (l *looker) lookSecret(ctx context.Context, st Step) (Step, error) {
	switch {
	case l.client.Public:
		return st.done("a public client has none"), nil
	case l.client.Authenticator != "" && l.client.Authenticator != "client-secret":
		return st.done("it proves itself by " + l.client.Authenticator), nil
	}
	_, err := l.r.ClientSecret(ctx, l.client.ID)
	switch {
	case clients.Is(err, clients.NotFound):
		return st.missing("it has no secret", "the application cannot redeem its codes: unauthorized_client").
			with("make a secret", "", func(ctx context.Context) (func(context.Context) error, error) {
				_, err := l.r.RegenerateClientSecret(ctx, l.client.ID)
				return nil, err
			}), nil
	case err != nil:
		return st, err
	}
	return st.done("it has a secret"), nil
}

func (l *looker) lookRoles(ctx context.Context, st Step) (Step, error) {
	of := keycloak.OfClient(l.client.ID)
	l.roles = nil
	if len(l.w.Roles) == 0 {
		page, err := l.r.Roles(of, keycloak.RoleQuery{})(ctx, "")
		switch {
		case err != nil:
			return st, err
		case len(page.Items) == 0:
			return st.missing("the client has no role", "nobody can be told from anybody else").byHand("name the roles with --roles"), nil
		}
		var names []string
		for _, role := range page.Items {
			names = append(names, role.Name)
		}
		return st.done("the client has " + strings.Join(names, ", ")), nil
	}
	var absent []string
	for _, name := range l.w.Roles {
		role, err := l.r.RoleByName(ctx, of, name)
		if clients.Is(err, clients.NotFound) {
			absent = append(absent, name)
			continue
		} else if err != nil {
			return st, err
		}
		l.roles = append(l.roles, role)
	}
	if len(absent) == 0 {
		return st.done("the client has " + strings.Join(l.w.Roles, ", ")), nil
	}
	return st.missing("the client has no role "+strings.Join(absent, ", "), "there is nothing that could be granted").
		with("make the role "+strings.Join(absent, ", "), "", func(ctx context.Context) (func(context.Context) error, error) {
			var made []string
			undo := func(ctx context.Context) error {
				for _, id := range made {
					if _, err := l.r.DeleteRole(ctx, id); err != nil {
						return err
					}
				}
				return nil
			}
			for _, name := range absent {
				ch, err := l.r.CreateRole(ctx, of, keycloak.NewRole{Name: name})
				if err != nil {
					return undo, err
				}
				made = append(made, ch.After.ID)
			}
			return undo, nil
		}), nil
}

func (l *looker) lookIssuer(ctx context.Context) (Step, error) {
	st := Step{Number: 8, Name: NameIssuer}
	if !l.realm {
		return st.missing("there is no realm yet", "").later("ask for the discovery document"), nil
	}
	d, err := l.r.Discovery(ctx)
	if clients.Is(err, clients.NotFound) {
		return st.missing("the realm has no discovery document at "+l.s.URL(), "the application cannot start").byHand("check the address of Keycloak"), nil
	} else if err != nil {
		return st, err
	}
	switch {
	case l.w.Issuer == "":
		return st.done("the application must know it as " + d.Issuer), nil
	case l.w.Issuer == d.Issuer:
		return st.done(d.Issuer), nil
	}
	return st.missing("the realm calls itself "+d.Issuer+" when it is asked at "+l.s.URL()+", the application expects "+l.w.Issuer+difference(d.Issuer, l.w.Issuer),
		"the application refuses every token").byHand("write " + d.Issuer + " into the application's configuration, or set Keycloak's hostname"), nil
}

// difference names what two addresses differ in where that is easily overlooked.
func difference(a, b string) string {
	ua, erra := url.Parse(a)
	ub, errb := url.Parse(b)
	switch {
	case strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/"):
		return " (the slash at the end differs)"
	case erra != nil || errb != nil:
		return ""
	case ua.Scheme != ub.Scheme:
		return " (http and https differ)"
	case ua.Hostname() != ub.Hostname():
		return " (the host differs)"
	case ua.Port() != ub.Port():
		return " (the port differs)"
	case strings.EqualFold(ua.Path, ub.Path):
		return " (upper and lower case differ)"
	}
	return " (the path differs)"
}

func (l *looker) lookLogout(_ context.Context, st Step) (Step, error) {
	c := l.client
	if c == nil {
		st.State, st.Found = Skipped, "no address was named"
		return st, nil
	}
	raw := c.Attributes[postLogoutKey]
	list, words := strings.Split(raw, "##"), "its own list counts"
	switch raw {
	case "", "+":
		list, words = c.RedirectURIs, "the redirect URIs count"
	case "-":
		list, words = nil, "the client allows none"
	}
	var absent []string
	for _, u := range l.w.PostLogout {
		if !allowed(list, c.RootURL, u) {
			absent = append(absent, u)
		}
	}
	switch {
	case len(absent) > 0:
	case len(l.w.PostLogout) > 0:
		return st.done(strings.Join(l.w.PostLogout, ", ") + " is allowed"), nil
	default:
		st.State, st.Found = Skipped, "no address was named; "+words
		return st, nil
	}
	if l.ours && raw == "" {
		list = nil // nobody relies on them yet
	}
	value := strings.Join(slices.Concat(list, absent), "##")
	also := ""
	if (raw == "" || raw == "+") && len(list) > 0 {
		also = "the redirect URIs stay allowed; they stand in the list from now on"
	}
	return st.missing(strings.Join(absent, ", ")+" is not allowed after a logout; "+words, "the logout ends on: Invalid redirect uri").
		with("allow "+strings.Join(absent, ", ")+" after a logout", also, l.patchClient(*c, keycloak.ClientPatch{Attributes: map[string]string{postLogoutKey: value}})), nil
}

// postLogoutKey is the client attribute that lists where a logout may lead, parted by
// "##". Absent, empty and "+" mean the redirect URIs, "-" means nowhere.
const postLogoutKey = "post.logout.redirect.uris"

// allowed reports whether one of the patterns takes the address: exactly, or up to a
// final "*", then without its query. A pattern without a host hangs on the root URL.
func allowed(patterns []string, root, address string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if strings.HasPrefix(p, "/") {
			p = strings.TrimSuffix(root, "/") + p
		}
		prefix, wild := strings.CutSuffix(p, "*")
		if !wild {
			return p == address
		}
		bare, _, _ := strings.Cut(address, "?")
		return strings.HasPrefix(bare, prefix) || bare == strings.TrimSuffix(prefix, "/")
	})
}

func quote(s string) string { return strconv.Quote(s) }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
