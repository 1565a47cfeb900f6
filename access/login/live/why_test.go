package live_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/login/live"
)

// TestEveryCause makes each cause on the real server, logs in for real, and holds what
// is seen and what is named against each other; then it applies the first fix, logs in
// again by the same request, and takes the fix back.
func TestEveryCause(t *testing.T) {
	l := theLab(t)
	rows := 0
	for _, f := range faults {
		rows += len(f.seen)
		for _, g := range slices.Sorted(maps.Keys(f.seen)) {
			t.Run(fmt.Sprintf("%s/%s", f, g), func(t *testing.T) {
				t.Parallel()
				proved.row(t)
				s := l.newSubject(t, g)
				f.spoil(s)
				o := s.wantDenied(f)
				if tr := s.wantCause(f.code); !sawIt(tr.Saw, o.text) {
					t.Errorf("it says that %q was seen, but seen was %s", tr.Saw, o)
				}
				s.wantHonest(f.code)
				s.wantCured(f)
			})
		}
	}
	proved.expect(t, rows)
}

// wantDenied logs in and expects to see the face of the fault.
func (s *subject) wantDenied(f fault) outcome {
	s.t.Helper()
	o := s.try()
	if o.ok || !strings.Contains(o.text, f.seen[s.Grant]) {
		s.t.Fatalf("%s: seen is %s, want %q", f, o, f.seen[s.Grant])
	}
	return o
}

// sawIt reports whether the words of a trace ("the login page said: …", with an error
// code before the sentence where there is one) stand in what was seen.
func sawIt(saw, text string) bool {
	_, words, _ := strings.Cut(saw, " said: ")
	_, after, _ := strings.Cut(words, ", ")
	near := func(w string) bool {
		w = strings.TrimRight(strings.ReplaceAll(w, "service-account-…' ", ""), ".")
		return w != "" && strings.Contains(text, strings.TrimPrefix(w, "User '"))
	}
	return near(words) || near(after)
}

func (s *subject) wantCause(code login.Code) login.Trace {
	s.t.Helper()
	tr := s.why()
	if tr.Cause != string(code) || tr.Verdict != access.Denied {
		s.t.Fatalf("the cause is %q (%s: %s), want %s\n%s", tr.Cause, tr.Verdict, tr.Summary, code, checksText(tr))
	}
	if tr.Saw == "" || tr.Summary == "" {
		s.t.Errorf("saw %q, summary %q", tr.Saw, tr.Summary)
	}
	return tr
}

func checksText(tr login.Trace) string {
	var b strings.Builder
	for _, c := range tr.Checks {
		fmt.Fprintf(&b, "%-8s %-24s %s %s\n", c.State, c.Code, c.Evidence, c.Needs)
	}
	return b.String()
}

// cutRights are accounts that may not see everything.
var cutRights = [][]string{
	{"query-users", "query-clients"},
	{"view-users"},
	{"view-realm", "view-clients", "view-events"},
	{"view-users", "view-realm"},
	{"view-users", "view-clients", "view-events"},
	{"view-users", "view-clients", "view-realm"},
}

// wantHonest asks under accounts that see less: the answer is right, or unknown with
// the right that is missing, and never another one.
func (s *subject) wantHonest(code login.Code) {
	s.t.Helper()
	for _, rights := range cutRights {
		s.honest(code, rights, s.l.clerk(s.t, rights...))
	}
}

func (s *subject) honest(code login.Code, rights []string, x *live.Explainer) {
	s.t.Helper()
	tr, err := x.Why(context.Background(), s.Asked, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.judge(tr, code, rights)
}

// judge takes an answer that an account with these rights got.
func (s *subject) judge(tr login.Trace, code login.Code, rights []string) {
	s.t.Helper()
	switch {
	case tr.Verdict == access.Denied && tr.Cause == string(code):
	case tr.Verdict == access.Unknown && tr.Cause == string(login.NotVisible) && tr.Hint != "" && missing(tr):
	default:
		s.t.Errorf("with %v the answer is %s by %q (%s), want %s or unknown\n%s", rights, tr.Verdict, tr.Cause, tr.Summary, code, checksText(tr))
	}
}

func missing(tr login.Trace) bool {
	return slices.ContainsFunc(tr.Checks, func(c login.Check) bool { return c.State == login.Unknown && c.Needs != "" })
}

// policing is held by whoever switches a policy of the shared realm.
var policing sync.Mutex

// wantCured applies the first fix, logs in by the same request and takes the fix back;
// before and after each, everything is read by another client.
func (s *subject) wantCured(f fault) {
	s.t.Helper()
	tr := s.why()
	if f.unfixable != "" {
		if len(tr.Fixes) > 0 {
			s.t.Errorf("there is a fix where none helps: %+v", tr.Fixes)
		}
		return
	}
	if len(tr.Fixes) == 0 {
		s.t.Fatalf("no fix for %s", f)
	}
	var in live.Inputs
	if f.inputs != nil {
		in = f.inputs(s)
	}
	if f.code == login.ClientPolicy { // its fix changes what other rows look at
		policing.Lock()
		defer policing.Unlock()
	}
	x := s.explainer()
	back := s.before(tr.Fixes[0], in)
	done, err := x.Apply(context.Background(), tr.Fixes[0], in)
	if err != nil {
		s.t.Fatalf("%s: %v", tr.Fixes[0].Summary, err)
	}
	back.written(s.t)
	if again, err := x.Why(context.Background(), s.Asked, nil); err != nil || again.Verdict != access.Allowed {
		s.t.Errorf("after the fix, before a new try: %s by %s (%s) %v\n%s", again.Verdict, again.Cause, again.Summary, err, checksText(again))
	}
	if o := s.try(); !o.ok {
		s.t.Fatalf("after %q: %s", tr.Fixes[0].Summary, o)
	}
	if !done.CanUndo() {
		if !tr.Fixes[0].Final && f.code != login.LockedPermanently && f.code != login.LockedTemporarily && f.code != login.LockedQuickLogin {
			s.t.Errorf("%q cannot be undone, and does not say so", tr.Fixes[0].Summary)
		}
		return
	}
	if err := done.Undo(context.Background()); err != nil {
		s.t.Fatalf("undo of %q: %v", tr.Fixes[0].Summary, err)
	}
	back.undone(s.t)
	s.wantCause(f.code)
}
