package keycloak_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// wantFields checks fields of an object on the server, by path.
func wantFields(t *testing.T, got any, want map[string]string) {
	t.Helper()
	flat := map[string]string{}
	flatten("", got, flat)
	for k, v := range want {
		if flat[k] != v {
			t.Errorf("%s is %q, want %q", k, flat[k], v)
		}
	}
}

// TestEveryCreation makes one object of each kind with all its fields, and reads it
// back with plain net/http.
func TestEveryCreation(t *testing.T) {
	r, p := realm(t), newPlain(t)
	allowUnmanaged(t, r)
	ctx := t.Context()

	g := newGroup(t, r, "", "staff")
	sub := newGroup(t, r, g.ID, "eng")
	wantFields(t, p.get("groups/"+sub.ID), map[string]string{"name": sub.Name, "parentId": g.ID, "path": "/" + g.Name + "/" + sub.Name})

	name := "zoë-" + unique()
	u := ok[clients.Change[keycloak.User]](t)(r.CreateUser(ctx, keycloak.NewUser{Username: name, Email: name + "@Example.org", FirstName: "Zoë", LastName: "Öz أحمد 🚀",
		EmailVerified: true, Attributes: map[string][]string{"dept": {"a", "\x1b[31mred"}}, RequiredActions: []string{"UPDATE_PASSWORD"}, Groups: []string{sub.Path},
		Password: "first-password", TemporaryPassword: true})).After
	t.Cleanup(func() { r.DeleteUser(context.Background(), u.ID) })
	wantFields(t, p.get("users/"+u.ID), map[string]string{"username": name, "email": strings.ToLower(name + "@Example.org"), "firstName": "Zoë", "lastName": "Öz أحمد 🚀",
		"enabled": "true", "emailVerified": "true", "attributes.dept.1": "a", "attributes.dept.0": "\x1b[31mred", "requiredActions.0": "UPDATE_PASSWORD"})
	wantFields(t, p.get("users/"+u.ID+"/groups"), map[string]string{"0.id": sub.ID})
	wantFields(t, p.get("users/"+u.ID+"/credentials"), map[string]string{"0.type": "password"})
	if u.Username != name || u.Name() != "Zoë Öz أحمد 🚀" || len(u.Raw) == 0 || u.Created.IsZero() {
		t.Errorf("read back as %+v", u)
	}

	for _, container := range []keycloak.Container{keycloak.OfRealm, keycloak.OfClient(newClient(t, r, keycloak.NewClient{ClientID: "app"}).ID)} {
		role := ok[clients.Change[keycloak.Role]](t)(r.CreateRole(ctx, container, keycloak.NewRole{Name: "clerk-" + unique(), Description: "d", Attributes: map[string][]string{"level": {"1"}}})).After
		t.Cleanup(func() { r.DeleteRole(context.Background(), role.ID) })
		wantFields(t, p.get("roles-by-id/"+role.ID), map[string]string{"name": role.Name, "description": "d", "attributes.level.0": "1"})
		if role.Container() != container {
			t.Errorf("container is %+v, want %+v", role.Container(), container)
		}
		_, err := r.CreateRole(ctx, container, keycloak.NewRole{Name: role.Name})
		wantKind(t, err, clients.Conflict)
	}

	c := newClient(t, r, keycloak.NewClient{ClientID: "full", Name: "Full", Description: "d", Disabled: true, NoStandardFlow: true, DirectAccessGrants: true, AuthorizationServices: true,
		NoFullScope: true, ConsentRequired: true, RootURL: "http://localhost:9", RedirectURIs: []string{"/cb"}, WebOrigins: []string{"+"}, Secret: "chosen-secret", Attributes: map[string]string{"x": "1"}})
	wantFields(t, p.get("clients/"+c.ID), map[string]string{"clientId": c.ClientID, "name": "Full", "description": "d", "enabled": "false", "standardFlowEnabled": "false",
		"directAccessGrantsEnabled": "true", "serviceAccountsEnabled": "true", "authorizationServicesEnabled": "true", "fullScopeAllowed": "false", "consentRequired": "true",
		"publicClient": "false", "rootUrl": "http://localhost:9", "redirectUris.0": "/cb", "webOrigins.0": "+", "secret": "chosen-secret", "attributes.x": "1"})
	d := newClient(t, r, keycloak.NewClient{ClientID: "plain", RedirectURIs: []string{"http://localhost/cb"}})
	wantFields(t, p.get("clients/"+d.ID), map[string]string{"enabled": "true", "standardFlowEnabled": "true", "fullScopeAllowed": "true", "directAccessGrantsEnabled": "false", "webOrigins.0": ""})

	s := ok[clients.Change[keycloak.ClientScope]](t)(r.CreateClientScope(ctx, keycloak.NewClientScope{Name: "s-" + unique(), Description: "d", NotInTokenScope: true, Attributes: map[string]string{"a": "1"}})).After
	t.Cleanup(func() { r.DeleteClientScope(context.Background(), s.ID) })
	wantFields(t, p.get("client-scopes/"+s.ID), map[string]string{"name": s.Name, "description": "d", "protocol": "openid-connect", "attributes.include.in.token.scope": "false", "attributes.a": "1"})
	if list := ok[[]keycloak.ClientScope](t)(r.ClientScopes(ctx)); !slices.ContainsFunc(list, func(x keycloak.ClientScope) bool { return x.ID == s.ID && !x.InTokenScope }) {
		t.Error("the list lacks the new scope")
	}
	m := ok[clients.Change[keycloak.Mapper]](t)(r.CreateMapper(ctx, keycloak.MappersOfScope(s.ID), keycloak.NewMapper{Name: "m", Type: "oidc-hardcoded-claim-mapper", Config: map[string]string{"claim.name": "x", "claim.value": "1"}})).After
	wantFields(t, p.get("client-scopes/"+s.ID+"/protocol-mappers/models/"+m.ID), map[string]string{"name": "m", "protocolMapper": "oidc-hardcoded-claim-mapper", "config.claim.name": "x"})

	_, err := r.CreateUser(ctx, keycloak.NewUser{Username: name})
	if problem := wantKind(t, err, clients.Conflict); !strings.Contains(problem.Reason, "same username") {
		t.Errorf("conflict is %v", problem)
	}
	_, err = r.CreateUser(ctx, keycloak.NewUser{Username: "never-" + unique(), Groups: []string{"/no/such"}})
	wantKind(t, err, clients.NotFound)
	_, err = r.CreateUser(ctx, keycloak.NewUser{Username: "x"})
	if problem := wantKind(t, err, clients.Invalid); len(problem.Fields) != 1 || problem.Fields[0].Path != "username" || problem.Fields[0].Message != "error-invalid-length" {
		t.Errorf("fields are %+v", problem.Fields)
	}
	_, err = r.CreateUser(ctx, keycloak.NewUser{Username: "x", Email: "no-mail"})
	if problem := wantKind(t, err, clients.Invalid); len(problem.Fields) != 2 {
		t.Errorf("fields are %+v", problem.Fields)
	}
	for _, empty := range []error{second(r.CreateGroup(ctx, "", " ")), second(r.CreateClient(ctx, keycloak.NewClient{})), second(r.CreateClientScope(ctx, keycloak.NewClientScope{}))} {
		wantKind(t, empty, clients.Invalid)
	}
}

func TestRealmsAreMadeImportedAndDeleted(t *testing.T) {
	r, p := realm(t), newPlain(t)
	s, ctx := r.Server(), t.Context()
	name := "gh-test-second-" + unique()
	_, err := s.ImportRealm(ctx, []byte(`{"realm":"`+name+`","users":[{"username":"ann"}]}`))
	wantKind(t, err, clients.Invalid)
	for _, bad := range []string{`{}`, `{"realm":"."}`, `[]`, ``} {
		_, err = s.ImportRealm(ctx, []byte(bad))
		wantKind(t, err, clients.Invalid)
	}
	ch := ok[clients.Change[keycloak.RealmSettings]](t)(s.ImportRealm(ctx, []byte(`{"realm":"`+name+`","enabled":true,"displayName":"Second","users":[{"username":"ann","enabled":true,"email":"a@example.org"}],
		"roles":{"realm":[{"name":"clerk"}]},"groups":[{"name":"staff","subGroups":[{"name":"eng"}]}]}`)))
	second := s.Realm(name)
	t.Cleanup(func() { second.DeleteRealm(context.Background()) })
	if ch.After.Name != name || ch.After.DisplayName != "Second" || ch.After.Enabled != keycloak.Yes {
		t.Errorf("made %+v", ch.After)
	}
	if u := ok[keycloak.User](t)(second.UserByUsername(ctx, "ann")); !u.Enabled {
		t.Error("the imported user is disabled")
	}
	if g := ok[keycloak.Group](t)(second.GroupByPath(ctx, "/staff/eng")); g.Name != "eng" {
		t.Errorf("group is %+v", g)
	}
	list := ok[[]keycloak.RealmSettings](t)(s.Realms(ctx))
	if !slices.ContainsFunc(list, func(x keycloak.RealmSettings) bool { return x.Name == name }) {
		t.Error("the list of realms lacks it")
	}
	_, err = s.CreateRealm(ctx, keycloak.NewRealm{Name: name})
	wantKind(t, err, clients.Conflict)
	_, err = second.UpdateRealm(ctx, map[string]any{"realm": "other"})
	wantKind(t, err, clients.Invalid)
	_, err = second.UpdateRealm(ctx, map[string]any{"noSuchSetting": 1})
	if problem := wantKind(t, err, clients.Invalid); !strings.Contains(problem.Reason, "noSuchSetting") {
		t.Errorf("refusal is %v", problem)
	}
	gone := ok[clients.Change[keycloak.RealmSettings]](t)(second.DeleteRealm(ctx))
	if gone.Before.Name != name || p.get("/admin/realms/"+name) != nil {
		t.Error("the realm is still there")
	}
	_, err = second.Settings(ctx)
	wantKind(t, err, clients.NotFound)
}

func TestExportPartial(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "exported", Secret: "export-secret"})
	doc := ok[[]byte](t)(func() ([]byte, error) { b, err := r.ExportPartial(t.Context(), true, true); return b, err }())
	if !strings.Contains(string(doc), c.ClientID) || strings.Contains(string(doc), "export-secret") {
		t.Errorf("export of %d bytes lacks the client or tells its secret", len(doc))
	}
}
