package keycloak

import (
	"context"
	"slices"
	"strings"

	"gatehouse/clients"
)

// GroupPatch changes the fields that are set.
type GroupPatch struct {
	Name, Description *string
	// Attributes are set one by one; an empty list removes the attribute.
	Attributes map[string][]string
}

// CreateGroup makes a group beneath parentID, at the top when that is empty.
func (r *Realm) CreateGroup(ctx context.Context, parentID, name string) (clients.Change[Group], error) {
	const op = "create the group"
	if strings.TrimSpace(name) == "" {
		return clients.Change[Group]{}, r.refuse(op, "the name is empty", "")
	}
	segments := []string{"groups"}
	if parentID != "" {
		segments = append(segments, parentID, "children")
	}
	reply, err := r.s.do(ctx, r.post(op, "manage-users", map[string]any{"name": name}, segments...), nil)
	if err != nil {
		return clients.Change[Group]{}, err
	}
	id := createdID(reply)
	known := Group{ID: id, Name: name, ParentID: parentID}
	return clients.Change[Group]{After: readBack(ctx, known, func(ctx context.Context) (Group, error) { return r.Group(ctx, id) })}, nil
}

// UpdateGroup renames or describes a group. A PUT without the description erases
// it, so name and description always go with it as they were a moment before; one that
// the group does not have is not sent, since the server would store it as empty.
func (r *Realm) UpdateGroup(ctx context.Context, id string, p GroupPatch) (clients.Change[Group], error) {
	const op = "update the group"
	read := func(ctx context.Context) (Group, error) { return r.Group(ctx, id) }
	return change(ctx, read, func(before Group) (Group, error) {
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
		if strings.TrimSpace(after.Name) == "" {
			return before, r.refuse(op, "the name is empty", "")
		}
		_, err := r.s.do(ctx, r.put(op, "manage-users", body, "groups", id), nil)
		return after, err
	})
}

// MoveGroup puts a group with all beneath it under another parent, at the top when
// that is empty. The server takes a move beneath the group itself, which would cut
// the branch off the tree; that is refused.
func (r *Realm) MoveGroup(ctx context.Context, id, parentID string) (clients.Change[Group], error) {
	const op = "move the group"
	segments := []string{"groups"}
	if parentID != "" {
		above, err := r.ancestors(ctx, parentID)
		if err != nil {
			return clients.Change[Group]{}, err
		}
		if slices.ContainsFunc(above, func(g Group) bool { return g.ID == id }) {
			return clients.Change[Group]{}, r.refuse(op, "the new parent is the group itself or lies beneath it", "choose another parent")
		}
		segments = append(segments, parentID, "children")
	}
	read := func(ctx context.Context) (Group, error) { return r.Group(ctx, id) }
	return change(ctx, read, func(before Group) (Group, error) {
		after := before
		after.ParentID, after.Path = parentID, ""
		// The name must be in the body, or the server takes it for a new group without one.
		_, err := r.s.do(ctx, r.post(op, "manage-users", map[string]any{"id": id, "name": before.Name}, segments...), nil)
		return after, err
	})
}

// ancestors gives a group and all above it, nearest first.
func (r *Realm) ancestors(ctx context.Context, id string) ([]Group, error) {
	var out []Group
	for id != "" && !slices.ContainsFunc(out, func(g Group) bool { return g.ID == id }) {
		g, err := r.Group(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
		id = g.ParentID
	}
	return out, nil
}

// DeleteGroup deletes a group and all groups beneath it; Before is the group alone.
func (r *Realm) DeleteGroup(ctx context.Context, id string) (clients.Change[Group], error) {
	return removed(ctx, func(ctx context.Context) (Group, error) { return r.Group(ctx, id) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the group", "manage-users", "groups", id), nil)
		return err
	})
}
