package screens

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// LoginFixed is a fix that was carried out, as far as it got.
type LoginFixed struct {
	// Changed is how many of its writes changed something.
	Changed int
	// Undo takes them back; nil where that cannot be.
	Undo func(context.Context) error
}

// LoginWhySpec is what the explanation of a login or a role behind Keycloak is made
// of. Why is needed.
type LoginWhySpec struct {
	// Asked is explained at once; what it lacks is asked for in a form first.
	Asked login.Asked
	// Why asks the server. first gets a verdict as soon as there is one, at most once
	// and before Why returns.
	Why func(ctx context.Context, a login.Asked, first func(login.Trace)) (login.Trace, error)
	// Apply carries out a fix with what a person supplied to it; nil offers no fixes. What
	// it did stands in LoginFixed even beside an error.
	Apply func(ctx context.Context, a login.Asked, f login.Fix, inputs map[string]string) (LoginFixed, error)
	// Complete gives names of the realm for a field of the form (realm, user, client or
	// role) that begin with, or hold, the text; nil completes nothing.
	Complete func(ctx context.Context, a login.Asked, field, text string) ([]string, error)
	// Roles shows the role mappings of the user, Preview the tokens; nil where there is
	// none.
	Roles   func(a login.Asked) tui.Screen
	Preview func(a login.Asked) tui.Screen
	// Paste takes a token apart that somebody pasted; nil where there is none.
	Paste func(a login.Asked) tui.Screen
}

// loginWhyTimeout bounds one explanation with all that it reads.
const loginWhyTimeout = 60 * time.Second

// LoginWhy shows why somebody does not get into an application behind Keycloak, or why
// a role is not in the token: the first cause that is met, what the person saw of it,
// what comes after it, and the changes that help.
type LoginWhy struct {
	spec LoginWhySpec
	host tui.Host

	a     login.Asked
	trace login.Trace
	at    time.Time
	asked bool // there is an answer to a
	part  bool // and it is the first verdict, with more to come
	err   error

	all   bool // the checks in Keycloak's order in place of the failing ones first
	fixes bool // whether the cursor is among the fixes
	fix   int
	tree  widget.Tree
	words loginWords

	job   tui.Job
	write tui.Job
	file  tui.Job
}

// NewLoginWhy makes the screen.
func NewLoginWhy(spec LoginWhySpec) *LoginWhy { return &LoginWhy{spec: spec, a: spec.Asked} }

// Title is the crumb.
func (s *LoginWhy) Title() string { return "why login" }

// Init asks, or lets the question be filled in.
func (s *LoginWhy) Init(h tui.Host) tea.Cmd {
	s.host = h
	if s.a.Check() != "" {
		s.edit()
		return nil
	}
	s.ask()
	return nil
}

// Typing is never true here: what is typed is typed in a form.
func (s *LoginWhy) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *LoginWhy) Close() {}

// Resume asks again when the role mappings or tokens that covered the screen may have
// changed the answer.
func (s *LoginWhy) Resume() {
	if s.asked && !s.part && !s.job.Busy() {
		s.ask()
	}
}

// Update takes the mouse.
func (s *LoginWhy) Update(msg tea.Msg) tea.Cmd {
	s.tree.Move(tui.Wheel(msg))
	return nil
}

// Status is what the answer cost.
func (s *LoginWhy) Status() string {
	if !s.asked || s.err != nil {
		return ""
	}
	return fmt.Sprintf("%s · %s · %d ms", count(s.trace.Requests, "request"), count(s.trace.RoundTrips, "round"), s.trace.Millis)
}

// ask asks the server; the first verdict is shown as soon as it is there.
func (s *LoginWhy) ask() {
	why, a := s.spec.Why, s.a
	tui.Stream(s.host, &s.job, func(ctx context.Context, emit func(tui.Page[login.Trace]) error) error {
		ctx, cancel := context.WithTimeout(ctx, loginWhyTimeout)
		defer cancel()
		show := func(t login.Trace) error { return emit(tui.Page[login.Trace]{Items: []login.Trace{t}}) }
		t, err := why(ctx, a, func(t login.Trace) { _ = show(t) })
		if err != nil {
			return err
		}
		return show(t)
	}, s.take)
}

// take shows what came. When no answer came, the one of before stays, told as what it
// is.
func (s *LoginWhy) take(b tui.Batch[login.Trace]) {
	if len(b.Items) > 0 {
		s.trace, s.asked, s.err = b.Items[len(b.Items)-1], true, nil
		s.at = s.host.Env().Now()
	}
	s.part = !b.Done
	if b.Err != nil {
		s.err = b.Err
		if clients.Is(b.Err, clients.Canceled) {
			s.err = &clients.Problem{Kind: clients.Canceled, Op: "explain the login", Reason: "it was stopped before the answer was whole", Hint: "r asks again"}
		}
	}
	s.fix = max(0, min(s.fix, len(s.trace.Fixes)-1))
	s.fixes = s.fixes && len(s.trace.Fixes) > 0
	s.draw()
}

// verdict is what may be said now: a first verdict may deny, since a cause that fails
// stands, but it never allows before everything is read.
func (s *LoginWhy) verdict() access.Verdict {
	if s.err != nil || s.part && s.trace.Verdict == access.Allowed {
		return access.Unknown
	}
	return s.trace.Verdict
}
