package live_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/clients/keycloak"
)

// fault spoils a subject in the way that one cause does.
type fault struct {
	code login.Code
	// spoil makes it so; it may try to log in itself, where the cause is in the try.
	spoil func(*subject)
	// first says that it takes another user in place of the subject's.
	first bool
	// seen is what is seen then, by grant; a grant that is not in it is not concerned.
	seen map[login.Grant]string
	// inputs are for the first fix.
	inputs func(*subject) live.Inputs
	// unfixable says why no write makes the same request succeed.
	unfixable string
	// again changes the request after the fix, where the fix tells the person to.
	variant string
}

const (
	iup = "Invalid username or password."
	iuc = "Invalid user credentials"
	nfs = "Account is not fully set up"
)

func both(web, dg string) map[login.Grant]string {
	return map[login.Grant]string{login.Browser: web, login.Direct: dg}
}
func web(text string) map[login.Grant]string     { return map[login.Grant]string{login.Browser: text} }
func direct(text string) map[login.Grant]string  { return map[login.Grant]string{login.Direct: text} }
func service(text string) map[login.Grant]string { return map[login.Grant]string{login.Service: text} }

func theirPassword(s *subject) live.Inputs { return live.Inputs{"password": s.password} }

// faults are the causes that one realm can hold side by side.
var faults = []fault{
	{code: login.UserUnknown, seen: both(iup, iuc), spoil: func(s *subject) { s.User = "nobody-" + unique() },
		inputs: func(s *subject) live.Inputs {
			return live.Inputs{"password": s.password, "email": s.User + "@example.org", "firstName": "N", "lastName": "N"}
		}},
	{code: login.UserDisabled, seen: both("Account is disabled, contact your administrator.", "Account disabled"),
		spoil: func(s *subject) { s.edit(keycloak.UserPatch{Enabled: new(false)}) }},
	{code: login.LockedPermanently, first: true, seen: both(iup, iuc), spoil: func(s *subject) { s.takeLocked(login.LockedPermanently) }},
	{code: login.LockedTemporarily, first: true, seen: both(iup, iuc), spoil: func(s *subject) { s.takeLocked(login.LockedTemporarily) }},
	{code: login.LockedQuickLogin, first: true, seen: both(iup, iuc), spoil: func(s *subject) { s.takeLocked(login.LockedQuickLogin) }},
	{code: login.ServiceAccountUser, first: true, seen: both(iup, iuc), unfixable: "nobody may log in as a service account", spoil: func(s *subject) {
		s.User = "service-account-" + s.Client
		u, err := s.l.realm.UserByUsername(context.Background(), s.User)
		if err != nil {
			s.t.Fatal(err)
		}
		s.user = u
	}},
	{code: login.ServiceAccountDisabled, seen: service("disabled"), spoil: func(s *subject) {
		u, err := s.l.realm.ServiceAccount(context.Background(), s.client.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.l.realm.SetEnabled(context.Background(), u.ID, false); err != nil {
			s.t.Fatal(err)
		}
	}},
	{code: login.ServiceAccountOff, seen: service("Client not enabled to retrieve service account"), spoil: func(s *subject) {
		s.change(keycloak.ClientPatch{ServiceAccounts: new(false)})
	}},
	{code: login.IDPOnlyUser, seen: both(iup, iuc), inputs: theirPassword, spoil: func(s *subject) {
		s.noPassword()
		if _, err := s.l.realm.LinkFederatedIdentity(context.Background(), s.user.ID, keycloak.FederatedIdentity{Provider: "corp", UserID: unique(), Username: s.user.Username}); err != nil {
			s.t.Fatal(err)
		}
	}},
	{code: login.NoPassword, seen: both(iup, iuc), inputs: theirPassword, spoil: func(s *subject) { s.noPassword() }},
	{code: login.WrongPassword, seen: both(iup, iuc), inputs: theirPassword, spoil: func(s *subject) { s.password = "not-" + unique() }},
	{code: login.OTPRequired, first: true, seen: both("Invalid authenticator code.", iuc), spoil: func(s *subject) {
		s.swap(map[string]any{}, otpCredential())
		s.otp = "not a code"
	}},
	{code: login.PasswordExpired, first: true, seen: both("You need to change your password", nfs), inputs: theirPassword, spoil: func(s *subject) { s.swapOld() }},
	{code: login.RequiredAction, seen: both("You need to change your password", nfs), spoil: func(s *subject) {
		s.edit(keycloak.UserPatch{RequiredActions: &[]string{"UPDATE_PASSWORD"}})
	}},
	{code: login.ProfileIncomplete, seen: both("Update Account Information", nfs),
		inputs: func(*subject) live.Inputs { return live.Inputs{"lastName": "Okafor"} },
		spoil:  func(s *subject) { s.edit(keycloak.UserPatch{LastName: new("")}) }},
	{code: login.EmailUnverified, seen: both("Failed to send email", nfs), spoil: func(s *subject) { s.edit(keycloak.UserPatch{EmailVerified: new(false)}) }},

	{code: login.ClientUnknown, seen: both("Client not found.", "Invalid client or Invalid client credentials"), spoil: func(s *subject) {
		s.Client, s.secret = "no-app-"+unique(), ""
	}},
	{code: login.ClientDisabled, seen: map[login.Grant]string{login.Browser: "Client disabled.", login.Direct: "Invalid client or Invalid client credentials",
		login.Service: "Invalid client or Invalid client credentials"}, spoil: func(s *subject) { s.change(keycloak.ClientPatch{Enabled: new(false)}) }},
	{code: login.ClientSecret, seen: map[login.Grant]string{login.Browser: "Invalid client or Invalid client credentials", login.Direct: "Invalid client or Invalid client credentials",
		login.Service: "Invalid client or Invalid client credentials"}, spoil: func(s *subject) { s.secret = "old-" + unique() },
		inputs: func(s *subject) live.Inputs { return live.Inputs{"secret": s.secret} }},
	{code: login.ClientFlowOff, seen: both("unauthorized_client", "Client not allowed for direct access grants"), spoil: func(s *subject) {
		if s.Grant == login.Direct {
			s.change(keycloak.ClientPatch{DirectAccessGrants: new(false)})
		} else {
			s.change(keycloak.ClientPatch{StandardFlow: new(false)})
		}
	}},
	{code: login.ClientProtocol, variant: "bearer-only", seen: both("Bearer-only applications are not allowed to initiate browser login", "Bearer-only not allowed"),
		spoil: func(s *subject) { s.change(keycloak.ClientPatch{BearerOnly: new(true)}) }},
	{code: login.ClientProtocol, variant: "saml", seen: web("Wrong client protocol."), spoil: func(s *subject) {
		s.change(keycloak.ClientPatch{Protocol: new("saml")})
		s.chooseSAMLScopes()
	}},
	{code: login.PKCERequired, seen: web("Missing parameter: code_challenge_method"), spoil: func(s *subject) { s.attribute("pkce.code.challenge.method", "S256") }},
	{code: login.PARRequired, seen: web("Pushed Authorization Request is only allowed."), spoil: func(s *subject) { s.attribute("require.pushed.authorization.requests", "true") }},
	{code: login.DPoPRequired, seen: map[login.Grant]string{login.Browser: "DPoP proof is missing", login.Direct: "DPoP proof is missing", login.Service: "DPoP proof is missing"},
		spoil: func(s *subject) { s.attribute("dpop.bound.access.tokens", "true") }},
	{code: login.FlowDenies, variant: "at the end", seen: both("Access denied", "Access denied"), spoil: func(s *subject) {
		if s.Grant == login.Direct {
			s.choose("direct_grant", flowDirect)
		} else {
			s.choose("browser", flowDeny)
		}
	}},
	{code: login.FlowDenies, variant: "first", seen: web("Access denied"), spoil: func(s *subject) { s.choose("browser", flowDenyFirst) }},
	{code: login.FlowDenies, variant: "without role", seen: web("Access denied"), spoil: func(s *subject) { s.choose("browser", flowDenyRole) }},
	{code: login.SessionLimit, seen: web("There are too many sessions"), spoil: func(s *subject) {
		if o := (&subject{l: s.l, t: s.t, Asked: s.Asked, password: s.password, secret: s.secret}).try(); !o.ok {
			s.t.Fatalf("no first session: %s", o)
		}
		s.choose("browser", flowLimit)
	}},
	{code: login.ClientPolicy, seen: both("code_challenge_method", "resource owner password credentials grant is prohibited."), spoil: func(s *subject) {
		s.police(map[login.Grant]string{login.Browser: "proof-key", login.Direct: "no-passwords"}[s.Grant])
	}},
	{code: login.OriginNotAllowed, seen: both("Invalid origin", "Invalid origin"), spoil: func(s *subject) { s.Origin = "https://spa.example" }},
	{code: login.RedirectURI, seen: web("Invalid parameter: redirect_uri"), spoil: func(s *subject) { s.RedirectURI = callback + "/" }},
	{code: login.ScopeUnavailable, seen: map[login.Grant]string{login.Browser: "invalid_scope", login.Direct: "invalid_scope", login.Service: "invalid_scope"}, spoil: func(s *subject) {
		name := "extra-" + unique()
		if _, err := s.l.realm.CreateClientScope(context.Background(), keycloak.NewClientScope{Name: name}); err != nil {
			s.t.Fatal(err)
		}
		s.Scope += " " + name
	}},
	{code: login.OfflineRoleMissing, seen: both("Offline tokens not allowed for the user or client", "Offline tokens not allowed for the user or client"), spoil: func(s *subject) {
		s.Scope += " offline_access"
		ctx := context.Background()
		role, err := s.l.realm.RoleByName(ctx, keycloak.OfRealm, "default-roles-"+s.Realm)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.l.realm.Revoke(ctx, keycloak.OfUser(s.user.ID), role); err != nil {
			s.t.Fatal(err)
		}
	}},
	{code: login.ConsentRequired, seen: direct("Client requires user consent"), spoil: func(s *subject) { s.change(keycloak.ClientPatch{ConsentRequired: new(true)}) }},
}

// chooseSAMLScopes makes the client scopes others than the realm's default ones.
func (s *subject) chooseSAMLScopes() {
	s.t.Helper()
	at := "clients/" + s.client.ID
	own := made(s.l.must(s.t, "POST", "client-scopes", map[string]any{"name": "saml-" + unique(), "protocol": "saml"}, nil))
	s.l.must(s.t, "PUT", at+"/optional-client-scopes/"+own, nil, nil)
	var list []map[string]any
	s.l.must(s.t, "GET", at+"/default-client-scopes", nil, &list)
	s.l.must(s.t, "DELETE", at+"/default-client-scopes/"+list[0]["id"].(string), nil, nil)
}

func (s *subject) attribute(name, value string) {
	s.change(keycloak.ClientPatch{Attributes: map[string]string{name: value}})
}

// takeLocked takes a user that was locked by wrong passwords.
func (s *subject) takeLocked(kind login.Code) {
	s.become(locked.take(s.t, kind))
}

func (s *subject) become(u keycloak.User) {
	s.user, s.User, s.password = u, u.Username, "pw-"+u.Username
}

func (s *subject) noPassword() {
	ctx := context.Background()
	list, err := s.l.realm.Credentials(ctx, s.user.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list {
		if _, err := s.l.realm.DeleteCredential(ctx, s.user.ID, c.ID); err != nil {
			s.t.Fatal(err)
		}
	}
}

// swap takes a new user with credentials that can only be given when it is made.
func (s *subject) swap(fields map[string]any, credentials ...map[string]any) {
	name := "u" + unique()
	password := map[string]any{"type": "password", "value": "pw-" + name, "temporary": false}
	body := map[string]any{"username": name, "email": name + "@example.org", "emailVerified": true, "enabled": true, "firstName": "Ann", "lastName": "Okafor",
		"credentials": append([]map[string]any{password}, credentials...)}
	for k, v := range fields {
		body[k] = v
	}
	id := made(s.l.must(s.t, "POST", "users", body, nil))
	u, err := s.l.realm.User(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	s.become(u)
}

func otpCredential() map[string]any {
	return map[string]any{"type": "otp", "userLabel": "phone", "secretData": `{"value":"JBSWY3DPEHPK3PXP"}`,
		"credentialData": `{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1"}`}
}

// swapOld takes a user whose password is two years old.
func (s *subject) swapOld() {
	name := "u" + unique()
	salt := []byte("salt-" + name)
	key, err := pbkdf2.Key(sha256.New, "pw-"+name, salt, 27500, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	secret, _ := json.Marshal(map[string]any{"value": base64.StdEncoding.EncodeToString(key), "salt": base64.StdEncoding.EncodeToString(salt), "additionalParameters": map[string]any{}})
	data := `{"hashIterations":27500,"algorithm":"pbkdf2-sha256","additionalParameters":{}}`
	id := made(s.l.must(s.t, "POST", "users", map[string]any{"username": name, "email": name + "@example.org", "emailVerified": true, "enabled": true,
		"firstName": "Ann", "lastName": "Okafor", "credentials": []map[string]any{{"type": "password", "secretData": string(secret), "credentialData": data,
			"createdDate": time.Now().AddDate(-2, 0, 0).UnixMilli()}}}, nil))
	u, err := s.l.realm.User(context.Background(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	s.become(u)
}

func (f fault) String() string { return strings.TrimSpace(string(f.code) + " " + f.variant) }
