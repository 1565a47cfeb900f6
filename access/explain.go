package access

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Explainer answers questions with reasons. Its parts must not be changed while it is
// in use; it is safe for several goroutines if they are.
type Explainer struct {
	// Server is asked for its verdict, which is the one that counts; nil asks nobody.
	Server Checker
	// Tuples are what the explanation rests on.
	Tuples Lister
	// Model is the server's permission model; nil when it has none or it is not known.
	Model *opl.Model
	// ModelUnknown says that a nil Model does not mean that there is none.
	ModelUnknown bool
	// Settings are the server's. Those that are not known for sure may be guessed: an
	// explanation that does not match the server then tries the other engine, or the
	// other mode, and says so.
	Settings                 Settings
	GuessEngine, GuessStrict bool
	// Refused tells an error of Check with which Keto itself says that it has no
	// verdict, such as an unknown relation, from one that says nothing about access.
	Refused func(error) bool
	// Judge asks many questions at once, where further questions help; nil asks Server one
	// by one.
	Judge Judge
	// Prober finds out what no API tells about the server; it is asked only where an
	// explanation hangs on it. May be nil.
	Prober *Prober
	// Large remembers what is too long to be read between one explanation and the next; nil
	// remembers nothing.
	Large *Large
	// Full asks for the whole tree besides the proof.
	Full bool
}

// Asking is a question with what is known about who asks.
type Asking struct {
	Question tuple.Tuple
	// MaxDepth is that of the request; 0 leaves it to the server.
	MaxDepth int
	// Name is how the person is called in sentences; empty means by the subject.
	Name string
	// Aliases are the other subjects that mean the same person; see Person.Aliases.
	Aliases []Alias
	// NotLooked says which back ends were not asked for names of the person, and why:
	// "keycloak: not in context dev".
	NotLooked []string
}

// Explain asks the server and works out why it answers so. The error is nil unless
// the server could not be asked; the Trace is usable in any case.
//
// The server decides: Verdict is its answer. An explanation that does not match it is
// made once more from tuples read again, since Keto gives no snapshot, and is then
// shown as what it is.
func (x *Explainer) Explain(ctx context.Context, a Asking) (Trace, error) {
	t, _, err := x.explain(ctx, a)
	return t, err
}

// explain is Explain with what the explanation was made of.
func (x *Explainer) explain(ctx context.Context, a Asking) (Trace, *working, error) {
	start := time.Now()
	t := Trace{Schema: Schema, Question: a.Question.String(), Verdict: Unknown, Server: NotAsked}
	w, err := x.settled(ctx, a, &t)
	t.Millis = time.Since(start).Milliseconds()
	if err != nil {
		t.Summary = "Keto could not answer whether " + Sentence(a.Question) + "."
		return t, w, err
	}
	x.tell(ctx, w, &t)
	if x.Server != nil {
		t.Requests += w.store.requests
		t.RoundTrips += w.store.trips
	}
	t.Millis = time.Since(start).Milliseconds()
	return t, w, nil
}

// settled asks and evaluates until both agree, or nothing is left to try: once more from
// tuples read again; in the other orders that the server's rows may come in; and asking
// again whether the server gives both answers.
func (x *Explainer) settled(ctx context.Context, a Asking, t *Trace) (*working, error) {
	w, err := x.once(ctx, a, t)
	if err != nil || t.Server == NotAsked || w.Verdict == t.Server || errors.Is(w.readError(), ErrBudget) {
		return w, err
	}
	first, ours := t.Server, w.Verdict
	asks := w.asks
	t.Requests += w.store.requests
	t.RoundTrips += w.store.trips
	if w, err = x.once(ctx, a, t); err != nil {
		return w, err
	}
	w.asks += asks
	switch {
	case w.Verdict == t.Server:
		w.flapped = t.Server != first && w.Verdict == ours // the tuples did not change, the answer did
	case w.relist(ctx, t.Server):
	case w.reorder(ctx, t.Server):
	case x.flaps(ctx, w, t):
		w.flapped = true
	default:
		w.probe(ctx, t)
	}
	return w, nil
}

// working is one explanation in the making.
type working struct {
	Decision
	// asks is how often the server was asked; flapped says that it gave both answers, and
	// reordered that its answer comes out in another order of its rows than it lists.
	asks               int
	flapped, reordered bool
	// ruleless says that the server has no rules, although no model was given.
	ruleless bool
	x        *Explainer
	ask      Asking
	store    *store
	// whole is a Reader that has everything at hand; nil where lists have to be read.
	whole Reader
	set   Settings
	// guessed says with which other settings the explanation matches the server.
	guessed string
	// meant is the tuple that grants the same person under another name, with the name
	// that was asked for; nil where there is none.
	meant *tuple.Tuple
	// also notes what will be wanted later besides, to be read in the same round as what is
	// wanted now; nil notes nothing.
	also func(v *view)
}

// once asks the server and evaluates, side by side.
func (x *Explainer) once(ctx context.Context, a Asking, t *Trace) (*working, error) {
	w := x.begin(a)
	var wg sync.WaitGroup
	var failed error
	if x.Server != nil {
		t.Requests++
		w.asks++
		w.store.progress = counter(ctx, Cost{t.Requests, t.RoundTrips})
		wg.Go(func() { t.Server, failed = x.asked(ctx, a) })
	}
	if x.Model == nil && x.ModelUnknown {
		wg.Go(func() { w.ruleless = w.noRules(ctx) })
	}
	w.first(ctx)
	wg.Wait()
	if failed != nil {
		t.Server = Unknown
		return w, failed
	}
	if t.Server == Denied && !w.blind() {
		w.also = func(v *view) { w.ahead(ctx, v) }
	}
	for w.Decision = w.decide(ctx, variant{}); w.openUp(w.Decision); {
		w.Decision = w.decide(ctx, variant{})
	}
	if t.Server != NotAsked && w.Verdict != t.Server && !errors.Is(w.readError(), ErrBudget) {
		w.guess(ctx, t.Server)
	}
	return w, nil
}

func (x *Explainer) begin(a Asking) *working {
	w := &working{x: x, ask: a, store: newStore(x.Tuples), set: x.Settings.withDefaults()}
	w.learn(x.Prober.Known())
	w.store.large = x.Large
	if x.Server == nil {
		w.whole, _ = x.Tuples.(Reader)
		return w
	}
	w.store.check = func(ctx context.Context, q tuple.Tuple, depth int) (Verdict, error) {
		return x.asked(ctx, Asking{Question: q, MaxDepth: min(depth, w.set.MaxDepth)})
	}
	return w
}

// first reads what every explanation needs, side by side with the question itself: what
// the subject has, and what is stored about the object.
func (w *working) first(ctx context.Context) {
	if w.whole != nil {
		return
	}
	q := w.ask.Question
	v := w.store.view()
	v.object([2]string{q.Namespace, q.Object})
	v.subject(q.Subject)
	v.fetch(ctx)
}

func (x *Explainer) asked(ctx context.Context, a Asking) (Verdict, error) {
	ok, err := x.Server.Check(ctx, a.Question, a.MaxDepth)
	switch {
	case err != nil && x.Refused != nil && x.Refused(err):
		return Unknown, nil
	case err != nil:
		return Unknown, err
	case ok:
		return Allowed, nil
	}
	return Denied, nil
}

func (w *working) decide(ctx context.Context, v variant) Decision {
	return w.with(ctx, w.ask.Question, w.set, w.ask.MaxDepth, v)
}

func (w *working) with(ctx context.Context, q tuple.Tuple, s Settings, maxDepth int, v variant) Decision {
	return w.settle(ctx, w.question(ctx, q, s, maxDepth, v))[0]
}

func (w *working) question(ctx context.Context, q tuple.Tuple, s Settings, maxDepth int, v variant) func(Reader) Decision {
	return func(r Reader) Decision { return evaluate(ctx, r, w.x.Model, s, q, maxDepth, v) }
}

// guess looks for the mode and the engine with which the server's answer comes out,
// since no API tells them.
func (w *working) guess(ctx context.Context, server Verdict) {
	engines, modes := []opl.Engine{w.set.Engine}, []bool{w.set.Strict}
	if w.x.GuessEngine {
		engines = append(engines, other(w.set.Engine))
	}
	if w.x.GuessStrict {
		modes = append(modes, !w.set.Strict)
	}
	for _, engine := range engines {
		for _, strict := range modes {
			set := w.set
			set.Engine, set.Strict = engine, strict
			if d := w.with(ctx, w.ask.Question, set, w.ask.MaxDepth, variant{}); d.Verdict == server {
				w.guessed = fmt.Sprintf("the server seems to run the %s engine with strict mode %s; set keto.engine and keto.strict to say so", engine, onOff(strict))
				w.Decision, w.set = d, set
				return
			}
		}
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func other(e opl.Engine) opl.Engine {
	if e == opl.New {
		return opl.Classic
	}
	return opl.New
}

// tell fills the trace.
func (x *Explainer) tell(ctx context.Context, w *working, t *Trace) {
	d := draw{m: x.Model, who: w.who(), costs: w.costs()}
	t.Explained, t.Verdict = w.Verdict, w.Verdict
	if t.Server != NotAsked {
		t.Verdict = t.Server
		agrees := t.Server == w.Verdict
		t.Agrees = &agrees
	}
	t.NotLooked = w.ask.NotLooked
	switch {
	case x.Model != nil:
		t.Basis = BasisModel
	case w.blind():
		t.Basis = BasisInferred
	default:
		t.Basis = BasisLegacy
	}
	t.Proof = d.charged(w.Root, draw.decisive)
	if x.Full {
		t.Tree = d.charged(w.Root, draw.full)
	}
	w.explain(ctx, t)
	if t.Agrees == nil || *t.Agrees {
		t.Fixes = w.fixes(ctx)
	}
	if t.Agrees != nil && !*t.Agrees {
		w.disagree(t)
	}
}
