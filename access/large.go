package access

import (
	"sync"
	"time"

	"gatehouse/access/tuple"
)

// Large remembers for a while which lists are too long to be read to their end, with
// their beginning: up to version 25.4 Keto sorts the whole list to give out its first
// page, which takes it seconds for a group of some hundred thousand. What a remembered
// list has to do with a question the server is asked each time, so a list that has become
// short meanwhile changes no answer. The zero value remembers nothing yet. It is safe for
// several goroutines.
type Large struct {
	mu    sync.Mutex
	lists map[relationKey]largeList
	now   func() time.Time // nil is time.Now
}

type largeList struct {
	tuples []tuple.Tuple
	until  time.Time
}

// Bounds of what is remembered: each list is one page.
const (
	maxLarge  = 32
	largeTime = 5 * time.Minute
)

func (l *Large) clock() time.Time {
	if l.now != nil {
		return l.now()
	}
	return time.Now()
}

// put remembers a list that goes on.
func (l *Large) put(k relationKey, of *listed) {
	if l == nil || of.err != nil || !of.more || len(of.tuples) > pageSize {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lists == nil {
		l.lists = map[relationKey]largeList{}
	}
	for old := range l.lists {
		if len(l.lists) < maxLarge {
			break
		}
		delete(l.lists, old)
	}
	l.lists[k] = largeList{of.tuples, l.clock().Add(largeTime)}
}

// get is a list that is remembered, or nil.
func (l *Large) get(k relationKey) *listed {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.lists[k]
	switch {
	case !known:
		return nil
	case l.clock().After(at.until):
		delete(l.lists, k)
		return nil
	}
	done := make(chan struct{})
	close(done)
	return &listed{done: done, tuples: at.tuples, more: true}
}
