package story

// System says where a ticket's denial comes from.
type System string

// The systems. Both means that the cause crosses from one to the other.
const (
	Keto     System = "keto"
	Keycloak System = "keycloak"
	Both     System = "both"
)

// Verdict is an answer, with the names that CLI.md gives to scripts.
type Verdict string

// The verdicts. Unknown is an error of the server, which is not a "no".
const (
	Allowed Verdict = "allowed"
	Denied  Verdict = "denied"
	Unknown Verdict = "unknown"
)

// Ticket is a support question whose cause is really there in a seeded stack.
type Ticket struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// From is the key of the person who asks.
	From   string `yaml:"from"`
	System System `yaml:"system"`
	// Text is in the customer's own words.
	Text     string   `yaml:"text"`
	Question Question `yaml:"question"`
	// Verdict is the answer now; After is the answer once Fix is applied.
	Verdict Verdict `yaml:"verdict"`
	Cause   Cause   `yaml:"cause"`
	Fix     []Write `yaml:"fix"`
	After   Verdict `yaml:"after"`
}

// Question is what the ticket asks, as data: one of the two.
type Question struct {
	// Tuple is a question to Keto, in text form with references; see Story.Tuple.
	Tuple    string          `yaml:"tuple"`
	Keycloak *LoginOrRoleAsk `yaml:"keycloak"`
}

// LoginOrRoleAsk asks Keycloak whether a person can log in to a client or, with a
// role, whether that role is in the token.
type LoginOrRoleAsk struct {
	// User is the key of a person with a login.
	User   string `yaml:"user"`
	Client string `yaml:"client"`
	// Role is a role of Client; RealmRole is one of the realm. Both empty asks about
	// the login itself.
	Role      string `yaml:"role"`
	RealmRole string `yaml:"realm_role"`
	// Token is "access", "id" or "userinfo".
	Token string `yaml:"token"`
	// Scope is what the application asks for; "openid" when empty.
	Scope string `yaml:"scope"`
}

// AsksLogin reports whether the question is about the login itself.
func (q LoginOrRoleAsk) AsksLogin() bool { return q.Role == "" && q.RealmRole == "" }

// Cause is the truth about a ticket.
type Cause struct {
	// Code of a Keycloak cause is one of its closed list (user_disabled, …); those of
	// Keto are listed in KetoCauses.
	Code string `yaml:"code"`
	// Summary is what a support person would say on the phone.
	Summary string `yaml:"summary"`
	// Then are the causes that come to light once the first is cured.
	Then []string `yaml:"then"`
}

// KetoCauses are the codes of causes that lie in Keto.
var KetoCauses = []string{"missing_tuple", "subject_alias", "blocked", "parent_not_a_set", "max_depth", "unknown_relation"}

// KeycloakCauses are the codes of causes in Keycloak that the story uses.
var KeycloakCauses = []string{"mapper_not_in_token", "user_disabled", "locked_temporarily", "required_action", "role_missing", "email_unverified", "out_of_client_scope"}

// Op is what a Write does.
type Op string

// The operations. Each has an opposite, which is how a ticket's fault is made.
const (
	OpAdd                 Op = "add"                   // Tuple is stored
	OpRemove              Op = "remove"                // Tuple is not stored
	OpActivateIdentity    Op = "activate_identity"     // Person is active in Kratos
	OpEnableUser          Op = "enable_user"           // User is enabled in Keycloak
	OpUnlock              Op = "unlock"                // User is not locked by failed logins
	OpClearRequiredAction Op = "clear_required_action" // Action is not pending for User
	OpVerifyEmail         Op = "verify_email"          // User's e-mail is verified in Keycloak, and VERIFY_EMAIL not pending
	OpJoinGroup           Op = "join_group"            // User is a member of Group
	OpSetMapper           Op = "set_mapper"            // Config is set in Mapper of Scope
	OpAddScopeMapping     Op = "add_scope_mapping"     // RealmRole may reach the tokens of Client
)

// needs are the fields that an operation must have; all others must be empty.
var needs = map[Op][]string{
	OpAdd: {"tuple"}, OpRemove: {"tuple"}, OpActivateIdentity: {"person"}, OpEnableUser: {"user"}, OpUnlock: {"user"},
	OpClearRequiredAction: {"user", "action"}, OpVerifyEmail: {"user"}, OpJoinGroup: {"user", "group"},
	OpSetMapper: {"scope", "mapper", "config"}, OpAddScopeMapping: {"client", "realm_role"},
}

// Write is one concrete change. Which fields it has depends on Op.
type Write struct {
	Op Op `yaml:"op" json:"op"`
	// Tuple is in text form with references; see Story.Tuple.
	Tuple string `yaml:"tuple" json:"tuple,omitempty"`
	// Person is the key of somebody in Kratos, User of somebody with a Keycloak login.
	Person    string            `yaml:"person" json:"person,omitempty"`
	User      string            `yaml:"user" json:"user,omitempty"`
	Action    string            `yaml:"action" json:"action,omitempty"`
	Group     string            `yaml:"group" json:"group,omitempty"`
	Client    string            `yaml:"client" json:"client,omitempty"`
	RealmRole string            `yaml:"realm_role" json:"realm_role,omitempty"`
	Scope     string            `yaml:"scope" json:"scope,omitempty"`
	Mapper    string            `yaml:"mapper" json:"mapper,omitempty"`
	Config    map[string]string `yaml:"config" json:"config,omitempty"`
}

func (w Write) fields() map[string]bool {
	return map[string]bool{"tuple": w.Tuple != "", "person": w.Person != "", "user": w.User != "", "action": w.Action != "",
		"group": w.Group != "", "client": w.Client != "", "realm_role": w.RealmRole != "", "scope": w.Scope != "",
		"mapper": w.Mapper != "", "config": len(w.Config) > 0}
}
