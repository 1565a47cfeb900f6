package live_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
)

// realmFaults spoil the realm itself, one after the other: each is cured before the
// next comes.
func realmFaults(t *testing.T, l *lab) []fault {
	org := l.organization(t)
	return []fault{
		{code: login.RealmUnknown, seen: both("Realm does not exist", "Realm does not exist"), unfixable: "the application has to name another realm",
			spoil: func(s *subject) { s.Realm = "no-realm-" + unique() }},
		{code: login.RealmDisabled, seen: both("Realm not enabled", "Realm not enabled"), spoil: func(s *subject) { l.set(s.t, "enabled", false) }},
		{code: login.HTTPSRequired, seen: both("HTTPS required", "HTTPS required"), spoil: func(s *subject) { l.set(s.t, "sslRequired", "all") }},
		{code: login.EmailLoginOff, seen: both(iup, iuc), spoil: func(s *subject) {
			l.set(s.t, "loginWithEmailAllowed", false)
			s.User = s.user.Email
		}},
		{code: login.IssuerMismatch, seen: both("invalid_token", "invalid_token"), spoil: func(s *subject) {
			s.api = strings.Replace(l.info.URL, "127.0.0.1", "localhost", 1)
			s.Issuer = s.api + "/realms/" + s.Realm
		}},
		{code: login.Organization, variant: notMember, seen: both("", ""), spoil: func(s *subject) { s.wantOrganization(org) }},
		{code: login.Organization, variant: "disabled", seen: both("invalid_scope", "invalid_scope"), spoil: func(s *subject) {
			s.wantOrganization(org)
			l.disableOrganization(t, s.user.ID)
		}},
	}
}

// TestEveryCauseOfTheRealm is TestEveryCause for what concerns a whole realm.
func TestEveryCauseOfTheRealm(t *testing.T) {
	l := ownLab(t)
	rows := realmFaults(t, l)
	proved.expect(t, 2*len(rows))
	for _, f := range rows {
		for _, g := range []login.Grant{login.Browser, login.Direct} {
			t.Run(f.String()+"/"+string(g), func(t *testing.T) {
				proved.row(t)
				l.reset(t)
				s := l.newSubject(t, g)
				s.prepareFor(f.code)
				f.spoil(s)
				if f.variant == notMember {
					s.wantSilentlyDropped()
				} else {
					o := s.wantDenied(f)
					if tr := s.why(); !sawIt(tr.Saw, o.text) && f.code != login.IssuerMismatch {
						t.Errorf("it says that %q was seen, but seen was %s", tr.Saw, o)
					}
				}
				tr := s.why()
				if tr.Cause != string(f.code) || tr.Verdict != access.Denied {
					t.Fatalf("the cause is %q (%s: %s), want %s\n%s", tr.Cause, tr.Verdict, tr.Summary, f.code, checksText(tr))
				}
				s.wantHonestFromOutside(f.code)
				if f.unfixable != "" {
					return
				}
				back := s.before(tr.Fixes[0], nil)
				done, err := s.explainer().Apply(context.Background(), tr.Fixes[0], live.Inputs{})
				if err != nil {
					t.Fatal(err)
				}
				back.written(t)
				if o := s.try(); !o.ok {
					t.Fatalf("after %q: %s", tr.Fixes[0].Summary, o)
				}
				if again := s.why(); again.Verdict != access.Allowed {
					t.Errorf("after the fix: %s by %s\n%s", again.Verdict, again.Cause, checksText(again))
				}
				if err := done.Undo(context.Background()); err != nil {
					t.Fatalf("undo: %v", err)
				}
				back.undone(t)
				s.wantCause(f.code)
			})
		}
	}
}

// wantHonestFromOutside is wantHonest with accounts of another realm: in one that is
// disabled, or takes no requests over http, its own cannot log in to ask anything.
func (s *subject) wantHonestFromOutside(code login.Code) {
	s.t.Helper()
	for _, rights := range cutRights {
		s.honest(code, rights, live.New(s.l.outsider(s.t, rights...).Realm(s.Realm)))
	}
}

// outsider is the server as an account of the realm master sees it that has just these
// roles for the realm of the tests.
func (l *lab) outsider(t testing.TB, roles ...string) *keycloak.Server {
	t.Helper()
	key := strings.Join(roles, " ")
	l.mu.Lock()
	known := l.outside[key]
	l.mu.Unlock()
	if known != nil {
		return known
	}
	ctx, master, name := context.Background(), l.admin.Realm("master"), "clerk-"+unique()
	ch, err := master.CreateUser(ctx, keycloak.NewUser{Username: name, Password: "pw-clerk"})
	if err != nil {
		t.Fatal(err)
	}
	l.strangers = append(l.strangers, ch.After.ID)
	of, err := master.ClientByClientID(ctx, l.realm.Name()+"-realm")
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		r, err := master.RoleByName(ctx, keycloak.OfClient(of.ID), role)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := master.Grant(ctx, keycloak.OfUser(ch.After.ID), r); err != nil {
			t.Fatal(err)
		}
	}
	s, err := keycloak.New(keycloak.Options{URL: l.info.URL, Login: keycloak.Login{Username: name, Password: "pw-clerk"}, Transport: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outside[key] = s
	return s
}

// TestRevokedForAll pastes tokens that were made before all of a user, and all of a
// realm, were revoked; the next one is taken again.
func TestRevokedForAll(t *testing.T) {
	l := ownLab(t)
	logout := func(s *subject, _ int64) {
		if _, err := l.realm.LogoutUser(context.Background(), s.user.ID); err != nil {
			t.Fatal(err)
		}
	}
	for what, c := range map[string]struct {
		scope, seen string
		code        login.Code
		revoke      func(*subject, int64)
	}{
		"of the user, by logging her out": {"openid", "user_session_not_found", login.SessionGone, logout},
		"of the user, offline":            {"openid offline_access", "User not valid", login.TokenRevoked, logout},
		"of the realm":                    {"openid", refused, login.TokenRevoked, func(s *subject, iat int64) { l.set(t, "notBefore", iat+1) }},
	} {
		t.Run(what, func(t *testing.T) {
			s := &claimSubject{subject: l.newSubject(t, login.Direct)}
			s.Scope = c.scope
			s.PastedToken = s.enter().token
			iat, _ := claims(t, s.PastedToken)["iat"].(float64)
			for until := time.Now().Add(time.Minute); time.Now().Unix() <= int64(iat)+1 && time.Now().Before(until); {
				time.Sleep(100 * time.Millisecond) // what is revoked must be younger than the token
			}
			c.revoke(s.subject, int64(iat))
			if seen := shown(s); !strings.Contains(seen, c.seen) {
				t.Errorf("seen is %q", seen)
			}
			tr := s.why()
			if tr.Cause != string(c.code) || tr.Verdict != access.Denied {
				t.Fatalf("the cause is %q (%s)\n%s", tr.Cause, tr.Summary, checksText(tr))
			}
			s.wantHonest(c.code)
			s.PastedToken = s.enter().token
			if again := s.why(); shown(s) != "" || again.Verdict != access.Allowed {
				t.Errorf("a new token: %q, %s by %s\n%s", shown(s), again.Verdict, again.Cause, checksText(again))
			}
		})
	}
}

// reset puts the realm back to where nothing is in the way.
func (l *lab) reset(t testing.TB) {
	l.set(t, "enabled", true, "sslRequired", "external", "loginWithEmailAllowed", true)
}

// prepareFor does what would no more be possible once the realm is spoilt.
func (s *subject) prepareFor(code login.Code) {
	if code == login.RealmDisabled || code == login.HTTPSRequired {
		s.l.bearer(s.t)
	}
}

// notMember is the row that logs in, into a token that does not say enough.
const notMember = "not a member"

// disableOrganization switches off the only one, of which the user is a member.
func (l *lab) disableOrganization(t testing.TB, user string) {
	t.Helper()
	var list []map[string]any
	l.must(t, "GET", "organizations", nil, &list)
	id := list[0]["id"].(string)
	if err := l.realm.JoinOrganization(context.Background(), id, user); err != nil {
		t.Fatal(err)
	}
	l.patch(t, "organizations/"+id, func(m map[string]any) { m["enabled"] = false })
}

const orgAlias = "acme"

// organization makes one, and lets clients ask for it.
func (l *lab) organization(t testing.TB) string {
	t.Helper()
	l.set(t, "organizationsEnabled", true)
	l.must(t, "POST", "organizations", map[string]any{"name": orgAlias, "alias": orgAlias, "enabled": true, "domains": []any{map[string]any{"name": "acme.example", "verified": true}}}, nil)
	return orgAlias
}

func (s *subject) wantOrganization(alias string) {
	s.t.Helper()
	for _, scope := range []string{"organization"} {
		list, err := s.l.realm.ClientScopes(context.Background())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, c := range list {
			if c.Name != scope {
				continue
			}
			if _, err := s.l.realm.AttachScope(context.Background(), s.client.ID, c.ID, keycloak.ScopeOptional); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.Scope = "openid organization:" + alias
}

// wantSilentlyDropped logs in, which works, and finds that the token does not name the
// organization.
func (s *subject) wantSilentlyDropped() {
	s.t.Helper()
	o := s.try()
	if !o.ok {
		s.t.Fatalf("the login failed: %s", o)
	}
	if org := claims(s.t, o.token)["organization"]; org != nil {
		s.t.Fatalf("the token names the organization: %v", org)
	}
}

// TestDirectories: a user who comes from a directory that is switched off, and then one
// that does not answer.
func TestDirectories(t *testing.T) {
	l := theLab(t)
	proved.expect(t, 2)
	for _, g := range []login.Grant{login.Browser, login.Direct} {
		t.Run(string(g), func(t *testing.T) {
			t.Parallel()
			proved.row(t)
			s := l.newSubject(t, g)
			s.fromDirectory()
			off := fault{code: login.FederationOff, seen: both(iup, iuc)}
			o := s.wantDenied(off)
			tr := s.wantCause(login.FederationOff)
			if !sawIt(tr.Saw, o.text) {
				t.Errorf("it says that %q was seen, but seen was %s", tr.Saw, o)
			}
			s.wantHonest(login.FederationOff)
			s.readBackOnly(tr)
			s.cure(off, tr) // brings to light that there is nobody at the address
			away := fault{code: login.FederationUnreachable, seen: both("Unexpected error when handling authentication request to identity provider.", "unknown_error")}
			o = s.wantDenied(away)
			tr = s.wantCause(login.FederationUnreachable)
			if !sawIt(tr.Saw, o.text) || len(tr.Fixes) > 0 {
				t.Errorf("it says that %q was seen, but seen was %s; fixes %+v", tr.Saw, o, tr.Fixes)
			}
			s.wantHonest(login.FederationUnreachable)
		})
	}
}

// readBackOnly applies the first fix and takes it back, without a login in between.
func (s *subject) readBackOnly(tr login.Trace) {
	s.t.Helper()
	back := s.before(tr.Fixes[0], nil)
	done, err := s.explainer().Apply(context.Background(), tr.Fixes[0], live.Inputs{})
	if err != nil {
		s.t.Fatal(err)
	}
	back.written(s.t)
	if err := done.Undo(context.Background()); err != nil {
		s.t.Fatalf("undo: %v", err)
	}
	back.undone(s.t)
}

// fromDirectory gives the subject a user that a directory is said to hold, of which
// nobody answers at the address.
func (s *subject) fromDirectory() {
	s.t.Helper()
	config := map[string][]string{}
	for k, v := range map[string]string{"enabled": "false", "vendor": "other", "connectionUrl": "ldap://127.0.0.1:9", "usersDn": "ou=people,dc=example,dc=org", "authType": "none",
		"usernameLDAPAttribute": "uid", "rdnLDAPAttribute": "uid", "uuidLDAPAttribute": "entryUUID", "userObjectClasses": "inetOrgPerson", "searchScope": "1",
		"editMode": "READ_ONLY", "importEnabled": "true", "cachePolicy": "NO_CACHE", "connectionTimeout": "2000"} {
		config[k] = []string{v}
	}
	id := made(s.l.must(s.t, "POST", "components", map[string]any{"name": "dir-" + unique(), "providerId": "ldap", "providerType": keycloak.UserStorage, "config": config}, nil))
	s.t.Cleanup(func() { // an unreachable directory would stand in the way of every other login
		if status, b, _ := s.l.send(s.t, "DELETE", "components/"+id, nil); status != http.StatusNoContent {
			s.t.Errorf("the directory is left behind: %d %s", status, b)
		}
	})
	name := "u" + unique()
	s.l.must(s.t, "POST", "partialImport", map[string]any{"ifResourceExists": "FAIL", "users": []any{map[string]any{"username": name, "email": name + "@example.org",
		"emailVerified": true, "enabled": true, "firstName": "Dora", "lastName": "Lund", "federationLink": id,
		"attributes":  map[string][]string{"LDAP_ID": {name}, "LDAP_ENTRY_DN": {"uid=" + name + ",ou=people,dc=example,dc=org"}},
		"credentials": []any{map[string]any{"type": "password", "value": "pw-" + name}}}}}, nil)
	u, err := s.l.realm.UserByUsername(context.Background(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.become(u)
}
