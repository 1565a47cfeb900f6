package cmd

import (
	"fmt"
	"strings"
	"testing"
)

// One role: made, changed, filled with others, granted, deleted.
func TestConsoleOneRole(t *testing.T) {
	r := newOwnRealm(t, groupsRealm(0))
	app := r.id("/clients?clientId=app")
	s := consoleOver(t, r.info, r.name)
	goTo(s, "roles")
	s.Want("employee", "boss")
	s.Press("n")
	s.Want("of which client?", "realm roles")
	s.Type("app")
	s.Press("enter")
	s.Want("A role of client app")
	s.Type("odd/role #1")
	s.Press("tab")
	s.Type("Reads all")
	s.Press("enter")
	yes(s, "+ name: odd/role #1", "+ description: Reads all")
	s.Want("made app:odd/role #1")
	r.becomes("/clients/"+app+"/roles", "name", "admin", "odd/role #1")
	undo(s, t, "- app:odd/role #1")
	r.becomes("/clients/"+app+"/roles", "name", "admin")

	boss := r.id("/roles/boss")
	role := func() object { return r.get("/roles-by-id/" + boss) }
	start := role()
	s.Press("/")
	s.Type("boss")
	s.Press("enter", "enter")
	s.Want("none: it is no composite role", "no user directly", "no group; N grants it")

	s.Press("e")
	s.Want("role boss")
	s.Press("tab")
	s.Type("Decides")
	s.Press("enter")
	yes(s, "+ description: Decides")
	s.Want("changed boss")
	only(t, start, role(), "description")
	undo(s, t, "- description: Decides")
	until(t, "description", func() bool { d, _ := role()["description"].(string); return d == "" })

	s.Press("a")
	s.Want("of which client?", "realm roles")
	s.Type("app")
	s.Press("enter")
	s.Want("Which roles should boss bring along?", "1 of 1")
	s.Press("enter")
	yes(s, "+ app:admin", "Everybody who holds boss gets it.")
	r.becomes("/roles-by-id/"+boss+"/composites", "name", "admin")
	s.Want("composite    yes")
	with := role()
	only(t, start, with, "composite")
	undo(s, t, "- app:admin")
	r.becomes("/roles-by-id/"+boss+"/composites", "name")

	s.Press("t")
	s.Want("An attribute of role boss")
	s.Type("level")
	s.Press("tab")
	s.Type("7")
	s.Press("enter")
	yes(s, "+ level: 7")
	until(t, "attribute", func() bool { return fmt.Sprint(role()["attributes"]) == "map[level:[7]]" })

	s.Want("set level")
	s.Press("n")
	s.Want("user0", "user2")
	s.Press("space", "space", "space", "enter")
	yes(s, "Grant 1 role: 3 users?", "+ boss, for", "user0", "user2")
	s.Want("3 of 3 granted")
	r.becomes("/roles/boss/users", "username", "user0", "user1", "user2")
	undo(s, t, "- boss, for", "user1")
	s.Want("3 of 3 as before")
	r.becomes("/roles/boss/users", "username")
	s.Press("esc", "esc")
	s.Want("put roles in")

	s.Press("N")
	s.Want("groups "+r.name[:12], "staff", "students")
	s.Press("space", "space", "enter")
	yes(s, "Grant 1 role: 2 groups?", "/staff", "/students", "everybody in these groups")
	s.Want("2 of 2 granted")
	r.becomes("/roles/boss/groups", "name", "staff", "students")
	s.Press("esc")
	s.Want("Mapped to groups", "/students")
	s.Press("o")
	s.Want("holders of boss", "/staff")
	until(t, "back on the role", func() bool { // esc stops the search first, while it goes on
		if strings.Contains(s.Screen(), "Mapped to users") {
			return true
		}
		s.Press("esc")
		s.Settle()
		return false
	})
	s.Press("G", "x")
	yes(s, "- boss", "loses it")
	r.becomes("/roles/boss/groups", "name", "staff")

	s.Want("revoke: 1 role")
	s.Press("D")
	s.Want("Delete the role boss?", "It is mapped directly to 1 group.", "This cannot be undone.")
	typed(s, t, "boss")
	s.Want("deleted boss")
	if code := r.status("/roles-by-id/" + boss); code != 404 {
		t.Errorf("the role answers %d", code)
	}
}

// Marked groups are granted roles, and have them revoked, each with its own outcome.
func TestConsoleRolesOfMarkedGroups(t *testing.T) {
	r := newOwnRealm(t, groupsRealm(0))
	s := consoleOver(t, r.info, r.name)
	goTo(s, "groups")
	s.Want("students")
	s.Press("space", "space", "b")
	s.Want("of which client?", "realm roles")
	s.Press("enter")
	s.Want("Which roles should 2 groups get?", "employee")
	s.Type("employee")
	s.Press("enter")
	yes(s, "Grant 1 role: 2 groups?", "+ employee, for", "/staff", "/students")
	s.Want("2 of 2 granted", "it was so already") // staff had it
	r.becomes("/roles/employee/groups", "name", "staff", "students")
	undo(s, t, "- employee, for")
	s.Want("1 of 1 as before")
	r.becomes("/roles/employee/groups", "name", "staff") // what was there before stays
}
