package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// clientRoleMapper is the provider of mappers that put client roles into tokens.
const clientRoleMapper = "oidc-usermodel-client-role-mapper"

// rolesScope is the client scope that brings Keycloak's own role mappers.
const rolesScope = "roles"

// claimKeys are the switches of a mapper, by where they put the claim.
var claimKeys = map[keycloak.TokenKind]string{keycloak.AccessToken: "access.token.claim", keycloak.IDToken: "id.token.claim", keycloak.UserInfo: "userinfo.token.claim"}

// tokenNames is how people call the three.
var tokenNames = map[keycloak.TokenKind]string{keycloak.AccessToken: "the access token", keycloak.IDToken: "the ID token", keycloak.UserInfo: "userinfo"}

// puts reports whether a mapper writes its claim there. userinfo follows the ID token
// where its own switch is absent.
func puts(config map[string]string, k keycloak.TokenKind) bool {
	v, ok := config[claimKeys[k]]
	if !ok && k == keycloak.UserInfo {
		v = config[claimKeys[keycloak.IDToken]]
	}
	return v == "true"
}

// candidate is a mapper in effect that writes the roles of our client to where the
// application looks.
type candidate struct {
	keycloak.Mapper
	owner keycloak.MapperOwner
	scope string // the name of its client scope, empty for the client's own
}

// where names the mapper for people.
func (c candidate) where() string {
	if c.scope == "" {
		return "mapper " + quote(c.Name) + " of the client"
	}
	return "mapper " + quote(c.Name) + " of client scope " + quote(c.scope)
}

// candidates reads the mappers in effect with their configuration.
func (l *looker) candidates(ctx context.Context) ([]candidate, error) {
	inEffect, err := l.r.EffectiveMappers(ctx, l.client.ID, l.w.Scope)
	if err != nil {
		return nil, err
	}
	stored := map[keycloak.MapperOwner][]keycloak.Mapper{}
	var out []candidate
	for _, e := range inEffect {
		if e.Type != clientRoleMapper {
			continue
		}
		if _, read := stored[e.Owner]; !read {
			if stored[e.Owner], err = l.r.Mappers(ctx, e.Owner); err != nil {
				return nil, err
			}
		}
		i := slices.IndexFunc(stored[e.Owner], func(m keycloak.Mapper) bool { return m.ID == e.ID })
		if i < 0 {
			continue
		}
		c := candidate{Mapper: stored[e.Owner][i], owner: e.Owner, scope: e.Scope}
		if only := c.Config["usermodel.clientRoleMapping.clientId"]; (only == "" || only == l.w.Client) && l.claimFits(c.Config["claim.name"]) {
			out = append(out, c)
		}
	}
	return out, nil
}

func (l *looker) claimFits(name string) bool {
	return slices.Equal(l.claimPath(name), l.claimPath(l.w.Claim))
}

// claimPath splits the name of a claim as Keycloak does: a dot parts, and the dots of
// a clientId do not.
func (l *looker) claimPath(name string) []string {
	path := strings.Split(name, ".")
	for i, part := range path {
		path[i] = strings.ReplaceAll(part, "${client_id}", l.w.Client)
	}
	return path
}

func (l *looker) lookMapper(ctx context.Context, st Step) (Step, error) {
	found, err := l.candidates(ctx)
	if err != nil {
		return st, err
	}
	var absent []keycloak.TokenKind
	var by []string
	for _, kind := range l.w.Tokens {
		i := slices.IndexFunc(found, func(c candidate) bool { return puts(c.Config, kind) && c.Config["multivalued"] != "false" })
		if i < 0 {
			absent = append(absent, kind)
		} else if where := found[i].where(); !slices.Contains(by, where) {
			by = append(by, where)
		}
	}
	if len(absent) == 0 {
		return st.done(strings.Join(by, " and ") + " puts the roles into " + kindsText(l.w.Tokens)), nil
	}
	effect := "the login works and the application finds no roles: it denies, or stops with an error such as KeyError"
	switch shared := slices.IndexFunc(found, func(c candidate) bool { return c.scope != "" }); {
	case len(found) == 0:
		st = st.missing("no mapper writes the roles of the client to "+l.w.Claim, effect)
		return l.attachOrCreate(ctx, st, absent)
	case l.w.OwnMapper && shared == 0:
		st = st.missing(found[0].where()+" does not put the roles into "+kindsText(absent), effect)
		return l.ownMapper(st, absent), nil
	default:
		st = st.missing(found[0].where()+" does not put the roles into "+kindsText(absent), effect)
		return l.switchMapper(ctx, st, found[0], absent)
	}
}

// switchMapper turns on the switches that are off.
func (l *looker) switchMapper(ctx context.Context, st Step, c candidate, absent []keycloak.TokenKind) (Step, error) {
	config, back := map[string]string{}, map[string]string{}
	set := func(key string) { config[key], back[key] = "true", c.Config[key] }
	for _, kind := range absent {
		set(claimKeys[kind])
	}
	if c.Config["multivalued"] == "false" {
		set("multivalued")
	}
	also := ""
	if c.scope != "" {
		n, err := l.clientsWith(ctx, c.scope)
		if err != nil {
			return st, err
		}
		also = fmt.Sprintf("%s %s client scope %s, and their tokens change too", plural(n, "client"), map[bool]string{true: "has", false: "have"}[n == 1], quote(c.scope))
	}
	return st.with("let "+c.where()+" put the roles into "+kindsText(absent), also, func(ctx context.Context) (func(context.Context) error, error) {
		_, err := l.r.UpdateMapper(ctx, c.owner, c.ID, keycloak.MapperPatch{Config: config})
		return func(ctx context.Context) error {
			_, err := l.r.UpdateMapper(ctx, c.owner, c.ID, keycloak.MapperPatch{Config: back})
			return err
		}, err
	}), nil
}

// clientsWith counts the clients that have a client scope.
func (l *looker) clientsWith(ctx context.Context, scope string) (int, error) {
	n := 0
	for c, err := range clients.Each(ctx, l.r.Clients(keycloak.ClientQuery{})) {
		if err != nil {
			return n, err
		}
		if slices.Contains(c.DefaultScopes, scope) || slices.Contains(c.OptionalScopes, scope) {
			n++
		}
	}
	return n, nil
}

// attachOrCreate cures the lack of any mapper: the client scope that has one is
// attached, else the client gets one of its own.
func (l *looker) attachOrCreate(ctx context.Context, st Step, absent []keycloak.TokenKind) (Step, error) {
	if l.w.OwnMapper {
		return l.ownMapper(st, absent), nil
	}
	scopes, err := l.r.ClientScopes(ctx)
	if err != nil {
		return st, err
	}
	i := slices.IndexFunc(scopes, func(s keycloak.ClientScope) bool { return s.Name == rolesScope })
	if i < 0 || slices.Contains(l.client.DefaultScopes, rolesScope) ||
		!slices.ContainsFunc(scopes[i].Mappers, func(m keycloak.Mapper) bool { return m.Type == clientRoleMapper && l.claimFits(m.Config["claim.name"]) }) {
		return l.ownMapper(st, absent), nil
	}
	before := slices.Contains(l.client.OptionalScopes, rolesScope)
	return st.with("attach the client scope "+quote(rolesScope)+" to the client", "its other mappers take part too: realm roles and audience", func(ctx context.Context) (func(context.Context) error, error) {
		_, err := l.r.AttachScope(ctx, l.client.ID, scopes[i].ID, keycloak.ScopeDefault)
		return func(ctx context.Context) (err error) {
			if before {
				_, err = l.r.AttachScope(ctx, l.client.ID, scopes[i].ID, keycloak.ScopeOptional)
			} else {
				_, err = l.r.DetachScope(ctx, l.client.ID, scopes[i].ID)
			}
			return err
		}, err
	}), nil
}

// ownMapper gives the client a mapper that nobody else has.
func (l *looker) ownMapper(st Step, absent []keycloak.TokenKind) Step {
	config := map[string]string{"claim.name": l.w.Claim, "jsonType.label": "String", "multivalued": "true", "usermodel.clientRoleMapping.clientId": l.w.Client}
	for kind, key := range claimKeys {
		config[key] = map[bool]string{true: "true", false: "false"}[slices.Contains(absent, kind)]
	}
	config["introspection.token.claim"] = config[claimKeys[keycloak.AccessToken]]
	return st.with("add a mapper to the client that puts its roles into "+kindsText(absent), "", func(ctx context.Context) (func(context.Context) error, error) {
		owner := keycloak.MappersOfClient(l.client.ID)
		ch, err := l.r.CreateMapper(ctx, owner, keycloak.NewMapper{Name: "roles of " + l.w.Client, Type: clientRoleMapper, Config: config})
		return func(ctx context.Context) error {
			_, err := l.r.DeleteMapper(ctx, owner, ch.After.ID)
			return err
		}, err
	})
}

func kindsText(kinds []keycloak.TokenKind) string {
	var out []string
	for _, k := range kinds {
		out = append(out, tokenNames[k])
	}
	return strings.Join(out, " and ")
}

// lookLogin opens the login page as the application does, and previews the tokens of
// the users.
func (l *looker) lookLogin(ctx context.Context, st Step) (Step, error) {
	q := keycloak.LoginRequest{ClientID: l.w.Client, Scope: l.w.Scope, RedirectURI: l.redirect()}
	page, err := l.r.LoginPage(ctx, q)
	switch {
	case err != nil:
		return st, err
	case !page.Opens:
		said := page.Message
		if page.Code != "" {
			said = page.Code + ": " + said
		}
		return st.missing("the login page does not open: "+said, said).byHand(loginHints[page.Code]), nil
	}
	found := "the login page opens"
	for _, w := range l.w.Users {
		u := l.users[w.Username]
		if l.unseen[w.Username] {
			return notSeen(st, w), nil
		}
		if u == nil {
			return st.missing("there is no user "+quote(w.Username)+" yet", "").later("open the login page"), nil
		}
		without, err := l.without(ctx, u.ID)
		if err != nil {
			return st, err
		}
		if len(without) > 0 {
			return st.missing(fmt.Sprintf("%s would not hold %s for %s", kindsText(without), strings.Join(l.w.Roles, ", "), w.Username),
				"the login works, the application denies").byHand("the steps before say what is missing; else the roles are out of the client's scope"), nil
		}
		if len(l.w.Roles) > 0 {
			found += fmt.Sprintf("; %s would hold %s for %s", kindsText(l.w.Tokens), strings.Join(l.w.Roles, ", "), w.Username)
		}
	}
	return st.done(found), nil
}

// loginHints say what to do about an error that the browser came back with.
var loginHints = map[string]string{
	"invalid_scope":       "attach the client scope that is asked for, or do not ask for it",
	"unauthorized_client": "switch on the standard flow",
	"":                    "see the steps before",
}

// redirect is an address to try the login with.
func (l *looker) redirect() string {
	if len(l.w.Redirects) > 0 {
		return l.w.Redirects[0]
	}
	for _, u := range l.client.RedirectURIs {
		if strings.HasPrefix(u, "/") {
			u = strings.TrimSuffix(l.client.RootURL, "/") + u
		}
		if bare := strings.TrimSuffix(u, "*"); strings.Contains(bare, "://") {
			return bare
		}
	}
	return l.client.RootURL
}

// without are the documents in which a role would be missing.
func (l *looker) without(ctx context.Context, userID string) ([]keycloak.TokenKind, error) {
	var out []keycloak.TokenKind
	for _, kind := range slices.Sorted(slices.Values(l.w.Tokens)) {
		p, err := l.r.Preview(ctx, kind, keycloak.PreviewQuery{ClientUUID: l.client.ID, UserID: userID, Scope: l.w.Scope})
		if err != nil {
			return nil, err
		}
		has := l.rolesIn(p.Claims)
		if slices.ContainsFunc(l.w.Roles, func(role string) bool { return !slices.Contains(has, role) }) {
			out = append(out, kind)
		}
	}
	return out, nil
}

// rolesIn reads the list at the claim's path.
func (l *looker) rolesIn(claims json.RawMessage) []string {
	var at any
	if json.Unmarshal(claims, &at) != nil {
		return nil
	}
	for _, part := range l.claimPath(l.w.Claim) {
		m, _ := at.(map[string]any)
		at = m[part]
	}
	var out []string
	list, _ := at.([]any)
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Names lists the steps in their order.
func Names() []string {
	return []string{NameRealm, NameClient, NameSecret, NameRoles, NameMapper, NameUser, NameGrant, NameIssuer, NameLogin, NameLogout}
}
