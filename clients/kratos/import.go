package kratos

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"net/http"
	"sync"

	ory "github.com/ory/kratos-client-go"
	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
)

// Limits of a batch: 1.3 takes 2000 rows, newer servers 1000, and 200 when there are
// passwords in clear, which they must hash.
const (
	maxBatch          = 500 // so that one request can tell which of them exist
	maxBatchPasswords = 200
)

// Imported is what became of one row of an import.
type Imported struct {
	Index int    // of the row, from 0
	ID    string // of the identity that was made
	Err   error  // why there is none; UnknownOutcome when there may be one
}

// ImportOptions are the choices for an import.
type ImportOptions struct {
	// Workers is how many requests run side by side; 0 means 6, at most 16. Use 1 where
	// Kratos keeps its data in SQLite: writers there lock each other out.
	Workers int
	// Batch sends rows together, which is faster for many. Every id that the server
	// reports is then looked up: Kratos 1.3 reports rows as made and rolls all of them
	// back when one is in conflict.
	Batch bool
}

// Import makes identities of the rows and yields what became of each as soon as it
// is known, in any order. It holds a few hundred rows at most. Stop it by breaking
// off the loop or by the context; rows that were not begun are then not reported.
func (c *Client) Import(ctx context.Context, rows iter.Seq[NewIdentity], o ImportOptions) iter.Seq[Imported] {
	size := 1
	if o.Batch {
		size = maxBatch
	}
	n := min(max(o.Workers, 0), 16)
	if n == 0 {
		n = workers
	}
	return func(yield func(Imported) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		results := make(chan Imported)
		go func() {
			defer close(results)
			var g errgroup.Group
			g.SetLimit(n)
			for first, chunk := range chunks(ctx, rows, size) {
				g.Go(func() error {
					c.importChunk(ctx, first, chunk, results)
					return nil
				})
			}
			g.Wait()
		}()
		open := true
		for r := range results { // read to the end even when nobody listens: the senders wait
			if open && !yield(r) {
				open = false
				cancel()
			}
		}
	}
}

// chunks cuts the rows into pieces, shorter where rows have passwords to hash. The
// key is the index of the first row of the piece.
func chunks(ctx context.Context, rows iter.Seq[NewIdentity], size int) iter.Seq2[int, []NewIdentity] {
	return func(yield func(int, []NewIdentity) bool) {
		var chunk []NewIdentity
		first, passwords := 0, 0
		flush := func() bool {
			n := len(chunk)
			ok := n == 0 || yield(first, chunk)
			first, chunk, passwords = first+n, nil, 0
			return ok
		}
		for row := range rows {
			if ctx.Err() != nil {
				return
			}
			chunk = append(chunk, row)
			if row.Password != "" {
				passwords++
			}
			if (len(chunk) >= size || passwords >= maxBatchPasswords) && !flush() {
				return
			}
		}
		if ctx.Err() == nil {
			flush()
		}
	}
}

func (c *Client) importChunk(ctx context.Context, first int, chunk []NewIdentity, results chan<- Imported) {
	if len(chunk) == 1 {
		made, err := c.createPatiently(ctx, chunk[0])
		results <- Imported{Index: first, ID: made.ID, Err: err}
		return
	}
	for i, r := range c.CreateBatch(ctx, chunk) {
		results <- Imported{Index: first + i, ID: r.ID, Err: r.Err}
	}
}

// CreateBatch makes identities by one request and makes sure of each: rows that the
// server refused, or reported as made although they are not there, are sent again
// singly, which makes them or gives the exact reason. The outcome of row i is at i.
// At most 500 rows fit, 200 with passwords in clear; more are a problem of each row.
func (c *Client) CreateBatch(ctx context.Context, rows []NewIdentity) []Outcome {
	const op = "create the identities"
	out := make([]Outcome, len(rows))
	fail := func(err error) []Outcome {
		for i := range out {
			out[i].Err = err
		}
		return out
	}
	if err := c.needAdmin(op); err != nil {
		return fail(err)
	}
	if len(rows) > maxBatch {
		return fail(c.invalid(op, fmt.Sprintf("%d rows are too many for one batch", len(rows)), fmt.Sprintf("send at most %d", maxBatch)))
	}
	var body ory.PatchIdentitiesBody
	var sent []int // rows of the request; the others are wrong by themselves
	for i, row := range rows {
		b, err := c.createBody(op, row)
		if out[i].Err = err; err != nil {
			continue
		}
		id := newUUID()
		body.Identities = append(body.Identities, ory.IdentityPatch{Create: &b, PatchId: &id})
		sent = append(sent, i)
	}
	if len(sent) == 0 {
		return out
	}
	made, err := c.sendBatch(ctx, op, body)
	if err != nil && !refusal(err) {
		for _, i := range sent {
			out[i].Err = err
		}
		return out
	}
	var again []int
	for n, i := range sent {
		if out[i].ID = made[*body.Identities[n].PatchId]; out[i].ID == "" {
			again = append(again, i)
		}
	}
	c.singly(ctx, rows, again, out)
	return out
}

// refusal reports whether the server said no to a whole batch, so that nothing of
// it happened: one transaction holds all rows.
func refusal(err error) bool {
	p, ok := err.(*clients.Problem)
	return ok && (p.Status == http.StatusBadRequest || p.Status == http.StatusConflict)
}

// sendBatch returns the ids that really exist afterwards, by patch id.
func (c *Client) sendBatch(ctx context.Context, op string, body ory.PatchIdentitiesBody) (map[string]string, error) {
	_, resp, err := c.api.IdentityAPI.BatchPatchIdentities(ctx).PatchIdentitiesBody(body).Execute()
	reply, err := answer[struct {
		Identities []struct {
			Action   string `json:"action"`
			Identity string `json:"identity"`
			PatchID  string `json:"patch_id"`
		} `json:"identities"`
	}](c.admin, op, resp, err)
	if err != nil {
		return nil, err
	}
	claimed := map[string]string{} // identity id → patch id
	var ids []string
	for _, r := range reply.Identities {
		if r.Action == "create" && IsID(r.Identity) {
			claimed[r.Identity] = r.PatchID
			ids = append(ids, r.Identity)
		}
	}
	made := map[string]string{}
	if len(ids) == 0 {
		return made, nil
	}
	page, err := c.Identities(ctx, Query{IDs: ids, Strong: true}, "")
	if err != nil {
		p := *err.(*clients.Problem)
		p.Kind, p.Op, p.Hint = clients.UnknownOutcome, op, "they have probably been made: look for them before trying again"
		p.Reason = "the server reported them as made, but that could not be checked: " + p.Reason
		return nil, &p
	}
	for _, i := range page.Items {
		made[claimed[i.ID]] = i.ID
	}
	return made, nil
}

// singly creates the named rows one by one, a few at a time.
func (c *Client) singly(ctx context.Context, rows []NewIdentity, which []int, out []Outcome) {
	var g errgroup.Group
	g.SetLimit(workers)
	var mu sync.Mutex
	for _, i := range which {
		g.Go(func() error {
			made, err := c.createPatiently(ctx, rows[i])
			mu.Lock()
			defer mu.Unlock()
			out[i] = Outcome{ID: made.ID, Err: err}
			return nil
		})
	}
	g.Wait()
}

// createPatiently is Create that tries again when a busy database refused it, as it
// does when our own requests run side by side on SQLite.
func (c *Client) createPatiently(ctx context.Context, n NewIdentity) (Identity, error) {
	made, err := c.Create(ctx, n)
	for try := 0; try < 3 && busy(err) && ctx.Err() == nil; try++ {
		made, err = c.Create(ctx, n)
	}
	return made, err
}

// newUUID is a random UUID (RFC 9562, version 4): Kratos wants one for each row.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
