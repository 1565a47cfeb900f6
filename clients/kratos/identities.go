package kratos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Sizes of a page of identities. Newer servers cut larger ones to MaxPageSize
// without a word, and Kratos 1.3 panics on a negative one, so what is asked for is
// brought into these bounds.
const (
	DefaultPageSize = 250
	MaxPageSize     = 500
)

// Query says which identities to list. At most one of Identifier, Prefix, IDs and
// OrganizationID may be set: Kratos 1.3 ignores one of two or combines them, newer
// servers refuse. Everything else (names, traits, state, schema) the server cannot
// filter by; walk the list and filter here.
type Query struct {
	PageSize int // 0 means DefaultPageSize; brought into 1…MaxPageSize
	// Identifier is a whole login name. Case does not matter, but for oidc
	// ("provider:subject"). Two identities can have the same one; see StaleIdentifiers.
	Identifier string
	// Prefix is how a login name begins. The parameter is documented as experimental;
	// a server without it answers with a problem of kind Invalid.
	Prefix string
	// IDs are at most MaxPageSize ids. Those that do not exist are missing in the answer.
	IDs            []string
	OrganizationID string // Kratos 25.4 and newer
	// WithCredentials asks for the types and identifiers of the credentials of all.
	// Lists by Identifier or Prefix always have them.
	WithCredentials bool
	// Strong asks for the latest state where the database replicates, at a price. Set
	// it to read what was just written; a single database is always up to date.
	Strong bool
}

// filters counts the filters that are set.
func (q Query) filters() int {
	n := 0
	for _, set := range []bool{q.Identifier != "", q.Prefix != "", len(q.IDs) > 0, q.OrganizationID != ""} {
		if set {
			n++
		}
	}
	return n
}

// values makes the parameters of one page.
func (q Query) values(cursor string) url.Values {
	v := url.Values{"page_size": {strconv.Itoa(pageSize(q.PageSize, DefaultPageSize, MaxPageSize))}}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("page_token", cursor)
	set("credentials_identifier", q.Identifier)
	set("preview_credentials_identifier_similar", q.Prefix)
	set("organization_id", q.OrganizationID)
	if len(q.IDs) > 0 {
		v["ids"] = q.IDs // repeated; a comma list is refused
		v.Set("page_size", strconv.Itoa(max(len(q.IDs), 1)))
	}
	if q.WithCredentials {
		// A type that exists and of which nothing is stored: types and identifiers of all
		// credentials come back, and the configuration of none.
		v.Set("include_credential", "code_recovery")
	}
	if q.Strong {
		v.Set("consistency", "strong")
	}
	return v
}

// pageSize brings a wish into bounds.
func pageSize(n, byDefault, most int) int {
	if n <= 0 {
		return byDefault
	}
	return min(n, most)
}

// Identities reads one page of the identities that q asks for. They come in the
// order of their ids, which are random: a new identity may appear on any page.
func (c *Client) Identities(ctx context.Context, q Query, cursor string) (clients.Page[Identity], error) {
	if err := c.checkQuery(opList, q); err != nil {
		return clients.Page[Identity]{Total: -1}, err
	}
	var body []byte
	reply, err := c.admin.Do(ctx, c.listRequest(q, cursor, &body))
	var items []Identity
	if err == nil {
		items, err = c.unlist(body)
	}
	return c.page(q, items, reply.Header, err)
}

const opList = "list identities"

// listRequest is the request for one page as text.
func (c *Client) listRequest(q Query, cursor string, body *[]byte) transport.Request {
	return transport.Request{Op: opList, Path: []string{"admin", "identities"}, Query: q.values(cursor), Out: body}
}

// unlist decodes a page.
func (c *Client) unlist(body []byte) ([]Identity, error) {
	items, err := decodeIdentities(body)
	if err != nil {
		return nil, &clients.Problem{Kind: clients.Unreachable, Op: opList, Target: c.admin.Target(), Status: http.StatusOK,
			Reason: "the answer is not what was expected: " + err.Error(), Hint: "check that kratos.admin_url is the admin port of a Kratos", Err: err}
	}
	return items, nil
}

// page puts a page together and checks that it is one.
func (c *Client) page(q Query, items []Identity, h http.Header, err error) (clients.Page[Identity], error) {
	page := clients.Page[Identity]{Total: -1}
	if p, ok := err.(*clients.Problem); ok && p.Kind == clients.Timeout && (q.Identifier != "" || q.Prefix != "") {
		// SQLite without statistics compares every identity with every login name.
		p.Hint = "where Kratos keeps thousands of identities in SQLite, run ANALYZE on its database once; or look through the whole list"
	}
	if err != nil {
		return page, err
	}
	if ignored(q, items) {
		return page, c.invalid(opList, "this Kratos ignores the filter and answers with everybody", "look through the whole list instead")
	}
	if page.Items = items; len(items) > 0 && len(q.IDs) == 0 {
		page.Next = nextToken(h)
	}
	return page, nil
}

// ignored reports whether a server took no notice of the filter: Kratos ignores
// parameters that it does not know, 1.3 the organization, and some day another the
// prefix, which is experimental.
func ignored(q Query, items []Identity) bool {
	fits := func(i Identity) bool { return true }
	switch {
	case q.OrganizationID != "":
		fits = func(i Identity) bool { return strings.EqualFold(i.OrganizationID, q.OrganizationID) }
	case q.Prefix != "":
		prefix := strings.ToLower(q.Prefix)
		fits = func(i Identity) bool {
			return i.hasIdentifier(func(id string) bool { return strings.HasPrefix(strings.ToLower(id), prefix) })
		}
	}
	return len(items) > 0 && !slices.ContainsFunc(items, fits)
}

// hasIdentifier reports whether any login name of any credential fits.
func (i Identity) hasIdentifier(fits func(string) bool) bool {
	return slices.ContainsFunc(i.Credentials, func(c Credential) bool { return slices.ContainsFunc(c.Identifiers, fits) })
}

func (c *Client) checkQuery(op string, q Query) error {
	if err := c.needAdmin(op); err != nil {
		return err
	}
	if q.filters() > 1 {
		return c.invalid(op, "Kratos cannot combine filters", "use one of identifier, prefix, ids and organization")
	}
	if len(q.IDs) > MaxPageSize {
		return c.invalid(op, fmt.Sprintf("%d ids are too many for one request", len(q.IDs)), fmt.Sprintf("ask for at most %d at a time", MaxPageSize))
	}
	for _, id := range q.IDs {
		if err := c.needID(op, "an identity", id); err != nil {
			return err
		}
	}
	return nil
}

// List reads one page of all identities.
func (c *Client) List(ctx context.Context, cursor string) (clients.Page[Identity], error) {
	return c.Identities(ctx, Query{}, cursor)
}

// FindExact returns the identities that have this login name.
func (c *Client) FindExact(ctx context.Context, identifier string) ([]Identity, error) {
	if strings.TrimSpace(identifier) == "" {
		return nil, nil // the server would take an empty filter for none and list everybody
	}
	page, err := c.Identities(ctx, Query{Identifier: strings.TrimSpace(identifier)}, "")
	return page.Items, err
}

// FindPrefix reads one page of the identities with a login name that begins so.
func (c *Client) FindPrefix(ctx context.Context, prefix, cursor string) (clients.Page[Identity], error) {
	if strings.TrimSpace(prefix) == "" {
		return clients.Page[Identity]{}, nil
	}
	return c.Identities(ctx, Query{Prefix: strings.TrimSpace(prefix)}, cursor)
}

// Count is how many identities there are, by a page of one: the only request to
// which Kratos adds a total. -1 when it does not.
func (c *Client) Count(ctx context.Context) (int, error) {
	const op = "count the identities"
	if err := c.needAdmin(op); err != nil {
		return -1, err
	}
	reply, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "identities"}, Query: url.Values{"page": {"0"}, "per_page": {"1"}}})
	if err != nil {
		return -1, err
	}
	return totalOf(reply.Header), nil
}

// totalOf reads X-Total-Count, which not every list of every version has.
func totalOf(h http.Header) int {
	n, err := strconv.Atoi(h.Get("X-Total-Count"))
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// Get reads one identity, with the types and identifiers of its credentials.
func (c *Client) Get(ctx context.Context, id string) (Identity, error) {
	const op = "read the identity"
	if err := c.needID(op, "an identity", id); err != nil {
		return Identity{}, err
	}
	return c.get(ctx, op, id)
}

func (c *Client) get(ctx context.Context, op, id string) (Identity, error) {
	_, resp, err := c.api.IdentityAPI.GetIdentity(ctx, id).Execute()
	i, err := answer[Identity](c.admin, op, resp, err)
	if err == nil && i.ID == "" {
		err = c.admin.Generated(op, resp, fmt.Errorf("it holds no identity"))
	}
	return i, err
}

// GetByExternalID reads the identity to which another system gave this id. Servers
// before 25.4 do not know external ids and answer with a problem of kind Invalid.
func (c *Client) GetByExternalID(ctx context.Context, external string) (Identity, error) {
	const op = "read the identity by its external id"
	if err := c.needAdmin(op); err != nil {
		return Identity{}, err
	}
	var i Identity
	_, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "identities", "by", "external", external}, Out: &i})
	i.normal()
	if p, ok := err.(*clients.Problem); ok && notHere(p) {
		return i, c.invalid(op, "this Kratos has no external ids", "they came with Kratos 25.4")
	}
	return i, err
}

// decodeList reads a JSON array item by item, so that beside the items only one is
// held as text. null is an empty list.
func decodeList[T any](r io.Reader) ([]T, error) {
	dec := json.NewDecoder(r)
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if tok == nil {
		return nil, nil
	}
	if tok != json.Delim('[') {
		return nil, fmt.Errorf("a list was expected and %v found", tok)
	}
	var out []T
	for dec.More() {
		var one T
		if err := dec.Decode(&one); err != nil {
			return nil, err
		}
		normalize(&one)
		out = append(out, one)
	}
	_, err = dec.Token() // the closing bracket: without it the answer was cut
	return out, err
}
