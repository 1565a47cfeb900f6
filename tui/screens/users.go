package screens

import (
	"cmp"
	"context"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// UsersKeycloak is what the list of users needs of a Keycloak realm.
type UsersKeycloak interface {
	Name() string
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
}

// NewUsers lists the users of a realm; open makes the screen of one of them, paths
// that of where the roles of one come from, why that of why one does not get in. paths
// and why may be nil.
func NewUsers(realm UsersKeycloak, open, paths, why func(keycloak.User) tui.Screen) *tui.List[keycloak.User] {
	page := func(q keycloak.UserQuery) tui.Fetch[keycloak.User] { q.Brief = true; return tui.Pages(realm.Users(q)) }
	by := func(of func(keycloak.User) string) func(a, b keycloak.User) int {
		return func(a, b keycloak.User) int { return cmp.Compare(of(a), of(b)) }
	}
	username, email := func(u keycloak.User) string { return u.Username }, func(u keycloak.User) string { return u.Email }
	return tui.NewList(tui.Spec[keycloak.User]{
		Title: "users " + realm.Name(),
		ID:    func(u keycloak.User) string { return u.ID },
		Columns: []tui.Column[keycloak.User]{
			{Title: "USERNAME", Width: 20, Flex: 1, Cell: username, Less: by(username)},
			{Title: "NAME", Width: 22, Flex: 2, Drop: 2, Cell: keycloak.User.Name, Less: by(keycloak.User.Name)},
			{Title: "E-MAIL", Width: 28, Flex: 2, Drop: 3, Cell: email, Less: by(email)},
			{Title: "STATE", Width: 18, Cell: userState, Less: by(userState)},
			{Title: "CREATED", Width: 12, Drop: 1, Cell: func(u keycloak.User) string { return day(u.Created) }, Less: func(a, b keycloak.User) int { return a.Created.Compare(b.Created) }},
		},
		Fetch: page(keycloak.UserQuery{}),
		Search: func(ctx context.Context, words, cursor string) (tui.Page[keycloak.User], error) {
			return page(keycloak.UserQuery{Search: words})(ctx, cursor)
		},
		SearchHint: "the beginning of a user name, e-mail or name; *part* finds it anywhere",
		Open:       open,
		Actions: func(l *tui.List[keycloak.User]) []tui.Action {
			var acts []tui.Action
			link := func(name, key, help string, footer int, to func(keycloak.User) tui.Screen) {
				if to != nil {
					acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Why: l.NeedRow, Run: tui.Do(func() {
						u, _ := l.Current()
						l.Push(to(u))
					})})
				}
			}
			link("where from", "o", "Show every role of the user and all ways in which it is held, as a tree.", 2, paths)
			link("why", "w", "Say why the user does not get into an application, or does not get a role.", 3, why)
			return acts
		},
		Empty: "No user in realm " + realm.Name() + ". Service accounts are not listed.",
	})
}

func userState(u keycloak.User) string {
	switch {
	case u.PermanentlyLocked():
		return "✗ locked for good"
	case !u.Enabled:
		return "✗ disabled"
	default:
		return "✓ enabled"
	}
}
