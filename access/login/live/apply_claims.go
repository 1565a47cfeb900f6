package live

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// claimMove are writes to mappers and to the policies of authorization services.
func (x *Explainer) claimMove(ctx context.Context, w login.Write, _ Inputs) (*move, error) {
	if !slices.Contains([]login.Op{login.OpAddMapper, login.OpAddToPolicy, login.OpAllowUser}, w.Op) {
		return nil, nil
	}
	c, err := x.realm.ClientByClientID(ctx, w.Client)
	if err != nil {
		return nil, err
	}
	if w.Op == login.OpAddMapper {
		return x.addMapper(w, c.ID), nil
	}
	user, err := x.userID(ctx, w)
	if err != nil {
		return nil, err
	}
	if w.Op == login.OpAddToPolicy {
		return x.addToPolicy(w, c.ID, user), nil
	}
	return x.allowUser(w, c.ID, user), nil
}

// addMapper gives a client a mapper; back again it is deleted.
func (x *Explainer) addMapper(w login.Write, client string) *move {
	r, owner := x.realm, keycloak.MappersOfClient(client)
	find := func(ctx context.Context) (*keycloak.Mapper, error) {
		list, err := r.Mappers(ctx, owner)
		for _, m := range list {
			if m.Name == w.Name {
				return &m, err
			}
		}
		return nil, err
	}
	return &move{
		look: func(ctx context.Context) (any, error) { return find(ctx) },
		do: func(ctx context.Context) error {
			return drop(r.CreateMapper(ctx, owner, keycloak.NewMapper{Name: w.Name, Type: w.Value, Config: w.Config}))
		},
		back: func(ctx context.Context) error {
			m, err := find(ctx)
			if m == nil || err != nil {
				return err
			}
			return drop(r.DeleteMapper(ctx, owner, m.ID))
		},
	}
}

// addToPolicy adds a user to a user policy.
func (x *Explainer) addToPolicy(w login.Write, client, user string) *move {
	r := x.realm
	users := func(ctx context.Context) ([]string, error) {
		p, err := r.Policy(ctx, client, w.ID)
		ids := p.PolicyUsers()
		slices.Sort(ids)
		return ids, err
	}
	set := func(change func([]string) []string) func(context.Context) error {
		return func(ctx context.Context) error {
			ids, err := users(ctx)
			if err != nil {
				return err
			}
			return drop(r.SetPolicyUsers(ctx, client, w.ID, change(ids)))
		}
	}
	without := func(ids []string) []string {
		return slices.DeleteFunc(ids, func(id string) bool { return id == user })
	}
	return &move{
		look: func(ctx context.Context) (any, error) { return users(ctx) },
		do:   set(func(ids []string) []string { return append(without(ids), user) }),
		back: set(without),
	}
}

// allowUser makes a user policy for one person and a permission that rests on it.
func (x *Explainer) allowUser(w login.Write, client, user string) *move {
	r := x.realm
	what := w.Name
	if w.Value != "" {
		what = w.Value + " on " + w.Name
	}
	policy, permission := "only "+w.User+" ("+what+")", what+" for "+w.User
	find := func(ctx context.Context, name string, permissions bool) (string, error) {
		for p, err := range clients.Each(ctx, r.Policies(client, permissions, 0)) {
			if err != nil {
				return "", err
			}
			if p.Name == name {
				return p.ID, nil
			}
		}
		return "", nil
	}
	remove := func(ctx context.Context) error {
		for _, it := range []struct {
			name       string
			permission bool
		}{{permission, true}, {policy, false}} {
			id, err := find(ctx, it.name, it.permission)
			if err != nil {
				return err
			}
			if id == "" {
				continue
			}
			if _, err := r.DeletePolicy(ctx, client, id); err != nil {
				return err
			}
		}
		return nil
	}
	return &move{
		look: func(ctx context.Context) (any, error) {
			a, err := find(ctx, policy, false)
			if err != nil {
				return nil, err
			}
			b, err := find(ctx, permission, true)
			return []string{a, b}, err
		},
		do: func(ctx context.Context) error {
			made, err := r.CreatePolicy(ctx, client, keycloak.NewPolicy{Name: policy, Type: "user", Body: map[string]any{"users": []string{user}}})
			if err != nil {
				return err
			}
			n := keycloak.NewPolicy{Name: permission, Type: "resource", Resources: []string{w.Name}, Policies: []string{made.After.ID}}
			if w.Value != "" {
				n.Type, n.Scopes = "scope", []string{w.Value}
			}
			if _, err := r.CreatePolicy(ctx, client, n); err != nil {
				if berr := remove(context.WithoutCancel(ctx)); berr != nil {
					return fmt.Errorf("%w; the policy %q is left behind: %v", err, policy, berr)
				}
				return err
			}
			return nil
		},
		back: remove,
	}
}
