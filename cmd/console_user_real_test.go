package cmd

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/stack/stacktest"
	"gatehouse/tui/tuitest"
)

// userRealm is a realm with somebody to whom everything can be done: two groups, a
// consent, a link to an identity provider, an authenticator app, and sessions.
func userRealm(t *testing.T) (base, realm string, admin func() plain) {
	info := stacktest.All(t)
	admin = func() plain { return keycloakAdmin(t, info.Keycloak) } // a token lives a minute
	realm = uniq("users-")
	base = info.Keycloak.URL + "/admin/realms/" + realm
	type object = map[string]any
	user := func(name string) object {
		return object{"username": name, "enabled": true, "email": name + "@example.org", "emailVerified": true, "firstName": strings.ToUpper(name), "lastName": "Okafor", "groups": []string{"/staff"},
			"credentials": []object{{"type": "password", "value": "canary-Phrase-1", "temporary": false}}}
	}
	admin().must(201, "POST", info.Keycloak.URL+"/admin/realms", object{"realm": realm, "enabled": true, "components": smallKeys,
		"bruteForceProtected": true, "failureFactor": 3, "waitIncrementSeconds": 600, "maxFailureWaitSeconds": 900, "quickLoginCheckMilliSeconds": 1,
		"roles":             object{"realm": []object{{"name": "employee"}}, "client": object{"app": []object{{"name": "admin"}}}},
		"groups":            []object{{"name": "staff", "subGroups": []object{{"name": "eng"}}}, {"name": "ops"}},
		"clients":           []object{{"clientId": "app", "enabled": true, "publicClient": true, "directAccessGrantsEnabled": true, "redirectUris": []string{"*"}}},
		"identityProviders": []object{{"alias": "okta", "providerId": "oidc", "enabled": true, "config": object{"authorizationUrl": "http://127.0.0.1:1/a", "tokenUrl": "http://127.0.0.1:1/t", "clientId": "x", "clientSecret": "y"}}},
		"users":             []object{user("ann"), user("ben"), user("cleo")}}, nil)
	t.Cleanup(func() { admin().call("DELETE", base, nil) })
	var profile map[string]any
	admin().must(200, "GET", base+"/users/profile", nil, &profile)
	profile["unmanagedAttributePolicy"] = "ENABLED"
	admin().must(200, "PUT", base+"/users/profile", profile, nil)
	return base, realm, admin
}

func userID(t *testing.T, p plain, base, name string) string {
	t.Helper()
	var list []struct{ ID string }
	p.must(200, "GET", base+"/users?exact=true&username="+url.QueryEscape(name), nil, &list)
	if len(list) != 1 {
		t.Fatalf("%d users are called %s", len(list), name)
	}
	return list[0].ID
}

// without is a user without what a write is meant to change.
func without(u map[string]any, but ...string) map[string]any {
	out := map[string]any{}
	for k, v := range u {
		if !slices.Contains(but, k) {
			out[k] = v
		}
	}
	return out
}

func TestConsoleUserWrites(t *testing.T) {
	t.Parallel()
	base, realm, admin := userRealm(t)
	info := stacktest.All(t)
	id := userID(t, admin(), base, "ann")
	look := func(path string) (out any) {
		t.Helper()
		admin().must(200, "GET", base+"/users/"+id+path, nil, &out)
		return out
	}
	ann := func() map[string]any { t.Helper(); return look("").(map[string]any) }
	login := func(password string) int {
		resp, err := http.PostForm(info.Keycloak.URL+"/realms/"+realm+"/protocol/openid-connect/token",
			url.Values{"grant_type": {"password"}, "client_id": {"app"}, "scope": {"openid"}, "username": {"ann"}, "password": {password}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	size := func(path string) int { list, _ := look(path).([]any); return len(list) }
	admin().must(204, "POST", base+"/users/"+id+"/federated-identity/okta", map[string]any{"identityProvider": "okta", "userId": "00u1", "userName": "ann.o"}, nil)

	s := consoleOver(t, info, realm)
	goTo(s, "users")
	s.Want("ann@example.org")
	s.Press("enter")
	s.Want("User of "+realm, "not locked", "okta", "/staff", "this realm keeps no events")

	before := ann()
	// change presses keys, agrees, waits until plain HTTP sees it, takes it back where
	// that can be, and makes sure that nothing else is different.
	change := func(what string, keys []string, so func() bool, undo bool, but ...string) {
		t.Helper()
		was := ann()
		s.Press(keys...)
		s.Want("esc cancel")
		s.Press("y")
		until(t, what, so)
		s.Want("ann", "lock")
		if got, want := without(ann(), but...), without(was, but...); !reflect.DeepEqual(got, want) {
			t.Errorf("%s changed something else:\n%v\n%v", what, want, got)
		}
		if !undo {
			return
		}
		s.Want("u undoes it")
		s.Press("u")
		s.Want("Undo:", "esc cancel")
		s.Press("y")
		s.Want("undone:")
		until(t, "undo of "+what, func() bool { return !so() })
		if got := ann(); !reflect.DeepEqual(got, was) {
			t.Errorf("%s taken back is not as before:\n%v\n%v", what, was, got)
		}
	}

	change("disabled", []string{"d"}, func() bool { return ann()["enabled"] == false }, true, "enabled")
	change("unverified", []string{"v"}, func() bool { return ann()["emailVerified"] == false }, true, "emailVerified")

	s.Press("A")
	s.Want("What must ann do", "Update Password")
	s.Type("Update Password")
	s.Press("tab")
	change("must set a password", []string{"enter"}, func() bool { return reflect.DeepEqual(ann()["requiredActions"], []any{"UPDATE_PASSWORD"}) }, true, "requiredActions")

	s.Press("M")
	s.Want("Which group should ann join?", "/staff/eng")
	s.Type("eng")
	change("in /staff/eng", []string{"enter"}, func() bool { return size("/groups") == 2 }, true)

	s.Press("e")
	s.Want("Profile of ann", "Other attribute")
	for range 3 {
		s.Press("tab")
	}
	s.Press("ctrl+u")
	s.Type("Smith")
	s.Press("tab", "tab")
	s.Type("desk=7")
	s.Press("ctrl+s")
	s.Want("+ lastName: Smith", "+ desk: 7")
	change("edited", nil, func() bool {
		u := ann()
		return u["lastName"] == "Smith" && u["email"] == "ann@example.org" && reflect.DeepEqual(u["attributes"], map[string]any{"desk": []any{"7"}})
	}, true, "lastName", "attributes")

	s.Press("e")
	s.Want("Profile of ann")
	s.Press("tab", "ctrl+u")
	s.Type("no address")
	s.Press("ctrl+s")
	s.Want("+ email: no address")
	s.Press("y")
	s.Want("is no e-mail address") // beside the field, as the server has it
	s.Press("esc")
	s.Want("Leave the form?")
	s.Press("y")
	s.Want("User of")

	// a password: the new one works, the old one does not
	s.Press("N")
	s.Want("A new password for ann")
	s.Type("canary-Phrase-2")
	s.Press("tab")
	s.Type("canary-Phrase-2")
	s.Press("tab", "right", "ctrl+s")
	s.Want("Give ann this password?")
	s.WantNot("canary")
	s.Press("y")
	s.Want("the new password of ann is set")
	if login("canary-Phrase-2") != 200 || login("canary-Phrase-1") == 200 {
		t.Error("the new password does not work, or the old one does")
	}

	// a session, seen and ended
	s.Press("ctrl+r")
	s.Want("app from 127.0.0.1")
	under(s, "app from 127.0.0.1")
	change("session ended", []string{"x"}, func() bool { return size("/sessions") == 0 }, false, "notBefore")
	login("canary-Phrase-2")
	s.Press("ctrl+r")
	s.Want("app from 127.0.0.1")
	change("logged out", []string{"l"}, func() bool { return size("/sessions") == 0 }, false, "notBefore")

	// a lock, counted down and ended
	for range 3 {
		login("wrong")
	}
	s.Press("ctrl+r")
	s.Want("locked for", "after 3 failures", "from 127.0.0.1")
	s.Press("U")
	s.Want("Unlock ann?")
	s.Press("y")
	s.Want("ann is unlocked")
	until(t, "the new password works again", func() bool { return login("canary-Phrase-2") == 200 })

	s.Press("ctrl+r")
	s.Want("okta")
	under(s, "ann.o")
	change("unlinked", []string{"x"}, func() bool { return size("/federated-identity") == 0 }, true, "federatedIdentities")
	under(s, "/staff")
	change("left", []string{"x"}, func() bool { return size("/groups") == 0 }, true)
	under(s, "password ")
	change("credential deleted", []string{"x"}, func() bool { return size("/credentials") == 0 }, false, "disableableCredentialTypes")

	// events: off, switched on, and found by the name although they hold no user
	s.Press("E")
	s.Want("Nothing is stored", "O switches it on")
	s.Press("O")
	s.Want("Keep events from now on?")
	s.Press("y")
	s.Want("the realm keeps events from now on")
	var config map[string]any
	admin().must(200, "GET", base+"/events/config", nil, &config)
	if config["eventsEnabled"] != true || config["adminEventsEnabled"] != true || len(config["eventsListeners"].([]any)) == 0 {
		t.Errorf("the events configuration is %v", config)
	}
	admin().must(204, "PUT", base+"/users/"+id+"/reset-password", map[string]any{"type": "password", "value": "canary-Phrase-3", "temporary": true}, nil)
	login("canary-Phrase-3") // refused with an event that names nobody
	s.Press("ctrl+r")
	s.Want("something has to be done at the login page first", `found by the name "ann"`, "by an administrator: password reset")
	s.WantNot("canary")
	s.Press("esc")
	s.Want("User of")

	s.Press("D")
	s.Want("type ann to delete")
	s.Type("ann")
	s.Press("enter")
	s.Want("ann is deleted")
	if code, _ := admin().call("GET", base+"/users/"+id, nil); code != 404 {
		t.Errorf("the deleted user answers %d", code)
	}
	if before["email"] != "ann@example.org" {
		t.Errorf("it began with %v", before)
	}
}

func TestConsoleUsersInBulk(t *testing.T) {
	t.Chdir(t.TempDir()) // the report is written there
	base, realm, admin := userRealm(t)
	info := stacktest.All(t)
	s := consoleOver(t, info, realm)
	goTo(s, "users")
	s.Want("ann@example.org", "cleo")
	all := func(of func(map[string]any) bool) bool {
		var list []map[string]any
		admin().must(200, "GET", base+"/users", nil, &list)
		n := 0
		for _, u := range list {
			if of(u) {
				n++
			}
		}
		return n == 3
	}
	s.Press("ctrl+a", "d")
	s.Want("Disable 3 users?")
	s.Press("y")
	s.Want("3 users disabled")
	if !all(func(u map[string]any) bool { return u["enabled"] == false }) {
		t.Error("not all are disabled")
	}
	s.Press("u")
	s.Want("Undo: disable 3 users?")
	s.Press("y")
	s.Want("3 users as before")
	if !all(func(u map[string]any) bool { return u["enabled"] == true && u["lastName"] == "Okafor" }) {
		t.Error("not all are enabled again")
	}
	s.Press("esc", "esc")
	s.Want("users " + realm)
	s.Press("R")
	s.Want("A role of the realm, or of which client?", "realm-management")
	s.Type("app")
	s.Want("▸ app")
	s.Press("enter")
	s.Want("Which role should 3 users get?", "admin")
	s.Press("enter")
	s.Want("Grant app:admin to 3 users?")
	s.Press("y")
	s.Want("3 users granted")
	var app []struct{ ID string }
	admin().must(200, "GET", base+"/clients?clientId=app", nil, &app)
	var holders []map[string]any
	admin().must(200, "GET", base+"/clients/"+app[0].ID+"/roles/admin/users", nil, &holders)
	if len(holders) != 3 {
		t.Errorf("%d hold the role", len(holders))
	}
	s.Press("esc")
	s.Press("M")
	s.Want("Which group should 3 users join?", "/ops")
	s.Type("/ops")
	s.Press("enter")
	s.Want("Make 3 users members of /ops?")
	s.Press("y")
	s.Want("3 users in the group")
	s.Press("esc")

	// one is deleted behind its back: that one fails, the others do not, and the report says so
	admin().must(204, "DELETE", base+"/users/"+userID(t, admin(), base, "ben"), nil, nil)
	s.Press("D")
	s.Want("Delete 3 users?")
	s.Press("y")
	s.Want("2 users deleted, 1 failed")
	s.Press("R")
	s.Want("wrote 1 line to")
	if !all(func(u map[string]any) bool { return u["username"] == "nobody" }) {
		var list []map[string]any
		admin().must(200, "GET", base+"/users", nil, &list)
		if len(list) != 0 {
			t.Errorf("%d users are left", len(list))
		}
	}
}

// under puts the cursor on the line that holds a text.
func under(s *tuitest.Term, text string) {
	x, y := s.Find(text)
	s.Click(x, y)
	s.Settle()
}
