package cmd

import (
	"reflect"
	"slices"
	"testing"

	"gatehouse/stack/stacktest"
)

// The tree of roles over the real Keycloak: from the list of users to the ways of a
// role, from a step to those who hold it, and a mapping that is taken away and given
// back, seen by a plain client with everything else of the group and the user as it was.
func TestConsoleShowsWhereRolesComeFrom(t *testing.T) {
	info := stacktest.All(t)
	p, realm := keycloakAdmin(t, info.Keycloak), "console-"+unique(t)
	base := info.Keycloak.URL + "/admin/realms"
	type object = map[string]any
	p.must(201, "POST", base, object{"realm": realm, "enabled": true, "components": smallKeys,
		"users": []object{{"username": "ben", "enabled": true, "email": "ben@example.org", "firstName": "Ben", "lastName": "A", "groups": []string{"/staff/eng"}}},
		"groups": []object{{"name": "staff", "attributes": object{"floor": []string{"3"}}, "realmRoles": []string{"employee", "examiner"},
			"clientRoles": object{"flaskClient": []string{"editor"}}, "subGroups": []object{{"name": "eng"}}}},
		"roles": object{"realm": []object{{"name": "employee", "composite": true, "composites": object{"client": object{"flaskClient": []string{"admin"}}}}, {"name": "examiner"}},
			"client": object{"flaskClient": []object{{"name": "admin"}, {"name": "editor"}}}},
		"clients": []object{{"clientId": "flaskClient", "enabled": true}}}, nil)
	t.Cleanup(func() { keycloakAdmin(t, info.Keycloak).call("DELETE", base+"/"+realm, nil) })
	var group struct{ ID string }
	p.must(200, "GET", base+"/"+realm+"/group-by-path/staff", nil, &group)
	state := func() (realmRoles []string, rest any) {
		t.Helper()
		var body object
		keycloakAdmin(t, info.Keycloak).must(200, "GET", base+"/"+realm+"/groups/"+group.ID, nil, &body)
		for _, name := range body["realmRoles"].([]any) {
			realmRoles = append(realmRoles, name.(string))
		}
		slices.Sort(realmRoles)
		delete(body, "realmRoles")
		return realmRoles, body
	}
	before, rest := state()
	is := func(want ...string) {
		t.Helper()
		until(t, "the group has other roles", func() bool { got, _ := state(); return slices.Equal(got, want) })
		if _, now := state(); !reflect.DeepEqual(now, rest) {
			t.Errorf("the rest of the group is not what it was:\n%v\n%v", now, rest)
		}
	}
	if !slices.Equal(before, []string{"employee", "examiner"}) {
		t.Fatalf("the group begins with %q", before)
	}

	s := consoleOver(t, info, realm)
	goTo(s, "users")
	s.Want("ben@example.org")
	s.Press("o")
	s.Want("ben holds 4 roles: 0 direct, 4 inherited", "flaskClient:admin", "through /staff/eng → /staff → employee")
	s.Press("+")
	s.Want("group /staff/eng", "client role flaskClient:admin")
	s.Press("-", "g", "x") // employee is the first
	s.Want("Take employee from group /staff?", "- realm role employee of group /staff", "not only ben")
	s.Press("y")
	s.Want("u undoes it", "ben holds 2 roles")
	is("examiner")
	s.Press("u")
	s.Want("+ realm role employee of group /staff")
	s.Press("y")
	s.Want("ben holds 4 roles")
	is("employee", "examiner")

	s.Press("g", "o")
	s.Want("holders of employee", "/staff/eng", "ben")
	s.Press("esc", "esc")
	goTo(s, "roles")
	s.Want("examiner", "flaskClient", "admin", "account")
	s.Type("/examiner")
	s.Press("enter", "o")
	s.Want("holders of examiner", "/staff/eng", "/staff", "ben")
	goTo(s, "paths ben")
	s.Want("ben holds 4 roles")
	goTo(s, "paths nobody")
	s.Want("has no user with the username")
}
