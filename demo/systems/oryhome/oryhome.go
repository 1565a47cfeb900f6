// Package oryhome is the home page of the first seed document: a Kratos session, and
// then the relation app:homepage#read in Keto.
package oryhome

import (
	"errors"
	"net/http"
	"net/url"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// Relation is what the home page asks Keto for.
const Relation = "app:homepage#read"

type app struct{ env *gate.Env }

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	if env.Kratos == nil || env.Keto == nil {
		return nil, errors.New("it needs Kratos and Keto: set kratos.public_url and keto.read_url")
	}
	a := &app{env}
	need := decisions.Policy{Kind: decisions.KindRelation, Guard: "kratos+keto", Relation: Relation}
	return &gate.System{
		ID: "ory-home", Title: "Home page behind Kratos and Keto", Guard: "kratos session + keto check", Seed: "000, 001",
		About:  "Kratos says whose session it is, Keto whether that person may read the home page. Nothing is cached: a tuple that is removed counts at the next request.",
		Guards: map[string]gate.Guard{"kratos+keto": a.guard},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: need, Serve: a.home},
			{Method: http.MethodPost, Path: "/", Policy: need, Serve: a.home},
		},
		WhoIs: gate.KratosWhoIs, People: gate.KratosPeople(env), SignIn: gate.KratosSignIn, Warn: env.SubjectWarning(),
	}, nil
}

// guard lets a person through whose session Kratos knows and whom Keto grants the
// relation.
func (a *app) guard(c *gate.Call, p decisions.Policy) gate.Verdict {
	id, v, ok := gate.KratosSession(c)
	if !ok {
		if v.Reason == decisions.NoCredential {
			return gate.Send(a.loginURL(c), v.Reason)
		}
		return v
	}
	return c.Relation(id, p.Relation)
}

// loginURL is the start page of the login pages. The original says nothing of where
// to come back to; with the story's accounts we do.
func (a *app) loginURL(c *gate.Call) string {
	to := a.env.KratosUIURL
	if a.env.Accounts == gate.Story {
		to += "/?return_to=" + url.QueryEscape(c.URL("/"))
	}
	return to
}

func (a *app) home(c *gate.Call) {
	if c.WantsJSON() {
		c.JSON(http.StatusOK, map[string]string{"page": "homepage"})
		return
	}
	c.Plain(http.StatusOK, gate.Plain{Title: "SoftwarePals", Lines: []string{"Welcome. Kratos knows you, and Keto lets you read this page."},
		Details: [][2]string{{"Signed in as", c.Subject().Email}, {"Relation", Relation}}, Links: []gate.Link{{Text: "All systems", Href: c.Env.PublicURL() + "/"}}})
}
