package screens

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// pasted is a token with a canary as its signature.
func pasted(padding int) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(`{"iss":"http://x/realms/Learning","sub":"1","azp":"flaskClient","exp":1700000000,"pad":"`+strings.Repeat("x", padding)+`"}`)) + ".canarySignature"
}

// pasteStub refuses tokens.
type pasteStub struct {
	mu    sync.Mutex
	asked []login.Asked
	err   error
}

func (p *pasteStub) inspect(_ context.Context, a login.Asked) (TokenReport, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, a)
	return TokenReport{Kind: "access token", Realm: "Learning", Client: "flaskClient", User: "ben", Verdict: "refused", Summary: "The token is over since 14 Nov 2023.", Hint: "log in again",
		Checks: []login.Check{{Code: login.TokenSignature, State: login.Pass, Evidence: "a key of the realm signed it"}, {Code: login.TokenExpired, State: login.Fail, Evidence: "it was good until 14 Nov 2023"}},
		Since:  []TokenChange{{Path: "resource_access.flaskClient.roles", Now: "admin"}},
		Claims: []token.Claim{{Path: "exp", Value: "1700000000", Means: "it is refused after this"}, {Path: "azp", Value: "flaskClient"}}, Header: []token.Claim{{Path: "alg", Value: "RS256"}}}, p.err
}

func (p *pasteStub) screen() tui.Screen { return NewTokenPaste(TokenPasteSpec{Inspect: p.inspect}) }

func TestTokenPaste(t *testing.T) {
	for name, size := range map[string][2]int{"80x24": {80, 24}, "120x40": {120, 40}} {
		p := &pasteStub{}
		s := tuitest.Open(t, consoleOn(p.screen()), tuitest.Size(size[0], size[1]))
		s.Want("Paste the token")
		s.Press("ctrl+s")
		s.Want("is needed")
		s.Type("no.token")
		s.Press("ctrl+s")
		s.Want("a token has three parts")
		s.Press("ctrl+u")
		whole := pasted(3000)
		s.Paste("Bearer " + whole + "\n")
		s.WantNot("canary")
		s.WantNot("eyJ")
		s.Press("tab")
		s.Type("admin")
		s.Press("ctrl+s")
		s.Want("✗ REFUSED", "access token · ben · flaskClient · Learning", "The token is over", "log in again", "it was good until", "The next token would say otherwise", "not there → admin", "it is refused after this")
		s.Golden("token-paste-" + name)
		if len(p.asked) != 1 || p.asked[0].PastedToken != whole || p.asked[0].Role != "admin" {
			t.Errorf("asked about %d tokens; whole: %v", len(p.asked), len(p.asked) == 1 && p.asked[0].PastedToken == whole)
		}
		p.mu.Lock()
		p.err = &clients.Problem{Kind: clients.Unreachable, Op: "ask", Reason: "keycloak does not answer"}
		p.mu.Unlock()
		s.Press("r")
		s.Want("It cannot be told whether the token is taken", "keycloak does not answer")
		s.WantNot("canary")
	}
	tuitest.Sweep(t, func() tea.Model { return consoleOn((&pasteStub{}).screen()) }, nil, []string{"esc"})
}

// policyTrace is a decision that a negative part of an aggregate policy denies.
func policyTrace() login.Trace {
	leaf := &access.Step{Kind: "role policy", Label: "no interns", Verdict: access.Denied, Reason: "negative; ben has the role intern; the first that denies"}
	return login.Trace{Trace: access.Trace{Question: "realm Learning: may ben do view to q3 in portal?", Summary: "The policy \"no interns\" denies it.", Verdict: access.Denied,
		Proof: &access.Step{Kind: "decision", Label: "q3#view", Verdict: access.Denied, Reason: "enforcing, unanimous", Children: []*access.Step{
			{Kind: "scope permission", Label: "may view", Verdict: access.Denied, Children: []*access.Step{
				{Kind: "user policy", Label: "staff", Verdict: access.Allowed},
				{Kind: "aggregate policy", Label: "office", Verdict: access.Denied, Reason: "unanimous", Children: []*access.Step{{Kind: "time policy", Label: "by day", Verdict: access.Allowed}, leaf}}}}}}}}
}

func TestPolicyTree(t *testing.T) {
	for name, size := range map[string][2]int{"80x24": {80, 24}, "120x40": {120, 40}} {
		s := tuitest.Open(t, consoleOn(NewPolicyTree(policyTrace())), tuitest.Size(size[0], size[1]))
		s.Want("✗ DENIED", "no interns", "by day", "role policy no interns", "the first that denies")
		s.Golden("policy-tree-" + name)
		s.Press("g")
		s.Want("decision q3#view", "enforcing, unanimous")
		s.Press("y")
		s.Want("copied")
	}
	tuitest.Sweep(t, func() tea.Model { return consoleOn(NewPolicyTree(policyTrace())) }, nil, []string{"g"})
}

// TestLoginWhyAsksForAllOfTheQuestion fills the form in by keys.
func TestLoginWhyAsksForAllOfTheQuestion(t *testing.T) {
	var mu sync.Mutex
	var got login.Asked
	spec := LoginWhySpec{Asked: login.Asked{Realm: "Learning", User: "ben"},
		Why: func(_ context.Context, a login.Asked, _ func(login.Trace)) (login.Trace, error) {
			mu.Lock()
			defer mu.Unlock()
			got = a
			tr := policyTrace()
			return tr, nil
		},
		Preview: func(a login.Asked) tui.Screen { return tui.NewFields("tokens of " + a.User + " for " + a.Client) },
		Paste:   func(login.Asked) tui.Screen { return tui.NewFields("paste here") }}
	s := tuitest.Open(t, consoleOn(NewLoginWhy(spec)), tuitest.Size(120, 40))
	s.Want("Why does somebody not get in", "Resource", "Origin", "Token")
	s.Press("tab", "tab")
	s.Type("portal")
	s.Press("tab", "tab", "tab", "tab", "tab")
	s.Type("q3#view")
	s.Press("tab")
	s.Type("https://app.example/cb")
	s.Press("tab")
	s.Type("https://app.example")
	s.Press("tab")
	s.Paste(pasted(10))
	s.WantNot("canary")
	s.Press("ctrl+s")
	s.Want("✗ DENIED")
	mu.Lock()
	want := login.Asked{Realm: "Learning", User: "ben", Client: "portal", Resource: "q3", ResourceScope: "view", RedirectURI: "https://app.example/cb", Origin: "https://app.example",
		PastedToken: pasted(10), Token: login.Access, Grant: login.Browser}
	if got != want {
		got.PastedToken, want.PastedToken = "", ""
		t.Errorf("asked %+v, want %+v", got, want)
	}
	mu.Unlock()
	s.Press("P")
	s.Want("role policy no interns")
	s.Press("esc")
	s.Press("t")
	s.Want("tokens of ben for portal")
	s.Press("esc")
	s.Press("p")
	s.Want("paste here")
}
