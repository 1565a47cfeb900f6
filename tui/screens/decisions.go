package screens

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"gatehouse/access/tuple"
	"gatehouse/clients/decisions"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// DecisionsServer tells what the demo server decides.
type DecisionsServer interface {
	Follow(ctx context.Context, q decisions.Query, each func(decisions.Decision) error, lost func(int)) error
}

// DecisionsSpec is what the screens of decisions are made of. The functions that open
// other screens may be nil.
type DecisionsSpec struct {
	// Server finds the demo server that runs. It is asked again whenever the list is read.
	Server func() (DecisionsServer, error)
	// Identity opens a person of Kratos, Why the explanation of a question to Keto,
	// Tuples what is stored about its object, User the role mappings of an account.
	Identity func(id string) tui.Screen
	Why      func(tuple.Tuple) tui.Screen
	Tuples   func(tuple.Tuple) tui.Screen
	User     func(realm, name string) tui.Screen
	// WhyLogin opens why an account of Keycloak does not get into an application, or has
	// not got a role there; the role may be empty.
	WhyLogin func(realm, user, client, role string) tui.Screen
}

// NewDecisions follows what the demo server decides: the newest first, one line for
// each request, as they are made.
func NewDecisions(spec DecisionsSpec) *tui.List[decisions.Decision] {
	lost := new(atomic.Int64)
	by := func(of func(decisions.Decision) string) func(a, b decisions.Decision) int {
		return func(a, b decisions.Decision) int { return cmp.Compare(of(a), of(b)) }
	}
	text := func(title string, width, flex, drop int, of func(decisions.Decision) string) tui.Column[decisions.Decision] {
		return tui.Column[decisions.Decision]{Title: title, Width: width, Flex: flex, Drop: drop, Cell: of, Less: by(of)}
	}
	return tui.NewList(tui.Spec[decisions.Decision]{
		Title: "decisions",
		ID:    func(d decisions.Decision) string { return d.ID },
		Columns: []tui.Column[decisions.Decision]{
			{Title: "TIME", Width: 9, Cell: func(d decisions.Decision) string { return d.At.Local().Format("15:04:05") },
				Less: func(a, b decisions.Decision) int {
					return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
				}},
			text("DECISION", 12, 0, 0, outcomeOf),
			text("SYSTEM", 16, 0, 3, func(d decisions.Decision) string { return d.System }),
			text("REQUEST", 18, 2, 2, func(d decisions.Decision) string { return d.Request.Method + " " + d.Request.Path }),
			text("WHO", 18, 2, 1, func(d decisions.Decision) string { return whoOf(d) }),
			text("REASON", 20, 1, 0, func(d decisions.Decision) string { return string(d.Reason) }),
		},
		Sort: "-TIME",
		Stream: func(ctx context.Context, emit func(tui.Page[decisions.Decision]) error) error {
			s, err := spec.Server()
			if err != nil {
				return err
			}
			return s.Follow(ctx, decisions.Query{}, func(d decisions.Decision) error {
				return emit(tui.Page[decisions.Decision]{Items: []decisions.Decision{d}, Total: -1})
			}, func(n int) { lost.Add(int64(n)) })
		},
		Note: func() string {
			if n := lost.Load(); n > 0 {
				return fmt.Sprintf("%s lost: they came too fast", tui.Count(int(n)))
			}
			return "live"
		},
		Open:    func(d decisions.Decision) tui.Screen { return NewDecision(spec, d) },
		Detail:  func(d decisions.Decision) []widget.Section { return decisionSections(d) },
		Text:    func(d decisions.Decision) string { return d.ID + " " + d.Tuple() + " " + d.Reason.Words() },
		Value:   func(d decisions.Decision) any { return d },
		Actions: func(l *tui.List[decisions.Decision]) []tui.Action { return decisionListActions(l, spec) },
		Empty:   "No decision yet. Open one of the demo's pages: its address is on http://127.0.0.1:4480, unless it was started elsewhere.",
	})
}

// outcomeOf is the outcome with a mark and the status.
func outcomeOf(d decisions.Decision) string {
	mark := map[decisions.Outcome]string{decisions.Allowed: "✓ allow", decisions.Denied: "✗ deny"}[d.Outcome]
	if mark == "" {
		mark = "? failed"
	}
	return fmt.Sprintf("%s %d", mark, d.Status)
}

func whoOf(d decisions.Decision) string {
	if n := d.Subject.Name(); n != "" {
		return n
	}
	return "nobody"
}

// decisionJump is an action that leads from a decision to what it names.
type decisionJump struct {
	name, key, help string
	why             func(decisions.Decision) string // why it is not there, empty when it is
	open            func(decisions.Decision) tui.Screen
}

// jumps are the ways out of a decision.
func (spec DecisionsSpec) jumps() []decisionJump {
	question := func(d decisions.Decision) (tuple.Tuple, bool) {
		t, err := tuple.Parse(d.Tuple())
		return t, err == nil
	}
	return []decisionJump{
		{"why", "w", "Explain the decision: why Keto answers as it does, or why Keycloak gives no login or no role.", func(d decisions.Decision) string {
			if _, ok := question(d); ok {
				return missingPart(spec.Why == nil, "Keto is not configured")
			}
			if account(d) {
				return missingPart(spec.WhyLogin == nil, "Keycloak is not configured")
			}
			return "neither Keto nor Keycloak was asked about anybody"
		}, func(d decisions.Decision) tui.Screen {
			if t, ok := question(d); ok {
				return spec.Why(t)
			}
			return spec.WhyLogin(d.Subject.Realm, d.Subject.User, d.Subject.Client, missingRole(d))
		}},
		{"person", "p", "Open the identity in Kratos that the request came from.", func(d decisions.Decision) string {
			if d.Subject.IdentityID == "" {
				return "nobody's identity is known"
			}
			return missingPart(spec.Identity == nil, "Kratos is not configured")
		}, func(d decisions.Decision) tui.Screen { return spec.Identity(d.Subject.IdentityID) }},
		{"tuples", "t", "Open the relation tuples of the object that Keto was asked about.", func(d decisions.Decision) string {
			if _, ok := question(d); !ok {
				return "Keto was not asked"
			}
			return missingPart(spec.Tuples == nil, "Keto is not configured")
		}, func(d decisions.Decision) tui.Screen { t, _ := question(d); return spec.Tuples(t) }},
		{"roles", "o", "Open the role mappings of the Keycloak account.", func(d decisions.Decision) string {
			if !account(d) {
				return "no account of Keycloak is named"
			}
			return missingPart(spec.User == nil, "Keycloak is not configured")
		}, func(d decisions.Decision) tui.Screen { return spec.User(d.Subject.Realm, d.Subject.User) }},
	}
}

// account reports whether a decision names an account of Keycloak.
func account(d decisions.Decision) bool { return d.Subject.Realm != "" && d.Subject.User != "" }

// missingRole is the first role that a decision found wanting, or else that its route
// asks for; empty where it asks for none.
func missingRole(d decisions.Decision) string {
	for _, h := range d.Hops {
		for _, role := range h.Needs {
			if !slices.Contains(h.Has, role) {
				return role
			}
		}
	}
	if len(d.Policy.Roles) > 0 {
		return d.Policy.Roles[0]
	}
	return ""
}

func missingPart(is bool, why string) string {
	if is {
		return why
	}
	return ""
}

func decisionListActions(l *tui.List[decisions.Decision], spec DecisionsSpec) []tui.Action {
	var out []tui.Action
	for i, j := range spec.jumps() {
		out = append(out, tui.Action{Name: j.name, Keys: []string{j.key}, Footer: 2 + i, Help: j.help,
			Why: func() string {
				d, ok := l.Current()
				if !ok {
					return l.NeedRow()
				}
				return j.why(d)
			},
			Run: tui.Do(func() {
				if d, ok := l.Current(); ok {
					l.Push(j.open(d))
				}
			})})
	}
	return out
}

// decisionSections are a decision in words, and then step by step.
func decisionSections(d decisions.Decision) []widget.Section {
	tone := map[decisions.Outcome]theme.Tone{decisions.Allowed: theme.Good, decisions.Denied: theme.Bad}[d.Outcome]
	head := widget.Section{Title: outcomeOf(d) + "  " + d.Request.Method + " " + d.Request.Path, Note: d.System, Fields: []widget.Field{
		{Label: "why", Value: d.Reason.Words(), Note: string(d.Reason), Tone: tone},
		{Label: "who", Value: whoOf(d), Note: d.Subject.IdentityID},
		{Label: "asks for", Value: d.Policy.String()},
		{Label: "at", Value: d.At.Local().Format("2 Jan 15:04:05.000"), Note: fmt.Sprintf("took %.1f ms", d.MS)},
		{Label: "credential", Value: d.Request.Cred, Note: d.Request.CredFP},
		{Label: "decision", Value: d.ID, Note: "as in X-Gatehouse-Decision"},
		{Label: "request", Value: d.RequestID, Note: "as in X-Request-Id, also in the servers' logs"},
	}}
	if len(d.Subject.Roles) > 0 {
		head.Fields = append(head.Fields, widget.Field{Label: "roles", Value: fmt.Sprint(d.Subject.Roles)})
	}
	steps := widget.Section{Title: "steps", Note: fmt.Sprint(len(d.Hops))}
	for _, h := range d.Hops {
		f := widget.Field{Label: fmt.Sprint(h.N), Value: h.String()}
		switch h.Out {
		case "deny", "absent":
			f.Tone = theme.Bad
		case "fail", "error":
			f.Tone = theme.Strong
		}
		steps.Fields = append(steps.Fields, f)
	}
	return []widget.Section{head, steps}
}
