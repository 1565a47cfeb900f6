package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// RoleKeycloak is what the screen of one role needs of a Keycloak realm.
type RoleKeycloak interface {
	Name() string
	Role(ctx context.Context, id string) (keycloak.Role, error)
	Composites(ctx context.Context, roleID string) (keycloak.Roleset, error)
	RoleUsers(role keycloak.Role, pageSize int) clients.Fetch[keycloak.User]
	RoleGroups(role keycloak.Role, pageSize int) clients.Fetch[keycloak.Group]
	Roles(c keycloak.Container, q keycloak.RoleQuery) clients.Fetch[keycloak.Role]
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
	RoleEditor
	RoleWriter
}

// RoleEditor changes and deletes roles.
type RoleEditor interface {
	UpdateRole(ctx context.Context, id string, p keycloak.RolePatch) (clients.Change[keycloak.Role], error)
	DeleteRole(ctx context.Context, id string) (clients.Change[keycloak.Role], error)
	AddComposites(ctx context.Context, roleID string, roles ...keycloak.Role) (clients.Change[[]keycloak.Role], error)
	RemoveComposites(ctx context.Context, roleID string, roles ...keycloak.Role) (clients.Change[[]keycloak.Role], error)
}

// RoleSpec says which role is shown. Realm and Role are needed.
type RoleSpec struct {
	Realm RoleKeycloak
	Role  keycloak.Role
	// Holders shows everybody who holds the role, Open another role, User and Group who
	// holds it, PickGroups lets groups be picked; nil where there is none.
	Holders    func(keycloak.Role) tui.Screen
	Open       func(keycloak.Role) tui.Screen
	User       func(keycloak.User) tui.Screen
	Group      func(keycloak.Group) tui.Screen
	PickGroups func(verb string, done func([]keycloak.Group)) tui.Screen
}

// Role is one role: what it contains, and to whom it is mapped.
type Role struct {
	sheet
	spec   RoleSpec
	role   keycloak.Role
	inside keycloak.Roleset
	users  clients.Page[keycloak.User]
	groups clients.Page[keycloak.Group]
}

// holdersShown are how many users and groups stand on the screen of the role itself.
const holdersShown = 50

// allHolders stands for the line that says that there are more.
type allHolders struct{}

// NewRole makes the screen.
func NewRole(spec RoleSpec) *Role {
	s := &Role{spec: spec, role: spec.Role}
	r, id := spec.Realm, spec.Role.ID
	s.parts = []*sheetPart{
		{name: "Role", read: keeping(&s.role, func(ctx context.Context) (keycloak.Role, error) { return r.Role(ctx, id) }), show: s.roleParts},
		{name: "Roles in it", read: keeping(&s.inside, func(ctx context.Context) (keycloak.Roleset, error) { return r.Composites(ctx, id) }), show: s.insideParts},
		// The lists of holders are found by the name, which may have changed since.
		{name: "Mapped to users", read: keeping(&s.users, func(ctx context.Context) (clients.Page[keycloak.User], error) {
			role, err := r.Role(ctx, id)
			if err != nil {
				return clients.Page[keycloak.User]{}, err
			}
			return r.RoleUsers(role, holdersShown)(ctx, "")
		}), show: s.userParts},
		{name: "Mapped to groups", read: keeping(&s.groups, func(ctx context.Context) (clients.Page[keycloak.Group], error) {
			role, err := r.Role(ctx, id)
			if err != nil {
				return clients.Page[keycloak.Group]{}, err
			}
			return r.RoleGroups(role, holdersShown)(ctx, "")
		}), show: s.groupParts},
	}
	return s
}

// Title is the crumb.
func (s *Role) Title() string { return "role " + s.role.String() }

func (s *Role) roleParts() []widget.Section {
	r := s.role
	of := "the realm " + s.spec.Realm.Name()
	if r.ClientRole {
		of = "client " + orWord(r.Client, r.ContainerID)
	}
	return []widget.Section{{Title: "Role", Fields: []widget.Field{
		{Label: "name", Value: r.Name}, {Label: "of", Value: of}, {Label: "description", Value: orWord(r.Description, none)},
		{Label: "composite", Value: yesNo(r.Composite)}, {Label: "id", Value: r.ID},
	}}, attributePart(&s.sheet, r.Attributes)}
}

func (s *Role) insideParts() []widget.Section {
	return []widget.Section{rolePart(&s.sheet, "Roles in it", "inside", "none: it is no composite role; a puts roles into it", s.inside.Roles, s.inside.Cut)}
}

func (s *Role) userParts() []widget.Section {
	out := widget.Section{Title: "Mapped to users"}
	for _, u := range s.users.Items {
		out.Fields = append(out.Fields, s.ref("user "+u.ID, u, widget.Field{Label: u.Username, Value: orWord(u.Name(), none), Note: u.Email}))
	}
	return []widget.Section{s.andMore(out, s.users.Next, "users", "no user directly; n grants it, o shows who holds it another way")}
}

func (s *Role) groupParts() []widget.Section {
	out := widget.Section{Title: "Mapped to groups"}
	for _, g := range s.groups.Items {
		out.Fields = append(out.Fields, s.ref("group "+g.ID, g, widget.Field{Label: "group", Value: g.Path, Note: g.Description}))
	}
	return []widget.Section{s.andMore(out, s.groups.Next, "groups", "no group; N grants it")}
}

func (s *Role) andMore(part widget.Section, next, what, empty string) widget.Section {
	if next != "" {
		part.Fields = append(part.Fields, s.ref("more "+what, allHolders{}, widget.Field{Label: "…", Value: "there are more " + what + ": o lists everybody"}))
	}
	if len(part.Fields) == 0 {
		part.Note = empty
	}
	return part
}

// Actions are what can be done here.
func (s *Role) Actions() []tui.Action {
	here := func() string { return s.whyGone(s.parts[0]) }
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Why: s.whyNotOpen, Help: "Open the role, the user or the group under the cursor.", Run: tui.Do(s.open)},
		{Name: "grant to users", Keys: []string{"n"}, Footer: 4, Mutates: true, Why: here, Help: "Pick users and grant them the role.", Run: tui.Do(s.pickUsers)},
		{Name: "put roles in", Keys: []string{"a"}, Footer: 3, Mutates: true, Why: here, Help: "Pick roles that this role brings along.", Run: tui.Do(s.pickInside)},
		{Name: "take away", Keys: []string{"x", "delete"}, Footer: 5, Mutates: true, Why: s.whyNotTake, Help: "Take the role under the cursor out of this one, revoke this role from the user or group, or remove the attribute.", Run: tui.Do(s.take)},
		{Name: "set attribute", Keys: []string{"t"}, Mutates: true, Why: here, Help: "Set an attribute; on one that is there, change it.", Run: tui.Do(s.setAttribute)},
		{Name: "edit", Keys: []string{"e"}, Footer: 6, Mutates: true, Why: here, Help: "Change name and description.", Run: tui.Do(func() { s.host.Push(s.editForm()) })},
		{Name: "delete", Keys: []string{"D"}, Mutates: true, Danger: true, Why: here, Help: "Delete the role with all its mappings.", Run: tui.Do(s.askDelete)},
	}
	if s.spec.Holders != nil {
		acts = append(acts, tui.Action{Name: "holders", Keys: []string{"o"}, Footer: 2, Why: here, Help: "Show everybody who holds the role, through groups and other roles too.", Run: tui.Do(func() { s.host.Push(s.spec.Holders(s.role)) })})
	}
	if s.spec.PickGroups != nil {
		acts = append(acts, tui.Action{Name: "grant to groups", Keys: []string{"N"}, Mutates: true, Why: here, Help: "Pick groups and grant them the role.", Run: tui.Do(s.pickGroups)})
	}
	return append(acts, s.keys()...)
}

func (s *Role) whyNotOpen() string {
	ok := false
	switch s.selected().(type) {
	case keycloak.Role:
		ok = s.spec.Open != nil
	case keycloak.User:
		ok = s.spec.User != nil
	case keycloak.Group:
		ok = s.spec.Group != nil
	case allHolders:
		ok = s.spec.Holders != nil
	}
	if ok {
		return ""
	}
	return "there is nothing to open here: roles, users and groups can be opened"
}

func (s *Role) open() {
	switch v := s.selected().(type) {
	case keycloak.Role:
		s.host.Push(s.spec.Open(v))
	case keycloak.User:
		s.host.Push(s.spec.User(v))
	case keycloak.Group:
		s.host.Push(s.spec.Group(v))
	default:
		s.host.Push(s.spec.Holders(s.role))
	}
}

// pickInside lets roles be picked that this one brings along.
func (s *Role) pickInside() {
	r, inside, self := s.spec.Realm, s.inside.Roles, s.role
	rolePick{clients: r.Clients, title: "put in", lead: "Which roles should " + self.String() + " bring along?", verb: "put in", empty: "Every role of %s is in it already, or there are none.",
		available: func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error) {
			all, err := allRoles(ctx, r, of)
			return slices.DeleteFunc(all, func(role keycloak.Role) bool { return role.ID == self.ID || hasRoleID(inside, role.ID) }), err
		},
		done: func(chosen []keycloak.Role) { s.askInside(chosen, true) }}.push(s.host)
}

func hasRoleID(roles []keycloak.Role, id string) bool {
	return slices.ContainsFunc(roles, func(r keycloak.Role) bool { return r.ID == id })
}

type insideWrite func(context.Context, string, ...keycloak.Role) (clients.Change[[]keycloak.Role], error)

// askInside puts roles into the role or takes them out.
func (s *Role) askInside(chosen []keycloak.Role, put bool) {
	r, id, name := s.spec.Realm, s.role.ID, s.role.String()
	do, back, sign, opposite, verb, also := insideWrite(r.AddComposites), insideWrite(r.RemoveComposites), "+", "-", "put in", "Everybody who holds "+name+" gets it."
	title := "Put " + count(len(chosen), "role") + " into " + name + "?"
	if !put {
		do, back, sign, opposite, verb, also = back, do, "-", "+", "take out", "Everybody who holds "+name+" loses it, unless they have it another way."
		title = "Take " + count(len(chosen), "role") + " out of " + name + "?"
	}
	what := verb + " " + count(len(chosen), "role") + " · " + name
	deed[clients.Change[[]keycloak.Role]]{
		question: tui.Question{Title: title, Lines: append(roleLines(sign, chosen), also), Verb: verb}, what: what,
		do:   func(ctx context.Context) (clients.Change[[]keycloak.Role], error) { return do(ctx, id, chosen...) },
		then: func(clients.Change[[]keycloak.Role], error) { s.load() },
		done: func(c clients.Change[[]keycloak.Role]) string {
			return verb + ": " + count(len(rolesChanged(chosen, c)), "role")
		},
		back: func(c clients.Change[[]keycloak.Role]) *tui.Undo {
			changed := rolesChanged(chosen, c)
			if len(changed) == 0 {
				return nil
			}
			return &tui.Undo{What: what, Lines: roleLines(opposite, changed), Then: s.load, Run: func(ctx context.Context) error {
				now, err := r.Composites(ctx, id)
				for _, role := range changed {
					if err == nil && hasRoleID(now.Roles, role.ID) != put {
						err = changedSince(what, "the roles in it")
					}
				}
				if err != nil {
					return err
				}
				_, err = back(ctx, id, changed...)
				return err
			}}
		},
	}.ask(s.host, &s.write)
}

func (s *Role) pickUsers() {
	s.host.Push(NewUserPick(s.spec.Realm, "grant "+s.role.String(), "grant", func(users []keycloak.User) {
		bulkRoles(s.host, s.spec.Realm, subjectsOfUsers(users), []keycloak.Role{s.role}, false, s.load)
	}))
}

func (s *Role) pickGroups() {
	s.host.Push(s.spec.PickGroups("grant", func(groups []keycloak.Group) {
		bulkRoles(s.host, s.spec.Realm, subjectsOfGroups(groups), []keycloak.Role{s.role}, false, s.load)
	}))
}

func (s *Role) whyNotTake() string {
	switch s.selected().(type) {
	case keycloak.Role, keycloak.User, keycloak.Group, attributeRef:
		return s.whyGone(s.parts[0])
	}
	return "there is nothing to take away here: roles in it, users, groups and attributes can be"
}

func (s *Role) take() {
	revoke := func(h keycloak.Holder, name string, also ...string) {
		roleDeed{realm: s.spec.Realm, holder: h, name: name, revoke: true, roles: []keycloak.Role{s.role}, also: also, then: s.load}.ask(s.host, &s.write)
	}
	switch v := s.selected().(type) {
	case keycloak.Role:
		s.askInside([]keycloak.Role{v}, false)
	case keycloak.User:
		revoke(keycloak.OfUser(v.ID), v.Username)
	case keycloak.Group:
		revoke(keycloak.OfGroup(v.ID), v.Path, "Everybody in this group and beneath it loses it, unless they have it another way.")
	case attributeRef:
		s.attributes().remove(string(v))
	}
}

func (s *Role) setAttribute() {
	name := ""
	if ref, ok := s.selected().(attributeRef); ok {
		name = string(ref)
	}
	s.host.Push(s.attributes().form(name))
}

func (s *Role) attributes() attributeEditor {
	r, id := s.spec.Realm, s.role.ID
	return attributeEditor{host: s.host, job: &s.write, of: "role " + s.role.String(), now: s.role.Attributes, then: s.load,
		read: func(ctx context.Context) (map[string][]string, error) {
			x, err := r.Role(ctx, id)
			return x.Attributes, err
		},
		write: func(ctx context.Context, changes map[string][]string) error {
			_, err := r.UpdateRole(ctx, id, keycloak.RolePatch{Attributes: changes})
			return err
		}}
}

// editForm changes name and description.
func (s *Role) editForm() tui.Screen {
	r, was := s.spec.Realm, s.role
	var done clients.Change[keycloak.Role]
	return tui.NewForm(tui.FormSpec{Title: "edit", Lead: "role " + was.String(), What: "change the role " + was.String(),
		Fields: []tui.FormField{{Name: "name", Label: "name", Value: was.Name, Required: true, Help: "applications look for the role by its name: they must learn a new one"}, {Name: "description", Label: "description", Value: was.Description}},
		Review: func(v map[string]string) (tui.Question, error) {
			lines := diffLines([3]string{"name", was.Name, v["name"]}, [3]string{"description", was.Description, v["description"]})
			if len(lines) == 0 {
				return tui.Question{}, fmt.Errorf("change the role: nothing was changed; nothing to write")
			}
			if v["name"] != was.Name {
				lines = append(lines, "Who holds it keeps it. Applications that ask for "+was.Name+" no longer find it.")
			}
			return tui.Question{Title: "Change the role " + was.String() + "?", Lines: lines, Verb: "save"}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) (err error) {
			name, text := v["name"], v["description"]
			p := keycloak.RolePatch{}
			if name != was.Name {
				p.Name = &name
			}
			if text != was.Description {
				p.Description = &text
			}
			done, err = r.UpdateRole(ctx, was.ID, p)
			return err
		},
		Done: func(map[string]string) {
			s.load()
			s.host.Toast("changed " + done.After.String() + " · u undoes it")
			s.host.Undo(tui.Undo{What: "change the role " + was.String(), Then: s.load,
				Lines: diffLines([3]string{"name", done.After.Name, done.Before.Name}, [3]string{"description", done.After.Description, done.Before.Description}),
				Run: func(ctx context.Context) error {
					now, err := r.Role(ctx, was.ID)
					if err == nil && (now.Name != done.After.Name || now.Description != done.After.Description) {
						err = changedSince("change the role "+was.String(), "the role")
					}
					if err != nil {
						return err
					}
					_, err = r.UpdateRole(ctx, was.ID, keycloak.RolePatch{Name: &done.Before.Name, Description: &done.Before.Description})
					return err
				}})
		},
	})
}

// askDelete says what goes with the role.
func (s *Role) askDelete() {
	role := s.role
	q := tui.Question{Title: "Delete the role " + role.String() + "?", Verb: "delete", Danger: true, Lines: []string{"- " + role.String(),
		"With it go all mappings of it, and it goes out of every role that contains it."}}
	var held []string
	for _, part := range []struct {
		n    int
		next string
		noun string
		read bool
	}{{len(s.users.Items), s.users.Next, "user", s.parts[2].have}, {len(s.groups.Items), s.groups.Next, "group", s.parts[3].have}} {
		switch {
		case !part.read:
			held = append(held, "? "+part.noun+"s (not visible)")
		case part.next != "":
			held = append(held, "more than "+count(part.n, part.noun))
		case part.n > 0:
			held = append(held, count(part.n, part.noun))
		}
	}
	if len(held) > 0 {
		q.Lines = append(q.Lines, "It is mapped directly to "+strings.Join(held, " and ")+".")
		q.Typed = role.Name
	}
	deed[clients.Change[keycloak.Role]]{question: q, what: "delete the role " + role.String(),
		do: func(ctx context.Context) (clients.Change[keycloak.Role], error) {
			return s.spec.Realm.DeleteRole(ctx, role.ID)
		},
		done: func(clients.Change[keycloak.Role]) string { return "deleted " + role.String() },
		then: func(_ clients.Change[keycloak.Role], err error) {
			if err == nil {
				s.gone = "this role was deleted"
			}
		}}.ask(s.host, &s.write)
}
