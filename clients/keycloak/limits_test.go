package keycloak_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func TestUserMadeWithoutEnabledIsDisabled(t *testing.T) {
	r, p := realm(t), newPlain(t)
	h := p.must("POST", "users", map[string]any{"username": "bare-" + unique()})
	id := h.Get("Location")[strings.LastIndex(h.Get("Location"), "/")+1:]
	t.Cleanup(func() { r.DeleteUser(context.Background(), id) })
	if p.get("users/" + id).(map[string]any)["enabled"] != false {
		t.Fatal("the trap is gone: a user without enabled is enabled")
	}
	for _, disabled := range []bool{false, true} {
		ch, err := r.CreateUser(t.Context(), keycloak.NewUser{Username: "new-" + unique(), Disabled: disabled})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.DeleteUser(context.Background(), ch.After.ID) })
		if got := p.get("users/" + ch.After.ID).(map[string]any)["enabled"]; got != !disabled || ch.After.Enabled == disabled {
			t.Errorf("disabled=%v: the server has enabled=%v", disabled, got)
		}
	}
}

func TestRolesListHonoursMax(t *testing.T) {
	r, p := realm(t), newPlain(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "many"})
	for range 7 {
		newRole(t, r, keycloak.OfClient(c.ID), "r")
	}
	if n := len(p.get("clients/" + c.ID + "/roles?max=2").([]any)); n != 7 {
		t.Fatalf("the trap is gone: max without first gives %d of 7", n)
	}
	fetch := r.Roles(keycloak.OfClient(c.ID), keycloak.RoleQuery{PageSize: 3})
	page := ok[clients.Page[keycloak.Role]](t)(fetch(t.Context(), ""))
	if len(page.Items) != 3 || page.Next != "3" || page.Total != -1 {
		t.Fatalf("first page has %d items, next %q, total %d", len(page.Items), page.Next, page.Total)
	}
	var names []string
	for role, err := range clients.Each(t.Context(), fetch) {
		if err != nil {
			t.Fatal(err)
		}
		if role.Client != c.ClientID || !role.ClientRole {
			t.Errorf("role %v names the client %q, want %q", role.Name, role.Client, c.ClientID)
		}
		names = append(names, role.Name)
	}
	if len(names) != 7 || !slices.IsSorted(names) {
		t.Errorf("walked over %v", names)
	}
}

func TestRoleNamesThatNoAddressCanHold(t *testing.T) {
	r, p := realm(t), newPlain(t)
	for _, name := range []string{"", ".", ".."} {
		t.Run("name "+name, func(t *testing.T) {
			p.must("POST", "roles", map[string]any{"name": name, "description": "odd"})
			role, err := r.RoleByName(t.Context(), keycloak.OfRealm, name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { p.must("DELETE", "roles-by-id/"+role.ID, nil) })
			if role.Name != name || role.Description != "odd" {
				t.Fatalf("found %+v", role)
			}
			u := newUser(t, r, "odd")
			if _, err := r.Grant(t.Context(), keycloak.OfUser(u.ID), role); err != nil {
				t.Errorf("grant: %v", err)
			}
			if _, err := r.Revoke(t.Context(), keycloak.OfUser(u.ID), role); err != nil {
				t.Errorf("revoke: %v", err)
			}
			before := p.get("roles-by-id/" + role.ID)
			_, err = r.CreateRole(t.Context(), keycloak.OfRealm, keycloak.NewRole{Name: name})
			wantKind(t, err, clients.Invalid)
			_, err = r.UpdateRole(t.Context(), role.ID, keycloak.RolePatch{Name: ptr(name)})
			wantKind(t, err, clients.Invalid)
			_, err = r.RoleUsers(role, 0)(t.Context(), "")
			wantKind(t, err, clients.Invalid)
			_, err = r.RoleGroups(role, 0)(t.Context(), "")
			wantKind(t, err, clients.Invalid)
			wantDiff(t, before, p.get("roles-by-id/"+role.ID), nil)
		})
	}
	_, err := r.CreateRole(t.Context(), keycloak.OfRealm, keycloak.NewRole{Name: strings.Repeat("x", 256)})
	wantKind(t, err, clients.Invalid)
}

func TestRoleNamesWithEveryOddSign(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "odd/client #1?"})
	for _, name := range []string{"team/admin #1", "a%2Fb", "50%", "ä ö;?+&=", `back\slash`, "//", "a:b@c,d", "مدير", "👩‍🚀", "\x1b[31mred"} {
		for _, container := range []keycloak.Container{keycloak.OfRealm, keycloak.OfClient(c.ID)} {
			ch, err := r.CreateRole(t.Context(), container, keycloak.NewRole{Name: name, Description: "d"})
			if err != nil {
				t.Errorf("%q: %v", name, err)
				continue
			}
			if ch.After.Name != name || ch.After.ID == "" || ch.After.ClientRole != (container != keycloak.OfRealm) {
				t.Errorf("%q: made %+v", name, ch.After)
			}
			if _, err := r.RoleUsers(ch.After, 10)(t.Context(), ""); err != nil {
				t.Errorf("%q: holders: %v", name, err)
			}
			if _, err := r.DeleteRole(t.Context(), ch.After.ID); err != nil {
				t.Errorf("%q: delete: %v", name, err)
			}
			_, err = r.RoleByName(t.Context(), container, name)
			wantKind(t, err, clients.NotFound)
		}
	}
	if found := ok[keycloak.Client](t)(r.ClientByClientID(t.Context(), c.ClientID)); found.ID != c.ID {
		t.Errorf("found client %v", found.ID)
	}
}

func TestEmptyIDsAddressNothing(t *testing.T) {
	r, p := realm(t), newPlain(t)
	u := newUser(t, r, "left")
	for _, id := range []string{"", ".", ".."} {
		for name, err := range map[string]error{
			"DeleteUser":   second(r.DeleteUser(t.Context(), id)),
			"DeleteGroup":  second(r.DeleteGroup(t.Context(), id)),
			"DeleteRole":   second(r.DeleteRole(t.Context(), id)),
			"DeleteClient": second(r.DeleteClient(t.Context(), id)),
			"Revoke":       second(r.Revoke(t.Context(), keycloak.OfUser(id), keycloak.Role{ID: "x", Name: "x"})),
			"Unlock":       second(r.Unlock(t.Context(), id)),
			"User":         second(r.User(t.Context(), id)),
			"EndSession":   r.EndSession(t.Context(), id, false),
		} {
			if !clients.Is(err, clients.Invalid) {
				t.Errorf("%s(%q) gives %v", name, id, err)
			}
		}
	}
	for _, name := range []string{"", ".", ".."} {
		empty := r.Server().Realm(name)
		if _, err := empty.DeleteRealm(t.Context()); !clients.Is(err, clients.Invalid) {
			t.Errorf("DeleteRealm of %q gives %v", name, err)
		}
	}
	if _, err := r.Server().Realm("master").DeleteRealm(t.Context()); !clients.Is(err, clients.Invalid) {
		t.Errorf("DeleteRealm of master gives %v", err)
	}
	if p.get("users/"+u.ID) == nil || p.get("") == nil {
		t.Error("something was deleted")
	}
}

func second[T any](_ T, err error) error { return err }

func TestRequiredActions(t *testing.T) {
	r, p := realm(t), newPlain(t)
	u := newUser(t, r, "todo")
	before := p.get("users/" + u.ID)
	p.must("PUT", "users/"+u.ID, map[string]any{"requiredActions": []string{"UPDATE_PASSWORD", "NO_SUCH"}})
	wantDiff(t, before, p.get("users/"+u.ID), map[string]string{"requiredActions.0": "UPDATE_PASSWORD"}) // dropped in silence

	_, err := r.SetRequiredActions(t.Context(), u.ID, []string{"NO_SUCH"})
	if problem := wantKind(t, err, clients.Invalid); !strings.Contains(problem.Error(), "NO_SUCH") {
		t.Errorf("the refusal does not name it: %v", problem)
	}
	ch := ok[clients.Change[keycloak.User]](t)(r.SetRequiredActions(t.Context(), u.ID, []string{"VERIFY_EMAIL", "CONFIGURE_TOTP"}))
	if len(ch.Before.RequiredActions) != 1 || len(ch.After.RequiredActions) != 2 {
		t.Errorf("change is %v -> %v", ch.Before.RequiredActions, ch.After.RequiredActions)
	}
	for _, none := range [][]string{nil, {}} {
		ch = ok[clients.Change[keycloak.User]](t)(r.SetRequiredActions(t.Context(), u.ID, none))
		if len(ch.After.RequiredActions) != 0 {
			t.Errorf("left: %v", ch.After.RequiredActions)
		}
		wantDiff(t, before, p.get("users/"+u.ID), nil)
	}
}

func TestAttributesThatTheServerWouldDropAreRefused(t *testing.T) {
	r, p := realm(t), newPlain(t)
	u := newUser(t, r, "ann")
	before := p.get("users/" + u.ID)
	_, err := r.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{Attributes: map[string][]string{"shoe": {"43"}}})
	problem := wantKind(t, err, clients.Invalid)
	if len(problem.Fields) != 1 || problem.Fields[0].Path != "attributes/shoe" {
		t.Errorf("fields are %v", problem.Fields)
	}
	wantDiff(t, before, p.get("users/"+u.ID), nil)
}

func TestServiceAccountsAreHiddenFromSearch(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "robot", ServiceAccounts: true})
	robot := ok[keycloak.User](t)(r.ServiceAccount(t.Context(), c.ID))
	page := ok[clients.Page[keycloak.User]](t)(r.Users(keycloak.UserQuery{Search: robot.Username})(t.Context(), ""))
	if len(page.Items) != 0 {
		t.Fatalf("the trap is gone: search finds %v", page.Items)
	}
	if found := ok[keycloak.User](t)(r.UserByUsername(t.Context(), robot.Username)); found.ID != robot.ID {
		t.Errorf("found %v", found)
	}
}

func TestScopeAttachedTheOtherWay(t *testing.T) {
	r, p := realm(t), newPlain(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "app"})
	s := ok[clients.Change[keycloak.ClientScope]](t)(r.CreateClientScope(t.Context(), keycloak.NewClientScope{Name: "s-" + unique()})).After
	t.Cleanup(func() { r.DeleteClientScope(context.Background(), s.ID) })
	p.must("PUT", "clients/"+c.ID+"/default-client-scopes/"+s.ID, nil)
	p.must("PUT", "clients/"+c.ID+"/optional-client-scopes/"+s.ID, nil)
	if slices.Contains(namesIn(p.get("clients/"+c.ID+"/optional-client-scopes"), "name"), s.Name) {
		t.Fatal("the trap is gone: the second PUT moved the scope")
	}
	ch := ok[clients.Change[keycloak.AttachedScopes]](t)(r.AttachScope(t.Context(), c.ID, s.ID, keycloak.ScopeOptional))
	if got := namesIn(p.get("clients/"+c.ID+"/optional-client-scopes"), "name"); !slices.Contains(got, s.Name) {
		t.Errorf("optional scopes are %v", got)
	}
	if got := namesIn(p.get("clients/"+c.ID+"/default-client-scopes"), "name"); slices.Contains(got, s.Name) {
		t.Errorf("default scopes are %v", got)
	}
	if len(ch.Before.Default) != len(ch.After.Default)+1 || len(ch.Before.Optional)+1 != len(ch.After.Optional) {
		t.Errorf("change is %v", ch)
	}
}

func TestImportTraps(t *testing.T) {
	r, p := realm(t), newPlain(t)
	name, group := "imp-"+unique(), "grp-"+unique()
	in := func(s string) keycloak.Import {
		return keycloak.Import{Data: []byte(strings.NewReplacer("NAME", name, "GROUP", group).Replace(s))}
	}
	_, err := r.ImportPartial(t.Context(), in(`{"users":[{"username":"NAME"}]}`))
	if problem := wantKind(t, err, clients.Invalid); len(problem.Fields) != 1 || problem.Fields[0].Path != "/users/0/enabled" {
		t.Errorf("fields are %v", problem.Fields)
	}
	_, err = r.ImportPartial(t.Context(), in(`{"users":[{"username":"NAME","enabled":true,"groups":["/no/such"]}]}`))
	wantKind(t, err, clients.Invalid)
	overwrite := in(`{"users":[{"username":"NAME","enabled":true}]}`)
	overwrite.IfExists = keycloak.ImportOverwrite
	_, err = r.ImportPartial(t.Context(), overwrite)
	wantKind(t, err, clients.Invalid)
	bad := in(`{}`)
	bad.IfExists = "REPLACE"
	_, err = r.ImportPartial(t.Context(), bad)
	wantKind(t, err, clients.Invalid)
	for _, broken := range []string{``, `[]`, `null`, `{"users":{}}`} {
		_, err = r.ImportPartial(t.Context(), keycloak.Import{Data: []byte(broken)})
		wantKind(t, err, clients.Invalid)
	}

	// A group without its path makes the server fail; here it is filled in.
	good := in(`{"groups":[{"name":"GROUP","subGroups":[{"name":"low"}]}],"users":[{"username":"NAME","enabled":true,"email":"NAME@example.org","groups":["/GROUP/low"]}]}`)
	done := ok[keycloak.ImportResult](t)(r.ImportPartial(t.Context(), good))
	if done.Added != 2 || len(done.Items) != 2 {
		t.Fatalf("result is %+v", done)
	}
	u := ok[keycloak.User](t)(r.UserByUsername(t.Context(), name))
	if got := namesIn(p.get("users/"+u.ID+"/groups"), "path"); !u.Enabled || !slices.Equal(got, []string{"/" + group + "/low"}) {
		t.Errorf("imported user %+v is in %v", u, got)
	}
	_, err = r.ImportPartial(t.Context(), good)
	wantKind(t, err, clients.Conflict)
	good.IfExists = keycloak.ImportSkip
	if done = ok[keycloak.ImportResult](t)(r.ImportPartial(t.Context(), good)); done.Skipped != 2 {
		t.Errorf("skip: %+v", done)
	}
	overwrite.Confirmed = true
	if done = ok[keycloak.ImportResult](t)(r.ImportPartial(t.Context(), overwrite)); done.Overwritten != 1 {
		t.Errorf("overwrite: %+v", done)
	}
	if again := ok[keycloak.User](t)(r.UserByUsername(t.Context(), name)); again.ID == u.ID {
		t.Error("OVERWRITE kept the id; the warning is out of date")
	} else {
		r.DeleteUser(t.Context(), again.ID)
	}
	if g, err := r.GroupByPath(t.Context(), "/"+group); err == nil {
		r.DeleteGroup(t.Context(), g.ID)
	}
}

func TestPublicAndBackGivesANewSecret(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "app"})
	old := ok[string](t)(r.ClientSecret(t.Context(), c.ID))
	ok[clients.Change[keycloak.Client]](t)(r.UpdateClient(t.Context(), c.ID, keycloak.ClientPatch{Public: ptr(true)}))
	_, err := r.ClientSecret(t.Context(), c.ID)
	wantKind(t, err, clients.NotFound)
	ok[clients.Change[keycloak.Client]](t)(r.UpdateClient(t.Context(), c.ID, keycloak.ClientPatch{Public: ptr(false)}))
	if now := ok[string](t)(r.ClientSecret(t.Context(), c.ID)); now == old {
		t.Error("the secret is the old one; the warning is out of date")
	}
}

func TestSecretsStayOut(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "app", Secret: "s3cret-" + unique()})
	secret := ok[string](t)(r.ClientSecret(t.Context(), c.ID))
	if strings.Contains(string(c.Raw), secret) || !strings.Contains(string(c.Raw), c.ClientID) {
		t.Errorf("raw is %s", c.Raw)
	}
	_, err := r.ResetPassword(t.Context(), "00000000-0000-0000-0000-000000000000", "very-secret-password", false)
	if problem := wantKind(t, err, clients.NotFound); strings.Contains(problem.Error(), "very-secret") {
		t.Errorf("the problem tells the password: %v", problem)
	}
	login := keycloak.Login{Username: "u", Password: "very-secret"}
	if s := login.String() + login.GoString() + (keycloak.Token{Access: "very-secret"}).String(); strings.Contains(s, "very-secret") {
		t.Errorf("printed as %s", s)
	}
}
