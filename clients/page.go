package clients

import (
	"context"
	"iter"
)

// Page is one page of a list that may be larger than memory.
type Page[T any] struct {
	Items []T
	// Next is the opaque cursor of the following page; empty on the last one.
	Next string
	// Total is how many there are in all, or -1 when the server does not say.
	Total int
}

// Fetch reads one page; an empty cursor means the first.
type Fetch[T any] func(ctx context.Context, cursor string) (Page[T], error)

// Each walks all pages item by item and stops at the first error, which it
// yields with the zero item. Only one page is held at a time. A server that
// answers a page without items, or the cursor it was asked with, ends the walk:
// both were seen from real servers and would otherwise loop for ever.
func Each[T any](ctx context.Context, fetch Fetch[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for cursor := ""; ; {
			page, err := fetch(ctx, cursor)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.Next == "" || page.Next == cursor || len(page.Items) == 0 {
				return
			}
			cursor = page.Next
		}
	}
}

// Change is what a write leaves behind: the object as it was read just before,
// and as the server has it now. Undo, diffs and the audit line are made from it.
type Change[T any] struct{ Before, After T }
