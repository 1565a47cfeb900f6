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

// FirstLister is a Lister that can be asked for the beginning of a list: the first n
// tuples, with one request, and whether there are more. Without it the beginning is
// taken from All, which costs a second page where a list goes on.
type FirstLister interface {
	Lister
	First(ctx context.Context, q tuple.Query, n int) (ts []tuple.Tuple, more bool, err error)
}

// Bounds of what one explanation reads.
const (
	maxRequests = 200
	// maxPerList is how many tuples of one relation are read at most, to find the way in
	// which a large group grants.
	maxPerList = 10_000
	pageSize   = 500 // of the lists; what is longer is large
	// maxPerSubject is how much of the list of a subject is read: of one who has more, the
	// tuples are looked up one by one.
	maxPerSubject = 250
	parallel      = 4
)

// ErrBudget says that an explanation would have to read too much.
var ErrBudget = errors.New("too many tuples would have to be read to explain this")

// store holds what was read for one explanation, each list once: that of the subject,
// one for each object, and of an object with very many tuples one for each relation
// that matters. What an evaluation needs of it is read side by side; see view.
//
// It is a Reader of its own too, which reads what it is asked for there and then.
type store struct {
	l     Lister
	check func(ctx context.Context, t tuple.Tuple, depth int) (Verdict, error) // nil asks nobody

	mu        sync.Mutex
	objects   map[[2]string]*listed
	relations map[relationKey]*listed
	subjects  map[string]*listed
	single    map[string]*listed // one exact tuple, by its key
	asked     map[askKey]*asked
	named     map[tuple.Set]listed // the tuples whose subject is a set; see naming
	setsFirst bool                 // the server lists subject sets before bare ids
	asStored  bool                 // lists are wanted in the order in which the server stores them
	budget    int
	requests  int
	trips     int
}

type relationKey struct {
	object   [2]string
	relation string
	deep     bool // up to maxPerList, not only the first page
	stored   bool // in the order in which the server stores them
}

type askKey struct {
	tuple string
	depth int
}

// asked is what the server said to a part of the question.
type asked struct {
	verdict Verdict
	err     error
}

// listed is what one list gave.
type listed struct {
	done   chan struct{}
	tuples []tuple.Tuple
	has    map[string]bool // of the tuples' keys; made when it is needed
	more   bool            // it goes on
	err    error
}

func newStore(l Lister) *store {
	return &store{l: l, budget: maxRequests, objects: map[[2]string]*listed{}, relations: map[relationKey]*listed{}, subjects: map[string]*listed{},
		single: map[string]*listed{}, asked: map[askKey]*asked{}, named: map[tuple.Set]listed{}}
}

// holds looks for a tuple in a whole list.
func (l *listed) holds(t tuple.Tuple) bool {
	if l.has == nil {
		l.has = make(map[string]bool, len(l.tuples))
		for _, o := range l.tuples {
			l.has[o.Key()] = true
		}
	}
	return l.has[t.Key()]
}

// read carries out one list, up to so many tuples.
func (s *store) read(ctx context.Context, into *listed, q tuple.Query, most int) {
	defer close(into.done)
	if into.err = s.spend(1); into.err != nil {
		return
	}
	if first, ok := s.l.(FirstLister); ok && most <= pageSize {
		into.tuples, into.more, into.err = first.First(ctx, q, most)
		return
	}
	for t, err := range s.l.All(ctx, q) {
		switch {
		case err != nil:
			into.err = err
			return
		case len(into.tuples) == most:
			into.more = true
			_ = s.spend(most / pageSize)
			return
		}
		into.tuples = append(into.tuples, t)
	}
	_ = s.spend(max(0, len(into.tuples)-1) / pageSize)
}

// spend counts requests, and refuses them once the budget is spent.
func (s *store) spend(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := s.requests >= s.budget
	s.requests += n
	if over {
		return fmt.Errorf("%w: more than %d requests", ErrBudget, s.budget)
	}
	return nil
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

func ofObject(k [2]string) tuple.Query { return tuple.Query{Namespace: &k[0], Object: &k[1]} }

// Of implements Reader.
func (s *store) Of(ctx context.Context, namespace, object string) ([]tuple.Tuple, error) {
	k := [2]string{namespace, object}
	l, fresh := s.object(k)
	if fresh {
		s.trip()
		s.read(ctx, l, ofObject(k), pageSize)
	}
	<-l.done
	if l.err == nil && l.more {
		return l.tuples, fmt.Errorf("%w: %s:%s has more than %d", ErrBudget, namespace, object, pageSize)
	}
	return l.tuples, l.err
}

// Ahead implements Reader: it reads what is missing side by side.
func (s *store) Ahead(ctx context.Context, objects [][2]string) {
	var jobs []func()
	for _, k := range objects {
		if l, fresh := s.object(k); fresh {
			jobs = append(jobs, func() { s.read(ctx, l, ofObject(k), pageSize) })
		}
	}
	s.sideBySide(jobs)
}

// sideBySide does what has to be read, a few at a time, and counts how often one had to
// wait for others.
func (s *store) sideBySide(jobs []func()) {
	if len(jobs) == 0 {
		return
	}
	var wg sync.WaitGroup
	gate := make(chan struct{}, parallel)
	for _, job := range jobs {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			job()
		})
	}
	wg.Wait()
	s.mu.Lock()
	s.trips += (len(jobs) + parallel - 1) / parallel
	s.mu.Unlock()
}

// Has implements Reader with one list of everything that the subject has. A subject
// with too many tuples for that is looked up in the lists of the objects.
func (s *store) Has(ctx context.Context, t tuple.Tuple) (bool, error) {
	l := s.subject(ctx, t.Subject)
	if l.err == nil && !l.more {
		return l.has[t.Key()], nil
	}
	if l.err != nil && !errors.Is(l.err, ErrBudget) {
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
		l = &listed{done: make(chan struct{})}
		s.subjects[key] = l
	}
	s.mu.Unlock()
	if !ok {
		s.trip()
		s.read(ctx, l, tuple.Query{Subject: &sub}, maxPerSubject)
		s.mu.Lock()
		l.holds(tuple.Tuple{}) // makes the index while nobody else looks
		s.mu.Unlock()
	}
	<-l.done
	return l
}
