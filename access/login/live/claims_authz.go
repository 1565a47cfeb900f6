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

// authzFacts are what is known of the authorization services before they decide, and
// then what they said.
type authzFacts struct {
	first    login.Part[*authzFirst]
	decision *login.Decision
	answer   keycloak.Decision
}

// authzFirst is what can be read before it is known which resource is meant.
type authzFirst struct {
	settings keycloak.AuthzSettings
	resource *keycloak.Resource // nil where none has that name
	scopes   []string
	policies map[string]keycloak.Policy // as many as one list has
}

// maxPolicies bounds the list of policies; others are read one by one.
const maxPolicies = 200

// authzFirst reads the settings of the authorization services, and what is named.
func (g *gather) authzFirst() []task {
	if g.a.Resource == "" || g.client == nil || g.holder() == "" {
		return nil
	}
	return []task{fill(g, &g.authz.first, "view-authorization", func(ctx context.Context) (*authzFirst, error) {
		var out authzFirst
		client := g.client.ID
		eg, ctx := errgroup.WithContext(ctx)
		eg.Go(func() (err error) { out.settings, err = g.r.AuthzSettings(ctx, client); return })
		eg.Go(func() (err error) { out.resource, err = g.resourceNamed(ctx, client); return })
		eg.Go(func() (err error) { out.policies, err = g.policyList(ctx, client); return })
		if g.a.ResourceScope != "" {
			eg.Go(func() (err error) { out.scopes, err = g.r.AuthzScopes(ctx, client, g.a.ResourceScope); return })
		}
		err := eg.Wait()
		if clients.Is(err, clients.NotFound) {
			return nil, nil // the client has no authorization services
		}
		return &out, err
	})}
}

func (g *gather) resourceNamed(ctx context.Context, client string) (*keycloak.Resource, error) {
	for res, err := range clients.Each(ctx, g.r.Resources(client, g.a.Resource, 0)) {
		if err != nil {
			return nil, err
		}
		if res.Name == g.a.Resource {
			return &res, nil
		}
	}
	return nil, nil
}

func (g *gather) policyList(ctx context.Context, client string) (map[string]keycloak.Policy, error) {
	page, err := g.r.AllPolicies(client, maxPolicies)(ctx, "")
	out := map[string]keycloak.Policy{}
	for _, p := range page.Items {
		out[p.ID] = p
	}
	return out, err
}

// authzDecide asks for the decision.
func (g *gather) authzDecide() []task {
	first := g.authz.first
	switch {
	case first.State == login.NotAsked:
		return nil
	case !first.Is() || first.Value == nil:
		g.f.Claims.Authz = login.Part[*login.Decision]{State: first.State, Needs: first.Needs, Why: first.Why}
		return nil
	}
	part := sorted(g, "view-authorization", func(ctx context.Context) (*login.Decision, error) { return g.decide(ctx, first.Value) })
	return []task{func(ctx context.Context) func() {
		p := part(ctx)
		return func() { g.f.Claims.Authz, g.authz.decision = p, p.Value }
	}}
}

// decide asks about one resource, found by name or id.
func (g *gather) decide(ctx context.Context, first *authzFirst) (*login.Decision, error) {
	client := g.client.ID
	d := &login.Decision{Mode: first.settings.Mode, Strategy: first.settings.Strategy}
	if first.resource == nil {
		if err := g.resourceByID(ctx, client, first, d); err != nil || d.NoResource {
			return d, err
		}
	}
	var scopes []string
	if g.a.ResourceScope != "" {
		if !slices.Contains(first.scopes, g.a.ResourceScope) {
			d.NoScope = true
			return d, nil
		}
		scopes = []string{g.a.ResourceScope}
	}
	e := keycloak.Evaluation{ClientUUID: client, UserID: g.holder(), Resource: first.resource.ID, Scopes: scopes}
	answer, err := g.r.EvaluateKnown(ctx, e, *first.resource, first.settings)
	if err != nil {
		return nil, err
	}
	d.Permitted, g.authz.answer = answer.Permitted, answer
	return d, nil
}

// resourceByID takes what was named for the id of a resource, and tells some names where
// it is none.
func (g *gather) resourceByID(ctx context.Context, client string, first *authzFirst, d *login.Decision) error {
	g.chain(2)
	res, err := g.r.Resource(ctx, client, g.a.Resource)
	if err == nil {
		first.resource = &res
		return nil
	}
	if !clients.Is(err, clients.NotFound) {
		return err
	}
	d.NoResource = true
	page, err := g.r.Resources(client, "", 5)(ctx, "")
	for _, res := range page.Items {
		d.Resources = append(d.Resources, res.Name)
	}
	return err
}

// authzNames reads what the decision leaves out: the logic of policies, which it always
// calls positive, the parts of aggregate policies, which it does not list, and the names
// behind ids.
func (g *gather) authzNames() []task {
	d := g.authz.decision
	if d == nil || len(g.authz.answer.Results) == 0 {
		return nil
	}
	g.authz.decision = nil
	var permissions []keycloak.PolicyResult
	for _, res := range g.authz.answer.Results {
		for _, p := range res.Policies {
			if !slices.ContainsFunc(permissions, func(n keycloak.PolicyResult) bool { return n.ID == p.ID }) {
				permissions = append(permissions, p)
			}
		}
	}
	part := sorted(g, "view-authorization", func(ctx context.Context) ([]*login.PolicyNode, error) {
		return g.policyNodes(ctx, permissions)
	})
	return []task{func(ctx context.Context) func() {
		p := part(ctx)
		return func() {
			if d.Permissions = p.Value; !p.Is() {
				g.f.Claims.Authz = login.Part[*login.Decision]{State: p.State, Needs: p.Needs, Why: p.Why}
			}
		}
	}}
}

// policyNodes completes permissions or policies side by side.
func (g *gather) policyNodes(ctx context.Context, list []keycloak.PolicyResult) ([]*login.PolicyNode, error) {
	out := make([]*login.PolicyNode, len(list))
	eg, ctx := errgroup.WithContext(ctx)
	eg.SetLimit(parallel)
	for i, p := range list {
		eg.Go(func() (err error) { out[i], err = g.policyNode(ctx, g.client.ID, p); return })
	}
	return out, eg.Wait()
}

// policy is a policy as it is stored.
func (g *gather) policy(ctx context.Context, client, id string) (keycloak.Policy, error) {
	if p, ok := g.authz.first.Value.policies[id]; ok {
		return p, nil
	}
	return g.r.Policy(ctx, client, id)
}

func resultOf(permitted bool) login.Result {
	if permitted {
		return login.Pass
	}
	return login.Fail
}

// policyNode completes what an evaluation said of a permission or policy.
func (g *gather) policyNode(ctx context.Context, client string, p keycloak.PolicyResult) (*login.PolicyNode, error) {
	var n *login.PolicyNode
	var children []*login.PolicyNode
	eg, gctx := errgroup.WithContext(ctx)
	eg.Go(func() error {
		full, err := g.policy(gctx, client, p.ID)
		if err == nil {
			n, err = g.policyOf(gctx, client, full, 0)
		}
		return err
	})
	eg.Go(func() (err error) { children, err = g.policyNodes(gctx, p.Children); return })
	if err := eg.Wait(); err != nil {
		return nil, err
	}
	n.Result, n.Scopes = resultOf(p.Permitted), p.Scopes
	if n.Type != "aggregate" { // of that the evaluation lists no parts
		n.Children = nil
		if len(children) > 0 {
			n.Children = children
		}
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
	g.chain(int32(depth) + 2)
	parts, err := g.r.PoliciesIn(ctx, client, p.ID)
	if err != nil {
		return nil, err
	}
	for _, ref := range parts {
		part, err := g.policy(ctx, client, ref.ID)
		if err != nil {
			return nil, err
		}
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
			role, err := g.roleByID(ctx, ref.ID)
			n.Roles[i] = login.PolicyRole{Role: login.Role{ID: ref.ID, Client: role.Client, Name: role.Name}, Required: ref.Required}
			return seen(err, &n.Roles[i].Name, ref.ID)
		})
	}
	for i, id := range users {
		eg.Go(func() error {
			if u := g.f.User.Value; u != nil && u.ID == id {
				n.Users[i] = login.PolicyUser{ID: id, Username: u.Username}
				return nil
			}
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

// roleByID finds the name of a role, if it has to among those that the user holds.
func (g *gather) roleByID(ctx context.Context, id string) (keycloak.Role, error) {
	if g.heldBegun && g.heldFailed.State == login.NotAsked {
		if role, ok := g.held.Role(id); ok {
			return role, nil
		}
	}
	return g.r.Role(ctx, id)
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
