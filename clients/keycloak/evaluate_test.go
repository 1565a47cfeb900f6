package keycloak_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// claimed lists the roles that a preview has for a client.
func claimed(t *testing.T, p keycloak.Preview, clientID string) []string {
	t.Helper()
	var w struct {
		ResourceAccess map[string]struct {
			Roles []string `json:"roles"`
		} `json:"resource_access"`
	}
	if err := json.Unmarshal(p.Claims, &w); err != nil {
		t.Fatal(err)
	}
	return w.ResourceAccess[clientID].Roles
}

func TestPreviewOfTokens(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	c := newClient(t, r, keycloak.NewClient{ClientID: "flask"})
	admin := newRole(t, r, keycloak.OfClient(c.ID), "admin")
	ask := func(kind keycloak.TokenKind, scope string) keycloak.Preview {
		t.Helper()
		return ok[keycloak.Preview](t)(r.Preview(t.Context(), kind, keycloak.PreviewQuery{ClientUUID: c.ID, UserID: u.ID, Scope: scope}))
	}
	if got := claimed(t, ask(keycloak.AccessToken, "openid"), c.ClientID); len(got) != 0 {
		t.Errorf("before the grant: %v", got)
	}
	grant(t, r, keycloak.OfUser(u.ID), admin)
	if got := claimed(t, ask(keycloak.AccessToken, "openid"), c.ClientID); !slices.Equal(got, []string{admin.Name}) {
		t.Errorf("after the grant: %v", got)
	}
	// By default the roles do not reach the ID token; a mapper of the client changes that.
	for _, kind := range []keycloak.TokenKind{keycloak.IDToken, keycloak.UserInfo} {
		if got := claimed(t, ask(kind, "openid"), c.ClientID); len(got) != 0 {
			t.Errorf("%s token by default: %v", kind, got)
		}
	}
	ok[clients.Change[keycloak.Mapper]](t)(r.CreateMapper(t.Context(), keycloak.MappersOfClient(c.ID), keycloak.NewMapper{Name: "roles everywhere", Type: "oidc-usermodel-client-role-mapper",
		Config: map[string]string{"claim.name": "resource_access.${client_id}.roles", "jsonType.label": "String", "multivalued": "true", "id.token.claim": "true", "userinfo.token.claim": "true"}}))
	for _, kind := range []keycloak.TokenKind{keycloak.IDToken, keycloak.UserInfo} {
		if got := claimed(t, ask(kind, "openid"), c.ClientID); !slices.Contains(got, admin.Name) {
			t.Errorf("%s token with the mapper: %v", kind, got)
		}
	}
	mappers := ok[[]keycloak.EffectiveMapper](t)(r.EffectiveMappers(t.Context(), c.ID, "openid"))
	if !slices.ContainsFunc(mappers, func(m keycloak.EffectiveMapper) bool {
		return m.Name == "roles everywhere" && m.Scope == "" && m.Owner == keycloak.MappersOfClient(c.ID)
	}) || !slices.ContainsFunc(mappers, func(m keycloak.EffectiveMapper) bool { return m.Name == "client roles" && m.Scope == "roles" }) {
		t.Errorf("mappers are %+v", mappers)
	}
	for _, m := range mappers {
		if _, err := r.Mapper(t.Context(), m.Owner, m.ID); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}

	if got := ask(keycloak.AccessToken, "openid nope phone organization:acme").Dropped; !slices.Equal(got, []string{"nope"}) {
		t.Errorf("dropped: %v", got)
	}
	_, err := r.Preview(t.Context(), keycloak.AccessToken, keycloak.PreviewQuery{ClientUUID: c.ID, UserID: u.ID, Audience: "no-such-client"})
	wantKind(t, err, clients.NotFound)
	_, err = r.Preview(t.Context(), keycloak.AccessToken, keycloak.PreviewQuery{ClientUUID: c.ID})
	wantKind(t, err, clients.Invalid)
	_, err = r.Preview(t.Context(), "refresh", keycloak.PreviewQuery{ClientUUID: c.ID, UserID: u.ID})
	wantKind(t, err, clients.Invalid)
	_, err = r.Preview(t.Context(), keycloak.AccessToken, keycloak.PreviewQuery{ClientUUID: c.ID, UserID: "no-such-user"})
	wantKind(t, err, clients.NotFound)
	// It is no proof that the user can log in.
	ok[clients.Change[keycloak.User]](t)(r.SetEnabled(t.Context(), u.ID, false))
	ask(keycloak.AccessToken, "openid")
}

func TestRolesInScope(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "narrow", NoFullScope: true})
	in, out := newRole(t, r, keycloak.OfRealm, "in"), newRole(t, r, keycloak.OfRealm, "out")
	grant(t, r, keycloak.ScopeOfClient(c.ID), in)
	own := newRole(t, r, keycloak.OfClient(c.ID), "own")
	granted := ok[[]keycloak.Role](t)(r.RolesInScope(t.Context(), c.ID, keycloak.OfRealm, "openid", true))
	rest := ok[[]keycloak.Role](t)(r.RolesInScope(t.Context(), c.ID, keycloak.OfRealm, "openid", false))
	if !hasAll(granted, in) || hasAll(granted, out) || hasAll(rest, in) || !hasAll(rest, out) {
		t.Errorf("granted %v, not granted %v", granted, rest)
	}
	if got := ok[[]keycloak.Role](t)(r.RolesInScope(t.Context(), c.ID, keycloak.OfClient(c.ID), "", true)); !hasAll(got, own) || got[0].Client != c.ClientID {
		t.Errorf("own roles in scope: %v", got)
	}
	// A scope that is optional brings its roles only when it is named.
	s := ok[clients.Change[keycloak.ClientScope]](t)(r.CreateClientScope(t.Context(), keycloak.NewClientScope{Name: "extra-" + unique()})).After
	t.Cleanup(func() { r.DeleteClientScope(context.Background(), s.ID) })
	grant(t, r, keycloak.ScopeOfClientScope(s.ID), out)
	ok[clients.Change[keycloak.AttachedScopes]](t)(r.AttachScope(t.Context(), c.ID, s.ID, keycloak.ScopeOptional))
	for scope, want := range map[string]bool{"openid": false, "openid " + s.Name: true} {
		if got := hasAll(ok[[]keycloak.Role](t)(r.RolesInScope(t.Context(), c.ID, keycloak.OfRealm, scope, true)), out); got != want {
			t.Errorf("scope %q: %v, want %v", scope, got, want)
		}
	}
}

func TestPolicyEvaluation(t *testing.T) {
	r, p := realm(t), newPlain(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "guard", AuthorizationServices: true})
	ann, ben := newUser(t, r, "ann"), newUser(t, r, "ben")
	auditor := newRole(t, r, keycloak.OfRealm, "auditor")
	grant(t, r, keycloak.OfUser(ann.ID), auditor)
	base := "clients/" + c.ID + "/authz/resource-server/"
	create := func(path string, body any) string {
		t.Helper()
		status, b, _ := p.send("POST", base+path, body)
		var w struct {
			ID      string `json:"id"`
			UnderID string `json:"_id"`
		}
		if status != 201 || json.Unmarshal(b, &w) != nil {
			t.Fatalf("%s: %d %s", path, status, b)
		}
		return w.ID + w.UnderID
	}
	report := create("resource", map[string]any{"name": "report", "scopes": []any{map[string]any{"name": "view"}, map[string]any{"name": "edit"}}})
	bare := create("resource", map[string]any{"name": "bare"})
	yes := create("policy/role", map[string]any{"name": "auditors", "roles": []any{map[string]any{"id": auditor.ID}}})
	no := create("policy/role", map[string]any{"name": "not auditors", "logic": "NEGATIVE", "roles": []any{map[string]any{"id": auditor.ID}}})
	view := create("permission/scope", map[string]any{"name": "auditors view", "resources": []string{report}, "scopes": []string{"view"}, "policies": []string{yes}})
	create("permission/scope", map[string]any{"name": "others edit", "resources": []string{report}, "scopes": []string{"edit"}, "policies": []string{no}})

	for _, q := range []struct {
		user     keycloak.User
		resource string
		scopes   []string
		roles    []string
		want     bool
	}{
		{ann, report, []string{"view"}, nil, true},
		{ann, report, []string{"edit"}, nil, false},
		{ann, report, []string{"view", "edit"}, nil, false}, // the server permits the one and leaves out the other
		{ben, report, []string{"view"}, nil, false},
		{ben, report, []string{"edit"}, nil, true},
		{ben, report, []string{"view"}, []string{auditor.Name}, true},
		{ann, report, []string{"print"}, nil, false},
		{ann, bare, nil, nil, false}, // the server's overall status is PERMIT here
	} {
		d, err := r.EvaluatePolicies(t.Context(), keycloak.Evaluation{ClientUUID: c.ID, UserID: q.user.ID, Resource: q.resource, Scopes: q.scopes, RealmRoles: q.roles})
		if err != nil {
			t.Errorf("%s %v: %v", q.user.Username, q.scopes, err)
		} else if d.Permitted != q.want || d.Mode != "ENFORCING" {
			t.Errorf("%s %v with %v: permitted=%v, want %v: %s", q.user.Username, q.scopes, q.roles, d.Permitted, q.want, string(d.Raw))
		}
		if strings.Contains(string(d.Raw), `"rpt"`) {
			t.Error("the token is kept")
		}
	}
	d := ok[keycloak.Decision](t)(r.EvaluatePolicies(t.Context(), keycloak.Evaluation{ClientUUID: c.ID, UserID: ben.Username}))
	if len(d.Results) != 1 || !slices.Equal(d.Results[0].Allowed, []string{"edit"}) || d.Permitted {
		t.Errorf("everything: %+v", d.Results)
	}
	_, err := r.EvaluatePolicies(t.Context(), keycloak.Evaluation{ClientUUID: c.ID, UserID: ann.ID, Resource: "00000000-0000-0000-0000-000000000000"})
	wantKind(t, err, clients.NotFound)
	_, err = r.EvaluatePolicies(t.Context(), keycloak.Evaluation{ClientUUID: c.ID, UserID: "no-such-user"})
	wantKind(t, err, clients.NotFound)
	_, err = r.EvaluatePolicies(t.Context(), keycloak.Evaluation{ClientUUID: c.ID, UserID: ann.ID, Scopes: []string{"view"}})
	wantKind(t, err, clients.Invalid)
	plain := newClient(t, r, keycloak.NewClient{ClientID: "plain"})
	_, err = r.AuthzSettings(t.Context(), plain.ID)
	wantKind(t, err, clients.NotFound)

	// The logic of a policy stands with the policy alone.
	if got := ok[keycloak.Policy](t)(r.Policy(t.Context(), c.ID, no)); !got.Negative || got.Type != "role" || !strings.Contains(got.Config["roles"], auditor.ID) {
		t.Errorf("policy is %+v", got)
	}
	agg := create("policy/aggregate", map[string]any{"name": "both", "policies": []string{yes, no}})
	parts := ok[[]keycloak.Policy](t)(r.PoliciesOf(t.Context(), c.ID, agg))
	if len(parts) != 2 || parts[0].Negative == parts[1].Negative {
		t.Errorf("parts are %+v", parts)
	}
	permissions := ok[clients.Page[keycloak.Policy]](t)(r.Policies(c.ID, true, 50)(t.Context(), ""))
	if !slices.ContainsFunc(permissions.Items, func(x keycloak.Policy) bool { return x.ID == view && x.Type == "scope" }) {
		t.Errorf("permissions are %+v", permissions.Items)
	}
	resources := ok[clients.Page[keycloak.Resource]](t)(r.Resources(c.ID, "rep", 50)(t.Context(), ""))
	if len(resources.Items) != 1 || resources.Items[0].ID != report || len(resources.Items[0].Scopes) != 2 {
		t.Errorf("resources are %+v", resources.Items)
	}
}
