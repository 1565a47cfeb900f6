package screens

import (
	"context"
	"strings"
	"testing"

	"gatehouse/clients/keycloak/setup"
	"gatehouse/tui"
)

// TestClientCheckWords: each state has a mark and a reason, and only what gatehouse can
// write is offered.
func TestClientCheckWords(t *testing.T) {
	steps := []setup.Step{
		{Number: 1, Name: setup.NameRealm, State: setup.Done, Found: "it is there"},
		{Number: 5, Name: setup.NameMapper, State: setup.Missing, Found: "off", Effect: "KeyError", Fix: "switch it on", Writes: true, Also: "5 clients"},
		{Number: 6, Name: setup.NameUser, Who: "ann", State: setup.Unknown, Found: "not visible", Needs: "view-users"},
		{Number: 8, Name: setup.NameIssuer, State: setup.Missing, Found: "differs", Fix: "correct it"},
	}
	l := NewClientCheck(ClientCheckSpec{Wish: setup.Wish{Realm: "r", Client: "c"},
		Check: func(context.Context, setup.Wish) ([]setup.Step, error) { return steps, nil },
		Apply: func(context.Context, setup.Wish, func(setup.Step) bool, func(setup.Step)) error { return nil }})
	page, err := l.Spec.Fetch(t.Context(), "")
	if err != nil || len(page.Items) != len(steps) {
		t.Fatal(page, err)
	}
	var marks []string
	ids := map[string]bool{}
	for _, s := range page.Items {
		marks = append(marks, l.Spec.Columns[0].Cell(s))
		ids[l.Spec.ID(s)] = true
		if sec := l.Spec.Detail(s); len(sec) != 1 || len(sec[0].Fields) < 2 {
			t.Errorf("%s has no details", s.Name)
		}
	}
	if got := strings.Join(marks, "|"); got != "✓  1 realm|✗  5 mapper|?  6 user|✗  8 issuer" {
		t.Errorf("the steps are drawn as %s", got)
	}
	if len(ids) != len(steps) {
		t.Error("two steps have one id")
	}
	for _, a := range l.Spec.Actions(l) {
		if a.Name == "fix" && (!a.Mutates || a.Why == nil) {
			t.Error("fixing is offered in a read-only context, or without a reason")
		}
	}
	_ = tui.Screen(l)
}
