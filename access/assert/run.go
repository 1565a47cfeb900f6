package assert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/tuple"
)

// Result is what came of an assertion.
type Result string

// The results. Unknown is one that could not be told, which is neither.
const (
	Pass    Result = "pass"
	Fail    Result = "fail"
	Unknown Result = "unknown"
)

// Mark is the sign that goes with a result, so that it never rests on colour.
func (r Result) Mark() string {
	switch r {
	case Pass:
		return "✓"
	case Fail:
		return "✗"
	default:
		return "?"
	}
}

// Row is one assertion with what came of it.
type Row struct {
	Group string `json:"group,omitempty"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	// Assertion is the question with its expectation, as people read it.
	Assertion string         `json:"assertion"`
	Question  string         `json:"question"`
	Expect    string         `json:"expect" jsonschema:"enum=allow,enum=deny,enum=error,enum=who_can"`
	Got       access.Verdict `json:"got,omitempty" jsonschema:"enum=allowed,enum=denied,enum=unknown" jsonschema_description:"The verdict; absent of who_can."`
	Result    Result         `json:"result" jsonschema:"enum=pass,enum=fail,enum=unknown"`
	// Reason says in a sentence why it does not hold, or could not be told.
	Reason string `json:"reason,omitempty"`
	// Missing and Extra are, of who_can, who should be able to and cannot, and who can
	// and should not.
	Missing []string `json:"missing,omitempty"`
	Extra   []string `json:"extra,omitempty"`
	// Trace is the explanation of an assertion that does not hold.
	Trace *access.Trace `json:"trace,omitempty"`
	// Millis is wall time in milliseconds.
	Millis int64 `json:"ms"`
}

// Runner puts assertions to a server, or works them out.
type Runner struct {
	// Explainer answers; its Full is set by Run.
	Explainer access.Explainer
	// Asking makes a question complete with what is known about who asks; it may be nil.
	Asking func(ctx context.Context, q tuple.Tuple) access.Asking
	// Resolve finds the people of the file; nil is ByKey.
	Resolve Resolve
	// Parallel is how many assertions are looked at side by side; 0 means 4.
	Parallel int
	// All keeps the explanation of those that hold too.
	All bool
}

// Summary is how a run ended.
type Summary struct {
	Assertions int      `json:"assertions"`
	Passed     int      `json:"passed"`
	Failed     int      `json:"failed"`
	Unknown    int      `json:"unknown"`
	Coverage   Coverage `json:"coverage"`
}

// job is an assertion that is ready to be put.
type job struct {
	group  Group
	c      Case
	writes []access.Write
	row    Row
	q      tuple.Tuple
	set    tuple.Set
	who    []string
	done   chan struct{}
	cover  []*access.Step
}

// Run puts all assertions of the files, side by side, and hands out the rows in their
// order. It ends with the error of emit, of the context, or of what a file refers to.
func (r *Runner) Run(ctx context.Context, files []*File, emit func(Row) error) (Summary, error) {
	x := r.Explainer
	x.Full = true
	run := &running{Runner: r, x: &x, endless: lint.Endless(x.Model), cover: newCoverage(x.Model)}
	var jobs []*job
	for _, f := range files {
		list, err := run.prepare(f)
		if err != nil {
			return Summary{}, err
		}
		jobs = append(jobs, list...)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	parallel := r.Parallel
	if parallel < 1 {
		parallel = 4
	}
	ahead := make(chan struct{}, parallel*4) // so that explanations do not pile up
	next := make(chan *job)
	wg.Go(func() {
		defer close(next)
		for _, j := range jobs {
			select {
			case ahead <- struct{}{}:
			case <-ctx.Done():
				return
			}
			select {
			case next <- j:
			case <-ctx.Done():
				return
			}
		}
	})
	for range parallel {
		wg.Go(func() {
			for j := range next {
				run.one(ctx, j)
				close(j.done)
			}
		})
	}
	return run.collect(ctx, jobs, ahead, emit)
}

// collect hands out the rows in their order.
func (r *running) collect(ctx context.Context, jobs []*job, ahead chan struct{}, emit func(Row) error) (Summary, error) {
	var s Summary
	for i, j := range jobs {
		select {
		case <-j.done:
		case <-ctx.Done():
			return s, ctx.Err()
		}
		if err := ctx.Err(); err != nil {
			return s, err // what came of it is that somebody stopped it
		}
		for _, step := range j.cover {
			r.cover.take(step)
		}
		s.Assertions++
		switch j.row.Result {
		case Pass:
			s.Passed++
		case Fail:
			s.Failed++
		default:
			s.Unknown++
		}
		if err := emit(j.row); err != nil {
			return s, err
		}
		jobs[i] = nil
		<-ahead
	}
	s.Coverage = r.cover.result()
	return s, nil
}

type running struct {
	*Runner
	x       *access.Explainer
	endless func(namespace, relation string) string
	cover   *coverage
}

// prepare reads the questions of a file with the real people in them.
func (r *running) prepare(f *File) ([]*job, error) {
	p, err := f.names(r.Resolve)
	if err != nil {
		return nil, err
	}
	var out []*job
	for _, g := range f.Groups {
		writes, err := g.writes(p)
		if err != nil {
			return nil, err
		}
		for _, c := range g.Cases {
			j := &job{group: g, c: c, writes: writes, done: make(chan struct{})}
			if err := j.read(p); err != nil {
				return nil, err
			}
			j.row.Group, j.row.File, j.row.Line = g.Name, f.Name, c.Question.Line
			out = append(out, j)
		}
	}
	return out, nil
}

func (j *job) read(p *people) (err error) {
	if j.c.Expect == "" {
		if j.set, err = p.set(j.c.Question); err != nil {
			return err
		}
		for _, s := range j.c.Subjects {
			who, err := p.expand(s)
			if err != nil {
				return err
			}
			j.who = append(j.who, who)
		}
		j.row.Expect, j.row.Question, j.row.Assertion = "who_can", j.set.String(), "who_can "+j.c.Question.Value
		return nil
	}
	if j.q, err = p.tuple(j.c.Question); err != nil {
		return err
	}
	j.row.Expect, j.row.Question, j.row.Assertion = string(j.c.Expect), j.q.String(), string(j.c.Expect)+" "+j.c.Question.Value
	if j.c.Because, err = p.expand(Text{j.c.Because, j.c.Question.Line}); err != nil {
		return err
	}
	return nil
}

// one puts one assertion.
func (r *running) one(ctx context.Context, j *job) {
	ns, rel := j.q.Namespace, j.q.Relation
	if j.c.Expect == "" {
		ns, rel = j.set.Namespace, j.set.Relation
	}
	if p := r.endless(ns, rel); p != "" && r.x.Server != nil {
		j.row.Result, j.row.Got = Unknown, access.Unknown
		j.row.Reason = fmt.Sprintf("The server was not asked: %s asks itself without end, which Keto up to 26.2 does not survive. See gatehouse lint.", p)
		return
	}
	if j.c.Expect == "" {
		r.whoCan(ctx, j)
		return
	}
	t, err := r.ask(ctx, j)
	j.row.Got, j.row.Millis = t.Verdict, t.Millis
	j.cover = append(j.cover, t.Tree)
	j.judge(t, err)
	if j.row.Result != Pass || r.All {
		t.Tree = nil
		j.row.Trace = &t
	}
}

// ask answers a question, with the changes that the group supposes.
func (r *running) ask(ctx context.Context, j *job) (access.Trace, error) {
	a := access.Asking{Question: j.q}
	if r.Asking != nil {
		a = r.Asking(ctx, j.q)
	}
	if len(j.writes) == 0 {
		return r.x.Explain(ctx, a)
	}
	after, err := r.x.WhatIf(ctx, a, j.writes)
	return after.Trace, err
}

// judge holds the answer against what is expected. An error with which Keto itself
// answers is an answer: neither yes nor no. That nobody could answer is none.
func (j *job) judge(t access.Trace, err error) {
	refused := t.Verdict == access.Unknown && err == nil && (t.Server == access.Unknown || t.Cause == access.CauseUnknownRelation || t.Cause == access.CauseSet)
	want := map[Expect]access.Verdict{Allow: access.Allowed, Deny: access.Denied, Refused: access.Unknown}[j.c.Expect]
	switch {
	case err != nil:
		j.row.Result, j.row.Reason = Unknown, err.Error()
	case t.Verdict == access.Unknown && !refused:
		j.row.Result, j.row.Reason = Unknown, t.Summary
	case t.Verdict != want:
		j.row.Result, j.row.Reason = Fail, t.Summary
	case j.c.Because != "" && j.c.Because != t.Cause && !restsOn(t.Proof, j.c.Because):
		j.row.Result = Fail
		j.row.Reason = fmt.Sprintf("The answer is right, but it does not rest on %s.", j.c.Because)
	default:
		j.row.Result = Pass
	}
}

// restsOn reports whether a tuple is part of an explanation.
func restsOn(s *access.Step, tuple string) bool {
	if s == nil {
		return false
	}
	return s.Tuple == tuple || s.Kind == access.KindDirect && s.Verdict == access.Allowed && s.Label == tuple ||
		slices.ContainsFunc(s.Children, func(c *access.Step) bool { return restsOn(c, tuple) })
}

// whoCan compares who can with who should be able to.
func (r *running) whoCan(ctx context.Context, j *job) {
	x := *r.x
	if len(j.writes) > 0 {
		x.Server, x.Tuples = nil, access.Overlay(x.Tuples, j.writes)
	}
	f := access.Finder{Judge: judge(&x), Tuples: x.Tuples, Model: x.Model, ModelUnknown: x.ModelUnknown}
	can := map[string]bool{}
	outcome, err := f.WhoCan(ctx, j.set, func(s tuple.Subject) bool { return s.Set == nil }, func(found []access.Found) error {
		for _, one := range found {
			if one.Verdict == access.Allowed {
				can[one.Question.Subject.ID] = true
			}
		}
		return nil
	})
	for _, who := range j.who {
		if !can[who] {
			j.row.Missing = append(j.row.Missing, who)
		}
		delete(can, who)
	}
	for who := range can {
		j.row.Extra = append(j.row.Extra, who)
	}
	slices.Sort(j.row.Extra)
	switch {
	case err != nil:
		j.row.Result, j.row.Reason = Unknown, err.Error()
	case len(j.row.Extra) > 0, len(j.row.Missing) > 0 && outcome.Complete():
		j.row.Result, j.row.Reason = Fail, j.compared()
	case !outcome.Complete():
		j.row.Result, j.row.Reason = Unknown, "Not everybody could be found: "+strings.Join(outcome.Missing, "; ")
	default:
		j.row.Result = Pass
	}
}

func (j *job) compared() string {
	var parts []string
	if len(j.row.Missing) > 0 {
		parts = append(parts, "cannot and should: "+strings.Join(j.row.Missing, ", "))
	}
	if len(j.row.Extra) > 0 {
		parts = append(parts, "can and should not: "+strings.Join(j.row.Extra, ", "))
	}
	return strings.Join(parts, "; ") + "."
}

// judge answers questions as the explainer would, without explaining.
func judge(x *access.Explainer) access.Judge {
	return func(ctx context.Context, qs []tuple.Tuple) (out []access.Answer, requests int, err error) {
		for _, q := range qs {
			var a access.Answer
			if x.Server != nil {
				requests++
				ok, err := x.Server.Check(ctx, q, 0)
				switch {
				case err != nil && (x.Refused == nil || !x.Refused(err)):
					return nil, requests, err
				case err != nil:
					a = access.Answer{Verdict: access.Unknown, Reason: err.Error()}
				case ok:
					a.Verdict = access.Allowed
				default:
					a.Verdict = access.Denied
				}
			} else if tuples, ok := x.Tuples.(access.Reader); ok {
				a.Verdict = access.Evaluate(ctx, tuples, x.Model, x.Settings, q, 0).Verdict
			} else {
				t, err := x.Explain(ctx, access.Asking{Question: q})
				if err != nil {
					return nil, requests, err
				}
				a = access.Answer{Verdict: t.Verdict, Reason: t.Summary}
			}
			out = append(out, a)
		}
		return out, requests, errors.Join(ctx.Err())
	}
}
