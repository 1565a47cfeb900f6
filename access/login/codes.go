// Package login works out why a person does not get into an application that stands
// behind Keycloak, or why a role is not in the token: facts about a realm in, an
// ordered list of checks out. It is pure; it knows no HTTP and no client. How the
// facts are read from a server is the business of access/login/live.
package login

// Code names one cause. The names are a promise to scripts and a closed list.
type Code string

// The causes that stop a login, grouped as Keycloak's own parts are: the realm, the
// user, the client.
const (
	RealmUnknown   Code = "realm_unknown"
	RealmDisabled  Code = "realm_disabled"
	HTTPSRequired  Code = "https_required"
	IssuerMismatch Code = "issuer_mismatch"

	UserUnknown            Code = "user_unknown"
	EmailLoginOff          Code = "email_login_off"
	UserDisabled           Code = "user_disabled"
	LockedPermanently      Code = "locked_permanently"
	LockedTemporarily      Code = "locked_temporarily"
	LockedQuickLogin       Code = "locked_quick_login"
	ServiceAccountUser     Code = "service_account_user"
	ServiceAccountDisabled Code = "service_account_disabled"
	ServiceAccountOff      Code = "service_account_off"
	FederationOff          Code = "federation_off"
	FederationUnreachable  Code = "federation_unreachable"
	IDPOnlyUser            Code = "idp_only_user"
	NoPassword             Code = "no_password"
	WrongPassword          Code = "wrong_password"
	OTPRequired            Code = "otp_required"
	PasswordExpired        Code = "password_expired"
	RequiredAction         Code = "required_action"
	ProfileIncomplete      Code = "profile_incomplete"
	EmailUnverified        Code = "email_unverified"

	ClientUnknown      Code = "client_unknown"
	ClientDisabled     Code = "client_disabled"
	ClientSecret       Code = "client_secret"
	ClientFlowOff      Code = "client_flow_off"
	ClientProtocol     Code = "client_protocol"
	PKCERequired       Code = "pkce_required"
	PARRequired        Code = "par_required"
	DPoPRequired       Code = "dpop_required"
	FlowDenies         Code = "flow_denies"
	SessionLimit       Code = "session_limit"
	ClientPolicy       Code = "client_policy"
	OriginNotAllowed   Code = "origin_not_allowed"
	RedirectURI        Code = "redirect_uri"
	ScopeUnavailable   Code = "scope_unavailable"
	OfflineRoleMissing Code = "offline_role_missing"
	Organization       Code = "organization"
	ConsentRequired    Code = "consent_required"
)

// The causes that let the person log in and stop afterwards: the role, the claim, the
// token that is shown, the decision of the authorization services.
const (
	ScopeNotPermitted   Code = "scope_not_permitted"
	RoleMissing         Code = "role_missing"
	OutOfClientScope    Code = "out_of_client_scope"
	DefaultRolesRemoved Code = "default_roles_removed"

	MapperMissing     Code = "mapper_missing"
	MapperNotInToken  Code = "mapper_not_in_token"
	LightweightToken  Code = "lightweight_token"
	ClaimScopeRemoved Code = "claim_scope_removed"
	AudienceMissing   Code = "audience_missing"

	TokenExpired   Code = "token_expired"
	TokenSignature Code = "token_signature"
	TokenIssuer    Code = "token_issuer"
	TokenType      Code = "token_type"
	TokenRevoked   Code = "token_revoked"
	SessionGone    Code = "session_gone"
	RoleAfterToken Code = "role_after_token"

	AuthzDenied         Code = "authz_denied"
	AuthzNothingApplies Code = "authz_nothing_applies"

	// NotVisible is the cause of a verdict that is unknown: what decides could not be
	// read. It never stands among the checks.
	NotVisible Code = "not_visible"
)

// Stage says what a failing check stops.
type Stage string

// The stages, in the order in which a person meets them.
const (
	StopsLogin    Stage = "login"
	StopsRole     Stage = "role"
	StopsClaim    Stage = "claim"
	StopsResource Stage = "resource"
)

// Codes are all causes, in the order of the list above.
var Codes = []Code{
	RealmUnknown, RealmDisabled, HTTPSRequired, IssuerMismatch,
	UserUnknown, EmailLoginOff, UserDisabled, LockedPermanently, LockedTemporarily, LockedQuickLogin, ServiceAccountUser,
	ServiceAccountDisabled, ServiceAccountOff, FederationOff, FederationUnreachable, IDPOnlyUser, NoPassword, WrongPassword,
	OTPRequired, PasswordExpired, RequiredAction, ProfileIncomplete, EmailUnverified,
	ClientUnknown, ClientDisabled, ClientSecret, ClientFlowOff, ClientProtocol, PKCERequired, PARRequired, DPoPRequired, FlowDenies,
	SessionLimit, ClientPolicy, OriginNotAllowed, RedirectURI, ScopeUnavailable, OfflineRoleMissing, Organization, ConsentRequired,
	ScopeNotPermitted, RoleMissing, OutOfClientScope, DefaultRolesRemoved,
	MapperMissing, MapperNotInToken, LightweightToken, ClaimScopeRemoved, AudienceMissing,
	TokenExpired, TokenSignature, TokenIssuer, TokenType, TokenRevoked, SessionGone, RoleAfterToken,
	AuthzDenied, AuthzNothingApplies, NotVisible,
}

// Stops is what the cause stops.
func (c Code) Stops() Stage {
	switch c {
	case ScopeNotPermitted, RoleMissing, OutOfClientScope, DefaultRolesRemoved:
		return StopsRole
	case MapperMissing, MapperNotInToken, LightweightToken, ClaimScopeRemoved, AudienceMissing,
		TokenExpired, TokenSignature, TokenIssuer, TokenType, TokenRevoked, SessionGone, RoleAfterToken:
		return StopsClaim
	case AuthzDenied, AuthzNothingApplies:
		return StopsResource
	}
	return StopsLogin
}
