package login

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
)

var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// fine are facts under which everything is in order.
func fine() (*Facts, Asked) {
	f := &Facts{Now: now, BaseURL: "https://id.example", Discovery: Have(Discovery{Issuer: "https://id.example/realms/shop"}),
		Realm:   Have(&Realm{Name: "shop", Enabled: true, SSLRequired: "external", LoginWithEmail: true, EventsEnabled: true, FailureFactor: 5, BrowserFlow: "browser"}),
		Actions: Have([]Action{{Alias: updatePassword, Name: "Update Password", Enabled: true, Priority: 57}, {Alias: verifyProfile, Enabled: true, Priority: 100}, {Alias: verifyEmail, Enabled: true, Priority: 50}}),
		Profile: Have([]ProfileField{{Name: "lastName", RequiredOfUser: true, Editable: true}}), ByEmail: Have[[]User](nil),
		User: Have(&User{ID: "u", Username: "ann", FirstName: "Ann", LastName: "Okafor", Email: "ann@example.org", Enabled: true, EmailVerified: true}),
		Lock: Have(Lock{}), Credentials: Have([]Credential{{Type: "password", Created: now.AddDate(0, -1, 0)}}), Storage: Have[*Storage](nil), ServiceOf: Have(""),
		Client: Have(&Client{ID: "c", ClientID: "app", Enabled: true, Protocol: "openid-connect", StandardFlow: true, DirectGrants: true, RedirectURIs: []string{"https://app.example/cb"}}),
		Flow:   Have(Flow{Alias: "browser"}), Policies: Have[[]Policy](nil), Scopes: Have([]string{"profile"}), Events: Have([]Event{{Type: "LOGIN", UserID: "u"}}),
		Roles: Have([]Role{{Name: "offline_access"}})}
	return f, Asked{Realm: "shop", User: "ann", Client: "app", RedirectURI: "https://app.example/cb", PKCE: SendsNot, PAR: SendsNot, DPoP: SendsNot}
}

func loginOnly(t Trace) []Check {
	return slices.DeleteFunc(slices.Clone(t.Checks), func(c Check) bool { return c.Stops != StopsLogin })
}

func TestAllInOrderIsAllowed(t *testing.T) {
	for _, g := range []Grant{Browser, Direct} {
		f, a := fine()
		a.Grant = g
		for _, c := range loginOnly(Judge(f, a)) {
			if c.State != Pass {
				t.Errorf("%s: %s is %s: %s", g, c.Code, c.State, c.Evidence)
			}
		}
	}
}

// Whatever part is taken away, by a missing right or by a fault, no check may turn from
// pass to fail: what was not read is unknown.
func TestNothingUnreadIsANo(t *testing.T) {
	parts := map[string]func(*Facts, bool){
		"realm":       func(f *Facts, cut bool) { take(&f.Realm, cut, "view-realm") },
		"actions":     func(f *Facts, cut bool) { take(&f.Actions, cut, "view-realm") },
		"profile":     func(f *Facts, cut bool) { take(&f.Profile, cut, "view-users") },
		"user":        func(f *Facts, cut bool) { take(&f.User, cut, "view-users") },
		"lock":        func(f *Facts, cut bool) { take(&f.Lock, cut, "view-users") },
		"credentials": func(f *Facts, cut bool) { take(&f.Credentials, cut, "view-users") },
		"storage":     func(f *Facts, cut bool) { take(&f.Storage, cut, "view-realm") },
		"client":      func(f *Facts, cut bool) { take(&f.Client, cut, "view-clients") },
		"flow":        func(f *Facts, cut bool) { take(&f.Flow, cut, "view-realm") },
		"policies":    func(f *Facts, cut bool) { take(&f.Policies, cut, "view-realm") },
		"scopes":      func(f *Facts, cut bool) { take(&f.Scopes, cut, "view-clients") },
		"events":      func(f *Facts, cut bool) { take(&f.Events, cut, "view-events") },
		"roles":       func(f *Facts, cut bool) { take(&f.Roles, cut, "view-users") },
	}
	for name, remove := range parts {
		for _, cut := range []bool{true, false} {
			for _, g := range []Grant{Browser, Direct} {
				f, a := fine()
				a.Grant, a.Scope = g, "openid offline_access"
				f.Client.Value.OptionalScopes = []string{"offline_access"}
				remove(f, cut)
				tr := Judge(f, a)
				for _, c := range loginOnly(tr) {
					if c.State == Fail {
						t.Errorf("without %s (cut %v, %s) %s fails: %s", name, cut, g, c.Code, c.Evidence)
					}
					if c.State == Unknown && !c.Beside && cut && c.Needs == "" {
						t.Errorf("without %s (%s) %s does not say which right is missing: %s", name, g, c.Code, c.Evidence)
					}
				}
				if tr.Verdict == access.Denied {
					t.Errorf("without %s (cut %v, %s): denied by %s", name, cut, g, tr.Cause)
				}
			}
		}
	}
}

func take[T any](p *Part[T], cut bool, right string) {
	var zero T
	if cut {
		*p = Lacks(zero, right)
	} else {
		*p = Broken[T]("the server answered 500")
	}
}

// Judge may be called while facts are still coming in.
func TestNothingReadYet(t *testing.T) {
	for _, g := range []Grant{Browser, Direct, Service} {
		_, a := fine()
		a.Grant = g
		tr := Judge(&Facts{Now: now}, a)
		if tr.Verdict != access.Unknown || tr.Cause != string(NotVisible) {
			t.Errorf("%s: %s by %s", g, tr.Verdict, tr.Cause)
		}
	}
}

func TestVerdictsOfSingleFacts(t *testing.T) {
	for _, c := range []struct {
		name   string
		grant  Grant
		change func(*Facts, *Asked)
		want   Code
		then   []Code
	}{
		{"disabled and with an action", Browser, func(f *Facts, _ *Asked) {
			f.User.Value.Enabled, f.User.Value.RequiredActions = false, []string{updatePassword}
		}, UserDisabled, []Code{RequiredAction}},
		{"actions come by the realm's priority", Browser, func(f *Facts, _ *Asked) {
			f.User.Value.LastName, f.User.Value.RequiredActions = "", []string{updatePassword}
		}, RequiredAction, []Code{ProfileIncomplete}},
		{"an action that the realm has switched off", Browser, func(f *Facts, _ *Asked) {
			f.User.Value.RequiredActions, f.Actions.Value[0].Enabled = []string{updatePassword}, false
		}, "", nil},
		{"stops a direct grant all the same", Direct, func(f *Facts, _ *Asked) {
			f.User.Value.RequiredActions, f.Actions.Value[0].Enabled = []string{updatePassword}, false
		}, RequiredAction, nil},
		{"VERIFY_EMAIL of a verified address is dropped", Direct, func(f *Facts, _ *Asked) { f.User.Value.RequiredActions = []string{verifyEmail} }, "", nil},
		{"a lock that is over", Browser, func(f *Facts, _ *Asked) { f.Lock.Value = Lock{Locked: true, Until: now.Add(-time.Second), Failures: 9} }, "", nil},
		{"a lock by quick tries", Browser, func(f *Facts, _ *Asked) { f.Lock.Value = Lock{Locked: true, Until: now.Add(time.Minute), Failures: 2} }, LockedQuickLogin, nil},
		{"a lock", Browser, func(f *Facts, _ *Asked) {
			f.Lock.Value = Lock{Locked: true, Until: now.Add(time.Minute), Failures: 5, TemporaryLocks: 1}
		}, LockedTemporarily, nil},
		{"a wrong password", Browser, func(f *Facts, _ *Asked) {
			f.Events.Value = []Event{{Type: "LOGIN_ERROR", UserID: "u", Error: "invalid_user_credentials", Time: now.Add(-time.Minute)}, {Type: "LOGIN", UserID: "u"}}
		}, WrongPassword, nil},
		{"of somebody else", Browser, func(f *Facts, _ *Asked) {
			f.Events.Value = []Event{{Type: "LOGIN_ERROR", UserID: "x", Error: "invalid_user_credentials", Time: now.Add(-time.Minute)}}
		}, "", nil},
		{"before a new one was set", Browser, func(f *Facts, _ *Asked) {
			f.Events.Value = []Event{{Type: "LOGIN_ERROR", UserID: "u", Error: "invalid_user_credentials", Time: now.AddDate(0, -2, 0)}}
		}, "", nil},
		{"a password too old", Browser, func(f *Facts, _ *Asked) { f.Realm.Value.PasswordPolicy = "length(8) and forceExpiredPasswordChange(7)" }, PasswordExpired, nil},
		{"a directory that is off", Browser, func(f *Facts, _ *Asked) {
			f.User.Value.Enabled, f.User.Value.StorageID, f.Storage = false, "s", Have(&Storage{Name: "ldap"})
		}, FederationOff, nil},
		{"a name with a blank, sent by an application", Direct, func(_ *Facts, a *Asked) { a.User = " ann" }, UserUnknown, nil},
		{"a name with a blank on the login page", Browser, func(_ *Facts, a *Asked) { a.User = " ann" }, "", nil},
		{"PKCE that nobody spoke of", Browser, func(f *Facts, a *Asked) {
			f.Client.Value.Attributes, a.PKCE = map[string]string{"pkce.code.challenge.method": "S256"}, Unsaid
		}, "", nil},
		{"no events, no wrong password", Browser, func(f *Facts, _ *Asked) { f.Realm.Value.EventsEnabled, f.Events = false, Have[[]Event](nil) }, "", nil},
	} {
		f, a := fine()
		a.Grant = c.grant
		c.change(f, &a)
		tr := Judge(f, a)
		if tr.Cause != string(c.want) || !slices.Equal(tr.Then, c.then) {
			t.Errorf("%s: %s by %q, then %v; want %q, then %v", c.name, tr.Verdict, tr.Cause, tr.Then, c.want, c.then)
		}
	}
}

// The rules of redirect URIs as they were measured.
func TestRedirectURIs(t *testing.T) {
	for _, c := range []struct {
		root, entry, uri string
		want             bool
	}{
		{"", "https://a.example/cb", "https://a.example/cb", true},
		{"", "https://a.example/cb", "https://a.example/cb/", false},
		{"", "https://a.example/cb", "https://a.example/cb?x=1", false},
		{"", "https://a.example/cb", "https://A.example/cb", false},
		{"", "https://a.example/cb", "https://a.example:443/cb", false},
		{"", "https://a.example/cb", "https://a.example/cb#f", false},
		{"", "https://a.example/cb", "https://me@a.example/cb", false},
		{"", "https://a.example/x/*", "https://a.example/x/y?z=1", true},
		{"", "https://a.example/x/*", "https://a.example/x", true},
		{"", "https://a.example/x/*", "https://a.example/x/../y", false},
		{"", "http://a.example*", "http://a.example/x", true},
		{"", "http://a.example*", "http://a.example.evil/x", false},
		{"", "http://localhost/cb", "http://localhost:8080/cb", true},
		{"", "http://127.0.0.1/cb", "http://127.0.0.1:8080/cb", true},
		{"", "http://127.0.0.1/cb", "http://localhost/cb", false},
		{"", "http://LOCALHOST/cb", "http://localhost/cb", false},
		{"https://a.example", "/cb", "https://a.example/cb", true},
		{"", "/cb", "https://a.example/cb", false},
		{"", "*", "https://anything.example/x", true},
		{"", "*", "custom:/x", false},
		{"", "com.app:/cb", "com.app:/cb", true},
		{"", "https://a.example/cb", "", false},
	} {
		if got := redirectAllowed(&Client{RootURL: c.root, RedirectURIs: []string{c.entry}}, c.uri); got != c.want {
			t.Errorf("%q takes %q: %v, want %v", c.entry, c.uri, got, c.want)
		}
	}
}

// From a sentence, or an error code, back to the causes.
func TestSeen(t *testing.T) {
	for quoted, want := range map[string][]Code{
		"invalid username or password":                       {WrongPassword, LockedTemporarily, LockedPermanently, UserUnknown, IDPOnlyUser},
		"It says \"Invalid username or password.\"":          {WrongPassword},
		"Account is not fully set up":                        {RequiredAction, EmailUnverified, ProfileIncomplete, PasswordExpired},
		"user_temporarily_disabled":                          {LockedTemporarily, LockedQuickLogin},
		"Invalid parameter: redirect_uri":                    {RedirectURI},
		"Account is disabled, contact your administrator.":   {UserDisabled},
		"invalid_scope":                                      {ScopeUnavailable},
		"Invalid token issuer. Expected 'http://a/realms/b'": {IssuerMismatch},
	} {
		got := SeenCauses(quoted)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q does not lead to %s, only to %v", quoted, w, got)
			}
		}
	}
	if got := SeenCauses("the coffee is cold"); len(got) > 0 {
		t.Errorf("%v", got)
	}
}

// Every cause has words, and every one that can be seen by a person can be found by
// what is seen.
func TestEveryCodeIsKnown(t *testing.T) {
	for _, c := range Codes {
		if codeWords[c] == "" {
			t.Errorf("%s has no words", c)
		}
		if c == NotVisible {
			continue
		}
		if !slices.ContainsFunc(Faces, func(f Face) bool { return slices.Contains(f.Causes, c) }) {
			t.Errorf("%s can be seen nowhere", c)
		}
	}
	if len(codeWords) != len(Codes) {
		t.Errorf("%d words for %d codes", len(codeWords), len(Codes))
	}
}

func TestQuestionFromTheAddressLine(t *testing.T) {
	a, err := Asked{User: "ann"}.FromURL("https://id.example/auth/realms/shop/protocol/openid-connect/auth?client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&scope=openid%20email&code_challenge=x")
	if err != nil || a.Realm != "shop" || a.Client != "app" || a.Scope != "openid email" || a.PKCE != SendsIt || a.PAR != SendsNot ||
		a.Issuer != "https://id.example/auth/realms/shop" || a.RedirectURI != "https://app.example/cb" {
		t.Errorf("%+v %v", a, err)
	}
	for _, bad := range []string{"", "app", "https://id.example/realms/shop/account", "https://id.example/"} {
		if _, err := (Asked{}).FromURL(bad); err == nil || !strings.Contains(err.Error(), "address") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A refused redirect URI in the events has no user, and anybody can put it there: only
// one on a site of the application decides, and only that is offered for registration.
func TestAStrangersRedirectURIDecidesNothing(t *testing.T) {
	for uri, want := range map[string]Result{"https://app.example/cb/": Fail, "https://evil.example/cb": Unknown, "http://app.example.evil/cb": Unknown, "javascript:alert(1)": Unknown} {
		f, a := fine()
		a.Grant, a.RedirectURI = Browser, ""
		f.Events = Have([]Event{{Time: now, Type: "LOGIN_ERROR", Client: "app", Error: "invalid_redirect_uri", Details: map[string]string{"redirect_uri": uri}}})
		tr := Judge(f, a)
		i := slices.IndexFunc(tr.Checks, func(c Check) bool { return c.Code == RedirectURI })
		if i < 0 || tr.Checks[i].State != want || !strings.Contains(tr.Checks[i].Evidence, uri) {
			t.Errorf("%s: %+v", uri, tr.Checks[i])
		}
		if denied := tr.Verdict == access.Denied; denied != (want == Fail) || len(tr.Fixes) > 0 != denied {
			t.Errorf("%s: %s with the fixes %v", uri, tr.Verdict, tr.Fixes)
		}
	}
}
