package screens

import (
	"cmp"
	"context"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
)

// UsersKeycloak is what the list of users needs of a Keycloak realm.
type UsersKeycloak interface {
	Name() string
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
}

// UsersSpec is what the list of users is made of. Realm is needed.
type UsersSpec struct {
	Realm UsersKeycloak
	// Open makes the screen of one user.
	Open func(keycloak.User) tui.Screen
	// Write changes users, one or many at once; nil where nothing can be written.
	Write UsersWriter
	// Links are the screens that one can go on to; nil where there is none.
	Links UserLinks
}

// UsersWriter is what is done to many users at once.
type UsersWriter interface {
	UserWriter
	RolePicker
}

// NewUsers lists the users of a realm.
func NewUsers(spec UsersSpec) *tui.List[keycloak.User] {
	realm := spec.Realm
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
			{Title: "STATE", Width: 18, Cell: userState, Less: by(userState), Tone: func(u keycloak.User) theme.Tone { return toneIf(!u.Enabled, theme.Bad) }},
			{Title: "CREATED", Width: 12, Drop: 1, Cell: func(u keycloak.User) string { return day(u.Created) }, Less: func(a, b keycloak.User) int { return a.Created.Compare(b.Created) }},
		},
		Fetch: page(keycloak.UserQuery{}),
		Search: func(ctx context.Context, words, cursor string) (tui.Page[keycloak.User], error) {
			return page(keycloak.UserQuery{Search: words})(ctx, cursor)
		},
		SearchHint: "the beginning of a user name, e-mail or name; *part* finds it anywhere",
		Open:       spec.Open,
		Actions:    spec.actions,
		Value:      func(u keycloak.User) any { return u },
		Empty:      "No user in realm " + realm.Name() + ". Service accounts are not listed.",
	})
}

// actions lead on to other screens about the user under the cursor, and change the
// marked ones.
func (spec UsersSpec) actions(l *tui.List[keycloak.User]) []tui.Action {
	var acts []tui.Action
	link := func(name, key, help string, footer int, to func(keycloak.User) tui.Screen) {
		if to != nil {
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Group: userGroupLinks, Footer: footer, Help: help, Why: l.NeedRow, Run: tui.Do(func() {
				u, _ := l.Current()
				l.Push(to(u))
			})})
		}
	}
	link("why", "w", "Say why the user does not get into an application, or does not get a role.", 2, spec.Links.Why)
	link("roles", "r", "Show the role mappings of the user.", 3, spec.Links.Roles)
	link("where from", "o", "Show every role of the user and all ways in which it is held, as a tree.", 4, spec.Links.Paths)
	link("tokens", "t", "Show what would stand in the user's tokens.", 0, spec.Links.Tokens)
	if spec.Write != nil {
		acts = append(acts, (&userBulk{realm: spec.Realm.Name(), w: spec.Write, open: spec.Open}).actions(l)...)
	}
	return acts
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
