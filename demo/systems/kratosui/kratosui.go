// Package kratosui is a small self-service UI for Kratos: login, registration,
// recovery, verification, settings, error and logout, drawn from the nodes that
// Kratos sends for each flow. It knows nothing of the methods that are switched on.
package kratosui

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// ID is that of the system.
const ID = "kratos-ui"

type app struct{ env *gate.Env }

// flow is one kind of self-service flow.
type flow struct{ name, title, lead string }

var flows = []flow{
	{"login", "Log in", ""},
	{"registration", "Register", ""},
	{"recovery", "Recover an account", "A code is sent to the address of the account."},
	{"verification", "Verify an address", ""},
	{"settings", "Settings", ""},
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	if env.Kratos == nil {
		return nil, errors.New("it needs Kratos: set kratos.public_url")
	}
	a := &app{env}
	s := &gate.System{
		ID: ID, Title: "Kratos' pages", Guard: "kratos' own flows", Seed: "000, 001",
		About: "Kratos has no pages of its own. These are drawn from what it sends: log in, register, recover an account, change settings.",
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("says who is logged in"), Serve: a.home},
			{Method: http.MethodGet, Path: "/error", Policy: gate.Public("says what went wrong"), Serve: a.failed},
			{Method: http.MethodGet, Path: "/logout", Policy: gate.Public("asks whether to log out"), Serve: a.askLogout},
			{Method: http.MethodPost, Path: "/logout", Policy: gate.Login("ends the browser's own session at Kratos"), Serve: a.logout},
		},
		WhoIs: gate.KratosWhoIs, People: gate.KratosPeople(env), SignIn: gate.KratosSignIn,
	}
	for _, f := range flows {
		s.Routes = append(s.Routes, gate.Route{Method: http.MethodGet, Path: "/" + f.name, Serve: a.show(f),
			Policy: gate.Login("Kratos decides; the page only shows its questions")})
	}
	return s, nil
}

// returnCookie remembers where somebody came from. Kratos' own return_to works only
// for addresses on its list; this is a path of this server and nothing else.
const returnCookie = "return"

func (a *app) cookieName() string { return a.env.CookieName(ID) + "." + returnCookie }

// home says who is logged in, or sends on to where somebody came from.
func (a *app) home(c *gate.Call) {
	a.rememberReturn(c)
	id, v, ok := gate.KratosSession(c)
	switch {
	case ok:
		if back, sent := c.Cookie(a.cookieName()); sent && c.R.URL.Query().Get("return_to") == "" {
			c.SetCookie(a.cookieName(), "", -1)
			if path, err := url.PathUnescape(back); err == nil && gate.SafeNext(path, "") != "" {
				c.Redirect(http.StatusSeeOther, a.env.PublicURL()+path)
				return
			}
		}
		a.welcome(c, id)
	case v.Reason == decisions.NoCredential || v.Reason == decisions.SessionInvalid:
		if c.R.URL.Query().Get("return_to") != "" {
			c.Redirect(http.StatusSeeOther, c.Path("/login"))
			return
		}
		c.Plain(http.StatusOK, gate.Plain{Title: "Nobody is logged in", Links: []gate.Link{{Text: "Log in", Href: c.Path("/login")},
			{Text: "Register", Href: c.Path("/registration")}, {Text: "Recover an account", Href: c.Path("/recovery")}}})
	case v.Status == http.StatusServiceUnavailable:
		c.Decide(decisions.Failed, v.Reason)
		c.Error(v.Status)
	default: // a second factor is asked for
		c.Decide(decisions.Denied, v.Reason)
		c.Error(v.Status)
	}
}

func (a *app) welcome(c *gate.Call, id gate.Identity) {
	verified := "no"
	if id.Verified {
		verified = "yes"
	}
	c.Plain(http.StatusOK, gate.Plain{Title: "You are logged in",
		Details: [][2]string{{"E-mail", clean.Line(id.Email, 200)}, {"Verified", verified}, {"Identity", id.ID}, {"Session until", until(id)}},
		Links:   []gate.Link{{Text: "All systems", Href: a.env.PublicURL() + "/"}, {Text: "Settings", Href: c.Path("/settings")}},
		Forms:   []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}})
}

func until(id gate.Identity) string {
	if id.ExpiresAt.IsZero() {
		return "not told"
	}
	return id.ExpiresAt.UTC().Format(time.RFC1123)
}

// rememberReturn keeps return_to when it is a page of this server.
func (a *app) rememberReturn(c *gate.Call) {
	to := c.R.URL.Query().Get("return_to")
	path, ours := strings.CutPrefix(to, a.env.PublicURL())
	if !ours || gate.SafeNext(path, "") == "" {
		return
	}
	c.SetCookie(a.cookieName(), url.PathEscape(path), 10*time.Minute)
}

// askLogout asks first: a link must not be able to log anybody out.
func (a *app) askLogout(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "Log out?", Forms: []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}, Links: []gate.Link{{Text: "Stay", Href: c.Path("/")}}})
}

// logout asks Kratos for the address that ends the session, which holds a token of
// its own, and sends the browser there.
func (a *app) logout(c *gate.Call) {
	var out struct {
		URL string `json:"logout_url"`
	}
	status, err := a.get(c, "/self-service/logout/browser", &out)
	switch {
	case err != nil:
		c.Fail(err)
	case status == http.StatusUnauthorized:
		c.Decide(decisions.Allowed, decisions.OK)
		c.Redirect(http.StatusSeeOther, c.Path("/"))
	case status != http.StatusOK || !a.ofKratos(out.URL):
		c.Fail(gate.Malformed(decisions.Kratos, errors.New("the logout address is not Kratos' own")))
	default:
		c.Decide(decisions.Allowed, decisions.OK)
		c.Audit("logout")
		c.Redirect(http.StatusSeeOther, out.URL)
	}
}

// ofKratos reports whether an address is on Kratos' public listener.
func (a *app) ofKratos(raw string) bool {
	u, err := url.Parse(raw)
	k, kerr := url.Parse(a.env.KratosPublicURL)
	return err == nil && kerr == nil && u.Scheme == k.Scheme && u.Host == k.Host && u.User == nil
}

// failed shows the error that Kratos keeps under an id.
func (a *app) failed(c *gate.Call) {
	id := c.R.URL.Query().Get("id")
	p := gate.Plain{Title: "That did not work", Lines: []string{"Kratos could not go on."}, Links: []gate.Link{{Text: "To the start", Href: c.Path("/")}}}
	if id != "" {
		var out struct {
			Error *struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
				Reason  string `json:"reason"`
			} `json:"error"`
		}
		status, err := a.get(c, "/self-service/errors?id="+url.QueryEscape(id), &out)
		if err == nil && status == http.StatusOK && out.Error == nil {
			err = gate.Malformed(decisions.Kratos, errors.New("an error that says nothing"))
		}
		if err != nil {
			c.Fail(err)
			return
		}
		if status == http.StatusOK {
			p.Lines = slices.DeleteFunc([]string{clean.Text(out.Error.Message, 500), clean.Text(out.Error.Reason, 1000)}, func(s string) bool { return s == "" })
		}
	}
	c.Plain(http.StatusOK, p)
}
