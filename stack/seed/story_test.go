package seed_test

import (
	"testing"

	"gatehouse/stack/seed"
)

// TestTickets proves that every ticket is what it says: denied by the real servers,
// allowed once its fix is applied, and denied again when it is taken back.
func TestTickets(t *testing.T) {
	w := seeded(t)
	for _, ticket := range w.st.Tickets {
		t.Run(ticket.ID, func(t *testing.T) {
			if got := w.ask(t, ticket.Question); got != ticket.Verdict {
				t.Fatalf("at first: %s, want %s", got, ticket.Verdict)
			}
			n, err := seed.Apply(t.Context(), w.c, w.st, w.opts, ticket.ID, true)
			if err != nil || n != len(ticket.Fix) {
				t.Fatalf("fix: %d of %d writes changed something, %v", n, len(ticket.Fix), err)
			}
			if got := w.ask(t, ticket.Question); got != ticket.After {
				t.Errorf("after the fix: %s, want %s", got, ticket.After)
			}
			if n, err := seed.Apply(t.Context(), w.c, w.st, w.opts, ticket.ID, false); err != nil || n != len(ticket.Fix) {
				t.Fatalf("taking it back: %d writes, %v", n, err)
			}
			if got := w.ask(t, ticket.Question); got != ticket.Verdict {
				t.Errorf("taken back: %s, want %s", got, ticket.Verdict)
			}
		})
	}
}

// TestTwice proves that seeding again changes nothing.
func TestTwice(t *testing.T) {
	w := seeded(t)
	again, err := seed.Story(t.Context(), w.c, w.st, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if again.Changed() != 0 {
		t.Errorf("the second time changed something: %+v", again.Parts)
	}
	t.Logf("first %+v, again %+v", w.first.Parts, again.Parts)
}
