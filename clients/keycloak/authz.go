package keycloak

import (
	"context"
	"encoding/json"
)

// Evaluation is a question to the authorization services of a client: may this user
// do these things?
type Evaluation struct {
	// ClientUUID is the resource server. UserID may be a username.
	ClientUUID, UserID string
	// RealmRoles are names of realm roles that are supposed on top of the user's.
	RealmRoles []string
	// Resource is an id of the server; empty asks for everything. An id that does not
	// exist would make the server evaluate everything, so it is looked up first.
	Resource string
	Scopes   []string
	// Attributes are those of the supposed request ("kc.client.network.ip_address").
	Attributes map[string]string
}

// Decision is the answer. The server's own overall status says PERMIT when nothing
// applied, which really denies, so it is not passed on.
type Decision struct {
	Permitted bool             `json:"permitted"`
	Results   []DecisionResult `json:"results"`
	// Mode is the enforcement mode of the resource server (ENFORCING, PERMISSIVE, DISABLED).
	Mode string          `json:"mode"`
	Raw  json.RawMessage `json:"-"`
}

// DecisionResult is the verdict on one resource.
type DecisionResult struct {
	ResourceID string `json:"resource_id"`
	// Name is for people; it is not always the name of the resource.
	Name      string         `json:"name"`
	Permitted bool           `json:"permitted"`
	Allowed   []string       `json:"allowed_scopes,omitempty"`
	Policies  []PolicyResult `json:"policies,omitempty"`
}

// PolicyResult is the verdict of one permission or policy. Its logic is left out:
// the server reports POSITIVE there even for negative policies. Read it with Policy.
type PolicyResult struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Strategy  string         `json:"strategy,omitempty"`
	Permitted bool           `json:"permitted"`
	Scopes    []string       `json:"scopes,omitempty"`
	Children  []PolicyResult `json:"children,omitempty"`
}

// EvaluatePolicies asks. It is a read.
func (r *Realm) EvaluatePolicies(ctx context.Context, e Evaluation) (Decision, error) {
	return Decision{}, notYet
}

// Policy is a policy or permission of a resource server.
type Policy struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Negative bool              `json:"negative,omitempty"`
	Strategy string            `json:"strategy,omitempty"`
	Config   map[string]string `json:"config,omitempty"`
}

// Resource is something that a resource server protects.
type Resource struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Type   string   `json:"type,omitempty"`
	URIs   []string `json:"uris,omitempty"`
	Scopes []string `json:"scopes,omitempty"`
}
