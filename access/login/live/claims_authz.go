package live

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// authzTasks ask the authorization services of the client.
func (g *gather) authzTasks() []task {
	id := g.holder()
	if g.a.Resource == "" || g.client == nil || id == "" {
		return nil
	}
	return []task{fill(g, &g.f.Claims.Authz, "view-authorization", func(ctx context.Context) (*login.Decision, error) { return g.authz(ctx, id) })}
}

// authz asks about one resource, found by name or id, and reads what the answer leaves
// out: the logic of policies, which it always calls positive, and the parts of
// aggregate policies, which it does not list.
func (g *gather) authz(ctx context.Context, userID string) (*login.Decision, error) {
	client := g.client.ID
	s, err := g.r.AuthzSettings(ctx, client)
	if clients.Is(err, clients.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &login.Decision{Mode: s.Mode, Strategy: s.Strategy}
	resource, err := g.resource(ctx, client, d)
	if err != nil || d.NoResource {
		return d, err
	}
	var scopes []string
	if g.a.ResourceScope != "" {
		known, err := g.r.AuthzScopes(ctx, client, g.a.ResourceScope)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(known, g.a.ResourceScope) {
			d.NoScope = true
			return d, nil
		}
		scopes = []string{g.a.ResourceScope}
	}
	answer, err := g.r.EvaluatePolicies(ctx, keycloak.Evaluation{ClientUUID: client, UserID: userID, Resource: resource, Scopes: scopes})
	if err != nil {
		return nil, err
	}
	d.Permitted = answer.Permitted
	for _, res := range answer.Results {
		for _, p := range res.Policies {
			if slices.ContainsFunc(d.Permissions, func(n *login.PolicyNode) bool { return n.ID == p.ID }) {
				continue
			}
			n, err := g.policyNode(ctx, client, p)
			if err != nil {
				return nil, err
			}
			d.Permissions = append(d.Permissions, n)
		}
	}
	return d, nil
}

// resource finds the resource of the question.
func (g *gather) resource(ctx context.Context, client string, d *login.Decision) (string, error) {
	for res, err := range clients.Each(ctx, g.r.Resources(client, g.a.Resource, 0)) {
		if err != nil {
			return "", err
		}
		if res.Name == g.a.Resource {
			return res.ID, nil
		}
	}
	if res, err := g.r.Resource(ctx, client, g.a.Resource); err == nil {
		return res.ID, nil
	} else if !clients.Is(err, clients.NotFound) {
		return "", err
	}
	d.NoResource = true
	page, err := g.r.Resources(client, "", 5)(ctx, "")
	for _, res := range page.Items {
		d.Resources = append(d.Resources, res.Name)
	}
	return "", err
}

func resultOf(permitted bool) login.Result {
	if permitted {
		return login.Pass
	}
	return login.Fail
}

// policyNode completes what an evaluation said of a permission or policy.
func (g *gather) policyNode(ctx context.Context, client string, p keycloak.PolicyResult) (*login.PolicyNode, error) {
	full, err := g.r.Policy(ctx, client, p.ID)
	if err != nil {
		return nil, err
	}
	n, err := g.policyOf(ctx, client, full, 0)
	if err != nil {
		return nil, err
	}
	n.Result, n.Scopes = resultOf(p.Permitted), p.Scopes
	if n.Type == "aggregate" {
		return n, nil // the evaluation lists no parts of it
	}
	n.Children = nil
	for _, c := range p.Children {
		child, err := g.policyNode(ctx, client, c)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, child)
	}
	return n, nil
}

// maxPolicyDepth bounds how deep aggregate policies are followed.
const maxPolicyDepth = 8

// policyOf reads a policy with what it names, and the parts of an aggregate one.
func (g *gather) policyOf(ctx context.Context, client string, p keycloak.Policy, depth int) (*login.PolicyNode, error) {
	n := &login.PolicyNode{ID: p.ID, Name: p.Name, Type: p.Type, Negative: p.Negative, Strategy: p.Strategy, Result: login.Unknown, Config: maps.Clone(p.Config)}
	if err := g.named(ctx, n, p.Config); err != nil {
		return nil, err
	}
	for _, k := range []string{"roles", "users", "groups", "clients", "code"} { // told in fields of their own; a script may be long
		delete(n.Config, k)
	}
	if p.Type != "aggregate" || depth == maxPolicyDepth {
		return n, nil
	}
	parts, err := g.r.PoliciesOf(ctx, client, p.ID)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		child, err := g.policyOf(ctx, client, part, depth+1)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, child)
	}
	return n, nil
}

// named finds the names of the roles, users, groups and clients in the configuration of
// a policy, which holds ids as JSON in a text. What may not be seen keeps its id.
func (g *gather) named(ctx context.Context, n *login.PolicyNode, config map[string]string) error {
	var roleRefs []struct {
		ID       string
		Required bool
	}
	var groupRefs []struct {
		ID             string
		Path           string
		ExtendChildren bool
	}
	var users, apps []string
	for key, to := range map[string]any{"roles": &roleRefs, "groups": &groupRefs, "users": &users, "clients": &apps} {
		if config[key] != "" {
			_ = json.Unmarshal([]byte(config[key]), to)
		}
	}
	n.Roles, n.Users = make([]login.PolicyRole, len(roleRefs)), make([]login.PolicyUser, len(users))
	n.Groups, n.Clients = make([]login.PolicyGroup, len(groupRefs)), slices.Clone(apps)
	var eg errgroup.Group
	eg.SetLimit(parallel)
	for i, ref := range roleRefs {
		eg.Go(func() error {
			role, err := g.r.Role(ctx, ref.ID)
			n.Roles[i] = login.PolicyRole{Role: login.Role{ID: ref.ID, Client: role.Client, Name: role.Name}, Required: ref.Required}
			return seen(err, &n.Roles[i].Name, ref.ID)
		})
	}
	for i, id := range users {
		eg.Go(func() error {
			u, err := g.r.User(ctx, id)
			n.Users[i] = login.PolicyUser{ID: id, Username: u.Username}
			return seen(err, &n.Users[i].Username, id)
		})
	}
	for i, ref := range groupRefs {
		eg.Go(func() error {
			group, err := g.r.Group(ctx, ref.ID)
			n.Groups[i] = login.PolicyGroup{ID: ref.ID, Path: group.Path, Below: ref.ExtendChildren}
			return seen(err, &n.Groups[i].Path, ref.ID)
		})
	}
	for i, id := range apps {
		eg.Go(func() error {
			c, err := g.r.Client(ctx, id)
			n.Clients[i] = c.ClientID
			return seen(err, &n.Clients[i], id)
		})
	}
	return eg.Wait()
}

// seen puts the id where the name may not be seen, or is of something that is gone.
func seen(err error, name *string, id string) error {
	if *name == "" {
		*name = id
	}
	if clients.Is(err, clients.Denied) || clients.Is(err, clients.NotFound) {
		return nil
	}
	return err
}
