package keycloak

import (
	"context"
	"encoding/json"

	"gatehouse/clients"
)

// Mapper is a protocol mapper: it puts one claim into tokens.
type Mapper struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	// Type is the provider ("oidc-usermodel-client-role-mapper").
	Type   string            `json:"type"`
	Config map[string]string `json:"config,omitempty"`
	Raw    json.RawMessage   `json:"-"`
}

func (m *Mapper) keep(b json.RawMessage) { m.Raw = b }

type wireMapper struct {
	ID             string            `json:"id,omitempty"`
	Name           string            `json:"name"`
	Protocol       string            `json:"protocol"`
	ProtocolMapper string            `json:"protocolMapper"`
	Config         map[string]string `json:"config"`
}

func (w wireMapper) neutral() Mapper {
	return Mapper{ID: w.ID, Name: w.Name, Protocol: w.Protocol, Type: w.ProtocolMapper, Config: w.Config}
}

// MapperOwner is the client or client scope that a mapper belongs to.
type MapperOwner struct {
	kind, id string
}

// MappersOfClient names the mappers of one client, by UUID.
func MappersOfClient(uuid string) MapperOwner { return MapperOwner{"clients", uuid} }

// MappersOfScope names the mappers of one client scope.
func MappersOfScope(id string) MapperOwner { return MapperOwner{"client-scopes", id} }

// Mappers lists the protocol mappers of a client or client scope.
func (r *Realm) Mappers(ctx context.Context, o MapperOwner) ([]Mapper, error) {
	return nil, notYet
}

// Mapper reads one protocol mapper.
func (r *Realm) Mapper(ctx context.Context, o MapperOwner, id string) (Mapper, error) {
	return Mapper{}, notYet
}

// NewMapper is a mapper to be made.
type NewMapper struct {
	Name string
	// Protocol empty means openid-connect.
	Protocol, Type string
	Config         map[string]string
}

// MapperPatch changes the fields that are set.
type MapperPatch struct {
	Name *string
	// Config is set key by key; "" removes a key. The rest of the config is repeated
	// for the server, which would drop it.
	Config map[string]string
}

// CreateMapper makes a protocol mapper.
func (r *Realm) CreateMapper(ctx context.Context, o MapperOwner, n NewMapper) (clients.Change[Mapper], error) {
	return clients.Change[Mapper]{}, notYet
}

// UpdateMapper changes a protocol mapper.
func (r *Realm) UpdateMapper(ctx context.Context, o MapperOwner, id string, p MapperPatch) (clients.Change[Mapper], error) {
	return clients.Change[Mapper]{}, notYet
}

// DeleteMapper deletes a protocol mapper.
func (r *Realm) DeleteMapper(ctx context.Context, o MapperOwner, id string) (clients.Change[Mapper], error) {
	return clients.Change[Mapper]{}, notYet
}
