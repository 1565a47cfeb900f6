package tui

import (
	"context"
	"time"
)

// Page is one page of a list that may be larger than memory. It has the fields of
// clients.Page, so one converts into the other (see Pages).
type Page[T any] struct {
	Items []T
	// Next is the opaque cursor of the following page; empty on the last one.
	Next string
	// Total is how many there are in all, or -1 when the server does not say.
	Total int
}

// Fetch reads one page; an empty cursor means the first.
type Fetch[T any] func(ctx context.Context, cursor string) (Page[T], error)

// Pages adapts the list call of a client, which answers with a page type of the
// same shape: Fetch: tui.Pages(c.ListIdentities).
func Pages[P ~struct {
	Items []T
	Next  string
	Total int
}, T any](list func(ctx context.Context, cursor string) (P, error)) Fetch[T] {
	return func(ctx context.Context, cursor string) (Page[T], error) {
		p, err := list(ctx, cursor)
		return Page[T](p), err
	}
}

// Batch is what Stream hands over: everything that arrived since the last one.
type Batch[T any] struct {
	Page[T]      // Next is the cursor to go on from; Total the newest one
	Done    bool // nothing comes after this one
	Err     error
}

// Stream runs work off the loop for as long as it takes and hands what it emits to
// batch, on the loop, gathered so that the loop is never flooded: the first page at
// once, then at most twenty batches a second and fewer when batch is slow. emit
// waits when the loop falls behind and fails when the stream was stopped.
func Stream[T any](h Host, j *Job, work func(ctx context.Context, emit func(Page[T]) error) error, batch func(Batch[T])) {
	stream(h.own(), j, work, batch)
}

// Crawl makes the work of a Stream out of a page call: all pages from a cursor on
// (empty for the first), each with its own deadline. A page without items, or one
// that names the cursor it was asked with, ends it: real servers do both.
func Crawl[T any](fetch Fetch[T], cursor string, timeout time.Duration) func(context.Context, func(Page[T]) error) error {
	return func(ctx context.Context, emit func(Page[T]) error) error {
		for {
			page, err := fetchPage(ctx, fetch, cursor, timeout)
			if err != nil {
				return err
			}
			if page.Next == cursor || len(page.Items) == 0 {
				page.Next = ""
			}
			if err := emit(page); err != nil || page.Next == "" {
				return err
			}
			cursor = page.Next
		}
	}
}

func fetchPage[T any](ctx context.Context, fetch Fetch[T], cursor string, timeout time.Duration) (Page[T], error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(timeout))
	defer cancel()
	return fetch(ctx, cursor)
}
