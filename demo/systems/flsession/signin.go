package flsession

import (
	"net/http"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// signIn signs a person of the demo in with one click. Who is suspended stays out, as
// at the form.
func (a *app) signIn(c *gate.Call, p gate.Person) {
	u, ok := a.accounts.Named(p.Username)
	if !ok || !active(u) {
		c.Decide(decisions.Denied, decisions.AccountInactive)
		c.Plain(http.StatusForbidden, gate.Plain{Title: "Not signed in", Alert: "The account is suspended.", Links: []gate.Link{{Text: "All systems", Href: "/"}}})
		return
	}
	c.R.PostForm.Del("remember")
	a.enter(c, u)
}
