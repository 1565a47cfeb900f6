package login

import (
	"fmt"
	"slices"
	"strings"
)

func redirectURI(b *bench) []Check {
	switch {
	case b.c == nil:
		return nil
	case b.a.RedirectURI == "" && len(b.c.RedirectURIs) == 0:
		return b.fail(RedirectURI, fmt.Sprintf("The client %s has no redirect URI at all, so that no login on the login page can end.", b.c.ClientID), "name the application's redirect URI and ask again")
	case b.a.RedirectURI == "":
		return b.redirectByEvents()
	case redirectAllowed(b.c, b.a.RedirectURI):
		return pass(RedirectURI, "%s may be the way back", b.a.RedirectURI)
	}
	return b.badRedirect(b.a.RedirectURI)
}

// redirectByEvents: nobody said which address the application sends, but a refused one
// stands in the events. Such an event carries no user, and everybody can cause one with
// any address they like, so it decides only where the address is on a site of the
// application, and is mentioned otherwise: what a stranger sent is not to be registered.
func (b *bench) redirectByEvents() []Check {
	e := b.lastOfClient("LOGIN", "LOGIN_ERROR", "CODE_TO_TOKEN")
	if e != nil && e.Error == "invalid_redirect_uri" && e.Details["redirect_uri"] != "" && !redirectAllowed(b.c, e.Details["redirect_uri"]) {
		uri := e.Details["redirect_uri"]
		if b.ownSite(uri) {
			return b.badRedirect(uri)
		}
		return beside(RedirectURI, fmt.Sprintf("somebody came to the client %s with the redirect URI %q, which it does not know (%s); nothing tells whether it was this application", b.c.ClientID, uri, b.ago(e.Time)),
			"if the application sends this redirect URI, name it in the question")
	}
	if g, off, ok := b.eventGap(); !ok && !off {
		out := unknown(RedirectURI, "which redirect URI the application sends", g)
		out[0].Beside, out[0].Hint = true, "name the application's redirect URI to have it checked"
		return out
	}
	return pass(RedirectURI, "no refused redirect URI stands in the events; the one of the application was not named")
}

// ownSite reports whether an address is on the same origin as one that the client knows.
func (b *bench) ownSite(uri string) bool {
	o := originOf(uri)
	return o != "" && (o == originOf(b.c.RootURL) || slices.ContainsFunc(b.c.RedirectURIs, func(r string) bool { return originOf(r) == o }))
}

func (b *bench) badRedirect(uri string) []Check {
	hint := "compare the address letter by letter: a final slash, the port and upper case all count"
	if near := nearRedirect(b.c, uri); near != "" {
		hint = "registered is " + near + "; " + hint
	}
	return b.fail(RedirectURI, fmt.Sprintf("The client %s does not know the redirect URI %q that the application sends.", b.c.ClientID, uri), hint,
		Fix{Summary: "register the redirect URI " + uri, Writes: []Write{{Op: OpAddRedirectURI, Client: b.c.ClientID, Value: uri}},
			AlsoChanges: "whoever controls that address can receive logins of this client"})
}

// nearRedirect is the registered address that was probably meant.
func nearRedirect(c *Client, uri string) string {
	plain := func(s string) string { return strings.TrimSuffix(strings.ToLower(s), "/") }
	for _, r := range c.RedirectURIs {
		if plain(r) == plain(uri) || originOf(r) != "" && originOf(r) == originOf(uri) {
			return r
		}
	}
	return ""
}

// demand is something that a client can demand of a request, and that only the
// question or the events can tell whether the application does.
type demand struct {
	code            Code
	attribute       string
	on              func(v string) bool
	sends           func(Asked) Sends
	said            func(Event) bool
	name, what, fix string
	also            string
}

var (
	pkce = demand{PKCERequired, "pkce.code.challenge.method", func(v string) bool { return v != "" }, func(a Asked) Sends { return a.PKCE },
		func(e Event) bool {
			return e.Error == "invalid_request" && strings.Contains(e.Details["reason"], "code_challenge") || e.Error == "code_verifier_missing"
		},
		"PKCE", "a proof key (PKCE, code_challenge)", "do not demand PKCE of the client", "a stolen code of this client can be used"}
	par = demand{PARRequired, "require.pushed.authorization.requests", isTrue, func(a Asked) Sends { return a.PAR },
		func(e Event) bool {
			return e.Error == "invalid_request" && strings.Contains(e.Details["reason"], "Pushed Authorization Request")
		},
		"PAR", "a pushed authorization request (PAR)", "do not demand PAR of the client", "its requests can be changed in the browser"}
	dpop = demand{DPoPRequired, "dpop.bound.access.tokens", isTrue, func(a Asked) Sends { return a.DPoP },
		func(e Event) bool { return e.Error == "invalid_dpop_proof" },
		"DPoP", "a proof of possession (DPoP)", "do not demand DPoP of the client", "a stolen token of this client can be used"}
)

func isTrue(v string) bool { return v == "true" }

func pkceRequired(b *bench) []Check { return b.demanded(pkce) }
func parRequired(b *bench) []Check  { return b.demanded(par) }
func dpopRequired(b *bench) []Check { return b.demanded(dpop) }

func (b *bench) demanded(d demand) []Check {
	if b.c == nil {
		return nil
	}
	if !d.on(b.c.Attributes[d.attribute]) {
		return pass(d.code, "the client does not demand %s", d.name)
	}
	var e *Event
	switch sends := d.sends(b.a); {
	case sends == SendsIt:
		return pass(d.code, "the application sends %s", d.what)
	case sends == Unsaid:
		types := append([]string{"LOGIN"}, tokenEvents...)
		if e = b.lastOfClient(types...); e == nil || !d.said(*e) {
			return beside(d.code, fmt.Sprintf("the client demands %s; whether the application sends it was not said", d.what),
				fmt.Sprintf("the client demands %s: make sure that the application sends it", d.name))
		}
	}
	evidence := fmt.Sprintf("The client %s demands %s, and the application does not send it.", b.c.ClientID, d.what)
	if e != nil {
		evidence = fmt.Sprintf("The client %s demands %s, and the application did not send it (%s).", b.c.ClientID, d.what, b.ago(e.Time))
	}
	return b.fail(d.code, evidence, "switch "+d.name+" on in the application", setAttribute(b.c, d.attribute, "", d.fix, d.also))
}

// originNotAllowed is about browser applications, which call the token endpoint from
// their own pages; the question names the origin.
func originNotAllowed(b *bench) []Check {
	if b.c == nil || b.a.Origin == "" {
		return nil
	}
	if originAllowed(b.c, b.a.Origin) {
		return pass(OriginNotAllowed, "pages of %s may ask for tokens", b.a.Origin)
	}
	return b.fail(OriginNotAllowed, fmt.Sprintf("Pages of %s may not ask for tokens of %s: it is not among the web origins.", b.a.Origin, b.c.ClientID), "",
		Fix{Summary: "add the web origin " + b.a.Origin, Writes: []Write{{Op: OpAddWebOrigin, Client: b.c.ClientID, Value: b.a.Origin}},
			AlsoChanges: "scripts on pages of that origin can ask for tokens of this client"})
}

// scopeUnavailable judges the words of the scope parameter, organizations among them.
func scopeUnavailable(b *bench) []Check {
	if b.c == nil {
		return nil
	}
	var out []Check
	var missing []string
	for _, w := range b.a.Words() {
		name, alias, dynamic := strings.Cut(w, ":")
		switch {
		case w == "openid" || b.attached(w):
		case dynamic && name == "organization" && b.attached(name):
			out = append(out, organization(b, alias)...)
		case dynamic && b.attached(name):
		default:
			missing = append(missing, w)
		}
	}
	if len(missing) == 0 {
		return append(pass(ScopeUnavailable, "the client has every scope that is asked for"), out...)
	}
	var fixes []Fix
	for _, m := range missing {
		name, _, _ := strings.Cut(m, ":")
		if !b.f.Scopes.Is() || slices.Contains(b.f.Scopes.Value, name) {
			fixes = append(fixes, Fix{Summary: fmt.Sprintf("attach the scope %s to %s as optional", name, b.c.ClientID),
				Writes:      []Write{{Op: OpAttachScope, Client: b.c.ClientID, Name: name, Value: "optional"}},
				AlsoChanges: "the client can ask for that scope for everybody"})
		}
	}
	hint := "take the word out of the application's scope parameter"
	if len(fixes) < len(missing) {
		hint = "the realm has no such scope: " + hint
	}
	if len(fixes) > 1 || len(fixes) < len(missing) {
		fixes = together(fixes, len(missing))
	}
	bad := b.fail(ScopeUnavailable, fmt.Sprintf("The application asks for the scope %s, which the client %s does not have.", quoteAll(missing), b.c.ClientID), hint, fixes...)
	return append(bad, out...)
}

// together makes one fix of several that are only of use all together; none where some
// word cannot be had.
func together(fixes []Fix, wanted int) []Fix {
	if len(fixes) < wanted {
		return nil
	}
	all := fixes[0]
	for _, f := range fixes[1:] {
		all.Summary += ", and " + f.Summary
		all.Writes = append(all.Writes, f.Writes...)
	}
	return []Fix{all}
}

func (b *bench) attached(scope string) bool {
	return slices.Contains(b.c.DefaultScopes, scope) || slices.Contains(b.c.OptionalScopes, scope)
}

func quoteAll(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, quote(s))
	}
	return strings.Join(out, " and ")
}

// organization: one that is not there, or is disabled, is an invalid scope; one that
// the person is no member of is left out of the token in silence.
func organization(b *bench, alias string) []Check {
	if alias == "*" || alias == "" {
		return nil
	}
	if !b.f.Organizations.Is() {
		return unknown(Organization, "the organization "+alias, b.f.Organizations.Gap())
	}
	i := slices.IndexFunc(b.f.Organizations.Value, func(o Org) bool { return o.Alias == alias })
	if i < 0 {
		return unknown(Organization, "the organization "+alias, Gap{})
	}
	o := b.f.Organizations.Value[i]
	switch {
	case !o.Exists:
		return b.fail(Organization, fmt.Sprintf("The application asks for the organization %q, which is not there.", alias), "take it out of the application's scope parameter")
	case !o.Enabled:
		return b.fail(Organization, fmt.Sprintf("The organization %q is disabled.", alias), "",
			Fix{Summary: "enable the organization " + alias, Writes: []Write{{Op: OpEnableOrganization, Name: alias, ID: o.ID}}, AlsoChanges: "all its members can use it again"})
	case !o.Member && b.u != nil:
		return b.fail(Organization, fmt.Sprintf("%s is not a member of the organization %q: the login works, and the token does not name it.", b.name(), alias), "",
			Fix{Summary: fmt.Sprintf("make %s a member of %s", b.u.Username, alias), Writes: []Write{{Op: OpJoinOrganization, User: b.u.Username, UserID: b.u.ID, Name: alias, ID: o.ID}},
				AlsoChanges: "whatever else members of that organization may do"})
	}
	return pass(Organization, "the organization %s is there, enabled, and theirs", alias)
}

// consentRequired: a direct grant is refused by a client that wants consent, given or
// not; in the browser a page asks for it.
func consentRequired(b *bench) []Check {
	switch {
	case b.c == nil:
		return nil
	case !b.c.ConsentRequired:
		return pass(ConsentRequired, "the client wants no consent")
	case b.a.Grant == Direct:
		return b.fail(ConsentRequired, fmt.Sprintf("The client %s wants the person's consent, which cannot be given when the application sends the password.", b.c.ClientID),
			"let the application use the login page", setClient(b.c, "consentRequired", "false", "do not ask for consent", "nobody is asked any more what the application may see"))
	case slices.Contains(b.f.Consents.Value, b.c.ClientID):
		return pass(ConsentRequired, "%s has agreed before", b.name())
	}
	e := b.newest(func(e Event) bool {
		return (e.Type == "LOGIN" || e.Type == "LOGIN_ERROR") && e.Client == b.a.Client && b.isOf(e)
	})
	if e != nil && e.Error == "rejected_by_user" {
		return b.fail(ConsentRequired, fmt.Sprintf("%s answered No when asked what %s may see (%s).", b.name(), b.c.ClientID, b.ago(e.Time)),
			"log in again and answer Yes", setClient(b.c, "consentRequired", "false", "do not ask for consent", "nobody is asked any more what the application may see"))
	}
	return pass(ConsentRequired, "a page will ask %s to agree to what the application may see", b.name())
}

// offlineRole: an offline token is given only to whoever holds the realm role for it.
func offlineRole(b *bench) []Check {
	if !b.a.Asks("offline_access") || b.u == nil {
		return nil
	}
	if !b.f.Roles.Is() && b.f.Roles.State != Cut {
		return unknown(OfflineRoleMissing, "the roles of the user", b.f.Roles.Gap())
	}
	if slices.ContainsFunc(b.f.Roles.Value, func(r Role) bool { return r.Client == "" && r.Name == "offline_access" }) {
		return pass(OfflineRoleMissing, "%s holds the role offline_access", b.name())
	}
	if b.f.Roles.State == Cut {
		return unknown(OfflineRoleMissing, "whether the user holds the role offline_access", b.f.Roles.Gap())
	}
	also := ""
	if b.r != nil && b.r.DefaultRole != "" {
		also = fmt.Sprintf("nothing else; the usual way to it is the role %s, which may have been taken away", b.r.DefaultRole)
	}
	return b.fail(OfflineRoleMissing, fmt.Sprintf("The application asks for offline access, and %s does not hold the realm role offline_access.", b.name()),
		"take offline_access out of the application's scope parameter if it need not act while nobody is logged in",
		Fix{Summary: "grant offline_access to " + b.u.Username, Writes: []Write{{Op: OpGrantRole, User: b.u.Username, UserID: b.u.ID, Role: "offline_access"}}, AlsoChanges: also})
}
