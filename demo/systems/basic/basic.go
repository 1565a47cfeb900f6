// Package basic guards one page with HTTP Basic, as the decorator does that many
// Flask tutorials hand around.
package basic

import (
	"net/http"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

type app struct {
	accounts *gate.Members
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	accounts, err := env.Members(gate.Person{Username: "admin", Password: "secret"})
	if err != nil {
		return nil, err
	}
	a := &app{accounts}
	need := decisions.Policy{Kind: decisions.KindBasic, Guard: "basic"}
	return &gate.System{
		ID: "basic", Title: "A page behind HTTP Basic", Guard: "name and password with every request", Seed: "004",
		About:  "The browser asks for name and password and sends both with every request. There is no logout: a browser forgets them when it is closed.",
		Guards: map[string]gate.Guard{"basic": a.guard},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("says what there is"), Serve: a.home},
			{Method: http.MethodGet, Path: "/secret-page", Policy: need, Serve: a.secret},
		},
	}, nil
}

// guard compares name and password. An unknown name takes as long as a wrong
// password, and which of both it was is not told.
func (a *app) guard(c *gate.Call, _ decisions.Policy) gate.Verdict {
	header := c.R.Header.Get("Authorization")
	c.Credential("basic", header)
	user, password, ok := gate.ParseBasic(header)
	switch {
	case header == "":
		return gate.RefuseWith(decisions.NoCredential, challenge)
	case !ok:
		c.Hop("password", "deny").Rule = "not HTTP Basic"
		return gate.RefuseWith(decisions.BadCredential, challenge)
	}
	if _, v := c.CheckPassword(a.accounts, user, password); v.Reason == decisions.BadPassword {
		return gate.RefuseWith(v.Reason, challenge)
	} else if !v.Allow {
		return v
	}
	c.Subject().User = user
	return gate.Pass()
}

func challenge(c *gate.Call) {
	c.W.Header().Set("WWW-Authenticate", `Basic realm="Login Required"`)
	c.Bytes(http.StatusUnauthorized, "text/html; charset=utf-8",
		[]byte("Could not verify your access level for that URL.\nYou have to login with proper credentials"))
}

func (a *app) home(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "HTTP Basic", Lines: []string{"The page behind it asks for a name and a password."},
		Links: []gate.Link{{Text: "Open the secret page", Href: c.Path("/secret-page")}}})
}

func (a *app) secret(c *gate.Call) {
	if c.WantsJSON() {
		c.JSON(http.StatusOK, map[string]string{"page": "secret", "user": c.Subject().User})
		return
	}
	c.Plain(http.StatusOK, gate.Plain{Title: "Secret page of " + c.Subject().User, Lines: []string{"Only who knows the password reads this."}})
}
