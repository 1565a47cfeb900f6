package keycloak

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"gatehouse/clients"
)

// AuthzSettings are those of the authorization services of a client.
type AuthzSettings struct {
	// Mode is ENFORCING, PERMISSIVE or DISABLED.
	Mode string `json:"mode"`
	// Strategy is AFFIRMATIVE, UNANIMOUS or CONSENSUS.
	Strategy string `json:"strategy"`
}

type wireAuthz struct {
	PolicyEnforcementMode string `json:"policyEnforcementMode"`
	DecisionStrategy      string `json:"decisionStrategy"`
}

func (w wireAuthz) neutral() AuthzSettings {
	return AuthzSettings{Mode: w.PolicyEnforcementMode, Strategy: w.DecisionStrategy}
}

func (r *Realm) authz(op, clientUUID string, rest ...string) call {
	return r.get(op, "view-authorization", append([]string{"clients", clientUUID, "authz", "resource-server"}, rest...)...)
}

// AuthzSettings reads them; NotFound when the client has no authorization services.
func (r *Realm) AuthzSettings(ctx context.Context, clientUUID string) (AuthzSettings, error) {
	return one[wireAuthz](ctx, r.s, r.authz("read the authorization settings", clientUUID))
}

// Resource is something that a resource server protects.
type Resource struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Type   string   `json:"type,omitempty"`
	URIs   []string `json:"uris,omitempty"`
	Scopes []string `json:"scopes,omitempty"`
}

type wireNamed struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func names(l []wireNamed) []string {
	var out []string
	for _, n := range l {
		out = append(out, n.Name)
	}
	return out
}

type wireResource struct {
	ID     string      `json:"_id"`
	Name   string      `json:"name"`
	Type   string      `json:"type"`
	URIs   []string    `json:"uris"`
	Scopes []wireNamed `json:"scopes"`
}

func (w wireResource) neutral() Resource {
	return Resource{ID: w.ID, Name: w.Name, Type: w.Type, URIs: w.URIs, Scopes: names(w.Scopes)}
}

// Resources lists what the client protects; name is a substring, empty for all.
func (r *Realm) Resources(clientUUID, name string, pageSize int) clients.Fetch[Resource] {
	c := r.authz("list resources", clientUUID, "resource")
	q := url.Values{}
	setIf(q, "name", name)
	q.Set("deep", "true")
	return paged[wireResource](r.s, c.with(q), pageSize)
}

// Resource reads one resource by id.
func (r *Realm) Resource(ctx context.Context, clientUUID, id string) (Resource, error) {
	return one[wireResource](ctx, r.s, r.authz("read the resource", clientUUID, "resource", id))
}

// Policy is a policy or permission of a resource server.
type Policy struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Type is "role", "user", "group", "time", "client", "aggregate", "js", … for a
	// policy, "resource" or "scope" for a permission.
	Type     string `json:"type"`
	Negative bool   `json:"negative,omitempty"`
	Strategy string `json:"strategy,omitempty"`
	// Config is the server's own; lists in it are JSON in a string.
	Config map[string]string `json:"config,omitempty"`
}

type wirePolicy struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Type             string            `json:"type"`
	Logic            string            `json:"logic"`
	DecisionStrategy string            `json:"decisionStrategy"`
	Config           map[string]string `json:"config"`
}

func (w wirePolicy) neutral() Policy {
	return Policy{ID: w.ID, Name: w.Name, Type: w.Type, Negative: w.Logic == "NEGATIVE", Strategy: w.DecisionStrategy, Config: w.Config}
}

// Policies lists the policies, or with permissions the permissions, of a client.
func (r *Realm) Policies(clientUUID string, permissions bool, pageSize int) clients.Fetch[Policy] {
	c := r.authz("list policies", clientUUID, "policy")
	q := url.Values{}
	q.Set("permission", boolText(permissions))
	return paged[wirePolicy](r.s, c.with(q), pageSize)
}

// AllPolicies lists policies and permissions in one list.
func (r *Realm) AllPolicies(clientUUID string, pageSize int) clients.Fetch[Policy] {
	return paged[wirePolicy](r.s, r.authz("list policies", clientUUID, "policy"), pageSize)
}

// Policy reads one policy or permission, with the logic that an evaluation does not
// tell.
func (r *Realm) Policy(ctx context.Context, clientUUID, id string) (Policy, error) {
	return one[wirePolicy](ctx, r.s, r.authz("read the policy", clientUUID, "policy", id))
}

// PoliciesIn lists the policies that a permission or an aggregate policy is made of, by
// id and name alone: this list says of each that it is positive.
func (r *Realm) PoliciesIn(ctx context.Context, clientUUID, id string) ([]Policy, error) {
	return all[wirePolicy](ctx, r.s, r.authz("list the policies of the permission", clientUUID, "policy", id, "associatedPolicies"))
}

// PoliciesOf is PoliciesIn with each policy read.
func (r *Realm) PoliciesOf(ctx context.Context, clientUUID, id string) ([]Policy, error) {
	out, err := r.PoliciesIn(ctx, clientUUID, id)
	for i := range out {
		if err == nil {
			out[i], err = r.Policy(ctx, clientUUID, out[i].ID)
		}
	}
	return out, err
}

// rawDecision is the answer of an evaluation as it came.
type rawDecision struct {
	Results []struct {
		Resource      wireResource `json:"resource"`
		Status        string       `json:"status"`
		AllowedScopes []wireNamed  `json:"allowedScopes"`
		Policies      []rawPolicy  `json:"policies"`
	} `json:"results"`
}

type rawPolicy struct {
	Policy struct {
		ID               string   `json:"id"`
		Name             string   `json:"name"`
		Type             string   `json:"type"`
		DecisionStrategy string   `json:"decisionStrategy"`
		Scopes           []string `json:"scopes"`
	} `json:"policy"`
	Status             string      `json:"status"`
	AssociatedPolicies []rawPolicy `json:"associatedPolicies"`
}

func (w rawPolicy) neutral() PolicyResult {
	p := PolicyResult{ID: w.Policy.ID, Name: w.Policy.Name, Type: w.Policy.Type, Strategy: w.Policy.DecisionStrategy,
		Scopes: w.Policy.Scopes, Permitted: w.Status == permit}
	for _, a := range w.AssociatedPolicies {
		p.Children = append(p.Children, a.neutral())
	}
	return p
}

const permit = "PERMIT"

func (w rawDecision) results() []DecisionResult {
	out := []DecisionResult{}
	for _, res := range w.Results {
		d := DecisionResult{ResourceID: res.Resource.ID, Name: res.Resource.Name, Permitted: res.Status == permit, Allowed: names(res.AllowedScopes)}
		for _, p := range res.Policies {
			d.Policies = append(d.Policies, p.neutral())
		}
		out = append(out, d)
	}
	return out
}

// permitted answers the question that was asked of one resource: some result about
// it must permit, and all scopes that were asked for must be allowed by such results.
func permitted(results []DecisionResult, resource string, scopes []string) bool {
	var allowed []string
	yes := false
	for _, d := range results {
		if d.ResourceID == resource && d.Permitted {
			yes = true
			allowed = append(allowed, d.Allowed...)
		}
	}
	return yes && !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(allowed, s) })
}

func keepJSON(m map[string]json.RawMessage, drop string) json.RawMessage {
	delete(m, drop)
	b, _ := json.Marshal(m)
	return b
}
