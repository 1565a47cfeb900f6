package tour

import (
	"context"
	"strings"
	"testing"

	"gatehouse/stack/seed"
	"gatehouse/stack/story"
)

// The whole play runs on real servers in package cmd; here is what must end it.

func TestPlayNeedsAllServers(t *testing.T) {
	st, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Play(context.Background(), seed.Clients{}, st, &out); err == nil || out.Len() > 0 {
		t.Errorf("played without servers: %v, %q", err, out.String())
	}
}

func TestPlayKnowsItsTickets(t *testing.T) {
	st, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := st.Ticket(ketoTicket); !ok || k.Question.Tuple == "" || k.Fix[0].Op != story.OpAdd {
		t.Errorf("ticket %s is not one that adding a relation tuple cures", ketoTicket)
	}
	if k, ok := st.Ticket(keycloakTicket); !ok || k.Question.Keycloak == nil || k.Question.Keycloak.Role == "" {
		t.Errorf("ticket %s does not ask for a client role", keycloakTicket)
	}
}
