package keycloak_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// writeCase is one write of the client, and exactly what it may change on the server.
type writeCase struct {
	name string
	// watch are the addresses that are read with plain net/http before and after.
	watch []string
	do    func(context.Context) (before, after any, err error)
	// want are the changed paths by "address number|path"; everything else must stay.
	want map[string]string
	// change is false for the few writes that have no before-image.
	noChange bool
}

func changed[T any](ch clients.Change[T], err error) (any, any, error) {
	return ch.Before, ch.After, err
}

// TestEveryWrite performs the writes of the package on the real server and reads the
// objects back field by field.
func TestEveryWrite(t *testing.T) {
	r, p := realm(t), newPlain(t)
	allowUnmanaged(t, r)
	w := newWorld(t, r)
	var cases []writeCase
	for _, part := range [][]writeCase{w.users(), w.credentials(), w.groups(), w.roles(), w.mappings(), w.clients(), w.scopes(), w.rest()} {
		cases = append(cases, part...)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := make([]any, len(c.watch))
			for i, path := range c.watch {
				before[i] = p.get(path)
			}
			was, is, err := c.do(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !c.noChange && asJSON(was) == asJSON(is) {
				t.Errorf("the change has the same before and after: %s", asJSON(was))
			}
			for i, path := range c.watch {
				want := map[string]string{}
				for k, v := range c.want {
					if n, sub, _ := strings.Cut(k, "|"); n == string(rune('0'+i)) {
						want[sub] = v
					}
				}
				after := p.get(path)
				if len(want) == 1 && want[""] == gone {
					if after != nil {
						t.Errorf("%s is still there: %v", path, after)
					}
					continue
				}
				if len(want) == 1 && want[""] == anyValue {
					if len(diff(before[i], after)) == 0 {
						t.Errorf("%s did not change", path)
					}
					continue
				}
				wantDiff(t, before[i], after, want)
			}
		})
	}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// world is what the writes work on.
type world struct {
	r                     *keycloak.Realm
	t                     *testing.T
	user, other           keycloak.User
	group, sub, elsewhere keycloak.Group
	role, inner           keycloak.Role
	client, second        keycloak.Client
	clientRole            keycloak.Role
	scope                 keycloak.ClientScope
	mapper                keycloak.Mapper
}

func newWorld(t *testing.T, r *keycloak.Realm) *world {
	w := &world{r: r, t: t}
	w.user, w.other = newUser(t, r, "ann"), newUser(t, r, "ben")
	w.group = newGroup(t, r, "", "staff")
	w.sub = newGroup(t, r, w.group.ID, "eng")
	w.elsewhere = newGroup(t, r, "", "else")
	w.role, w.inner = newRole(t, r, keycloak.OfRealm, "clerk"), newRole(t, r, keycloak.OfRealm, "inner")
	w.client = newClient(t, r, keycloak.NewClient{ClientID: "shop", AuthorizationServices: true, RedirectURIs: []string{"http://localhost/cb"}})
	w.second = newClient(t, r, keycloak.NewClient{ClientID: "second"})
	w.clientRole = newRole(t, r, keycloak.OfClient(w.client.ID), "buyer")
	s := ok[clients.Change[keycloak.ClientScope]](t)(r.CreateClientScope(t.Context(), keycloak.NewClientScope{Name: "s-" + unique(), Description: "d", Attributes: map[string]string{"a": "1"}}))
	w.scope = s.After
	t.Cleanup(func() { r.DeleteClientScope(context.Background(), w.scope.ID) })
	m := ok[clients.Change[keycloak.Mapper]](t)(r.CreateMapper(t.Context(), keycloak.MappersOfScope(w.scope.ID), keycloak.NewMapper{Name: "m",
		Type: "oidc-hardcoded-claim-mapper", Config: map[string]string{"claim.name": "x", "claim.value": "1"}}))
	w.mapper = m.After
	return w
}

func (w *world) users() []writeCase {
	r, id, path := w.r, w.user.ID, "users/"+w.user.ID
	update := func(p keycloak.UserPatch) func(context.Context) (any, any, error) {
		return func(ctx context.Context) (any, any, error) { return changed(r.UpdateUser(ctx, id, p)) }
	}
	return []writeCase{
		{name: "UpdateUser first name", watch: []string{path}, do: update(keycloak.UserPatch{FirstName: ptr("Änne")}), want: map[string]string{"0|firstName": "Änne"}},
		{name: "UpdateUser e-mail", watch: []string{path}, do: update(keycloak.UserPatch{Email: ptr("x-" + w.user.Email), EmailVerified: ptr(false)}),
			want: map[string]string{"0|email": "x-" + w.user.Email, "0|emailVerified": "false"}},
		{name: "UpdateUser attributes", watch: []string{path}, do: update(keycloak.UserPatch{Attributes: map[string][]string{"dept": {"a", "b"}, "floor": {"3"}}}),
			want: map[string]string{"0|attributes.dept.0": "a", "0|attributes.dept.1": "b", "0|attributes.floor.0": "3"}},
		{name: "UpdateUser one attribute of two", watch: []string{path}, do: update(keycloak.UserPatch{Attributes: map[string][]string{"dept": nil}}),
			want: map[string]string{"0|attributes.dept.0": gone, "0|attributes.dept.1": gone}},
		{name: "UpdateUser last attribute and last name", watch: []string{path}, do: update(keycloak.UserPatch{LastName: ptr("Neu"), Attributes: map[string][]string{"floor": {}}}),
			want: map[string]string{"0|attributes.floor.0": gone, "0|lastName": "Neu"}},
		{name: "SetEnabled off", watch: []string{path}, do: func(ctx context.Context) (any, any, error) { return changed(r.SetEnabled(ctx, id, false)) },
			want: map[string]string{"0|enabled": "false"}},
		{name: "UpdateUser leaves a disabled user disabled", watch: []string{path}, do: update(keycloak.UserPatch{LastName: ptr("Last"), Attributes: map[string][]string{"x": {"1"}}}),
			want: map[string]string{"0|lastName": "Last", "0|attributes.x.0": "1"}},
		{name: "SetEnabled on", watch: []string{path}, do: func(ctx context.Context) (any, any, error) { return changed(r.SetEnabled(ctx, id, true)) },
			want: map[string]string{"0|enabled": "true"}},
		{name: "SetRequiredActions", watch: []string{path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.SetRequiredActions(ctx, id, []string{"UPDATE_PASSWORD"}))
		}, want: map[string]string{"0|requiredActions.0": "UPDATE_PASSWORD"}},
		{name: "SetRequiredActions to none", watch: []string{path}, do: func(ctx context.Context) (any, any, error) { return changed(r.SetRequiredActions(ctx, id, nil)) },
			want: map[string]string{"0|requiredActions.0": gone}},
		{name: "JoinGroup", watch: []string{path, path + "/groups"}, do: func(ctx context.Context) (any, any, error) { return changed(r.JoinGroup(ctx, id, w.sub.ID)) },
			want: map[string]string{"1|0.id": w.sub.ID, "1|0.name": w.sub.Name, "1|0.path": w.sub.Path, "1|0.parentId": w.group.ID}},
		{name: "LeaveGroup", watch: []string{path, path + "/groups"}, do: func(ctx context.Context) (any, any, error) { return changed(r.LeaveGroup(ctx, id, w.sub.ID)) },
			want: map[string]string{"1|0.id": gone, "1|0.name": gone, "1|0.path": gone, "1|0.parentId": gone}},
	}
}

func (w *world) credentials() []writeCase {
	r, id := w.r, w.user.ID
	creds := "users/" + id + "/credentials"
	first := func(ctx context.Context) string {
		l, err := r.Credentials(ctx, id)
		if err != nil || len(l) == 0 {
			w.t.Fatalf("credentials: %v %v", l, err)
		}
		return l[0].ID
	}
	return []writeCase{
		{name: "ResetPassword temporary", watch: []string{"users/" + id, creds}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.ResetPassword(ctx, id, "another-password", true))
		}, want: map[string]string{"0|requiredActions.0": "UPDATE_PASSWORD", "1|": anyValue}},
		{name: "ResetPassword permanent", watch: []string{"users/" + id, creds}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.ResetPassword(ctx, id, "third-password", false))
		}, want: map[string]string{"0|requiredActions.0": gone, "1|": anyValue}},
		{name: "LabelCredential", watch: []string{"users/" + id, creds}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.LabelCredential(ctx, id, first(ctx), `my "own" ключ`))
		}, want: map[string]string{"1|0.userLabel": `my "own" ключ`}},
		{name: "MoveCredential first", watch: []string{"users/" + id, creds}, noChange: true, do: func(ctx context.Context) (any, any, error) {
			return changed(r.MoveCredential(ctx, id, first(ctx), ""))
		}},
		{name: "DeleteCredential", watch: []string{"users/" + id, creds}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteCredential(ctx, id, first(ctx)))
		}, want: map[string]string{"1|": anyValue}},
	}
}

func (w *world) groups() []writeCase {
	r, path := w.r, "groups/"+w.group.ID
	update := func(p keycloak.GroupPatch) func(context.Context) (any, any, error) {
		return func(ctx context.Context) (any, any, error) { return changed(r.UpdateGroup(ctx, w.group.ID, p)) }
	}
	return []writeCase{
		{name: "UpdateGroup description", watch: []string{path}, do: update(keycloak.GroupPatch{Description: ptr("all of us")}), want: map[string]string{"0|description": "all of us"}},
		{name: "UpdateGroup attributes", watch: []string{path}, do: update(keycloak.GroupPatch{Attributes: map[string][]string{"site": {"A"}, "cost": {"7"}}}),
			want: map[string]string{"0|attributes.site.0": "A", "0|attributes.cost.0": "7"}},
		{name: "UpdateGroup one attribute", watch: []string{path}, do: update(keycloak.GroupPatch{Attributes: map[string][]string{"cost": nil}}),
			want: map[string]string{"0|attributes.cost.0": gone}},
		{name: "UpdateGroup name", watch: []string{path}, do: update(keycloak.GroupPatch{Name: ptr(w.group.Name + "/new")}),
			want: map[string]string{"0|name": w.group.Name + "/new", "0|path": anyValue}},
		{name: "MoveGroup", watch: []string{"groups/" + w.sub.ID}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.MoveGroup(ctx, w.sub.ID, w.elsewhere.ID))
		}, want: map[string]string{"0|parentId": w.elsewhere.ID, "0|path": "/" + w.elsewhere.Name + "/" + w.sub.Name}},
		{name: "MoveGroup to the top", watch: []string{"groups/" + w.sub.ID}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.MoveGroup(ctx, w.sub.ID, ""))
		}, want: map[string]string{"0|parentId": gone, "0|path": "/" + w.sub.Name}},
		{name: "DeleteGroup", watch: []string{"groups/" + w.sub.ID, path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteGroup(ctx, w.sub.ID))
		}, want: map[string]string{"0|": gone}},
	}
}

func (w *world) roles() []writeCase {
	r, path := w.r, "roles-by-id/"+w.role.ID
	var cases []writeCase
	for what, role := range map[string]keycloak.Role{"realm": w.role, "client": w.clientRole} {
		at := "roles-by-id/" + role.ID
		cases = append(cases,
			writeCase{name: "UpdateRole " + what, watch: []string{at}, do: func(ctx context.Context) (any, any, error) {
				return changed(r.UpdateRole(ctx, role.ID, keycloak.RolePatch{Attributes: map[string][]string{"level": {"1"}}}))
			}, want: map[string]string{"0|attributes.level.0": "1"}},
			writeCase{name: "UpdateRole description " + what, watch: []string{at}, do: func(ctx context.Context) (any, any, error) {
				return changed(r.UpdateRole(ctx, role.ID, keycloak.RolePatch{Description: ptr("new words")}))
			}, want: map[string]string{"0|description": "new words"}})
	}
	return append(cases,
		writeCase{name: "AddComposites", watch: []string{path, path + "/composites", "roles-by-id/" + w.inner.ID}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.AddComposites(ctx, w.role.ID, w.inner, w.clientRole))
		}, want: map[string]string{"0|composite": "true", "1|": anyValue}},
		writeCase{name: "RemoveComposites", watch: []string{path, path + "/composites", "roles-by-id/" + w.inner.ID}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.RemoveComposites(ctx, w.role.ID, w.inner, w.clientRole))
		}, want: map[string]string{"0|composite": "false", "1|": anyValue}})
}

func (w *world) mappings() []writeCase {
	r := w.r
	var cases []writeCase
	for base, h := range map[string]keycloak.Holder{
		"users/" + w.other.ID:         keycloak.OfUser(w.other.ID),
		"groups/" + w.group.ID:        keycloak.OfGroup(w.group.ID),
		"clients/" + w.second.ID:      keycloak.ScopeOfClient(w.second.ID),
		"client-scopes/" + w.scope.ID: keycloak.ScopeOfClientScope(w.scope.ID),
	} {
		at := base + "/role-mappings"
		if h.Kind == keycloak.HolderClient || h.Kind == keycloak.HolderScope {
			at = base + "/scope-mappings"
		}
		watch := []string{at + "/realm", at + "/clients/" + w.client.ID}
		if h.Kind != keycloak.HolderGroup { // a group names its roles itself
			watch = append(watch, base)
		}
		cases = append(cases,
			writeCase{name: "Grant to a " + string(h.Kind), watch: watch, do: func(ctx context.Context) (any, any, error) {
				return changed(r.Grant(ctx, h, w.role, w.clientRole))
			}, want: map[string]string{"0|": anyValue, "1|": anyValue}},
			writeCase{name: "Grant again to a " + string(h.Kind), watch: watch, noChange: true, do: func(ctx context.Context) (any, any, error) {
				return changed(r.Grant(ctx, h, w.role, w.clientRole))
			}},
			writeCase{name: "Revoke from a " + string(h.Kind), watch: watch, do: func(ctx context.Context) (any, any, error) {
				return changed(r.Revoke(ctx, h, w.clientRole, w.role))
			}, want: map[string]string{"0|": anyValue, "1|": anyValue}},
			writeCase{name: "Revoke again from a " + string(h.Kind), watch: watch, noChange: true, do: func(ctx context.Context) (any, any, error) {
				return changed(r.Revoke(ctx, h, w.clientRole, w.role))
			}})
	}
	return cases
}

func (w *world) clients() []writeCase {
	r, path := w.r, "clients/"+w.client.ID
	update := func(p keycloak.ClientPatch) func(context.Context) (any, any, error) {
		return func(ctx context.Context) (any, any, error) { return changed(r.UpdateClient(ctx, w.client.ID, p)) }
	}
	watch := []string{path, path + "/authz/resource-server", path + "/client-secret"}
	return []writeCase{
		{name: "UpdateClient name", watch: watch, do: update(keycloak.ClientPatch{Name: ptr("Shop"), Description: ptr("sells")}), want: map[string]string{"0|name": "Shop", "0|description": "sells"}},
		{name: "UpdateClient flows", watch: watch, do: update(keycloak.ClientPatch{StandardFlow: ptr(false), DirectAccessGrants: ptr(true), ImplicitFlow: ptr(true), ConsentRequired: ptr(true), FullScope: ptr(false)}),
			want: map[string]string{"0|standardFlowEnabled": "false", "0|directAccessGrantsEnabled": "true", "0|implicitFlowEnabled": "true", "0|consentRequired": "true", "0|fullScopeAllowed": "false"}},
		{name: "UpdateClient off", watch: watch, do: update(keycloak.ClientPatch{Enabled: ptr(false)}), want: map[string]string{"0|enabled": "false"}},
		{name: "UpdateClient addresses", watch: watch, do: update(keycloak.ClientPatch{RootURL: ptr("http://localhost:1"), BaseURL: ptr("/home"), RedirectURIs: &[]string{"http://localhost:1/a", "http://localhost:1/b"}, WebOrigins: &[]string{"+"}}),
			want: map[string]string{"0|rootUrl": "http://localhost:1", "0|baseUrl": "/home", "0|redirectUris.0": anyValue, "0|redirectUris.1": anyValue, "0|webOrigins.0": "+"}},
		{name: "UpdateClient no addresses", watch: watch, do: update(keycloak.ClientPatch{RedirectURIs: &[]string{}, WebOrigins: &[]string{}}),
			want: map[string]string{"0|redirectUris.0": gone, "0|redirectUris.1": gone, "0|webOrigins.0": gone}},
		{name: "UpdateClient attributes", watch: watch, do: update(keycloak.ClientPatch{Attributes: map[string]string{"pkce.code.challenge.method": "S256", "x": "1"}}),
			want: map[string]string{"0|attributes.pkce.code.challenge.method": "S256", "0|attributes.x": "1"}},
		{name: "UpdateClient one attribute", watch: watch, do: update(keycloak.ClientPatch{Attributes: map[string]string{"x": ""}}),
			want: map[string]string{"0|attributes.x": gone}},
		{name: "RegenerateClientSecret", watch: []string{path, path + "/client-secret"}, do: func(ctx context.Context) (any, any, error) {
			old, err := r.ClientSecret(ctx, w.client.ID)
			if err != nil {
				return nil, nil, err
			}
			now, err := r.RegenerateClientSecret(ctx, w.client.ID)
			return old, now, err
		}, want: map[string]string{"0|secret": anyValue, "0|attributes.client.secret.creation.time": anyValue, "1|value": anyValue}},
		{name: "UpdateClient without authorization services", watch: []string{path, path + "/authz/resource-server"},
			do: update(keycloak.ClientPatch{AuthorizationServices: ptr(false)}), want: map[string]string{"0|authorizationServicesEnabled": gone, "1|": gone}},
		{name: "DeleteClient", watch: []string{"clients/" + w.second.ID, path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteClient(ctx, w.second.ID))
		}, want: map[string]string{"0|": gone}},
	}
}

func (w *world) scopes() []writeCase {
	r, path := w.r, "client-scopes/"+w.scope.ID
	client := "clients/" + w.client.ID
	o := keycloak.MappersOfScope(w.scope.ID)
	at := path + "/protocol-mappers/models/" + w.mapper.ID
	return []writeCase{
		{name: "UpdateClientScope", watch: []string{path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateClientScope(ctx, w.scope.ID, keycloak.ClientScopePatch{Name: ptr(w.scope.Name + "2")}))
		}, want: map[string]string{"0|name": w.scope.Name + "2"}},
		{name: "UpdateClientScope attributes", watch: []string{path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateClientScope(ctx, w.scope.ID, keycloak.ClientScopePatch{Description: ptr("e"), InTokenScope: ptr(false), Attributes: map[string]string{"b": "2"}}))
		}, want: map[string]string{"0|description": "e", "0|attributes.include.in.token.scope": "false", "0|attributes.b": "2"}},
		{name: "UpdateClientScope one attribute", watch: []string{path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateClientScope(ctx, w.scope.ID, keycloak.ClientScopePatch{Attributes: map[string]string{"a": ""}}))
		}, want: map[string]string{"0|attributes.a": gone}},
		{name: "AttachScope", watch: []string{client + "/default-client-scopes", client + "/optional-client-scopes"}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.AttachScope(ctx, w.client.ID, w.scope.ID, keycloak.ScopeDefault))
		}, want: map[string]string{"0|": anyValue}},
		{name: "AttachScope the other way", watch: []string{client + "/default-client-scopes", client + "/optional-client-scopes"}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.AttachScope(ctx, w.client.ID, w.scope.ID, keycloak.ScopeOptional))
		}, want: map[string]string{"0|": anyValue, "1|": anyValue}},
		{name: "DetachScope", watch: []string{client + "/default-client-scopes", client + "/optional-client-scopes"}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DetachScope(ctx, w.client.ID, w.scope.ID))
		}, want: map[string]string{"1|": anyValue}},
		{name: "AttachToNewClients", watch: []string{"default-default-client-scopes", "default-optional-client-scopes"}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.AttachToNewClients(ctx, w.scope.ID, keycloak.ScopeOptional))
		}, want: map[string]string{"1|": anyValue}},
		{name: "AttachToNewClients the other way", watch: []string{"default-default-client-scopes", "default-optional-client-scopes"}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.AttachToNewClients(ctx, w.scope.ID, keycloak.ScopeDefault))
		}, want: map[string]string{"0|": anyValue, "1|": anyValue}},
		{name: "DetachFromNewClients", watch: []string{"default-default-client-scopes", "default-optional-client-scopes"}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DetachFromNewClients(ctx, w.scope.ID))
		}, want: map[string]string{"0|": anyValue}},
		{name: "UpdateMapper", watch: []string{at, path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateMapper(ctx, o, w.mapper.ID, keycloak.MapperPatch{Config: map[string]string{"id.token.claim": "true"}}))
		}, want: map[string]string{"0|config.id.token.claim": "true", "0|config.userinfo.token.claim": "true", "1|protocolMappers.0.config.id.token.claim": "true"}},
		{name: "UpdateMapper does not store what the server derives", watch: []string{at, path}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateMapper(ctx, o, w.mapper.ID, keycloak.MapperPatch{Config: map[string]string{"id.token.claim": "false"}}))
		}, want: map[string]string{"0|config.id.token.claim": "false", "0|config.userinfo.token.claim": "false", "1|protocolMappers.0.config.id.token.claim": "false"}},
		{name: "DeleteMapper", watch: []string{at}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteMapper(ctx, o, w.mapper.ID))
		}, want: map[string]string{"0|": gone}},
		{name: "DeleteClientScope", watch: []string{path, client}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteClientScope(ctx, w.scope.ID))
		}, want: map[string]string{"0|": gone}},
	}
}

func (w *world) rest() []writeCase {
	r := w.r
	return []writeCase{
		{name: "UpdateRealm", watch: []string{""}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateRealm(ctx, map[string]any{"verifyEmail": true, "displayName": "Test"}))
		}, want: map[string]string{"0|verifyEmail": "true", "0|displayName": "Test"}},
		{name: "UpdateRealm back", watch: []string{""}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateRealm(ctx, map[string]any{"verifyEmail": false}))
		}, want: map[string]string{"0|verifyEmail": "false"}},
		{name: "UpdateEventsConfig", watch: []string{"events/config", ""}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.UpdateEventsConfig(ctx, keycloak.EventsPatch{Expiration: ptr(777 * time.Second), Types: &[]string{"LOGIN", "LOGIN_ERROR"}}))
		}, want: map[string]string{"0|": anyValue, "1|": anyValue}},
		{name: "SetProfile", watch: []string{"users/profile"}, do: func(ctx context.Context) (any, any, error) {
			old, err := r.Profile(ctx)
			if err != nil {
				return nil, nil, err
			}
			var doc map[string]any
			json.Unmarshal(old.Raw, &doc)
			doc["attributes"] = append(doc["attributes"].([]any), map[string]any{"name": "badge", "permissions": map[string]any{"view": []string{"admin"}, "edit": []string{"admin"}}})
			b, _ := json.Marshal(doc)
			return changed(r.SetProfile(ctx, b))
		}, want: map[string]string{"0|": anyValue}},
		{name: "DeleteRole", watch: []string{"roles-by-id/" + w.inner.ID, "roles-by-id/" + w.role.ID}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteRole(ctx, w.inner.ID))
		}, want: map[string]string{"0|": gone}},
		{name: "DeleteUser", watch: []string{"users/" + w.other.ID}, do: func(ctx context.Context) (any, any, error) {
			return changed(r.DeleteUser(ctx, w.other.ID))
		}, want: map[string]string{"0|": gone}},
	}
}
