package screens

import (
	"context"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

func TestCheckAsks(t *testing.T) {
	k := &ketoStub{ns: []string{"Doc"}, allow: func(q tuple.Tuple) bool { return q.Subject.ID == "ann" }}
	var remembered []string
	s := tuitest.Open(t, consoleOn(NewCheck(CheckSpec{Keto: k, Remember: func(q string) { remembered = append(remembered, q) }})))
	s.Want("namespace:object#permission@subject")
	s.Type("Doc:q3#view@ann")
	s.Press("enter")
	s.Want("✓ ALLOWED", "Doc:q3#view@ann", "keto says so", "1 request")
	s.Press("e", "ctrl+u")
	s.Type("doc:q3#view@ben")
	s.Press("enter")
	s.Want("✗ DENIED", `did you mean "Doc"?`, "Asked before")
	s.Press("down", "y")
	eventually(t, func() bool { return s.Clipboard() == "Doc:q3#view@ann" })
	s.Press("e", "ctrl+u")
	s.Type("nonsense")
	s.Press("enter")
	s.Want("is not a relation tuple", "nonsense") // what was typed stays
	if strings.Join(remembered, " ") != "Doc:q3#view@ann doc:q3#view@ben" {
		t.Errorf("remembered %q", remembered)
	}
}

func TestCheckNoAnswerIsNotNo(t *testing.T) {
	k := &ketoStub{fail: &clients.Problem{Kind: clients.Timeout, Op: "check", Reason: "keto did not answer in 3 s", Hint: "r asks again"}}
	s := tuitest.Open(t, consoleOn(NewCheck(CheckSpec{Keto: k, Question: "Doc:q3#view@ann"})))
	s.Want("? NO ANSWER", "keto did not answer in 3 s")
	s.WantNot("DENIED")
	k.set(nil)
	s.Press("r")
	s.Want("✗ DENIED")
}

func TestCheckLiveShowsTheChange(t *testing.T) {
	allowed := false
	k := &ketoStub{}
	k.allow = func(tuple.Tuple) bool { return allowed } // under the stub's lock
	s := tuitest.Open(t, consoleOn(NewCheck(CheckSpec{Keto: k, Question: "Doc:q3#view@ann"})))
	s.Want("✗ DENIED")
	s.Press("l")
	s.Want("live: asked every 2 s")
	k.mu.Lock()
	allowed = true
	k.mu.Unlock()
	s.Want("✓ ALLOWED", "it was denied")
	s.Press("l")
	s.WantNot("live: asked")
}

func TestCheckFindsPeople(t *testing.T) {
	k := &ketoStub{ns: []string{"Doc"}}
	people := func(_ context.Context, prefix string) ([]CheckPerson, error) {
		return []CheckPerson{{ID: ann, Name: "Ann Okafor", Email: "ann@acme.example"}}, nil
	}
	names := NewPeople(func(context.Context, []string) (map[string]string, error) {
		return map[string]string{ann: "Ann Okafor"}, nil
	})
	s := tuitest.Open(t, consoleOn(NewCheck(CheckSpec{Keto: k, People: people, Names: names})))
	s.Type("Doc:q3#view@an")
	s.Want("Ann Okafor", "ann@acme.example")
	s.Press("down", "enter", "enter")
	s.Want("✗ DENIED", "Ann Okafor does not have view on Doc:q3")
}

func homeSpec(k *ketoStub) HomeSpec {
	return HomeSpec{
		Check: func(q string) tui.Screen { return NewCheck(CheckSpec{Keto: k, Question: q}) },
		Find: func(words string) tui.Screen {
			return NewTicket(Ticket{ID: "found " + words, Title: words}, TicketLinks{})
		},
		OpenTicket: func(tk Ticket) tui.Screen {
			return NewTicket(tk, TicketLinks{Check: func(q string) tui.Screen { return NewCheck(CheckSpec{Keto: k, Question: q}) }})
		},
		Tickets: []Ticket{
			{ID: "1", Title: "Ann cannot open the Q3 report", Text: "It says no.", System: "keto", Asked: "Doc:q3#view@ann", Question: "Doc:q3#view@ann", Cause: "She is in no group.", Fixes: []string{"add Group:finance#members@ann"}},
			{ID: "2", Title: "Ben's admin page answers 401", System: "keycloak", Cause: "The mapper."},
		},
		Places: []HomePlace{
			{Name: "relation tuples", Count: func(context.Context) (string, string, error) { return "118", "in 4 namespaces", nil },
				Open: func() tui.Screen { return NewTuples(TuplesSpec{Keto: k}) }},
			{Name: "identities", Count: func(context.Context) (string, string, error) {
				return "", "", &clients.Problem{Kind: clients.Unreachable, Reason: "kratos refused the connection"}
			}, Open: func() tui.Screen { return NewTicket(Ticket{}, TicketLinks{}) }},
			{Name: "users", Off: "no keycloak in context dev"},
		},
		Complete: func(string) []widget.Completion { return nil },
	}
}

func TestHome(t *testing.T) {
	k := &ketoStub{rows: mustTuples(t, "Doc:q3#viewers@ann"), ns: []string{"Doc"}}
	s := tuitest.Open(t, consoleOn(NewHome(homeSpec(k))))
	s.Want("What would you like to know?", "Ann cannot open the Q3 report", "118", "in 4 namespaces", "kratos refused the connection", "no keycloak")
	s.Golden("home")
	s.Press("enter")
	s.Want("they say", "It says no.", "press c to show them")
	s.WantNot("She is in no group.")
	s.Press("c")
	s.Want("She is in no group.", "add Group:finance#members@ann")
	s.Press("enter")
	s.Want("✗ DENIED")
	s.Press("esc", "esc")
	s.Want("What would you like to know?")

	s.Press("/")
	s.Type("Doc:q3#view@ben")
	s.Want("ask Keto: Doc:q3#view@ben")
	s.Press("enter")
	s.Want("✗ DENIED", "@ben")
	s.Press("esc")
	s.Press("/")
	s.Type("ann ok")
	s.Want("find people: ann ok")
	s.Press("enter")
	s.Want("found ann ok")
	s.Press("esc", "tab", "down", "down", "enter")
	s.Want("no keycloak in context dev") // a closed place says why
	s.Press("up", "up", "enter")
	s.Want("viewers")
}
