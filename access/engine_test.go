package access_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

func parseModel(t testing.TB, src string) *opl.Model {
	t.Helper()
	m, errs := opl.Parse("model.ts", src)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return m
}

func parseTuples(t testing.TB, texts ...string) []tuple.Tuple {
	t.Helper()
	var out []tuple.Tuple
	for _, s := range texts {
		tt, err := tuple.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, tt)
	}
	return out
}

const depthModel = `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Doc implements Namespace {
  related: { viewers: (User | SubjectSet<Group, "members">)[], parents: Doc[], blocked: (User | SubjectSet<Group, "members">)[] }
  permits = {
    view: (ctx) => this.related.viewers.includes(ctx.subject),
    inherit: (ctx) => this.related.parents.traverse((p) => p.related.viewers.includes(ctx.subject)),
    open: (ctx) => !this.related.blocked.includes(ctx.subject),
  }
}`

// chain are groups in groups, the first one on Doc:d#relation and ann in the last.
func chain(relation string, groups int) []string {
	at := "Doc:d#" + relation
	var out []string
	for i := range groups {
		out = append(out, fmt.Sprintf("%s@Group:g%d#members", at, i))
		at = fmt.Sprintf("Group:g%d#members", i)
	}
	return append(out, at+"@ann")
}

// What a way costs in depth differs between the engines: the figures were measured on
// Keto 0.13 and on the engine that follows 26.2.
func TestWhatAWayCosts(t *testing.T) {
	m := parseModel(t, depthModel)
	for _, c := range []struct {
		name         string
		tuples       []string
		question     string
		classic, new int // the least depth that allows
	}{
		{"direct", chain("viewers", 0), "Doc:d#viewers@ann", 2, 1},
		{"one group", chain("viewers", 1), "Doc:d#viewers@ann", 2, 1},
		{"three groups", chain("viewers", 3), "Doc:d#viewers@ann", 4, 3},
		{"permission, direct", chain("viewers", 0), "Doc:d#view@ann", 1, 1},
		{"permission, one group", chain("viewers", 1), "Doc:d#view@ann", 3, 2},
		{"permission, three groups", chain("viewers", 3), "Doc:d#view@ann", 5, 4},
		{"inherited", append(chain("viewers", 0), "Doc:e#parents@Doc:d#"), "Doc:e#inherit@ann", 3, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := access.NewTuples(parseTuples(t, c.tuples...))
			q := parseTuples(t, c.question)[0]
			for engine, want := range map[opl.Engine]int{opl.Classic: c.classic, opl.New: c.new} {
				got := 0
				for d := 8; d > 0; d-- {
					if access.Evaluate(t.Context(), ts, m, access.Settings{Engine: engine, MaxDepth: 8}, q, d).Verdict == access.Allowed {
						got = d
					}
				}
				if got != want {
					t.Errorf("%s: allowed from depth %d, want %d", engine, got, want)
				}
			}
		})
	}
}

// A block that lies deeper than Keto looks does not block on the classic engine; the
// newer one denies, and in strict mode answers with an error.
func TestABlockTooDeep(t *testing.T) {
	m, q := parseModel(t, depthModel), parseTuples(t, "Doc:d#open@ann")[0]
	ts := access.NewTuples(parseTuples(t, chain("blocked", 6)...))
	for _, c := range []struct {
		s    access.Settings
		want access.Verdict
	}{
		{access.Settings{}, access.Allowed},
		{access.Settings{MaxDepth: 8}, access.Denied},
		{access.Settings{Engine: opl.New}, access.Denied},
		{access.Settings{Engine: opl.New, Strict: true}, access.Unknown},
	} {
		if got := access.Evaluate(t.Context(), ts, m, c.s, q, 0).Verdict; got != c.want {
			t.Errorf("%+v: %s, want %s", c.s, got, c.want)
		}
	}
	tr, err := (&access.Explainer{Tuples: ts, Model: m}).Explain(t.Context(), access.Asking{Question: q})
	if err != nil || tr.Cause != access.CauseOpenByDepth || tr.DepthNeeded != 7 {
		t.Errorf("told as %q, depth %d: %s, %v", tr.Cause, tr.DepthNeeded, tr.Summary, err)
	}
}

// Rules that call each other in a circle end, with no verdict.
func TestACircleEnds(t *testing.T) {
	m := parseModel(t, `class U implements Namespace {} class D implements Namespace { related: { r: U[] } permits = { n: (ctx) => !this.permits.n(ctx) } }`)
	x := &access.Explainer{Tuples: access.NewTuples(nil), Model: m}
	tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, "D:d#n@ann")[0]})
	if err != nil || tr.Verdict != access.Unknown || tr.Cause != access.CauseTooManySteps {
		t.Errorf("%s because of %q, %v", tr.Verdict, tr.Cause, err)
	}
}

// A subject set that was passed over because another branch had been there is named,
// and the answer said to hang on the order.
func TestVisited(t *testing.T) {
	m := parseModel(t, `
class User implements Namespace {}
class Group implements Namespace { related: { members: (User | SubjectSet<Group, "members">)[] } }
class Team implements Namespace {
  related: { a: SubjectSet<Group, "members">[], b: SubjectSet<Group, "members">[] }
  permits = { both: (ctx) => this.related.a.includes(ctx.subject) && this.related.b.includes(ctx.subject) }
}
class Doc implements Namespace { related: { viewers: SubjectSet<Team, "both">[] } }`)
	ts := access.NewTuples(parseTuples(t, "Team:t#a@Group:g#members", "Team:t#b@Group:g#members", "Group:g#members@Group:h#members",
		"Group:h#members@Group:i#members", "Group:i#members@bob", "Doc:d#viewers@Team:t#both"))
	x := &access.Explainer{Tuples: ts, Model: m, Settings: access.Settings{MaxDepth: 10}}
	for question, want := range map[string]string{"Team:t#both@bob": "", "Doc:d#viewers@bob": access.CauseVisited} {
		tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, question)[0]})
		if err != nil || tr.Cause != want || (tr.Verdict == access.Allowed) != (want == "") {
			t.Errorf("%s: %s because of %q: %s, %v", question, tr.Verdict, tr.Cause, tr.Summary, err)
		}
	}
}

// scripted is a Keto that answers as it is told.
type scripted struct {
	*access.Tuples
	answers []bool
	err     error
	asked   int
}

func (s *scripted) Check(context.Context, tuple.Tuple, int) (bool, error) {
	s.asked++
	return s.answers[min(s.asked, len(s.answers))-1], s.err
}

// failing cannot list.
type failing struct{ *scripted }

func (failing) All(context.Context, tuple.Query) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) { yield(tuple.Tuple{}, errors.New("the read port is down")) }
}

// The server decides: what does not match it is looked at once more, and then told.
func TestTheServerDecides(t *testing.T) {
	m, q := parseModel(t, depthModel), parseTuples(t, "Doc:d#view@ann")[0]
	stored := access.NewTuples(parseTuples(t, "Doc:d#viewers@ann"))
	down := errors.New("down")
	explain := func(k *scripted, x access.Explainer) (access.Trace, error) {
		x.Server, x.Model = k, m
		if x.Tuples == nil {
			x.Tuples = k
		}
		return x.Explain(t.Context(), access.Asking{Question: q})
	}
	k := &scripted{stored, []bool{false, true}, nil, 0}
	if tr, err := explain(k, access.Explainer{}); err != nil || tr.Verdict != access.Allowed || !*tr.Agrees || k.asked != 2 || tr.Requests == 0 {
		t.Errorf("data that moved: %+v, %v, asked %d times", tr, err, k.asked)
	}
	k = &scripted{stored, []bool{false}, nil, 0}
	tr, err := explain(k, access.Explainer{})
	if err != nil || tr.Verdict != access.Denied || tr.Explained != access.Allowed || *tr.Agrees || k.asked != 5 || tr.Hint == "" || tr.OrderDependent {
		t.Errorf("a disagreement: %+v, %v, asked %d times", tr, err, k.asked)
	}
	k = &scripted{stored, []bool{false, false, false, true}, nil, 0}
	tr, err = explain(k, access.Explainer{})
	if err != nil || tr.Verdict != access.Allowed || !*tr.Agrees || k.asked != 4 || !tr.OrderDependent || !strings.Contains(tr.Hint, "both answers") {
		t.Errorf("a server that gives both answers: %+v, %v, asked %d times", tr, err, k.asked)
	}
	k = &scripted{stored, []bool{false}, down, 0}
	if tr, err = explain(k, access.Explainer{}); !errors.Is(err, down) || tr.Verdict != access.Unknown || tr.Summary == "" {
		t.Errorf("a server that is down: %+v, %v", tr, err)
	}
	k = &scripted{stored, []bool{true}, nil, 0}
	if tr, err = explain(k, access.Explainer{Tuples: failing{k}}); err != nil || tr.Verdict != access.Allowed || tr.Explained != access.Unknown {
		t.Errorf("tuples that cannot be read: %+v, %v", tr, err)
	}
	k = &scripted{access.NewTuples(parseTuples(t, "Doc:d#view@ann")), []bool{false}, nil, 0}
	if tr, err = explain(k, access.Explainer{GuessStrict: true}); err != nil || tr.Verdict != access.Denied || !*tr.Agrees || tr.Cause != access.CauseStrict {
		t.Errorf("a strict mode that nobody told of: %+v, %v", tr, err)
	}
}

// Without the model an allow that no tuple explains is a rule's, and nothing is claimed.
func TestWithoutTheModel(t *testing.T) {
	q := parseTuples(t, "Doc:d#view@ann")[0]
	k := &scripted{access.NewTuples(parseTuples(t, "Doc:d#viewers@ann")), []bool{true}, nil, 0}
	tr, err := (&access.Explainer{Server: k, Tuples: k, ModelUnknown: true}).Explain(t.Context(), access.Asking{Question: q})
	if err != nil || tr.Verdict != access.Allowed || tr.Explained != access.Unknown || tr.Agrees != nil || tr.Cause != access.CauseModelUnknown {
		t.Errorf("%+v, %v", tr, err)
	}
	tr, err = (&access.Explainer{Tuples: k, ModelUnknown: false}).Explain(t.Context(), access.Asking{Question: parseTuples(t, "Doc:d#viewers@ann")[0]})
	if err != nil || tr.Verdict != access.Allowed {
		t.Errorf("legacy namespaces: %+v, %v", tr, err)
	}
}
