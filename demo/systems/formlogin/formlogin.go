// Package formlogin is the smallest login form there is: one page, a table of
// accounts, and a session. The original kept passwords in clear, in a cookie that a
// copy outlived, without any protection against other sites.
package formlogin

import (
	"net/http"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// keyUser is who is logged in.
const keyUser = "user"

type app struct {
	env   *gate.Env
	users map[string]*gate.Hash
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	a := &app{env: env, users: map[string]*gate.Hash{}}
	people := env.People
	if env.Accounts == gate.Seeds {
		people = []gate.Person{{Username: "admin", Password: "password"}, {Username: "python", Password: "python"}}
	}
	for _, p := range people {
		if p.Username == "" || p.Password == "" {
			continue
		}
		h, err := env.Passwords.New(p.Password)
		if err != nil {
			return nil, err
		}
		a.users[p.Username] = h
	}
	return &gate.System{
		ID: "form-login", Title: "A login form", Guard: "session on the server", Seed: "004",
		About:   "One page with a form. Who knows name and password is greeted; who logs in or out is written to the audit log.",
		Session: &gate.SessionOptions{},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("shows the form, or the greeting to who is logged in"), Serve: a.home},
			{Method: http.MethodPost, Path: "/login", Policy: gate.Login("name and password of a form"), Serve: a.login},
			{Method: http.MethodGet, Path: "/logout", Policy: gate.Public("asks before it logs out: a link of another site must not"), Serve: a.askLogout},
			{Method: http.MethodPost, Path: "/logout", Policy: gate.Public("whoever is logged in may log out"), Serve: a.logout},
		},
		People: func() []gate.Person { return people }, SignIn: a.signIn,
		WhoIs: func(c *gate.Call) string { return c.Session.String(keyUser) },
	}, nil
}

func (a *app) home(c *gate.Call) {
	if who := c.Session.String(keyUser); who != "" {
		c.Subject().User = who
		a.hello(c)
		return
	}
	a.form(c, "")
}

func (a *app) hello(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "Hello Boss!", Details: [][2]string{{"Logged in as", c.Session.String(keyUser)}},
		Forms: []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}})
}

func (a *app) form(c *gate.Call, alert string) {
	c.Plain(http.StatusOK, gate.Plain{Title: "Log in", Alert: alert, Forms: []gate.Form{{Action: c.Path("/login"), Submit: "Log in", Fields: []gate.Field{
		{Name: "username", Label: "Username", Autocomplete: "username", Required: true},
		{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Required: true},
	}}}})
}

func (a *app) login(c *gate.Call) {
	if err := c.R.ParseForm(); err != nil || !c.R.PostForm.Has("username") || !c.R.PostForm.Has("password") {
		c.Decide(decisions.Denied, decisions.BadRequest)
		c.Error(http.StatusBadRequest)
		return
	}
	user, password := c.R.PostForm.Get("username"), c.R.PostForm.Get("password") // of several the first
	c.Credential("password", user)
	if v, limited := c.LimitedFor(user); limited {
		c.Decide(decisions.Denied, v.Reason)
		v.Respond(c)
		return
	}
	h := c.Hop("password", "deny")
	if !a.env.Passwords.Verify(c.R.Context(), a.users[user], password) {
		a.env.Limits.Failed(c.Sys.ID, user, c.ClientIP())
		c.Audit("login_failed", "account", a.env.Hash(user))
		c.Decide(decisions.Denied, decisions.BadPassword)
		a.refused(c)
		return
	}
	h.Out = "pass"
	a.enter(c, user)
}

// refused shows the page again, with 200 as the original does. Who was logged in
// before stays so.
func (a *app) refused(c *gate.Call) {
	if c.Session.Has(keyUser) {
		if err := c.Session.Renew(); err != nil {
			c.Fail(err)
			return
		}
		a.hello(c)
		return
	}
	c.SetCookie(c.Env.CookieName(c.Sys.ID), "", -1) // one that counts for nothing is not kept
	a.form(c, "wrong password!")
}

// enter begins the session of somebody who has just logged in.
func (a *app) enter(c *gate.Call, user string) {
	if err := c.Session.Begin(c.Env.Now()); err != nil {
		c.Fail(err)
		return
	}
	c.Session.Put(c.Env.Now(), keyUser, user)
	c.Subject().User = user
	c.Decide(decisions.Allowed, decisions.OK)
	c.Audit("login", "account", user)
	a.hello(c)
}

func (a *app) signIn(c *gate.Call, p gate.Person) {
	if err := c.Session.Begin(c.Env.Now()); err != nil {
		c.Fail(err)
		return
	}
	c.Session.Put(c.Env.Now(), keyUser, p.Username)
	c.Audit("login", "account", p.Username, "by", "one click")
	c.Redirect(http.StatusSeeOther, c.Path("/"))
}

func (a *app) askLogout(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "Log out?", Forms: []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}, Links: []gate.Link{{Text: "Stay logged in", Href: c.Path("/")}}})
}

// logout ends the session on the server: a copy of the cookie counts for nothing.
func (a *app) logout(c *gate.Call) {
	c.Audit("logout", "account", c.Session.String(keyUser))
	if err := c.Session.Destroy(); err != nil {
		c.Fail(err)
		return
	}
	c.Redirect(http.StatusSeeOther, c.Path("/"))
}
