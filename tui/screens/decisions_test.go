package screens

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/decisions"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/tuitest"
)

// fakeDecisions tells some decisions at once and more when it is told to.
type fakeDecisions struct {
	first []decisions.Decision
	more  chan decisions.Decision
}

func (f fakeDecisions) Follow(ctx context.Context, _ decisions.Query, each func(decisions.Decision) error, lost func(int)) error {
	for _, d := range f.first {
		if err := each(d); err != nil {
			return err
		}
	}
	for {
		select {
		case d := <-f.more:
			lost(3)
			if err := each(d); err != nil {
				return err
			}
		case <-ctx.Done():
			return &clients.Problem{Kind: clients.Canceled, Op: "follow the decisions", Reason: "stopped"}
		}
	}
}

func decided(id, who string, out decisions.Outcome, status int, why decisions.Reason, hops ...decisions.Hop) decisions.Decision {
	return decisions.Decision{ID: id, RequestID: "gh-1", At: time.Date(2026, 11, 22, 12, 0, int(id[len(id)-1]-'0'), 0, time.Local), System: "ory-home",
		Request: decisions.Request{Method: "GET", Path: "/", Route: "GET /", Cred: "cookie", CredFP: "hmac:12"}, Hops: hops, Outcome: out, Status: status, Reason: why,
		Policy: decisions.Policy{Kind: decisions.KindRelation, Relation: "app:homepage#read"}, Subject: decisions.Subject{IdentityID: "id-" + who, Email: who + "\x1b[31m@acme.example"}}
}

// named is a screen that says what was opened.
type named struct {
	tui.Host
	title string
}

func (n *named) Title() string           { return n.title }
func (n *named) Init(h tui.Host) tea.Cmd { n.Host = h; return nil }
func (n *named) Update(tea.Msg) tea.Cmd  { return nil }
func (n *named) View(int, int) string    { return "opened " + n.title }
func (n *named) Actions() []tui.Action   { return nil }
func (n *named) Typing() bool            { return false }
func (n *named) Close()                  {}

func TestDecisionsAreFollowed(t *testing.T) {
	kind := theme.Dark
	denied := decided("01J1", "ann", decisions.Denied, 403, decisions.KetoDenied,
		decisions.Hop{N: 1, Hop: "credential", Out: "present"}, decisions.Hop{N: 2, Hop: "kratos.whoami", Out: "pass", Status: 200, MS: 1.7},
		decisions.Hop{N: 3, Hop: "keto.check", Out: "deny", Status: 403, Tuple: "app:homepage#read@id-ann"})
	f := fakeDecisions{first: []decisions.Decision{denied}, more: make(chan decisions.Decision)}
	spec := DecisionsSpec{Server: func() (DecisionsServer, error) { return f, nil },
		Identity: func(id string) tui.Screen { return &named{title: "person " + id} },
		Why:      func(q tuple.Tuple) tui.Screen { return &named{title: "why " + q.String()} }}
	app := func() *tui.App {
		return tui.New(t.Context(), tui.Options{Theme: &kind, Context: "dev", Root: NewDecisions(spec)})
	}
	s := tuitest.Open(t, app(), tuitest.Size(120, 30))
	s.Want("✗ deny 403", "keto_denied", "ann", "live")
	f.more <- decided("01J2", "ben", decisions.Allowed, 200, decisions.OK)
	s.Want("✓ allow 200", "ben", "3 lost")
	s.Press("w") // the newest is on top, and Keto was not asked for it
	s.Want("neither Keto nor Keycloak was asked")
	s.Press("down", "w")
	s.Want("opened why app:homepage#read@id-ann")
	s.Press("esc", "p")
	s.Want("opened person id-ann")
	s.Press("esc", "enter")
	s.Want("Keto says that the relation is not there.", "kratos.whoami", "app:homepage#read@id-ann", "X-Gatehouse-Decision")
	s.Press("w")
	s.Want("opened why")
}

// TestWhyOfADecisionOfKeycloak leads from a refusal for a role to why the role is not there.
func TestWhyOfADecisionOfKeycloak(t *testing.T) {
	kind := theme.Dark
	d := decided("01J3", "ben", decisions.Denied, 401, decisions.RoleMissing, decisions.Hop{N: 1, Hop: "session", Out: "pass"},
		decisions.Hop{N: 2, Hop: "roles", Out: "deny", Needs: []string{"user", "admin"}, Has: []string{"user"}})
	d.System, d.Policy = "kc-web", decisions.Policy{Kind: decisions.KindRolesAll, Roles: []string{"user", "admin"}}
	d.Subject = decisions.Subject{Realm: "LearningSoftware", Client: "flaskClient", User: "ben"}
	spec := DecisionsSpec{Server: func() (DecisionsServer, error) {
		return fakeDecisions{first: []decisions.Decision{d}, more: make(chan decisions.Decision)}, nil
	}, WhyLogin: func(realm, user, client, role string) tui.Screen {
		return &named{title: "why login " + strings.Join([]string{realm, user, client, role}, " ")}
	}, User: func(realm, name string) tui.Screen { return &named{title: "roles of " + name + " in " + realm} }}
	s := tuitest.Open(t, tui.New(t.Context(), tui.Options{Theme: &kind, Root: NewDecisions(spec)}), tuitest.Size(120, 30))
	s.Want("role_missing", "ben")
	s.Press("w")
	s.Want("opened why login LearningSoftware ben flaskClient admin")
	s.Press("esc", "o")
	s.Want("opened roles of ben in LearningSoftware")
	s.Press("esc", "p")
	s.Want("nobody's identity is known")
	s.Press("enter", "w")
	s.Want("opened why login LearningSoftware ben flaskClient admin")
}

func TestDecisionsWithoutAServer(t *testing.T) {
	kind := theme.Dark
	spec := DecisionsSpec{Server: func() (DecisionsServer, error) {
		return nil, &clients.Problem{Kind: clients.Unreachable, Op: "find the demo server", Reason: "none runs", Hint: "start one: gatehouse demo serve"}
	}}
	s := tuitest.Open(t, tui.New(t.Context(), tui.Options{Theme: &kind, Root: NewDecisions(spec), Explain: func(err error) tui.Failure {
		return tui.Failure{Kind: "unreachable", What: "find the demo server", Why: "none runs", Hint: "start one: gatehouse demo serve"}
	}}), tuitest.Size(80, 24))
	s.Want("none runs", "gatehouse demo serve")
}
