// Package decisions knows what the demo server says about its decisions: the types
// of its trace, and a client of the private socket on which it tells them. The
// server fills the same types that the client reads.
package decisions

import (
	"slices"
	"time"
)

// Reason is why a decision fell as it did. The list is closed: scripts and the
// console may rely on it.
type Reason string

// The closed list of reasons.
const (
	OK     Reason = "ok"     // what the policy asks for is there
	Public Reason = "public" // nothing is asked for

	NoCredential      Reason = "no_credential"      // nothing was sent that says who it is
	SessionInvalid    Reason = "session_invalid"    // a session was sent that does not count (any more)
	SessionExpired    Reason = "session_expired"    // idle for too long, or past its lifetime
	NotFresh          Reason = "not_fresh"          // logged in, but too long ago for this route
	AccountInactive   Reason = "account_inactive"   // the person exists and may not log in
	AALRequired       Reason = "aal_required"       // a second factor is needed
	SubjectUnmappable Reason = "subject_unmappable" // no subject can be made of the identity
	EmailUnverified   Reason = "email_unverified"   // the subject is an e-mail that nobody has proved
	KetoDenied        Reason = "keto_denied"        // the relation is not there
	RoleMissing       Reason = "role_missing"       // logged in, without a role that is needed
	NotOwner          Reason = "not_owner"          // the record belongs to somebody else
	BadPassword       Reason = "bad_password"       // unknown account or wrong password; which one is not told
	BadCredential     Reason = "bad_credential"     // a header, token or MAC that cannot be right
	Replayed          Reason = "replayed"           // a proof that was used before
	RateLimited       Reason = "rate_limited"       // too many tries
	CSRFRejected      Reason = "csrf_rejected"      // a browser says that another site sent this
	OAuthRejected     Reason = "oauth_rejected"     // the provider, or our check of its answer, says no
	ProxyProofMissing Reason = "proxy_proof_missing"
	ProxyProofInvalid Reason = "proxy_proof_invalid"

	JWTHeaderMissing Reason = "jwt_authorization_header_missing"
	JWTInvalidHeader Reason = "jwt_invalid_header"
	JWTTokenExpired  Reason = "jwt_token_expired"
	JWTInvalidClaims Reason = "jwt_invalid_claims"
	JWTNoRSAKey      Reason = "jwt_no_rsa_key"

	HostRejected     Reason = "host_rejected"      // the Host header names a server that we are not
	NotFound         Reason = "not_found"          // no such route
	MethodNotAllowed Reason = "method_not_allowed" // the route does not know the method
	BadRequest       Reason = "bad_request"        // the input cannot be read
	TooLarge         Reason = "too_large"          // the input is longer than allowed
	InternalError    Reason = "internal_error"     // a fault of ours
)

// Upstream names a server that a decision leans on, in the reasons of its failures.
type Upstream string

// The servers that decisions lean on.
const (
	Kratos   Upstream = "kratos"
	Keto     Upstream = "keto"
	JWKS     Upstream = "jwks"
	OIDC     Upstream = "oidc"
	Provider Upstream = "provider" // of social logins
	Sessions Upstream = "sessions" // the session store
)

// Unavailable, Timeout and Malformed are the reasons of a server that gave no
// answer, none in time, or one that means nothing. Each ends in 503.
func Unavailable(u Upstream) Reason { return Reason("upstream_unavailable:" + string(u)) }

// Timeout is the reason of a server that did not answer in time.
func Timeout(u Upstream) Reason { return Reason("upstream_timeout:" + string(u)) }

// Malformed is the reason of a server whose answer means nothing, or whose status
// and body contradict each other.
func Malformed(u Upstream) Reason { return Reason("upstream_malformed:" + string(u)) }

// Reasons lists every reason there is.
func Reasons() []Reason {
	r := []Reason{OK, Public, NoCredential, SessionInvalid, SessionExpired, NotFresh, AccountInactive, AALRequired, SubjectUnmappable,
		EmailUnverified, KetoDenied, RoleMissing, NotOwner, BadPassword, BadCredential, Replayed, RateLimited, CSRFRejected, OAuthRejected,
		ProxyProofMissing, ProxyProofInvalid, JWTHeaderMissing, JWTInvalidHeader, JWTTokenExpired, JWTInvalidClaims, JWTNoRSAKey,
		HostRejected, NotFound, MethodNotAllowed, BadRequest, TooLarge, InternalError}
	for _, u := range []Upstream{Kratos, Keto, JWKS, OIDC, Provider, Sessions} {
		r = append(r, Unavailable(u), Timeout(u), Malformed(u))
	}
	return r
}

// Known reports whether r is in the closed list.
func Known(r Reason) bool { return slices.Contains(Reasons(), r) }

// Outcome is what a request came to.
type Outcome string

// The outcomes. Failed is neither: a server that the decision leans on could not be
// asked, so that nobody was let in and nobody was found wanting.
const (
	Allowed Outcome = "allow"
	Denied  Outcome = "deny"
	Failed  Outcome = "error"
)

// Decision is one request and what became of it, with every step on the way. It
// holds no secret: a credential appears as the fingerprint CredFP only.
type Decision struct {
	// ID is a ULID: ids sort by time. The response carries it as X-Gatehouse-Decision.
	ID string `json:"id"`
	// RequestID is the X-Request-Id of the request, or one that we made.
	RequestID string    `json:"rid"`
	At        time.Time `json:"ts"` // UTC
	System    string    `json:"system"`
	Request   Request   `json:"req"`
	Hops      []Hop     `json:"hops"`
	Outcome   Outcome   `json:"decision"`
	Status    int       `json:"status"`
	Reason    Reason    `json:"reason"`
	MS        float64   `json:"ms"` // how long the whole request took, in milliseconds
	// Subject is who the request was found to come from; all fields may be empty.
	Subject Subject `json:"subject,omitzero"`
	// Policy is what the route asked for; zero where no route matched.
	Policy Policy `json:"policy,omitzero"`
}

// Request is what was asked, without query, headers and body.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`            // as sent, without the system's prefix
	Route  string `json:"route,omitempty"` // the pattern that matched
	Cred   string `json:"cred"`            // "none", "cookie", "bearer", "basic", …
	CredFP string `json:"cred_fp,omitempty"`
}

// Subject is a person as far as a decision got to know them.
type Subject struct {
	IdentityID string   `json:"identity_id,omitempty"` // of Kratos
	Realm      string   `json:"realm,omitempty"`       // of Keycloak
	Client     string   `json:"client,omitempty"`      // the clientId of the application in that realm
	User       string   `json:"user,omitempty"`        // login name, or account of the system itself
	Email      string   `json:"email,omitempty"`
	Roles      []string `json:"roles,omitempty"`
}

// Hop is one step of a decision, in the order of what happened.
type Hop struct {
	N   int    `json:"n"`
	Hop string `json:"hop"` // "credential", "kratos.whoami", "subject.map", "keto.check", "roles", "session", "jwt.…"
	Out string `json:"out"` // "present", "absent", "pass", "allow", "deny", "fail"
	// Status is the HTTP status of an upstream, 0 where none was asked or none came.
	Status int            `json:"status,omitempty"`
	MS     float64        `json:"ms,omitempty"`
	Rule   string         `json:"rule,omitempty"`  // which rule was applied
	Value  string         `json:"value,omitempty"` // what it made
	Tuple  string         `json:"tuple,omitempty"` // the relation that Keto was asked for
	Needs  []string       `json:"needs,omitempty"` // roles that are asked for
	Has    []string       `json:"has,omitempty"`   // roles that are held
	Facts  map[string]any `json:"facts,omitempty"`
	Warn   []string       `json:"warn,omitempty"` // "subject_collision_possible", "email_unverified", …
}

// Kind is what sort of thing a policy asks for.
type Kind string

// The kinds of policy. There is no empty one: a route without a policy does not start.
const (
	KindPublic   Kind = "public"    // anybody
	KindSession  Kind = "session"   // somebody who is logged in
	KindRelation Kind = "relation"  // a relation tuple in Keto
	KindRolesAll Kind = "roles_all" // every role of a list
	KindRolesAny Kind = "roles_any" // at least one role of a list
	KindToken    Kind = "token"     // a token in a header
	KindBasic    Kind = "basic"     // name and password in a header
	KindHMAC     Kind = "hmac"      // a MAC in a header
	KindProxy    Kind = "proxy"     // the signed proof of a proxy in front
	KindLogin    Kind = "login"     // the handler itself looks at what is sent: name and password, code and state
)

// Policy is what a route asks for, as data. The server's guards read the very same value.
type Policy struct {
	Kind Kind `json:"kind"`
	// Guard names the code of the system that decides; empty for public routes only.
	Guard string `json:"guard,omitempty"`
	// Relation is "namespace:object#relation" where one is asked for.
	Relation string   `json:"relation,omitempty"`
	Roles    []string `json:"roles,omitempty"`
	// Fresh asks for a login that is not long ago.
	Fresh bool `json:"fresh,omitempty"`
	// Methods are those that stay open to everybody although the rest is guarded (Eve's PUBLIC_METHODS).
	Methods []string `json:"public_methods,omitempty"`
	// Why says in a few words why a public route may be public, or what else there is to know.
	Why string `json:"why,omitempty"`
}

// System describes one guarded application.
type System struct {
	ID     string   `json:"id"`
	URL    string   `json:"url"`
	Title  string   `json:"title"`
	Guard  string   `json:"guard"` // in a few words: "kratos session + keto check"
	Seed   string   `json:"seed"`  // the document that it comes from
	Routes []Route  `json:"routes"`
	Warn   []string `json:"warnings,omitempty"` // what is unsafe on purpose in the mode that runs
}

// Route is one route of a system with its policy, in words and as data.
type Route struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Policy string `json:"policy"` // in words
	Data   Policy `json:"policy_data"`
}
