package kratos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// SessionQuery says which sessions to list.
type SessionQuery struct {
	PageSize int   // 0 means DefaultPageSize; brought into 1…MaxPageSize
	Active   *bool // nil lists both. true leaves out revoked and expired ones
	// Identity and Devices ask for those parts of each session; sessions of one
	// identity always have them.
	Identity, Devices bool
}

func (q SessionQuery) values() url.Values {
	v := url.Values{}
	if q.Active != nil {
		v.Set("active", strconv.FormatBool(*q.Active))
	}
	return v
}

// Sessions reads one page of the sessions of everybody, newest first. Kratos cannot
// filter it by identity (it ignores the attempt); use IdentitySessions.
func (c *Client) Sessions(ctx context.Context, q SessionQuery, cursor string) (clients.Page[Session], error) {
	const op = "list sessions"
	none := clients.Page[Session]{Total: -1}
	if err := c.needAdmin(op); err != nil {
		return none, err
	}
	v := q.values()
	v.Set("page_size", strconv.Itoa(pageSize(q.PageSize, DefaultPageSize, MaxPageSize)))
	if cursor != "" {
		v.Set("page_token", cursor)
	}
	if q.Identity {
		v.Add("expand", "identity")
	}
	if q.Devices {
		v.Add("expand", "devices")
	}
	page := none
	reply, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "sessions"}, Query: v,
		Decode: func(r io.Reader) (err error) { page.Items, err = decodeList[Session](r); return err }})
	if err != nil {
		return none, err
	}
	if page.Total = totalOf(reply.Header); len(page.Items) > 0 {
		page.Next = nextToken(reply.Header)
	}
	return page, nil
}

// IdentitySessions reads one page of the sessions of one identity, newest first. An
// identity that does not exist has none.
//
// The pages of this list are counted, and Kratos 1.3 counts them wrongly: page 0 and
// page 1 are the same rows, so that who follows its links reads the first page twice
// and never sees the last. The cursor therefore remembers a row of page 0; when page
// 1 has it too, page 2 is what was meant, and so on.
func (c *Client) IdentitySessions(ctx context.Context, id string, q SessionQuery, cursor string) (clients.Page[Session], error) {
	const op = "list the sessions of the identity"
	none := clients.Page[Session]{Total: -1}
	if err := c.needID(op, "an identity", id); err != nil {
		return none, err
	}
	n, first, err := c.sessionCursor(op, cursor)
	if err != nil {
		return none, err
	}
	size := pageSize(q.PageSize, DefaultPageSize, MaxPageSize)
	page, err := c.identitySessionPage(ctx, op, id, q, n, size)
	if err == nil && n == 1 && slices.ContainsFunc(page.Items, func(s Session) bool { return s.ID == first }) {
		n++
		page, err = c.identitySessionPage(ctx, op, id, q, n, size)
	}
	if err != nil {
		return none, err
	}
	// The link to a next page is no help: it is there even for unknown identities. A
	// short page is the last.
	if len(page.Items) >= size {
		if n == 0 {
			first = page.Items[0].ID
		}
		page.Next = fmt.Sprintf("%d:%s", n+1, first)
	}
	return page, nil
}

// sessionCursor reads "page:id of the first row of page 0".
func (c *Client) sessionCursor(op, cursor string) (n int, first string, err error) {
	if cursor == "" {
		return 0, "", nil
	}
	num, first, ok := strings.Cut(cursor, ":")
	if n, err = strconv.Atoi(num); err != nil || !ok || n < 1 {
		return 0, "", c.invalid(op, "the cursor is not one of this list", "start again from the first page")
	}
	return n, first, nil
}

func (c *Client) identitySessionPage(ctx context.Context, op, id string, q SessionQuery, n, size int) (clients.Page[Session], error) {
	page := clients.Page[Session]{Total: -1}
	v := q.values()
	v.Set("page", strconv.Itoa(n))
	v.Set("per_page", strconv.Itoa(size))
	reply, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "identities", id, "sessions"}, Query: v,
		Decode: func(r io.Reader) (err error) { page.Items, err = decodeList[Session](r); return err }})
	page.Total = totalOf(reply.Header)
	return page, err
}

// LastSignIn is when an identity last signed in, as far as its sessions tell: they
// are deleted some time after they expire. Zero when there is none.
func (c *Client) LastSignIn(ctx context.Context, id string) (time.Time, error) {
	page, err := c.IdentitySessions(ctx, id, SessionQuery{PageSize: 10}, "")
	var last time.Time
	for _, s := range page.Items {
		if s.AuthenticatedAt.After(last) {
			last = s.AuthenticatedAt
		}
	}
	return last, err
}

// Session reads one session, with its identity and devices.
func (c *Client) Session(ctx context.Context, id string) (Session, error) {
	const op = "read the session"
	if err := c.needID(op, "a session", id); err != nil {
		return Session{}, err
	}
	return c.session(ctx, op, id)
}

func (c *Client) session(ctx context.Context, op, id string) (Session, error) {
	_, resp, err := c.api.IdentityAPI.GetSession(ctx, id).Expand([]string{"identity", "devices"}).Execute()
	return answer[Session](c.admin, op, resp, err)
}

// RevokeSession ends one session. It stays in the lists, marked as not active.
func (c *Client) RevokeSession(ctx context.Context, id string) (clients.Change[Session], error) {
	const op = "end the session"
	var ch clients.Change[Session]
	if err := c.needID(op, "a session", id); err != nil {
		return ch, err
	}
	var err error
	if ch.Before, err = c.session(ctx, op, id); err != nil {
		return ch, err
	}
	if err := c.revoke(ctx, op, id); err != nil {
		return ch, err
	}
	ch.After = ch.Before
	ch.After.Active = false
	if now, err := c.session(ctx, op, id); err == nil {
		ch.After = now
	}
	return ch, nil
}

func (c *Client) revoke(ctx context.Context, op, id string) error {
	resp, err := c.api.IdentityAPI.DisableSession(ctx, id).Execute()
	return done(c.admin, op, resp, err)
}

// Extension is what ExtendSession did.
type Extension struct {
	clients.Change[Session]
	// Extended is false when the server answered with success and it is of no use: the
	// session is not old enough yet (session.earliest_possible_extend), or was revoked.
	Extended bool
}

// ExtendSession prolongs one session by the server's lifespan.
func (c *Client) ExtendSession(ctx context.Context, id string) (Extension, error) {
	const op = "extend the session"
	var e Extension
	if err := c.needID(op, "a session", id); err != nil {
		return e, err
	}
	var err error
	if e.Before, err = c.session(ctx, op, id); err != nil {
		return e, err
	}
	_, resp, err := c.api.IdentityAPI.ExtendSession(ctx, id).Execute()
	if err := done(c.admin, op, resp, err); err != nil {
		return e, err
	}
	// Read anew: some servers answer 204, and what they answer is the old state in others.
	if e.After, err = c.session(ctx, op, id); err != nil {
		return e, &clients.Problem{Kind: clients.UnknownOutcome, Op: op, Target: c.admin.Target(), Reason: "it was accepted, but the session could not be read again: " + err.Error(), Hint: "read the session again", Err: err}
	}
	e.Extended = e.After.Active && e.After.ExpiresAt.After(e.Before.ExpiresAt)
	return e, nil
}

// Ended are sessions that were ended together.
type Ended struct {
	// Sessions are those that were live before, newest first; at most MaxPageSize.
	Sessions []Session
	// Total is how many were live in all; -1 when there were more than are listed and
	// the server does not count.
	Total int
}

// EndSessions ends and removes every session of an identity: "sign out everywhere".
// To have none is a success.
func (c *Client) EndSessions(ctx context.Context, id string) (Ended, error) {
	const op = "end the sessions of the identity"
	if err := c.needID(op, "an identity", id); err != nil {
		return Ended{}, err
	}
	live := true
	page, err := c.IdentitySessions(ctx, id, SessionQuery{Active: &live, PageSize: MaxPageSize}, "")
	if err != nil {
		return Ended{}, err
	}
	e := Ended{Sessions: page.Items, Total: page.Total}
	if page.Next == "" {
		e.Total = len(page.Items)
	}
	return e, c.endSessions(ctx, op, id)
}

func (c *Client) endSessions(ctx context.Context, op, id string) error {
	resp, err := c.api.IdentityAPI.DeleteIdentitySessions(ctx, id).Execute()
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		return nil // the server's way to say that there was none
	}
	return done(c.admin, op, resp, err)
}
