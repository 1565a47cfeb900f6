package keycloak

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

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

// mapperList is the part of a client or client scope that holds its mappers.
type mapperList struct {
	ProtocolMappers []json.RawMessage `json:"protocolMappers"`
}

// Mappers lists the protocol mappers of a client or client scope as they are
// stored. They are read from their owner: at their own address the server adds what
// it derives (userinfo.token.claim from id.token.claim), which a write would then
// make permanent.
func (r *Realm) Mappers(ctx context.Context, o MapperOwner) ([]Mapper, error) {
	c := r.get("list protocol mappers", "view-clients", o.kind, o.id)
	var list mapperList
	if _, err := r.s.do(ctx, c, &list); err != nil {
		return nil, err
	}
	out := []Mapper{}
	for _, raw := range list.ProtocolMappers {
		var w wireMapper
		if err := json.Unmarshal(raw, &w); err != nil {
			return nil, r.s.notKeycloak(c, err)
		}
		m := w.neutral()
		m.keep(raw)
		out = append(out, m)
	}
	return out, nil
}

// Mapper reads one protocol mapper as it is stored.
func (r *Realm) Mapper(ctx context.Context, o MapperOwner, id string) (Mapper, error) {
	mappers, err := r.Mappers(ctx, o)
	if err != nil {
		return Mapper{}, err
	}
	i := slices.IndexFunc(mappers, func(m Mapper) bool { return m.ID == id })
	if i < 0 {
		return Mapper{}, &clients.Problem{Kind: clients.NotFound, Op: "read the protocol mapper in realm " + r.name, Target: r.s.admin.Target(), Reason: "there is no such protocol mapper"}
	}
	return mappers[i], nil
}

// NewMapper is a mapper to be made.
type NewMapper struct {
	Name string
	// Protocol empty means openid-connect.
	Protocol, Type string
	Config         map[string]string
}

// MapperPatch changes a mapper. Its name stays: the server ignores a new one.
type MapperPatch struct {
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
		body := wireMapper{ID: id, Name: before.Name, Protocol: before.Protocol, ProtocolMapper: before.Type,
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
