package screens

import (
	"cmp"
	"context"

	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// RealmsKeycloak lists the realms that our account sees.
type RealmsKeycloak interface {
	Realms(ctx context.Context) ([]keycloak.RealmSettings, error)
}

// NewRealms lists the realms of Keycloak; open makes the screen of one by its name.
func NewRealms(k RealmsKeycloak, open func(realm string) tui.Screen) *tui.List[keycloak.RealmSettings] {
	name := func(r keycloak.RealmSettings) string { return r.Name }
	return tui.NewList(tui.Spec[keycloak.RealmSettings]{
		Title: "realms",
		ID:    name,
		Columns: []tui.Column[keycloak.RealmSettings]{
			{Title: "REALM", Width: 24, Flex: 1, Cell: name, Less: func(a, b keycloak.RealmSettings) int { return cmp.Compare(a.Name, b.Name) }},
			{Title: "CALLED", Width: 30, Flex: 2, Drop: 2, Cell: func(r keycloak.RealmSettings) string { return r.DisplayName }},
			{Title: "STATE", Width: 13, Drop: 1, Cell: func(r keycloak.RealmSettings) string { return triWord(r.Enabled, "✓ enabled", "✗ disabled") }},
		},
		Fetch: func(ctx context.Context, _ string) (tui.Page[keycloak.RealmSettings], error) {
			all, err := k.Realms(ctx)
			return tui.Page[keycloak.RealmSettings]{Items: all, Total: len(all)}, err
		},
		Open:  func(r keycloak.RealmSettings) tui.Screen { return open(r.Name) },
		Empty: "Our account sees no realm. It needs a role of realm-management, such as view-users.",
	})
}

// triWord says what the server left open as "?".
func triWord(t keycloak.Tri, yes, no string) string {
	switch t {
	case keycloak.Yes:
		return yes
	case keycloak.No:
		return no
	default:
		return "? not visible"
	}
}
