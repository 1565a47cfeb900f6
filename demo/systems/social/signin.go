package social

import "gatehouse/demo/gate"

// hints are the parameters that fill in a name at the providers: OAuth 2 has none of
// its own and borrows OpenID Connect's, Twitter's is called screen_name.
var hints = map[string]string{"facebook": "login_hint", "twitter": "screen_name"}

// signIn begins a login with the person's name filled in at the provider. Whoever is
// logged in is logged out first.
func (a *app) signIn(c *gate.Call, p gate.Person) {
	if c.Session.Has(keyUser) {
		if err := c.Session.Begin(c.Env.Now()); err != nil {
			c.Fail(err)
			return
		}
		c.Session.Remove(keyUser)
		c.Session.Remove(keyNick)
	}
	to, err := a.p.authorize(c)
	if err != nil {
		c.Hop("provider", "fail")
		c.Fail(err)
		return
	}
	gate.SendHinted(c, to, hints[a.name], p.Key)
}
