package keycloak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

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

	unnamed bool // leave Client empty: the caller knows it
}

// Roles lists the roles of a container, sorted by name.
func (r *Realm) Roles(c Container, q RoleQuery) clients.Fetch[Role] {
	v := url.Values{"briefRepresentation": {boolText(!q.WithAttributes)}}
	setIf(v, "search", q.Search)
	cl := r.get("list roles", c.needs(), c.path("roles")...).with(v)
	return pages(cl.title(), q.PageSize, func(ctx context.Context, first, size int) ([]Role, error) {
		roles, err := all[wireRole](ctx, r.s, cl.page(first, size))
		if q.unnamed {
			return roles, err
		}
		return r.nameClients(ctx, roles), err
	})
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
	role, err := one[wireRole](ctx, r.s, r.get("read the role", "view-realm or view-clients", "roles-by-id", id))
	if err == nil && role.ClientRole {
		role.Client = r.clientID(ctx, role.ContainerID)
	}
	return role, err
}

// RoleByName finds a role of a container by its name. The names "", "." and ".."
// cannot stand in an address; they are looked for in the list.
func (r *Realm) RoleByName(ctx context.Context, c Container, name string) (Role, error) {
	if addressable(name) {
		role, err := one[wireRole](ctx, r.s, r.get("find the role", c.needs(), c.path("roles", name)...))
		if err == nil && role.ClientRole {
			role.Client = r.clientID(ctx, role.ContainerID)
		}
		return role, err
	}
	for role, err := range clients.Each(ctx, r.Roles(c, RoleQuery{Search: name, WithAttributes: true})) {
		if err != nil {
			return Role{}, err
		}
		if role.Name == name {
			return role, nil
		}
	}
	return Role{}, &clients.Problem{Kind: clients.NotFound, Op: "find the role in realm " + r.name, Target: r.s.admin.Target(), Reason: fmt.Sprintf("there is no role named %q", name)}
}

// addressable reports whether a name can be a path segment.
func addressable(name string) bool { return name != "" && name != "." && name != ".." }

// Roleset is a set of roles as far as our account may see it.
type Roleset struct {
	Roles []Role `json:"roles"`
	// Cut is not empty when roles may be missing.
	Cut Cut `json:"cut,omitempty"`
}

// Composites lists the roles directly inside a composite role, one level deep. The
// server leaves out, in silence, what our account may not see.
func (r *Realm) Composites(ctx context.Context, roleID string) (Roleset, error) {
	g, err := r.sees(ctx, "view-realm", "view-clients")
	if err != nil {
		return Roleset{}, err
	}
	roles, err := r.composites(ctx, roleID)
	if err != nil {
		return Roleset{}, err
	}
	return Roleset{Roles: r.nameClients(ctx, roles), Cut: g.Missing("view-realm", "view-clients")}, nil
}

func (r *Realm) composites(ctx context.Context, roleID string) ([]Role, error) {
	return all[wireRole](ctx, r.s, r.get("list the roles in the role", "view-realm and view-clients", "roles-by-id", roleID, "composites"))
}

// RoleUsers lists the users who hold the role directly; holders through groups or
// composites are not among them. It needs the right to read roles and users both.
func (r *Realm) RoleUsers(role Role, pageSize int) clients.Fetch[User] {
	c := r.get("list the users with the role", "view-users and "+role.Container().needs(), role.Container().path("roles", role.Name, "users")...)
	return onlyAddressable(r, c, role, paged[wireUser](r.s, c.with(url.Values{"briefRepresentation": {"true"}}), pageSize))
}

// RoleGroups lists the groups that hold the role directly.
func (r *Realm) RoleGroups(role Role, pageSize int) clients.Fetch[Group] {
	c := r.get("list the groups with the role", "view-users and "+role.Container().needs(), role.Container().path("roles", role.Name, "groups")...)
	return onlyAddressable(r, c, role, paged[wireGroup](r.s, c.with(url.Values{"briefRepresentation": {"true"}}), pageSize))
}

// onlyAddressable refuses a list that the server offers by role name alone when that
// name would address the list of roles or the realm itself.
func onlyAddressable[T any](r *Realm, c call, role Role, f clients.Fetch[T]) clients.Fetch[T] {
	if addressable(role.Name) {
		return f
	}
	return func(context.Context, string) (clients.Page[T], error) {
		return clients.Page[T]{}, r.refuse(c.op, fmt.Sprintf("Keycloak cannot be asked for a role named %q", role.Name), "give the role another name")
	}
}

// nameClients fills in the clientId of client roles, which most answers leave out.
// A client that cannot be read keeps its UUID.
func (r *Realm) nameClients(ctx context.Context, roles []Role) []Role {
	var g errgroup.Group
	g.SetLimit(parallel)
	for i := range roles {
		if role := &roles[i]; role.ClientRole && role.Client == "" {
			g.Go(func() error {
				role.Client = r.clientID(ctx, role.ContainerID)
				return nil
			})
		}
	}
	g.Wait()
	return roles
}

// parallel bounds the requests that one call of ours makes side by side.
const parallel = 8

// clientID is the clientId of a client, kept for a while; empty when it cannot be read.
func (r *Realm) clientID(ctx context.Context, uuid string) string {
	entry, _ := r.state.clientIDs.LoadOrStore(uuid, &cached[string]{})
	name, _ := entry.(*cached[string]).get(ctx, nameLife, func(ctx context.Context) (string, error) {
		c, err := r.Client(ctx, uuid)
		if clients.Is(err, clients.Denied) || clients.Is(err, clients.NotFound) {
			return "", nil
		}
		return c.ClientID, err
	})
	return name
}

// nameLife is how long the name of a client is believed.
const nameLife = 5 * time.Minute
