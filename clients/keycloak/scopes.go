package keycloak

import (
	"context"
	"encoding/json"

	"gatehouse/clients"
)

// ClientScope is a named set of protocol mappers and role scope mappings that
// clients share.
type ClientScope struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Protocol    string `json:"protocol"`
	// InTokenScope says whether the name appears in the "scope" claim; it has no
	// bearing on the claims.
	InTokenScope bool              `json:"in_token_scope"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	Mappers      []Mapper          `json:"mappers,omitempty"`
	Raw          json.RawMessage   `json:"-"`
}

func (s *ClientScope) keep(b json.RawMessage) { s.Raw = b }

type wireScope struct {
	ID              string            `json:"id"`
	Name            string            `json:"name"`
	Description     string            `json:"description"`
	Protocol        string            `json:"protocol"`
	Attributes      map[string]string `json:"attributes"`
	ProtocolMappers []wireMapper      `json:"protocolMappers"`
}

func (w wireScope) neutral() ClientScope {
	s := ClientScope{ID: w.ID, Name: w.Name, Description: w.Description, Protocol: w.Protocol, Attributes: w.Attributes,
		InTokenScope: w.Attributes["include.in.token.scope"] != "false"}
	for _, m := range w.ProtocolMappers {
		s.Mappers = append(s.Mappers, m.neutral())
	}
	return s
}

// ScopeUse says how a client scope is attached: always in, or only when the request
// names it.
type ScopeUse string

// The two ways to attach a client scope.
const (
	ScopeDefault  ScopeUse = "default"
	ScopeOptional ScopeUse = "optional"
)

// ClientScopes lists the client scopes of the realm with their mappers. The server
// does not page this list.
func (r *Realm) ClientScopes(ctx context.Context) ([]ClientScope, error) {
	return nil, notYet
}

// ClientScope reads one client scope.
func (r *Realm) ClientScope(ctx context.Context, id string) (ClientScope, error) {
	return one[wireScope](ctx, r.s, r.get("read the client scope", "view-clients", "client-scopes", id))
}

// NewClientScope is a client scope to be made.
type NewClientScope struct {
	Name, Description string
	NotInTokenScope   bool
	Attributes        map[string]string
}

// ClientScopePatch changes the fields that are set.
type ClientScopePatch struct {
	Name, Description *string
	InTokenScope      *bool
	// Attributes are set one by one; "" removes one.
	Attributes map[string]string
}

// CreateClientScope makes a client scope; it is attached to no client.
func (r *Realm) CreateClientScope(ctx context.Context, n NewClientScope) (clients.Change[ClientScope], error) {
	return clients.Change[ClientScope]{}, notYet
}

// UpdateClientScope changes a client scope.
func (r *Realm) UpdateClientScope(ctx context.Context, id string, p ClientScopePatch) (clients.Change[ClientScope], error) {
	return clients.Change[ClientScope]{}, notYet
}

// DeleteClientScope deletes a client scope and takes it from all clients.
func (r *Realm) DeleteClientScope(ctx context.Context, id string) (clients.Change[ClientScope], error) {
	return clients.Change[ClientScope]{}, notYet
}

// ScopesOfClient lists the client scopes attached to a client.
func (r *Realm) ScopesOfClient(ctx context.Context, clientUUID string, use ScopeUse) ([]ClientScope, error) {
	return nil, notYet
}

// AttachScope attaches a client scope to a client. A scope attached the other way is
// taken from there first: the server does nothing otherwise.
func (r *Realm) AttachScope(ctx context.Context, clientUUID, scopeID string, use ScopeUse) (clients.Change[[]ClientScope], error) {
	return clients.Change[[]ClientScope]{}, notYet
}

// DetachScope takes a client scope from a client.
func (r *Realm) DetachScope(ctx context.Context, clientUUID, scopeID string, use ScopeUse) (clients.Change[[]ClientScope], error) {
	return clients.Change[[]ClientScope]{}, notYet
}

// RealmScopes lists the client scopes that every new client gets.
func (r *Realm) RealmScopes(ctx context.Context, use ScopeUse) ([]ClientScope, error) {
	return nil, notYet
}
