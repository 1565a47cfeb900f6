// Package access is the heart of gatehouse: questions about access in, traces
// out. It is pure: it knows small reader interfaces and relation tuples, but no
// HTTP, no client and no screen.
package access

import (
	"context"
	"time"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Verdict is the answer to a question about access. What could not be read is
// Unknown, never Denied and never Allowed.
type Verdict string

// The verdicts, as CLI.md writes them. NotAsked stands only where a server was
// left out on purpose.
const (
	Allowed  Verdict = "allowed"
	Denied   Verdict = "denied"
	Unknown  Verdict = "unknown"
	NotAsked Verdict = "not_asked"
)

// Mark is the sign that goes with a verdict, so that it never rests on colour.
func (v Verdict) Mark() string {
	switch v {
	case Allowed:
		return "✓"
	case Denied:
		return "✗"
	default:
		return "?"
	}
}

// Schema names the version of the JSON form of a Trace.
const Schema = "gatehouse.trace.v1"

// Trace is one answer about access with what it rests on. Every part of gatehouse
// that answers such a question answers with a Trace.
type Trace struct {
	Schema   string  `json:"schema"`
	Question string  `json:"question"`
	Verdict  Verdict `json:"verdict"`
	// Server is the server's own answer; it is the one that counts.
	Server Verdict `json:"server"`
	// Summary is one sentence for a support person.
	Summary string `json:"summary"`
	// Cause is a machine-readable reason; empty when the answer was given without one.
	Cause string `json:"cause,omitempty"`
	// Hint says what to do next about an answer that may surprise; may be empty.
	Hint string `json:"hint,omitempty"`
	// Explained is the verdict that the explanation comes to by itself, and Agrees
	// whether that is the server's; absent where nothing was explained or nobody asked.
	Explained Verdict `json:"explained,omitempty"`
	Agrees    *bool   `json:"agrees,omitempty"`
	// Proof shows what an answer rests on: of an allow the way that grants it, of a
	// denial why each way in fails. Tree is every step, also those without effect.
	Proof *Step `json:"proof,omitempty"`
	Tree  *Step `json:"tree,omitempty"`
	// DepthNeeded is the limit.max_read_depth at which the answer would be another one,
	// 0 where depth does not matter.
	DepthNeeded int `json:"depth_needed,omitempty"`
	// Basis is what the explanation rests on; empty when nothing was explained.
	Basis Basis `json:"basis,omitempty"`
	// Facts are what was found out about the server, where the answer hangs on it.
	Facts *Facts `json:"server_facts,omitempty"`
	// OrderDependent says that Keto may answer otherwise the next time: the answer
	// hangs on the order in which it comes across its rows.
	OrderDependent bool `json:"order_dependent,omitempty"`
	// NearMisses are names under which the same person would be let in.
	NearMisses []NearMiss `json:"near_misses,omitempty"`
	// NotLooked are the back ends that were not asked under which other names the same
	// person may be known, each with the reason.
	NotLooked []string `json:"not_looked,omitempty"`
	// Fixes are the smallest changes that would allow it, the least far-reaching first.
	Fixes []Fix `json:"fixes,omitempty"`
	// Requests and RoundTrips are what the answer cost; Millis is wall time in milliseconds.
	Requests   int   `json:"requests"`
	RoundTrips int   `json:"round_trips"`
	Millis     int64 `json:"ms"`
}

// Checker asks Keto for its verdict. maxDepth 0 leaves the depth to the server.
type Checker interface {
	Check(ctx context.Context, t tuple.Tuple, maxDepth int) (bool, error)
}

// NamespaceLister names the namespaces that Keto knows.
type NamespaceLister interface {
	Namespaces(ctx context.Context) ([]string, error)
}

// Causes that Check itself can name. Keto answers "denied" to a question about a
// namespace that it does not know, instead of an error (keto v0.13 to v26.2), so
// an unknown namespace has to be told apart by us.
const (
	CauseUnknownNamespace = "unknown_namespace"
	CauseUnknownRelation  = "unknown_relation"
)

// Ask puts the question to the server. The error is nil unless the server could
// not be asked; then the Trace, which is always usable, says Unknown.
//
// A denial is looked at once more: when the namespace of the object or of the
// subject set is one that Keto does not know, the Trace says so, because Keto
// itself answers such a question with a plain "denied".
func Ask(ctx context.Context, c Checker, n NamespaceLister, q tuple.Tuple, maxDepth int) (t Trace, err error) {
	start := time.Now()
	t = Trace{Schema: Schema, Question: q.String(), Verdict: Unknown, Server: Unknown, Requests: 1, RoundTrips: 1}
	defer func() { t.Millis = time.Since(start).Milliseconds() }()
	ok, err := c.Check(ctx, q, maxDepth)
	if err != nil {
		t.Summary = "Keto could not answer whether " + Sentence(q) + "."
		return t, err
	}
	if ok {
		t.Verdict, t.Server, t.Summary = Allowed, Allowed, "Yes: "+Sentence(q)+"."
		return t, nil
	}
	t.Verdict, t.Server, t.Summary = Denied, Denied, "No: "+sentence(q, " does not have ")+"."
	if n == nil {
		return t, nil
	}
	t.Requests, t.RoundTrips = 2, 2
	known, err := n.Namespaces(ctx)
	if err != nil {
		return t, nil // the verdict stands; only the second look was not possible
	}
	if missing := unknownNamespace(q, known); missing != "" {
		t.Cause = CauseUnknownNamespace
		t.Summary = "No: Keto knows no namespace " + quote(missing) + ", and denies everything about it."
		t.Hint = "check the spelling; names are case-sensitive"
		if near := opl.Nearest(missing, known); near != "" {
			t.Hint = "did you mean " + quote(near) + "? names are case-sensitive"
		}
	}
	return t, nil
}

func unknownNamespace(q tuple.Tuple, known []string) string {
	has := make(map[string]bool, len(known))
	for _, k := range known {
		has[k] = true
	}
	switch {
	case !has[q.Namespace]:
		return q.Namespace
	case q.Subject.Set != nil && !has[q.Subject.Set.Namespace]:
		return q.Subject.Set.Namespace
	}
	return ""
}

// Sentence is the question as a statement: "ann has view on Doc:q3-report".
func Sentence(q tuple.Tuple) string { return sentence(q, " has ") }

func sentence(q tuple.Tuple, verb string) string {
	return q.Subject.String() + verb + q.Relation + " on " + q.Namespace + ":" + q.Object
}

func quote(s string) string { return `"` + s + `"` }
