package keycloak

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"

	"gatehouse/clients"
)

// Group is one node of the group tree of a realm.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Path is for people: a name may hold a slash, so a path can mean two groups.
	// ParentID is the truth.
	Path          string              `json:"path"`
	ParentID      string              `json:"parent_id,omitempty"`
	Description   string              `json:"description,omitempty"`
	SubGroupCount int                 `json:"sub_group_count"`
	Attributes    map[string][]string `json:"attributes,omitempty"`
	// RealmRoles and ClientRoles (by clientId) are the names of the direct role
	// mappings; only Group and GroupByPath fill them, ClientRoles only for an account
	// with view-clients.
	RealmRoles  []string            `json:"realm_roles,omitempty"`
	ClientRoles map[string][]string `json:"client_roles,omitempty"`
	// SubGroups is filled by a search: the tree down to the hits.
	SubGroups []Group         `json:"sub_groups,omitempty"`
	Access    Access          `json:"access,omitempty"`
	Raw       json.RawMessage `json:"-"`
}

func (g *Group) keep(b json.RawMessage) { g.Raw = b }

type wireGroup struct {
	ID            string              `json:"id"`
	Name          string              `json:"name"`
	Path          string              `json:"path"`
	ParentID      string              `json:"parentId"`
	Description   string              `json:"description"`
	SubGroupCount int                 `json:"subGroupCount"`
	Attributes    map[string][]string `json:"attributes"`
	RealmRoles    []string            `json:"realmRoles"`
	ClientRoles   map[string][]string `json:"clientRoles"`
	SubGroups     []wireGroup         `json:"subGroups"`
	Access        Access              `json:"access"`
}

func (w wireGroup) neutral() Group {
	g := Group{ID: w.ID, Name: w.Name, Path: w.Path, ParentID: w.ParentID, Description: w.Description,
		SubGroupCount: w.SubGroupCount, Attributes: w.Attributes, RealmRoles: w.RealmRoles,
		ClientRoles: w.ClientRoles, Access: w.Access}
	for _, s := range w.SubGroups {
		g.SubGroups = append(g.SubGroups, s.neutral())
	}
	return g
}

// GroupQuery narrows a list of groups.
type GroupQuery struct {
	// Search is a substring of the name, with Exact the whole name.
	Search string
	Exact  bool
	// Attributes must all be equal to the group's.
	Attributes map[string]string
	// Flat answers the hits of a Search as a flat list with ParentID, instead of the
	// trees that lead to them.
	Flat bool
	// Brief leaves out attributes and roles.
	Brief bool
	// PageSize is how many come with a page; 0 means 100.
	PageSize int
}

func (q GroupQuery) values() url.Values {
	v := url.Values{"briefRepresentation": {strconv.FormatBool(q.Brief)}, "subGroupsCount": {"true"}}
	if q.Search != "" {
		v.Set("search", q.Search)
	}
	if q.Exact {
		v.Set("exact", "true")
	}
	if a := attributeQuery(q.Attributes); a != "" {
		v.Set("q", a)
	}
	if q.Flat {
		v.Set("populateHierarchy", "false")
	}
	return v
}

// Groups lists the groups at the top; deeper ones are read with GroupChildren when
// they are wanted. With a Search it gives the trees that lead to the hits.
func (r *Realm) Groups(q GroupQuery) clients.Fetch[Group] {
	return paged[wireGroup](r.s, r.get("list groups", "view-users", "groups").with(q.values()), q.PageSize)
}

// CountGroups counts all groups, or those that match search; with top only those
// without a parent.
func (r *Realm) CountGroups(ctx context.Context, search string, top bool) (int, error) {
	return 0, notYet
}

// GroupChildren lists the groups directly beneath one.
func (r *Realm) GroupChildren(groupID string, q GroupQuery) clients.Fetch[Group] {
	return func(context.Context, string) (clients.Page[Group], error) { return clients.Page[Group]{}, notYet }
}

// Group reads one group, with its direct roles by name.
func (r *Realm) Group(ctx context.Context, id string) (Group, error) {
	return one[wireGroup](ctx, r.s, r.get("read the group", "view-users", "groups", id))
}

// GroupByPath finds a group by path ("/staff/eng"). Where names hold slashes the
// path may mean another group than the one looked for.
func (r *Realm) GroupByPath(ctx context.Context, path string) (Group, error) {
	return Group{}, notYet
}

// GroupMembers lists the direct members; those of subgroups are not among them.
func (r *Realm) GroupMembers(groupID string, pageSize int) clients.Fetch[User] {
	return paged[wireUser](r.s, r.get("list members", "view-users", "groups", groupID, "members").
		with(url.Values{"briefRepresentation": {"true"}}), pageSize)
}

// GroupPatch changes the fields that are set.
type GroupPatch struct {
	Name, Description *string
	// Attributes are set one by one; an empty list removes the attribute.
	Attributes map[string][]string
}

// CreateGroup makes a group beneath parentID, at the top when that is empty.
func (r *Realm) CreateGroup(ctx context.Context, parentID, name string) (clients.Change[Group], error) {
	return clients.Change[Group]{}, notYet
}

// UpdateGroup renames or describes a group.
func (r *Realm) UpdateGroup(ctx context.Context, id string, p GroupPatch) (clients.Change[Group], error) {
	return clients.Change[Group]{}, notYet
}

// MoveGroup puts a group with all beneath it under another parent, at the top when
// that is empty. A move beneath itself is refused.
func (r *Realm) MoveGroup(ctx context.Context, id, parentID string) (clients.Change[Group], error) {
	return clients.Change[Group]{}, notYet
}

// DeleteGroup deletes a group and all groups beneath it; Before is the group alone.
func (r *Realm) DeleteGroup(ctx context.Context, id string) (clients.Change[Group], error) {
	return clients.Change[Group]{}, notYet
}
