package keycloak_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// The first part of each test shows that the trap is there on the real server, the
// second that it cannot be sprung through the client.

func TestDeleteOfRoleMappingsWithoutABodyRemovesAll(t *testing.T) {
	r, p := realm(t), newPlain(t)
	ctx := t.Context()
	app := newClient(t, r, keycloak.NewClient{ClientID: "app"})
	a, b := newRole(t, r, keycloak.OfRealm, "a"), newRole(t, r, keycloak.OfRealm, "b")
	c1, c2 := newRole(t, r, keycloak.OfClient(app.ID), "c1"), newRole(t, r, keycloak.OfClient(app.ID), "c2")
	scope := ok[clients.Change[keycloak.ClientScope]](t)(r.CreateClientScope(ctx, keycloak.NewClientScope{Name: "scope-" + unique()})).After
	t.Cleanup(func() { r.DeleteClientScope(context.Background(), scope.ID) })
	holders := map[string]keycloak.Holder{
		"users/{}/role-mappings":          keycloak.OfUser(newUser(t, r, "ann").ID),
		"groups/{}/role-mappings":         keycloak.OfGroup(newGroup(t, r, "", "staff").ID),
		"clients/{}/scope-mappings":       keycloak.ScopeOfClient(newClient(t, r, keycloak.NewClient{ClientID: "other", NoFullScope: true}).ID),
		"client-scopes/{}/scope-mappings": keycloak.ScopeOfClientScope(scope.ID),
	}
	for path, h := range holders {
		t.Run(string(h.Kind), func(t *testing.T) {
			base := strings.Replace(path, "{}", h.ID, 1)
			grant := func() {
				t.Helper()
				if _, err := r.Grant(ctx, h, a, b, c1, c2); err != nil {
					t.Fatal(err)
				}
			}
			grant()
			if n := len(namesIn(p.get(base+"/realm"), "name")); n < 2 {
				t.Fatalf("%d realm roles before, want at least 2", n)
			}
			p.must("DELETE", base+"/realm", nil)
			p.must("DELETE", base+"/clients/"+app.ID, nil)
			if left := p.get(base); len(left.(map[string]any)) != 0 {
				t.Fatalf("the trap is gone: left after a bodyless DELETE: %v", left)
			}

			grant()
			before := p.get(base)
			_, err := r.Revoke(ctx, h)
			wantKind(t, err, clients.Invalid)
			_, err = r.Revoke(ctx, h, []keycloak.Role{}...)
			wantKind(t, err, clients.Invalid)
			if d := diff(before, p.get(base)); len(d) != 0 {
				t.Fatalf("an empty revocation changed %v", d)
			}
			ch, err := r.Revoke(ctx, h, a, c1)
			if err != nil {
				t.Fatal(err)
			}
			if got := namesIn(p.get(base+"/realm"), "name"); !slices.Contains(got, b.Name) || slices.Contains(got, a.Name) {
				t.Errorf("realm roles left: %v, want %s and not %s", got, b.Name, a.Name)
			}
			if got := namesIn(p.get(base+"/clients/"+app.ID), "name"); !slices.Equal(got, []string{c2.Name}) {
				t.Errorf("client roles left: %v, want %s", got, c2.Name)
			}
			if !hasAll(ch.Before, a, b, c1, c2) || !hasAll(ch.After, b, c2) || hasAll(ch.After, a) || hasAll(ch.After, c1) {
				t.Errorf("change is %v", ch)
			}
		})
	}
}

func hasAll(roles []keycloak.Role, want ...keycloak.Role) bool {
	for _, w := range want {
		if !slices.ContainsFunc(roles, func(r keycloak.Role) bool { return r.ID == w.ID }) {
			return false
		}
	}
	return true
}

func TestUserPutWithAttributesAloneErasesTheNames(t *testing.T) {
	r, p := realm(t), newPlain(t)
	allowUnmanaged(t, r)
	u := newUser(t, r, "ben")
	p.must("PUT", "users/"+u.ID, map[string]any{"attributes": map[string]any{"x": []string{"1"}}})
	got := p.get("users/" + u.ID).(map[string]any)
	if got["email"] != nil || got["firstName"] != nil || got["lastName"] != nil {
		t.Fatalf("the trap is gone: names are still there: %v", got)
	}

	u = newUser(t, r, "ben")
	before := p.get("users/" + u.ID)
	ch, err := r.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{Attributes: map[string][]string{"dept": {"sales"}}})
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("users/"+u.ID), map[string]string{"attributes.dept.0": "sales"})
	if ch.Before.Attributes["dept"] != nil || ch.After.Attributes["dept"][0] != "sales" {
		t.Errorf("change is %v", ch)
	}
	if _, err := r.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{Attributes: map[string][]string{"floor": {"3"}, "dept": nil}, LastName: ptr("New")}); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("users/"+u.ID), map[string]string{"attributes.floor.0": "3", "lastName": "New"})
}

func TestUserPutWithAttributesWhereUsernamesMayBeEdited(t *testing.T) {
	r, p := realm(t), newPlain(t)
	allowUnmanaged(t, r)
	setRealm(t, r, "editUsernameAllowed", true)
	u := newUser(t, r, "ann")
	status, body, _ := p.send("PUT", "users/"+u.ID, map[string]any{"attributes": map[string]any{}, "email": u.Email, "firstName": "a", "lastName": "b"})
	if status != 400 {
		t.Fatalf("the trap is gone: %d %s", status, body)
	}
	before := p.get("users/" + u.ID)
	if _, err := r.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{Attributes: map[string][]string{"dept": {"it"}}}); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("users/"+u.ID), map[string]string{"attributes.dept.0": "it"})
}

func TestClientPutWithoutTheFlagDeletesTheAuthorizationServer(t *testing.T) {
	r, p := realm(t), newPlain(t)
	n := keycloak.NewClient{ClientID: "guard", AuthorizationServices: true}
	resource := func(c keycloak.Client) {
		t.Helper()
		p.must("POST", "clients/"+c.ID+"/authz/resource-server/resource", map[string]any{"name": "report", "scopes": []any{map[string]any{"name": "view"}}})
	}
	c := newClient(t, r, n)
	resource(c)
	p.must("PUT", "clients/"+c.ID, map[string]any{"description": "x"})
	if got := p.get("clients/" + c.ID + "/authz/resource-server/resource"); got != nil {
		t.Fatalf("the trap is gone: %v", got)
	}

	c = newClient(t, r, n)
	resource(c)
	before, authz := p.get("clients/"+c.ID), p.get("clients/"+c.ID+"/authz/resource-server/resource")
	if _, err := r.UpdateClient(t.Context(), c.ID, keycloak.ClientPatch{Description: ptr("a guarded thing")}); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("clients/"+c.ID), map[string]string{"description": "a guarded thing"})
	wantDiff(t, authz, p.get("clients/"+c.ID+"/authz/resource-server/resource"), nil)
}

func TestRolePutErasesTheDescription(t *testing.T) {
	r, p := realm(t), newPlain(t)
	role := newRole(t, r, keycloak.OfRealm, "clerk")
	p.must("PUT", "roles-by-id/"+role.ID, map[string]any{"name": role.Name})
	if d := p.get("roles-by-id/" + role.ID).(map[string]any)["description"]; d != nil {
		t.Fatalf("the trap is gone: description is still %v", d)
	}
	if status, _, _ := p.send("PUT", "roles-by-id/"+role.ID, map[string]any{"description": "x"}); status != 400 {
		t.Fatalf("the trap is gone: a PUT without name gives %d", status)
	}

	role = newRole(t, r, keycloak.OfRealm, "clerk")
	before := p.get("roles-by-id/" + role.ID)
	if _, err := r.UpdateRole(t.Context(), role.ID, keycloak.RolePatch{Attributes: map[string][]string{"level": {"2"}}}); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("roles-by-id/"+role.ID), map[string]string{"attributes.level.0": "2"})
	if _, err := r.UpdateRole(t.Context(), role.ID, keycloak.RolePatch{Name: ptr(role.Name + "2")}); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("roles-by-id/"+role.ID), map[string]string{"attributes.level.0": "2", "name": role.Name + "2"})
}

func TestGroupPutErasesTheDescription(t *testing.T) {
	r, p := realm(t), newPlain(t)
	g := newGroup(t, r, "", "staff")
	if _, err := r.UpdateGroup(t.Context(), g.ID, keycloak.GroupPatch{Description: ptr("all of us"), Attributes: map[string][]string{"site": {"A"}}}); err != nil {
		t.Fatal(err)
	}
	before := p.get("groups/" + g.ID)
	p.must("PUT", "groups/"+g.ID, map[string]any{"name": g.Name})
	if d := p.get("groups/" + g.ID).(map[string]any)["description"]; d != nil {
		t.Fatalf("the trap is gone: description is still %v", d)
	}
	p.must("PUT", "groups/"+g.ID, map[string]any{"name": g.Name, "description": "all of us"})
	if _, err := r.UpdateGroup(t.Context(), g.ID, keycloak.GroupPatch{Name: ptr(g.Name + "2")}); err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("groups/"+g.ID), map[string]string{"name": g.Name + "2", "path": "/" + g.Name + "2"})
}

func TestGroupIsNotMovedBeneathItself(t *testing.T) {
	r, p := realm(t), newPlain(t)
	top := newGroup(t, r, "", "top")
	mid := newGroup(t, r, top.ID, "mid")
	low := newGroup(t, r, mid.ID, "low")
	for _, parent := range []string{top.ID, mid.ID, low.ID} {
		_, err := r.MoveGroup(t.Context(), top.ID, parent)
		wantKind(t, err, clients.Invalid)
	}
	ch, err := r.MoveGroup(t.Context(), low.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.get("groups/" + low.ID).(map[string]any); got["parentId"] != nil || got["path"] != "/"+low.Name {
		t.Errorf("after the move: %v", got)
	}
	if ch.Before.ParentID != mid.ID || ch.After.ParentID != "" {
		t.Errorf("change is %v", ch)
	}
	if _, err = r.MoveGroup(t.Context(), low.ID, top.ID); err != nil {
		t.Fatal(err)
	}
	if got := p.get("groups/" + low.ID).(map[string]any); got["parentId"] != top.ID {
		t.Errorf("after the second move: %v", got)
	}
}

func TestMapperPutDropsConfigAndFailsWithoutID(t *testing.T) {
	r, p := realm(t), newPlain(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "app"})
	o := keycloak.MappersOfClient(c.ID)
	made, err := r.CreateMapper(t.Context(), o, keycloak.NewMapper{Name: "colour", Type: "oidc-hardcoded-claim-mapper",
		Config: map[string]string{"claim.name": "colour", "claim.value": "red", "jsonType.label": "String", "access.token.claim": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	path := "clients/" + c.ID + "/protocol-mappers/models/" + made.After.ID
	before := p.get(path).(map[string]any)
	body := map[string]any{"name": "colour", "protocol": "openid-connect", "protocolMapper": "oidc-hardcoded-claim-mapper", "config": map[string]string{"claim.value": "blue"}}
	if status, _, _ := p.send("PUT", path, body); status != 500 {
		t.Fatalf("the trap is gone: a PUT without id gives %d", status)
	}
	body["id"] = made.After.ID
	p.must("PUT", path, body)
	if got := p.get(path).(map[string]any)["config"].(map[string]any); got["claim.name"] != nil {
		t.Fatalf("the trap is gone: the config still has claim.name: %v", got)
	}
	p.must("PUT", path, before)

	ch, err := r.UpdateMapper(t.Context(), o, made.After.ID, keycloak.MapperPatch{Config: map[string]string{"claim.value": "blue", "access.token.claim": ""}})
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get(path), map[string]string{"config.claim.value": "blue", "config.access.token.claim": gone})
	if ch.Before.Config["claim.value"] != "red" || ch.After.Config["claim.value"] != "blue" {
		t.Errorf("change is %v", ch)
	}
	_, err = r.CreateMapper(t.Context(), o, keycloak.NewMapper{Name: "colour", Type: "oidc-hardcoded-claim-mapper"})
	wantKind(t, err, clients.Conflict)
}

func TestEventsConfigPutSwitchesOff(t *testing.T) {
	r, p := realm(t), newPlain(t)
	ok[clients.Change[keycloak.EventsConfig]](t)(r.UpdateEventsConfig(t.Context(), keycloak.EventsPatch{Enabled: ptr(true), AdminDetails: ptr(false)}))
	p.must("PUT", "events/config", map[string]any{"adminEventsEnabled": true})
	if p.get("events/config").(map[string]any)["eventsEnabled"] != false {
		t.Fatal("the trap is gone: events are still enabled")
	}
	p.must("PUT", "events/config", map[string]any{"eventsEnabled": true, "eventsExpiration": 600})
	before := p.get("events/config")
	ch, err := r.UpdateEventsConfig(t.Context(), keycloak.EventsPatch{AdminEnabled: ptr(false), AdminDetails: ptr(true)})
	if err != nil {
		t.Fatal(err)
	}
	wantDiff(t, before, p.get("events/config"), map[string]string{"adminEventsEnabled": "false", "adminEventsDetailsEnabled": "true"})
	if !ch.After.Enabled || ch.After.Expiration.Seconds() != 600 || !ch.Before.AdminEnabled || ch.After.AdminEnabled {
		t.Errorf("change is %+v", ch)
	}
}

// setRealm changes one setting for the length of a test.
func setRealm(t testing.TB, r *keycloak.Realm, key string, value any) {
	t.Helper()
	p := newPlain(t)
	old := p.get("").(map[string]any)[key]
	ok[clients.Change[keycloak.RealmSettings]](t)(r.UpdateRealm(t.Context(), map[string]any{key: value}))
	t.Cleanup(func() {
		if _, err := r.UpdateRealm(context.Background(), map[string]any{key: old}); err != nil {
			t.Error(err)
		}
	})
}

// allowUnmanaged lets users have any attribute for the length of a test.
func allowUnmanaged(t testing.TB, r *keycloak.Realm) {
	t.Helper()
	p := newPlain(t)
	old := ok[keycloak.Profile](t)(r.Profile(t.Context()))
	profile := p.get("users/profile").(map[string]any)
	profile["unmanagedAttributePolicy"] = "ENABLED"
	p.must("PUT", "users/profile", profile)
	t.Cleanup(func() {
		if _, err := r.SetProfile(context.Background(), old.Raw); err != nil {
			t.Error(err)
		}
	})
}
