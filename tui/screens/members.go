package screens

import (
	"cmp"
	"context"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// userColumns are those of every list of users of a realm.
func userColumns() []tui.Column[keycloak.User] {
	by := func(of func(keycloak.User) string) func(a, b keycloak.User) int {
		return func(a, b keycloak.User) int { return cmp.Compare(of(a), of(b)) }
	}
	username, email := func(u keycloak.User) string { return u.Username }, func(u keycloak.User) string { return u.Email }
	return []tui.Column[keycloak.User]{
		{Title: "USERNAME", Width: 20, Flex: 1, Cell: username, Less: by(username)},
		{Title: "NAME", Width: 22, Flex: 2, Drop: 1, Cell: keycloak.User.Name, Less: by(keycloak.User.Name)},
		{Title: "E-MAIL", Width: 28, Flex: 2, Drop: 2, Cell: email, Less: by(email)},
		{Title: "STATE", Width: 18, Cell: userState, Less: by(userState)},
	}
}

// UserSearcher finds users of a realm.
type UserSearcher interface {
	Name() string
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
}

// NewUserPick is a list of the users of a realm on which some are picked: all that are
// marked, or the one under the cursor. done gets them once the screen is closed.
func NewUserPick(realm UserSearcher, title, verb string, done func([]keycloak.User)) *tui.List[keycloak.User] {
	page := func(q keycloak.UserQuery) tui.Fetch[keycloak.User] { q.Brief = true; return tui.Pages(realm.Users(q)) }
	return tui.NewList(tui.Spec[keycloak.User]{
		Title: title, ID: func(u keycloak.User) string { return u.ID }, Columns: userColumns(),
		Fetch: page(keycloak.UserQuery{}),
		Search: func(ctx context.Context, words, cursor string) (tui.Page[keycloak.User], error) {
			return page(keycloak.UserQuery{Search: words})(ctx, cursor)
		},
		SearchHint: "the beginning of a user name, e-mail or name; *part* finds it anywhere",
		Empty:      "No user in realm " + realm.Name() + ".",
		Actions: func(l *tui.List[keycloak.User]) []tui.Action {
			return []tui.Action{{Name: verb, Keys: []string{"enter"}, Footer: 1, Help: "Take the marked users, or the one under the cursor.", Why: l.NeedRow, Run: tui.Do(func() {
				picked := l.Selected()
				l.Pop()
				done(picked)
			})}}
		},
	})
}

// MembersSpec says whose members are listed. Realm and Group are needed.
type MembersSpec struct {
	Realm interface {
		UserSearcher
		MemberWriter
		BulkRolesKeycloak
		GroupMembers(groupID string, pageSize int) clients.Fetch[keycloak.User]
	}
	Group keycloak.Group
	// User opens a member; nil where there is none.
	User func(keycloak.User) tui.Screen
}

// NewMembers lists the direct members of a group.
func NewMembers(spec MembersSpec) *tui.List[keycloak.User] {
	var write tui.Job
	return tui.NewList(tui.Spec[keycloak.User]{
		Title: "members of " + spec.Group.Path, ID: func(u keycloak.User) string { return u.ID }, Columns: userColumns(),
		Fetch: tui.Pages(spec.Realm.GroupMembers(spec.Group.ID, 0)),
		Open:  spec.User,
		Empty: spec.Group.Path + " has no direct members. Members of the groups in it are members of those. a adds one.",
		Actions: func(l *tui.List[keycloak.User]) []tui.Action {
			acts := []tui.Action{
				{Name: "add", Keys: []string{"a"}, Footer: 2, Mutates: true, Help: "Pick users and put them into the group.", Run: tui.Do(func() {
					l.Push(NewUserPick(spec.Realm, "add to "+spec.Group.Path, "add", func(users []keycloak.User) {
						askMembers(l, &write, spec.Realm, spec.Group, users, true, l.Reload)
					}))
				})},
				{Name: "remove", Keys: []string{"x", "delete"}, Footer: 3, Mutates: true, Help: "Take the marked users out of the group, or the one under the cursor.", Why: l.NeedRow, Run: tui.Do(func() {
					askMembers(l, &write, spec.Realm, spec.Group, l.Selected(), false, l.Reload)
				})},
			}
			return append(acts, bulkRoleActions(l, spec.Realm, func() []RoleSubject { return subjectsOfUsers(l.Selected()) }, l.NeedRow, func() {})...)
		},
	})
}

// bulkTimeout is how long writing n things one after the other may take.
func bulkTimeout(n int) time.Duration {
	return min(10*time.Minute, time.Duration(20+2*n)*time.Second)
}
