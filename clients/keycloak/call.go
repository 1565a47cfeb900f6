package keycloak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// call is one request. Its path is a list of segments, never a string, so that a
// role named "team/admin #1" cannot address something else; the transport refuses
// empty segments, "." and "..".
type call struct {
	op      string // "list users": fits after "could not"
	needs   string // the admin role that the server asks for, for the hint of a 403
	realm   string
	method  string
	path    []string
	query   url.Values
	header  http.Header
	body    any // sent as JSON unless nil
	form    url.Values
	text    string // sent as text/plain unless empty
	public  bool   // no access token
	read    bool   // a POST that changes nothing
	secrets []string
}

// get, post, put and del begin a call beneath /admin/realms/{realm}.
func (r *Realm) get(op, needs string, segments ...string) call {
	return call{op: op, needs: needs, realm: r.name, method: http.MethodGet, path: r.at(segments...)}
}

func (r *Realm) post(op, needs string, body any, segments ...string) call {
	return call{op: op, needs: needs, realm: r.name, method: http.MethodPost, path: r.at(segments...), body: body}
}

func (r *Realm) put(op, needs string, body any, segments ...string) call {
	return call{op: op, needs: needs, realm: r.name, method: http.MethodPut, path: r.at(segments...), body: body}
}

func (r *Realm) del(op, needs string, segments ...string) call {
	return call{op: op, needs: needs, realm: r.name, method: http.MethodDelete, path: r.at(segments...)}
}

// at builds a path beneath /admin/realms/{realm}.
func (r *Realm) at(segments ...string) []string {
	return append([]string{"admin", "realms", r.name}, segments...)
}

// with adds a query.
func (c call) with(q url.Values) call {
	c.query = q
	return c
}

func (c call) title() string {
	if c.realm == "" {
		return c.op
	}
	return c.op + " in realm " + c.realm
}

// do sends the request and decodes the answer into out (nil: ignored).
func (s *Server) do(ctx context.Context, c call, out any) (transport.Reply, error) {
	caller := s.admin
	if c.public {
		caller = s.public
	}
	reply, err := caller.Do(ctx, transport.Request{Op: c.title(), Method: c.method, Path: c.path, Query: c.query,
		Header: c.header, JSON: c.body, Form: c.form, Text: c.text, Read: c.read, Out: out, Secrets: c.secrets})
	if p, ok := errors.AsType[*clients.Problem](err); ok && p.Status == http.StatusForbidden && c.needs != "" {
		p.Hint = s.forbiddenHint(c)
	}
	return reply, err
}

// forbiddenHint says which right is missing. A service account has one more way to
// be refused that looks the same: admin rights are filtered by the scope of the
// client that the token was issued to.
func (s *Server) forbiddenHint(c call) string {
	hint := "our account needs the role " + c.needs
	if c.realm != "" {
		hint += " of realm-management"
	}
	if s.login.grant() == grantClient {
		hint += "; if its service account has it, the client " + strconv.Quote(s.login.ClientID) + " must have full scope, or that role among its scope mappings"
	}
	return hint
}

// one reads one object and keeps the whole body where the type has room for it.
func one[W wire[T], T any](ctx context.Context, s *Server, c call) (T, error) {
	var body json.RawMessage
	var zero T
	if _, err := s.do(ctx, c, &body); err != nil {
		return zero, err
	}
	var w W
	if err := json.Unmarshal(body, &w); err != nil {
		return zero, s.notKeycloak(c, err)
	}
	v := w.neutral()
	if k, ok := any(&v).(rawKeeper); ok {
		k.keep(body)
	}
	return v, nil
}

func (s *Server) notKeycloak(c call, err error) error {
	return &clients.Problem{Kind: clients.Unreachable, Op: c.title(), Target: s.admin.Target(),
		Reason: "the answer is not the JSON that Keycloak sends: " + err.Error(), Hint: "check the URL of Keycloak in this context", Err: err}
}

// all reads a list that the server does not page, or not in pages worth having.
func all[W wire[T], T any](ctx context.Context, s *Server, c call) ([]T, error) {
	var ws []W
	if _, err := s.do(ctx, c, &ws); err != nil {
		return nil, err
	}
	out := make([]T, len(ws))
	for i, w := range ws {
		out[i] = w.neutral()
	}
	return out, nil
}

// defaultPage is Keycloak's own page of users; other lists have no limit unless
// asked, so each request names one.
const defaultPage = 100

// maxPage bounds a page, so that one answer stays within what the transport reads.
const maxPage = 5000

// paged reads a list by first and max, which are always both sent: without first
// the role lists ignore max and answer everything, unsorted. The cursor is the
// offset of the page. Keycloak gives no total with a page.
func paged[W wire[T], T any](s *Server, c call, size int) clients.Fetch[T] {
	return pages(c.title(), size, func(ctx context.Context, first, size int) ([]T, error) {
		return all[W](ctx, s, c.page(first, size))
	})
}

// page is the call for one page.
func (c call) page(first, size int) call {
	q := maps.Clone(c.query)
	if q == nil {
		q = url.Values{}
	}
	q.Set("first", strconv.Itoa(first))
	q.Set("max", strconv.Itoa(size))
	return c.with(q)
}

// pages turns a read of "size items from first on" into a Fetch. A page that is not
// full is the last.
func pages[T any](op string, size int, read func(ctx context.Context, first, size int) ([]T, error)) clients.Fetch[T] {
	if size <= 0 {
		size = defaultPage
	}
	size = min(size, maxPage)
	return func(ctx context.Context, cursor string) (clients.Page[T], error) {
		first := 0
		if cursor != "" {
			n, err := strconv.Atoi(cursor)
			if err != nil || n < 0 || n > math.MaxInt32 { // beyond, the server says that there is no such address
				return clients.Page[T]{}, refuse(op, fmt.Sprintf("%q is not a cursor of this list", cursor), "")
			}
			first = n
		}
		items, err := read(ctx, first, size)
		if err != nil {
			return clients.Page[T]{}, err
		}
		page := clients.Page[T]{Items: items, Total: -1}
		if len(items) >= size {
			page.Next = strconv.Itoa(first + len(items))
		}
		return page, nil
	}
}

// filtered leaves out of a list what the server could not. It goes on to the next
// page where nothing is left of one, since an empty page means the end.
func filtered[T any](f clients.Fetch[T], keep func(T) bool) clients.Fetch[T] {
	return func(ctx context.Context, cursor string) (clients.Page[T], error) {
		for {
			page, err := f(ctx, cursor)
			page.Items = slices.DeleteFunc(page.Items, func(item T) bool { return !keep(item) })
			if err != nil || len(page.Items) > 0 || page.Next == "" {
				return page, err
			}
			cursor = page.Next
		}
	}
}

// collect reads all pages into memory; only for lists that are short by nature.
func collect[T any](ctx context.Context, f clients.Fetch[T]) ([]T, error) {
	var out []T
	for item, err := range clients.Each(ctx, f) {
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

// createdID is the id at the end of the Location of a 201. Roles put their name there.
func createdID(reply transport.Reply) string {
	loc := reply.Header.Get("Location")
	id, err := url.PathUnescape(loc[strings.LastIndexByte(loc, '/')+1:])
	if err != nil {
		return ""
	}
	return id
}
