package kratos

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"

	"gatehouse/clients/transport"
)

// Schema is an identity schema: a JSON Schema whose properties.traits describes the
// traits. It is kept as the server wrote it, since forms follow the order of its keys.
type Schema struct {
	ID     string          `json:"id"`
	Schema json.RawMessage `json:"schema"`
}

// Schemas reads all identity schemas, sorted as the server does. They live on the
// public listener: the admin listener only redirects to the address that the server
// believes to have, which is often out of reach from here.
func (c *Client) Schemas(ctx context.Context) ([]Schema, error) {
	const op = "list identity schemas"
	if err := c.needPublic(op); err != nil {
		return nil, err
	}
	var all []Schema
	for page := 0; ; page++ {
		var some []Schema
		_, err := c.public.Do(ctx, transport.Request{Op: op, Path: []string{"schemas"},
			Query:  url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(MaxPageSize)}},
			Decode: func(r io.Reader) (err error) { some, err = decodeList[Schema](r); return err }})
		if err != nil {
			return nil, err
		}
		fresh := 0
		for _, s := range some {
			if !slices.ContainsFunc(all, func(o Schema) bool { return o.ID == s.ID }) {
				all, fresh = append(all, s), fresh+1
			}
		}
		if fresh == 0 || len(some) < MaxPageSize {
			return all, nil
		}
	}
}

// Schema reads one identity schema, by our own public URL and never by the
// schema_url of an identity, which is the address the server believes to have.
func (c *Client) Schema(ctx context.Context, id string) (Schema, error) {
	const op = "read the identity schema"
	s := Schema{ID: id}
	if err := c.needPublic(op); err != nil {
		return s, err
	}
	var body []byte
	_, err := c.public.Do(ctx, transport.Request{Op: op, Path: []string{"schemas", id}, Out: &body})
	if err == nil && !json.Valid(body) {
		err = c.invalid(op, "the server's schema is not JSON", "see the schema file in the configuration of Kratos")
	}
	s.Schema = body
	return s, err
}
