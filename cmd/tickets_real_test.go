package cmd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
	"gatehouse/tui/tuitest"
)

// mostKeys is how many key presses may lie between a ticket and its solution.
const mostKeys = 4

// ticketSays is what the sentence on the screen must name, for each ticket about Keto.
var ticketSays = map[string]string{
	"ann-q3-report":      "Ann Okafor is in Group:finance#members as ann@acme.example (e-mail), but this check asks for",
	"dana-payroll":       "because of a block, although something grants it: Dana Moreau is in Group:contractors#members, which is in Doc:payroll-june#blocked",
	"support-runbook":    `Doc:runbook#parents holds the bare id "support-desk" where it needs the object Folder:support-desk`,
	"gustav-budget":      "that takes being in Doc:budget-2027#owners, Group:board#members or Group:finance#members",
	"tomas-handout":      "what would grant it is 6 levels deep, and Keto stops after 5 (Tomáš Beneš is in Group:trainers#members, which is in Folder:courses#viewers",
	"carl-roadmap-error": `the stored tuple Doc:roadmap#viewers@Group:product#member: namespace Group has no relation "member" (it has "members")`,
}

// ticketPeople makes sure that the people whom the tickets about Keto are about have an
// identity, and gives the ids.
func ticketPeople(t *testing.T, k stack.KratosInfo, st *story.Story) map[string]string {
	t.Helper()
	ids := map[string]string{}
	find := func(mail string) string {
		var found []struct {
			ID string `json:"id"`
		}
		if code := plainHTTP(t, "GET", k.AdminURL+"/admin/identities?credentials_identifier="+url.QueryEscape(mail), "", nil, &found); code != http.StatusOK || len(found) == 0 {
			return ""
		}
		return found[0].ID
	}
	for _, text := range append([]string{}, st.Tuples...) {
		for _, key := range story.Named(text) {
			p, ok := st.Person(key)
			if !ok || ids[key] != "" {
				continue
			}
			if ids[key] = find(p.Email); ids[key] != "" {
				continue // the story is seeded here
			}
			var made struct {
				ID string `json:"id"`
			}
			body := map[string]any{"schema_id": "default", "traits": map[string]any{"email": p.Email, "name": map[string]any{"first": p.First(), "last": p.Last()}}}
			plainHTTP(t, "POST", k.AdminURL+"/admin/identities", "", body, &made)
			if ids[key] = made.ID; made.ID == "" {
				if ids[key] = find(p.Email); ids[key] == "" {
					t.Fatalf("%s has no identity and gets none", p.Email)
				}
				continue
			}
			t.Cleanup(func() { plainHTTP(t, "DELETE", k.AdminURL+"/admin/identities/"+made.ID, "", nil, nil) })
		}
	}
	return ids
}

// A support person's test: from the ticket to its solution in at most four key presses,
// on the real Keto with the story's model and tuples and the people of the real Kratos.
// The sentence on the screen names the true cause, also in a small window.
func TestEachKetoTicketTakesFewKeys(t *testing.T) {
	kratos, own := stacktest.Kratos(t), stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	st, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	ids := ticketPeople(t, kratos, st)
	id := func(key string) (string, error) {
		if ids[key] == "" {
			return "", fmt.Errorf("nobody is called %s", key)
		}
		return ids[key], nil
	}
	var lines []string
	for _, text := range st.Tuples {
		tp, err := st.Tuple(text, id)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, tupleLine(tp))
	}
	conf := configFile(t, fmt.Sprintf("contexts:\n  story:\n    kratos: {admin_url: %q, public_url: %q}\n    keto: {read_url: %q, write_url: %q, opl: %q}\n",
		kratos.AdminURL, kratos.PublicURL, own.ReadURL, own.WriteURL, own.OPL))
	gatehouseIn(t, strings.Join(lines, "\n"), nil, "tuples", "import", "-", "--force", "--config", conf).want(t, exitYes)
	for _, size := range [][2]int{{80, 24}, {120, 40}} {
		for at, ticket := range st.Tickets {
			if ticket.Question.Tuple != "" {
				t.Run(fmt.Sprintf("%s at %dx%d", ticket.ID, size[0], size[1]), func(t *testing.T) {
					q, err := st.Tuple(ticket.Question.Tuple, id)
					if err != nil {
						t.Fatal(err)
					}
					solveTicket(t, conf, size, at, ticket, q.String())
				})
			}
		}
	}
}

func solveTicket(t *testing.T, conf string, size [2]int, at int, ticket story.Ticket, question string) {
	tr := decode[access.Trace](t, "trace", gatehouse(t, nil, "why", question, "--json", "--config", conf))
	if tr.Cause != ticket.Cause.Code || string(tr.Server) != string(ticket.Verdict) && tr.Server != access.Unknown {
		t.Errorf("%s because of %q, the story says %s because of %q", tr.Server, tr.Cause, ticket.Verdict, ticket.Cause.Code)
	}
	loaded, err := config.Load(config.Options{Path: conf})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := loaded.Context("story")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := tuitest.Open(t, newConsole(ctx, newBackends(chosen)).app(ctx, newGlobals(World{Now: time.Now})), tuitest.Size(size[0], size[1]), tuitest.Patience(40*time.Second))
	s.Want("What would you like to know?")
	for range at {
		s.Press("down")
	}
	s.Press("enter")
	s.Want("ticket "+fmt.Sprint(at+1), question[:min(len(question), 50)])

	keys := 0
	press := func(key string) { keys++; s.Press(key) }
	press("w")
	s.Want(map[bool]string{true: "✗ DENIED", false: "? COULD NOT TELL"}[ticket.Verdict == "denied"], "Fixes")
	screen := strings.Join(strings.Fields(s.Screen()), " ")
	says := ticketSays[ticket.ID]
	if says == "" || !strings.Contains(screen, says) {
		t.Errorf("the sentence does not say %q:\n%s", says, s.Screen())
	}
	press("enter")
	s.Want("Apply this fix?")
	press("y")
	s.Want("✓ ALLOWED")
	t.Logf("%s: solved with %d key presses; %s", ticket.ID, keys, tr.Summary)
	if keys > mostKeys {
		t.Errorf("%d key presses", keys)
	}
	s.Press("u")
	s.Want("Undo:")
	s.Press("y")
	s.Want(map[bool]string{true: "✗ DENIED", false: "? COULD NOT TELL"}[ticket.Verdict == "denied"])
}
