package access_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/clients"
)

func code(err error) string {
	var p *clients.Problem
	if errors.As(err, &p) {
		switch p.Code {
		case "unknown_relation", "max_depth_exceeded", "max_width_exceeded":
			return p.Code
		}
	}
	return ""
}

// factTuples hold something to try for each fact: a long chain of groups, a tuple on a
// permission, and enough others to see an order.
func factTuples() []string {
	out := append(chain("viewers", 8), "Doc:p#view@carl", "Doc:q#viewers@ann", "Doc:q#viewers@ben", "Doc:q#viewers@cy", "Doc:r#blocked@dan", "Doc:r#blocked@eve")
	for _, o := range []string{"s", "t", "u", "v", "w"} {
		out = append(out, "Doc:"+o+"#viewers@ann", "Doc:"+o+"#viewers@ben", "Doc:"+o+"#viewers@cy", "Doc:"+o+"#viewers@Group:x#members")
	}
	return out
}

// What no API tells is found out from the real Keto, strict and not.
func TestFactsOfTheRealKeto(t *testing.T) {
	m := parseModel(t, depthModel)
	for _, set := range []access.Settings{{}, {MaxDepth: 7, Strict: true}, {MaxDepth: 20}} {
		s := newServer(t, settingsOf(set))
		s.load(t, "Marker", depthModel+"\nclass Marker implements Namespace {}\n", nil, parseTuples(t, factTuples()...))
		p := &access.Prober{Server: s, Tuples: s, Namespaces: s, Model: m, Code: code, Batch: s.BatchLimit}
		f, err := p.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v: %s", set, mustJSON(f))
		batch := 10 // its default
		if strings.HasPrefix(s.info.Version, "v0.13.") {
			batch = -1
		}
		if f.Engine != opl.Classic || f.Strict == nil || *f.Strict != set.Strict || f.Batch != batch || f.Order != access.OrderStored || f.Rules == nil || !*f.Rules {
			t.Errorf("%+v: %s", set, mustJSON(f))
		}
		want := set.MaxDepth
		if want == 0 {
			want = access.DefaultMaxDepth
		}
		if f.MaxDepth != want && !(want == 20 && f.DepthAtLeast == 9) {
			t.Errorf("max_depth %d, at least %d; want %d", f.MaxDepth, f.DepthAtLeast, want)
		}
		if !slices.ContainsFunc(f.Drift, func(d string) bool { return strings.Contains(d, `"Marker"`) }) {
			t.Errorf("a namespace that only the server has is not told: %v", f.Drift)
		}
		if again, err := p.Facts(t.Context()); err != nil || again.Requests != f.Requests || p.Known() == nil {
			t.Errorf("what was found out is not kept: %v", err)
		}
	}
}

// A model that is not the server's is told, relation by relation.
func TestDriftOnTheRealKeto(t *testing.T) {
	s := newServer(t, settingsOf(access.Settings{}))
	s.load(t, "Marker", depthModel+"\nclass Marker implements Namespace {}\n", nil, parseTuples(t, "Doc:a#blocked@ann", "Doc:a#viewers@ben"))
	ours := parseModel(t, strings.ReplaceAll(strings.ReplaceAll(depthModel, "blocked", "banned"), "open:", "unlocked:"))
	p := &access.Prober{Server: s, Tuples: s, Namespaces: s, Model: ours, Code: code}
	f, err := p.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the model has Doc#banned, which the server does not know", "the model has Doc#unlocked,", "the server knows Doc#blocked, which the model has not"} {
		if !slices.ContainsFunc(f.Drift, func(d string) bool { return strings.Contains(d, want) }) {
			t.Errorf("%q is not told: %v", want, f.Drift)
		}
	}
	x := &access.Explainer{Server: s, Tuples: s, Model: parseModel(t, strings.ReplaceAll(depthModel, "this.related.viewers.includes", "this.related.parents.includes")), Refused: refused,
		Prober: &access.Prober{Server: s, Tuples: s, Namespaces: s, Model: ours, Code: code}}
	tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, "Doc:a#view@ben")[0]})
	if err != nil || tr.Agrees == nil || *tr.Agrees || tr.Facts == nil || !strings.Contains(tr.Hint, "not what Keto runs") {
		t.Errorf("a disagreement names no drift: %+v, %v", tr, err)
	}
}

// A wrong depth in the configuration is found out where the explanation hangs on it.
func TestAWrongDepthIsFound(t *testing.T) {
	m := parseModel(t, depthModel)
	s := newServer(t, settingsOf(access.Settings{MaxDepth: 7}))
	s.load(t, "Marker", depthModel+"\nclass Marker implements Namespace {}\n", nil, parseTuples(t, append(chain("viewers", 8), chain("blocked", 5)...)...))
	x := &access.Explainer{Server: s, Tuples: s, Model: m, Refused: refused, Prober: &access.Prober{Server: s, Tuples: s, Namespaces: s, Model: m, Code: code}}
	tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, "Doc:d#open@ann")[0]})
	if err != nil || tr.Agrees == nil || !*tr.Agrees || tr.Facts == nil || tr.Facts.DepthAtLeast < 6 || !strings.Contains(tr.Hint, "limit.max_read_depth") {
		t.Errorf("%s %+v, %v", tr.Hint, tr.Facts, err)
	}
}

// Without the model, a server whose namespaces have no rules is explained exactly, and
// one with rules by further questions, each line of which is said to be inferred.
func TestWithoutTheModelOnTheRealKeto(t *testing.T) {
	s := newServer(t, settingsOf(access.Settings{}))
	src := depthModel + "\nclass Marker implements Namespace {}\n"
	s.load(t, "Marker", src, nil, parseTuples(t, "Doc:d#viewers@ann", "Doc:e#parents@Doc:d#", "Doc:f#blocked@ben", "Marker:x#anything@Group:g#members", "Group:g#members@ann"))
	explain := func(q string) access.Trace {
		x := &access.Explainer{Server: s, Tuples: s, ModelUnknown: true, Refused: refused, Prober: &access.Prober{Server: s, Tuples: s, Namespaces: s, Code: code}}
		tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, q)[0]})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %s", q, tr.Summary)
		return tr
	}
	tr := explain("Doc:d#view@ann")
	if tr.Basis != access.BasisInferred || tr.Verdict != access.Allowed || !strings.Contains(tr.Summary, "probably through Doc:d#viewers") || !tr.Proof.Children[len(tr.Proof.Children)-1].Inferred {
		t.Errorf("%+v", tr)
	}
	if tr = explain("Doc:f#open@ben"); tr.Verdict != access.Denied || !strings.Contains(tr.Summary, "Doc:f#blocked") || tr.Cause != access.CauseModelUnknown {
		t.Errorf("%+v", tr)
	}
	// A class without relations is a namespace without rules.
	if tr = explain("Marker:x#anything@ann"); tr.Basis != access.BasisLegacy || tr.Verdict != access.Allowed || tr.Agrees == nil || !*tr.Agrees {
		t.Errorf("%+v", tr)
	}
	if tr = explain("Marker:x#anything@zoe"); tr.Basis != access.BasisLegacy || tr.Verdict != access.Denied || tr.Cause != access.CauseMissingTuple || len(tr.Fixes) == 0 {
		t.Errorf("%+v", tr)
	}
}
