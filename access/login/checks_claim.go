package login

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/token"
)

// The providers of mappers that matter here.
const (
	clientRoleMapper = "oidc-usermodel-client-role-mapper"
	realmRoleMapper  = "oidc-usermodel-realm-role-mapper"
	audienceMapper   = "oidc-audience-mapper"
)

// claimSwitches are the settings of a mapper that put its claim into a document.
var claimSwitches = map[Token]string{Access: "access.token.claim", ID: "id.token.claim", UserInfo: "userinfo.token.claim"}

// lightweightAttribute of a client makes its access tokens hold next to nothing;
// lightweightClaim keeps the claim of one mapper in them.
const (
	lightweightAttribute = "client.use.lightweight.access.token.enabled"
	lightweightClaim     = "lightweight.claim"
)

// carries reports whether a mapper writes roles like the wanted one.
func (m Mapper) carries(w Role) bool {
	switch m.Type {
	case clientRoleMapper:
		only := m.Config["usermodel.clientRoleMapping.clientId"]
		return w.Client != "" && (only == "" || only == w.Client) && m.Config["multivalued"] != "false"
	case realmRoleMapper:
		return w.Client == "" && m.Config["multivalued"] != "false"
	}
	return false
}

// writes reports whether a mapper puts its claim there. Without a switch of its own
// userinfo follows the ID token (org.keycloak.protocol.oidc.mappers, measured on 26.7).
func (m Mapper) writes(t Token) bool {
	v, ok := m.Config[claimSwitches[t]]
	if !ok && t == UserInfo {
		v = m.Config[claimSwitches[ID]]
	}
	return v == "true"
}

// path is where in the claims the mapper writes a role, and value as what.
func (m Mapper) path(w Role) (path []string, value string) {
	client := w.Client
	prefix := m.Config["usermodel.clientRoleMapping.rolePrefix"]
	if m.Type == realmRoleMapper {
		prefix = m.Config["usermodel.realmRoleMapping.rolePrefix"]
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(m.Config["claim.name"], `\.`, "\x00"), ".") {
		path = append(path, strings.ReplaceAll(strings.ReplaceAll(part, "\x00", "."), "${client_id}", client))
	}
	return path, prefix + w.Name
}

// where names a mapper in sentences.
func (m Mapper) where() string {
	if m.Scope == "" {
		return "the mapper " + quote(m.Name) + " of the client"
	}
	return "the mapper " + quote(m.Name) + " of the client scope " + quote(m.Scope)
}

// carriers are the mappers in effect for this user that write roles like the wanted one.
func (b *bench) carriers(w Role) []Mapper {
	var out []Mapper
	for _, m := range b.f.Claims.Own.Value {
		if m.carries(w) {
			out = append(out, m)
		}
	}
	if b.c == nil {
		return out
	}
	for _, s := range b.inEffect() {
		if ok, _ := b.permitted(s); ok == Fail {
			continue
		}
		for _, m := range s.Mappers {
			if m.carries(w) {
				out = append(out, m)
			}
		}
	}
	return out
}

// shown reports whether Keycloak's own preview of the wanted document has the role.
func (b *bench) shown(w Role) Result {
	p, ok := b.f.Claims.Previews[b.a.Token]
	if !ok || !p.Is() || b.a.Token == UserInfo && b.lightweight() {
		return Unknown
	}
	if b.showsIn(p.Value, w) {
		return Pass
	}
	return Fail
}

// ShowsRole reports whether Keycloak's own preview of the wanted document has the wanted
// role, so that nothing that may stand in its way has to be read.
func ShowsRole(f *Facts, a Asked) bool {
	a = a.withDefaults()
	b := newBench(f, a)
	w, ok := a.WantedRole()
	return ok && !b.nobody() && b.shown(w) == Pass
}

// showsIn looks for the role where the mappers in effect write it, and where Keycloak's
// own do.
func (b *bench) showsIn(claims map[string]any, w Role) bool {
	usual := []string{"realm_access", "roles"}
	if w.Client != "" {
		usual = []string{"resource_access", w.Client, "roles"}
	}
	if token.Holds(claims, usual, w.Name) {
		return true
	}
	return slices.ContainsFunc(b.carriers(w), func(m Mapper) bool {
		path, value := m.path(w)
		return token.Holds(claims, path, value)
	})
}

func (b *bench) lightweight() bool {
	return b.c != nil && b.c.Attributes[lightweightAttribute] == "true"
}

// claimChecks are the checks of the claim: mappers, lightweight tokens, the audience.
func claimChecks(f *Facts, a Asked) []Check {
	b := newBench(f, a)
	if b.nobody() {
		return nil
	}
	out := audienceMissing(b)
	w, ok := a.WantedRole()
	if !ok {
		return out
	}
	switch b.shown(w) {
	case Pass:
		return append(b.claimShown(w), out...)
	case Fail:
		checks := b.claimChecks(w)
		if unexplained(append(roleChecks(f, a), checks...)) {
			checks = append(checks, b.fail(MapperNotInToken, fmt.Sprintf("Keycloak itself leaves %s out of the %s, and nothing that can be read explains it.", w, document(a.Token)),
				"a mapper that renames or removes roles may be behind it: look at the mappers of the client and of its client scopes")...)
		}
		return append(checks, out...)
	}
	return append(b.claimChecks(w), out...)
}

// unexplained reports that every check passes.
func unexplained(checks []Check) bool {
	return !slices.ContainsFunc(checks, func(c Check) bool { return c.State != Pass })
}

// claimShown are the checks where the preview has the role.
func (b *bench) claimShown(w Role) []Check {
	by := ""
	for _, m := range b.carriers(w) {
		if m.writes(b.a.Token) {
			by = ", put there by " + m.where()
			break
		}
	}
	return pass(MapperNotInToken, "%s is in the %s%s", w, document(b.a.Token), by)
}

func (b *bench) claimChecks(w Role) []Check {
	if b.c == nil {
		return unknown(MapperMissing, "the client", b.f.Client.Gap())
	}
	if !b.f.Claims.Scopes.Is() || !b.f.Claims.Own.Is() {
		g := b.f.Claims.Scopes.Gap()
		if b.f.Claims.Scopes.Is() {
			g = b.f.Claims.Own.Gap()
		}
		return unknown(MapperMissing, "the mappers of "+b.c.ClientID, g)
	}
	carriers := b.carriers(w)
	if len(carriers) == 0 {
		return noMapper(b, w)
	}
	out := pass(MapperMissing, "%s writes such roles", carriers[0].where())
	writing := slices.DeleteFunc(slices.Clone(carriers), func(m Mapper) bool { return !m.writes(b.a.Token) })
	if len(writing) == 0 && !(b.lightweight() && b.a.Token == UserInfo) {
		return append(out, notInToken(b, w, carriers)...)
	}
	if len(writing) > 0 {
		out = append(out, pass(MapperNotInToken, "%s writes into the %s", writing[0].where(), document(b.a.Token))...)
	}
	return append(out, lightweightToken(b, w, writing)...)
}

// lightweightToken: a lightweight access token holds no roles, and userinfo does not
// take one.
func lightweightToken(b *bench, w Role, writing []Mapper) []Check {
	if !b.lightweight() || b.a.Token == ID {
		return nil
	}
	off := Fix{Summary: "switch lightweight access tokens off for " + b.c.ClientID,
		Writes:      []Write{{Op: OpSetClientAttribute, Client: b.c.ClientID, Name: lightweightAttribute, Value: "false"}},
		AlsoChanges: "all claims stand in its access tokens again"}
	if b.a.Token == UserInfo {
		return b.fail(LightweightToken, fmt.Sprintf("%s gets lightweight access tokens, and the userinfo endpoint takes none of them.", b.c.ClientID), "after that, log in again", off)
	}
	if i := slices.IndexFunc(writing, func(m Mapper) bool { return m.Config[lightweightClaim] == "true" }); i >= 0 {
		return pass(LightweightToken, "%s writes into lightweight tokens too", writing[i].where())
	}
	m := writing[0]
	keep := Fix{Summary: "keep the roles of " + m.where() + " in lightweight access tokens", Writes: []Write{b.setMapper(m, lightweightClaim)}, AlsoChanges: b.sharing(m)}
	return b.fail(LightweightToken, fmt.Sprintf("%s gets lightweight access tokens, which hold no roles: %s is left out.", b.c.ClientID, w), "after that, log in again", off, keep)
}

// setMapper switches one setting of a mapper on.
func (b *bench) setMapper(m Mapper, keys ...string) Write {
	w := Write{Op: OpSetMapper, Name: m.Name, Scope: m.Scope, Config: map[string]string{}}
	if m.Scope == "" {
		w.Client = b.c.ClientID
	}
	for _, k := range keys {
		w.Config[k] = "true"
	}
	return w
}

// sharing says whose tokens change with a mapper.
func (b *bench) sharing(m Mapper) string {
	if m.Scope == "" {
		return ""
	}
	n := b.f.Claims.Sharing.Value[m.Scope]
	if !b.f.Claims.Sharing.Is() || n == 0 {
		return "every client that uses the client scope " + quote(m.Scope)
	}
	return fmt.Sprintf("every client that uses the client scope %s (%d)", quote(m.Scope), n)
}

// notInToken: there are mappers, and none writes into the wanted document.
func notInToken(b *bench, w Role, carriers []Mapper) []Check {
	m := carriers[0]
	var elsewhere []string
	for _, t := range []Token{Access, ID, UserInfo} {
		sign := " ✗"
		if slices.ContainsFunc(carriers, func(m Mapper) bool { return m.writes(t) }) {
			sign = " ✓"
		}
		elsewhere = append(elsewhere, document(t)+sign)
	}
	doc := document(b.a.Token)
	evidence := fmt.Sprintf("Keycloak does not put %s into the %s, where the application looks: %s has it switched off (%s).", rolesText(w), doc, m.where(), strings.Join(elsewhere, ", "))
	keys := []string{claimSwitches[b.a.Token]}
	if b.a.Token == ID && m.Config[claimSwitches[UserInfo]] == "" {
		keys = append(keys, claimSwitches[UserInfo])
	}
	fixes := []Fix{{Summary: fmt.Sprintf("switch on %q in %s", "add to "+doc, m.where()), Writes: []Write{b.setMapper(m, keys...)}, AlsoChanges: b.sharing(m)}}
	if m.Scope != "" {
		fixes = append(fixes, b.ownMapper(w))
	}
	return b.fail(MapperNotInToken, evidence, "after that, log in again", fixes...)
}

func rolesText(w Role) string {
	if w.Client == "" {
		return "roles of the realm"
	}
	return "client roles"
}

// ownMapper gives the client a mapper of its own for the wanted document.
func (b *bench) ownMapper(w Role) Fix {
	kind, claim := clientRoleMapper, "resource_access.${client_id}.roles"
	config := map[string]string{"jsonType.label": "String", "multivalued": "true"}
	if w.Client == "" {
		kind, claim = realmRoleMapper, "realm_access.roles"
	} else {
		config["usermodel.clientRoleMapping.clientId"] = w.Client
	}
	config["claim.name"] = claim
	for t, key := range claimSwitches {
		config[key] = fmt.Sprint(t == b.a.Token)
	}
	config["introspection.token.claim"] = config[claimSwitches[Access]]
	name := "roles in the " + document(b.a.Token)
	if w.Client != "" {
		name = "roles of " + w.Client + " in the " + document(b.a.Token)
	}
	return Fix{Summary: fmt.Sprintf("add a mapper to %s that puts %s into the %s", b.c.ClientID, rolesText(w), document(b.a.Token)),
		AlsoChanges: "only " + b.c.ClientID,
		Writes:      []Write{{Op: OpAddMapper, Client: b.c.ClientID, Name: name, Value: kind, Config: config}}}
}

// noMapper: nothing in effect writes such roles. A client scope that does may have been
// taken from the client: one that new clients get, or one that it has as an optional one.
func noMapper(b *bench, w Role) []Check {
	for _, s := range b.f.Claims.Scopes.Value {
		ok, _ := b.permitted(s)
		usual := slices.Contains(b.f.Claims.Standard.Value, s.Name) || slices.Contains(b.c.OptionalScopes, s.Name)
		if ok == Fail || !usual || slices.Contains(b.c.DefaultScopes, s.Name) ||
			!slices.ContainsFunc(s.Mappers, func(m Mapper) bool { return m.carries(w) && m.writes(b.a.Token) }) {
			continue
		}
		how := "does not have the client scope " + quote(s.Name) + ", which brings the roles"
		if slices.Contains(b.c.OptionalScopes, s.Name) {
			how = "has the client scope " + quote(s.Name) + " only as an optional one, and the application does not ask for it"
		}
		return b.fail(ClaimScopeRemoved, fmt.Sprintf("%s %s into the %s.", b.c.ClientID, how, document(b.a.Token)), "after that, log in again",
			Fix{Summary: fmt.Sprintf("attach the client scope %s to %s", quote(s.Name), b.c.ClientID), AlsoChanges: "its other mappers take part too: " + mapperNames(s, w),
				Writes: []Write{{Op: OpAttachScope, Client: b.c.ClientID, Name: s.Name, Value: "default"}}}, b.ownMapper(w))
	}
	return b.fail(MapperMissing, fmt.Sprintf("No mapper of %s, nor of its client scopes, writes %s into a token.", b.c.ClientID, rolesText(w)), "after that, log in again", b.ownMapper(w))
}

func mapperNames(s ClientScope, w Role) string {
	var out []string
	for _, m := range s.Mappers {
		if !m.carries(w) {
			out = append(out, m.Name)
		}
	}
	return some(out)
}

// audienceMissing: the API that the token is shown to is in its audience.
func audienceMissing(b *bench) []Check {
	api := b.a.Audience
	if api == "" {
		return nil
	}
	p, read := b.f.Claims.Previews[Access]
	if !read || !p.Is() {
		return unknown(AudienceMissing, "the audience of the access token", p.Gap())
	}
	aud := (&token.Token{Claims: p.Value}).Audience()
	if pasted, err := token.Parse(b.a.PastedToken); err == nil {
		if has := pasted.Audience(); slices.Contains(has, api) {
			return pass(AudienceMissing, "%s is in the audience of the token", api)
		} else if slices.Contains(aud, api) {
			return b.fail(AudienceMissing, fmt.Sprintf("The token is not for %s: its audience is %s. The next one will be.", api, listed(has)), "log in again, or wait until the token is renewed")
		}
	}
	if slices.Contains(aud, api) {
		return pass(AudienceMissing, "%s is in the audience of the access token", api)
	}
	evidence := fmt.Sprintf("The access token is not for %s: its audience is %s.", api, listed(aud))
	if b.f.Claims.API.Is() && b.f.Claims.API.Value == nil {
		evidence += fmt.Sprintf(" The realm has no client %s.", quote(api))
	}
	config := map[string]string{"access.token.claim": "true", "id.token.claim": "false", "introspection.token.claim": "true", "included.client.audience": api}
	if b.f.Claims.API.Is() && b.f.Claims.API.Value == nil {
		delete(config, "included.client.audience")
		config["included.custom.audience"] = api
	}
	return b.fail(AudienceMissing, evidence, "after that, log in again", Fix{Summary: fmt.Sprintf("add a mapper to %s that puts %s into the audience", b.a.Client, api),
		AlsoChanges: fmt.Sprintf("all access tokens of %s are taken by %s then", b.a.Client, api),
		Writes:      []Write{{Op: OpAddMapper, Client: b.a.Client, Name: "audience " + api, Value: audienceMapper, Config: config}}})
}

// listed are names in a sentence.
func listed(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, ", ")
}
