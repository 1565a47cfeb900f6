// Package ketopolicy shows the policy of the first seed document, one relation tuple,
// and what Keto says of it for whoever is logged in.
package ketopolicy

import (
	"errors"
	"net/http"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/oryhome"
)

// SeedTuple is the policy as the seed document has it: the subject is an e-mail
// without its @.
const SeedTuple = oryhome.Relation + "@minkin.andrewgmail.com"

type app struct{ env *gate.Env }

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	if env.Kratos == nil || env.Keto == nil {
		return nil, errors.New("it needs Kratos and Keto: set kratos.public_url and keto.read_url")
	}
	a := &app{env}
	return &gate.System{
		ID: "keto-policy", Title: "The policy in Keto", Guard: "kratos session", Seed: "000, 001",
		About:  "The policy is one relation tuple. This page asks Keto whether it holds for you, and lets you in either way.",
		Guards: map[string]gate.Guard{"session": a.session},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("shows the policy"), Serve: a.show},
			{Method: http.MethodGet, Path: "/check", Policy: decisions.Policy{Kind: decisions.KindSession, Guard: "session"}, Serve: a.check},
		},
		WhoIs: gate.KratosWhoIs, People: gate.KratosPeople(env), SignIn: gate.KratosSignIn, Warn: env.SubjectWarning(),
	}, nil
}

func (a *app) session(c *gate.Call, _ decisions.Policy) gate.Verdict {
	_, v, ok := gate.KratosSession(c)
	switch {
	case ok:
		return gate.Pass()
	case v.Reason == decisions.NoCredential:
		return gate.Send(a.env.KratosUIURL, v.Reason)
	}
	return v
}

func (a *app) show(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "The policy in Keto",
		Lines: []string{"Who may read the home page is written in Keto as relation tuples. The original has one:"},
		Details: [][2]string{{"Tuple", SeedTuple}, {"Namespace", "app"}, {"Object", "homepage"}, {"Relation", "read"},
			{"Subject here", string(a.env.Subject)}},
		Links: []gate.Link{{Text: "Does it hold for me?", Href: c.Path("/check")}}})
}

// check asks Keto for whoever is logged in. The page is theirs either way; what Keto
// says is in it.
func (a *app) check(c *gate.Call) {
	subject, err := c.MapSubject(c.Identity)
	if err != nil {
		c.Plain(http.StatusOK, gate.Plain{Title: "No subject", Lines: []string{"No subject for Keto can be made of your identity."}})
		return
	}
	allowed, err := a.env.Keto.Check(c, oryhome.Relation, subject)
	if err != nil {
		c.Fail(err)
		return
	}
	if c.WantsJSON() {
		c.JSON(http.StatusOK, map[string]any{"tuple": oryhome.Relation + "@" + subject, "allowed": allowed})
		return
	}
	title := "No, the relation is not there"
	if allowed {
		title = "Yes, the relation is there"
	}
	c.Plain(http.StatusOK, gate.Plain{Title: title, Details: [][2]string{{"Asked for", oryhome.Relation + "@" + subject}}, Links: []gate.Link{{Text: "The policy", Href: c.Path("/")}}})
}
