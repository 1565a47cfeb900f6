package screens

import (
	"cmp"
	"context"
	"encoding/json"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// RoleListKeycloak is what the list of roles needs of a Keycloak realm.
type RoleListKeycloak interface {
	Name() string
	Roles(c keycloak.Container, q keycloak.RoleQuery) clients.Fetch[keycloak.Role]
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	CreateRole(ctx context.Context, c keycloak.Container, role keycloak.NewRole) (clients.Change[keycloak.Role], error)
	DeleteRole(ctx context.Context, id string) (clients.Change[keycloak.Role], error)
	RoleUsers(role keycloak.Role, pageSize int) clients.Fetch[keycloak.User]
	RoleGroups(role keycloak.Role, pageSize int) clients.Fetch[keycloak.Group]
}

// NewRoleList lists the roles of a realm and of all its clients; open makes the screen
// of one, holders that of everybody who holds one.
func NewRoleList(realm RoleListKeycloak, open, holders func(keycloak.Role) tui.Screen) *tui.List[keycloak.Role] {
	spec := roleListSpec(realm, open, holders, func(l *tui.List[keycloak.Role]) {
		pickContainer(l, realm.Clients, "new role", "make a role of it", func(of keycloak.Container, name string) { l.Push(newRoleForm(l, realm, of, name)) })
	})
	spec.Title, spec.Fetch, spec.Empty = "roles "+realm.Name(), rolePages(realm, ""), "Realm "+realm.Name()+" has no roles. n makes one."
	spec.Search = func(ctx context.Context, words, cursor string) (tui.Page[keycloak.Role], error) {
		return rolePages(realm, words)(ctx, cursor)
	}
	return tui.NewList(spec)
}

// NewRolesOf lists the roles of one client, by its clientId.
func NewRolesOf(realm RoleListKeycloak, of keycloak.Container, client string, open, holders func(keycloak.Role) tui.Screen) *tui.List[keycloak.Role] {
	page := func(q keycloak.RoleQuery) tui.Fetch[keycloak.Role] { return tui.Pages(realm.Roles(of, q)) }
	spec := roleListSpec(realm, open, holders, func(l *tui.List[keycloak.Role]) { l.Push(newRoleForm(l, realm, of, client)) })
	spec.Title, spec.Fetch, spec.Empty = "roles of "+client, page(keycloak.RoleQuery{}), "Client "+client+" has no roles of its own. n makes one."
	spec.Search = func(ctx context.Context, words, cursor string) (tui.Page[keycloak.Role], error) {
		return page(keycloak.RoleQuery{Search: words})(ctx, cursor)
	}
	return tui.NewList(spec)
}

// roleListSpec is what lists of roles have in common.
func roleListSpec(realm RoleListKeycloak, open, holders func(keycloak.Role) tui.Screen, make func(*tui.List[keycloak.Role])) tui.Spec[keycloak.Role] {
	name := func(r keycloak.Role) string { return r.Name }
	home := func(r keycloak.Role) string { return roleHome(keycloak.EffectiveRole{Role: r}) }
	by := func(of func(keycloak.Role) string) func(a, b keycloak.Role) int {
		return func(a, b keycloak.Role) int { return cmp.Compare(of(a), of(b)) }
	}
	return tui.Spec[keycloak.Role]{
		ID: func(r keycloak.Role) string { return r.ID },
		Columns: []tui.Column[keycloak.Role]{
			{Title: "ROLE", Width: 26, Flex: 2, Cell: name, Less: by(name)},
			{Title: "OF", Width: 20, Flex: 1, Cell: home, Less: by(home)},
			{Title: "COMPOSITE", Width: 9, Drop: 2, Cell: func(r keycloak.Role) string { return either(r.Composite, "yes", "") }},
			{Title: "DESCRIPTION", Width: 30, Flex: 3, Drop: 1, Cell: func(r keycloak.Role) string { return r.Description }},
		},
		SearchHint: "a part of the name or of the description",
		Open:       open,
		Actions: func(l *tui.List[keycloak.Role]) []tui.Action {
			acts := []tui.Action{{Name: "new", Keys: []string{"n"}, Footer: 3, Mutates: true, Help: "Make a role.", Run: tui.Do(func() { make(l) })}}
			if holders != nil {
				acts = append(acts, tui.Action{Name: "holders", Keys: []string{"o"}, Footer: 2, Why: l.NeedRow, Help: "Show everybody who holds the role under the cursor.", Run: tui.Do(func() {
					r, _ := l.Current()
					l.Push(holders(r))
				})})
			}
			return acts
		},
	}
}

// rolePages walks the roles of the realm, with the words in them, and then those of one client after the other.
func rolePages(realm RoleListKeycloak, words string) tui.Fetch[keycloak.Role] {
	return func(ctx context.Context, cursor string) (tui.Page[keycloak.Role], error) {
		at := readRoleCursor(cursor)
		for {
			page, err := at.read(ctx, realm, words)
			if err != nil || len(page.Items) > 0 {
				page.Next = at.String()
				if at.done {
					page.Next = ""
				}
				return page, err
			}
			if at.done {
				return tui.Page[keycloak.Role]{Total: -1}, nil
			}
		}
	}
}

// roleCursor is a place in the walk over the roles of all containers.
type roleCursor struct {
	UUID, ClientID string // of the client whose roles are read; empty for the realm's
	Roles          string // where in its roles
	Clients        string // where in the clients; "end" after the last
	done           bool
}

func readRoleCursor(text string) *roleCursor {
	c := &roleCursor{}
	if text != "" {
		_ = json.Unmarshal([]byte(text), c) // it is one of ours
	}
	return c
}

// String is the cursor as it is handed out; never empty.
func (c *roleCursor) String() string {
	b, _ := json.Marshal(c) // strings only
	return string(b)
}

// read reads one page and steps on.
func (c *roleCursor) read(ctx context.Context, realm RoleListKeycloak, words string) (tui.Page[keycloak.Role], error) {
	got, err := realm.Roles(keycloak.Container{ClientUUID: c.UUID}, keycloak.RoleQuery{Search: words})(ctx, c.Roles)
	if err != nil {
		return tui.Page[keycloak.Role]{}, err
	}
	for i := range got.Items {
		if got.Items[i].ClientRole && got.Items[i].Client == "" {
			got.Items[i].Client = c.ClientID
		}
	}
	page := tui.Page[keycloak.Role]{Items: got.Items, Total: -1}
	if c.Roles = got.Next; c.Roles != "" {
		return page, nil
	}
	return page, c.nextClient(ctx, realm)
}

// nextClient finds the client that follows. One client a page keeps the cursor simple
// and costs a request for each client, next to the one for its roles.
func (c *roleCursor) nextClient(ctx context.Context, realm RoleListKeycloak) error {
	if c.Clients == "end" {
		c.done = true
		return nil
	}
	got, err := realm.Clients(keycloak.ClientQuery{PageSize: 1})(ctx, c.Clients)
	switch {
	case err != nil:
		return err
	case len(got.Items) == 0:
		c.done = true
		return nil
	}
	c.UUID, c.ClientID, c.Clients = got.Items[0].ID, got.Items[0].ClientID, cmp.Or(got.Next, "end")
	return nil
}

// newRoleForm asks for the role to be made. It can be taken back while nobody has it.
func newRoleForm(l *tui.List[keycloak.Role], realm RoleListKeycloak, of keycloak.Container, name string) tui.Screen {
	if of == keycloak.OfRealm {
		name = "realm " + realm.Name()
	} else {
		name = "client " + name
	}
	var made keycloak.Role
	return tui.NewForm(tui.FormSpec{Title: "new role", Lead: "A role of " + name, What: "make the role",
		Fields: []tui.FormField{{Name: "name", Label: "name", Required: true}, {Name: "description", Label: "description"}},
		Review: func(v map[string]string) (tui.Question, error) {
			return tui.Question{Title: "Make this role of " + name + "?", Verb: "make", Lines: diffLines([3]string{"name", "", v["name"]}, [3]string{"description", "", v["description"]})}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			done, err := realm.CreateRole(ctx, of, keycloak.NewRole{Name: v["name"], Description: v["description"]})
			made = done.After
			return err
		},
		Done: func(map[string]string) {
			if made.ID != "" {
				l.Put(made)
			} else {
				l.Reload()
			}
			l.Toast("made " + made.String() + " · u undoes it")
			l.Undo(tui.Undo{What: "make the role " + made.String(), Lines: []string{"- " + made.String()}, Then: l.Reload,
				Run: func(ctx context.Context) error { return unmakeRole(ctx, realm, made) }})
		},
	})
}

// unmakeRole deletes a role that was just made, unless somebody has it by now.
func unmakeRole(ctx context.Context, realm RoleListKeycloak, made keycloak.Role) error {
	users, err := realm.RoleUsers(made, 1)(ctx, "")
	if err != nil {
		return err
	}
	groups, err := realm.RoleGroups(made, 1)(ctx, "")
	if err != nil {
		return err
	}
	if len(users.Items)+len(groups.Items) > 0 {
		return &clients.Problem{Kind: clients.Conflict, Op: "undo: make the role " + made.String(), Reason: "it was granted to somebody since", Hint: "delete it on its own screen if that is what you want"}
	}
	_, err = realm.DeleteRole(ctx, made.ID)
	return err
}
