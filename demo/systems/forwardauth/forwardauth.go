// Package forwardauth answers what Oathkeeper answers, in this process: for those who
// have no Oathkeeper, and to see the two side by side. The real one is in the stack;
// `gatehouse demo oathkeeper-config` prints its configuration.
package forwardauth

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/oryhome"
)

type app struct{ env *gate.Env }

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	if env.Kratos == nil || env.Keto == nil {
		return nil, errors.New("it needs Kratos and Keto: set kratos.public_url and keto.read_url")
	}
	a := &app{env}
	session := decisions.Policy{Kind: decisions.KindSession, Guard: "session"}
	relation := decisions.Policy{Kind: decisions.KindRelation, Guard: "relation", Relation: oryhome.Relation}
	return &gate.System{
		ID: "oathkeeper", Title: "Oathkeeper's rules, in this process", Guard: "kratos session, + keto check", Seed: "000, 001",
		About:  "The same rules and statuses as the proxy in front of ory-oathkeeper: a redirect for browsers and 401 for programs without a session, 403 without the relation, 404 without a rule.",
		Guards: map[string]gate.Guard{"session": a.session, "relation": a.relation},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/oathkeeper", Policy: session, Serve: func(c *gate.Call) { pass(c, map[string]string{"message": "greetings"}) }},
			{Method: http.MethodGet, Path: "/homepage", Policy: relation, Serve: func(c *gate.Call) { pass(c, map[string]string{"page": "homepage"}) }},
			{Method: http.MethodGet, Path: "/healthz", Policy: gate.Public("the rule gatehouse:open"), Serve: func(c *gate.Call) { c.JSON(http.StatusOK, map[string]string{"status": "ok"}) }},
		},
		Options:   noRule,
		ErrorPage: failed,
		WhoIs:     gate.KratosWhoIs, People: gate.KratosPeople(env), SignIn: gate.KratosSignIn, Warn: env.SubjectWarning(),
	}, nil
}

// pass answers with the header that the proxy's header mutator sets.
func pass(c *gate.Call, v any) {
	c.W.Header().Set("X-User", c.Subject().IdentityID)
	c.JSON(http.StatusOK, v)
}

func (a *app) session(c *gate.Call, _ decisions.Policy) gate.Verdict {
	_, v := a.who(c)
	return v
}

// who is the person behind the session, and the refusal where there is none.
func (a *app) who(c *gate.Call) (gate.Identity, gate.Verdict) {
	id, v, ok := gate.KratosSession(c)
	switch {
	case ok:
		return id, gate.Pass()
	case v.Reason == decisions.NoCredential, v.Reason == decisions.SessionInvalid:
		if strings.Contains(c.R.Header.Get("Accept"), "text/html") {
			return id, gate.Send(a.env.KratosUIURL+"/login", v.Reason)
		}
		return id, gate.Refuse(http.StatusUnauthorized, v.Reason)
	}
	return id, v
}

func (a *app) relation(c *gate.Call, p decisions.Policy) gate.Verdict {
	id, v := a.who(c)
	if !v.Allow {
		return v
	}
	return c.Relation(id, p.Relation)
}

// words are those of Oathkeeper v0.40.9 with verbose errors.
var words = map[int]string{
	http.StatusUnauthorized: "Access credentials are invalid",
	http.StatusForbidden:    "Access credentials are not sufficient to access this resource",
	http.StatusNotFound:     "Requested url does not match any rules",
}

func failed(c *gate.Call, status int) {
	if status == http.StatusMethodNotAllowed { // a method that no rule names
		c.W.Header().Del("Allow")
		status = http.StatusNotFound
	}
	m := words[status]
	if m == "" {
		m = http.StatusText(status)
	}
	c.JSON(status, map[string]any{"error": map[string]any{"code": status, "status": http.StatusText(status), "message": m}})
}

func noRule(c *gate.Call, _ []string) {
	c.Decide(decisions.Denied, decisions.NotFound)
	failed(c, http.StatusNotFound)
}
