package screens

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// RolesKeycloak is what the role mappings of somebody need of a Keycloak realm.
type RolesKeycloak interface {
	Effective(ctx context.Context, h keycloak.Holder) (keycloak.Effective, error)
	AvailableRoles(ctx context.Context, h keycloak.Holder, c keycloak.Container) ([]keycloak.Role, error)
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	RoleWriter
}

// RoleWriter gives and takes roles.
type RoleWriter interface {
	Grant(ctx context.Context, h keycloak.Holder, roles ...keycloak.Role) (clients.Change[[]keycloak.Role], error)
	Revoke(ctx context.Context, h keycloak.Holder, roles ...keycloak.Role) (clients.Change[[]keycloak.Role], error)
}

// UserRolesSpec says whose role mappings are shown. Realm, Holder and Name are needed.
type UserRolesSpec struct {
	Realm  RolesKeycloak
	Holder keycloak.Holder
	// Name is the user name or the path of the group.
	Name string
	// Person opens the identity behind the user, Why says why the user does not get into
	// an application or does not get a role, beginning with the role under the cursor,
	// which is the zero role where there is none; Preview shows the user's tokens. nil
	// where there is none.
	Person  func() tui.Screen
	Why     func(keycloak.EffectiveRole) tui.Screen
	Preview func() tui.Screen
	// Paths shows all ways of all roles, Holders everybody who holds a role; nil where
	// there is none.
	Paths   func() tui.Screen
	Holders func(keycloak.Role) tui.Screen
}

// userRoles is the list of roles that somebody holds, direct ones and inherited
// ones told apart, with the way on which each is held.
type userRoles struct {
	spec  UserRolesSpec
	write tui.Job
}

// NewUserRoles makes the screen.
func NewUserRoles(spec UserRolesSpec) *tui.List[keycloak.EffectiveRole] {
	u := &userRoles{spec: spec}
	return tui.NewList(tui.Spec[keycloak.EffectiveRole]{
		Title: "roles of " + spec.Name,
		ID:    func(r keycloak.EffectiveRole) string { return r.ID },
		Columns: []tui.Column[keycloak.EffectiveRole]{
			{Title: "ROLE", Width: 24, Flex: 2, Cell: func(r keycloak.EffectiveRole) string { return r.Name }, Less: func(a, b keycloak.EffectiveRole) int { return cmp.Compare(a.Name, b.Name) }},
			{Title: "OF", Width: 18, Flex: 1, Cell: roleHome, Less: func(a, b keycloak.EffectiveRole) int { return cmp.Compare(roleHome(a), roleHome(b)) }},
			{Title: "HELD", Width: 11, Cell: roleHeld, Less: func(a, b keycloak.EffectiveRole) int { return cmp.Compare(roleHeld(a), roleHeld(b)) },
				Tone: func(r keycloak.EffectiveRole) theme.Tone {
					if r.Direct {
						return theme.Plain
					}
					return theme.Dim
				}},
			{Title: "THROUGH", Width: 34, Flex: 3, Drop: 1, Cell: rolePath},
		},
		Fetch:   u.fetch,
		Actions: u.actions,
		Detail:  u.detail,
		Value:   func(r keycloak.EffectiveRole) any { return r },
		Empty:   spec.Name + " holds no role at all, not even the realm's default roles. a grants one.",
		Sort:    "HELD",
	})
}

func roleHome(r keycloak.EffectiveRole) string {
	if r.ID == notVisible {
		return ""
	}
	if r.ClientRole {
		return r.Client
	}
	return "realm"
}

func roleHeld(r keycloak.EffectiveRole) string {
	switch {
	case r.Direct:
		return "direct"
	case r.ID == notVisible:
		return "unknown"
	default:
		return "inherited"
	}
}

// rolePath is the way to the role without its ends: "group /staff/eng → /staff → realm role employee".
func rolePath(r keycloak.EffectiveRole) string {
	if r.Direct {
		return ""
	}
	var hops []string
	for i, h := range r.Path {
		switch {
		case h.Kind == roles.User || i == len(r.Path)-1:
		case h.Default:
			hops = append(hops, "default roles of the realm")
		default:
			hops = append(hops, h.Label())
		}
	}
	return strings.Join(hops, " → ")
}

func (u *userRoles) fetch(ctx context.Context, _ string) (tui.Page[keycloak.EffectiveRole], error) {
	e, err := u.spec.Realm.Effective(ctx, u.spec.Holder)
	if err != nil {
		return tui.Page[keycloak.EffectiveRole]{}, err
	}
	if e.Cut.Any() && len(e.Roles) == 0 {
		return tui.Page[keycloak.EffectiveRole]{}, &clients.Problem{Kind: clients.Denied, Op: "read the roles of " + u.spec.Name,
			Reason: "our account may not see them: it lacks " + e.Cut.String(), Hint: "give it this right, or ask somebody who has it"}
	}
	rows := e.Roles
	for _, r := range e.OnlyServer {
		rows = append(rows, keycloak.EffectiveRole{Role: r, Path: []keycloak.Hop{{Name: "the server says so, but no mapping was found that leads here"}, {}}})
	}
	if e.Cut.Any() {
		rows = append(rows, keycloak.EffectiveRole{Role: keycloak.Role{ID: notVisible, Name: "? some roles are not visible"},
			Path: []keycloak.Hop{{Name: "our account lacks " + e.Cut.String()}, {}}})
	}
	return tui.Page[keycloak.EffectiveRole]{Items: rows, Total: len(rows)}, nil
}

// notVisible is the id of the row that says that there may be more.
const notVisible = "not visible"

func (u *userRoles) detail(r keycloak.EffectiveRole) []widget.Section {
	way := widget.Section{Title: "How it is held"}
	for i, h := range r.Path {
		way.Fields = append(way.Fields, widget.Field{Label: fmt.Sprint(i + 1), Value: h.String(), Key: h.ID})
	}
	return []widget.Section{{Title: r.Role.String(), Fields: []widget.Field{
		{Label: "held", Value: roleHeld(r)}, {Label: "of", Value: roleHome(r)},
		{Label: "description", Value: r.Description}, {Label: "composite", Value: yesNo(r.Composite)}, {Label: "id", Value: r.ID},
	}}, way}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (u *userRoles) actions(l *tui.List[keycloak.EffectiveRole]) []tui.Action {
	acts := []tui.Action{
		{Name: "grant", Keys: []string{"a"}, Footer: 2, Mutates: true, Help: "Pick roles and grant them.", Run: tui.Do(func() { u.grant(l) })},
		{Name: "revoke", Keys: []string{"x", "delete"}, Footer: 3, Mutates: true, Help: "Revoke the marked roles, or the one under the cursor.", Why: func() string { return u.whyNotRevoke(l) }, Run: tui.Do(func() { u.revoke(l) })},
	}
	link := func(name, key, help string, footer int, to func() tui.Screen) {
		if to != nil {
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Run: tui.Do(func() { l.Push(to()) })})
		}
	}
	link("where from", "o", "Show every way in which each role is held, as a tree.", 1, u.spec.Paths)
	if u.spec.Holders != nil {
		acts = append(acts, tui.Action{Name: "holders", Keys: []string{"enter"}, Footer: 6, Help: "Show everybody who holds the role under the cursor.", Why: func() string { return u.whyNoRole(l) }, Run: tui.Do(func() {
			r, _ := l.Current()
			l.Push(u.spec.Holders(r.Role))
		})})
	}
	link("token preview", "t", "Show what would stand in this user's tokens.", 4, u.spec.Preview)
	link("person", "p", "Show the identity of this person.", 5, u.spec.Person)
	if u.spec.Why != nil {
		acts = append(acts, tui.Action{Name: "why", Keys: []string{"w"}, Footer: 4, Help: "Say why the user does not get into an application, or why the role under the cursor is not in the token.", Run: tui.Do(func() {
			r, _ := l.Current()
			if r.ID == notVisible {
				r = keycloak.EffectiveRole{}
			}
			l.Push(u.spec.Why(r))
		})})
	}
	return acts
}

func (u *userRoles) whyNoRole(l *tui.List[keycloak.EffectiveRole]) string {
	if r, ok := l.Current(); ok && r.ID == notVisible {
		return "this is no role: " + rolePath(r)
	}
	return l.NeedRow()
}

// whyNotRevoke refuses what cannot be revoked here: an inherited role has to be
// taken away where it is mapped.
func (u *userRoles) whyNotRevoke(l *tui.List[keycloak.EffectiveRole]) string {
	if why := l.NeedRow(); why != "" {
		return why
	}
	for _, r := range l.Selected() {
		if r.ID == notVisible {
			return "this is no role: " + rolePath(r)
		}
		if !r.Direct {
			return fmt.Sprintf("%s holds %s only through %s: take it away there", u.spec.Name, r.Role, rolePath(r))
		}
	}
	return ""
}

// grant lets roles be picked and grants them.
func (u *userRoles) grant(l *tui.List[keycloak.EffectiveRole]) {
	realm, holder := u.spec.Realm, u.spec.Holder
	rolePick{clients: realm.Clients, title: "grant", lead: "Which roles should " + u.spec.Name + " get?", verb: "grant",
		empty: u.spec.Name + " has every role of %s already, or there are none.",
		available: func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error) {
			return realm.AvailableRoles(ctx, holder, of)
		},
		done: func(chosen []keycloak.Role) { u.change(l, false, chosen) }}.push(l)
}

func (u *userRoles) revoke(l *tui.List[keycloak.EffectiveRole]) {
	var chosen []keycloak.Role
	for _, r := range l.Selected() {
		chosen = append(chosen, r.Role)
	}
	u.change(l, true, chosen)
}

func (u *userRoles) change(l *tui.List[keycloak.EffectiveRole], revoke bool, chosen []keycloak.Role) {
	roleDeed{realm: u.spec.Realm, holder: u.spec.Holder, name: u.spec.Name, revoke: revoke, roles: chosen, then: l.Reload}.ask(l, &u.write)
}
