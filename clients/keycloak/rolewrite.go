package keycloak

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"gatehouse/clients"
)

// NewRole is a role to be made.
type NewRole struct {
	Name, Description string
	Attributes        map[string][]string
}

// RolePatch changes the fields that are set.
type RolePatch struct {
	Name, Description *string
	// Attributes are set one by one; an empty list removes the attribute.
	Attributes map[string][]string
}

// maxRoleName is the width of the server's column; it fails with 500 beyond.
const maxRoleName = 255

func (r *Realm) checkRoleName(op, name string) error {
	switch {
	case !addressable(name):
		return r.refuse(op, fmt.Sprintf("a role named %q could not be addressed afterwards", name), "choose another name")
	case utf8.RuneCountInString(name) > maxRoleName:
		return r.refuse(op, fmt.Sprintf("the name is longer than %d characters", maxRoleName), "choose a shorter name")
	}
	return nil
}

// CreateRole makes a role. The server would take the names "", "." and "..", which
// can then hardly be addressed; they are refused, as is a name over 255 characters
// (the server fails on it).
func (r *Realm) CreateRole(ctx context.Context, c Container, role NewRole) (clients.Change[Role], error) {
	const op = "create the role"
	if err := r.checkRoleName(op, role.Name); err != nil {
		return clients.Change[Role]{}, err
	}
	body := map[string]any{"name": role.Name, "description": role.Description}
	if len(role.Attributes) > 0 {
		body["attributes"] = role.Attributes
	}
	if _, err := r.s.do(ctx, r.post(op, c.manages(), body, c.path("roles")...), nil); err != nil {
		return clients.Change[Role]{}, err
	}
	known := Role{Name: role.Name, Description: role.Description, Attributes: role.Attributes, ClientRole: c != OfRealm, ContainerID: c.ClientUUID}
	return clients.Change[Role]{After: readBack(ctx, known, func(ctx context.Context) (Role, error) { return r.RoleByName(ctx, c, role.Name) })}, nil
}

func (c Container) manages() string {
	if c.ClientUUID != "" {
		return "manage-clients"
	}
	return "manage-realm"
}

// UpdateRole changes a role. A PUT replaces name and description, so both are
// always sent as they were a moment before; a description that the role does not have
// is not, since the server would store it as empty.
func (r *Realm) UpdateRole(ctx context.Context, id string, p RolePatch) (clients.Change[Role], error) {
	const op = "update the role"
	if p.Name != nil {
		if err := r.checkRoleName(op, *p.Name); err != nil {
			return clients.Change[Role]{}, err
		}
	}
	read := func(ctx context.Context) (Role, error) { return r.Role(ctx, id) }
	return change(ctx, read, func(before Role) (Role, error) {
		after := before
		after.Name, after.Description = or(p.Name, before.Name), or(p.Description, before.Description)
		body := map[string]any{"name": after.Name}
		if after.Description != "" || p.Description == nil && hasKey(before.Raw, "description") {
			body["description"] = after.Description
		}
		if p.Attributes != nil {
			after.Attributes = mergeLists(before.Attributes, p.Attributes)
			body["attributes"] = after.Attributes
		}
		_, err := r.s.do(ctx, r.put(op, before.Container().manages(), body, "roles-by-id", id), nil)
		return after, err
	})
}

// DeleteRole deletes a role, and with it all mappings of it.
func (r *Realm) DeleteRole(ctx context.Context, id string) (clients.Change[Role], error) {
	return removed(ctx, func(ctx context.Context) (Role, error) { return r.Role(ctx, id) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the role", "manage-realm or manage-clients", "roles-by-id", id), nil)
		return err
	})
}

// AddComposites puts roles into a role; all or none are added. A role that would
// then contain itself is refused: the server accepts such a cycle.
func (r *Realm) AddComposites(ctx context.Context, roleID string, roles ...Role) (clients.Change[[]Role], error) {
	const op = "add roles to the role"
	refs, err := r.refs(op, roles)
	if err != nil {
		return clients.Change[[]Role]{}, err
	}
	for _, role := range roles {
		inside, err := r.contains(ctx, role, roleID)
		if err != nil {
			return clients.Change[[]Role]{}, err
		}
		if inside {
			return clients.Change[[]Role]{}, r.refuse(op, fmt.Sprintf("role %s contains this role already, so the two would contain each other", role), "take it out there first")
		}
	}
	return r.recompose(ctx, roleID, r.post(op, "manage-realm or manage-clients", refs, "roles-by-id", roleID, "composites"),
		func(before []Role) []Role { return union(before, roles) })
}

// RemoveComposites takes roles out of a role.
func (r *Realm) RemoveComposites(ctx context.Context, roleID string, roles ...Role) (clients.Change[[]Role], error) {
	const op = "take roles out of the role"
	refs, err := r.refs(op, roles)
	if err != nil {
		return clients.Change[[]Role]{}, err
	}
	c := r.del(op, "manage-realm or manage-clients", "roles-by-id", roleID, "composites")
	c.body = refs
	return r.recompose(ctx, roleID, c, func(before []Role) []Role { return without(before, roles) })
}

func (r *Realm) recompose(ctx context.Context, roleID string, c call, expect func([]Role) []Role) (clients.Change[[]Role], error) {
	read := func(ctx context.Context) ([]Role, error) {
		roles, err := r.composites(ctx, roleID)
		return r.nameClients(ctx, roles), err
	}
	return change(ctx, read, func(before []Role) ([]Role, error) {
		_, err := r.s.do(ctx, c, nil)
		return expect(before), err
	})
}

// contains reports whether a role is, or has somewhere inside, the role with that
// id. It survives cycles that are there already.
func (r *Realm) contains(ctx context.Context, role Role, id string) (bool, error) {
	seen := map[string]bool{}
	for todo := []Role{role}; len(todo) > 0; todo = todo[1:] {
		next := todo[0]
		if next.ID == id {
			return true, nil
		}
		if seen[next.ID] {
			continue
		}
		seen[next.ID] = true
		inside, err := r.composites(ctx, next.ID)
		if err != nil {
			return false, err
		}
		todo = append(todo, inside...)
	}
	return false, nil
}

// roleRef is how a role is named in a body: the id decides, the name must agree.
type roleRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// refs gives the body that names roles. It is never empty: a DELETE of role
// mappings with an empty or missing body removes every mapping there is.
func (r *Realm) refs(op string, roles []Role) ([]roleRef, error) {
	if len(roles) == 0 {
		return nil, r.refuse(op, "no role was named", "name at least one role")
	}
	out := make([]roleRef, len(roles))
	for i, role := range roles {
		if role.ID == "" {
			return nil, r.refuse(op, fmt.Sprintf("role %q has no id", role.Name), "read the role from the server first")
		}
		out[i] = roleRef{role.ID, role.Name}
	}
	return out, nil
}

// union is a, then what of b is not in it, told apart by id.
func union(a, b []Role) []Role {
	out := slices.Clone(a)
	for _, role := range b {
		if !hasRole(out, role.ID) {
			out = append(out, role)
		}
	}
	return out
}

// without is a less b.
func without(a, b []Role) []Role {
	return slices.DeleteFunc(slices.Clone(a), func(role Role) bool { return hasRole(b, role.ID) })
}

func hasRole(roles []Role, id string) bool {
	return slices.ContainsFunc(roles, func(role Role) bool { return role.ID == id })
}
