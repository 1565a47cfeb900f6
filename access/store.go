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
	parallel      = 8
)

// ErrBudget says that an explanation would have to read too much.
var ErrBudget = errors.New("too many tuples would have to be read to explain this")

// store holds what was read for one explanation, each list once: that of the subject,
// one for each object, and of an object with very many tuples one for each relation
// that matters. What an evaluation needs of it is read side by side; see view.
type store struct {
	l     Lister
	check func(ctx context.Context, t tuple.Tuple, depth int) (Verdict, error) // nil asks nobody

	mu        sync.Mutex
	objects   map[[2]string]*listed
	relations map[relationKey]*listed
	subjects  map[string]*listed
	single    map[string]*listed // one exact tuple, by its key
	asked     map[askKey]*asked
	setsFirst bool // the server lists subject sets before bare ids
	asStored  bool // lists are wanted in the order in which the server stores them
	budget    int
	requests  int
	trips     int
	large     *Large // may be nil
	// progress is told the requests and round trips so far; may be nil.
	progress func(requests, trips int)
	// near is the beginning of the list of the namespace of the question; see nearObject.
	near *listed
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
		single: map[string]*listed{}, asked: map[askKey]*asked{}}
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
	if into.err = s.spend(); into.err != nil {
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
			s.count(most / pageSize)
			return
		}
		into.tuples = append(into.tuples, t)
	}
	s.count(max(0, len(into.tuples)-1) / pageSize)
}

// spend counts a request that is about to be made, and refuses it once the budget is spent.
func (s *store) spend() error {
	s.mu.Lock()
	over := s.requests >= s.budget
	s.mu.Unlock()
	if over {
		return fmt.Errorf("%w: more than %d requests", ErrBudget, s.budget)
	}
	s.count(1)
	return nil
}

// count counts requests, and tells how many there were so far.
func (s *store) count(n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests += n
	s.tell()
}

// trip counts how often one had to wait for others.
func (s *store) trip(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trips += n
	s.tell()
}

func (s *store) tell() {
	if s.progress != nil {
		s.progress(s.requests, s.trips)
	}
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

func ofObject(k [2]string) tuple.Query { return tuple.Query{Namespace: &k[0], Object: &k[1]} }

// Of are the tuples of an object, which are read now unless they were before.
func (s *store) Of(ctx context.Context, namespace, object string) ([]tuple.Tuple, error) {
	k := [2]string{namespace, object}
	l, fresh := s.object(k)
	if fresh {
		s.trip(1)
		s.read(ctx, l, ofObject(k), pageSize)
	}
	<-l.done
	if l.err == nil && l.more {
		return l.tuples, fmt.Errorf("%w: %s:%s has more than %d", ErrBudget, namespace, object, pageSize)
	}
	return l.tuples, l.err
}

// sideBySide does what has to be read, a few at a time.
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
	s.trip((len(jobs) + parallel - 1) / parallel)
}
