package okta

import "gatehouse/demo/gate"

// signIn begins a login with the person's name filled in at the provider.
func (a *app) signIn(c *gate.Call, p gate.Person) {
	to, err := a.oidc.Begin(c, c.Path("/dashboard"))
	if err != nil {
		c.Fail(err)
		return
	}
	gate.SendHinted(c, to, "login_hint", p.Key)
}
