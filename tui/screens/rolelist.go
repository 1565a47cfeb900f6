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
}

// NewRoleList lists the roles of a realm and of all its clients; holders makes the
// screen of everybody who holds one of them.
func NewRoleList(realm RoleListKeycloak, holders func(keycloak.Role) tui.Screen) *tui.List[keycloak.Role] {
	name := func(r keycloak.Role) string { return r.Name }
	home := func(r keycloak.Role) string { return roleHome(keycloak.EffectiveRole{Role: r}) }
	by := func(of func(keycloak.Role) string) func(a, b keycloak.Role) int {
		return func(a, b keycloak.Role) int { return cmp.Compare(of(a), of(b)) }
	}
	return tui.NewList(tui.Spec[keycloak.Role]{
		Title: "roles " + realm.Name(),
		ID:    func(r keycloak.Role) string { return r.ID },
		Columns: []tui.Column[keycloak.Role]{
			{Title: "ROLE", Width: 26, Flex: 2, Cell: name, Less: by(name)},
			{Title: "OF", Width: 20, Flex: 1, Cell: home, Less: by(home)},
			{Title: "COMPOSITE", Width: 9, Drop: 2, Cell: func(r keycloak.Role) string {
				if r.Composite {
					return "yes"
				}
				return ""
			}},
			{Title: "DESCRIPTION", Width: 30, Flex: 3, Drop: 1, Cell: func(r keycloak.Role) string { return r.Description }},
		},
		Fetch: rolePages(realm),
		Open:  holders,
		Empty: "Realm " + realm.Name() + " has no roles.",
	})
}

// rolePages walks the roles of the realm and then those of one client after the other.
func rolePages(realm RoleListKeycloak) tui.Fetch[keycloak.Role] {
	return func(ctx context.Context, cursor string) (tui.Page[keycloak.Role], error) {
		at := readRoleCursor(cursor)
		for {
			page, err := at.read(ctx, realm)
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
func (c *roleCursor) read(ctx context.Context, realm RoleListKeycloak) (tui.Page[keycloak.Role], error) {
	got, err := realm.Roles(keycloak.Container{ClientUUID: c.UUID}, keycloak.RoleQuery{})(ctx, c.Roles)
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
