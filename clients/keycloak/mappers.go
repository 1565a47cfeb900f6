package keycloak

import (
	"cmp"
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

	consent bool // carried along for the next PUT
}

func (m *Mapper) keep(b json.RawMessage) { m.Raw = b }

type wireMapper struct {
	ID              string            `json:"id,omitempty"`
	Name            string            `json:"name"`
	Protocol        string            `json:"protocol"`
	ProtocolMapper  string            `json:"protocolMapper"`
	ConsentRequired bool              `json:"consentRequired"`
	Config          map[string]string `json:"config"`
}

func (w wireMapper) neutral() Mapper {
	return Mapper{ID: w.ID, Name: w.Name, Protocol: w.Protocol, Type: w.ProtocolMapper, Config: w.Config, consent: w.ConsentRequired}
}

// MapperOwner is the client or client scope that a mapper belongs to.
type MapperOwner struct {
	kind, id string
}

// MappersOfClient names the mappers of one client, by UUID.
func MappersOfClient(uuid string) MapperOwner { return MapperOwner{"clients", uuid} }

// MappersOfScope names the mappers of one client scope.
func MappersOfScope(id string) MapperOwner { return MapperOwner{"client-scopes", id} }

func (o MapperOwner) at(rest ...string) []string {
	return append([]string{o.kind, o.id, "protocol-mappers", "models"}, rest...)
}

// Mappers lists the protocol mappers of a client or client scope.
func (r *Realm) Mappers(ctx context.Context, o MapperOwner) ([]Mapper, error) {
	return all[wireMapper](ctx, r.s, r.get("list protocol mappers", "view-clients", o.at()...))
}

// Mapper reads one protocol mapper.
func (r *Realm) Mapper(ctx context.Context, o MapperOwner, id string) (Mapper, error) {
	return one[wireMapper](ctx, r.s, r.get("read the protocol mapper", "view-clients", o.at(id)...))
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
	body := wireMapper{Name: n.Name, Protocol: cmp.Or(n.Protocol, "openid-connect"), ProtocolMapper: n.Type, Config: mergeTexts(n.Config, nil)}
	reply, err := r.s.do(ctx, r.post("create the protocol mapper", "manage-clients", body, o.at()...), nil)
	if err != nil {
		return clients.Change[Mapper]{}, err
	}
	known := body.neutral()
	known.ID = createdID(reply)
	return clients.Change[Mapper]{After: readBack(ctx, known, func(ctx context.Context) (Mapper, error) { return r.Mapper(ctx, o, known.ID) })}, nil
}

// UpdateMapper changes a protocol mapper. The body has the id, without which the
// server fails, and the whole config, of which it would drop what is left out.
func (r *Realm) UpdateMapper(ctx context.Context, o MapperOwner, id string, p MapperPatch) (clients.Change[Mapper], error) {
	read := func(ctx context.Context) (Mapper, error) { return r.Mapper(ctx, o, id) }
	return change(ctx, read, func(before Mapper) (Mapper, error) {
		body := wireMapper{ID: id, Name: or(p.Name, before.Name), Protocol: before.Protocol, ProtocolMapper: before.Type,
			ConsentRequired: before.consent, Config: mergeTexts(before.Config, p.Config)}
		_, err := r.s.do(ctx, r.put("update the protocol mapper", "manage-clients", body, o.at(id)...), nil)
		return body.neutral(), err
	})
}

// DeleteMapper deletes a protocol mapper.
func (r *Realm) DeleteMapper(ctx context.Context, o MapperOwner, id string) (clients.Change[Mapper], error) {
	return removed(ctx, func(ctx context.Context) (Mapper, error) { return r.Mapper(ctx, o, id) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the protocol mapper", "manage-clients", o.at(id)...), nil)
		return err
	})
}
