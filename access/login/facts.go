package login

import "time"

// State says how much is known of one part of the facts.
type State string

// The states of a part. The zero value is a part that nobody asked for.
const (
	NotAsked State = ""
	Known    State = "known"
	// Cut means that our account may not see it, or that the server may have left
	// things out of it because of our account: Needs names the missing right. Value may
	// hold what was seen; what is not in it is unknown.
	Cut State = "cut"
	// Failed means that the server did not answer usefully; Why says what happened.
	Failed State = "failed"
)

// Part is one thing that was read, or why it was not.
type Part[T any] struct {
	State State  `json:"state"`
	Value T      `json:"value"`
	Needs string `json:"needs,omitempty"`
	Why   string `json:"why,omitempty"`
}

// Is reports whether the part was read in full.
func (p Part[T]) Is() bool { return p.State == Known }

// Gap is why the part is not known, for an unknown check.
func (p Part[T]) Gap() Gap { return Gap{p.State, p.Needs, p.Why} }

// Have is a part that was read in full.
func Have[T any](v T) Part[T] { return Part[T]{State: Known, Value: v} }

// Lacks is a part of which something may be missing for want of a right.
func Lacks[T any](v T, right string) Part[T] { return Part[T]{State: Cut, Value: v, Needs: right} }

// Broken is a part that could not be read.
func Broken[T any](why string) Part[T] { return Part[T]{State: Failed, Why: why} }

// Gap says why something is not known.
type Gap struct {
	State State
	// Needs is the admin role of realm-management that our account lacks.
	Needs string
	Why   string
}

// Facts are what was read about one question. A pointer that is nil within a part
// that is known means: it is proven not to exist.
type Facts struct {
	// Now is the moment of the judgement.
	Now time.Time
	// BaseURL is the address of the server as we reach it.
	BaseURL string

	Discovery Part[Discovery]
	Realm     Part[*Realm]
	// Actions are the realm's required actions, Profile the user profile.
	Actions Part[[]Action]
	Profile Part[[]ProfileField]

	// User is the account that the typed name leads to: by username, or by e-mail
	// where a login with it is allowed. ByEmail are those that have it as their e-mail,
	// allowed or not.
	User        Part[*User]
	ByEmail     Part[[]User]
	Lock        Part[Lock]
	Credentials Part[[]Credential]
	// Links are the accounts of identity providers, Providers the realm's providers.
	Links     Part[[]Link]
	Providers Part[[]Provider]
	// Storage is the user storage that the account comes from; nil for a local account.
	Storage  Part[*Storage]
	Sessions Part[[]Session]
	Consents Part[[]string] // clientIds
	// Roles are all roles that the user holds, in whatever way.
	Roles Part[[]Role]
	// ServiceOf is the clientId whose service account the user is, "" for a person.
	ServiceOf Part[string]

	Client         Part[*Client]
	ServiceAccount Part[*User] // of the client
	// NearClients and NearUsers are names like the one that is not there.
	NearClients, NearUsers []string
	// SecretSet is when we set the client's secret, if we did: no event from before tells
	// of the present one.
	SecretSet time.Time
	// SecretMatches says whether the secret in the question is the client's.
	SecretMatches Part[bool]
	// Scopes are the realm's client scopes by name.
	Scopes Part[[]string]
	Flow   Part[Flow]
	// ClientRoles are the names of the client's own roles, which conditions of policies
	// ask for.
	ClientRoles Part[[]string]
	Policies    Part[[]Policy]
	// Organizations are those that the question's scope names; Member says whether the
	// user is in it.
	Organizations Part[[]Org]

	EventsConfig Part[EventsConfig]
	// Events are the newest of the client and of the user, newest first.
	Events Part[[]Event]

	// Claims is what the checks of roles, claims, tokens and policies rest on.
	Claims ClaimFacts
}

// Discovery is what the public discovery document told.
type Discovery struct {
	// Missing: there is no such realm. NeedsHTTPS: it was refused because our own
	// connection is not encrypted.
	Missing, NeedsHTTPS bool
	Issuer              string
}

// Realm holds the settings that matter at a login.
type Realm struct {
	Name                                string
	Enabled                             bool
	SSLRequired                         string // all, external or none
	LoginWithEmail, DuplicateEmails     bool
	EmailAsUsername                     bool
	VerifyEmail, HasMail                bool
	PasswordPolicy                      string
	BruteForce                          bool
	FailureFactor                       int
	QuickLoginCheck, QuickLoginWait     time.Duration
	DefaultRole, DefaultRoleID          string
	BrowserFlow, DirectGrantFlow        string
	EventsEnabled, OrganizationsEnabled bool
	NotBefore                           time.Time
	FrontendURL                         string
}

// Action is a required action of the realm.
type Action struct {
	Alias, Name string
	Enabled     bool
	Priority    int
}

// ProfileField is one attribute of the user profile.
type ProfileField struct {
	Name string
	// Required for whom: of the person, at each login.
	RequiredOfUser bool
	// Editable by the person; what is not is never asked of them.
	Editable bool
}

// User is an account.
type User struct {
	ID, Username, Email, FirstName, LastName string
	Enabled, EmailVerified                   bool
	// PermanentlyLocked: brute-force protection, not a person, disabled it.
	PermanentlyLocked bool
	RequiredActions   []string
	Attributes        map[string][]string
	// StorageID is the user storage (LDAP) that it comes from.
	StorageID string
	NotBefore time.Time
}

// Name is how the person is called in sentences.
func (u User) Name() string {
	switch {
	case u.FirstName != "" && u.LastName != "":
		return u.FirstName + " " + u.LastName
	case u.FirstName+u.LastName != "":
		return u.FirstName + u.LastName
	}
	return u.Username
}

// Lock is the state of brute-force protection.
type Lock struct {
	Locked, Permanent        bool
	Until                    time.Time
	Failures, SecondFailures int
	TemporaryLocks           int
	LastFailure              time.Time
	LastIP                   string
}

// Credential is one way to log in that the user has set up.
type Credential struct {
	ID, Type, Label string
	Created         time.Time
}

// Link is an account of an identity provider.
type Link struct{ Provider, Username string }

// Provider is an identity provider of the realm.
type Provider struct {
	Alias   string
	Enabled bool
}

// Storage is a user storage provider, such as an LDAP directory.
type Storage struct {
	ID, Name, Type string
	Enabled        bool
	URL            string
	// Reachable is what a test of the connection said; nil where none was made.
	Reachable *bool
	TestError string
}

// Session is one login of the user.
type Session struct {
	ID      string
	Clients []string // clientIds
	Start   time.Time
}

// Role is a role of the realm (Client empty) or of a client.
type Role struct{ ID, Client, Name string }

// String is "client:role", or the role of the realm.
func (r Role) String() string {
	if r.Client == "" {
		return r.Name
	}
	return r.Client + ":" + r.Name
}

// Client is the application.
type Client struct {
	ID, ClientID                            string
	Enabled, Public, BearerOnly             bool
	Protocol                                string
	StandardFlow, DirectGrants, ServiceAcct bool
	ConsentRequired, FullScope              bool
	Authenticator                           string
	RootURL                                 string
	RedirectURIs, WebOrigins                []string
	DefaultScopes, OptionalScopes           []string
	// FlowOverrides are ids of flows by binding ("browser", "direct_grant").
	FlowOverrides map[string]string
	Attributes    map[string]string
	NotBefore     time.Time
}

// Flow is the authentication flow that the login takes.
type Flow struct {
	Alias string
	// Override says that the client, not the realm, chooses it.
	Override bool
	Steps    []FlowStep
}

// FlowStep is one execution of a flow, in order; Level is its depth.
type FlowStep struct {
	ID, Provider, Name, Requirement string
	Level                           int
	SubFlow                         bool
	// ConfigID is the id of its settings, Config these, where they decide who gets in.
	ConfigID string
	Config   map[string]string
}

// Policy is a client policy with what its profiles make it do.
type Policy struct {
	Name       string
	Enabled    bool
	Conditions []PolicyPart
	Executors  []PolicyPart
}

// PolicyPart is a condition or an executor: its provider and configuration.
type PolicyPart struct {
	Provider string
	Config   map[string]any
}

// Org is an organization.
type Org struct {
	ID, Alias       string
	Exists, Enabled bool
	Member          bool
}

// EventsConfig says which events the realm keeps.
type EventsConfig struct {
	Enabled bool
	Types   []string
}

// Event is one entry of the login log.
type Event struct {
	Time                            time.Time
	Type, Client, UserID, Error, IP string
	SessionID                       string
	Details                         map[string]string
}
