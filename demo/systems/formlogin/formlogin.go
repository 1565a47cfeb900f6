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
	accounts *gate.Members
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	accounts, err := env.Members(gate.Person{Username: "admin", Password: "password"}, gate.Person{Username: "python", Password: "python"})
	if err != nil {
		return nil, err
	}
	a := &app{accounts}
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
		People: accounts.People, SignIn: a.signIn,
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
	if _, v := c.CheckPassword(a.accounts, user, password); !v.Allow {
		c.Refused(v, func() { a.refused(c) })
		return
	}
	if a.enter(c, user) {
		a.hello(c)
	}
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
func (a *app) enter(c *gate.Call, user string, more ...any) bool {
	c.Subject().User = user
	return c.Enter(user, map[string]any{keyUser: user}, more...)
}

func (a *app) signIn(c *gate.Call, p gate.Person) {
	if a.enter(c, p.Username, "by", "one click") {
		c.Redirect(http.StatusSeeOther, c.Path("/"))
	}
}

func (a *app) askLogout(c *gate.Call) { c.AskLogout("/logout") }

func (a *app) logout(c *gate.Call) {
	if c.Leave(c.Session.String(keyUser), "/logout") {
		c.Redirect(http.StatusSeeOther, c.Path("/"))
	}
}
