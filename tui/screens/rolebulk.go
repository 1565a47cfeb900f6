package screens

import (
	"context"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// BulkRolesKeycloak is what granting and revoking the roles of many needs of a realm.
type BulkRolesKeycloak interface {
	Roles(c keycloak.Container, q keycloak.RoleQuery) clients.Fetch[keycloak.Role]
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	RoleWriter
}

// RoleSubject is somebody to whom roles are granted, and how they are called.
type RoleSubject struct {
	keycloak.Holder
	// Name is the user name or the path of the group.
	Name string
}

// subjectsOfUsers names users as holders of roles.
func subjectsOfUsers(users []keycloak.User) []RoleSubject {
	out := make([]RoleSubject, len(users))
	for i, u := range users {
		out[i] = RoleSubject{keycloak.OfUser(u.ID), u.Username}
	}
	return out
}

// subjectsOfGroups names groups as holders of roles.
func subjectsOfGroups(groups []keycloak.Group) []RoleSubject {
	out := make([]RoleSubject, len(groups))
	for i, g := range groups {
		out[i] = RoleSubject{keycloak.OfGroup(g.ID), g.Path}
	}
	return out
}

// bulkRoleActions are the two keys with which the marked users or groups of a list are
// granted roles, or have them revoked.
func bulkRoleActions(h tui.Host, realm BulkRolesKeycloak, chosen func() []RoleSubject, why func() string, then func()) []tui.Action {
	act := func(name, key, help string, revoke bool) tui.Action {
		return tui.Action{Name: name, Keys: []string{key}, Mutates: true, Help: help, Why: why, Run: tui.Do(func() { pickBulkRoles(h, realm, chosen(), revoke, then) })}
	}
	return []tui.Action{
		act("grant to marked", "b", "Pick roles and grant them to everything that is marked.", false),
		act("revoke from marked", "B", "Pick roles and revoke them from everything that is marked.", true),
	}
}

// pickBulkRoles lets roles be picked, and grants them to many or revokes them.
func pickBulkRoles(h tui.Host, realm BulkRolesKeycloak, subjects []RoleSubject, revoke bool, then func()) {
	verb, lead := "grant", "Which roles should "+subjectsWords(subjects)+" get?"
	if revoke {
		verb, lead = "revoke", "Which roles should "+subjectsWords(subjects)+" lose?"
	}
	rolePick{clients: realm.Clients, title: verb, lead: lead, verb: verb, empty: "There are no roles of %s.",
		available: func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error) {
			return allRoles(ctx, realm, of)
		},
		done: func(roles []keycloak.Role) { bulkRoles(h, realm, subjects, roles, revoke, then) }}.push(h)
}

// allRoles reads every role of a container.
func allRoles(ctx context.Context, realm interface {
	Roles(c keycloak.Container, q keycloak.RoleQuery) clients.Fetch[keycloak.Role]
}, of keycloak.Container) ([]keycloak.Role, error) {
	var out []keycloak.Role
	for role, err := range clients.Each(ctx, realm.Roles(of, keycloak.RoleQuery{})) {
		if err != nil {
			return out, err
		}
		out = append(out, role)
	}
	return out, nil
}

// subjectsWords is "3 users" or, of one, its name.
func subjectsWords(subjects []RoleSubject) string {
	if len(subjects) == 1 {
		return subjects[0].Name
	}
	return count(len(subjects), subjectNoun(subjects))
}

func subjectNoun(subjects []RoleSubject) string {
	for _, s := range subjects {
		if s.Kind != keycloak.HolderUser {
			return string(s.Kind)
		}
	}
	return "user"
}

// bulkRoles grants roles to many or revokes them, each with its outcome and its way back.
func bulkRoles(h tui.Host, realm RoleWriter, subjects []RoleSubject, roles []keycloak.Role, revoke bool, then func()) {
	verb, done, sign, opposite := "grant", "granted", "+", "-"
	do, back := roleWrite(realm.Grant), roleWrite(realm.Revoke)
	if revoke {
		verb, done, sign, opposite, do, back = "revoke", "revoked", "-", "+", back, do
	}
	names := func(sign string) string { return strings.Join(roleLines(sign, roles), ", ") }
	noun := subjectNoun(subjects)
	spec := tui.BulkSpec[RoleSubject]{
		Title: verb + " roles", Verb: verb, Done: done, Noun: noun, Rows: subjects, Writes: names(sign), UndoWrites: names(opposite), Then: then,
		ID: func(s RoleSubject) string { return s.ID }, Name: func(s RoleSubject) string { return s.Name },
		Ask: capitalised(verb) + " " + count(len(roles), "role") + ": " + subjectsWords(subjects) + "?",
		Do: func(ctx context.Context, s RoleSubject) (tui.BulkResult, error) {
			ch, err := do(ctx, s.Holder, roles...)
			changed := rolesChanged(roles, ch)
			out := tui.BulkResult{}
			switch {
			case err != nil:
				return out, err
			case len(changed) == 0:
				out.Note = "it was so already"
				return out, nil
			case len(changed) < len(roles):
				out.Note = count(len(changed), "role") + "; the rest was so already"
			}
			out.Undo = func(ctx context.Context) error {
				return undoRoles(ctx, back, s.Holder, changed, verb+" roles: "+s.Name)
			}
			return out, nil
		},
	}
	if noun == string(keycloak.HolderGroup) {
		spec.Mind = []string{"It counts for everybody in these groups and in the groups beneath them."}
	}
	tui.Bulk(h, spec)
}

func capitalised(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
