package live_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
)

// claimFault is a cause that lets the person log in and stops them afterwards.
type claimFault struct {
	code    login.Code
	variant string
	// spoil makes it so. A token that is pasted is taken in it, before or after.
	spoil func(*claimSubject)
	// use does what the application or API does with what the login gave: "" is that it
	// lets the person in, else what is seen.
	use  func(*claimSubject) string
	seen string
	// again says that no write cures it, only a new login.
	again bool
}

// claimSubject is a try to get in, with what comes after the login.
type claimSubject struct {
	*subject
	api keycloak.Client // an API with a secret, where one takes part
}

func (s *claimSubject) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// role makes a role of the client, or of the realm.
func (s *claimSubject) role(in keycloak.Container, name string) keycloak.Role {
	s.t.Helper()
	ch, err := s.l.realm.CreateRole(context.Background(), in, keycloak.NewRole{Name: name})
	s.ok(err)
	return ch.After
}

func (s *claimSubject) grant(roles ...keycloak.Role) {
	s.t.Helper()
	_, err := s.l.realm.Grant(context.Background(), keycloak.OfUser(s.user.ID), roles...)
	s.ok(err)
}

// admin asks for the role admin of the client, which the user has.
func (s *claimSubject) admin() keycloak.Role {
	s.t.Helper()
	r := s.role(keycloak.OfClient(s.client.ID), "admin")
	s.grant(r)
	s.Role = "admin"
	return r
}

// scopeOfItsOwn puts a client scope of its own in the place of "roles", with one mapper
// that writes client roles with the given switches.
func (s *claimSubject) scopeOfItsOwn(config map[string]string) keycloak.ClientScope {
	s.t.Helper()
	ctx, r := context.Background(), s.l.realm
	s.detach("roles")
	ch, err := r.CreateClientScope(ctx, keycloak.NewClientScope{Name: "roles-" + unique()})
	s.ok(err)
	all := map[string]string{"claim.name": "resource_access.${client_id}.roles", "jsonType.label": "String", "multivalued": "true"}
	for k, v := range config {
		all[k] = v
	}
	_, err = r.CreateMapper(ctx, keycloak.MappersOfScope(ch.After.ID), keycloak.NewMapper{Name: "client roles", Type: "oidc-usermodel-client-role-mapper", Config: all})
	s.ok(err)
	_, err = r.AttachScope(ctx, s.client.ID, ch.After.ID, keycloak.ScopeDefault)
	s.ok(err)
	return ch.After
}

func (s *claimSubject) detach(scope string) {
	s.t.Helper()
	ctx, r := context.Background(), s.l.realm
	list, err := r.ScopesOfClient(ctx, s.client.ID)
	s.ok(err)
	for _, sc := range list.Default {
		if sc.Name == scope {
			_, err = r.DetachScope(ctx, s.client.ID, sc.ID)
			s.ok(err)
		}
	}
}

// enter logs in, which has to succeed.
func (s *claimSubject) enter() outcome {
	s.t.Helper()
	o := s.try()
	if !o.ok {
		s.t.Fatalf("the login itself fails: %s", o)
	}
	return o
}

// application logs in and looks for the role where the application does.
func application(s *claimSubject) string {
	s.t.Helper()
	o := s.enter()
	var got map[string]any
	switch s.Token {
	case login.ID:
		got = claims(s.t, o.id)
	case login.UserInfo:
		status, body := s.userInfo(o.token)
		if status != http.StatusOK {
			return body
		}
		s.ok(json.Unmarshal([]byte(body), &got))
	default:
		got = claims(s.t, o.token)
	}
	w, _ := s.WantedRole()
	at := []string{"realm_access", "roles"}
	if w.Client != "" {
		at = []string{"resource_access", w.Client, "roles"}
	}
	var v any = got
	for _, k := range at {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	list, _ := v.([]any)
	for _, r := range list {
		if r == w.Name {
			return ""
		}
	}
	return "403: the role is missing"
}

// scopeGiven logs in and looks whether the scope that was asked for was given.
func scopeGiven(s *claimSubject) string {
	s.t.Helper()
	scope, _ := claims(s.t, s.enter().token)["scope"].(string)
	for _, w := range s.Words() {
		if w != "openid" && !strings.Contains(" "+scope+" ", " "+w+" ") {
			return "the scope is missing: " + scope
		}
	}
	return ""
}

// userInfo shows a token to the userinfo endpoint, which answers errors in a header.
func (s *claimSubject) userInfo(token string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.realmURL()+"/protocol/openid-connect/userinfo", nil)
	s.ok(err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultTransport.RoundTrip(req)
	s.ok(err)
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b) + res.Header.Get("WWW-Authenticate")
}

// shown shows the pasted token to userinfo, as an API that asks Keycloak does.
func shown(s *claimSubject) string {
	s.t.Helper()
	if status, body := s.userInfo(s.PastedToken); status != http.StatusOK {
		return body
	}
	return ""
}

// pastedRole looks for the role in the pasted token.
func pastedRole(s *claimSubject) string {
	s.t.Helper()
	b, _ := json.Marshal(claims(s.t, s.PastedToken)["resource_access"])
	if strings.Contains(string(b), `"admin"`) {
		return ""
	}
	return "403: the role is missing"
}

// introspected shows the token of a login to an API, which asks Keycloak about it.
func introspected(s *claimSubject) string {
	s.t.Helper()
	secret, err := s.l.realm.ClientSecret(context.Background(), s.api.ID)
	s.ok(err)
	active, body, err := s.l.realm.Introspect(context.Background(), keycloak.ClientAuth{ID: s.api.ClientID, Secret: secret}, s.enter().token)
	s.ok(err)
	if active {
		return ""
	}
	return string(body)
}

// decided asks for the live decision of the authorization services.
func decided(s *claimSubject) string {
	s.t.Helper()
	permission := s.Resource
	if s.ResourceScope != "" {
		permission += "#" + s.ResourceScope
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:uma-ticket"}, "audience": {s.Client}, "permission": {permission}, "response_mode": {"decision"}}
	token := s.enter().token
	req, err := http.NewRequest("POST", s.realmURL()+"/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	s.ok(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultTransport.RoundTrip(req)
	s.ok(err)
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if strings.Contains(string(b), `"result":true`) {
		return ""
	}
	return string(b)
}

// server makes the client a resource server with the resource report and the scopes
// view and edit.
func (s *claimSubject) server() {
	s.t.Helper()
	s.change(keycloak.ClientPatch{ServiceAccounts: new(true), AuthorizationServices: new(true)})
	s.l.must(s.t, "POST", "clients/"+s.client.ID+"/authz/resource-server/resource", map[string]any{"name": "report", "scopes": []map[string]string{{"name": "view"}, {"name": "edit"}}}, nil)
	s.Resource, s.ResourceScope = "report", "view"
}

func (s *claimSubject) policy(n keycloak.NewPolicy) string {
	s.t.Helper()
	ch, err := s.l.realm.CreatePolicy(context.Background(), s.client.ID, n)
	s.ok(err)
	return ch.After.ID
}

// roleText is a role as the configuration of a role policy wants it.
func roleBody(r keycloak.Role) map[string]any {
	return map[string]any{"roles": []map[string]any{{"id": r.ID, "required": true}}}
}

const refused = "Token verification failed"

var claimFaults = []claimFault{
	{code: login.RoleMissing, use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.role(keycloak.OfClient(s.client.ID), "admin")
		s.Role = "admin"
	}},
	{code: login.RoleMissing, variant: "of the realm, with a namesake and a group", use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		name := "boss-" + unique()
		r := s.role(keycloak.OfRealm, name)
		s.grant(s.role(keycloak.OfClient(s.client.ID), name))
		g, err := s.l.realm.CreateGroup(context.Background(), "", "bosses-"+unique())
		s.ok(err)
		_, err = s.l.realm.Grant(context.Background(), keycloak.OfGroup(g.After.ID), r)
		s.ok(err)
		s.RealmRole = name
	}},
	{code: login.DefaultRolesRemoved, use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		held, err := s.l.realm.RoleMappings(context.Background(), keycloak.OfUser(s.user.ID))
		s.ok(err)
		_, err = s.l.realm.Revoke(context.Background(), keycloak.OfUser(s.user.ID), held.Realm...)
		s.ok(err)
		s.Role, s.RoleClient = "view-profile", "account"
	}},
	{code: login.ScopeNotPermitted, use: scopeGiven, seen: "scope is missing", spoil: func(s *claimSubject) {
		ctx, r := context.Background(), s.l.realm
		sc, err := r.CreateClientScope(ctx, keycloak.NewClientScope{Name: "reports-" + unique()})
		s.ok(err)
		_, err = r.Grant(ctx, keycloak.ScopeOfClientScope(sc.After.ID), s.role(keycloak.OfRealm, "auditor-"+unique()))
		s.ok(err)
		_, err = r.AttachScope(ctx, s.client.ID, sc.After.ID, keycloak.ScopeOptional)
		s.ok(err)
		s.Scope = "openid " + sc.After.Name
	}},
	{code: login.ScopeNotPermitted, variant: "which brings the roles", use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.admin()
		sc := s.scopeOfItsOwn(map[string]string{"access.token.claim": "true"})
		_, err := s.l.realm.Grant(context.Background(), keycloak.ScopeOfClientScope(sc.ID), s.role(keycloak.OfRealm, "auditor-"+unique()))
		s.ok(err)
	}},
	{code: login.OutOfClientScope, use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		other := s.l.app(s.t, nil)
		s.grant(s.role(keycloak.OfClient(other.ID), "reader"))
		s.Role, s.RoleClient = "reader", other.ClientID
		s.change(keycloak.ClientPatch{FullScope: new(false)})
	}},
	{code: login.MapperMissing, use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.admin()
		s.detach("roles")
		s.Token = login.ID
	}},
	{code: login.ClaimScopeRemoved, use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.admin()
		s.detach("roles")
	}},
	{code: login.MapperNotInToken, variant: "ID", use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.admin()
		s.Token = login.ID
		s.scopeOfItsOwn(map[string]string{"access.token.claim": "true"})
	}},
	{code: login.MapperNotInToken, variant: "userinfo", use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.admin()
		s.Token = login.UserInfo
		s.scopeOfItsOwn(map[string]string{"access.token.claim": "true", "id.token.claim": "true", "userinfo.token.claim": "false"})
	}},
	{code: login.LightweightToken, use: application, seen: "role is missing", spoil: func(s *claimSubject) {
		s.admin()
		s.attribute("client.use.lightweight.access.token.enabled", "true")
	}},
	{code: login.LightweightToken, variant: "userinfo", use: application, seen: "Lightweight access token not allowed", spoil: func(s *claimSubject) {
		s.admin()
		s.Token = login.UserInfo
		s.scopeOfItsOwn(map[string]string{"access.token.claim": "true", "id.token.claim": "true"})
		s.attribute("client.use.lightweight.access.token.enabled", "true")
	}},
	{code: login.AudienceMissing, use: introspected, seen: `{"active":false}`, spoil: func(s *claimSubject) {
		s.api = s.l.app(s.t, nil)
		s.Audience = s.api.ClientID
	}},

	{code: login.TokenExpired, again: true, use: shown, seen: refused, spoil: func(s *claimSubject) {
		s.attribute("access.token.lifespan", "1")
		s.PastedToken = s.enter().token
		for until := time.Now().Add(time.Minute); shown(s) == "" && time.Now().Before(until); {
			time.Sleep(100 * time.Millisecond) // until the server's clock has moved on
		}
		s.attribute("access.token.lifespan", "300")
	}},
	{code: login.TokenSignature, again: true, use: shown, seen: refused, spoil: func(s *claimSubject) {
		t := s.enter().token
		i := strings.LastIndexByte(t, '.') + 5
		s.PastedToken = t[:i] + map[bool]string{true: "B", false: "A"}[t[i] == 'A'] + t[i+1:]
	}},
	{code: login.TokenIssuer, again: true, use: shown, seen: refused, spoil: func(s *claimSubject) {
		s.PastedToken = s.l.bearer(s.t) // of the realm master
	}},
	{code: login.TokenType, variant: "an ID token to an API", again: true, use: shown, seen: refused, spoil: func(s *claimSubject) { s.PastedToken = s.enter().id }},
	{code: login.TokenRevoked, variant: "by itself", again: true, use: shown, seen: refused, spoil: func(s *claimSubject) {
		s.PastedToken = s.enter().token
		s.ok(s.l.realm.RevokeToken(context.Background(), keycloak.ClientAuth{ID: s.Client, Secret: s.secret}, s.PastedToken))
	}},
	{code: login.TokenRevoked, variant: "all of the client", again: true, use: shown, seen: refused, spoil: func(s *claimSubject) {
		s.PastedToken = s.enter().token
		iat, _ := claims(s.t, s.PastedToken)["iat"].(float64)
		s.l.patch(s.t, "clients/"+s.client.ID, func(m map[string]any) { m["notBefore"] = int64(iat) + 1 })
		for until := time.Now().Add(time.Minute); time.Now().Unix() <= int64(iat)+1 && time.Now().Before(until); {
			time.Sleep(100 * time.Millisecond) // a new token must be younger than that
		}
	}},
	{code: login.SessionGone, again: true, use: shown, seen: "user_session_not_found", spoil: func(s *claimSubject) {
		s.PastedToken = s.enter().token
		sid, _ := claims(s.t, s.PastedToken)["sid"].(string)
		s.ok(s.l.realm.EndSession(context.Background(), sid, false))
	}},
	{code: login.RoleAfterToken, again: true, use: pastedRole, seen: "role is missing", spoil: func(s *claimSubject) {
		s.PastedToken = s.enter().token
		s.admin()
	}},

	{code: login.AuthzNothingApplies, use: decided, seen: "not_authorized", spoil: func(s *claimSubject) { s.server() }},
	{code: login.AuthzNothingApplies, variant: "scope not covered", use: decided, seen: "not_authorized", spoil: func(s *claimSubject) {
		s.server()
		p := s.policy(keycloak.NewPolicy{Name: "she", Type: "user", Body: map[string]any{"users": []string{s.user.ID}}})
		s.policy(keycloak.NewPolicy{Name: "may edit", Type: "scope", Resources: []string{"report"}, Scopes: []string{"edit"}, Policies: []string{p}})
	}},
	{code: login.AuthzNothingApplies, variant: "no such resource", again: true, use: decided, seen: "invalid_resource", spoil: func(s *claimSubject) {
		s.server()
		s.Resource = "nothing"
	}},
	{code: login.AuthzDenied, variant: "role", use: decided, seen: "not_authorized", spoil: func(s *claimSubject) {
		s.server()
		p := s.policy(keycloak.NewPolicy{Name: "readers", Type: "role", Body: roleBody(s.role(keycloak.OfClient(s.client.ID), "reader"))})
		s.policy(keycloak.NewPolicy{Name: "may view", Type: "scope", Resources: []string{"report"}, Scopes: []string{"view"}, Policies: []string{p}})
	}},
	{code: login.AuthzDenied, variant: "user", use: decided, seen: "not_authorized", spoil: func(s *claimSubject) {
		s.server()
		p := s.policy(keycloak.NewPolicy{Name: "the boss", Type: "user", Body: map[string]any{"users": []string{s.l.account(s.t).ID}}})
		s.policy(keycloak.NewPolicy{Name: "may view", Type: "resource", Resources: []string{"report"}, Policies: []string{p}})
		s.ResourceScope = ""
	}},
	{code: login.AuthzDenied, variant: "group", use: decided, seen: "not_authorized", spoil: func(s *claimSubject) {
		s.server()
		g, err := s.l.realm.CreateGroup(context.Background(), "", "readers-"+unique())
		s.ok(err)
		p := s.policy(keycloak.NewPolicy{Name: "readers", Type: "group", Body: map[string]any{"groups": []map[string]any{{"id": g.After.ID, "extendChildren": true}}}})
		s.policy(keycloak.NewPolicy{Name: "may view", Type: "scope", Resources: []string{"report"}, Scopes: []string{"view"}, Policies: []string{p}})
	}},
	{code: login.AuthzDenied, variant: "part of an aggregate", use: decided, seen: "not_authorized", spoil: func(s *claimSubject) {
		s.server()
		she := s.policy(keycloak.NewPolicy{Name: "she", Type: "user", Body: map[string]any{"users": []string{s.user.ID}}})
		readers := s.policy(keycloak.NewPolicy{Name: "readers", Type: "role", Body: roleBody(s.role(keycloak.OfClient(s.client.ID), "reader"))})
		both := s.policy(keycloak.NewPolicy{Name: "both", Type: "aggregate", Policies: []string{she, readers}})
		s.policy(keycloak.NewPolicy{Name: "may view", Type: "scope", Resources: []string{"report"}, Scopes: []string{"view"}, Policies: []string{both}})
	}},
	{code: login.AuthzDenied, variant: "negative", again: true, use: decided, seen: "not_authorized", spoil: func(s *claimSubject) {
		s.server()
		r := s.role(keycloak.OfClient(s.client.ID), "contractor")
		s.grant(r)
		p := s.policy(keycloak.NewPolicy{Name: "no contractors", Type: "role", Negative: true, Body: roleBody(r)})
		s.policy(keycloak.NewPolicy{Name: "may view", Type: "scope", Resources: []string{"report"}, Scopes: []string{"view"}, Policies: []string{p}})
	}},
}

// TestEveryCauseAfterTheLogin makes each cause on the real server, asks for real, and
// holds what is seen and what is named against each other; then it applies the first
// fix (or logs in again, where that is the cure), asks again, and takes the fix back.
func TestEveryCauseAfterTheLogin(t *testing.T) {
	l := theLab(t)
	proved.expect(t, len(claimFaults))
	for _, f := range claimFaults {
		t.Run(strings.TrimSpace(string(f.code)+" "+f.variant), func(t *testing.T) {
			t.Parallel()
			proved.row(t)
			s := &claimSubject{subject: l.newSubject(t, login.Direct)}
			f.spoil(s)
			if seen := f.use(s); seen == "" || !strings.Contains(seen, f.seen) {
				t.Fatalf("seen is %q, want %q", seen, f.seen)
			}
			tr := l.why(t, s.Asked)
			if tr.Cause != string(f.code) || tr.Verdict != access.Denied || tr.Summary == "" {
				t.Fatalf("the cause is %q (%s: %s), want %s\n%s", tr.Cause, tr.Verdict, tr.Summary, f.code, checksText(tr))
			}
			t.Logf("%s\n%d requests, %d rounds; fixes: %v", tr.Summary, tr.Requests, tr.RoundTrips, summaries(tr.Fixes))
			s.wantHonest(f.code)
			s.wantClaimCured(f, tr)
		})
	}
}

func summaries(fixes []login.Fix) []string {
	var out []string
	for _, f := range fixes {
		out = append(out, f.Summary+" ("+f.AlsoChanges+")")
	}
	return out
}

func (s *claimSubject) wantClaimCured(f claimFault, tr login.Trace) {
	s.t.Helper()
	if f.again {
		if len(tr.Fixes) > 0 || tr.Hint == "" {
			s.t.Errorf("there is a write where none helps, or no advice: %+v %q", tr.Fixes, tr.Hint)
		}
		if s.PastedToken != "" {
			if s.PastedToken = s.enter().token; f.use(s) != "" {
				s.t.Errorf("after a new login: %s", f.use(s))
			}
			if again := s.l.why(s.t, s.Asked); again.Verdict != access.Allowed {
				s.t.Errorf("after a new login: %s by %s\n%s", again.Verdict, again.Cause, checksText(again))
			}
		}
		return
	}
	if len(tr.Fixes) == 0 {
		s.t.Fatal("no fix")
	}
	x := live.New(s.l.admin.Realm(s.Realm))
	back := s.before(tr.Fixes[0], nil)
	done, err := x.Apply(context.Background(), tr.Fixes[0], nil)
	if err != nil {
		s.t.Fatalf("%s: %v", tr.Fixes[0].Summary, err)
	}
	back.written(s.t)
	if seen := f.use(s); seen != "" {
		s.t.Fatalf("after %q: %s", tr.Fixes[0].Summary, seen)
	}
	if again, err := x.Why(context.Background(), s.Asked, nil); err != nil || again.Verdict != access.Allowed {
		s.t.Errorf("after %q it is %s by %s (%s) %v\n%s", tr.Fixes[0].Summary, again.Verdict, again.Cause, again.Summary, err, checksText(again))
	}
	if err := done.Undo(context.Background()); err != nil {
		s.t.Fatalf("undo of %q: %v", tr.Fixes[0].Summary, err)
	}
	back.undone(s.t)
	if seen := f.use(s); !strings.Contains(seen, f.seen) {
		s.t.Errorf("after the undo seen is %q", seen)
	}
}
