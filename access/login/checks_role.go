package login

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access/roles"
)

// roleChecks are the checks of the role: permitted scopes, the role itself, the client's scope.
func roleChecks(f *Facts, a Asked) []Check {
	b := newBench(f, a)
	if b.nobody() {
		return nil
	}
	var out []Check
	out = append(out, scopeNotPermitted(b)...)
	w, ok := a.WantedRole()
	if !ok {
		return out
	}
	if b.shown(w) == Pass {
		return append(out, b.roleShown(w)...)
	}
	out = append(out, roleHeld(b, w)...)
	return append(out, outOfClientScope(b, w)...)
}

// nobody reports that the question has no user or no client, so that nothing can be
// said of a role; the checks of the login say it.
func (b *bench) nobody() bool {
	if b.f.Client.Is() && b.f.Client.Value == nil || b.f.Realm.Is() && b.f.Realm.Value == nil {
		return true
	}
	if b.a.Grant == Service {
		return b.f.ServiceAccount.Is() && b.f.ServiceAccount.Value == nil
	}
	return b.f.User.Is() && b.f.User.Value == nil
}

// holder is how the one whose roles count is called.
func (b *bench) holder() string {
	if b.a.Grant == Service {
		return "the service account of " + b.a.Client
	}
	return b.name()
}

// holderGap is why nothing is known of the one whose roles count.
func (b *bench) holderGap(g Gap) Gap {
	switch {
	case g.State != NotAsked:
		return g
	case b.a.Grant == Service:
		return b.f.ServiceAccount.Gap()
	}
	return b.f.User.Gap()
}

// refOf is a role as package roles names it.
func refOf(r Role) roles.Ref { return roles.Ref{Client: r.Client, Name: r.Name} }

// roleShown are the checks where Keycloak's own preview has the role: no more is to be
// proven, only how it comes there.
func (b *bench) roleShown(w Role) []Check {
	how := fmt.Sprintf("%s has %s", b.holder(), w)
	if held, state, _ := b.f.Claims.Held.Value.Find(refOf(w)); state == roles.IsHeld && len(held.Paths) > 0 {
		how = how + ": " + way(held.Paths[0])
	}
	return append(pass(RoleMissing, "%s", how), pass(OutOfClientScope, "%s reaches the tokens of %s", w, b.a.Client)...)
}

// way writes a path as a support person reads it: "ben ∈ /staff/eng → /staff has employee ⊃ app:admin".
func way(p roles.Path) string {
	var out strings.Builder
	for i, s := range p {
		switch {
		case i == 0:
		case s.Kind == roles.Group && p[i-1].Kind == roles.Group:
			out.WriteString(" → ")
		case s.Kind == roles.Group:
			out.WriteString(" ∈ ")
		case p[i-1].Kind.IsRole():
			out.WriteString(" ⊃ ")
		default:
			out.WriteString(" has ")
		}
		out.WriteString(s.Label())
	}
	return out.String()
}

// roleHeld: the user has the role, in whatever way.
func roleHeld(b *bench, w Role) []Check {
	wanted, held := b.f.Claims.Wanted, b.f.Claims.Held
	switch {
	case wanted.Is() && wanted.Value == nil:
		return b.fail(RoleMissing, b.noSuchRole(w), "check the name; upper and lower case count")
	case held.State == NotAsked || held.State == Failed:
		return unknown(RoleMissing, "the roles that "+b.holder()+" has", b.holderGap(held.Gap()))
	}
	how, state, needs := held.Value.Find(refOf(w))
	switch {
	case state == roles.IsHeld && len(how.Paths) > 0:
		return pass(RoleMissing, "%s", way(how.Paths[0]))
	case state == roles.IsHeld:
		return pass(RoleMissing, "%s has %s, in a way that our account cannot see", b.holder(), w)
	case state == roles.Unknown || !held.Is():
		g := held.Gap()
		if len(needs) > 0 {
			g = Gap{State: Cut, Needs: strings.Join(needs, ", ")}
		}
		return unknown(RoleMissing, "whether "+b.holder()+" has "+w.String(), g)
	}
	if out := defaultRolesRemoved(b, w); out != nil {
		return out
	}
	evidence := fmt.Sprintf("%s does not have the role %s.", title(b.holder()), w)
	if near := b.namesakes(w); near != "" {
		evidence += " " + near
	}
	return b.fail(RoleMissing, evidence, "after it was granted, the next token has it: log in again", b.grantFixes(w)...)
}

func (b *bench) noSuchRole(w Role) string {
	where := "The realm has"
	if w.Client != "" {
		where = "The client " + w.Client + " has"
	}
	out := fmt.Sprintf("%s no role %s.", where, quote(w.Name))
	if near := b.namesakes(w); near != "" {
		out += " " + near
	}
	return out
}

// namesakes names roles that the user has and that may be taken for the wanted one:
// the same name elsewhere, or in other letters.
func (b *bench) namesakes(w Role) string {
	var out []string
	for _, h := range b.f.Claims.Held.Value.Roles {
		if r := h.Role.Ref(); strings.EqualFold(r.Name, w.Name) && r != refOf(w) {
			kind := "the role of the realm " + quote(r.Name)
			if r.Client != "" {
				kind = r.String()
			}
			out = append(out, kind)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return fmt.Sprintf("%s has %s, which is another role.", title(b.holder()), strings.Join(out, " and "))
}

// title begins a sentence with a name that may begin with "the".
func title(s string) string {
	if rest, ok := strings.CutPrefix(s, "the "); ok {
		return "The " + rest
	}
	return s
}

// grantFixes are the ways to give the role, the one that gives least first.
func (b *bench) grantFixes(w Role) []Fix {
	user, id := b.account()
	wanted := b.f.Claims.Wanted.Value
	direct := Fix{Summary: fmt.Sprintf("grant %s the role %s", user, w),
		Writes: []Write{{Op: OpGrantRole, User: user, UserID: id, Role: w.Name, RoleClient: w.Client}}}
	out := []Fix{direct}
	if wanted == nil {
		return out
	}
	if len(wanted.Brings) > 0 {
		out[0].AlsoChanges = "it brings " + some(wanted.Brings)
	}
	if b.a.Grant == Service {
		return out
	}
	groups := slices.Clone(wanted.Groups)
	slices.SortStableFunc(groups, func(x, y RoleGroup) int { return len(x.Brings) - len(y.Brings) })
	for _, g := range groups {
		f := Fix{Summary: fmt.Sprintf("put %s into the group %s, whose members have it", user, g.Path),
			Writes: []Write{{Op: OpJoinGroup, User: user, UserID: id, Name: g.Path}}}
		if brings := append(slices.Clone(g.Brings), wanted.Brings...); len(brings) > 0 {
			f.AlsoChanges = "the group brings " + some(brings)
		}
		out = append(out, f)
	}
	return out
}

// account is the username and id of the one who would be granted something.
func (b *bench) account() (name, id string) {
	u := b.f.User.Value
	if b.a.Grant == Service {
		u = b.f.ServiceAccount.Value
	}
	if u == nil {
		return b.a.User, ""
	}
	return u.Username, u.ID
}

// some lists a few names and how many there are more.
func some(names []string) string {
	const few = 4
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// defaultRolesRemoved: the role is one that every new user is given, and this one was
// deprived of it. nil where that is not so.
func defaultRolesRemoved(b *bench, w Role) []Check {
	d := b.f.Claims.Default
	if !d.Is() || b.a.Grant == Service || !slices.ContainsFunc(d.Value.Holds, func(r Role) bool { return refOf(r) == refOf(w) }) {
		return nil
	}
	if _, state, _ := b.f.Claims.Held.Value.Find(refOf(d.Value.Role)); state != roles.NotHeld {
		return nil
	}
	user, id := b.account()
	give := Fix{Summary: fmt.Sprintf("give %s the default roles back (%s)", user, d.Value.Name),
		Writes: []Write{{Op: OpGrantRole, User: user, UserID: id, Role: d.Value.Name}}}
	var brings []string
	for _, r := range d.Value.Holds {
		if refOf(r) != refOf(w) {
			brings = append(brings, r.String())
		}
	}
	if give.AlsoChanges = "every new user has them"; len(brings) > 0 {
		give.AlsoChanges = "it brings " + some(brings) + ", as every new user has"
	}
	return b.fail(DefaultRolesRemoved, fmt.Sprintf("%s is a default role of the realm, but the default roles were taken from %s.", w, b.holder()),
		"after that, log in again", append([]Fix{b.grantFixes(w)[0]}, give)...)
}

// outOfClientScope: the client lets the role into its tokens.
func outOfClientScope(b *bench, w Role) []Check {
	c := b.c
	switch {
	case c == nil:
		return unknown(OutOfClientScope, "the client", b.f.Client.Gap())
	case c.FullScope:
		return pass(OutOfClientScope, "%s lets every role into its tokens", c.ClientID)
	case b.f.Claims.Scope.State == NotAsked || b.f.Claims.Scope.State == Failed:
		return unknown(OutOfClientScope, "the scope of "+c.ClientID, b.f.Claims.Scope.Gap())
	}
	state, needs := b.f.Claims.Scope.Value.Lets(refOf(w))
	switch state {
	case roles.IsHeld:
		return pass(OutOfClientScope, "%s is in the scope of %s", w, c.ClientID)
	case roles.Unknown:
		return unknown(OutOfClientScope, "whether "+w.String()+" is in the scope of "+c.ClientID, Gap{State: Cut, Needs: strings.Join(needs, ", ")})
	}
	return b.fail(OutOfClientScope, fmt.Sprintf("%s has full scope switched off, and %s is not among the roles that may reach its tokens.", c.ClientID, w), "after that, log in again",
		Fix{Summary: fmt.Sprintf("let %s reach the tokens of %s", w, c.ClientID),
			Writes:      []Write{{Op: OpAddScopeMapping, Client: c.ClientID, Role: w.Name, RoleClient: w.Client}},
			AlsoChanges: "everybody who has the role gets it in the tokens of " + c.ClientID},
		Fix{Summary: "let every role reach the tokens of " + c.ClientID, Weakens: true,
			Writes:      []Write{{Op: OpSetClient, Client: c.ClientID, Name: "fullScopeAllowed", Value: "true"}},
			AlsoChanges: "all roles of its users stand in its tokens"})
}

// scopeNotPermitted: a client scope with role mappings is left out, without a word, for
// users who have none of these roles.
func scopeNotPermitted(b *bench) []Check {
	if b.c == nil || !b.f.Claims.Scopes.Is() {
		if _, wanted := b.a.WantedRole(); !wanted || b.c == nil {
			return nil
		}
		return unknown(ScopeNotPermitted, "the client scopes", b.f.Claims.Scopes.Gap())
	}
	var out []Check
	for _, s := range b.inEffect() {
		if !b.matters(s) || s.Name == "offline_access" { // that one stops the login: offline_role_missing
			continue
		}
		permitted, needs := b.permitted(s)
		if permitted == Pass && len(s.Mapped) == 0 {
			continue
		}
		switch permitted {
		case Pass:
			out = append(out, pass(ScopeNotPermitted, "%s may use the client scope %s", b.holder(), s.Name)...)
		case Unknown:
			out = append(out, unknown(ScopeNotPermitted, "whether "+b.holder()+" may use the client scope "+s.Name, Gap{State: Cut, Needs: needs})...)
		default:
			out = append(out, b.notPermitted(s)...)
		}
	}
	return out
}

func (b *bench) notPermitted(s ClientScope) []Check {
	var names []string
	var fixes []Fix
	user, id := b.account()
	for _, r := range s.Mapped {
		names = append(names, r.String())
		fixes = append(fixes, Fix{Summary: fmt.Sprintf("grant %s the role %s", user, r), AlsoChanges: "everything else that " + r.String() + " opens",
			Writes: []Write{{Op: OpGrantRole, User: user, UserID: id, Role: r.Name, RoleClient: r.Client}}})
	}
	return b.fail(ScopeNotPermitted, fmt.Sprintf("The client scope %s is only for those who have %s; %s does not, so that it is left out of the token with all its claims.",
		s.Name, strings.Join(names, " or "), b.holder()), "after that, log in again", fixes...)
}

// inEffect are the client scopes that take part: the default ones and those that are
// asked for.
func (b *bench) inEffect() []ClientScope {
	var out []ClientScope
	for _, s := range b.f.Claims.Scopes.Value {
		if slices.Contains(b.c.DefaultScopes, s.Name) || slices.Contains(b.c.OptionalScopes, s.Name) && b.asksScope(s.Name) {
			out = append(out, s)
		}
	}
	return out
}

// asksScope also takes the dynamic form of a scope, "organization:acme".
func (b *bench) asksScope(name string) bool {
	return slices.ContainsFunc(b.a.Words(), func(w string) bool {
		first, _, _ := strings.Cut(w, ":")
		return w == name || first == name
	})
}

// HangsOn reports whether an answer may hang on who is permitted to a client scope: it
// is asked for by name, or it has a mapper for the wanted role and is, or usually is, one
// of the client's.
func HangsOn(f *Facts, a Asked, s ClientScope) bool {
	a = a.withDefaults()
	b := newBench(f, a)
	if b.c == nil {
		return false
	}
	usual := slices.Contains(b.c.DefaultScopes, s.Name) || slices.Contains(b.c.OptionalScopes, s.Name) || slices.Contains(f.Claims.Standard.Value, s.Name)
	w, ok := a.WantedRole()
	return b.asksScope(s.Name) || usual && ok && b.shown(w) != Pass && slices.ContainsFunc(s.Mappers, func(m Mapper) bool { return m.carries(w) })
}

// matters reports whether the question hangs on a client scope: it is asked for by
// name, or it alone has a mapper for the wanted role.
func (b *bench) matters(s ClientScope) bool {
	if b.asksScope(s.Name) && s.Name != "openid" {
		return true
	}
	w, ok := b.a.WantedRole()
	if !ok || b.shown(w) == Pass {
		return false
	}
	fits := func(m Mapper) bool { return m.carries(w) && m.writes(b.a.Token) }
	if !slices.ContainsFunc(s.Mappers, fits) {
		return false
	}
	return !slices.ContainsFunc(b.inEffect(), func(o ClientScope) bool {
		ok, _ := b.permitted(o)
		return o.Name != s.Name && ok == Pass && slices.ContainsFunc(o.Mappers, fits)
	}) && !slices.ContainsFunc(b.f.Claims.Own.Value, fits)
}

// permitted reports whether the user may use a client scope: it has no role mappings,
// or the user holds one of them.
func (b *bench) permitted(s ClientScope) (state Result, needs string) {
	switch {
	case !s.Asked:
		return Pass, ""
	case !s.Roles.Is():
		return Unknown, s.Roles.Needs
	case len(s.Roles.Value) == 0:
		return Pass, ""
	}
	worst := Fail
	for _, r := range s.Roles.Value {
		_, state, lacks := b.f.Claims.Held.Value.Find(refOf(r))
		if state == roles.IsHeld {
			return Pass, ""
		}
		if state == roles.Unknown || !b.f.Claims.Held.Is() {
			worst, needs = Unknown, strings.Join(append(lacks, b.f.Claims.Held.Needs), ", ")
		}
	}
	return worst, strings.Trim(needs, ", ")
}
