package access

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Finder answers the questions that Keto cannot be asked: who can do this, and what
// can this subject do. Keto has no such call (v0.13 to v26.2), so candidates are found
// by following the stored tuples and the rules, which finds too many rather than too
// few, and each of them is then put to the server: what is reported is the server's
// own answer. A Finder may be used by several goroutines if its parts may.
type Finder struct {
	// Judge answers the questions about the candidates.
	Judge Judge
	// Tuples are what candidates are found in.
	Tuples Lister
	// Model is the server's permission model; nil when it has none or it is not known.
	Model *opl.Model
	// ModelUnknown says that a nil Model does not mean that there is none.
	ModelUnknown bool
	// People lists the subjects of everybody who is known, for rules that let in all
	// but some; nil where there is nobody to ask. Subjects of stored tuples are
	// candidates of such a rule in any case.
	People func(ctx context.Context) iter.Seq2[tuple.Subject, error]
	// Budget is how many requests one search may cost at most; 0 means DefaultBudget
	// and a negative one that there is no bound.
	Budget int
	// Progress is told how far a search is, several times a second at most by one
	// goroutine at a time; nil tells nobody.
	Progress func(Progress)
}

// DefaultBudget is how many requests a search may cost unless it is said otherwise.
const DefaultBudget = 5000

// Progress is how far a search is.
type Progress struct {
	Candidates int `json:"candidates"` // found in tuples and rules
	Verified   int `json:"verified"`   // of them answered by the server
	Allowed    int `json:"allowed"`    // of them allowed
	Unknown    int `json:"unknown"`    // of them answered with an error
	Requests   int `json:"requests"`   // lists and checks that were sent
	Budget     int `json:"budget"`     // how many may be sent, 0 without a bound
}

// Outcome is what a search came to.
type Outcome struct {
	Progress
	// Missing says why there may be more than was found; empty when there is not.
	Missing []string `json:"missing,omitempty"`
	// Notes say what else one has to know about the answer.
	Notes []string `json:"notes,omitempty"`
}

// Complete reports whether all that there is was found and answered.
func (o Outcome) Complete() bool { return len(o.Missing) == 0 && o.Unknown == 0 }

// Found is one answer of a search: that the subject of Question has its relation on
// its object (Allowed), or that Keto has no verdict about it (Unknown).
type Found struct {
	Question tuple.Tuple
	Verdict  Verdict
	// Reason says why there is no verdict.
	Reason string
	// By are the stored tuples over which the candidate was found, from the object to
	// the subject; none where a rule lets in whoever it does not exclude. It is the
	// first way that was found, not a proof: that is what an explanation is for.
	By []tuple.Tuple
}

// Answer is the verdict on one question; Reason says why one is Unknown.
type Answer struct {
	Verdict Verdict
	Reason  string
}

// Judge answers questions in their order and says how many requests that took. The
// error is for the whole: then nothing was answered.
type Judge func(ctx context.Context, qs []tuple.Tuple) (answers []Answer, requests int, err error)

// judgedAtOnce is how many questions are put to the Judge at a time, and waiting how
// many candidates may wait for that before the search for more of them waits too.
const (
	judgedAtOnce = 64
	waiting      = 512
)

// NameError says that the permission model lacks a name that was asked about.
type NameError struct {
	What string // "namespace" or "relation"
	Name string
	In   string // the namespace of a relation
	Near string // the name that was probably meant, or empty
}

// Error names what is missing.
func (e *NameError) Error() string {
	if e.In != "" {
		return fmt.Sprintf("namespace %s declares no relation or permission %q", e.In, e.Name)
	}
	return fmt.Sprintf("the permission model has no %s %q", e.What, e.Name)
}

// named refuses what the model does not know: Keto answers such a question with a
// plain "no" or an error, which would read as "nobody".
func (f *Finder) named(namespace, relation string) error {
	if f.Model == nil {
		return nil
	}
	n := f.Model.Namespace(namespace)
	if n == nil {
		return &NameError{What: "namespace", Name: namespace, Near: opl.Nearest(namespace, f.Model.NamespaceNames())}
	}
	if relation == "" || len(n.Relations) == 0 || f.Model.Relation(namespace, relation) != nil {
		return nil
	}
	var names []string
	for _, r := range n.Relations {
		names = append(names, r.Name)
	}
	return &NameError{What: "relation", Name: relation, In: namespace, Near: opl.Nearest(relation, names)}
}

// way is how a candidate was found: a tuple, and what led to it.
type way struct {
	t  tuple.Tuple
	up *way
}

// path is the way, its end first.
func (w *way) path() []tuple.Tuple {
	var out []tuple.Tuple
	for ; w != nil; w = w.up {
		out = append(out, w.t)
	}
	return out
}

// candidate is one subject, or one object, with the questions that settle it.
type candidate struct {
	asks []tuple.Tuple
	way  *way
}

// settled is a candidate with the answers to its questions.
type settled struct {
	candidate
	answers []Answer
}

// search is one search under way: one goroutine walks and offers candidates, another
// has them judged.
type search struct {
	f      *Finder
	ctx    context.Context
	budget int
	rules  *rules
	out    chan candidate
	seen   map[string]bool // candidates that were offered; of the walk alone

	mu      sync.Mutex
	at      Progress
	over    bool
	missing []string
	notes   []string
	telling sync.Mutex
}

// errOver ends a walk whose budget is spent.
var errOver = errors.New("the budget is spent")

// search runs walk and has what it offers judged. It returns when all is answered,
// when the budget is spent, or with the first error.
func (f *Finder) search(ctx context.Context, walk func(*search) error, emit func([]settled) error) (Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &search{f: f, ctx: ctx, budget: f.Budget, rules: newRules(f.Model), out: make(chan candidate, waiting), seen: map[string]bool{}}
	switch {
	case s.budget == 0:
		s.budget = DefaultBudget
	case s.budget < 0:
		s.budget = 0
	}
	s.at.Budget = s.budget
	walked := make(chan error, 1)
	go func() {
		defer close(s.out)
		walked <- walk(s)
	}()
	err := s.verify(emit)
	cancel()
	for range s.out { // what nobody will ask any more
	}
	werr := <-walked
	if err == nil && !s.over && werr != nil && !errors.Is(werr, errOver) {
		err = werr
	}
	if s.over {
		s.missing = append(s.missing, fmt.Sprintf("the budget of %d requests is spent", s.budget))
	}
	return Outcome{Progress: s.at, Missing: s.missing, Notes: s.notes}, err
}

// verify has the candidates judged, many at a time and in their order.
func (s *search) verify(emit func([]settled) error) error {
	for {
		batch, more, err := s.gather()
		if err != nil || len(batch) == 0 && !more {
			return err
		}
		fit := s.affordable(batch)
		if fit > 0 {
			if err := s.judge(batch[:fit], emit); err != nil {
				return err
			}
		}
		if fit < len(batch) {
			s.spent()
			return nil
		}
	}
}

// gather waits for a candidate and takes those that wait behind it. more is false when
// there will be none.
func (s *search) gather() (batch []candidate, more bool, err error) {
	n := 0
	select {
	case c, ok := <-s.out:
		if !ok {
			return nil, false, nil
		}
		batch, n = append(batch, c), len(c.asks)
	case <-s.ctx.Done():
		return nil, false, s.ctx.Err()
	}
	for n < judgedAtOnce {
		select {
		case c, ok := <-s.out:
			if !ok {
				return batch, true, nil
			}
			batch = append(batch, c)
			n += len(c.asks)
		default:
			return batch, true, nil
		}
	}
	return batch, true, nil
}

// affordable is how many of the candidates may still be asked about.
func (s *search) affordable(batch []candidate) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.budget - s.at.Requests
	for i, c := range batch {
		if left -= len(c.asks); s.budget > 0 && left < 0 {
			return i
		}
	}
	return len(batch)
}

func (s *search) judge(batch []candidate, emit func([]settled) error) error {
	var qs []tuple.Tuple
	for _, c := range batch {
		qs = append(qs, c.asks...)
	}
	answers, requests, err := s.f.Judge(s.ctx, qs)
	if err != nil {
		return err
	}
	out := make([]settled, len(batch))
	s.mu.Lock()
	s.at.Requests += requests
	for i, c := range batch {
		out[i] = settled{c, answers[:len(c.asks)]}
		answers = answers[len(c.asks):]
		s.at.Verified++
		has := func(v Verdict) bool {
			return slices.ContainsFunc(out[i].answers, func(a Answer) bool { return a.Verdict == v })
		}
		switch {
		case has(Allowed):
			s.at.Allowed++
		case has(Unknown):
			s.at.Unknown++
		}
	}
	s.mu.Unlock()
	s.tell()
	return emit(out)
}

// offer hands a candidate to be judged, unless one of that key was offered before.
func (s *search) offer(key string, c candidate) error {
	if s.seen[key] {
		return nil
	}
	s.seen[key] = true
	s.mu.Lock()
	s.at.Candidates++
	s.mu.Unlock()
	select {
	case s.out <- c:
		return nil
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
}

// pay counts a request that is about to be sent; false when there is none left.
func (s *search) pay() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.budget > 0 && s.at.Requests >= s.budget {
		s.over = true
		return false
	}
	s.at.Requests++
	return true
}

func (s *search) spent() { s.mu.Lock(); s.over = true; s.mu.Unlock() }

// lacks says once why the answer is not complete, note what is to be known about it.
func (s *search) lacks(text string) { s.say(&s.missing, text) }
func (s *search) note(text string)  { s.say(&s.notes, text) }

func (s *search) say(to *[]string, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(*to, text) {
		*to = append(*to, text)
	}
}

// tell reports how far the search is.
func (s *search) tell() {
	if s.f.Progress == nil {
		return
	}
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.Lock()
	at := s.at
	s.mu.Unlock()
	s.f.Progress(at)
}

// found turns what was settled into answers; denials are left out. down says that the
// search went from the object to the subject.
func found(down bool, emit func([]Found) error) func([]settled) error {
	return func(batch []settled) error {
		var out []Found
		for _, c := range batch {
			for i, a := range c.answers {
				if a.Verdict != Denied {
					by := c.way.path()
					if down {
						slices.Reverse(by)
					}
					out = append(out, Found{Question: c.asks[i], Verdict: a.Verdict, Reason: a.Reason, By: by})
				}
			}
		}
		if len(out) == 0 {
			return nil
		}
		return emit(out)
	}
}
