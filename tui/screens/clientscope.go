package screens

import (
	"context"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// ClientScopeKeycloak is what the screen of one client scope needs of a Keycloak realm.
type ClientScopeKeycloak interface {
	ClientScope(ctx context.Context, id string) (keycloak.ClientScope, error)
	RoleMappings(ctx context.Context, h keycloak.Holder) (keycloak.Mappings, error)
	AvailableRoles(ctx context.Context, h keycloak.Holder, c keycloak.Container) ([]keycloak.Role, error)
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	MapperKeycloak
	RoleWriter
}

// ClientScopeSpec says which client scope is shown. Realm and ID are needed.
type ClientScopeSpec struct {
	Realm    ClientScopeKeycloak
	ID, Name string
	// Role opens a role; nil where there is none.
	Role func(keycloak.Role) tui.Screen
}

// ClientScope is one client scope: its protocol mappers, and the roles without which a
// user does not get it.
type ClientScope struct {
	sheet
	spec    ClientScopeSpec
	scope   keycloak.ClientScope
	mappers []keycloak.Mapper
	roles   keycloak.Mappings
}

// NewClientScope makes the screen.
func NewClientScope(spec ClientScopeSpec) *ClientScope {
	s := &ClientScope{spec: spec, scope: keycloak.ClientScope{ID: spec.ID, Name: spec.Name}}
	r, id := spec.Realm, spec.ID
	s.parts = []*sheetPart{
		{name: "Client scope", read: keeping(&s.scope, func(ctx context.Context) (keycloak.ClientScope, error) { return r.ClientScope(ctx, id) }), show: func() []widget.Section {
			return []widget.Section{{Title: "Client scope", Fields: []widget.Field{
				{Label: "name", Value: s.scope.Name}, {Label: "description", Value: orWord(s.scope.Description, none)}, {Label: "protocol", Value: s.scope.Protocol},
				{Label: "in the scope claim", Value: yesNo(s.scope.InTokenScope)}, {Label: "id", Value: s.scope.ID}}}}
		}},
		{name: "Protocol mappers", read: keeping(&s.mappers, func(ctx context.Context) ([]keycloak.Mapper, error) {
			return r.Mappers(ctx, keycloak.MappersOfScope(id))
		}), show: func() []widget.Section { return []widget.Section{mapperPart(&s.sheet, "Protocol mappers", s.mappers)} }},
		{name: "Roles", read: keeping(&s.roles, func(ctx context.Context) (keycloak.Mappings, error) {
			return r.RoleMappings(ctx, keycloak.ScopeOfClientScope(id))
		}), show: func() []widget.Section {
			return []widget.Section{rolePart(&s.sheet, "Only users with one of these roles get it", "scope mapping", "no role is asked for: every user gets it", s.roles.All(), s.roles.Cut)}
		}},
	}
	return s
}

// Title is the crumb.
func (s *ClientScope) Title() string { return "client scope " + s.scope.Name }

// mapping is how the mappers are changed, which every client with this scope feels.
func (s *ClientScope) mapping() mapperEditor {
	return mapperEditor{host: s.host, job: &s.write, realm: s.spec.Realm, owner: keycloak.MappersOfScope(s.spec.ID), of: "client scope " + s.scope.Name + " (every client with it)", then: s.load}
}

// Actions are what can be done here.
func (s *ClientScope) Actions() []tui.Action {
	here := func() string { return s.whyGone(s.parts[0]) }
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Why: s.whyNotOpen, Help: "Open the mapper or the role under the cursor.", Run: tui.Do(func() {
			switch v := s.selected().(type) {
			case keycloak.Mapper:
				s.host.Push(s.mapping().form(v))
			case keycloak.Role:
				s.host.Push(s.spec.Role(v))
			}
		})},
		{Name: "add mapper", Keys: []string{"n"}, Footer: 2, Mutates: true, Why: here, Help: "Make a protocol mapper, for every client with this scope.", Run: tui.Do(func() { s.mapping().pick() })},
		{Name: "ask for role", Keys: []string{"a"}, Footer: 3, Mutates: true, Why: here, Help: "Pick roles of which a user must have one to get this scope.", Run: tui.Do(s.pickRoles)},
		{Name: "take away", Keys: []string{"x", "delete"}, Footer: 4, Mutates: true, Why: s.whyNotTake, Help: "Delete the mapper, or no longer ask for the role under the cursor.", Run: tui.Do(func() {
			switch v := s.selected().(type) {
			case keycloak.Mapper:
				s.mapping().remove(v)
			case keycloak.Role:
				s.change(true, []keycloak.Role{v})
			}
		})},
	}
	return append(acts, s.keys()...)
}

func (s *ClientScope) whyNotOpen() string {
	switch s.selected().(type) {
	case keycloak.Mapper:
		return s.whyGone(s.parts[0])
	case keycloak.Role:
		if s.spec.Role != nil {
			return ""
		}
	}
	return "there is nothing to open here: mappers and roles can be"
}

func (s *ClientScope) whyNotTake() string {
	switch s.selected().(type) {
	case keycloak.Mapper, keycloak.Role:
		return s.whyGone(s.parts[0])
	}
	return "there is nothing to take away here: mappers and roles can be"
}

func (s *ClientScope) pickRoles() {
	r, h := s.spec.Realm, keycloak.ScopeOfClientScope(s.spec.ID)
	rolePick{clients: r.Clients, title: "ask for role", lead: "Of which roles must a user have one to get " + s.scope.Name + "?", verb: "ask for", empty: "Every role of %s is asked for already, or there are none.",
		available: func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error) {
			return r.AvailableRoles(ctx, h, of)
		},
		done: func(chosen []keycloak.Role) { s.change(false, chosen) }}.push(s.host)
}

func (s *ClientScope) change(revoke bool, chosen []keycloak.Role) {
	roleDeed{realm: s.spec.Realm, holder: keycloak.ScopeOfClientScope(s.spec.ID), name: "client scope " + s.scope.Name, revoke: revoke, roles: chosen,
		also: []string{"Users without any of the roles that are asked for log in without this scope and its claims."}, then: s.load}.ask(s.host, &s.write)
}
