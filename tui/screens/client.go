package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// ClientKeycloak is what the screen of one client needs of a Keycloak realm.
type ClientKeycloak interface {
	Name() string
	Client(ctx context.Context, uuid string) (keycloak.Client, error)
	ScopesOfClient(ctx context.Context, uuid string) (keycloak.AttachedScopes, error)
	ClientScopes(ctx context.Context) ([]keycloak.ClientScope, error)
	RoleMappings(ctx context.Context, h keycloak.Holder) (keycloak.Mappings, error)
	AvailableRoles(ctx context.Context, h keycloak.Holder, c keycloak.Container) ([]keycloak.Role, error)
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	ServiceAccount(ctx context.Context, uuid string) (keycloak.User, error)
	ClientSecret(ctx context.Context, uuid string) (string, error)
	ClientEditor
	MapperKeycloak
	RoleWriter
}

// ClientEditor changes and deletes clients.
type ClientEditor interface {
	UpdateClient(ctx context.Context, uuid string, p keycloak.ClientPatch) (clients.Change[keycloak.Client], error)
	DeleteClient(ctx context.Context, uuid string) (clients.Change[keycloak.Client], error)
	RegenerateClientSecret(ctx context.Context, uuid string) (string, error)
	AttachScope(ctx context.Context, clientUUID, scopeID string, use keycloak.ScopeUse) (clients.Change[keycloak.AttachedScopes], error)
	DetachScope(ctx context.Context, clientUUID, scopeID string) (clients.Change[keycloak.AttachedScopes], error)
}

// ClientSpec says which client is shown. Realm and Client are needed.
type ClientSpec struct {
	Realm  ClientKeycloak
	Client keycloak.Client
	// Check looks at what is missing before the application finds the roles of its users,
	// Why says why somebody does not get in, Roles lists the client's roles, Account shows
	// the roles of its service account, Scope a client scope, Role a role; nil where there
	// is none.
	Check   func() tui.Screen
	Why     func() tui.Screen
	Roles   func(c keycloak.Client) tui.Screen
	Account func(u keycloak.User) tui.Screen
	Scope   func(id, name string) tui.Screen
	Role    func(keycloak.Role) tui.Screen
}

// Client is one client of a realm: its flows, addresses, client scopes, protocol
// mappers, the roles that may reach its tokens, and its service account. Its secret is
// never read, but when a person asks for it.
type Client struct {
	sheet
	spec    ClientSpec
	client  keycloak.Client
	scopes  keycloak.AttachedScopes
	mappers []keycloak.Mapper
	scope   keycloak.Mappings
	account keycloak.User
	roles   keycloak.Mappings // of the service account
	secret  tui.Job
}

// What a line of a client stands for, beside keycloak.Role, keycloak.User and
// keycloak.Mapper.
type (
	flowRef  clientFlow
	scopeRef struct {
		keycloak.ClientScope
		use keycloak.ScopeUse
	}
	// partRef is a line of a part that is still empty, so that something can be put there.
	partRef string
)

// NewClient makes the screen.
func NewClient(spec ClientSpec) *Client {
	s := &Client{spec: spec, client: spec.Client}
	r, id := spec.Realm, spec.Client.ID
	s.parts = []*sheetPart{
		{name: "Client", read: keeping(&s.client, func(ctx context.Context) (keycloak.Client, error) { return r.Client(ctx, id) }), show: s.clientParts},
		{name: "Client scopes", read: keeping(&s.scopes, func(ctx context.Context) (keycloak.AttachedScopes, error) { return r.ScopesOfClient(ctx, id) }), show: s.scopeParts},
		{name: "Protocol mappers", read: keeping(&s.mappers, func(ctx context.Context) ([]keycloak.Mapper, error) {
			return r.Mappers(ctx, keycloak.MappersOfClient(id))
		}), show: func() []widget.Section {
			return []widget.Section{mapperPart(&s.sheet, "Protocol mappers of its own", s.mappers)}
		}},
		{name: "Role scope", read: keeping(&s.scope, func(ctx context.Context) (keycloak.Mappings, error) {
			return r.RoleMappings(ctx, keycloak.ScopeOfClient(id))
		}), show: s.roleScopeParts},
		{name: "Service account", read: s.readAccount, show: s.accountParts},
	}
	return s
}

// Title is the crumb.
func (s *Client) Title() string { return "client " + s.client.ClientID }

// readAccount reads the service account and its roles, where the client has one.
func (s *Client) readAccount(ctx context.Context) (func(), error) {
	r, id := s.spec.Realm, s.spec.Client.ID
	c, err := r.Client(ctx, id)
	if err != nil || !c.ServiceAccounts {
		return func() { s.account, s.roles = keycloak.User{}, keycloak.Mappings{} }, err
	}
	u, err := r.ServiceAccount(ctx, id)
	if err != nil {
		return nil, err
	}
	m, err := r.RoleMappings(ctx, keycloak.OfUser(u.ID))
	return func() { s.account, s.roles = u, m }, err
}

// clientFlow is something about a client that is on or off.
type clientFlow struct {
	name string
	on   func(keycloak.Client) bool
	set  func(p *keycloak.ClientPatch, on bool)
	// mind is what to know before it is switched on or off.
	mind func(on bool) string
	// lost says that switching it off cannot be undone.
	lost bool
}

// deviceFlow is the attribute that switches the device flow.
const deviceFlow = "oauth2.device.authorization.grant.enabled"

// clientFlows are the switches, in the order in which they are shown.
var clientFlows = []clientFlow{
	{name: "enabled", on: func(c keycloak.Client) bool { return c.Enabled }, set: func(p *keycloak.ClientPatch, on bool) { p.Enabled = &on },
		mind: func(on bool) string { return either(on, "", "Nobody logs in through it any more.") }},
	{name: "login in the browser", on: func(c keycloak.Client) bool { return c.StandardFlow }, set: func(p *keycloak.ClientPatch, on bool) { p.StandardFlow = &on },
		mind: func(on bool) string {
			return either(on, "", "The login page answers that the standard flow is disabled.")
		}},
	{name: "password in the request", on: func(c keycloak.Client) bool { return c.DirectAccessGrants }, set: func(p *keycloak.ClientPatch, on bool) { p.DirectAccessGrants = &on },
		mind: func(on bool) string {
			return either(on, "The application then sees the passwords of its users.", "")
		}},
	{name: "implicit flow", on: func(c keycloak.Client) bool { return c.ImplicitFlow }, set: func(p *keycloak.ClientPatch, on bool) { p.ImplicitFlow = &on },
		mind: func(on bool) string {
			return either(on, "Tokens then travel in addresses; new applications should not use it.", "")
		}},
	{name: "code on another device", on: func(c keycloak.Client) bool { return c.DeviceFlow }, set: func(p *keycloak.ClientPatch, on bool) {
		p.Attributes = map[string]string{deviceFlow: fmt.Sprint(on)}
	}, mind: func(bool) string { return "" }},
	{name: "service account", on: func(c keycloak.Client) bool { return c.ServiceAccounts }, set: func(p *keycloak.ClientPatch, on bool) { p.ServiceAccounts = &on }, lost: true,
		mind: func(on bool) string {
			return either(on, "", "Its service account is deleted with its role mappings; switching it on again makes a new one without them.")
		}},
	{name: "asks for consent", on: func(c keycloak.Client) bool { return c.ConsentRequired }, set: func(p *keycloak.ClientPatch, on bool) { p.ConsentRequired = &on },
		mind: func(on bool) string {
			return either(on, "A password in the request then no longer gets a token.", "")
		}},
	{name: "full scope", on: func(c keycloak.Client) bool { return c.FullScope }, set: func(p *keycloak.ClientPatch, on bool) { p.FullScope = &on },
		mind: func(on bool) string {
			return either(on, "Every role of a user then reaches the tokens of this client.", "Only its own roles, those of its scope mappings and of its client scopes then reach its tokens.")
		}},
}

func either(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

func onOff(on bool) string { return either(on, theme.MarkAllowed+" on", theme.MarkDenied+" off") }

func (s *Client) clientParts() []widget.Section {
	c := s.client
	kind := "confidential: it has a secret"
	switch {
	case c.BearerOnly:
		kind = "bearer-only: it takes tokens and lets nobody log in"
	case c.Public:
		kind = "public: it has no secret"
	}
	about := widget.Section{Title: "Client", Fields: []widget.Field{
		{Label: "client id", Value: c.ClientID}, {Label: "name", Value: orWord(c.Name, none)}, {Label: "description", Value: orWord(c.Description, none)},
		{Label: "protocol", Value: orWord(c.Protocol, "openid-connect")}, {Label: "kind", Value: kind},
		{Label: "root URL", Value: orWord(c.RootURL, none)}, {Label: "home URL", Value: orWord(c.BaseURL, none)}, {Label: "id", Value: c.ID},
	}}
	if c.AuthorizationServices {
		about.Fields = append(about.Fields, widget.Field{Label: "authorization", Value: "it has authorization services with resources and policies of its own"})
	}
	flows := widget.Section{Title: "What is on"}
	for _, f := range clientFlows {
		flows.Fields = append(flows.Fields, s.ref("flow "+f.name, flowRef(f), widget.Field{Label: f.name, Value: onOff(f.on(c))}))
	}
	list := func(title, empty string, values []string) widget.Section {
		out := widget.Section{Title: title}
		for i, v := range values {
			out.Fields = append(out.Fields, widget.Field{Label: fmt.Sprint(i + 1), Value: v, Key: title + " " + v})
		}
		if len(values) == 0 {
			out.Note = empty
		}
		return out
	}
	out := []widget.Section{about, flows, list("Redirect URIs", "none: no login can come back; e edits them", c.RedirectURIs),
		list("After a logout", "the redirect URIs count", postLogout(c)),
		list("Web origins", "none: no script in a browser may ask for tokens", c.WebOrigins)}
	if !c.NotBefore.IsZero() {
		out[0].Fields = append(out[0].Fields, widget.Field{Label: "not before", Value: day(c.NotBefore), Note: "older tokens are refused"})
	}
	return out
}

// logoutURIs is the attribute with the addresses that a logout may send to, with ##
// between them; "+" stands for the redirect URIs.
const logoutURIs = "post.logout.redirect.uris"

func postLogout(c keycloak.Client) []string {
	v := c.Attributes[logoutURIs]
	if v == "" || v == "+" {
		return nil
	}
	return strings.Split(v, "##")
}

func (s *Client) scopeParts() []widget.Section {
	part := func(title string, use keycloak.ScopeUse, list []keycloak.ClientScope, empty string) widget.Section {
		out := widget.Section{Title: title}
		for _, c := range list {
			out.Fields = append(out.Fields, s.ref("scope "+c.ID, scopeRef{c, use}, widget.Field{Label: string(use), Value: c.Name, Note: c.Description}))
		}
		if len(list) == 0 {
			out.Fields = []widget.Field{s.ref("no scope "+string(use), partRef("scope"), widget.Field{Label: none, Value: empty, Tone: theme.Dim})}
		}
		return out
	}
	return []widget.Section{part("Client scopes that always count", keycloak.ScopeDefault, s.scopes.Default, "none; c attaches one"),
		part("Client scopes that count when the request names them", keycloak.ScopeOptional, s.scopes.Optional, "none; c attaches one")}
}

func (s *Client) roleScopeParts() []widget.Section {
	if s.client.FullScope {
		return []widget.Section{{Title: "Roles that may reach its tokens", Fields: []widget.Field{s.ref("all roles", partRef("role"), widget.Field{Label: theme.MarkAllowed, Value: "all roles of the user: full scope is on"})}}}
	}
	empty := "its own roles only, and those that its client scopes bring; a adds one"
	out := rolePart(&s.sheet, "Roles that may reach its tokens, beside its own", "scope mapping", empty, s.scope.All(), s.scope.Cut)
	return []widget.Section{out}
}

func (s *Client) accountParts() []widget.Section {
	out := widget.Section{Title: "Service account"}
	if s.account.ID == "" {
		out.Note = "none: the client does not act by itself"
		return []widget.Section{out}
	}
	out.Fields = append(out.Fields, s.ref("account", s.account, widget.Field{Label: "user", Value: s.account.Username, Note: either(s.account.Enabled, "", "disabled")}))
	for _, r := range s.roles.All() {
		of := "realm"
		if r.ClientRole {
			of = r.Client
		}
		out.Fields = append(out.Fields, s.ref("account role "+r.ID, s.account, widget.Field{Label: of, Value: r.Name, Note: "role of the service account"}))
	}
	if s.roles.Cut.Any() {
		out.Fields = append(out.Fields, widget.Field{Label: "?", Value: "there may be more roles: our account lacks " + s.roles.Cut.String()})
	}
	return []widget.Section{out}
}

// Actions are what can be done here.
func (s *Client) Actions() []tui.Action {
	here := func() string { return s.whyGone(s.parts[0]) }
	acts := []tui.Action{
		{Name: s.openName(), Keys: []string{"enter"}, Footer: 1, Why: s.whyNotOpen, Mutates: s.mutatesOpen(), Help: "Open what is under the cursor: a mapper, a client scope, a role, the service account; switch what is on or off.", Run: tui.Do(s.open)},
		{Name: "edit", Keys: []string{"e"}, Footer: 3, Mutates: true, Why: here, Help: "Change name, description, addresses, redirect URIs and web origins.", Run: tui.Do(func() { s.host.Push(s.editForm()) })},
		{Name: "add mapper", Keys: []string{"n"}, Footer: 4, Mutates: true, Why: here, Help: "Make a protocol mapper of its own.", Run: tui.Do(func() { s.mapping().pick() })},
		{Name: "attach scope", Keys: []string{"c"}, Footer: 5, Mutates: true, Why: here, Help: "Attach a client scope, so that it always counts or when the request names it.", Run: tui.Do(s.pickScope)},
		{Name: "allow role", Keys: []string{"a"}, Mutates: true, Why: s.whyNotAllow, Help: "Pick roles that may reach its tokens (scope mappings), where full scope is off.", Run: tui.Do(s.pickRoleScope)},
		{Name: "take away", Keys: []string{"x", "delete"}, Footer: 6, Mutates: true, Why: s.whyNotTake, Help: "Delete the mapper, detach the client scope, or take the role under the cursor out of its scope.", Run: tui.Do(s.take)},
		{Name: "copy secret", Keys: []string{"S"}, Why: s.whyNoSecret, Help: "Read the client's secret and put it on the clipboard. It is not shown.", Run: tui.Do(s.askSecret)},
		{Name: "new secret", Keys: []string{"N"}, Mutates: true, Danger: true, Why: s.whyNoSecret, Help: "Give the client a new secret and put it on the clipboard. The old one ends at once.", Run: tui.Do(s.askNewSecret)},
		{Name: "delete", Keys: []string{"D"}, Mutates: true, Danger: true, Why: here, Help: "Delete the client with its roles and their mappings.", Run: tui.Do(s.askDelete)},
	}
	link := func(name, key, help string, footer int, to func() tui.Screen) {
		if to != nil {
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Run: tui.Do(func() { s.host.Push(to()) })})
		}
	}
	link("check", "o", "Look at what is missing before the application finds the roles of its users.", 2, s.spec.Check)
	link("why", "w", "Say why somebody does not get into this application.", 7, s.spec.Why)
	if s.spec.Roles != nil {
		link("roles", "r", "List the roles of this client.", 8, func() tui.Screen { return s.spec.Roles(s.client) })
	}
	return append(acts, s.keys()...)
}

func (s *Client) openName() string {
	if s.host != nil {
		if f, ok := s.selected().(flowRef); ok {
			return either(f.on(s.client), "switch off", "switch on")
		}
	}
	return "open"
}

// mutatesOpen: a switch is a write, the rest only goes deeper.
func (s *Client) mutatesOpen() bool {
	if s.host == nil {
		return false
	}
	_, is := s.selected().(flowRef)
	return is
}

func (s *Client) whyNotOpen() string {
	ok := false
	switch s.selected().(type) {
	case flowRef, keycloak.Mapper:
		return s.whyGone(s.parts[0])
	case scopeRef:
		ok = s.spec.Scope != nil
	case keycloak.User:
		ok = s.spec.Account != nil
	case keycloak.Role:
		ok = s.spec.Role != nil
	}
	if ok {
		return ""
	}
	return "there is nothing to open here: switches, client scopes, mappers, roles and the service account can be"
}

func (s *Client) open() {
	switch v := s.selected().(type) {
	case flowRef:
		s.askFlow(clientFlow(v))
	case keycloak.Mapper:
		s.host.Push(s.mapping().form(v))
	case scopeRef:
		s.host.Push(s.spec.Scope(v.ID, v.Name))
	case keycloak.User:
		s.host.Push(s.spec.Account(v))
	case keycloak.Role:
		s.host.Push(s.spec.Role(v))
	}
}

// askFlow switches something on or off.
func (s *Client) askFlow(f clientFlow) {
	on := !f.on(s.client)
	word := either(on, "on", "off")
	lines := []string{"- " + f.name + ": " + either(on, "off", "on"), "+ " + f.name + ": " + word}
	if mind := f.mind(on); mind != "" {
		lines = append(lines, mind)
	}
	patch := func(on bool) keycloak.ClientPatch {
		var p keycloak.ClientPatch
		f.set(&p, on)
		return p
	}
	what := "switch " + f.name + " " + word + " · " + s.client.ClientID
	r, id := s.spec.Realm, s.client.ID
	d := deed[clients.Change[keycloak.Client]]{
		question: tui.Question{Title: "Switch " + f.name + " " + word + " for " + s.client.ClientID + "?", Verb: "switch " + word, Lines: lines, Danger: f.lost && !on}, what: what,
		do: func(ctx context.Context) (clients.Change[keycloak.Client], error) {
			return r.UpdateClient(ctx, id, patch(on))
		},
		then: func(clients.Change[keycloak.Client], error) { s.load() },
		done: func(clients.Change[keycloak.Client]) string { return f.name + " is " + word },
	}
	if !f.lost || on {
		d.back = func(clients.Change[keycloak.Client]) *tui.Undo {
			return &tui.Undo{What: what, Lines: []string{"- " + f.name + ": " + word, "+ " + f.name + ": " + either(on, "off", "on")}, Then: s.load, Run: func(ctx context.Context) error {
				now, err := r.Client(ctx, id)
				if err == nil && f.on(now) != on {
					err = changedSince(what, "the client")
				}
				if err != nil {
					return err
				}
				_, err = r.UpdateClient(ctx, id, patch(!on))
				return err
			}}
		}
	}
	d.ask(s.host, &s.write)
}

// pickScope lets a client scope be picked, and how it counts.
func (s *Client) pickScope() {
	r, have := s.spec.Realm, s.scopes
	s.host.Push(tui.NewPick(tui.PickSpec{Title: "attach scope", Lead: "Which client scope?", Verb: "attach", Empty: "The realm has no client scopes.",
		Load: func(ctx context.Context) ([]widget.Choice, error) {
			all, err := r.ClientScopes(ctx)
			var out []widget.Choice
			for _, c := range all {
				note := c.Description
				switch is := func(x keycloak.ClientScope) bool { return x.ID == c.ID }; {
				case c.Protocol != "" && s.client.Protocol != "" && c.Protocol != s.client.Protocol:
					continue
				case slices.ContainsFunc(have.Default, is):
					note = "attached: always counts  " + note
				case slices.ContainsFunc(have.Optional, is):
					note = "attached: counts when named  " + note
				}
				out = append(out, widget.Choice{ID: c.ID, Label: c.Name, Note: note})
			}
			return out, err
		},
		Done: func(picked []widget.Choice) {
			if len(picked) != 1 {
				return
			}
			scope := picked[0]
			s.host.Push(tui.NewPick(tui.PickSpec{Title: scope.Label, Lead: "When does " + scope.Label + " count?", Verb: "attach",
				Choices: []widget.Choice{{ID: string(keycloak.ScopeDefault), Label: "always", Note: "default"}, {ID: string(keycloak.ScopeOptional), Label: "when the request names it", Note: "optional"}},
				Done: func(use []widget.Choice) {
					if len(use) == 1 {
						s.askScope(keycloak.ClientScope{ID: scope.ID, Name: scope.Label}, keycloak.ScopeUse(use[0].ID))
					}
				}}))
		},
	}))
}

// useOf is how a scope is attached, empty when it is not.
func useOf(a keycloak.AttachedScopes, id string) keycloak.ScopeUse {
	is := func(x keycloak.ClientScope) bool { return x.ID == id }
	switch {
	case slices.ContainsFunc(a.Default, is):
		return keycloak.ScopeDefault
	case slices.ContainsFunc(a.Optional, is):
		return keycloak.ScopeOptional
	}
	return ""
}

// askScope attaches a client scope in one of the two ways, or detaches it where use is
// empty.
func (s *Client) askScope(scope keycloak.ClientScope, use keycloak.ScopeUse) {
	r, id, was := s.spec.Realm, s.client.ID, useOf(s.scopes, scope.ID)
	if use == was {
		s.host.Toast(scope.Name + " is attached so already")
		return
	}
	write := func(ctx context.Context, use keycloak.ScopeUse) (clients.Change[keycloak.AttachedScopes], error) {
		if use == "" {
			return r.DetachScope(ctx, id, scope.ID)
		}
		return r.AttachScope(ctx, id, scope.ID, use)
	}
	q := tui.Question{Title: "Attach " + scope.Name + " to " + s.client.ClientID + "?", Verb: "attach", Lines: scopeLines(scope.Name, was, use)}
	if use == "" {
		q.Title, q.Verb = "Detach "+scope.Name+" from "+s.client.ClientID+"?", "detach"
		q.Lines = append(q.Lines, "Its mappers then put nothing into the tokens of this client any more.")
	}
	what := q.Verb + " " + scope.Name + " · " + s.client.ClientID
	deed[clients.Change[keycloak.AttachedScopes]]{question: q, what: what,
		do:   func(ctx context.Context) (clients.Change[keycloak.AttachedScopes], error) { return write(ctx, use) },
		then: func(clients.Change[keycloak.AttachedScopes], error) { s.load() },
		done: func(clients.Change[keycloak.AttachedScopes]) string { return q.Verb + "ed " + scope.Name },
		back: func(ch clients.Change[keycloak.AttachedScopes]) *tui.Undo {
			before := useOf(ch.Before, scope.ID)
			return &tui.Undo{What: what, Lines: scopeLines(scope.Name, use, before), Then: s.load, Run: func(ctx context.Context) error {
				now, err := r.ScopesOfClient(ctx, id)
				if err == nil && useOf(now, scope.ID) != use {
					err = changedSince(what, "the client scopes of this client")
				}
				if err != nil {
					return err
				}
				_, err = write(ctx, before)
				return err
			}}
		}}.ask(s.host, &s.write)
}

func scopeLines(name string, was, now keycloak.ScopeUse) []string {
	var out []string
	if was != "" {
		out = append(out, "- "+string(was)+" client scope "+name)
	}
	if now != "" {
		out = append(out, "+ "+string(now)+" client scope "+name)
	}
	return out
}

func (s *Client) whyNotAllow() string {
	if s.client.FullScope && s.gone == "" {
		return "full scope is on, so that every role may reach its tokens: switch it off first"
	}
	return s.whyGone(s.parts[0])
}

// pickRoleScope lets roles be picked that may reach the tokens.
func (s *Client) pickRoleScope() {
	r, h := s.spec.Realm, keycloak.ScopeOfClient(s.client.ID)
	rolePick{clients: r.Clients, title: "allow role", lead: "Which roles may reach the tokens of " + s.client.ClientID + "?", verb: "allow", empty: "Every role of %s may reach them already, or there are none.",
		available: func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error) {
			return r.AvailableRoles(ctx, h, of)
		},
		done: func(chosen []keycloak.Role) { s.changeRoleScope(false, chosen) }}.push(s.host)
}

func (s *Client) changeRoleScope(revoke bool, chosen []keycloak.Role) {
	roleDeed{realm: s.spec.Realm, holder: keycloak.ScopeOfClient(s.client.ID), name: "the scope of " + s.client.ClientID, revoke: revoke, roles: chosen,
		also: []string{"Nobody gains or loses a role by it: it says which of their roles stand in the tokens of this client."}, then: s.load}.ask(s.host, &s.write)
}

func (s *Client) whyNotTake() string {
	switch s.selected().(type) {
	case keycloak.Role, keycloak.Mapper, scopeRef:
		return s.whyGone(s.parts[0])
	}
	return "there is nothing to take away here: mappers, client scopes and roles of its scope can be"
}

func (s *Client) take() {
	switch v := s.selected().(type) {
	case keycloak.Role:
		s.changeRoleScope(true, []keycloak.Role{v})
	case keycloak.Mapper:
		s.mapping().remove(v)
	case scopeRef:
		s.askScope(v.ClientScope, "")
	}
}

// mapping is how the client's own mappers are changed.
func (s *Client) mapping() mapperEditor {
	return mapperEditor{host: s.host, job: &s.write, realm: s.spec.Realm, owner: keycloak.MappersOfClient(s.client.ID), of: "client " + s.client.ClientID, then: s.load}
}

func (s *Client) whyNoSecret() string {
	switch why := s.whyGone(s.parts[0]); {
	case why != "":
		return why
	case s.client.Public:
		return "a public client has no secret"
	case s.client.BearerOnly:
		return "a bearer-only client logs nobody in and needs no secret"
	}
	return ""
}

// askSecret reads the secret and hands it to the clipboard, and to nothing else.
func (s *Client) askSecret() {
	r, id := s.spec.Realm, s.client.ID
	s.host.Confirm(tui.Question{Title: "Copy the secret of " + s.client.ClientID + "?", Verb: "copy",
		Lines: []string{"Whoever has it can act as this application. It goes to the clipboard of your terminal and is not shown."}, Yes: func() {
			tui.Go(s.host, &s.secret, 0, func(ctx context.Context) (string, error) { return r.ClientSecret(ctx, id) }, func(secret string, err error) {
				if err != nil {
					s.host.Fail(err)
					return
				}
				s.host.Copy("the secret", secret)
			})
		}})
}

func (s *Client) askNewSecret() {
	r, id := s.spec.Realm, s.client.ID
	deed[string]{question: tui.Question{Title: "Give " + s.client.ClientID + " a new secret?", Verb: "make it", Danger: true,
		Lines: []string{"The old secret ends at once: the application cannot log in until it has the new one.", "The new one goes to the clipboard of your terminal and is not shown."}},
		what: "make a new secret · " + s.client.ClientID,
		do:   func(ctx context.Context) (string, error) { return r.RegenerateClientSecret(ctx, id) },
		done: func(secret string) string {
			s.host.Copy("the new secret", secret)
			return "the new secret is on the clipboard; S copies it again"
		}}.ask(s.host, &s.write)
}

// askDelete says what goes with the client.
func (s *Client) askDelete() {
	c := s.client
	lines := []string{"- " + c.ClientID, "With it go its roles, all mappings of them, its protocol mappers" + either(c.ServiceAccounts, ", its service account", "") +
		either(c.AuthorizationServices, ", its resources and policies", "") + ".", "Nobody logs in through it any more."}
	deed[clients.Change[keycloak.Client]]{question: tui.Question{Title: "Delete the client " + c.ClientID + "?", Verb: "delete", Danger: true, Typed: c.ClientID, Lines: lines},
		what: "delete the client " + c.ClientID,
		do: func(ctx context.Context) (clients.Change[keycloak.Client], error) {
			return s.spec.Realm.DeleteClient(ctx, c.ID)
		},
		done: func(clients.Change[keycloak.Client]) string { return "deleted " + c.ClientID },
		then: func(_ clients.Change[keycloak.Client], err error) {
			if err == nil {
				s.gone = "this client was deleted"
			}
		}}.ask(s.host, &s.write)
}
