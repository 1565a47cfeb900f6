package live_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"gatehouse/access/login"
	"gatehouse/clients/keycloak"
)

// pools are users that were locked before the tests began: which kind of lock wrong
// passwords lead to is a setting of the whole realm.
type pools struct {
	mu     sync.Mutex
	locked map[login.Code][]keycloak.User
}

var locked pools

const perPool = 7

func (p *pools) take(t testing.TB, kind login.Code) keycloak.User {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.locked[kind]
	if len(list) == 0 {
		t.Fatalf("no user with the lock %s is left; raise perPool", kind)
	}
	p.locked[kind] = list[1:]
	return list[0]
}

// prepare gives the shared realm what its rows have in common: rules that only bite who
// is spoilt, flows and policies that a client has to choose, and locked users.
func (l *lab) prepare(t testing.TB) {
	l.set(t, "verifyEmail", true, "passwordPolicy", "forceExpiredPasswordChange(365)")
	l.lockUsers(t)
	l.set(t, "bruteForceProtected", true, "permanentLockout", false, "failureFactor", 30, "quickLoginCheckMilliSeconds", 0)
	l.must(t, "POST", "identity-provider/instances", map[string]any{"alias": "corp", "providerId": "oidc", "enabled": true,
		"config": map[string]string{"authorizationUrl": "http://127.0.0.1:9/a", "tokenUrl": "http://127.0.0.1:9/t", "clientId": "x", "clientSecret": "y"}}, nil)
	l.flows(t)
	l.policies(t)
}

func (l *lab) lockUsers(t testing.TB) {
	t.Helper()
	app := l.app(t, func(n *keycloak.NewClient) { n.Public = true; n.Secret = "" })
	locked.locked = map[login.Code][]keycloak.User{}
	for _, kind := range []struct {
		code     login.Code
		settings []any
		tries    int
	}{
		{login.LockedQuickLogin, []any{"permanentLockout", false, "failureFactor", 30, "quickLoginCheckMilliSeconds", 600000, "minimumQuickLoginWaitSeconds", 7200}, 2},
		{login.LockedTemporarily, []any{"permanentLockout", false, "failureFactor", 1, "quickLoginCheckMilliSeconds", 0, "waitIncrementSeconds", 7200, "maxFailureWaitSeconds", 7200}, 1},
		{login.LockedPermanently, []any{"permanentLockout", true, "maxTemporaryLockouts", 0, "failureFactor", 1, "quickLoginCheckMilliSeconds", 0}, 1},
	} {
		l.set(t, append([]any{"bruteForceProtected", true}, kind.settings...)...)
		for range perPool {
			u := l.account(t)
			l.lock(t, app, u, kind.tries)
			locked.locked[kind.code] = append(locked.locked[kind.code], u)
		}
	}
}

// lock tries wrong passwords until the user is locked. The server counts behind its
// answers, so that it may take more tries than the rule says.
func (l *lab) lock(t testing.TB, app keycloak.Client, u keycloak.User, tries int) {
	t.Helper()
	ctx := context.Background()
	for range 20 {
		for range tries {
			if _, err := l.realm.PasswordToken(ctx, keycloak.ClientAuth{ID: app.ClientID}, u.Username, "wrong-"+unique(), "", ""); err == nil {
				t.Fatal("a wrong password let somebody in")
			}
		}
		for range 40 {
			if s, err := l.realm.Lock(ctx, u.ID); err != nil {
				t.Fatal(err)
			} else if s.Locked {
				return
			}
			time.Sleep(25 * time.Millisecond)
		}
	}
	t.Fatalf("%s is not locked after many failures", u.Username)
}

// The flows that a client of the shared realm can choose.
const (
	flowDeny      = "deny-at-the-end"
	flowDenyFirst = "deny-first"
	flowDenyRole  = "deny-without-role"
	flowLimit     = "one-session"
	flowDirect    = "direct-deny"
)

func (l *lab) flows(t testing.TB) {
	l.copyFlow(t, "browser", flowDeny)
	l.addStep(t, flowDeny+" forms", "deny-access-authenticator", nil)
	l.copyFlow(t, "browser", flowLimit)
	l.addStep(t, flowLimit+" forms", "user-session-limits", map[string]string{"userRealmLimit": "1", "userClientLimit": "0", "behavior": "Deny new session"})
	l.copyFlow(t, "direct grant", flowDirect)
	l.addStep(t, flowDirect, "deny-access-authenticator", nil)
	l.must(t, "POST", "authentication/flows", map[string]any{"alias": flowDenyFirst, "providerId": "basic-flow", "topLevel": true, "builtIn": false}, nil)
	l.addStep(t, flowDenyFirst, "deny-access-authenticator", nil)
	l.copyFlow(t, "browser", flowDenyRole)
	l.must(t, "POST", "authentication/flows/"+url.PathEscape(flowDenyRole+" forms")+"/executions/flow",
		map[string]any{"alias": "unless-role", "type": "basic-flow", "provider": "registration-page-form", "description": ""}, nil)
	l.require(t, flowDenyRole, "", "unless-role", "CONDITIONAL")
	l.addStep(t, "unless-role", "conditional-user-role", map[string]string{"condUserRole": "may-enter", "negate": "true"})
	l.addStep(t, "unless-role", "deny-access-authenticator", nil)
	l.must(t, "POST", "roles", map[string]any{"name": "may-enter"}, nil)
}

func (l *lab) copyFlow(t testing.TB, from, to string) {
	t.Helper()
	l.must(t, "POST", "authentication/flows/"+url.PathEscape(from)+"/copy", map[string]any{"newName": to}, nil)
}

func (l *lab) addStep(t testing.TB, flow, provider string, config map[string]string) {
	t.Helper()
	id := made(l.must(t, "POST", "authentication/flows/"+url.PathEscape(flow)+"/executions/execution", map[string]any{"provider": provider}, nil))
	if config != nil {
		l.must(t, "POST", "authentication/executions/"+id+"/config", map[string]any{"alias": provider + "-" + unique(), "config": config}, nil)
	}
	l.require(t, flow, id, "", "REQUIRED")
}

func (l *lab) require(t testing.TB, flow, id, name, requirement string) {
	t.Helper()
	path := "authentication/flows/" + url.PathEscape(flow) + "/executions"
	var steps []map[string]any
	l.must(t, "GET", path, nil, &steps)
	for _, s := range steps {
		if s["id"] == id || name != "" && s["displayName"] == name {
			s["requirement"] = requirement
			l.must(t, "PUT", path, s, nil)
			return
		}
	}
	t.Fatalf("the flow %s has no step %s%s", flow, id, name)
}

// choose makes a client take a flow of its own.
func (s *subject) choose(binding, alias string) {
	s.t.Helper()
	var flows []map[string]any
	s.l.must(s.t, "GET", "authentication/flows", nil, &flows)
	for _, f := range flows {
		if f["alias"] == alias {
			s.change(keycloak.ClientPatch{FlowOverrides: map[string]string{binding: f["id"].(string)}})
			return
		}
	}
	s.t.Fatalf("there is no flow %s", alias)
}

// policies bite clients that have a role of a certain name.
func (l *lab) policies(t testing.TB) {
	profile := func(name, executor string) map[string]any {
		return map[string]any{"name": name, "executors": []any{map[string]any{"executor": executor, "configuration": map[string]any{"auto-configure": "false"}}}}
	}
	policy := func(name, role string) map[string]any {
		return map[string]any{"name": name, "enabled": true, "profiles": []string{name}, "conditions": []any{map[string]any{"condition": "client-roles",
			"configuration": map[string]any{"is-negative-logic": false, "roles": []string{role}}}}}
	}
	l.must(t, "PUT", "client-policies/profiles", map[string]any{"profiles": []any{profile("no-passwords", "reject-ropc-grant"), profile("proof-key", "pkce-enforcer")}}, nil)
	l.must(t, "PUT", "client-policies/policies", map[string]any{"policies": []any{policy("no-passwords", "no-passwords"), policy("proof-key", "proof-key")}}, nil)
}

// police puts the subject's client under a policy.
func (s *subject) police(role string) {
	s.t.Helper()
	if _, err := s.l.realm.CreateRole(context.Background(), keycloak.OfClient(s.client.ID), keycloak.NewRole{Name: role}); err != nil {
		s.t.Fatal(err)
	}
}

// change changes the subject's client.
func (s *subject) change(p keycloak.ClientPatch) {
	s.t.Helper()
	if _, err := s.l.realm.UpdateClient(context.Background(), s.client.ID, p); err != nil {
		s.t.Fatal(err)
	}
}

// edit changes the subject's user.
func (s *subject) edit(p keycloak.UserPatch) {
	s.t.Helper()
	if _, err := s.l.realm.UpdateUser(context.Background(), s.user.ID, p); err != nil {
		s.t.Fatal(err)
	}
}
