package live

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// realmMove are writes to the realm itself and to what belongs to nobody in it.
func (x *Explainer) realmMove(ctx context.Context, w login.Write, _ Inputs) (*move, error) {
	r := x.realm
	switch w.Op {
	case login.OpEnableRealm:
		return x.setRealm(ctx, "enabled", "true")
	case login.OpSetRealm:
		return x.setRealm(ctx, w.Name, w.Value)
	case login.OpDisablePolicy:
		enabled := func(on bool) func(context.Context) error {
			return func(ctx context.Context) error { return drop(r.SetClientPolicyEnabled(ctx, w.Name, on)) }
		}
		look := func(ctx context.Context) (any, error) {
			list, err := r.ClientPolicies(ctx)
			for _, p := range list {
				if p.Name == w.Name {
					return p.Enabled, err
				}
			}
			return nil, err
		}
		return &move{look, enabled(false), enabled(true)}, nil
	case login.OpEnableStorage:
		enabled := func(on string) func(context.Context) error {
			return func(ctx context.Context) error {
				return drop(r.SetComponent(ctx, w.ID, map[string]string{"enabled": on}))
			}
		}
		look := func(ctx context.Context) (any, error) { c, err := r.Component(ctx, w.ID); return c.Enabled(), err }
		return &move{look, enabled("true"), enabled("false")}, nil
	case login.OpEnableOrganization:
		enabled := func(on bool) func(context.Context) error {
			return func(ctx context.Context) error { return r.SetOrganizationEnabled(ctx, w.ID, on) }
		}
		look := func(ctx context.Context) (any, error) {
			o, err := r.OrganizationByAlias(ctx, w.Name)
			return o != nil && o.Enabled, err
		}
		return &move{look, enabled(true), enabled(false)}, nil
	}
	return nil, nil
}

// setRealm sets one setting, by its name in RealmRepresentation; "attributes.x" is an
// attribute. The server drops the attributes that a body leaves out, so all go with it.
func (x *Explainer) setRealm(ctx context.Context, name, value string) (*move, error) {
	r := x.realm
	read := func(ctx context.Context) (map[string]any, any, error) {
		s, err := r.Settings(ctx)
		if err != nil {
			return nil, nil, err
		}
		var m map[string]any
		if err := json.Unmarshal(s.Raw, &m); err != nil {
			return nil, nil, err
		}
		if attr, is := strings.CutPrefix(name, "attributes."); is {
			attrs, _ := m["attributes"].(map[string]any)
			return attrs, attrs[attr], nil
		}
		return nil, m[name], nil
	}
	_, before, err := read(ctx)
	if err != nil {
		return nil, err
	}
	if err := asBefore(ctx, &before); err != nil {
		return nil, err
	}
	write := func(v any) func(context.Context) error {
		return func(ctx context.Context) error {
			attr, is := strings.CutPrefix(name, "attributes.")
			if !is {
				return drop(r.UpdateRealm(ctx, map[string]any{name: v}))
			}
			attrs, _, err := read(ctx)
			if err != nil {
				return err
			}
			if attrs == nil {
				attrs = map[string]any{}
			}
			if attrs[attr] = v; v == nil {
				delete(attrs, attr)
			}
			return drop(r.UpdateRealm(ctx, map[string]any{"attributes": attrs}))
		}
	}
	look := func(ctx context.Context) (any, error) { _, v, err := read(ctx); return v, err }
	return &move{look, write(typed(value)), write(before)}, nil
}

// typed is a setting's value as the server wants it.
func typed(v string) any {
	if on, err := strconv.ParseBool(v); err == nil && (v == "true" || v == "false") {
		return on
	}
	return v
}

// roleMove are writes to role mappings, of users and of the scope of clients.
func (x *Explainer) roleMove(ctx context.Context, w login.Write, _ Inputs) (*move, error) {
	var h keycloak.Holder
	switch w.Op {
	case login.OpGrantRole:
		id, err := x.userID(ctx, w)
		if err != nil {
			return nil, err
		}
		h = keycloak.OfUser(id)
	case login.OpAddScopeMapping:
		c, err := x.realm.ClientByClientID(ctx, w.Client)
		if err != nil {
			return nil, err
		}
		h = keycloak.ScopeOfClient(c.ID)
		if w.Scope != "" {
			s, err := x.scope(ctx, w.Scope)
			if err != nil {
				return nil, err
			}
			h = keycloak.ScopeOfClientScope(s.ID)
		}
	case login.OpSetMapper:
		return x.setMapper(ctx, w)
	default:
		return nil, nil
	}
	in := keycloak.OfRealm
	if w.RoleClient != "" {
		c, err := x.realm.ClientByClientID(ctx, w.RoleClient)
		if err != nil {
			return nil, err
		}
		in = keycloak.OfClient(c.ID)
	}
	role, err := x.realm.RoleByName(ctx, in, w.Role)
	if err != nil {
		return nil, err
	}
	r := x.realm
	look := func(ctx context.Context) (any, error) {
		m, err := r.RoleMappings(ctx, h)
		for _, held := range m.All() {
			if held.ID == role.ID {
				return true, err
			}
		}
		return false, err
	}
	return &move{look, func(ctx context.Context) error { return drop(r.Grant(ctx, h, role)) }, func(ctx context.Context) error { return drop(r.Revoke(ctx, h, role)) }}, nil
}

func (x *Explainer) scope(ctx context.Context, name string) (keycloak.ClientScope, error) {
	list, err := x.realm.ClientScopes(ctx)
	for _, s := range list {
		if s.Name == name {
			return s, nil
		}
	}
	if err == nil {
		err = &clients.Problem{Kind: clients.NotFound, Op: "apply the fix", Reason: fmt.Sprintf("the realm has no client scope %q", name)}
	}
	return keycloak.ClientScope{}, err
}

// setMapper sets keys of a mapper's configuration; back again, keys that were not there
// are taken out.
func (x *Explainer) setMapper(ctx context.Context, w login.Write) (*move, error) {
	var o keycloak.MapperOwner
	if w.Scope != "" {
		s, err := x.scope(ctx, w.Scope)
		if err != nil {
			return nil, err
		}
		o = keycloak.MappersOfScope(s.ID)
	} else {
		c, err := x.realm.ClientByClientID(ctx, w.Client)
		if err != nil {
			return nil, err
		}
		o = keycloak.MappersOfClient(c.ID)
	}
	list, err := x.realm.Mappers(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Name != w.Name {
			continue
		}
		was := m.Config
		if ctx.Value(beforeKey{}) != nil {
			was = nil
		}
		if err := asBefore(ctx, &was); err != nil {
			return nil, err
		}
		old := map[string]string{}
		for k := range w.Config {
			old[k] = was[k]
		}
		set := func(c map[string]string) func(context.Context) error {
			return func(ctx context.Context) error {
				return drop(x.realm.UpdateMapper(ctx, o, m.ID, keycloak.MapperPatch{Config: c}))
			}
		}
		look := func(ctx context.Context) (any, error) { m, err := x.realm.Mapper(ctx, o, m.ID); return m.Config, err }
		return &move{look, set(w.Config), set(old)}, nil
	}
	return nil, &clients.Problem{Kind: clients.NotFound, Op: "apply the fix", Reason: fmt.Sprintf("there is no mapper %q", w.Name)}
}
