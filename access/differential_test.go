package access_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/stack/stacktest"
)

// What the comparison with the real Keto is told by its environment.
const (
	envDecisions = "GATEHOUSE_EXPLAIN_DECISIONS" // how many decisions are compared
	envSeed      = "GATEHOUSE_EXPLAIN_SEED"      // makes the same models, tuples and questions again
	envDir       = "GATEHOUSE_EXPLAIN_DIR"       // where bug reports go, and how far it came
)

// The comparison goes chunk by chunk, each on a server with settings of its own, and
// within it batch by batch: the worlds of one batch are in the server side by side.
const (
	perChunk  = 3600
	perBatch  = 16 // worlds
	perWorld  = 75 // questions
	explained = 10 // one of so many decisions is explained, and its fixes are tried
	askers    = 4
)

func fromEnv(name string, def uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return def
}

// Over random models, tuples, questions, depths and widths, strict and not, our engine
// must decide as the real Keto does, every explanation must agree with it, and every
// fix that is offered must make it allow, and be minimal.
//
// GATEHOUSE_EXPLAIN_DECISIONS=200000 makes it long, GATEHOUSE_EXPLAIN_SEED repeats the
// worlds (the order of rows is the server's own, and random), GATEHOUSE_EXPLAIN_DIR
// keeps bug reports and lets a run that was interrupted go on.
func TestDecidesAsKetoDoes(t *testing.T) {
	stacktest.Keto(t) // without servers this whole test is skipped
	n := fromEnv(envDecisions, 1500)
	log := openProgress(t, os.Getenv(envDir), n)
	t.Logf("seed %d (set %s to repeat it)", log.seed, envSeed)
	sum := log.sum
	for i := log.chunks; sum.asked < n; i++ {
		c := chunk{seed: log.seed, n: i, set: settingsFor(log.seed, i), want: min(perChunk, n-sum.asked), dir: os.Getenv(envDir)}
		if n < 3*perChunk { // the three kinds of server that are always tried share what is asked
			c.want = min(c.want, n/3+1)
		}
		var got tally
		if !t.Run(c.String(), func(t *testing.T) { c.run(t, &got) }) {
			t.Logf("%v: %v", c, got)
			break
		}
		sum.add(got)
		log.done(t, i, got)
		t.Logf("%v: %v", c, got)
	}
	t.Logf("seed %d: %v", log.seed, sum)
	if sum.silent > 10+sum.asked/500 {
		t.Errorf("too many questions had no answer: %v", sum)
	}
	if n >= 1000 && (sum.allowed < sum.asked/20 || sum.denied < sum.asked/20 || sum.fixes < sum.asked/50) {
		t.Errorf("hardly more than one answer was tried: %v", sum)
	}
}

// chunk is a portion of the comparison.
type chunk struct {
	seed uint64
	n    int
	set  access.Settings
	want uint64
	dir  string
}

func (c chunk) String() string {
	return fmt.Sprintf("%d depth %d width %d strict %v", c.n, c.set.MaxDepth, c.set.MaxWidth, c.set.Strict)
}

// settingsFor are the settings of the n-th server: three kinds, then at random. A
// larger depth than 8 lets rules that call each other over parents run for minutes.
func settingsFor(seed uint64, n int) access.Settings {
	switch n {
	case 0:
		return access.Settings{MaxDepth: access.DefaultMaxDepth, MaxWidth: access.DefaultMaxWidth}
	case 1:
		return access.Settings{MaxDepth: 8, MaxWidth: 3}
	case 2:
		return access.Settings{MaxDepth: 6, MaxWidth: 2, Strict: true}
	}
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	widths := []int{1, 2, 3, 4, 6, 100}
	return access.Settings{MaxDepth: 2 + r.IntN(7), MaxWidth: widths[r.IntN(len(widths))], Strict: r.IntN(2) == 0}
}

func settingsOf(s access.Settings) map[string]any {
	out := map[string]any{"log.level": "error"}
	if s.MaxDepth > 0 {
		out["limit.max_read_depth"] = s.MaxDepth
	}
	if s.MaxWidth > 0 {
		out["limit.max_read_width"] = s.MaxWidth
	}
	if s.Strict {
		out["namespaces.experimental_strict_mode"] = true
	}
	return out
}

// world is one model with its tuples; no other world on the server shares a name with it.
type world struct {
	seed uint64
	gen  *worldGen
	src  string
	m    *opl.Model
	rows []tuple.Tuple
	ts   *access.Tuples
	// pending are the decisions whose fixes wait to be tried, trials what comes next.
	pending []*decided
	trials  []trial
	// disputed are the decisions that came out otherwise than ours for the order of rows,
	// and of which the server did not give both answers when it was asked again.
	disputed []*decided
	// moved says that rows were put back, which then lie elsewhere: what was worked out
	// before may not hold any more.
	moved bool
}

func newWorld(t testing.TB, seed uint64, mark string) *world {
	t.Helper()
	g := newWorldGen(seed, mark)
	w := &world{seed: seed, gen: g, src: g.model()}
	var errs []*opl.Error
	if w.m, errs = opl.Parse("model.ts", w.src); len(errs) > 0 {
		t.Fatalf("the generator made a wrong model: %v\n%s", errs, w.src)
	}
	return w
}

// decided is one question with both answers.
type decided struct {
	w      *world
	q      tuple.Tuple
	depth  int
	ours   access.Decision
	theirs access.Verdict
	err    error
	full   bool // it is to be explained
	trace  access.Trace
	tried  map[string]bool // the fixes that were tried
}

func (c chunk) run(t *testing.T, sum *tally) {
	s := newServer(t, settingsOf(c.set))
	for batch := 0; sum.asked < c.want && sum.different < 5; batch++ {
		var worlds []*world
		size := perBatch
		if left := (c.want - sum.asked + perWorld - 1) / perWorld; left < perBatch {
			size = int(left)
		}
		for i := range size {
			// The seed of a world does not hang on how many were asked for.
			n := c.n<<16 + batch*perBatch + i
			worlds = append(worlds, newWorld(t, c.seed+uint64(n), "W"+strconv.Itoa(n)))
		}
		s.loadWorlds(t, worlds)
		c.compare(t, s, worlds, sum)
		c.tryFixes(t, s, worlds, sum)
		c.settle(t, s, worlds, sum)
	}
}

// loadWorlds gives the server the worlds, and reads their tuples back in its order.
func (s *server) loadWorlds(t testing.TB, worlds []*world) {
	t.Helper()
	marker := "Marker" + worlds[0].gen.mark
	src := "class " + marker + " implements Namespace {}\n"
	var ts []tuple.Tuple
	for _, w := range worlds {
		src += w.src
		ts = append(ts, w.gen.tuples(30+w.gen.IntN(30))...)
	}
	s.load(t, marker, src, nil, ts)
	inParallel(worlds, func(w *world) { w.rows = s.rows(t, w.gen.spaces) })
	for _, w := range worlds {
		w.ts = access.NewTuples(w.rows)
	}
}

// inParallel calls f for each item, several at a time.
func inParallel[T any](items []T, f func(T)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range askers {
		wg.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(items); i = next.Add(1) - 1 {
				f(items[i])
			}
		})
	}
	wg.Wait()
}

// compare asks the questions of all worlds.
func (c chunk) compare(t *testing.T, s *server, worlds []*world, sum *tally) {
	t.Helper()
	var all []*decided
	for _, w := range worlds {
		for i := range perWorld {
			d := &decided{w: w, q: w.gen.question(), depth: w.gen.IntN(10), full: i%explained == 0}
			d.ours = access.Evaluate(t.Context(), w.ts, w.m, c.set, d.q, d.depth)
			if d.ours.Root.Find(func(n *access.Node) bool { return n.Cut == access.CutSteps }) == nil {
				all = append(all, d) // else Keto would run for minutes
			}
		}
	}
	inParallel(all, func(d *decided) { d.answer(t.Context(), s, c.set) })
	for _, d := range all {
		c.judge(t, s, d, sum)
	}
}

// answer asks the server and, for some, explains.
func (d *decided) answer(ctx context.Context, s *server, set access.Settings) {
	if d.theirs, d.err = s.ask(ctx, d.q, d.depth); d.err != nil || !d.full {
		return
	}
	x := &access.Explainer{Server: s, Tuples: s, Model: d.w.m, Settings: set, Refused: refused}
	d.trace, d.err = x.Explain(ctx, access.Asking{Question: d.q, MaxDepth: d.depth})
}

// judge holds one decision against the server's.
func (c chunk) judge(t *testing.T, s *server, d *decided, sum *tally) {
	t.Helper()
	if d.err != nil {
		// Rules that call each other over parents can keep Keto busy until its own time
		// limit, at which it cuts the connection.
		var p *clients.Problem
		if errors.As(d.err, &p) && (p.Kind == clients.Timeout || p.Kind == clients.Unreachable) {
			sum.silent++
			return
		}
		t.Fatalf("seed %d: %s: %v", d.w.seed, d.q, d.err)
	}
	sum.count(d.theirs)
	if d.ours.Verdict != d.theirs {
		sum.ordered++
		if s.flaps(t.Context(), d.q, d.depth, d.theirs) {
			sum.flapped++
		} else {
			d.w.disputed = append(d.w.disputed, d)
		}
		d.full = true
		d.answer(t.Context(), s, c.set)
	}
	if d.err != nil || !d.full {
		return
	}
	tr := d.trace
	sum.explained++
	switch {
	case d.ours.Verdict != d.theirs && !tr.OrderDependent:
		c.bug(t, d, fmt.Sprintf("Keto says %s; we say %s (visited %v), and nothing hangs on an order", d.theirs, d.ours.Verdict, d.ours.Visited), sum)
	case tr.Agrees == nil || !*tr.Agrees || tr.Summary == "":
		c.bug(t, d, "the explanation does not agree", sum)
	case tr.Proof.Verdict != tr.Verdict || tr.Verdict == access.Denied && tr.Cause == "":
		c.bug(t, d, fmt.Sprintf("%s is not proved by %s, cause %q", tr.Verdict, tr.Proof.Verdict, tr.Cause), sum)
	case !tr.OrderDependent: // what hangs on the order of rows cannot be promised
		d.w.pending = append(d.w.pending, d)
	}
}

// tally is what a comparison found.
type tally struct {
	asked, allowed, denied, failed, ordered, flapped, settled, different, silent, explained, fixes, removals uint64
}

func (a *tally) count(v access.Verdict) {
	a.asked++
	switch v {
	case access.Allowed:
		a.allowed++
	case access.Denied:
		a.denied++
	default:
		a.failed++
	}
}

func (a *tally) add(b tally) {
	a.asked, a.allowed, a.denied, a.failed = a.asked+b.asked, a.allowed+b.allowed, a.denied+b.denied, a.failed+b.failed
	a.ordered, a.flapped, a.settled = a.ordered+b.ordered, a.flapped+b.flapped, a.settled+b.settled
	a.different, a.silent = a.different+b.different, a.silent+b.silent
	a.explained, a.fixes, a.removals = a.explained+b.explained, a.fixes+b.fixes, a.removals+b.removals
}

func (a tally) String() string {
	return fmt.Sprintf("%d decisions (%d allowed, %d denied, %d answered 400), %d that hang on the order of rows and came out otherwise (both answers seen within 5 asks: %d, when the same rows were written anew: %d), %d different, %d without an answer in time; "+
		"%d explained, %d fixes applied, %d times without one of their edits",
		a.asked, a.allowed, a.denied, a.failed, a.ordered, a.flapped, a.settled, a.different, a.silent, a.explained, a.fixes, a.removals)
}
