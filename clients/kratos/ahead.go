package kratos

import (
	"context"
	"net/http"
	"sync"
	"time"

	"gatehouse/clients"
)

// freshFor is how long a page that was read ahead may lie: who walks takes it at
// once, who comes back later wants to see what the server has then.
const freshFor = 2 * time.Second

// Fetch binds a query for walking through all pages, by clients.Each or one by one.
// To who asks for page after page without a pause it reads ahead, so that a walk is
// as fast as the server makes pages: while one page is decoded and looked at, the
// next lies ready and the one after it is on its way, both as text. Who takes time
// over a page gets the following one fresh.
func (c *Client) Fetch(q Query) clients.Fetch[Identity] {
	a := &ahead{c: c, q: q, spare: make(chan []byte, 3)}
	return a.fetch
}

// ahead walks one query.
type ahead struct {
	c     *Client
	q     Query
	spare chan []byte // memory of pages that were decoded

	mu     sync.Mutex
	expect string    // the cursor that goes on where the last page ended
	since  time.Time // when the last page was delivered
	pages  <-chan rawPage
	stop   context.CancelFunc
}

// rawPage is a page as text.
type rawPage struct {
	cursor string
	body   []byte
	header http.Header
	read   time.Time
	err    error
}

func (a *ahead) fetch(ctx context.Context, cursor string) (clients.Page[Identity], error) {
	if err := a.c.checkQuery(opList, a.q); err != nil {
		return clients.Page[Identity]{Total: -1}, err
	}
	if err := a.c.ctxErr(ctx, opList); err != nil {
		return clients.Page[Identity]{Total: -1}, err
	}
	a.mu.Lock()
	walking := cursor != "" && cursor == a.expect && time.Since(a.since) < freshFor
	if !walking {
		a.halt()
	}
	pages := a.pages
	a.mu.Unlock()

	raw, ready := take(ctx, pages, cursor)
	if !ready {
		raw = a.read(ctx, cursor)
	}
	var items []Identity
	next := ""
	if raw.err == nil && len(a.q.IDs) == 0 {
		next = nextToken(raw.header)
	}
	if !ready && walking && next != "" && next != cursor {
		a.start(ctx, next)
	}
	if raw.err == nil {
		items, raw.err = a.c.unlist(raw.body)
	}
	select {
	case a.spare <- raw.body:
	default:
	}
	a.mu.Lock()
	a.expect, a.since = next, time.Now()
	a.mu.Unlock()
	return a.c.page(a.q, items, raw.header, raw.err)
}

// take waits for the next page that was read ahead. One that failed or lay too long
// is not taken; the caller then asks anew.
func take(ctx context.Context, pages <-chan rawPage, cursor string) (rawPage, bool) {
	if pages == nil {
		return rawPage{}, false
	}
	select {
	case raw, open := <-pages:
		return raw, open && raw.err == nil && raw.cursor == cursor && time.Since(raw.read) < freshFor
	case <-ctx.Done():
		return rawPage{}, false // the request that follows fails in the right words
	}
}

// start reads ahead from a cursor until nobody takes what was read. It outlives the
// context of one page, which ends when that page is delivered; the deadline of each
// request holds.
func (a *ahead) start(ctx context.Context, cursor string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.halt()
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	pages := make(chan rawPage, 1)
	a.pages, a.stop = pages, stop
	go func() {
		defer stop()
		defer close(pages)
		for cursor != "" {
			raw := a.read(ctx, cursor)
			next := ""
			if raw.err == nil {
				next = nextToken(raw.header)
			}
			select {
			case pages <- raw:
			case <-time.After(freshFor):
				return
			case <-ctx.Done():
				return
			}
			if next == cursor {
				return
			}
			cursor = next
		}
	}()
}

// halt ends reading ahead; the lock is held.
func (a *ahead) halt() {
	if a.stop != nil {
		a.stop()
	}
	a.pages, a.stop = nil, nil
}

func (a *ahead) read(ctx context.Context, cursor string) rawPage {
	raw := rawPage{cursor: cursor}
	select {
	case raw.body = <-a.spare:
	default:
	}
	reply, err := a.c.admin.Do(ctx, a.c.listRequest(a.q, cursor, &raw.body))
	raw.header, raw.err, raw.read = reply.Header, err, time.Now()
	return raw
}
