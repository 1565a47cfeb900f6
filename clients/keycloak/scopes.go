package keycloak

import (
	"context"
	"encoding/json"
	"maps"

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

// ClientScopes lists the client scopes of the realm with their mappers. The server
// does not page this list. As with Users, an empty list from an account that may not
// see client scopes is a Denied problem.
func (r *Realm) ClientScopes(ctx context.Context) ([]ClientScope, error) {
	c := r.get("list client scopes", "view-clients", "client-scopes")
	page, err := honest(r, c, "view-clients", func(ctx context.Context, _ string) (clients.Page[ClientScope], error) {
		items, err := all[wireScope](ctx, r.s, c)
		return clients.Page[ClientScope]{Items: items, Total: len(items)}, err
	})(ctx, "")
	return page.Items, err
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
	const op = "create the client scope"
	if n.Name == "" {
		return clients.Change[ClientScope]{}, r.refuse(op, "the name is empty", "")
	}
	attrs := mergeTexts(n.Attributes, map[string]string{"include.in.token.scope": boolText(!n.NotInTokenScope)})
	body := map[string]any{"name": n.Name, "description": n.Description, "protocol": "openid-connect", "attributes": attrs}
	reply, err := r.s.do(ctx, r.post(op, "manage-clients", body, "client-scopes"), nil)
	if err != nil {
		return clients.Change[ClientScope]{}, err
	}
	known := ClientScope{ID: createdID(reply), Name: n.Name, Description: n.Description, Protocol: "openid-connect", InTokenScope: !n.NotInTokenScope, Attributes: attrs}
	return clients.Change[ClientScope]{After: readBack(ctx, known, func(ctx context.Context) (ClientScope, error) { return r.ClientScope(ctx, known.ID) })}, nil
}

// UpdateClientScope changes a client scope. The name goes with every body: without
// it the server fails.
func (r *Realm) UpdateClientScope(ctx context.Context, id string, p ClientScopePatch) (clients.Change[ClientScope], error) {
	const op = "update the client scope"
	read := func(ctx context.Context) (ClientScope, error) { return r.ClientScope(ctx, id) }
	return change(ctx, read, func(before ClientScope) (ClientScope, error) {
		after := before
		after.Name, after.Description, after.InTokenScope = or(p.Name, before.Name), or(p.Description, before.Description), or(p.InTokenScope, before.InTokenScope)
		body := map[string]any{"name": after.Name, "description": after.Description}
		if attrs := p.attributes(); len(attrs) > 0 {
			after.Attributes = mergeTexts(before.Attributes, attrs)
			body["attributes"] = nulls(attrs)
		}
		_, err := r.s.do(ctx, r.put(op, "manage-clients", body, "client-scopes", id), nil)
		return after, err
	})
}

func (p ClientScopePatch) attributes() map[string]string {
	out := maps.Clone(p.Attributes)
	if p.InTokenScope != nil {
		if out == nil {
			out = map[string]string{}
		}
		out["include.in.token.scope"] = boolText(*p.InTokenScope)
	}
	return out
}

// nulls writes removals as null: the server merges the attributes of a client scope
// key by key and would keep "" as a value.
func nulls(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if out[k] = any(v); v == "" {
			out[k] = nil
		}
	}
	return out
}

// DeleteClientScope deletes a client scope and takes it from all clients.
func (r *Realm) DeleteClientScope(ctx context.Context, id string) (clients.Change[ClientScope], error) {
	return removed(ctx, func(ctx context.Context) (ClientScope, error) { return r.ClientScope(ctx, id) }, func() error {
		_, err := r.s.do(ctx, r.del("delete the client scope", "manage-clients", "client-scopes", id), nil)
		return err
	})
}
