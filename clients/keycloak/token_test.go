package keycloak_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
)

// as logs in to the same server as somebody else.
func as(t testing.TB, r *keycloak.Realm, l keycloak.Login, o transport.Options) *keycloak.Realm {
	t.Helper()
	s, err := keycloak.New(keycloak.Options{URL: r.Server().URL(), Login: l, Transport: o})
	if err != nil {
		t.Fatal(err)
	}
	return s.Realm(r.Name())
}

func TestTokensOfEveryGrant(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "ann")
	c := newClient(t, r, keycloak.NewClient{ClientID: "app", ServiceAccounts: true, DirectAccessGrants: true, Secret: "a secret/with+signs%" + unique()})
	auth := keycloak.ClientAuth{ID: c.ClientID, Secret: ok[string](t)(r.ClientSecret(t.Context(), c.ID))}

	pw := ok[keycloak.Token](t)(r.PasswordToken(t.Context(), auth, u.Username, "pw-ann", "", "openid profile"))
	if pw.Access == "" || pw.Refresh == "" || pw.ID == "" || pw.Life < 4*time.Minute || pw.Life > 5*time.Minute || pw.RefreshLife < 29*time.Minute || pw.RefreshLife > 30*time.Minute || !strings.Contains(pw.Scope, "profile") {
		t.Errorf("token lives %v, refresh %v, scope %q", pw.Life, pw.RefreshLife, pw.Scope)
	}
	claims := ok[json.RawMessage](t)(r.UserInfo(t.Context(), pw.Access))
	if !strings.Contains(string(claims), u.ID) {
		t.Errorf("userinfo is %s", claims)
	}
	renewed := ok[keycloak.Token](t)(r.RefreshToken(t.Context(), auth, pw.Refresh))
	if renewed.Access == "" || renewed.Access == pw.Access || renewed.SessionID != pw.SessionID {
		t.Error("the renewed token is not a new one of the same session")
	}
	if active, _, err := r.Introspect(t.Context(), auth, renewed.Access); err != nil || active {
		t.Errorf("introspection by a client outside the audience: active=%v, %v", active, err)
	}
	service := ok[keycloak.Token](t)(r.ClientToken(t.Context(), auth, ""))
	if service.Access == "" || service.Refresh != "" {
		t.Error("client credentials gave no access token, or a refresh token")
	}
	if err := r.RevokeToken(t.Context(), auth, renewed.Refresh); err != nil {
		t.Error(err)
	}
	_, err := r.RefreshToken(t.Context(), auth, renewed.Refresh)
	wantKind(t, err, clients.Denied)

	_, err = r.UserInfo(t.Context(), "not-a-token")
	if p := wantKind(t, err, clients.Denied); !strings.Contains(p.Reason, "Token verification failed") {
		t.Errorf("the challenge is lost: %v", p)
	}
	_, err = r.PasswordToken(t.Context(), auth, u.Username, "wrong", "", "")
	if p := wantKind(t, err, clients.Denied); p.Code != "invalid_grant" || !strings.Contains(p.Reason, "Invalid user credentials") {
		t.Errorf("a wrong password is %+v", p)
	}
	_, err = r.ClientToken(t.Context(), keycloak.ClientAuth{ID: c.ClientID, Secret: "wrong"}, "")
	if p := wantKind(t, err, clients.Denied); p.Code != "unauthorized_client" || p.Status != 401 {
		t.Errorf("a wrong secret is %+v", p)
	}
	_, err = r.Server().Realm("no-such-realm").ClientToken(t.Context(), auth, "")
	wantKind(t, err, clients.NotFound)
}

func TestDeviceFlow(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "speaker")
	c := newClient(t, r, keycloak.NewClient{ClientID: "tty", Public: true})
	auth := keycloak.ClientAuth{ID: c.ClientID}
	_, err := r.DeviceStart(t.Context(), auth, "openid")
	if p := wantKind(t, err, clients.Denied); p.Code != "unauthorized_client" {
		t.Errorf("the flow is off on a new client, but: %+v", p)
	}
	ok[clients.Change[keycloak.Client]](t)(r.UpdateClient(t.Context(), c.ID, keycloak.ClientPatch{Attributes: map[string]string{"oauth2.device.authorization.grant.enabled": "true"}}))
	if !ok[keycloak.Client](t)(r.Client(t.Context(), c.ID)).DeviceFlow {
		t.Error("the client does not tell that the flow is on")
	}
	d := ok[keycloak.DeviceLogin](t)(r.DeviceStart(t.Context(), auth, "openid"))
	if d.UserCode == "" || d.URL == "" || d.Interval != 5*time.Second || time.Until(d.Expires) < 5*time.Minute {
		t.Fatalf("device login is %+v", d)
	}
	if _, done, _, err := r.DevicePoll(t.Context(), d); done || err != nil {
		t.Fatalf("done=%v err=%v before anybody confirmed", done, err)
	}
	if _, done, slower, err := r.DevicePoll(t.Context(), d); done || err != nil || !slower {
		t.Errorf("a poll right after: done=%v slower=%v err=%v", done, slower, err)
	}
	if end := newBrowser(t).login(r.Server().URL(), d.URLComplete, u.Username, "pw-speaker"); !strings.Contains(end, "Device Login Successful") {
		t.Fatalf("the browser ended at %.300s", end)
	}
	d.Interval = 6 * time.Second
	tok := ok[keycloak.Token](t)(r.DeviceWait(t.Context(), d))
	if tok.Access == "" || tok.Refresh == "" {
		t.Error("no tokens")
	}
	// Such a login can be our own.
	me := as(t, r, keycloak.Login{Realm: r.Name(), ClientID: c.ClientID, RefreshToken: tok.Refresh}, transport.Options{})
	_, err = me.User(t.Context(), u.ID)
	if p := wantKind(t, err, clients.Denied); p.Status != 403 {
		t.Errorf("the token was not taken: %v", p)
	}
}

func TestOwnLoginRenewsItself(t *testing.T) {
	r := realm(t)
	log := &transport.Log{}
	admin := newAdmin(t, r, "realm-admin")
	me := as(t, r, keycloak.Login{Realm: r.Name(), Username: admin.Username, Password: "pw-admin"}, transport.Options{Log: log})
	if _, err := me.Settings(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(ok[[]keycloak.Session](t)(r.Sessions(t.Context(), admin.ID))); n != 1 {
		t.Fatalf("%d sessions after the login", n)
	}
	// All sessions of the account end: the next request is answered 401, our refresh
	// token is refused, and the password is used again, once.
	if _, err := r.LogoutUser(t.Context(), admin.ID); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // not-before counts in whole seconds
	if _, err := me.Settings(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := me.Server().Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := ok[[]keycloak.Session](t)(r.Sessions(t.Context(), admin.ID)); len(left) != 0 {
		t.Errorf("%d sessions are left after Logout", len(left))
	}
	for _, e := range log.Entries() {
		if strings.Contains(e.URL+e.Error, "pw-admin") {
			t.Errorf("the log tells the password: %+v", e)
		}
	}
}

func TestRefusedLoginIsNotRepeated(t *testing.T) {
	r := realm(t)
	u := newUser(t, r, "locked")
	setRealm(t, r, "bruteForceProtected", true)
	me := as(t, r, keycloak.Login{Realm: r.Name(), Username: u.Username, Password: "wrong"}, transport.Options{})
	for range 5 {
		_, err := me.Settings(t.Context())
		if p := wantKind(t, err, clients.Denied); !strings.Contains(p.Error(), "Invalid user credentials") || !strings.Contains(p.Hint, "password of this context") {
			t.Fatalf("got %v", p)
		}
	}
	if l := ok[keycloak.LockState](t)(r.Lock(t.Context(), u.ID)); l.Failures != 1 {
		t.Errorf("five requests made %d failed logins, want 1", l.Failures)
	}
}

func TestServiceAccountNeedsScope(t *testing.T) {
	r := realm(t)
	c := newClient(t, r, keycloak.NewClient{ClientID: "ops", ServiceAccounts: true, NoFullScope: true})
	secret := ok[string](t)(r.ClientSecret(t.Context(), c.ID))
	robot := ok[keycloak.User](t)(r.ServiceAccount(t.Context(), c.ID))
	role := managementRole(t, r, "realm-admin")
	ok[clients.Change[[]keycloak.Role]](t)(r.Grant(t.Context(), keycloak.OfUser(robot.ID), role))
	login := keycloak.Login{Realm: r.Name(), ClientID: c.ClientID, ClientSecret: secret}
	_, err := as(t, r, login, transport.Options{}).User(t.Context(), robot.ID)
	if p := wantKind(t, err, clients.Denied); p.Status != 403 || !strings.Contains(p.Hint, "full scope") {
		t.Fatalf("got %+v", p)
	}
	ok[clients.Change[[]keycloak.Role]](t)(r.Grant(t.Context(), keycloak.ScopeOfClient(c.ID), role))
	if _, err := as(t, r, login, transport.Options{}).User(t.Context(), robot.ID); err != nil {
		t.Error(err)
	}
}

func TestReadOnlyContextCanLogInAndCannotWrite(t *testing.T) {
	r, p := realm(t), newPlain(t)
	admin := newAdmin(t, r, "realm-admin")
	c := newClient(t, r, keycloak.NewClient{ClientID: "app", AuthorizationServices: true})
	u := newUser(t, r, "ann")
	me := as(t, r, keycloak.Login{Realm: r.Name(), Username: admin.Username, Password: "pw-admin"}, transport.Options{ReadOnly: true})
	if _, err := me.User(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	before := p.get("users/" + u.ID)
	writes := map[string]error{
		"UpdateUser":    second(me.UpdateUser(t.Context(), u.ID, keycloak.UserPatch{FirstName: ptr("X")})),
		"DeleteUser":    second(me.DeleteUser(t.Context(), u.ID)),
		"CreateUser":    second(me.CreateUser(t.Context(), keycloak.NewUser{Username: "never-" + unique()})),
		"Grant":         second(me.Grant(t.Context(), keycloak.OfUser(u.ID), managementRole(t, r, "view-users"))),
		"Unlock":        second(me.Unlock(t.Context(), u.ID)),
		"LogoutUser":    second(me.LogoutUser(t.Context(), u.ID)),
		"ImportPartial": second(me.ImportPartial(t.Context(), keycloak.Import{Data: []byte(`{}`)})),
		"ResetPassword": second(me.ResetPassword(t.Context(), u.ID, "xx", false)),
	}
	for name, err := range writes {
		if !clients.Is(err, clients.Denied) || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("%s gives %v", name, err)
		}
	}
	wantDiff(t, before, p.get("users/"+u.ID), nil)
	// Reads that are POSTs still work.
	if _, err := me.ExportPartial(t.Context(), false, false); err != nil {
		t.Error(err)
	}
	if _, err := me.EvaluatePolicies(t.Context(), keycloak.Evaluation{ClientUUID: c.ID, UserID: u.ID}); err != nil {
		t.Error(err)
	}
}

// managementRole is an admin role of the shared realm.
func managementRole(t testing.TB, r *keycloak.Realm, name string) keycloak.Role {
	t.Helper()
	c := ok[keycloak.Client](t)(r.ClientByClientID(t.Context(), "realm-management"))
	return ok[keycloak.Role](t)(r.RoleByName(t.Context(), keycloak.OfClient(c.ID), name))
}

// newAdmin makes a user with the password pw-admin and some admin roles.
func newAdmin(t testing.TB, r *keycloak.Realm, roles ...string) keycloak.User {
	t.Helper()
	u := newUser(t, r, "admin")
	for _, name := range roles {
		ok[clients.Change[[]keycloak.Role]](t)(r.Grant(t.Context(), keycloak.OfUser(u.ID), managementRole(t, r, name)))
	}
	return u
}
