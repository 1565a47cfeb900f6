package keycloak_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
)

func TestRightsAreProbed(t *testing.T) {
	r := realm(t)
	const y, n = keycloak.Yes, keycloak.No
	for _, c := range []struct {
		roles []string
		want  keycloak.Rights
	}{
		{nil, keycloak.Rights{ViewRealm: n, ViewUsers: n, QueryUsers: n, QueryGroups: n, ViewClients: n, QueryClients: n, ViewEvents: n, ViewIdentityProviders: n}},
		{[]string{"query-users"}, keycloak.Rights{ViewRealm: n, ViewUsers: n, QueryUsers: y, QueryGroups: n, ViewClients: n, QueryClients: n, ViewEvents: n, ViewIdentityProviders: n}},
		{[]string{"view-users"}, keycloak.Rights{ViewRealm: n, ViewUsers: y, QueryUsers: y, QueryGroups: y, ViewClients: n, QueryClients: n, ViewEvents: n, ViewIdentityProviders: n}},
		{[]string{"query-clients"}, keycloak.Rights{ViewRealm: n, ViewUsers: n, QueryUsers: n, QueryGroups: n, ViewClients: n, QueryClients: y, ViewEvents: n, ViewIdentityProviders: n}},
		{[]string{"view-clients"}, keycloak.Rights{ViewRealm: n, ViewUsers: n, QueryUsers: n, QueryGroups: n, ViewClients: y, QueryClients: y, ViewEvents: n, ViewAuthorization: y, ViewIdentityProviders: n}},
		{[]string{"view-realm"}, keycloak.Rights{ViewRealm: y, ViewUsers: n, QueryUsers: n, QueryGroups: n, ViewClients: n, QueryClients: n, ViewEvents: n, ViewIdentityProviders: n}},
		{[]string{"view-events", "view-identity-providers"}, keycloak.Rights{ViewRealm: n, ViewUsers: n, QueryUsers: n, QueryGroups: n, ViewClients: n, QueryClients: n, ViewEvents: y, ViewIdentityProviders: y}},
		{[]string{"realm-admin"}, keycloak.Rights{ViewRealm: y, ViewUsers: y, QueryUsers: y, QueryGroups: y, ViewClients: y, QueryClients: y, ViewEvents: y, ViewAuthorization: y, ViewIdentityProviders: y}},
	} {
		t.Run(strings.Join(append(c.roles, "role"), " "), func(t *testing.T) {
			got := ok[keycloak.Rights](t)(asAdmin(t, r, c.roles...).Rights(t.Context()))
			c.want.Realm = r.Name()
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// asAdmin is the shared realm seen by an account with just these admin roles.
func asAdmin(t testing.TB, r *keycloak.Realm, roles ...string) *keycloak.Realm {
	t.Helper()
	key := strings.Join(roles, " ")
	if admins[key] == nil {
		ch := ok[clients.Change[keycloak.User]](t)(r.CreateUser(t.Context(), keycloak.NewUser{Username: "admin-" + unique(), EmailVerified: true,
			Email: unique() + "@example.org", FirstName: "A", LastName: "B", Password: "pw-admin"}))
		for _, name := range roles {
			ok[clients.Change[[]keycloak.Role]](t)(r.Grant(t.Context(), keycloak.OfUser(ch.After.ID), managementRole(t, r, name)))
		}
		admins[key] = as(t, r, keycloak.Login{Realm: r.Name(), Username: ch.After.Username, Password: "pw-admin"}, transport.Options{})
	}
	return admins[key]
}

// admins are the accounts that asAdmin has made; they go with the realm.
var admins = map[string]*keycloak.Realm{}

func TestRightsInARealmThatIsNotThere(t *testing.T) {
	_, err := realm(t).Server().Realm("no-such-realm").Rights(t.Context())
	wantKind(t, err, clients.NotFound)
}

func TestSilentlyCutReadsSayUnknown(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	app := newClient(t, r, keycloak.NewClient{ClientID: "app"})
	role, inner := newRole(t, r, keycloak.OfRealm, "clerk"), newRole(t, r, keycloak.OfClient(app.ID), "buyer")
	ok[clients.Change[[]keycloak.Role]](t)(r.AddComposites(t.Context(), role.ID, inner))
	ok[clients.Change[[]keycloak.Role]](t)(r.Grant(t.Context(), keycloak.OfUser(u.ID), role, inner))

	t.Run("settings", func(t *testing.T) {
		s := ok[keycloak.RealmSettings](t)(asAdmin(t, r, "view-users").Settings(t.Context()))
		if s.Enabled.Known() || s.VerifyEmail.Known() || s.HasSMTP.Known() || !slices.Equal(s.Cut, keycloak.Cut{"view-realm"}) || s.Name != r.Name() {
			t.Errorf("a stub is taken for the settings: %+v", s)
		}
		if s := ok[keycloak.RealmSettings](t)(r.Settings(t.Context())); s.Enabled != keycloak.Yes || s.Cut.Any() || s.DefaultRole.Name != "default-roles-"+r.Name() {
			t.Errorf("the settings are %+v", s)
		}
	})
	t.Run("role mappings", func(t *testing.T) {
		m := ok[keycloak.Mappings](t)(asAdmin(t, r, "view-users").RoleMappings(t.Context(), keycloak.OfUser(u.ID)))
		if !hasAll(m.Realm, role) || len(m.Clients) != 0 || !slices.Equal(m.Cut, keycloak.Cut{"view-clients"}) {
			t.Errorf("with view-users alone: %+v", m)
		}
		m = ok[keycloak.Mappings](t)(asAdmin(t, r, "view-users", "view-realm").RoleMappings(t.Context(), keycloak.OfUser(u.ID)))
		if !hasAll(m.Realm, role) || len(m.Clients) != 0 || !slices.Equal(m.Cut, keycloak.Cut{"view-clients"}) {
			t.Errorf("without view-clients: %+v", m)
		}
		m = ok[keycloak.Mappings](t)(asAdmin(t, r, "view-users", "view-clients").RoleMappings(t.Context(), keycloak.OfUser(u.ID)))
		if !hasAll(m.All(), role, inner) || m.Cut.Any() {
			t.Errorf("without view-realm: %+v", m)
		}
		m = ok[keycloak.Mappings](t)(asAdmin(t, r, "view-users", "view-clients", "view-realm").RoleMappings(t.Context(), keycloak.OfUser(u.ID)))
		if !hasAll(m.All(), role, inner) || m.Cut.Any() || m.Clients[app.ClientID][0].String() != app.ClientID+":"+inner.Name {
			t.Errorf("with all rights: %+v", m)
		}
	})
	t.Run("composites", func(t *testing.T) {
		set := ok[keycloak.Roleset](t)(asAdmin(t, r, "view-realm").Composites(t.Context(), role.ID))
		if len(set.Roles) != 0 || !slices.Equal(set.Cut, keycloak.Cut{"view-clients"}) {
			t.Errorf("without view-clients: %+v", set)
		}
		set = ok[keycloak.Roleset](t)(r.Composites(t.Context(), role.ID))
		if !hasAll(set.Roles, inner) || set.Cut.Any() || set.Roles[0].Client != app.ClientID {
			t.Errorf("with all rights: %+v", set)
		}
	})
	t.Run("effective", func(t *testing.T) {
		e := ok[keycloak.Effective](t)(asAdmin(t, r, "view-users", "view-realm").Effective(t.Context(), keycloak.OfUser(u.ID)))
		if e.Has(role.ID) != keycloak.Yes || e.Has(inner.ID) != keycloak.Unknown || e.Checked {
			t.Errorf("without view-clients: role %v, client role %v, checked %v", e.Has(role.ID), e.Has(inner.ID), e.Checked)
		}
		e = ok[keycloak.Effective](t)(r.Effective(t.Context(), keycloak.OfUser(u.ID)))
		if e.Has(inner.ID) != keycloak.Yes || e.Has("nothing") != keycloak.No {
			t.Errorf("with all rights: %v %v", e.Has(inner.ID), e.Has("nothing"))
		}
	})
	t.Run("lists", func(t *testing.T) {
		_, err := asAdmin(t, r, "query-users").Users(keycloak.UserQuery{})(t.Context(), "")
		if p := wantKind(t, err, clients.Denied); !strings.Contains(p.Hint, "view-users") {
			t.Errorf("the hint is %q", p.Hint)
		}
		_, err = asAdmin(t, r, "query-users").UserByUsername(t.Context(), u.Username)
		wantKind(t, err, clients.Denied)
		_, err = asAdmin(t, r, "query-clients").ClientByClientID(t.Context(), app.ClientID)
		wantKind(t, err, clients.Denied)
		_, err = asAdmin(t, r, "query-groups").Groups(keycloak.GroupQuery{})(t.Context(), "")
		wantKind(t, err, clients.Denied)
		_, err = asAdmin(t, r, "query-clients").ClientScopes(t.Context())
		wantKind(t, err, clients.Denied)
		_, err = asAdmin(t, r, "view-users").UserByUsername(t.Context(), "no-such-user")
		wantKind(t, err, clients.NotFound)
	})
	t.Run("refusals name the right", func(t *testing.T) {
		_, err := asAdmin(t, r, "view-users").Client(t.Context(), app.ID)
		if p := wantKind(t, err, clients.Denied); !strings.Contains(p.Hint, "view-clients") {
			t.Errorf("the hint is %q", p.Hint)
		}
	})
}

// With permissions for single users the server cuts lists and counts, too, without
// any of the signs that the other cuts have.
func TestPermissionsForSingleUsersAreNoViewUsers(t *testing.T) {
	r, p := realm(t), newPlain(t)
	setRealm(t, r, "adminPermissionsEnabled", true)
	seen, unseen := newUser(t, r, "seen"), newUser(t, r, "unseen")
	clerk := newAdmin(t, r, "query-users")
	perms := ok[keycloak.Client](t)(r.ClientByClientID(t.Context(), "admin-permissions"))
	base := "clients/" + perms.ID + "/authz/resource-server/"
	p.must("POST", base+"policy/user", map[string]any{"name": "clerk-" + unique(), "users": []string{clerk.ID}})
	policies := ok[clients.Page[keycloak.Policy]](t)(r.Policies(perms.ID, false, 0)(t.Context(), ""))
	i := slices.IndexFunc(policies.Items, func(x keycloak.Policy) bool { return strings.HasPrefix(x.Name, "clerk-") })
	if i < 0 {
		t.Fatalf("policies are %+v", policies.Items)
	}
	p.must("POST", base+"permission/scope", map[string]any{"name": "one-" + unique(), "resourceType": "Users", "resources": []string{seen.ID},
		"policies": []string{policies.Items[i].ID}, "scopes": []string{"view"}})

	me := as(t, r, keycloak.Login{Realm: r.Name(), Username: clerk.Username, Password: "pw-admin"}, transport.Options{})
	rights := ok[keycloak.Rights](t)(me.Rights(t.Context()))
	if rights.ViewUsers != keycloak.No || rights.QueryUsers != keycloak.Yes {
		t.Fatalf("rights are %+v", rights)
	}
	if u := ok[keycloak.User](t)(me.UserByUsername(t.Context(), seen.Username)); u.ID != seen.ID {
		t.Errorf("found %+v", u)
	}
	_, err := me.UserByUsername(t.Context(), unseen.Username)
	wantKind(t, err, clients.Denied) // not "there is no such user"
	m := ok[keycloak.Mappings](t)(me.RoleMappings(t.Context(), keycloak.OfUser(seen.ID)))
	if len(m.Realm) == 0 || !m.Cut.Any() {
		t.Errorf("mappings are %+v", m)
	}
}
