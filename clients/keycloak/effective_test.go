package keycloak_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// path writes the way to a role as one line.
func path(e keycloak.Effective, roleID string) string {
	i := slices.IndexFunc(e.Roles, func(r keycloak.EffectiveRole) bool { return r.ID == roleID })
	if i < 0 {
		return "none"
	}
	var parts []string
	for _, h := range e.Roles[i].Path {
		parts = append(parts, h.String())
	}
	return strings.Join(parts, " > ")
}

func effective(t *testing.T, r *keycloak.Realm, h keycloak.Holder) keycloak.Effective {
	t.Helper()
	e := ok[keycloak.Effective](t)(r.Effective(t.Context(), h))
	if !e.Checked || len(e.OnlyServer)+len(e.OnlyOurs) > 0 || e.Cut.Any() {
		t.Errorf("checked %v; only the server has %v, only we have %v; cut %v", e.Checked, e.OnlyServer, e.OnlyOurs, e.Cut)
	}
	return e
}

func grant(t *testing.T, r *keycloak.Realm, h keycloak.Holder, roles ...keycloak.Role) {
	t.Helper()
	ok[clients.Change[[]keycloak.Role]](t)(r.Grant(t.Context(), h, roles...))
}

func TestEffectiveRolesAndWhereTheyComeFrom(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	app := newClient(t, r, keycloak.NewClient{ClientID: "shop"})
	staff := newGroup(t, r, "", "staff")
	eng := newGroup(t, r, staff.ID, "eng")
	far := newGroup(t, r, eng.ID, "far/away")
	direct, employee, both := newRole(t, r, keycloak.OfRealm, "direct"), newRole(t, r, keycloak.OfRealm, "employee"), newRole(t, r, keycloak.OfRealm, "both")
	admin, deep, elsewhere := newRole(t, r, keycloak.OfClient(app.ID), "admin"), newRole(t, r, keycloak.OfRealm, "deep"), newRole(t, r, keycloak.OfRealm, "elsewhere")
	ok[clients.Change[[]keycloak.Role]](t)(r.AddComposites(t.Context(), employee.ID, admin))
	ok[clients.Change[[]keycloak.Role]](t)(r.AddComposites(t.Context(), admin.ID, deep))
	grant(t, r, keycloak.OfUser(u.ID), direct, both)
	grant(t, r, keycloak.OfGroup(staff.ID), employee, both)
	ok[clients.Change[[]keycloak.Group]](t)(r.JoinGroup(t.Context(), u.ID, far.ID))

	e := effective(t, r, keycloak.OfUser(u.ID))
	me := "user " + u.Username
	groups := "group " + far.Path + " > group " + eng.Path + " > group " + staff.Path
	for id, want := range map[string]string{
		direct.ID:    me + " > realm role " + direct.Name,
		both.ID:      me + " > realm role " + both.Name,
		employee.ID:  me + " > " + groups + " > realm role " + employee.Name,
		admin.ID:     me + " > " + groups + " > realm role " + employee.Name + " > client role " + app.ClientID + ":" + admin.Name,
		deep.ID:      me + " > " + groups + " > realm role " + employee.Name + " > client role " + app.ClientID + ":" + admin.Name + " > realm role " + deep.Name,
		elsewhere.ID: "none",
	} {
		if got := path(e, id); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	var byDefault int
	for _, role := range e.Roles {
		if direct := role.ID == direct.ID || role.ID == both.ID || strings.HasPrefix(role.Name, "default-roles-"); role.Direct != direct {
			t.Errorf("%s: direct is %v", role, role.Direct)
		}
		if len(role.Path) > 1 && role.Path[1].Default {
			byDefault++
		}
	}
	if byDefault < 4 { // the default role, offline_access, uma_authorization, account roles
		t.Errorf("%d roles come by the default role", byDefault)
	}

	// The server's own list for a group leaves out the client roles of its parents.
	if got := ok[[]keycloak.Role](t)(r.ServerEffectiveRoles(t.Context(), keycloak.OfGroup(eng.ID), keycloak.OfClient(app.ID))); hasAll(got, admin) {
		t.Log("this release answers the client roles of parent groups")
	}
	e = effective(t, r, keycloak.OfGroup(eng.ID))
	if got, want := path(e, admin.ID), "group "+eng.Path+" > group "+staff.Path+" > realm role "+employee.Name+" > client role "+app.ClientID+":"+admin.Name; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEffectiveRolesSurviveCycles(t *testing.T) {
	r, p := realm(t), newPlain(t)
	a, b := newRole(t, r, keycloak.OfRealm, "a"), newRole(t, r, keycloak.OfRealm, "b")
	ok[clients.Change[[]keycloak.Role]](t)(r.AddComposites(t.Context(), a.ID, b))
	for _, inner := range []keycloak.Role{a, b} { // a in b, which is in a; and b in b
		_, err := r.AddComposites(t.Context(), b.ID, inner)
		wantKind(t, err, clients.Invalid)
		p.must("POST", "roles-by-id/"+b.ID+"/composites", []any{map[string]any{"id": inner.ID, "name": inner.Name}})
	}
	u := newUser(t, r, "ann")
	grant(t, r, keycloak.OfUser(u.ID), a)
	e := effective(t, r, keycloak.OfUser(u.ID))
	if e.Has(a.ID) != keycloak.Yes || e.Has(b.ID) != keycloak.Yes {
		t.Errorf("roles are %v", e.Roles)
	}
	// A role that is in a cycle already can still be judged.
	c := newRole(t, r, keycloak.OfRealm, "c")
	ok[clients.Change[[]keycloak.Role]](t)(r.AddComposites(t.Context(), c.ID, a))
	_, err := r.AddComposites(t.Context(), b.ID, c)
	wantKind(t, err, clients.Invalid)
}

func TestEffectiveRolesOfAServiceAccountAndAnEmptyUser(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "robot", ServiceAccounts: true})
	robot := ok[keycloak.User](t)(r.ServiceAccount(t.Context(), c.ID))
	grant(t, r, keycloak.OfUser(robot.ID), managementRole(t, r, "view-users"))
	e := effective(t, r, keycloak.OfUser(robot.ID))
	if e.Has(managementRole(t, r, "query-users").ID) != keycloak.Yes {
		t.Errorf("view-users contains query-users, but: %v", e.Roles)
	}
	u := newUser(t, r, "none")
	def := ok[keycloak.RealmSettings](t)(r.Settings(t.Context())).DefaultRole
	ok[clients.Change[[]keycloak.Role]](t)(r.Revoke(t.Context(), keycloak.OfUser(u.ID), def))
	if e = effective(t, r, keycloak.OfUser(u.ID)); len(e.Roles) != 0 {
		t.Errorf("roles are %v", e.Roles)
	}
	_, err := r.Effective(t.Context(), keycloak.OfUser("00000000-0000-0000-0000-000000000000"))
	wantKind(t, err, clients.NotFound)
}

func TestGrantIsAllOrNothingInAContainer(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	app := newClient(t, r, keycloak.NewClient{ClientID: "app"})
	a, c := newRole(t, r, keycloak.OfRealm, "a"), newRole(t, r, keycloak.OfClient(app.ID), "c")
	ghost := keycloak.Role{ID: "00000000-0000-0000-0000-000000000000", Name: "ghost", ClientRole: true, ContainerID: app.ID}
	ch, err := r.Grant(t.Context(), keycloak.OfUser(u.ID), a, c, ghost)
	wantKind(t, err, clients.NotFound)
	// The realm role was granted before the client's container was refused as a whole.
	if !hasAll(ch.After, a) || hasAll(ch.After, c) || hasAll(ch.Before, a) {
		t.Errorf("the change tells %v -> %v", ch.Before, ch.After)
	}
	_, err = r.Grant(t.Context(), keycloak.OfUser(u.ID), keycloak.Role{Name: a.Name})
	wantKind(t, err, clients.Invalid)
	_, err = r.Grant(t.Context(), keycloak.Holder{Kind: "robot", ID: u.ID}, a)
	wantKind(t, err, clients.Invalid)
}

func TestAvailableRolesAndHolders(t *testing.T) {
	r := realm(t)
	u, g := newUser(t, r, "ann"), newGroup(t, r, "", "staff")
	a, b := newRole(t, r, keycloak.OfRealm, "a"), newRole(t, r, keycloak.OfRealm, "b")
	grant(t, r, keycloak.OfUser(u.ID), a)
	grant(t, r, keycloak.OfGroup(g.ID), b)
	ok[clients.Change[[]keycloak.Group]](t)(r.JoinGroup(t.Context(), u.ID, g.ID))
	free := ok[[]keycloak.Role](t)(r.AvailableRoles(t.Context(), keycloak.OfUser(u.ID), keycloak.OfRealm))
	if hasAll(free, a) || !hasAll(free, b) { // b is held by the group and still "available"
		t.Errorf("available: %v", free)
	}
	users := ok[clients.Page[keycloak.User]](t)(r.RoleUsers(a, 0)(t.Context(), ""))
	if len(users.Items) != 1 || users.Items[0].ID != u.ID {
		t.Errorf("users with a: %v", users.Items)
	}
	groups := ok[clients.Page[keycloak.Group]](t)(r.RoleGroups(b, 0)(t.Context(), ""))
	if len(groups.Items) != 1 || groups.Items[0].ID != g.ID {
		t.Errorf("groups with b: %v", groups.Items)
	}
	if users = ok[clients.Page[keycloak.User]](t)(r.RoleUsers(b, 0)(t.Context(), "")); len(users.Items) != 0 {
		t.Errorf("users with b directly: %v", users.Items)
	}
}
