package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Roles and groups made, changed, filled, moved and deleted by commands, and roles granted
// to many at once, each looked at by a plain client.
func TestRealRolesAndGroupsAdmin(t *testing.T) {
	r := newRealRealm(t)
	get := func(path string) map[string]any {
		t.Helper()
		var out map[string]any
		r.must(200, plainHTTP(t, "GET", r.base+path, r.token(), nil, &out))
		return out
	}
	names := func(path, property string) []string {
		t.Helper()
		var all []map[string]any
		r.must(200, plainHTTP(t, "GET", r.base+path, r.token(), nil, &all))
		out := []string{}
		for _, x := range all {
			out = append(out, x[property].(string))
		}
		slices.Sort(out)
		return out
	}
	is := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}

	made := decode[[]roleEdit](t, "role-edit", r.run(0, "roles", "create", "--realm-role", "writer", "--description", "Writes", "--attribute", "level=3", "--json"))
	is("created", made[0].Outcome, "done")
	before := get("/roles/writer")
	is("attributes", fmt.Sprint(before["attributes"]), "map[level:[3]]")
	r.run(2, "roles", "create", "--realm-role", "writer") // there is one

	r.run(0, "roles", "edit", "--realm-role", "writer", "--attribute", "level=4", "--dry-run")
	is("after a dry run", fmt.Sprint(get("/roles/writer")["attributes"]), "map[level:[3]]")
	r.run(0, "roles", "edit", "--realm-role", "writer", "--attribute", "level=4", "--attribute", "level=5")
	after := get("/roles/writer")
	is("changed", fmt.Sprint(after["attributes"]), "map[level:[4 5]]")
	delete(before, "attributes")
	delete(after, "attributes")
	is("the rest", after, before)
	same := decode[[]roleEdit](t, "role-edit", r.run(0, "roles", "edit", "--realm-role", "writer", "--description", "Writes", "--json"))
	is("as it was", same[0].Outcome, "unchanged")

	r.run(0, "roles", "composites", "--realm-role", "writer", "--add", "app:reader", "--add", "employee")
	is("composites", names("/roles/writer/composites", "name"), []string{"employee", "reader"})
	r.run(1, "roles", "composites", "--realm-role", "writer", "--remove", "employee", "--remove", "boss") // boss is not in it
	is("composites", names("/roles/writer/composites", "name"), []string{"reader"})
	shown := decode[roleDetail](t, "role-detail", r.run(0, "roles", "get", "--realm-role", "writer", "--json"))
	is("shown", shown.Composites, []roleName{{Client: "app", Role: "reader"}})
	r.run(2, "roles", "composites", "--realm-role", "writer", "--add", "writer") // it would contain itself

	file := filepath.Join(t.TempDir(), "people")
	if err := os.WriteFile(file, []byte("# all\nann\nben@acme.example\n\nnobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	many := r.run(2, "roles", "grant", "--realm-role", "writer", "--users-from", file, "--json")
	is("holders", names("/roles/writer/users", "username"), []string{"ann", "ben"})
	rows := decode[[]roleChange](t, "role-change", many)
	is("rows", []string{rows[0].User, rows[0].Outcome, rows[1].User, rows[1].Outcome, rows[2].User, rows[2].Outcome}, []string{"ann", "done", "ben", "done", "nobody", "failed"})
	if !strings.Contains(many.stderr, "1 of 3 could not be done") {
		t.Errorf("stderr %q", many.stderr)
	}
	one := gatehouseIn(t, "ann\n", r.env, "roles", "revoke", "--realm", r.name, "--realm-role", "writer", "--users-from", "-").want(t, 0)
	is("holders", names("/roles/writer/users", "username"), []string{"ben"})
	if !strings.Contains(one.stdout, "revoked") {
		t.Errorf("stdout %q", one.stdout)
	}
	gatehouseIn(t, "/staff\n/staff/eng\n", r.env, "roles", "grant", "--realm", r.name, "--realm-role", "writer", "--groups-from", "-").want(t, 0)
	is("groups", names("/roles/writer/groups", "path"), []string{"/staff", "/staff/eng"})

	r.run(2, "roles", "delete", "--realm-role", "writer") // nobody is there to confirm it
	r.run(0, "roles", "delete", "--realm-role", "writer", "--yes")
	is("deleted", plainHTTP(t, "GET", r.base+"/roles/writer", r.token(), nil, nil), 404)

	staff := get("/group-by-path/staff")["id"].(string)
	eng := get("/groups/" + get("/group-by-path/staff/eng")["id"].(string))
	r.run(0, "groups", "edit", "/staff/eng", "--description", "Builds", "--attribute", "floor=3")
	now := get("/groups/" + eng["id"].(string))
	is("description", now["description"], "Builds")
	is("attributes", fmt.Sprint(now["attributes"]), "map[floor:[3]]")
	delete(now, "description")
	delete(now, "attributes")
	delete(eng, "attributes")
	is("the rest of the group", now, eng)
	moved := decode[[]groupChange](t, "group-change", r.run(0, "groups", "move", "/staff/eng", "--to", "/", "--json"))
	is("moved", []string{moved[0].Path, moved[0].Was}, []string{"/eng", "/staff/eng"})
	is("its place", get("/groups/" + eng["id"].(string))["path"], "/eng")
	r.run(2, "groups", "move", "/staff", "--to", "/staff")
	r.run(0, "groups", "move", "/eng", "--to", "/staff")
	is("back", names("/groups/"+staff+"/children", "name"), []string{"eng"})
}
