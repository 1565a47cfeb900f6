package login

import "gatehouse/access"

// Result is what came of one check.
type Result string

// The results. Unknown rests on something that could not be read, and is never
// counted as a pass or a fail.
const (
	Pass    Result = "pass"
	Fail    Result = "fail"
	Unknown Result = "unknown"
)

// Check is one cause held against the facts.
type Check struct {
	Code  Code   `json:"code"`
	State Result `json:"state"`
	Stops Stage  `json:"stops"`
	// Evidence is what was seen, in words of a support person.
	Evidence string `json:"evidence,omitempty"`
	// Needs is the right of our account without which it cannot be told.
	Needs string `json:"needs,omitempty"`
	// Saw is what the person saw because of a check that fails.
	Saw string `json:"saw,omitempty"`

	// Beside: an unknown result that leaves the verdict alone. Nothing that we could
	// read, with whatever right, would tell.
	Beside bool `json:"-"`
	// Hint is what to do that no write can, such as to type another name.
	Hint  string `json:"-"`
	Fixes []Fix  `json:"-"`
}

// Trace is the answer: the envelope that all answers about access share, with the
// checks in the order in which Keycloak applies them.
type Trace struct {
	access.Trace
	// Asked is the question in its parts, without the secret and the pasted token.
	Asked Asked `json:"asked"`
	// Saw is what the person saw, by the first check that fails.
	Saw string `json:"saw,omitempty"`
	// Then are the causes that are met once the first is cured, in order.
	Then   []Code  `json:"then,omitempty"`
	Checks []Check `json:"checks"`
	// Fixes cure the first failing check, the least far-reaching first.
	Fixes []Fix `json:"fixes,omitempty"`
}

// First is the first check that fails; ok is false where none does.
func (t Trace) First() (c Check, ok bool) {
	for _, c := range t.Checks {
		if c.State == Fail {
			return c, true
		}
	}
	return Check{}, false
}

// Of is the check of a code; ok is false where it does not apply to the question.
func (t Trace) Of(code Code) (c Check, ok bool) {
	for _, c := range t.Checks {
		if c.Code == code {
			return c, true
		}
	}
	return Check{}, false
}

// Fix is one way to cure a cause.
type Fix struct {
	Code    Code    `json:"code"`
	Summary string  `json:"summary"`
	Writes  []Write `json:"writes"`
	// AlsoChanges is what else the fix changes, in words; empty when nothing.
	AlsoChanges string `json:"also_changes,omitempty"`
	// Weakens says that the fix takes away something that was meant to protect.
	Weakens bool `json:"weakens,omitempty"`
	// Final says that it cannot be undone.
	Final bool `json:"final,omitempty"`
}

// Op is what a write does.
type Op string

// The writes. Which fields each has stands behind it; all have Realm.
const (
	OpUnlock             Op = "unlock"                // User
	OpEnableUser         Op = "enable_user"           // User
	OpSetPassword        Op = "set_password"          // User; Input: the password
	OpRemoveCredential   Op = "remove_credential"     // User, Name: its type, ID: its id
	OpClearAction        Op = "clear_required_action" // User, Name: the action
	OpVerifyEmail        Op = "verify_email"          // User
	OpSetUserField       Op = "set_user_field"        // User, Name: the field; Input: its value
	OpCreateUser         Op = "create_user"           // User; Input: the password
	OpEndSessions        Op = "end_sessions"          // User
	OpGrantRole          Op = "grant_role"            // User, Role, and RoleClient for a client role
	OpJoinGroup          Op = "join_group"            // User, Name: the group's path
	OpJoinOrganization   Op = "join_organization"     // User, Name: its alias
	OpEnableRealm        Op = "enable_realm"
	OpSetRealm           Op = "set_realm" // Name: the setting, Value
	OpEnableClient       Op = "enable_client"
	OpCreateClient       Op = "create_client"         // Client, Value: the redirect URI
	OpSetClient          Op = "set_client"            // Client, Name: the setting, Value
	OpSetClientAttribute Op = "set_client_attribute"  // Client, Name, Value
	OpSetClientSecret    Op = "set_client_secret"     // Client; Input: the secret
	OpAddRedirectURI     Op = "add_redirect_uri"      // Client, Value
	OpAddWebOrigin       Op = "add_web_origin"        // Client, Value
	OpAttachScope        Op = "attach_scope"          // Client, Name: the scope, Value: default or optional
	OpClearFlow          Op = "clear_flow_override"   // Client, Name: the binding
	OpDisablePolicy      Op = "disable_client_policy" // Name
	OpEnableStorage      Op = "enable_user_storage"   // ID, Name
	OpEnableOrganization Op = "enable_organization"   // Name: its alias
	OpAddScopeMapping    Op = "add_scope_mapping"     // Client, Role, and RoleClient for a client role
	OpSetMapper          Op = "set_mapper"            // Name: the mapper, Scope or Client: its owner, Config
	OpAddMapper          Op = "add_mapper"            // Client, Name, Value: its type, Config
	OpAllowUser          Op = "allow_user"            // Client, User, Name: the resource, Value: a scope of it, or empty
	OpAddToPolicy        Op = "add_user_to_policy"    // Client, User, Name and ID: the policy
)

// Write is one change on the server. Fields that an operation does not have are
// empty.
type Write struct {
	Op    Op     `json:"op"`
	Realm string `json:"realm"`
	// User is a username, UserID the same user's id.
	User       string `json:"user,omitempty"`
	UserID     string `json:"user_id,omitempty"`
	Client     string `json:"client,omitempty"`
	Role       string `json:"role,omitempty"`
	RoleClient string `json:"role_client,omitempty"`
	Scope      string `json:"scope,omitempty"`
	Name       string `json:"name,omitempty"`
	ID         string `json:"id,omitempty"`
	Value      string `json:"value,omitempty"`
	// Config are keys of a mapper's configuration.
	Config map[string]string `json:"config,omitempty"`
	// Input says what a person has to supply ("password"); it is never part of the write.
	Input string `json:"input,omitempty"`
}
