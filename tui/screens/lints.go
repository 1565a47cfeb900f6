package screens

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// LintsSpec is what the findings are made of. Only Prepare is needed.
type LintsSpec struct {
	// Prepare says what is to be looked at. It is asked anew for each run, so that a
	// model that was changed is seen.
	Prepare func(ctx context.Context) (lint.Spec, error)
	// Keto writes fixes; nil offers none.
	Keto WhyKeto
	// Tuples and Rule open the relation tuples that a filter selects, and a place in the
	// model; nil where there is none.
	Tuples func(q tuple.Query) tui.Screen
	Rule   func(r access.Rule) tui.Screen
}

// lintTimeout bounds one run over all tuples.
const lintTimeout = 30 * time.Minute

// Lints is the list of what is wrong with the model and the stored tuples. It fills
// while the tuples are read.
type Lints struct {
	*tui.List[lint.Finding]
	spec  LintsSpec
	infos atomic.Bool // remarks are shown too
	write tui.Job

	mu     sync.Mutex // pages are read beside the loop
	run    *lintRun
	within context.Context // ends with the screen
}

// NewLints makes the screen.
func NewLints(spec LintsSpec) *Lints {
	s := &Lints{spec: spec}
	s.List = tui.NewList(tui.Spec[lint.Finding]{
		Title: "lints",
		ID:    lint.Finding.Key,
		Columns: []tui.Column[lint.Finding]{
			{Title: "SEVERITY", Width: 10, Cell: func(f lint.Finding) string { return f.Severity.Mark() + " " + string(f.Severity) },
				Less: func(a, b lint.Finding) int { return cmp.Compare(gravity(a.Severity), gravity(b.Severity)) },
				Tone: func(f lint.Finding) theme.Tone { return severityTone(f.Severity) }},
			{Title: "WHAT IS WRONG", Width: 30, Flex: 4, Cell: func(f lint.Finding) string { return f.Summary }},
			{Title: "WHERE", Width: 22, Flex: 2, Drop: 1, Cell: lintWhere},
			{Title: "FIX", Width: 4, Drop: 2, Cell: func(f lint.Finding) string {
				if len(f.Fix) > 0 {
					return "yes"
				}
				return ""
			}},
			{Title: "CODE", Width: 19, Drop: 3, Cell: func(f lint.Finding) string { return string(f.Code) }},
		},
		Fetch:   s.fetch,
		Timeout: lintTimeout,
		Text:    func(f lint.Finding) string { return f.Meaning + " " + f.Todo },
		Value:   func(f lint.Finding) any { return f },
		Empty:   "Nothing is wrong with the model and the tuples, as far as one can tell without asking people. i shows remarks too.",
		Detail:  func(f lint.Finding) []widget.Section { return lintSections(f) },
		Open:    func(f lint.Finding) tui.Screen { return &lintFinding{of: s, f: f} },
		Actions: s.actions,
	})
	return s
}

// gravity orders severities, the gravest first.
func gravity(s lint.Severity) int {
	for i, v := range lint.Severities {
		if v == s {
			return i
		}
	}
	return len(lint.Severities)
}

func severityTone(s lint.Severity) theme.Tone {
	switch s {
	case lint.Error:
		return theme.Bad
	case lint.Info:
		return theme.Dim
	default:
		return theme.Plain
	}
}

// lintWhere is the place without the folders of a file.
func lintWhere(f lint.Finding) string {
	if f.Tuple == "" && f.Rule != nil && f.Where == fmt.Sprintf("%s:%d:%d", f.Rule.File, f.Rule.Line, f.Rule.Column) {
		return ruleName(*f.Rule)
	}
	return f.Where
}

// Init starts the first run.
func (s *Lints) Init(h tui.Host) tea.Cmd {
	s.within = h.Context()
	return s.List.Init(h)
}

// Status is how far the run is, and what it could not look at.
func (s *Lints) Status() string {
	if r := s.current(); r != nil {
		return r.status()
	}
	return ""
}

func (s *Lints) current() *lintRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// fetch reads the next findings of a run; without a cursor it starts one.
func (s *Lints) fetch(ctx context.Context, cursor string) (tui.Page[lint.Finding], error) {
	r := s.current()
	if cursor == "" {
		if r != nil {
			r.cancel()
		}
		r = startLint(s.within, s.spec.Prepare, s.infos.Load())
		s.mu.Lock()
		s.run = r
		s.mu.Unlock()
	}
	return r.next(ctx)
}

func (s *Lints) actions(l *tui.List[lint.Finding]) []tui.Action {
	infos := "show remarks"
	if s.infos.Load() {
		infos = "hide remarks"
	}
	current := func() (f lint.Finding) { f, _ = l.Current(); return f }
	return []tui.Action{
		{Name: "go there", Keys: []string{"o"}, Footer: 2, Help: "Open the tuple or the rule that it is about.", Why: func() string { return s.whyNoPlace(current()) },
			Run: tui.Do(func() { s.goThere(l, current()) })},
		{Name: "apply fix", Keys: []string{"a"}, Footer: 3, Mutates: true, Help: "Write what puts it right, after showing it.", Why: func() string { return s.whyNoFix(current()) },
			Run: tui.Do(func() { l.Confirm(s.fix(current())) })},
		{Name: infos, Keys: []string{"i"}, Footer: 4, Help: "Show or hide what is only good to know.", Run: tui.Do(func() { s.infos.Store(!s.infos.Load()); l.Reload() })},
	}
}

func (s *Lints) whyNoPlace(f lint.Finding) string {
	switch _, about := f.About(); {
	case f.Code == "":
		return "no finding is selected"
	case about && s.spec.Tuples == nil, !about && f.Rule != nil && s.spec.Rule == nil, !about && f.Rule == nil && s.spec.Tuples == nil:
		return "it cannot be opened from here"
	}
	if _, ok := s.place(f); !ok && f.Rule == nil {
		return "it is about no tuple and no rule"
	}
	return ""
}

// place is the filter that selects what a finding is about.
func (s *Lints) place(f lint.Finding) (tuple.Query, bool) {
	if t, ok := f.About(); ok {
		return tuple.Query{Namespace: &t.Namespace, Object: &t.Object, Relation: &t.Relation}, true
	}
	if f.Rule != nil && lintWhere(f) == ruleName(*f.Rule) {
		return tuple.Query{}, false
	}
	q, err := tuple.ParseQuery(f.Where)
	return q, err == nil && q.Namespace != nil
}

// goThere opens the tuples of a finding, or its rule.
func (s *Lints) goThere(h tui.Host, f lint.Finding) {
	if q, ok := s.place(f); ok && s.spec.Tuples != nil {
		h.Push(s.spec.Tuples(q))
	} else if f.Rule != nil {
		h.Push(s.spec.Rule(*f.Rule))
	}
}

func (s *Lints) whyNoFix(f lint.Finding) string {
	switch {
	case f.Code == "":
		return "no finding is selected"
	case len(f.Fix) == 0:
		return "somebody has to decide what is right: see what to do"
	case s.spec.Keto == nil:
		return "nothing can be written here"
	}
	return ""
}

// fix asks whether to write a fix; after it was written the list looks again.
func (s *Lints) fix(f lint.Finding) tui.Question {
	q := tui.Question{Title: "Apply this fix?", Verb: "apply"}
	for _, w := range f.Fix {
		sign := "+ "
		if w.Op == access.OpRemove {
			sign = "- "
		}
		q.Lines = append(q.Lines, sign+w.What().String())
	}
	return writing(s.List, s.spec.Keto, &s.write, q, "fix "+f.Where, f.Fix, s.List.Reload, func() {})
}

// lintRun is one run of the lints beside the list that shows it. The list asks for
// pages; the run fills them as it finds something.
type lintRun struct {
	cancel context.CancelFunc
	found  chan lint.Finding
	failed atomic.Pointer[error]
	read   [2]atomic.Int64 // tuples and people
	ended  atomic.Bool
	unread atomic.Pointer[[]string]
}

// lintPage is how many findings come at once at most, and lintGather how long the first
// of them waits for others.
const (
	lintPage   = 200
	lintGather = 100 * time.Millisecond
)

// startLint begins a run.
func startLint(ctx context.Context, prepare func(context.Context) (lint.Spec, error), infos bool) *lintRun {
	r := &lintRun{found: make(chan lint.Finding, lintPage)}
	ctx, r.cancel = context.WithTimeout(ctx, lintTimeout)
	go func() {
		defer close(r.found)
		if err := r.work(ctx, prepare, infos); err != nil {
			r.failed.Store(&err)
		}
		r.ended.Store(true)
	}()
	return r
}

func (r *lintRun) work(ctx context.Context, prepare func(context.Context) (lint.Spec, error), infos bool) error {
	spec, err := prepare(ctx)
	if err != nil {
		return err
	}
	spec.Progress = func(tuples, people int) { r.read[0].Store(int64(tuples)); r.read[1].Store(int64(people)) }
	report, err := lint.Run(ctx, spec, func(f lint.Finding) error {
		if f.Severity == lint.Info && !infos {
			return nil
		}
		select {
		case r.found <- f:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	r.unread.Store(&report.Unread)
	return err
}

// next waits for findings.
func (r *lintRun) next(ctx context.Context) (tui.Page[lint.Finding], error) {
	page := tui.Page[lint.Finding]{Total: -1}
	var gathered <-chan time.Time
	for len(page.Items) < lintPage {
		select {
		case f, ok := <-r.found:
			if !ok {
				if err := r.failed.Load(); err != nil {
					return page, *err
				}
				return page, nil
			}
			page.Items = append(page.Items, f)
			if gathered == nil {
				gathered = time.After(lintGather)
			}
		case <-gathered:
			page.Next = "more"
			return page, nil
		case <-ctx.Done():
			r.cancel() // nobody reads on
			return page, ctx.Err()
		}
	}
	page.Next = "more"
	return page, nil
}

// status says how far the run is.
func (r *lintRun) status() string {
	tuples := int(r.read[0].Load())
	text := tui.Count(tuples) + " tuples read"
	if tuples == 1 {
		text = "1 tuple read"
	}
	if people := int(r.read[1].Load()); people > 0 {
		text = tui.Count(people) + " people, " + text
	}
	if unread := r.unread.Load(); unread != nil && len(*unread) > 0 {
		return "not everything was looked at: " + (*unread)[0]
	}
	if !r.ended.Load() && tuples == 0 {
		return ""
	}
	return text
}
