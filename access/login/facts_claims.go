package login

import (
	"encoding/json"

	"gatehouse/access/roles"
)

// ClaimFacts are what the checks of roles, claims, tokens and authorization services
// need beyond what those of the login do.
type ClaimFacts struct {
	// Held is every role of the user, or of the service account, with the ways to it.
	Held Part[roles.Provenance]
	// Scope is which roles may reach the client's tokens.
	Scope Part[roles.Scope]
	// Wanted is the role of the question; nil where there is none of that name.
	Wanted Part[*WantedRole]
	// Default is the realm's default role with everything in it.
	Default Part[DefaultRole]

	// Scopes are the client scopes of the realm.
	Scopes Part[[]ClientScope]
	// Standard are the names of the client scopes that every new client gets.
	Standard Part[[]string]
	// Own are the mappers of the client itself.
	Own Part[[]Mapper]
	// Previews are the claims that Keycloak itself would put into each document.
	Previews map[Token]Part[map[string]any]
	// Sharing counts the clients that have a client scope, by its name.
	Sharing Part[map[string]int]
	// API is the client that a token is shown to; nil where there is none of that name.
	API Part[*Client]

	// Keys are the public keys of the realm, a JSON Web Key Set.
	Keys Part[json.RawMessage]
	// Session says whether the session of the pasted token is still there.
	Session Part[bool]
	// Said is what the userinfo endpoint answered to the pasted token: "" is that it
	// took it.
	Said Part[string]
	// TokenUser is the user that the pasted token is of; nil where there is none.
	TokenUser Part[*User]
	// TokenClient is the client that asked for the pasted token.
	TokenClient Part[*Client]

	// Authz is the answer of the authorization services; nil where the client has none.
	Authz Part[*Decision]
}

// WantedRole is the role of a question.
type WantedRole struct {
	Role
	// Brings are the roles in it, if it is composite.
	Brings []string
	// Groups give it to their members.
	Groups []RoleGroup
}

// RoleGroup is a group that has a role mapped to it.
type RoleGroup struct {
	Path string
	// Brings are the other roles that its members get.
	Brings []string
}

// DefaultRole is the role that every new user is given.
type DefaultRole struct {
	Role
	// Holds are the roles in it, at any depth.
	Holds []Role
}

// ClientScope is a named set of mappers that clients share.
type ClientScope struct {
	Name    string
	Mappers []Mapper
	// Asked says whether its role mappings were read; Roles are these, with what composite roles
	// among them contain. A scope with none is everybody's.
	Asked bool
	Roles Part[[]Role]
	// Mapped are the roles that are mapped themselves.
	Mapped []Role
}

// Mapper puts a claim into tokens.
type Mapper struct {
	ID, Name string
	// Type is the provider ("oidc-usermodel-client-role-mapper").
	Type   string
	Config map[string]string
	// Scope is the name of its client scope, empty for a mapper of the client.
	Scope string
}

// Decision is what the authorization services of a client say.
type Decision struct {
	// Mode is ENFORCING, PERMISSIVE or DISABLED; Strategy AFFIRMATIVE, UNANIMOUS or
	// CONSENSUS.
	Mode, Strategy string
	// NoResource and NoScope: there is nothing of that name.
	NoResource, NoScope bool
	Resources           []string // some names, where there is no such resource
	Permitted           bool
	// Permissions are those that took part in the decision about the resource.
	Permissions []*PolicyNode
}

// PolicyNode is a permission or a policy with what came of it.
type PolicyNode struct {
	ID, Name string
	// Type is resource or scope for a permission; role, user, group, time, client,
	// aggregate, js, regex, client-scope … for a policy.
	Type     string
	Negative bool
	Strategy string
	// Result is what the server said; Unknown for the parts of an aggregate policy, which it
	// does not tell.
	Result Result
	// Scopes are names of the authorization scopes of a scope permission.
	Scopes []string

	Roles   []PolicyRole
	Users   []PolicyUser
	Groups  []PolicyGroup
	Clients []string // clientIds
	// Config are the other settings, such as the times of a time policy.
	Config map[string]string

	Children []*PolicyNode
}

// PolicyRole is a role that a role policy asks for.
type PolicyRole struct {
	Role
	Required bool
}

// PolicyUser is a user whom a user policy names.
type PolicyUser struct{ ID, Username string }

// PolicyGroup is a group that a group policy names.
type PolicyGroup struct {
	ID, Path string
	// Below says that the groups below it count too.
	Below bool
}
