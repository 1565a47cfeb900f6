package keycloak

import (
	"context"
	"encoding/json"
	"net/url"

	"gatehouse/clients"
)

// Container is what a role belongs to: the realm (the zero value) or one client.
type Container struct {
	// ClientUUID is the id of the client, not its clientId; empty for the realm.
	ClientUUID string
}

// OfRealm is the container of realm roles.
var OfRealm = Container{}

// OfClient is the container of one client's roles, by the client's id (a UUID).
func OfClient(uuid string) Container { return Container{ClientUUID: uuid} }

// Role is a realm role or a client role.
type Role struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Composite roles bring other roles with them.
	Composite bool `json:"composite,omitempty"`
	// ClientRole tells a client role from a realm role.
	ClientRole bool `json:"client_role,omitempty"`
	// ContainerID is the id of the realm, or of the client (a UUID).
	ContainerID string `json:"container_id,omitempty"`
	// Client is the clientId of a client role, where the answer named it; else empty.
	Client     string              `json:"client,omitempty"`
	Attributes map[string][]string `json:"attributes,omitempty"`
	Raw        json.RawMessage     `json:"-"`
}

// Container tells what the role belongs to.
func (r Role) Container() Container {
	if r.ClientRole {
		return OfClient(r.ContainerID)
	}
	return OfRealm
}

// String is the role as people write it: the bare name of a realm role, and
// "client:role" of a client role.
func (r Role) String() string {
	if !r.ClientRole {
		return r.Name
	}
	if r.Client != "" {
		return r.Client + ":" + r.Name
	}
	return r.ContainerID + ":" + r.Name
}

func (r *Role) keep(b json.RawMessage) { r.Raw = b }

type wireRole struct {
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Composite   bool                `json:"composite"`
	ClientRole  bool                `json:"clientRole"`
	ContainerID string              `json:"containerId"`
	Attributes  map[string][]string `json:"attributes"`
}

func (w wireRole) neutral() Role {
	return Role{ID: w.ID, Name: w.Name, Description: w.Description, Composite: w.Composite,
		ClientRole: w.ClientRole, ContainerID: w.ContainerID, Attributes: w.Attributes}
}

// RoleQuery narrows a list of roles.
type RoleQuery struct {
	// Search is a substring of the name or the description.
	Search string
	// WithAttributes asks for the attributes too.
	WithAttributes bool
	// PageSize is how many come with a page; 0 means 100.
	PageSize int
}

// Roles lists the roles of a container, sorted by name.
func (r *Realm) Roles(c Container, q RoleQuery) clients.Fetch[Role] {
	v := url.Values{"briefRepresentation": {boolText(!q.WithAttributes)}}
	if q.Search != "" {
		v.Set("search", q.Search)
	}
	return paged[wireRole](r.s, r.get("list roles", c.needs(), c.path("roles")...).with(v), q.PageSize)
}

func (c Container) path(rest ...string) []string {
	if c.ClientUUID != "" {
		return append([]string{"clients", c.ClientUUID}, rest...)
	}
	return rest
}

func (c Container) needs() string {
	if c.ClientUUID != "" {
		return "view-clients"
	}
	return "view-realm"
}

// Role reads one role by id, which works for every name.
func (r *Realm) Role(ctx context.Context, id string) (Role, error) {
	return one[wireRole](ctx, r.s, r.get("read the role", "view-realm or view-clients", "roles-by-id", id))
}

// RoleByName finds a role of a container by its name. The names "", "." and ".."
// cannot stand in an address; they are looked for in the list.
func (r *Realm) RoleByName(ctx context.Context, c Container, name string) (Role, error) {
	return Role{}, notYet
}

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

// CreateRole makes a role. The server would take the names "", "." and "..", which
// can then hardly be addressed; they are refused, as is a name over 255 characters
// (the server fails on it).
func (r *Realm) CreateRole(ctx context.Context, c Container, role NewRole) (clients.Change[Role], error) {
	return clients.Change[Role]{}, notYet
}

// UpdateRole changes a role. A PUT replaces name and description, so both are
// always sent as they were a moment before.
func (r *Realm) UpdateRole(ctx context.Context, id string, p RolePatch) (clients.Change[Role], error) {
	return clients.Change[Role]{}, notYet
}

// DeleteRole deletes a role, and with it all mappings of it.
func (r *Realm) DeleteRole(ctx context.Context, id string) (clients.Change[Role], error) {
	return clients.Change[Role]{}, notYet
}

// Roleset is a set of roles as far as our account may see it.
type Roleset struct {
	Roles []Role `json:"roles"`
	// Cut is not empty when roles may be missing.
	Cut Cut `json:"cut,omitempty"`
}

// Composites lists the roles directly inside a composite role, one level deep.
func (r *Realm) Composites(ctx context.Context, roleID string) (Roleset, error) {
	return Roleset{}, notYet
}

// AddComposites puts roles into a role; all or none are added. A role that would
// then contain itself is refused: the server accepts such a cycle.
func (r *Realm) AddComposites(ctx context.Context, roleID string, roles ...Role) (clients.Change[[]Role], error) {
	return clients.Change[[]Role]{}, notYet
}

// RemoveComposites takes roles out of a role.
func (r *Realm) RemoveComposites(ctx context.Context, roleID string, roles ...Role) (clients.Change[[]Role], error) {
	return clients.Change[[]Role]{}, notYet
}

// RoleUsers lists the users who hold the role directly; holders through groups or
// composites are not among them.
func (r *Realm) RoleUsers(role Role, pageSize int) clients.Fetch[User] {
	return func(context.Context, string) (clients.Page[User], error) { return clients.Page[User]{}, notYet }
}

// RoleGroups lists the groups that hold the role directly.
func (r *Realm) RoleGroups(role Role, pageSize int) clients.Fetch[Group] {
	return func(context.Context, string) (clients.Page[Group], error) { return clients.Page[Group]{}, notYet }
}
