package login

import (
	"slices"
	"strings"
	"unicode"

	"gatehouse/access"
)

// Face is one thing that a person, or the application, can see of a denial, with the
// causes that can be behind it. The texts are Keycloak's own English ones; a login
// page follows the language of the realm, the codes do not.
type Face struct {
	// Text is the sentence, Code the error code that goes with it on the wire.
	Text string `json:"text"`
	Code string `json:"code,omitempty"`
	// Where is the login page, the application, the token endpoint or an API.
	Where  string `json:"where"`
	Grant  Grant  `json:"grant,omitempty"`
	Causes []Code `json:"causes"`
}

// The places where something is seen.
const (
	onPage  = "the login page"
	onApp   = "the application"
	onToken = "the token endpoint"
	onAPI   = "the API"
)

// Faces are all that can be seen, each with every cause that looks so; the likeliest
// first.
var Faces = []Face{
	{"Realm does not exist", "", onPage, Browser, []Code{RealmUnknown}},
	{"Realm does not exist", "", onToken, Direct, []Code{RealmUnknown}},
	{"HTTPS required", "", onPage, Browser, []Code{HTTPSRequired}},
	{"HTTPS required", "invalid_request", onToken, Direct, []Code{HTTPSRequired}},
	{"Realm not enabled", "", onPage, Browser, []Code{RealmDisabled}},
	{"Realm not enabled", "access_denied", onToken, Direct, []Code{RealmDisabled}},
	{"Client not found.", "", onPage, Browser, []Code{ClientUnknown}},
	{"Client disabled.", "", onPage, Browser, []Code{ClientDisabled}},
	{"Wrong client protocol.", "", onPage, Browser, []Code{ClientProtocol}},
	{"Bearer-only applications are not allowed to initiate browser login.", "", onPage, Browser, []Code{ClientProtocol}},
	{"Invalid client or Invalid client credentials", "invalid_client", onToken, Direct, []Code{ClientUnknown, ClientDisabled, ClientProtocol}},
	{"Bearer-only not allowed", "invalid_client", onToken, Direct, []Code{ClientProtocol}},
	{"Invalid client or Invalid client credentials", "unauthorized_client", onToken, "", []Code{ClientSecret}},
	{"Invalid parameter: redirect_uri", "", onPage, Browser, []Code{RedirectURI}},
	{"Incorrect redirect_uri", "invalid_grant", onToken, Browser, []Code{RedirectURI}},
	{"Client is not allowed to initiate browser login with given response_type. Standard flow is disabled for the client.", "unauthorized_client", onApp, Browser, []Code{ClientFlowOff}},
	{"Client not allowed for direct access grants", "unauthorized_client", onToken, Direct, []Code{ClientFlowOff}},
	{"Client not enabled to retrieve service account", "unauthorized_client", onToken, Service, []Code{ServiceAccountOff}},
	{"User 'service-account-…' disabled", "invalid_request", onToken, Service, []Code{ServiceAccountDisabled}},
	{"Invalid origin", "Invalid origin", onToken, "", []Code{OriginNotAllowed}},
	{"Client requires user consent", "invalid_client", onToken, Direct, []Code{ConsentRequired}},
	{"Pushed Authorization Request is only allowed.", "invalid_request", onApp, Browser, []Code{PARRequired}},
	{"Missing parameter: code_challenge_method", "invalid_request", onApp, Browser, []Code{PKCERequired, ClientPolicy}},
	{"PKCE code verifier not specified", "invalid_grant", onToken, Browser, []Code{PKCERequired}},
	{"DPoP proof is missing", "invalid_dpop_proof", onToken, "", []Code{DPoPRequired}},
	{"resource owner password credentials grant is prohibited.", "invalid_grant", onToken, Direct, []Code{ClientPolicy}},
	{"Invalid scopes", "invalid_scope", onApp, Browser, []Code{ScopeUnavailable, Organization}},
	{"Invalid scopes", "invalid_scope", onToken, "", []Code{ScopeUnavailable, Organization}},
	{"Offline tokens not allowed for the user or client", "not_allowed", onToken, "", []Code{OfflineRoleMissing}},
	{"Access denied", "", onPage, Browser, []Code{FlowDenies}},
	{"Access denied", "", onToken, Direct, []Code{FlowDenies}},
	{"There are too many sessions", "", onPage, Browser, []Code{SessionLimit}},
	{"Invalid username or password.", "", onPage, Browser, []Code{WrongPassword, LockedTemporarily, UserUnknown, LockedPermanently, NoPassword,
		EmailLoginOff, LockedQuickLogin, IDPOnlyUser, FederationOff, ServiceAccountUser, UserDisabled}},
	{"Invalid user credentials", "invalid_grant", onToken, Direct, []Code{WrongPassword, OTPRequired, LockedTemporarily, UserUnknown, LockedPermanently, NoPassword,
		EmailLoginOff, LockedQuickLogin, IDPOnlyUser, FederationOff, ServiceAccountUser, UserDisabled}},
	{"Account is disabled, contact your administrator.", "", onPage, Browser, []Code{UserDisabled, LockedPermanently}},
	{"Account disabled", "invalid_grant", onToken, Direct, []Code{UserDisabled}},
	{"Unexpected error when handling authentication request to identity provider.", "", onPage, Browser, []Code{FederationUnreachable}},
	{"unknown_error", "unknown_error", onToken, Direct, []Code{FederationUnreachable}},
	{"Invalid authenticator code.", "", onPage, Browser, []Code{OTPRequired}},
	{"Account is not fully set up", "invalid_grant", onToken, Direct, []Code{RequiredAction, EmailUnverified, ProfileIncomplete, PasswordExpired}},
	{"You need to verify your email address to activate your account.", "", onPage, Browser, []Code{EmailUnverified, RequiredAction}},
	{"Failed to send email, please try again later.", "", onPage, Browser, []Code{EmailUnverified, RequiredAction}},
	{"You need to change your password.", "", onPage, Browser, []Code{RequiredAction, PasswordExpired}},
	{"You need to change your password to activate your account.", "", onPage, Browser, []Code{RequiredAction, PasswordExpired}},
	{"Update Account Information", "", onPage, Browser, []Code{ProfileIncomplete, RequiredAction}},
	{"You need to update your user profile to activate your account.", "", onPage, Browser, []Code{RequiredAction, ProfileIncomplete}},
	{"You need to set up Mobile Authenticator to activate your account.", "", onPage, Browser, []Code{RequiredAction}},
	{"access_denied", "access_denied", onApp, Browser, []Code{ConsentRequired}},
	{"Do you grant these access privileges?", "", onPage, Browser, []Code{ConsentRequired}},
	{"Invalid token issuer.", "invalid_grant", onToken, "", []Code{IssuerMismatch, TokenIssuer}},
	{"Token verification failed", "invalid_token", onAPI, "", []Code{TokenExpired, TokenSignature, TokenIssuer, TokenType, TokenRevoked, IssuerMismatch}},
	{"user_session_not_found", "invalid_token", onAPI, "", []Code{SessionGone}},
	{"not_authorized", "access_denied", onToken, "", []Code{AuthzDenied, AuthzNothingApplies}},
	{"The application says that the role is missing, or answers 401 or 403 after the login.", "", onApp, "", []Code{RoleMissing, MapperNotInToken, OutOfClientScope,
		MapperMissing, DefaultRolesRemoved, ScopeNotPermitted, LightweightToken, ClaimScopeRemoved, AudienceMissing, RoleAfterToken}},
}

// Seen lists what can be seen that matches a sentence or an error code, as somebody
// quotes it on the phone: case, punctuation and a word more or less do not matter. A
// whole match comes before a part of it.
func Seen(quoted string) []Face {
	want := plain(quoted)
	if want == "" {
		return nil
	}
	var whole, part []Face
	for _, f := range Faces {
		text, code := plain(f.Text), plain(f.Code)
		switch {
		case text == want || code == want:
			whole = append(whole, f)
		case strings.Contains(text, want), strings.Contains(want, text):
			part = append(part, f)
		}
	}
	for _, e := range eventFaces {
		if plain(e.Code) == want {
			whole = append(whole, e)
		}
	}
	return append(whole, part...)
}

// eventFaces are the errors in stored events that name a cause.
var eventFaces = []Face{
	event("user_not_found", UserUnknown, EmailLoginOff), event("user_disabled", UserDisabled, LockedPermanently, FederationOff),
	event("user_temporarily_disabled", LockedTemporarily, LockedQuickLogin), event("invalid_user", ServiceAccountUser),
	event("invalid_user_credentials", WrongPassword, NoPassword, OTPRequired, IDPOnlyUser, ServiceAccountUser, FederationOff),
	event("resolve_required_actions", RequiredAction, EmailUnverified, ProfileIncomplete, PasswordExpired), event("email_send_failed", EmailUnverified),
	event("client_not_found", ClientUnknown), event("client_disabled", ClientDisabled), event("invalid_client_credentials", ClientSecret),
	event("invalid_redirect_uri", RedirectURI), event("realm_disabled", RealmDisabled), event("ssl_required", HTTPSRequired),
	event("rejected_by_user", ConsentRequired), event("consent_denied", ConsentRequired), event("generic_authentication_error", SessionLimit),
}

func event(code string, causes ...Code) Face {
	return Face{Text: code, Code: code, Where: "an event", Causes: causes}
}

// SeenCauses are the causes behind what Seen lists, each once, the likeliest first.
func SeenCauses(quoted string) []Code {
	var out []Code
	for _, f := range Seen(quoted) {
		for _, c := range f.Causes {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// plain is a text without what a person leaves out when quoting it.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// saw is what the person, or the application, sees of a cause in the question's way of
// logging in; empty where that is not known.
func (b *bench) saw(code Code) string {
	f, ok := b.face(code)
	if !ok {
		return ""
	}
	says := f.Where + " said: "
	text := f.Text
	if f.Code != "" && f.Code != f.Text && f.Where != onPage {
		text = f.Code + ", " + text
	}
	return says + text
}

// face picks the face of a cause, by what else is known.
func (b *bench) face(code Code) (Face, bool) {
	if code == UserDisabled && b.passwordWrong {
		return find(WrongPassword, b.a.Grant) // the server looks at the password first, or answers as if it did
	}
	switch {
	case code == LockedPermanently && b.r != nil && !b.r.BruteForce:
		return find(UserDisabled, b.a.Grant) // what protected is off; what it did to the account stays
	case code == LockedPermanently:
		return find(WrongPassword, b.a.Grant)
	case b.a.Grant == Browser && code == ClientProtocol && b.c != nil && !b.c.BearerOnly:
		return textual("Wrong client protocol.")
	case b.a.Grant == Browser && code == ClientProtocol:
		return textual("Bearer-only applications are not allowed to initiate browser login.")
	case b.a.Grant == Direct && code == ClientProtocol && b.c != nil && b.c.BearerOnly:
		return textual("Bearer-only not allowed")
	case b.a.Grant == Browser && code == EmailUnverified && b.r != nil && !b.r.HasMail:
		return textual("Failed to send email, please try again later.")
	case b.a.Grant == Service && code != ServiceAccountOff && code != ServiceAccountDisabled:
		return find(code, Direct)
	}
	return find(code, b.a.Grant)
}

func textual(text string) (Face, bool) {
	i := slices.IndexFunc(Faces, func(f Face) bool { return f.Text == text })
	return Faces[max(i, 0)], i >= 0
}

// find is the face of a cause: the one that it is the likeliest behind.
func find(code Code, g Grant) (Face, bool) {
	best, at := Face{}, -1
	for _, f := range Faces {
		if i := slices.Index(f.Causes, code); i >= 0 && (f.Grant == g || f.Grant == "") && (at < 0 || i < at) {
			best, at = f, i
		}
	}
	return best, at >= 0
}

// Behind keeps of a trace the checks of causes that look like what somebody quotes, and
// draws the verdict from these alone: which of them it was.
func Behind(t Trace, quoted string) Trace {
	codes := SeenCauses(quoted)
	t.Checks = slices.DeleteFunc(slices.Clone(t.Checks), func(c Check) bool { return !slices.Contains(codes, c.Code) })
	t.Cause, t.Saw, t.Fixes, t.Then, t.Hint = "", "", nil, nil, ""
	first, denied := t.First()
	switch {
	case denied:
		t.deny(first)
	case len(codes) == 0:
		t.Verdict, t.Summary = access.Unknown, "Nothing is known that looks like "+quote(quoted)+"."
	case slices.ContainsFunc(t.Checks, blind):
		t.Verdict, t.Cause, t.Summary = access.Unknown, string(NotVisible), "It cannot be told what was behind "+quote(quoted)+"."
		t.Hint = rightsHint(t.Checks)
	default:
		t.Verdict, t.Summary = access.Allowed, "None of the causes that look like "+quote(quoted)+" is there now."
		t.Hint = besideHint(t.Checks)
	}
	t.Explained = t.Verdict
	return t
}

// Words is what a cause is, in a few words.
func (c Code) Words() string {
	if w := codeWords[c]; w != "" {
		return w
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

var codeWords = map[Code]string{
	RealmUnknown: "there is no such realm", RealmDisabled: "the realm is disabled", HTTPSRequired: "the realm takes https only",
	IssuerMismatch: "the application expects another address of the realm", UserUnknown: "there is no such user", EmailLoginOff: "the realm does not allow logins by e-mail",
	UserDisabled: "an administrator disabled the account", LockedPermanently: "locked for good after wrong passwords", LockedTemporarily: "locked for a while after wrong passwords",
	LockedQuickLogin: "locked for a while after tries in quick succession", ServiceAccountUser: "it is the account of a client, not of a person",
	ServiceAccountDisabled: "the service account is disabled", ServiceAccountOff: "the client has no service account", FederationOff: "the directory of the account is switched off",
	FederationUnreachable: "the directory of the account does not answer", IDPOnlyUser: "the person logs in by an identity provider and has no password here",
	NoPassword: "no password was ever set", WrongPassword: "the password is wrong", OTPRequired: "the one-time code is missing or wrong", PasswordExpired: "the password is too old",
	RequiredAction: "something has to be done at login first", ProfileIncomplete: "a required field of the profile is empty", EmailUnverified: "the e-mail is not verified",
	ClientUnknown: "there is no such client", ClientDisabled: "the client is disabled", ClientSecret: "the application sends a wrong secret", ClientFlowOff: "the client does not allow this way of logging in",
	ClientProtocol: "the client is of another kind", PKCERequired: "the client demands PKCE", PARRequired: "the client demands pushed requests", DPoPRequired: "the client demands DPoP",
	FlowDenies: "a step of the authentication flow denies", SessionLimit: "too many sessions are open", ClientPolicy: "a client policy refuses the request",
	OriginNotAllowed: "the web origin is not registered", RedirectURI: "the redirect URI is not registered", ScopeUnavailable: "the client does not have a scope that is asked for",
	OfflineRoleMissing: "the role offline_access is missing", Organization: "the organization is not there, or not theirs", ConsentRequired: "consent is missing",
	ScopeNotPermitted: "the person is not permitted to a scope", RoleMissing: "the person does not have the role", OutOfClientScope: "the role may not reach this client",
	DefaultRolesRemoved: "the default roles were taken away", MapperMissing: "no mapper writes the role", MapperNotInToken: "the mapper does not write into this token",
	LightweightToken: "the access token is lightweight", ClaimScopeRemoved: "the scope that writes the claim was removed", AudienceMissing: "the token is not meant for this application",
	TokenExpired: "the token has expired", TokenSignature: "the token's signature is wrong", TokenIssuer: "another issuer made the token", TokenType: "it is a token of another kind",
	TokenRevoked: "the token was revoked", SessionGone: "the session of the token has ended", RoleAfterToken: "the token is older than the role",
	AuthzDenied: "a policy denies", AuthzNothingApplies: "no permission applies", NotVisible: "what decides cannot be seen",
}
