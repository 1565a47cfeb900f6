package keycloak

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
// they are wanted. With a Search it gives the trees that lead to the hits. As with
// Users, an empty list from an account that may not see groups is a Denied problem.
func (r *Realm) Groups(q GroupQuery) clients.Fetch[Group] {
	c := r.get("list groups", "view-users", "groups").with(q.values())
	return honest(r, c, "view-users", paged[wireGroup](r.s, c, q.PageSize))
}

// CountGroups counts all groups, or those that match search; with top only those
// without a parent.
func (r *Realm) CountGroups(ctx context.Context, search string, top bool) (int, error) {
	q := url.Values{"top": {boolText(top)}}
	setIf(q, "search", search)
	var w struct {
		Count int `json:"count"`
	}
	_, err := r.s.do(ctx, r.get("count groups", "view-users", "groups", "count").with(q), &w)
	return w.Count, err
}

// GroupChildren lists the groups directly beneath one. Servers older than 23 have
// no such list; there the children come with the group itself.
func (r *Realm) GroupChildren(groupID string, q GroupQuery) clients.Fetch[Group] {
	c := r.get("list subgroups", "view-users", "groups", groupID, "children").with(q.values())
	return pages(c.title(), q.PageSize, func(ctx context.Context, first, size int) ([]Group, error) {
		if !r.s.lacks("children") {
			got, err := all[wireGroup](ctx, r.s, c.page(first, size))
			if !isUnknownPath(err) {
				return got, err
			}
			r.s.learnLack("children")
		}
		parent, err := r.Group(ctx, groupID)
		if err != nil {
			return nil, err
		}
		subs := slices.DeleteFunc(parent.SubGroups, func(g Group) bool { return !q.matches(g) })
		return subs[min(first, len(subs)):min(first+size, len(subs))], nil
	})
}

// matches is the server's own rule for Search, for servers that cannot search here.
func (q GroupQuery) matches(g Group) bool {
	if q.Exact {
		return q.Search == "" || g.Name == q.Search
	}
	return strings.Contains(strings.ToLower(g.Name), strings.ToLower(q.Search))
}

// Group reads one group, with its direct roles by name.
func (r *Realm) Group(ctx context.Context, id string) (Group, error) {
	return one[wireGroup](ctx, r.s, r.get("read the group", "view-users", "groups", id))
}

// GroupByPath finds a group by path ("/staff/eng"). Where names hold slashes the
// path may mean another group than the one looked for.
func (r *Realm) GroupByPath(ctx context.Context, path string) (Group, error) {
	segments := append([]string{"group-by-path"}, strings.Split(strings.Trim(path, "/"), "/")...)
	return one[wireGroup](ctx, r.s, r.get("find the group", "view-users", segments...))
}

// GroupMembers lists the direct members; those of subgroups are not among them.
func (r *Realm) GroupMembers(groupID string, pageSize int) clients.Fetch[User] {
	return paged[wireUser](r.s, r.get("list members", "view-users", "groups", groupID, "members").
		with(url.Values{"briefRepresentation": {"true"}}), pageSize)
}
