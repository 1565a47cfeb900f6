package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/clients"
)

// maxBody bounds what is read of one answer. The largest answers we ask for are a
// full realm export and serverinfo (300 KB on 26.7).
const maxBody = 64 << 20

// call is one request. Its path is a list of segments, never a string, so that a
// role named "team/admin #1" cannot address something else.
type call struct {
	op     string // "list users": fits after "could not"
	needs  string // the admin role that the server asks for, for the hint of a 403
	method string
	path   []string
	query  url.Values
	body   any        // sent as JSON unless nil
	form   url.Values // sent as a form unless nil
	basic  *url.Userinfo
	public bool // no token
	read   bool // a POST that changes nothing
}

// do sends the request and decodes the answer into out (nil: ignored).
func (s *Server) do(ctx context.Context, c call, out any) (http.Header, error) {
	_, h, err := s.raw(ctx, c, out)
	return h, err
}

func (s *Server) raw(ctx context.Context, c call, out any) ([]byte, http.Header, error) {
	target, err := s.address(c)
	if err != nil {
		return nil, nil, err
	}
	req, err := newRequest(ctx, c, target)
	if err != nil {
		return nil, nil, err
	}
	h := s.http
	if c.public {
		h = s.public
	}
	res, err := h.Do(req)
	if err != nil {
		return nil, nil, problemOfTransport(c, target, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		return nil, nil, problemOfTransport(c, target, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, res.Header, problemOfAnswer(c, target, res, body)
	}
	if len(body) > maxBody {
		return nil, res.Header, unusable(c, target, res.StatusCode, fmt.Errorf("the answer is larger than %d MB", maxBody>>20))
	}
	if out == nil || res.StatusCode == http.StatusNoContent {
		return body, res.Header, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return nil, res.Header, unusable(c, target, res.StatusCode, fmt.Errorf("the answer is not the JSON that Keycloak sends: %w", err))
	}
	return body, res.Header, nil
}

// address joins the escaped segments. An empty segment, "." or ".." would make the
// request hit another resource (the list, or the realm), so they are refused here,
// once, for all calls.
func (s *Server) address(c call) (string, error) {
	var b strings.Builder
	b.WriteString(s.base)
	for _, seg := range c.path {
		if seg == "" || seg == "." || seg == ".." {
			return "", &clients.Problem{Kind: clients.Invalid, Op: c.op, Target: s.base,
				Reason: fmt.Sprintf("%q cannot be part of an address", seg),
				Hint:   "use the object's id"}
		}
		b.WriteByte('/')
		b.WriteString(url.PathEscape(seg))
	}
	return b.String(), nil
}

func newRequest(ctx context.Context, c call, target string) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch {
	case c.form != nil:
		body, kind = strings.NewReader(c.form.Encode()), "application/x-www-form-urlencoded"
	case c.body != nil:
		b, err := json.Marshal(c.body)
		if err != nil {
			return nil, &clients.Problem{Kind: clients.Invalid, Op: c.op, Reason: err.Error(), Err: err}
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	if len(c.query) > 0 {
		target += "?" + c.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, c.method, target, body)
	if err != nil {
		return nil, &clients.Problem{Kind: clients.Invalid, Op: c.op, Reason: err.Error(), Err: err}
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept", "application/json")
	if c.basic != nil {
		pw, _ := c.basic.Password()
		req.SetBasicAuth(url.QueryEscape(c.basic.Username()), url.QueryEscape(pw))
	}
	return req, nil
}

// one reads one object and keeps the whole body where the type has room for it.
func one[W wire[T], T any](ctx context.Context, s *Server, c call) (T, error) {
	var w W
	var zero T
	c.method = http.MethodGet
	body, _, err := s.raw(ctx, c, &w)
	if err != nil {
		return zero, err
	}
	v := w.neutral()
	if k, ok := any(&v).(rawKeeper); ok {
		k.keep(body)
	}
	return v, nil
}

// all reads a list that the server does not page, or not in pages worth having.
func all[W wire[T], T any](ctx context.Context, s *Server, c call) ([]T, error) {
	var ws []W
	c.method = http.MethodGet
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

// paged reads a list by first and max, which are always both sent: without first
// the role lists ignore max and answer everything, unsorted. The cursor is the
// offset of the page. Keycloak gives no total with a page.
func paged[W wire[T], T any](s *Server, c call, size int) clients.Fetch[T] {
	if size <= 0 {
		size = defaultPage
	}
	return func(ctx context.Context, cursor string) (clients.Page[T], error) {
		first := 0
		if cursor != "" {
			n, err := strconv.Atoi(cursor)
			if err != nil || n < 0 {
				return clients.Page[T]{}, &clients.Problem{Kind: clients.Invalid, Op: c.op, Reason: fmt.Sprintf("%q is not a cursor of this list", cursor)}
			}
			first = n
		}
		q := url.Values{}
		for k, v := range c.query {
			q[k] = v
		}
		q.Set("first", strconv.Itoa(first))
		q.Set("max", strconv.Itoa(size))
		pc := c
		pc.query = q
		items, err := all[W](ctx, s, pc)
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
func createdID(h http.Header) string {
	loc := h.Get("Location")
	i := strings.LastIndexByte(loc, '/')
	id, err := url.PathUnescape(loc[i+1:])
	if err != nil {
		return ""
	}
	return id
}
