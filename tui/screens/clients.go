package screens

import (
	"cmp"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// ClientsKeycloak is what the list of clients needs of a Keycloak realm.
type ClientsKeycloak interface {
	Name() string
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
}

// NewClients lists the clients of a realm; open makes the screen of one of them.
func NewClients(realm ClientsKeycloak, open func(keycloak.Client) tui.Screen) *tui.List[keycloak.Client] {
	return tui.NewList(tui.Spec[keycloak.Client]{
		Title:   "clients " + realm.Name(),
		ID:      func(c keycloak.Client) string { return c.ID },
		Columns: clientColumns(),
		Fetch:   tui.Pages(realm.Clients(keycloak.ClientQuery{})),
		Open:    open,
		Empty:   "This realm has no client.",
	})
}

// clientColumns are those of every list of clients.
func clientColumns() []tui.Column[keycloak.Client] {
	id := func(c keycloak.Client) string { return c.ClientID }
	return []tui.Column[keycloak.Client]{
		{Title: "CLIENT", Width: 26, Flex: 1, Cell: id, Less: func(a, b keycloak.Client) int { return cmp.Compare(a.ClientID, b.ClientID) }},
		{Title: "NAME", Width: 30, Flex: 2, Drop: 1, Cell: func(c keycloak.Client) string { return c.Name }},
		{Title: "STATE", Width: 10, Cell: func(c keycloak.Client) string {
			return map[bool]string{true: "✓ enabled", false: "✗ disabled"}[c.Enabled]
		}},
	}
}
