package access_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/stack/story"
)

// storyID is a made-up Kratos id.
func storyID(key string) (string, error) { return "8f1c-" + key, nil }

func loadStory(t testing.TB) (*story.Story, *opl.Model, []tuple.Tuple) {
	t.Helper()
	s, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	m, errs := opl.Parse("namespaces.ts", story.Model())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var ts []tuple.Tuple
	for _, text := range s.Tuples {
		tt, err := s.Tuple(text, storyID)
		if err != nil {
			t.Fatal(err)
		}
		ts = append(ts, tt)
	}
	return s, m, ts
}

func asking(t testing.TB, s *story.Story, ticket story.Ticket) access.Asking {
	t.Helper()
	q, err := s.Tuple(ticket.Question.Tuple, storyID)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := s.Person(ticket.From)
	who := access.Person{ID: q.Subject.ID, Emails: []string{p.Email}}
	return access.Asking{Question: q, Name: p.First(), Aliases: who.Aliases()}
}

// Every ticket of the story about Keto is explained with its true cause, in a sentence
// that names the tuple of the cause; after its fix it is allowed.
func TestEveryTicketsCauseIsNamed(t *testing.T) {
	s, m, ts := loadStory(t)
	names := map[string]string{ // what the sentence must name
		"ann-q3-report":      "Group:finance#members",
		"dana-payroll":       "Group:contractors#members, which is in Doc:payroll-june#blocked",
		"support-runbook":    `"support-desk"`,
		"gustav-budget":      "Group:finance#members",
		"tomas-handout":      "6 levels deep",
		"carl-roadmap-error": "Doc:roadmap#viewers@Group:product#member",
	}
	for _, ticket := range s.Tickets {
		if ticket.Question.Tuple == "" {
			continue
		}
		t.Run(ticket.ID, func(t *testing.T) {
			a := asking(t, s, ticket)
			x := &access.Explainer{Tuples: access.NewTuples(ts), Model: m, Full: true}
			tr, err := x.Explain(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s %s: %s (%s)", tr.Verdict.Mark(), tr.Question, tr.Summary, tr.Hint)
			draw(t, tr.Proof, "")
			checkTicket(t, ticket, tr, names[ticket.ID])
			if tr.Server != access.NotAsked || tr.Agrees != nil {
				t.Errorf("nobody was asked, and yet the server says %s", tr.Server)
			}
			for _, f := range tr.Fixes {
				t.Logf("fix: %s (also %d, unblocks %v)", f.Summary, f.AlsoGrants, f.Unblocks)
			}
			if len(tr.Fixes) == 0 || !tr.Fixes[0].Verified {
				t.Error("no fix is offered")
			}
			checkFixes(t, m, access.Settings{}, 0, a.Question, ts, tr.Fixes)
			if first := ticket.Fix[0].Tuple; tr.Cause == access.CauseAlias && tr.Fixes[0].Writes[0].Tuple != strings.ReplaceAll(first, "${ann}", "8f1c-ann") {
				t.Errorf("what was meant is not offered first: %s", tr.Fixes[0].Summary)
			}
			x.Tuples = access.NewTuples(fixed(t, s, ticket, ts))
			if after, err := x.Explain(t.Context(), a); err != nil || string(after.Verdict) != string(ticket.After) {
				t.Errorf("after the fix: %s, %s, %v", after.Verdict, after.Summary, err)
			}
		})
	}
}

func checkTicket(t *testing.T, ticket story.Ticket, tr access.Trace, names string) {
	t.Helper()
	if string(tr.Verdict) != string(ticket.Verdict) || tr.Cause != ticket.Cause.Code {
		t.Errorf("%s because of %q, want %s because of %q", tr.Verdict, tr.Cause, ticket.Verdict, ticket.Cause.Code)
	}
	if names == "" || !strings.Contains(tr.Summary, names) {
		t.Errorf("the sentence does not name %q: %s", names, tr.Summary)
	}
	if tr.Proof == nil || tr.Proof.Rule == nil || tr.Proof.Rule.Line == 0 {
		t.Errorf("the proof names no rule: %+v", tr.Proof)
	}
}

// fixed are the tuples after the ticket's fix.
func fixed(t testing.TB, s *story.Story, ticket story.Ticket, ts []tuple.Tuple) []tuple.Tuple {
	t.Helper()
	var out []tuple.Tuple
	gone := map[string]bool{}
	for _, w := range ticket.Fix {
		tt, err := s.Tuple(w.Tuple, storyID)
		if err != nil {
			t.Fatal(err)
		}
		if w.Op == story.OpAdd {
			out = append(out, tt)
		} else {
			gone[tt.Key()] = true
		}
	}
	for _, tt := range ts {
		if !gone[tt.Key()] {
			out = append(out, tt)
		}
	}
	return out
}

func draw(t testing.TB, s *access.Step, indent string) {
	rule := ""
	if s.Rule != nil {
		rule = "line " + strings.TrimSpace(s.Rule.Text)
	}
	t.Logf("%s%s %s  %s  [%s] %s", indent, s.Verdict.Mark(), s.Label, s.Reason, s.Tuple, rule)
	for _, c := range s.Children {
		draw(t, c, indent+"  ")
	}
}

// refused tells Keto's own "that relation does not exist" from other failures.
func refused(err error) bool {
	var p *clients.Problem
	return errors.As(err, &p) && p.Code == keto.CodeUnknownRelation
}

// The same on the real Keto, which must agree with every explanation.
func TestTicketsOnTheRealKeto(t *testing.T) {
	s, m, ts := loadStory(t)
	srv := newServer(t, map[string]any{"log.level": "error"})
	srv.load(t, "Marker", story.Model()+"\nclass Marker implements Namespace {}\n", m.NamespaceNames(), ts)
	x := &access.Explainer{Server: srv, Tuples: srv, Model: m, Refused: refused}
	for _, ticket := range s.Tickets {
		if ticket.Question.Tuple == "" {
			continue
		}
		tr, err := x.Explain(t.Context(), asking(t, s, ticket))
		if err != nil {
			t.Fatal(err)
		}
		if tr.Agrees == nil || !*tr.Agrees || string(tr.Server) != string(ticket.Verdict) || tr.Cause != ticket.Cause.Code {
			t.Errorf("%s: Keto says %s, explained %s because of %q: %s", ticket.ID, tr.Server, tr.Explained, tr.Cause, tr.Summary)
		}
		t.Logf("%s: %d requests, %d round trips, %d ms", ticket.ID, tr.Requests, tr.RoundTrips, tr.Millis)
	}
}
