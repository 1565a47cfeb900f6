package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/access/login"
	"gatehouse/config"
	"gatehouse/stack/seed"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
	"gatehouse/tui/tuitest"
)

// mostLoginKeys is how many key presses may lie between a ticket and its solution.
const mostLoginKeys = 4

// loginTicketSays is what the sentence on the screen must name, for each ticket about
// Keycloak.
var loginTicketSays = map[string][]string{
	"ben-admin-401":         {"client roles", "ID token"},
	"auditor-sees-nothing":  {"disabled"},
	"farah-locked-out":      {"locked", "wrong password"},
	"chloe-lost-instructor": {"instructor"},
	"uma-cannot-log-in":     {"verified"},
	"nils-examiner":         {"examiner", "gradebook", "full scope"},
}

// The same for the tickets about Keycloak: the story in a realm of its own on the real
// server. The first cause that is named is the true one, curing everything that fails
// takes at most four keys from the ticket, and one key takes it back where that can be.
func TestEachKeycloakTicketTakesFewKeys(t *testing.T) {
	k := stacktest.Keycloak(t)
	st, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	realm := "tickets-" + unique(t)
	model := filepath.Join(t.TempDir(), "namespaces.ts")
	if err := os.WriteFile(model, []byte(story.Model()), 0o600); err != nil {
		t.Fatal(err)
	}
	conf := configFile(t, fmt.Sprintf("contexts:\n  story:\n    keto: {read_url: \"http://127.0.0.1:1\", write_url: \"http://127.0.0.1:1\", opl: %q}\n    keycloak: {url: %q, username: %q, password: %q, realms: [%s]}\n",
		model, k.URL, k.AdminUsername, "file:"+k.AdminPasswordFile, realm))
	loaded, err := config.Load(config.Options{Path: conf})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := loaded.Context("story")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b := newBackends(chosen)
	server, err := b.Keycloak(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keycloakAdmin(t, k).call("DELETE", k.URL+"/admin/realms/"+realm, nil) })
	if _, err := seed.Story(ctx, seed.Clients{Keycloak: server}, st, seed.Options{Realm: realm}); err != nil {
		t.Fatal(err)
	}
	for at, ticket := range st.Tickets {
		if ticket.Question.Keycloak != nil {
			size := [][2]int{{80, 24}, {120, 40}}[at%2]
			t.Run(ticket.ID, func(t *testing.T) {
				s := tuitest.Open(t, newConsole(ctx, b).app(ctx, newGlobals(World{Now: time.Now})), tuitest.Size(size[0], size[1]), tuitest.Patience(60*time.Second))
				solveLoginTicket(t, s, at, ticket, conf, askedOf(st, realm, *ticket.Question.Keycloak))
			})
		}
	}
}

func solveLoginTicket(t *testing.T, s *tuitest.Term, at int, ticket story.Ticket, conf string, a login.Asked) {
	asked := []string{"why", "keycloak", "--json", "--config", conf, "--realm", a.Realm, "--user", a.User, "--client", a.Client, "--scope", a.Scope}
	if a.Token != "" {
		asked = append(asked, "--token", string(a.Token))
	}
	if a.Role != "" {
		asked = append(asked, "--role", a.Role)
	}
	if a.RealmRole != "" {
		asked = append(asked, "--realm-role", a.RealmRole)
	}
	why := func() login.Trace { return decode[login.Trace](t, "login-trace", gatehouse(t, nil, asked...)) }
	tr := why()
	if tr.Cause != ticket.Cause.Code {
		t.Errorf("denied because of %q, the story says %q: %s", tr.Cause, ticket.Cause.Code, tr.Summary)
	}
	s.Want("What would you like to know?")
	for range at {
		s.Press("down")
	}
	s.Press("enter")
	s.Want("ticket "+fmt.Sprint(at+1), a.User, a.Client)

	keys := 0
	press := func(key string) { keys++; s.Press(key) }
	press("w")
	s.Want("✗ DENIED", "Fixes")
	screen := strings.Join(strings.Fields(s.Screen()), " ")
	for _, says := range loginTicketSays[ticket.ID] {
		if !strings.Contains(screen, says) {
			t.Errorf("the sentence does not say %q:\n%s", says, s.Screen())
		}
	}
	if len(loginTicketSays[ticket.ID]) == 0 {
		t.Error("it is not known what the sentence must say")
	}
	cure := "enter"
	if len(tr.Then) > 0 {
		cure = "a"
	}
	final := strings.Contains(ticket.Cause.Code, "locked") // nobody can be locked again by a write
	press(cure)
	s.Want("Apply this fix?")
	if final {
		s.Want("This cannot be undone.")
	}
	press("y")
	s.Want("✓ ALLOWED")
	if after := why(); after.Cause != "" {
		t.Errorf("after the fix: %s: %s", after.Cause, after.Summary)
	}
	t.Logf("%s: solved with %d key presses; %s", ticket.ID, keys, tr.Summary)
	if keys > mostLoginKeys {
		t.Errorf("%d key presses", keys)
	}
	if final {
		return
	}
	s.Press("u")
	s.Want("Undo:")
	s.Press("y")
	s.Want("✗ DENIED")
}
