// Package setup knows the ten steps after which an application finds the roles of
// its users in their tokens: realm, client, secret, roles, mapper, user, role
// mapping, issuer, login, logout. It says of a realm which of them are missing, and
// does those that are.
//
// A step that is done is left alone, so that a second run changes nothing. What
// somebody may have decided on purpose (a disabled user or client, a required
// action, an address that the client allows besides) is told and not undone.
package setup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// Wish is what the application needs.
type Wish struct {
	// Realm and Client are needed; Client is a clientId.
	Realm, Client string
	// DisplayName and ClientName are given to what has to be made.
	DisplayName, ClientName string
	// Public makes the client without a secret, for applications in a browser.
	Public bool
	// Redirects are the addresses that the login may send the browser back to.
	Redirects []string
	// PostLogout are those that the logout may.
	PostLogout []string
	// Roles are names of roles of the client. Without any the client must have some.
	Roles []string
	// Tokens say where the application looks for the roles; empty means ID token and
	// userinfo.
	Tokens []keycloak.TokenKind
	// Claim is the path at which it looks, with Keycloak's ${client_id} in it; empty
	// means that of Keycloak's own mapper, resource_access.${client_id}.roles.
	Claim string
	// Scope is the scope parameter that the application sends; empty means DefaultScope.
	Scope string
	// OwnMapper gives the client a mapper of its own, where else the one that it shares
	// with other clients is switched.
	OwnMapper bool
	// Users must be able to log in with all of Roles.
	Users []User
	// Issuer is the address of the realm as the application knows it; empty leaves that
	// open.
	Issuer string
}

// DefaultScope is what the application of Keycloak's tutorials asks for.
const DefaultScope = "openid profile email"

// DefaultClaim is where Keycloak's own mapper puts the roles of a client.
const DefaultClaim = "resource_access.${client_id}.roles"

// User is somebody who must be able to use the application. Only Username is needed
// of one who is there already.
type User struct {
	Username, Email, FirstName, LastName string
	// Password is set when the user is made, or has none.
	Password string
	// Temporary makes the user choose another at the first login.
	Temporary bool
}

// String keeps the password out of every print.
func (u User) String() string { return "user " + u.Username }

// GoString keeps the password out of %#v.
func (u User) GoString() string { return u.String() }

// State says whether a step is done.
type State string

// The states of a step. What could not be read is Unknown, never Missing.
const (
	Done    State = "done"
	Missing State = "missing"
	Unknown State = "unknown"
	Skipped State = "skipped" // nothing was asked for that it could be about
)

// Outcome says what became of a step that was to be done.
type Outcome string

// The outcomes, as scripts know them from other writes.
const (
	Unchanged    Outcome = "unchanged"
	Changed      Outcome = "done"
	WouldDo      Outcome = "would_do"
	Failed       Outcome = "failed"
	MayHave      Outcome = "unknown" // sent, and no answer came back
	NotReached   Outcome = "not_reached"
	CannotBeDone Outcome = "by_hand" // gatehouse has no write for it
)

// Step is one of the ten.
type Step struct {
	// Number is 1 to 10; steps 6 and 7 come once for each user.
	Number int    `json:"step"`
	Name   string `json:"name" jsonschema:"enum=realm,enum=client,enum=secret,enum=roles,enum=mapper,enum=user,enum=grant,enum=issuer,enum=login,enum=logout"`
	// Who is the user of steps 6 and 7.
	Who   string `json:"user,omitempty"`
	State State  `json:"state" jsonschema:"enum=done,enum=missing,enum=unknown,enum=skipped"`
	// Found says what is there.
	Found string `json:"found"`
	// Effect is what people see while it is missing.
	Effect string `json:"effect,omitempty"`
	// Fix is what would be written, or what a person has to do where Writes is false.
	Fix    string `json:"fix,omitempty"`
	Writes bool   `json:"writes"`
	// Also is what the write changes besides.
	Also string `json:"also,omitempty"`
	// Needs are the rights that are missing where State is Unknown.
	Needs string `json:"needs,omitempty"`
	// Outcome is set by Apply, and Error beside a failure.
	Outcome Outcome `json:"outcome,omitempty" jsonschema:"enum=unchanged,enum=done,enum=would_do,enum=failed,enum=unknown,enum=not_reached,enum=by_hand"`
	Error   string  `json:"error,omitempty"`

	do func(context.Context) (undo func(context.Context) error, err error)
	// Undo takes back what Apply did; nil where that cannot be.
	Undo func(context.Context) error `json:"-"`
}

func (s Step) missing(found, effect string) Step {
	s.State, s.Found, s.Effect = Missing, found, effect
	return s
}

func (s Step) done(found string) Step {
	s.State, s.Found = Done, found
	return s
}

// with adds the write that does the step.
func (s Step) with(fix, also string, do func(context.Context) (func(context.Context) error, error)) Step {
	s.Fix, s.Also, s.Writes, s.do = fix, also, true, do
	return s
}

// later is a write that can be made only after earlier ones.
func (s Step) later(fix string) Step {
	s.Fix, s.Writes = fix, true
	return s
}

// byHand says what a person has to do.
func (s Step) byHand(fix string) Step {
	s.Fix = fix
	return s
}

// Validate reports a wish that makes no sense, naming what is wrong with it.
func (w Wish) Validate() error {
	bad := func(format string, args ...any) error {
		return &clients.Problem{Kind: clients.Invalid, Op: "set up the client", Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case w.Realm == "":
		return bad("the name of the realm is empty")
	case w.Client == "":
		return bad("the clientId is empty")
	case w.Realm == "master":
		return bad("the realm master is for the administrators of the server, not for applications")
	}
	for _, u := range slices.Concat(w.Redirects, w.PostLogout) {
		if parsed, err := url.Parse(u); err != nil || parsed.Scheme == "" || parsed.Fragment != "" {
			return bad("%q is no absolute address without a fragment", u)
		}
	}
	for _, k := range w.Tokens {
		if !slices.Contains([]keycloak.TokenKind{keycloak.AccessToken, keycloak.IDToken, keycloak.UserInfo}, k) {
			return bad("there is no token %q; it is access, id or userinfo", k)
		}
	}
	if slices.Contains(w.Roles, "") {
		return bad("the name of a role is empty")
	}
	for i, u := range w.Users {
		if u.Username == "" {
			return bad("user %d has no username", i+1)
		}
	}
	return nil
}

func (w Wish) withDefaults() Wish {
	if len(w.Tokens) == 0 {
		w.Tokens = []keycloak.TokenKind{keycloak.IDToken, keycloak.UserInfo}
	}
	if w.Claim == "" {
		w.Claim = DefaultClaim
	}
	if w.Scope == "" {
		w.Scope = DefaultScope
	}
	return w
}

// Check says of each step whether it is done. It writes nothing. The error is set
// only when the server could not be asked; what our account may not see is a step in
// state Unknown.
func Check(ctx context.Context, s *keycloak.Server, w Wish) ([]Step, error) {
	return run(ctx, s, w, func(Step) Outcome { return "" }, func(Step) {})
}

// DryRun is Check that also says what Apply would do.
func DryRun(ctx context.Context, s *keycloak.Server, w Wish) ([]Step, error) {
	return run(ctx, s, w, func(st Step) Outcome {
		switch {
		case st.State == Missing && st.Writes:
			return WouldDo
		case st.State == Missing:
			return CannotBeDone
		case st.State == Done:
			return Unchanged
		}
		return ""
	}, func(Step) {})
}

// Apply does the steps that are missing, in their order, each read again after it was
// written, and reports every one as it ends; those for which want is false are left
// alone (nil means all). A failure ends it, since later steps lean on earlier ones:
// the others are reported as not reached.
func Apply(ctx context.Context, s *keycloak.Server, w Wish, want func(Step) bool, report func(Step)) error {
	if want == nil {
		want = func(Step) bool { return true }
	}
	var failed error
	_, err := run(ctx, s, w, func(st Step) Outcome {
		switch {
		case failed != nil:
			return NotReached
		case st.State == Missing && !want(st):
			return ""
		case st.State == Missing && st.Writes && st.do == nil:
			return NotReached
		case st.State == Missing && st.Writes:
			return Changed
		case st.State == Missing:
			return CannotBeDone
		case st.State == Done:
			return Unchanged
		}
		return ""
	}, func(st Step) {
		if st.Outcome == Failed || st.Outcome == MayHave {
			failed = st.failure()
		}
		report(st)
	})
	return errors.Join(failed, err)
}

// failure is the error of a step as it was met; run keeps it.
func (s Step) failure() error { return stepError{s} }

// stepError carries which step failed.
type stepError struct{ step Step }

func (e stepError) Error() string {
	return fmt.Sprintf("step %d (%s): %s", e.step.Number, e.step.Name, e.step.Error)
}

// run goes through the steps. decide says what is to become of each: with Changed its
// write is made and the step is looked at again.
func run(ctx context.Context, s *keycloak.Server, w Wish, decide func(Step) Outcome, report func(Step)) ([]Step, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	l := &looker{s: s, r: s.Realm(w.Realm), w: w.withDefaults()}
	var out []Step
	for _, look := range l.steps() {
		st, err := l.look(ctx, look)
		if err != nil {
			return out, err
		}
		st.Outcome = decide(st)
		if st.Outcome == Changed {
			st = l.write(ctx, st, look)
		}
		out = append(out, st)
		report(st)
	}
	return out, nil
}

// look reads one step. What our account may not see is unknown, not an error.
func (l *looker) look(ctx context.Context, look func(context.Context) (Step, error)) (Step, error) {
	st, err := look(ctx)
	if p, ok := errors.AsType[*clients.Problem](err); ok && p.Kind == clients.Denied {
		st.State, st.Found, st.Needs = Unknown, "not visible to our account: "+p.Reason, l.needs(p)
		return st, nil
	}
	return st, err
}

// needs is the right that a refusal named.
func (l *looker) needs(p *clients.Problem) string {
	rest, ok := strings.CutPrefix(p.Hint, "our account needs the role ")
	if !ok {
		return ""
	}
	right, _, _ := strings.Cut(rest, " of realm-management")
	right, _, _ = strings.Cut(right, ";")
	return right
}

// write does a step and looks at it again.
func (l *looker) write(ctx context.Context, st Step, look func(context.Context) (Step, error)) Step {
	fail := func(err error) Step {
		st.Outcome, st.Error = Failed, err.Error()
		if clients.Is(err, clients.UnknownOutcome) {
			st.Outcome = MayHave
		}
		return st
	}
	undo, err := st.do(ctx)
	if err != nil && !clients.Is(err, clients.UnknownOutcome) {
		return fail(err)
	}
	if l.client != nil {
		if c, err := l.r.Client(ctx, l.client.ID); err == nil {
			l.client = &c
		}
	}
	again, lerr := l.look(ctx, look)
	switch {
	case lerr != nil && err == nil:
		return fail(&clients.Problem{Kind: clients.UnknownOutcome, Op: "look at it again", Reason: lerr.Error()})
	case again.State == Done: // also when the answer to the write was lost
		again.Outcome, again.Fix, again.Writes, again.Also, again.Undo = Changed, st.Fix, true, st.Also, undo
		return again
	case err != nil:
		return fail(err)
	case again.State == Unknown:
		again.Outcome, again.Undo = MayHave, undo
		return again
	case !again.Writes && again.Found != st.Found: // something else is missing now, which is for a person to do
		again.Outcome, again.Undo = CannotBeDone, undo
		return again
	case !again.Writes || again.Fix == st.Fix:
		st.Found = again.Found
		return fail(fmt.Errorf("it was written, but %s", again.Found))
	}
	return l.write(ctx, again, look) // the next of several writes of one step
}
