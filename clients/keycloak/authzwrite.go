package keycloak

import (
	"context"
	"encoding/json"
	"net/url"

	"gatehouse/clients"
)

// AuthzScopes lists the names of the authorization scopes of a client ("view", "edit");
// name is a substring, empty for all.
func (r *Realm) AuthzScopes(ctx context.Context, clientUUID, name string) ([]string, error) {
	q := url.Values{"first": {"0"}, "max": {"1000"}}
	setIf(q, "name", name)
	var list []wireNamed
	_, err := r.s.do(ctx, r.authz("list authorization scopes", clientUUID, "scope").with(q), &list)
	return names(list), err
}

// NewPolicy is a policy or a permission to be made.
type NewPolicy struct {
	Name string
	// Type is "user", "role", "group", "aggregate", "time", "client" for a policy,
	// "resource" or "scope" for a permission.
	Type     string
	Negative bool
	// Strategy empty is UNANIMOUS.
	Strategy string
	// Resources, Scopes and Policies are ids or names of what a permission, or an aggregate
	// policy, is made of.
	Resources, Scopes, Policies []string
	// Body are the other fields, as the server names them: {"users": [id]}.
	Body map[string]any
}

func (n NewPolicy) body() map[string]any {
	body := map[string]any{"name": n.Name, "type": n.Type, "logic": "POSITIVE", "decisionStrategy": "UNANIMOUS"}
	if n.Negative {
		body["logic"] = "NEGATIVE"
	}
	if n.Strategy != "" {
		body["decisionStrategy"] = n.Strategy
	}
	for key, list := range map[string][]string{"resources": n.Resources, "scopes": n.Scopes, "policies": n.Policies} {
		if len(list) > 0 {
			body[key] = list
		}
	}
	for k, v := range n.Body {
		body[k] = v
	}
	return body
}

// CreatePolicy makes a policy or a permission of a resource server.
func (r *Realm) CreatePolicy(ctx context.Context, clientUUID string, n NewPolicy) (clients.Change[Policy], error) {
	const op = "create the policy"
	kind := "policy"
	if n.Type == "resource" || n.Type == "scope" {
		kind = "permission"
	}
	if n.Name == "" || n.Type == "" {
		return clients.Change[Policy]{}, r.refuse(op, "a policy needs a name and a type", "")
	}
	var made wirePolicy
	c := r.post(op, "manage-authorization", n.body(), "clients", clientUUID, "authz", "resource-server", kind, n.Type)
	if _, err := r.s.do(ctx, c, &made); err != nil {
		return clients.Change[Policy]{}, err
	}
	return clients.Change[Policy]{After: readBack(ctx, made.neutral(), func(ctx context.Context) (Policy, error) { return r.Policy(ctx, clientUUID, made.ID) })}, nil
}

// DeletePolicy deletes a policy or a permission.
func (r *Realm) DeletePolicy(ctx context.Context, clientUUID, id string) (clients.Change[Policy], error) {
	return removed(ctx, func(ctx context.Context) (Policy, error) { return r.Policy(ctx, clientUUID, id) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the policy", "manage-authorization", "clients", clientUUID, "authz", "resource-server", "policy", id), nil)
		return err
	})
}

// SetPolicyUsers says for whom a user policy is, by ids of users. The rest of the
// policy is repeated as it was a moment before, since the server drops what is left
// out.
func (r *Realm) SetPolicyUsers(ctx context.Context, clientUUID, id string, users []string) (clients.Change[Policy], error) {
	const op = "change the policy"
	at := []string{"clients", clientUUID, "authz", "resource-server", "policy", "user", id}
	read := func(ctx context.Context) (Policy, error) { return r.Policy(ctx, clientUUID, id) }
	return change(ctx, read, func(before Policy) (Policy, error) {
		var body map[string]any
		if _, err := r.s.do(ctx, r.get(op, "view-authorization", at...), &body); err != nil {
			return before, err
		}
		if len(users) == 0 {
			return before, r.refuse(op, "a user policy needs at least one user", "delete the policy instead")
		}
		body["users"] = users
		_, err := r.s.do(ctx, r.put(op, "manage-authorization", body, at...), nil)
		return before, err
	})
}

// PolicyUsers are the ids of the users that a user policy names.
func (p Policy) PolicyUsers() []string {
	var ids []string
	_ = json.Unmarshal([]byte(p.Config["users"]), &ids)
	return ids
}
