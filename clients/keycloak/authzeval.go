package keycloak

import (
	"context"
	"encoding/json"

	"gatehouse/clients"
)

// Evaluation is a question to the authorization services of a client: may this user
// do these things to this resource?
type Evaluation struct {
	// ClientUUID is the resource server; UserID may also be a username.
	ClientUUID, UserID string
	// RealmRoles are names of realm roles that are supposed on top of the user's.
	RealmRoles []string
	// Resource is an id of the server; empty asks about every resource.
	Resource string
	Scopes   []string
	// Attributes are those of the supposed request ("kc.client.network.ip_address").
	Attributes map[string]string
}

// Decision is the answer. The server's own overall status says PERMIT when nothing
// applied, which really denies, so it is not passed on.
type Decision struct {
	// Permitted answers the question about one Resource and all its Scopes. When every
	// resource was asked about it is false, and Results hold the answers.
	Permitted bool             `json:"permitted"`
	Results   []DecisionResult `json:"results"`
	// Mode is the enforcement mode of the resource server (ENFORCING, PERMISSIVE, DISABLED).
	Mode string `json:"mode"`
	// Raw is the server's answer without the token that it makes for the occasion.
	Raw json.RawMessage `json:"-"`
}

// DecisionResult is the verdict on one resource.
type DecisionResult struct {
	ResourceID string `json:"resource_id"`
	// Name is for people; it is not always the name of the resource.
	Name      string `json:"name"`
	Permitted bool   `json:"permitted"`
	// Allowed are the scopes that are permitted. The server never names denied ones.
	Allowed []string `json:"allowed_scopes,omitempty"`
	// Policies are the permissions that took part. None on a permitted result means:
	// allowed by the enforcement mode alone.
	Policies []PolicyResult `json:"policies,omitempty"`
}

// PolicyResult is the verdict of one permission or policy. Its logic is left out:
// the server reports POSITIVE there even for negative policies. Read it with Policy.
// The parts of an aggregate policy are not listed either; see PoliciesOf.
type PolicyResult struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Strategy  string         `json:"strategy,omitempty"`
	Permitted bool           `json:"permitted"`
	Scopes    []string       `json:"scopes,omitempty"`
	Children  []PolicyResult `json:"children,omitempty"`
}

// EvaluatePolicies asks. It changes nothing and is allowed in a read-only context.
// A resource or user that does not exist is looked up first: for the one the server
// would evaluate everything, for the other it would fail.
func (r *Realm) EvaluatePolicies(ctx context.Context, e Evaluation) (Decision, error) {
	settings, err := r.AuthzSettings(ctx, e.ClientUUID)
	if err != nil {
		return Decision{}, err
	}
	user, err := r.userIDOf(ctx, e.UserID)
	if err != nil {
		return Decision{}, err
	}
	var res Resource
	if e.Resource != "" {
		if res, err = r.Resource(ctx, e.ClientUUID, e.Resource); err != nil {
			return Decision{}, err
		}
	} else if len(e.Scopes) > 0 {
		return Decision{}, r.refuse("evaluate the policies", "scopes were named without a resource", "name the resource too")
	}
	e.UserID = user
	return r.evaluate(ctx, e, res, settings)
}

// EvaluateKnown is EvaluatePolicies, in one request, for who has read the user (by id),
// the resource and the settings already. For a resource that is not there the server
// would evaluate everything.
func (r *Realm) EvaluateKnown(ctx context.Context, e Evaluation, res Resource, settings AuthzSettings) (Decision, error) {
	if e.Resource == "" || e.Resource != res.ID {
		return Decision{}, r.refuse("evaluate the policies", "the resource was not read before", "")
	}
	return r.evaluate(ctx, e, res, settings)
}

func (r *Realm) evaluate(ctx context.Context, e Evaluation, res Resource, settings AuthzSettings) (Decision, error) {
	resources := []any{}
	if e.Resource != "" {
		scopes := []map[string]string{}
		for _, s := range e.Scopes {
			scopes = append(scopes, map[string]string{"name": s})
		}
		resources = append(resources, map[string]any{"_id": res.ID, "name": res.Name, "scopes": scopes})
	}
	attrs := mergeTexts(e.Attributes, nil)
	body := map[string]any{"clientId": e.ClientUUID, "userId": e.UserID, "roleIds": list(e.RealmRoles), "resourceType": nil,
		"entitlements": false, "context": map[string]any{"attributes": attrs}, "resources": resources}
	c := r.post("evaluate the policies", "view-authorization", body, "clients", e.ClientUUID, "authz", "resource-server", "policy", "evaluate")
	c.read = true
	var raw map[string]json.RawMessage
	if _, err := r.s.do(ctx, c, &raw); err != nil {
		return Decision{}, err
	}
	d := Decision{Mode: settings.Mode, Raw: keepJSON(raw, "rpt")}
	var w rawDecision
	if err := json.Unmarshal(d.Raw, &w); err != nil {
		return Decision{}, r.s.notKeycloak(c, err)
	}
	d.Results = w.results()
	d.Permitted = e.Resource != "" && permitted(d.Results, e.Resource, e.Scopes)
	return d, nil
}

// userIDOf takes an id or a username. An account that may not read users can still
// evaluate, so a refusal leaves the name as it is.
func (r *Realm) userIDOf(ctx context.Context, user string) (string, error) {
	u, err := r.User(ctx, user)
	if clients.Is(err, clients.NotFound) {
		u, err = r.UserByUsername(ctx, user)
	}
	if clients.Is(err, clients.Denied) {
		return user, nil
	}
	return u.ID, err
}
