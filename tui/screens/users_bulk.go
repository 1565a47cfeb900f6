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

// RolePicker is what picking a role to grant needs.
type RolePicker interface {
	RoleWriter
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	Roles(c keycloak.Container, q keycloak.RoleQuery) clients.Fetch[keycloak.Role]
}

// userBulk is what the list of users does to the marked ones, or to the one under the
// cursor.
type userBulk struct {
	realm string
	w     UsersWriter
	open  func(keycloak.User) tui.Screen
	job   tui.Job
}

const userGroupMarked = "The marked users"

func (b *userBulk) actions(l *tui.List[keycloak.User]) []tui.Action {
	act := func(name, key, help string, footer int, run func(*tui.List[keycloak.User])) tui.Action {
		return tui.Action{Name: name, Keys: []string{key}, Group: userGroupMarked, Footer: footer, Help: help, Mutates: true, Why: l.NeedRow, Run: tui.Do(func() { run(l) })}
	}
	danger := func(a tui.Action) tui.Action { a.Danger = true; return a }
	return []tui.Action{
		{Name: "new user", Keys: []string{"n"}, Group: userGroupAccount, Footer: 5, Mutates: true, Help: "Make a user.", Run: tui.Do(func() { b.create(l) })},
		act("disable", "d", "Keep the selected users from logging in.", 40, func(l *tui.List[keycloak.User]) { b.enable(l, false) }),
		act("enable", "a", "Let the selected users log in again; it ends locks for good too.", 41, func(l *tui.List[keycloak.User]) { b.enable(l, true) }),
		act("require", "A", "Pick what the selected users must do at their next login, beside what they must do already.", 0, b.pickActions),
		danger(act("log out", "l", "End all sessions of the selected users, offline ones too.", 0, b.logout)),
		act("join group", "M", "Pick a group for the selected users to be members of.", 0, b.pickGroup),
		act("grant role", "R", "Pick a role and grant it to the selected users.", 0, b.pickContainer),
		danger(act("delete users", "D", "Delete the selected accounts for good.", 0, b.delete)),
	}
}

// spec is what all writes to many users have in common.
func (b *userBulk) spec(l *tui.List[keycloak.User], verb, done, title string) tui.BulkSpec[keycloak.User] {
	return tui.BulkSpec[keycloak.User]{Title: title, Verb: verb, Done: done, Noun: "user", Rows: l.Selected(),
		ID: func(u keycloak.User) string { return u.ID }, Name: userWho, Open: b.open}
}

func (b *userBulk) enable(l *tui.List[keycloak.User], on bool) {
	verb := map[bool]string{true: "enable", false: "disable"}[on]
	spec, w := b.spec(l, verb, verb+"d", verb+" users"), b.w
	spec.Writes, spec.UndoWrites = fmt.Sprintf("enabled = %t", on), fmt.Sprintf("enabled = %t", !on)
	spec.Why = func(u keycloak.User) string {
		if u.Enabled == on {
			return "is " + verb + "d already"
		}
		return ""
	}
	if on {
		spec.Mind = []string{"Who was locked for good is unlocked with it; this part cannot be undone."}
	} else {
		spec.Mind = []string{"Tokens that were issued stay good until they expire; l ends the sessions."}
	}
	spec.Do = func(ctx context.Context, u keycloak.User) (tui.BulkResult, error) {
		ch, err := w.UpdateUser(ctx, u.ID, keycloak.UserPatch{Enabled: &on})
		if err != nil {
			return tui.BulkResult{}, err
		}
		out := tui.BulkResult{Apply: func() { l.Put(ch.After) }}
		if ch.Before.Enabled == on {
			out.Note = "was so already"
			return out, nil
		}
		if !ch.Before.PermanentlyLocked() {
			back := !on
			undo := undoPatch(w, u.ID, verb+" "+u.Username, nil, keycloak.UserPatch{Enabled: &back}, func(now keycloak.User) bool { return now.Enabled == on })
			out.Undo = undo.Run
		}
		return out, nil
	}
	tui.Bulk(l, spec)
}

func (b *userBulk) pickActions(l *tui.List[keycloak.User]) {
	l.Push(tui.NewPick(tui.PickSpec{Title: "must do", Many: true, Verb: "require", Lead: "What must " + selectedUsers(l) + " do at the next login?",
		Empty: "This realm has no required actions.", Load: actionChoices(b.w, nil),
		Done: func(picked []widget.Choice) { b.require(l, pickedActions(picked)) }}))
}

func selectedUsers(l *tui.List[keycloak.User]) string {
	rows := l.Selected()
	if len(rows) == 1 {
		return rows[0].Username
	}
	return tui.Count(len(rows)) + " users"
}

// require adds required actions to those that each user has.
func (b *userBulk) require(l *tui.List[keycloak.User], add []string) {
	if len(add) == 0 {
		return
	}
	spec, w := b.spec(l, "require", "told", "require of users"), b.w
	spec.Ask = "Change what " + selectedUsers(l) + " must do at the next login?"
	spec.Writes, spec.UndoWrites = strings.Join(setLines(nil, add), ", "), strings.Join(setLines(add, nil), ", ")
	spec.Do = func(ctx context.Context, u keycloak.User) (tui.BulkResult, error) {
		u, err := w.User(ctx, u.ID) // a list leaves the actions out
		if err != nil {
			return tui.BulkResult{}, err
		}
		have := slices.Sorted(slices.Values(u.RequiredActions))
		want := slices.Clone(have)
		for _, a := range add {
			if !slices.Contains(want, a) {
				want = append(want, a)
			}
		}
		slices.Sort(want)
		if slices.Equal(have, want) {
			return tui.BulkResult{Note: "had to do so already"}, nil
		}
		if _, err := w.UpdateUser(ctx, u.ID, keycloak.UserPatch{RequiredActions: &want}); err != nil {
			return tui.BulkResult{}, err
		}
		undo := undoPatch(w, u.ID, "required actions of "+u.Username, nil, keycloak.UserPatch{RequiredActions: &have}, func(now keycloak.User) bool {
			return slices.Equal(slices.Sorted(slices.Values(now.RequiredActions)), want)
		})
		return tui.BulkResult{Undo: undo.Run}, nil
	}
	tui.Bulk(l, spec)
}

func (b *userBulk) logout(l *tui.List[keycloak.User]) {
	spec, w := b.spec(l, "log out", "logged out", "log out users"), b.w
	spec.Danger, spec.Writes = true, "all sessions ended, offline ones too"
	spec.Mind = []string{"Access tokens that an application checks by itself stay good until they expire.", "They can log in again at once."}
	spec.Do = func(ctx context.Context, u keycloak.User) (tui.BulkResult, error) {
		ch, err := w.LogoutEverywhere(ctx, u.ID)
		return tui.BulkResult{Note: count(len(ch.Before)-len(ch.After), "session") + " ended"}, err
	}
	tui.Bulk(l, spec)
}

func (b *userBulk) pickGroup(l *tui.List[keycloak.User]) {
	l.Push(groupPick("Which group should "+selectedUsers(l)+" join?", b.w, nil, func(g keycloak.Group) { b.join(l, g) }))
}

func (b *userBulk) join(l *tui.List[keycloak.User], g keycloak.Group) {
	spec, w := b.spec(l, "join", "in the group", "join group"), b.w
	spec.Ask = "Make " + selectedUsers(l) + " members of " + g.Path + "?"
	spec.Writes, spec.UndoWrites = "+ member of "+g.Path, "- member of "+g.Path
	spec.Mind = []string{"The roles of this group and of those above it come with it."}
	spec.Do = func(ctx context.Context, u keycloak.User) (tui.BulkResult, error) {
		ch, err := w.JoinGroup(ctx, u.ID, g.ID)
		if err == nil && hasGroup(ch.Before, g.ID) {
			return tui.BulkResult{Note: "was a member already"}, nil
		}
		return tui.BulkResult{Undo: leaveAgain(w, u.ID, g, u.Username+" joins "+g.Path).Run}, err
	}
	tui.Bulk(l, spec)
}

// pickContainer asks whose role is meant: one of the realm or of a client.
func (b *userBulk) pickContainer(l *tui.List[keycloak.User]) {
	l.Push(tui.NewPick(tui.PickSpec{Title: "grant", Lead: "A role of the realm, or of which client?", Verb: "show its roles",
		Load: func(ctx context.Context) ([]widget.Choice, error) {
			choices := []widget.Choice{{ID: "", Label: "realm roles"}}
			for c, err := range clients.Each(ctx, b.w.Clients(keycloak.ClientQuery{})) {
				if err != nil {
					return choices, err
				}
				choices = append(choices, widget.Choice{ID: c.ID, Label: c.ClientID, Note: c.Name})
			}
			return choices, nil
		},
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 {
				b.pickRole(l, picked[0])
			}
		}}))
}

func (b *userBulk) pickRole(l *tui.List[keycloak.User], of widget.Choice) {
	l.Push(tui.NewPick(tui.PickSpec{Title: of.Label, Lead: "Which role should " + selectedUsers(l) + " get?", Verb: "grant", Empty: of.Label + " has no roles.",
		Load: func(ctx context.Context) ([]widget.Choice, error) {
			var choices []widget.Choice
			for r, err := range clients.Each(ctx, b.w.Roles(keycloak.Container{ClientUUID: of.ID}, keycloak.RoleQuery{})) {
				if err != nil {
					return choices, err
				}
				choices = append(choices, widget.Choice{ID: r.ID, Label: r.Name, Note: r.Description})
			}
			return choices, nil
		},
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 {
				role := keycloak.Role{ID: picked[0].ID, Name: picked[0].Label}
				if of.ID != "" {
					role.ClientRole, role.ContainerID, role.Client = true, of.ID, of.Label
				}
				b.grant(l, role)
			}
		}}))
}

func (b *userBulk) grant(l *tui.List[keycloak.User], role keycloak.Role) {
	spec, w := b.spec(l, "grant", "granted", "grant role"), b.w
	spec.Ask = "Grant " + role.String() + " to " + selectedUsers(l) + "?"
	spec.Writes, spec.UndoWrites = "+ "+role.String(), "- "+role.String()
	spec.Do = func(ctx context.Context, u keycloak.User) (tui.BulkResult, error) {
		h := keycloak.OfUser(u.ID)
		ch, err := w.Grant(ctx, h, role)
		if err != nil {
			return tui.BulkResult{}, err
		}
		if len(rolesChanged([]keycloak.Role{role}, ch)) == 0 {
			return tui.BulkResult{Note: "had it already"}, nil
		}
		return tui.BulkResult{Undo: func(ctx context.Context) error {
			return undoRoles(ctx, w.Revoke, h, []keycloak.Role{role}, "grant "+role.String())
		}}, nil
	}
	tui.Bulk(l, spec)
}

func (b *userBulk) delete(l *tui.List[keycloak.User]) {
	spec, w := b.spec(l, "delete", "deleted", "delete users"), b.w
	spec.Danger, spec.Writes, spec.Open = true, "- the account with credentials, role mappings, group memberships, sessions and consents", nil
	spec.Mind = []string{"Who is made anew under such a name is another user."}
	spec.Do = func(ctx context.Context, u keycloak.User) (tui.BulkResult, error) {
		_, err := w.DeleteUser(ctx, u.ID)
		return tui.BulkResult{Apply: func() { l.Remove(u.ID) }}, err
	}
	tui.Bulk(l, spec)
}

// create asks for the profile of the realm first, which says what a user has.
func (b *userBulk) create(l *tui.List[keycloak.User]) {
	w := b.w
	tui.Go(l, &b.job, userTimeout, func(ctx context.Context) (*userForm, error) {
		profile, err := w.Profile(ctx)
		if err != nil && !clients.Is(err, clients.Denied) {
			return nil, err
		}
		return &userForm{profile: profile, known: err == nil}, nil
	}, func(f *userForm, err error) {
		if err != nil {
			l.Fail(err)
			return
		}
		l.Push(newUserForm(l, b.realm, w, f, func(u keycloak.User) {
			if u.ID == "" {
				l.Reload()
				return
			}
			l.Put(u)
		}))
	})
}
