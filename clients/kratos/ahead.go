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
// While a page is decoded and looked at, the next one is on its way, so that a walk
// is as fast as the server makes pages. Two pages are held at most, one of them as
// text. A Fetch may be called by one goroutine at a time.
func (c *Client) Fetch(q Query) clients.Fetch[Identity] {
	a := &ahead{c: c, q: q}
	return a.fetch
}

// ahead walks one query.
type ahead struct {
	c  *Client
	q  Query
	mu sync.Mutex
	// next is the page on its way and the cursor it is for.
	next   chan rawPage
	cursor string
	// spare is the memory of a page that was decoded, for the next but one.
	spare []byte
}

// rawPage is a page as text.
type rawPage struct {
	body   []byte
	header http.Header
	read   time.Time
	err    error
}

func (a *ahead) fetch(ctx context.Context, cursor string) (clients.Page[Identity], error) {
	if err := a.c.checkQuery(opList, a.q); err != nil {
		return clients.Page[Identity]{Total: -1}, err
	}
	raw, taken := a.take(ctx, cursor)
	if !taken {
		raw = a.read(ctx, cursor)
	}
	if raw.err == nil && len(a.q.IDs) == 0 {
		if next := nextToken(raw.header); next != "" && next != cursor {
			a.start(ctx, next)
		}
	}
	var items []Identity
	if raw.err == nil {
		items, raw.err = a.c.unlist(raw.body)
	}
	a.mu.Lock()
	a.spare = raw.body
	a.mu.Unlock()
	return a.c.page(a.q, items, raw.header, raw.err)
}

// take waits for the page that was read ahead, if it is the one that is wanted. One
// that failed or lay too long is not taken; the caller then asks anew.
func (a *ahead) take(ctx context.Context, cursor string) (rawPage, bool) {
	a.mu.Lock()
	next, is := a.next, a.next != nil && cursor != "" && a.cursor == cursor
	a.next = nil
	a.mu.Unlock()
	if !is {
		return rawPage{}, false
	}
	select {
	case raw := <-next:
		return raw, raw.err == nil && time.Since(raw.read) < freshFor
	case <-ctx.Done():
		return rawPage{err: a.c.ctxErr(ctx, opList)}, true
	}
}

// start sends for the next page. It outlives the context of the page before, which
// ends when that page is delivered; the deadline of a call still holds.
func (a *ahead) start(ctx context.Context, cursor string) {
	next := make(chan rawPage, 1) // nobody may come to take it
	a.mu.Lock()
	a.next, a.cursor = next, cursor
	a.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	go func() { next <- a.read(ctx, cursor) }()
}

func (a *ahead) read(ctx context.Context, cursor string) rawPage {
	var raw rawPage
	a.mu.Lock()
	raw.body, a.spare = a.spare, nil
	a.mu.Unlock()
	reply, err := a.c.admin.Do(ctx, a.c.listRequest(a.q, cursor, &raw.body))
	raw.header, raw.err, raw.read = reply.Header, err, time.Now()
	return raw
}
