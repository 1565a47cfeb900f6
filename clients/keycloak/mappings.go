package keycloak

import (
	"context"

	"gatehouse/clients"
)

// Holder is what roles can be mapped to: a user or a group (role mappings), or a
// client or client scope (scope mappings, which say which roles may reach a token).
type Holder struct {
	// Kind is one of the Holder constants.
	Kind HolderKind `json:"kind"`
	// ID is the id of the user, group, client (UUID) or client scope.
	ID string `json:"id"`
}

// HolderKind tells the kinds of holder apart.
type HolderKind string

// The kinds of holder.
const (
	HolderUser   HolderKind = "user"
	HolderGroup  HolderKind = "group"
	HolderClient HolderKind = "client"
	HolderScope  HolderKind = "client scope"
)

// OfUser is the user with that id as a holder of roles.
func OfUser(id string) Holder { return Holder{HolderUser, id} }

// OfGroup is the group with that id as a holder of roles.
func OfGroup(id string) Holder { return Holder{HolderGroup, id} }

// ScopeOfClient is the scope of the client with that UUID: when its full scope is
// off, only these roles (and its own) reach its tokens.
func ScopeOfClient(uuid string) Holder { return Holder{HolderClient, uuid} }

// ScopeOfClientScope is the scope of a client scope: only users who hold one of
// these roles get the client scope.
func ScopeOfClientScope(id string) Holder { return Holder{HolderScope, id} }

// Mappings are the roles mapped directly to a holder.
type Mappings struct {
	Realm []Role `json:"realm"`
	// Clients are the client roles by clientId.
	Clients map[string][]Role `json:"clients,omitempty"`
	// Cut is not empty when roles may be missing.
	Cut Cut `json:"cut,omitempty"`
}

// All gives realm and client roles in one list, realm roles first, then by client.
func (m Mappings) All() []Role { return nil }

// RoleMappings reads what is mapped directly to a holder.
func (r *Realm) RoleMappings(ctx context.Context, h Holder) (Mappings, error) {
	return Mappings{}, notYet
}

// DirectRoles reads the direct mappings of one container.
func (r *Realm) DirectRoles(ctx context.Context, h Holder, c Container) ([]Role, error) {
	return nil, notYet
}

// ServerEffectiveRoles is the server's own answer to "direct and through groups and
// composites" for one container. For the client roles of a group it leaves out what
// comes from parent groups (26.6 and newer); Effective does not.
func (r *Realm) ServerEffectiveRoles(ctx context.Context, h Holder, c Container) ([]Role, error) {
	return nil, notYet
}

// AvailableRoles lists what could still be mapped: all roles of the container but
// the direct ones. A role held through a group or composite is among them.
func (r *Realm) AvailableRoles(ctx context.Context, h Holder, c Container) ([]Role, error) {
	return nil, notYet
}

// Grant maps roles to a holder, one request for each container; a request is all or
// nothing. The change holds the direct mappings of the containers concerned, also
// beside an error, then with what was really done. Granting twice does nothing.
func (r *Realm) Grant(ctx context.Context, h Holder, roles ...Role) (clients.Change[[]Role], error) {
	return clients.Change[[]Role]{}, notYet
}

// Revoke takes roles from a holder. An empty list is refused: a DELETE without
// roles makes the server remove every mapping of the holder. Revoking what is not
// held does nothing.
func (r *Realm) Revoke(ctx context.Context, h Holder, roles ...Role) (clients.Change[[]Role], error) {
	return clients.Change[[]Role]{}, notYet
}
