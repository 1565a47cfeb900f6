package access

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"gatehouse/access/tuple"
)

// Lister lists stored tuples.
type Lister interface {
	All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error]
}

// Bounds of what one explanation reads.
const (
	maxRequests = 200
	// maxPerList is how many tuples of one object, or of one subject, are read; more are
	// a group too large to be looked through for the sake of a sentence.
	maxPerList = 10_000
	pageSize   = 500 // of the lists, to count their requests
	parallel   = 4
)

// ErrBudget says that an explanation would have to read too much.
var ErrBudget = errors.New("too many tuples would have to be read to explain this")

// store is a Reader that reads what is asked for once: the tuples of the subject with
// one list, and those of each object with one more.
type store struct {
	l Lister

	mu       sync.Mutex
	objects  map[[2]string]*listed
	subjects map[string]*listed
	named    map[tuple.Set]listed // the tuples whose subject is a set; see naming
	requests int
	trips    int
}

// listed is what one list gave.
type listed struct {
	done   chan struct{}
	tuples []tuple.Tuple
	has    map[string]bool // of a subject's list
	err    error
}

func newStore(l Lister) *store {
	return &store{l: l, objects: map[[2]string]*listed{}, subjects: map[string]*listed{}, named: map[tuple.Set]listed{}}
}

// read carries out one list.
func (s *store) read(ctx context.Context, into *listed, q tuple.Query, what string) {
	defer close(into.done)
	s.mu.Lock()
	over := s.requests >= maxRequests
	s.requests++
	s.mu.Unlock()
	if over {
		into.err = fmt.Errorf("%w: more than %d requests", ErrBudget, maxRequests)
		return
	}
	for t, err := range s.l.All(ctx, q) {
		switch {
		case err != nil:
			into.err = err
			return
		case len(into.tuples) == maxPerList:
			into.err = fmt.Errorf("%w: %s has more than %d", ErrBudget, what, maxPerList)
			return
		}
		into.tuples = append(into.tuples, t)
	}
	s.mu.Lock()
	s.requests += max(0, len(into.tuples)-1) / pageSize
	s.mu.Unlock()
}

// object starts the list of an object, unless it was; fresh says that it was not.
func (s *store) object(k [2]string) (l *listed, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l = s.objects[k]; l != nil {
		return l, false
	}
	l = &listed{done: make(chan struct{})}
	s.objects[k] = l
	return l, true
}

func (s *store) trip() {
	s.mu.Lock()
	s.trips++
	s.mu.Unlock()
}

// Of implements Reader.
func (s *store) Of(ctx context.Context, namespace, object string) ([]tuple.Tuple, error) {
	l, fresh := s.object([2]string{namespace, object})
	if fresh {
		s.trip()
		s.read(ctx, l, tuple.Query{Namespace: &namespace, Object: &object}, namespace+":"+object)
	}
	<-l.done
	return l.tuples, l.err
}

// Ahead implements Reader: it reads what is missing side by side.
func (s *store) Ahead(ctx context.Context, objects [][2]string) {
	var wg sync.WaitGroup
	gate := make(chan struct{}, parallel)
	started := 0
	for _, k := range objects {
		l, fresh := s.object(k)
		if !fresh {
			continue
		}
		started++
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			s.read(ctx, l, tuple.Query{Namespace: &k[0], Object: &k[1]}, k[0]+":"+k[1])
		})
	}
	wg.Wait()
	if started > 0 {
		s.trip()
	}
}

// Has implements Reader with one list of everything that the subject has. A subject
// with too many tuples for that is looked up in the lists of the objects.
func (s *store) Has(ctx context.Context, t tuple.Tuple) (bool, error) {
	l := s.subject(ctx, t.Subject)
	if l.err == nil {
		return l.has[t.Key()], nil
	}
	if !errors.Is(l.err, ErrBudget) {
		return false, l.err
	}
	of, err := s.Of(ctx, t.Namespace, t.Object)
	for _, o := range of {
		if o.Equal(t) {
			return true, nil
		}
	}
	return false, err
}

// subject lists the tuples of a subject, once.
func (s *store) subject(ctx context.Context, sub tuple.Subject) *listed {
	key := subjectKey(sub)
	s.mu.Lock()
	l, ok := s.subjects[key]
	if !ok {
		l = &listed{done: make(chan struct{}), has: map[string]bool{}}
		s.subjects[key] = l
	}
	s.mu.Unlock()
	if ok {
		<-l.done
		return l
	}
	s.trip()
	inner := &listed{done: make(chan struct{})}
	s.read(ctx, inner, tuple.Query{Subject: &sub}, "the subject "+sub.String())
	for _, t := range inner.tuples {
		l.has[t.Key()] = true
	}
	l.err = inner.err
	close(l.done)
	return l
}
