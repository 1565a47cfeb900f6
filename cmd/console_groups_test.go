package cmd

import (
	"fmt"
	"testing"
)

// groupsRealm has two groups with some in them, and as many more as are asked for.
func groupsRealm(more int) object {
	groups := []object{
		{"name": "staff", "attributes": object{"floor": []string{"3"}}, "realmRoles": []string{"employee"}, "subGroups": []object{{"name": "eng"}, {"name": "ops"}}},
		{"name": "students"},
	}
	for i := range more {
		groups = append(groups, object{"name": fmt.Sprintf("z%03d", i)})
	}
	users := []object{}
	for i := range 3 {
		users = append(users, object{"username": fmt.Sprintf("user%d", i), "enabled": true, "email": fmt.Sprintf("user%d@example.org", i), "firstName": "U", "lastName": fmt.Sprint(i)})
	}
	return object{"groups": groups, "users": users, "clients": []object{{"clientId": "app", "enabled": true}},
		"roles": object{"realm": []object{{"name": "employee"}, {"name": "boss"}}, "client": object{"app": []object{{"name": "admin"}}}}}
}

// The tree: pages, search, make, rename, move, delete, each taken back or told to be for
// good.
func TestConsoleTreeOfGroups(t *testing.T) {
	r := newOwnRealm(t, groupsRealm(110)) // more than one page
	s := consoleOver(t, r.info, r.name)
	goTo(s, "groups")
	s.Want("114 groups", "staff", "2 groups in it", "students", "z000")
	s.Press("G")
	s.Want("there are more groups: ⏎ reads on")
	s.Press("enter")
	s.Want("z098") // the first of the second page is under the cursor
	s.Press("G")
	s.Want("z109")

	s.Press("f")
	s.Type("eng")
	s.Press("enter")
	s.Want(`groups with "eng" in their name`, "eng", "… 1 more group here that the search did not find")
	s.WantNot("students")
	s.Press("esc", "g", "right", "right")
	s.Want("ops")

	eng := r.id("/group-by-path/staff/eng")
	s.Press("n") // in /staff/eng
	s.Want("A group in /staff/eng")
	s.Type("web team")
	s.Press("enter")
	yes(s, "+ /staff/eng/web team")
	s.Want("made /staff/eng/web team", "web team")
	r.becomes("/groups/"+eng+"/children", "name", "web team")
	undo(s, t, "- /staff/eng/web team")
	r.becomes("/groups/"+eng+"/children", "name")

	before := r.get("/groups/" + eng)
	s.Press("g", "right", "right") // eng again, whatever became of the cursor
	s.Press("e")
	s.Want("/staff/eng")
	s.Press("ctrl+u")
	s.Type("engineering")
	s.Press("enter")
	yes(s, "- /staff/eng", "+ /staff/engineering")
	s.Want("renamed to /staff/engineering")
	until(t, "renamed", func() bool { return r.get("/groups/" + eng)["name"] == "engineering" })
	only(t, before, r.get("/groups/"+eng), "name", "path")
	undo(s, t, "+ /staff/eng")
	until(t, "named as before", func() bool { return r.get("/groups/" + eng)["name"] == "eng" })
	only(t, before, r.get("/groups/"+eng))

	students := r.id("/group-by-path/students")
	s.WantNot("engineering")
	s.Press("m")
	s.Want("taken up: /staff/eng", "moving /staff/eng")
	s.Press("g", "p")
	s.Want("/staff/eng is there already")
	s.Press("down", "down", "down", "p")
	yes(s, "- /staff/eng", "+ /students/eng", "lose the roles of the groups above it")
	r.becomes("/groups/"+students+"/children", "name", "eng")
	after := r.get("/groups/" + eng)
	only(t, before, after, "path", "parentId")
	undo(s, t, "- /students/eng", "+ /staff/eng")
	until(t, "moved back", func() bool { return r.get("/groups/" + eng)["path"] == "/staff/eng" })
	only(t, before, r.get("/groups/"+eng))

	s.Want("2 groups in it")
	s.Press("g", "D")
	s.Want("Delete the group /staff?", "With it goes 2 groups in it", "This cannot be undone.", "type staff to delete")
	typed(s, t, "staff")
	s.Want("deleted /staff")
	until(t, "deleted", func() bool { return r.status("/groups/"+eng) == 404 })
	s.WantNot("2 groups in it")
}

// One group: attributes, roles, members, name and description.
func TestConsoleOneGroup(t *testing.T) {
	r := newOwnRealm(t, groupsRealm(0))
	staff := r.id("/group-by-path/staff")
	group := func() object { return r.get("/groups/" + staff) }
	members := "/groups/" + staff + "/members"
	start := group()

	s := consoleOver(t, r.info, r.name)
	goTo(s, "groups")
	s.Want("staff")
	s.Press("enter")
	s.Want("/staff", "floor", "3", "employee", "none; n adds one")

	s.Press("t")
	s.Want("An attribute of group /staff")
	s.Type("building")
	s.Press("tab")
	s.Type(`north, south\, east`)
	s.Press("enter")
	yes(s, "+ building: north · south, east")
	s.Want("set building")
	until(t, "attribute", func() bool {
		return fmt.Sprint(group()["attributes"]) == "map[building:[north south, east] floor:[3]]"
	})
	only(t, start, group(), "attributes")
	undo(s, t, "- building")
	until(t, "attribute gone", func() bool { return fmt.Sprint(group()["attributes"]) == "map[floor:[3]]" })
	only(t, start, group())

	s.Press("a")
	s.Want("of which client?", "realm roles")
	s.Type("app")
	s.Press("enter")
	s.Want("Which roles should /staff get?", "1 of 1")
	s.Press("enter")
	yes(s, "+ app:admin", "Everybody in this group and beneath it gets it.")
	until(t, "granted", func() bool { return fmt.Sprint(group()["clientRoles"]) == "map[app:[admin]]" })
	only(t, start, group(), "clientRoles")
	undo(s, t, "- app:admin")
	until(t, "revoked", func() bool { return fmt.Sprint(group()["clientRoles"]) == "map[]" })
	only(t, start, group())

	s.Press("tab", "tab") // the role under the cursor
	s.Press("x")
	yes(s, "- employee", "loses it, unless they have it another way")
	until(t, "role gone", func() bool { return fmt.Sprint(group()["realmRoles"]) == "[]" })
	only(t, start, group(), "realmRoles")
	undo(s, t, "+ employee")
	until(t, "role back", func() bool { return fmt.Sprint(group()["realmRoles"]) == "[employee]" })

	s.Press("n")
	s.Want("user0", "user2@example.org")
	s.Press("space", "space", "enter") // the first two
	yes(s, "Add 2 members to /staff?", "+ /staff  user0", "+ /staff  user1")
	r.becomes(members, "username", "user0", "user1")
	s.Want("added 2 members")
	only(t, start, group())
	s.Press("L")
	s.Want("members of /staff", "user0@example.org")
	s.Press("x")
	yes(s, "- /staff  user0")
	r.becomes(members, "username", "user1")
	s.Want("removed 1 member")
	undo(s, t, "+ /staff  user0")
	r.becomes(members, "username", "user0", "user1")
	s.Press("esc")

	s.Press("e")
	s.Want("group /staff")
	s.Press("tab")
	s.Type("Everybody who works here")
	s.Press("enter")
	yes(s, "+ description: Everybody who works here")
	s.Want("changed /staff")
	only(t, start, group(), "description")
	undo(s, t, "- description")
	until(t, "description gone", func() bool { d, _ := group()["description"].(string); return d == "" })

	s.Press("o")
	s.Want("/staff holds 1 role")
	s.Press("esc", "D")
	s.Want("Delete the group /staff?", "2 direct members stay as users", "type staff")
	typed(s, t, "staff")
	s.Want("deleted /staff")
	if code := r.status("/groups/" + staff); code != 404 {
		t.Errorf("the group answers %d", code)
	}
	s.Press("a")
	s.Want("this group was deleted")
	s.Press("esc")
	s.Want("students")
}
