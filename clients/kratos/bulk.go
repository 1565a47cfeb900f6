package kratos

import (
	"context"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// maxBulk is how many ids newer servers take in one call.
const maxBulk = 500

// workers is how many single requests run side by side where there is no bulk call.
const workers = 6

// Outcome is what became of one of many.
type Outcome struct {
	ID  string
	Err error // nil when it was done
}

// Failed are the outcomes with an error.
func Failed(all []Outcome) []Outcome {
	return slices.DeleteFunc(slices.Clone(all), func(o Outcome) bool { return o.Err == nil })
}

// RevokeSessions ends sessions by their ids: in bulk where the server can, else one
// by one. Every id has its outcome, in the order given; one failure stops no other.
func (c *Client) RevokeSessions(ctx context.Context, ids []string) []Outcome {
	const op = "end the sessions"
	return c.many(ctx, op, "a session", ids, "sessions", "disable", func(ctx context.Context, id string) error { return c.revoke(ctx, op, id) })
}

// EndSessionsOf ends and removes all sessions of each of the identities.
func (c *Client) EndSessionsOf(ctx context.Context, identities []string) []Outcome {
	const op = "end the sessions of the identities"
	return c.many(ctx, op, "an identity", identities, "identities", "delete", func(ctx context.Context, id string) error { return c.endSessions(ctx, op, id) })
}

// many runs one action on many ids. The bulk call exists on servers newer than
// 26.2; others answer 404 or 405, which is remembered.
func (c *Client) many(ctx context.Context, op, what string, ids []string, key, action string, one func(context.Context, string) error) []Outcome {
	out := make([]Outcome, len(ids))
	var todo []int
	for i, id := range ids {
		out[i] = Outcome{ID: id, Err: c.needID(op, what, id)}
		if out[i].Err == nil {
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 && !c.noBulk.Load() {
		n := min(len(todo), maxBulk)
		chunk := make([]string, n)
		for i, at := range todo[:n] {
			chunk[i] = ids[at]
		}
		err := c.bulkSessions(ctx, op, key, action, chunk)
		if p, ok := err.(*clients.Problem); ok && (p.Status == http.StatusNotFound || p.Status == http.StatusMethodNotAllowed) {
			c.noBulk.Store(true)
			break
		}
		for _, at := range todo[:n] {
			out[at].Err = err
		}
		todo = todo[n:]
	}
	var g errgroup.Group
	g.SetLimit(workers)
	for _, at := range todo {
		g.Go(func() error {
			if out[at].Err = c.ctxErr(ctx, op); out[at].Err == nil {
				out[at].Err = one(ctx, ids[at])
			}
			return nil
		})
	}
	g.Wait()
	return out
}

// bulkSessions makes the bulk call until the server has nothing left to do.
func (c *Client) bulkSessions(ctx context.Context, op, key, action string, ids []string) error {
	for {
		var reply struct {
			Processed int  `json:"processed"`
			More      bool `json:"more"`
		}
		_, err := c.admin.Do(ctx, transport.Request{Op: op, Method: http.MethodPost, Path: []string{"admin", "sessions"},
			JSON: map[string]any{"action": action, key: ids}, Out: &reply})
		if err != nil || !reply.More || reply.Processed == 0 {
			return err
		}
	}
}
