package tui

import (
	"context"
)

// Reload reads what is shown again, from its start. The old rows stay until the new
// ones are complete, and for good if reading fails.
func (l *List[T]) Reload() {
	s := l.src()
	s.read, s.next, s.err = 0, "", nil
	s.fresh = nil
	if s.table.Len() > 0 {
		s.fresh = l.newTable()
	} else {
		s.done = false
	}
	l.crawl(s)
}

// Restart forgets the rows and reads anew, after Spec was changed to find others.
func (l *List[T]) Restart() {
	l.load.Stop()
	l.all, l.found, l.paneOf = l.newSource(""), nil, ""
	l.crawl(l.all)
}

// readOn continues where reading was stopped or failed.
func (l *List[T]) readOn() {
	s := l.src()
	if s.query == "" && l.Spec.Stream != nil {
		l.Reload() // a search has no place to go on from
		return
	}
	s.err = nil
	l.crawl(s)
}

// Retry goes on reading after a failure: where it stopped, or from the start when what is
// shown is older.
func (l *List[T]) Retry() {
	if l.whyNotOn() == "" && l.src().fresh == nil {
		l.readOn()
		return
	}
	l.Reload()
}

// whyNotOn is why there is nothing to read on.
func (l *List[T]) whyNotOn() string {
	switch s := l.src(); {
	case l.load.Busy():
		return "it is being read"
	case s.done && s.fresh == nil:
		return "everything has been read"
	default:
		return ""
	}
}

// crawl reads pages into a source until there are no more.
func (l *List[T]) crawl(s *source[T]) {
	if s.query == "" && l.Spec.Stream != nil {
		s.read, s.seen = 0, l.Env().Changes
		Stream(l, &l.load, l.Spec.Stream, func(b Batch[T]) { l.take(s, b) })
		return
	}
	fetch := l.Spec.Fetch
	if s.query != "" {
		search, query := l.Spec.Search, s.query
		fetch = func(ctx context.Context, cursor string) (Page[T], error) { return search(ctx, query, cursor) }
	}
	if fetch == nil {
		return
	}
	if s.read == 0 {
		s.seen = l.Env().Changes // what is written from now on may not be in it
	}
	Stream(l, &l.load, Crawl(fetch, s.next, l.Spec.Timeout), func(b Batch[T]) { l.take(s, b) })
}

// take adds what has arrived.
func (l *List[T]) take(s *source[T], b Batch[T]) {
	into := s.table
	if s.fresh != nil {
		into = s.fresh
	}
	s.read += len(b.Items)
	if len(b.Items) > 0 {
		s.next, s.total = b.Next, b.Total
		room := max(0, l.Spec.Cap-into.Len())
		into.Append(b.Items[:min(room, len(b.Items))])
		l.paneOf = ""
	}
	if !b.Done {
		return
	}
	s.err = b.Err
	if b.Err != nil {
		l.complain(b.Err)
		return
	}
	s.done, s.next, s.at = true, "", l.Env().Now()
	if s.fresh != nil {
		s.table.Take(s.fresh)
		s.fresh = nil
	}
}

// complain says an error that the list itself cannot show in full: the list keeps a
// line about it for as long as it holds.
func (l *List[T]) complain(err error) {
	if l.table().Len() > 0 {
		l.Fail(err)
	}
}

// search asks the server; an empty query goes back to everything.
func (l *List[T]) search(query string) {
	l.load.Stop()
	l.paneOf = ""
	if query == "" {
		l.leaveSearch()
		return
	}
	l.found = l.newSource(query)
	l.crawl(l.found)
}

// leaveSearch shows everything again and goes on reading it where the search
// interrupted that.
func (l *List[T]) leaveSearch() {
	l.load.Stop()
	l.found, l.paneOf = nil, ""
	if s := l.all; !s.done && s.err == nil {
		l.crawl(s)
	}
}
