// Package kcweb is the web application of the second seed document: a login at
// Keycloak, and pages that ask for a login or for roles of the application's client.
//
// The original keeps everything in a cookie that the browser can read and nobody can
// end. Here the session is on the server, and every guarded request asks Keycloak
// whether the login still counts. Roles that were taken away count no more at once;
// roles that were added count after the next login, and the page says so.
package kcweb

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// The keys of a session.
const (
	keySub     = "sub"
	keyName    = "userName"
	keyEmail   = "email"
	keyRoles   = "roles"
	keyIDToken = "idToken"
	keyRefresh = "refresh"
	keyNewRole = "newRole" // roles that came after the login
)

type app struct {
	env  *gate.Env
	oidc *gate.OIDC
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	if env.RealmURL() == "" {
		return nil, errors.New("it needs Keycloak and a realm: set keycloak.url and keycloak.realms in the context")
	}
	if env.ClientSecret == "" {
		return nil, errors.New("it needs the secret of the client " + env.ClientID + ": set OIDC_CLIENT_SECRET")
	}
	o, err := env.NewOIDC(gate.OIDCConfig{Issuer: env.RealmURL(), ClientID: env.ClientID, ClientSecret: env.ClientSecret,
		Scopes: []string{"openid", "profile", "email", "roles"}, Callback: "/oauth/login/callback"})
	if err != nil {
		return nil, err
	}
	a := &app{env: env, oidc: o}
	login := decisions.Policy{Kind: decisions.KindSession, Guard: "session"}
	admin := decisions.Policy{Kind: decisions.KindRolesAll, Guard: "session", Roles: []string{"admin"}, Why: "roles of the client " + clean.Line(env.ClientID, 100)}
	return &gate.System{
		ID: "kc-web", Title: "Web application with Keycloak", Guard: "OpenID Connect, roles of a client", Seed: "002",
		About:   "A login at Keycloak. One page asks for a login, one for the role admin. A role that was added counts after the next login, one that was removed ends at once.",
		Session: &gate.SessionOptions{}, Guards: map[string]gate.Guard{"session": a.guard},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("a greeting"), Serve: a.home},
			{Method: http.MethodGet, Path: "/profile", Policy: login, Serve: a.profile},
			{Method: http.MethodGet, Path: "/admin", Policy: admin, Serve: a.admin},
			{Method: http.MethodGet, Path: "/oauth/login", Policy: gate.Public("sends the browser to Keycloak"), Serve: a.login},
			{Method: http.MethodGet, Path: "/oauth/login/callback", Policy: gate.Login("a code of Keycloak, with the state of this browser"), Serve: a.callback},
			{Method: http.MethodGet, Path: "/oauth/logout", Policy: gate.Public("whoever is logged in may log out; another site may not do it for them"), Serve: a.logout},
			{Method: http.MethodPost, Path: "/oauth/logout", Policy: gate.Public("whoever is logged in may log out"), Serve: a.logout},
		},
		WhoIs:  func(c *gate.Call) string { return c.Session.String(keyName) },
		People: gate.PeopleWith(env, canSignIn), SignIn: a.signIn,
	}, nil
}

func (a *app) subject(c *gate.Call) {
	s := c.Subject()
	s.Realm, s.Client = a.env.Realm, clean.Line(a.env.ClientID, 200)
	s.User, s.Email = clean.Line(c.Session.String(keyName), 200), clean.Line(c.Session.String(keyEmail), 200)
	s.Roles = c.Session.Strings(keyRoles)
}

// guard lets through who is logged in, here and at Keycloak, with every role that the
// policy names.
func (a *app) guard(c *gate.Call, p decisions.Policy) gate.Verdict {
	h := c.Hop("session", "deny")
	if !c.Session.Has(keySub) {
		return a.toLogin(c, decisions.NoCredential)
	}
	h.Out = "pass"
	if v, ok := a.recheck(c); !ok {
		return v
	}
	a.subject(c)
	if len(p.Roles) == 0 {
		return gate.Pass()
	}
	has := c.Session.Strings(keyRoles)
	r := c.Hop("roles", "deny")
	r.Needs, r.Has = p.Roles, has
	if slices.ContainsFunc(p.Roles, func(role string) bool { return !slices.Contains(has, role) }) {
		if given := c.Session.Strings(keyNewRole); slices.ContainsFunc(p.Roles, func(role string) bool { return slices.Contains(given, role) }) {
			r.Warn = []string{"role_since_login"}
			return gate.RefuseWith(decisions.RoleMissing, a.sayNewRole)
		}
		return gate.Refuse(a.env.Role401(), decisions.RoleMissing)
	}
	r.Out = "pass"
	return gate.Pass()
}

// recheck asks Keycloak whether the login still counts and takes away the roles that
// are gone there.
func (a *app) recheck(c *gate.Call) (gate.Verdict, bool) {
	u, err := a.oidc.Refresh(c, c.Session.String(keyRefresh), c.Session.String(keySub))
	var ended *gate.ErrOIDC
	switch {
	case errors.As(err, &ended):
		if err := c.Session.Destroy(); err != nil {
			return gate.Unavailable(err), false
		}
		return a.toLogin(c, decisions.SessionInvalid), false
	case err != nil:
		return gate.Unavailable(err), false
	}
	now, had := roles(u, a.env.ClientID), c.Session.Strings(keyRoles)
	kept := slices.DeleteFunc(slices.Clone(had), func(r string) bool { return !slices.Contains(now, r) })
	added := slices.DeleteFunc(now, func(r string) bool { return slices.Contains(had, r) })
	a.keep(c, kept, u)
	c.Session.Keep(c.Env.Now(), keyNewRole, added)
	return gate.Verdict{}, true
}

// keep writes what a token says without sending the cookie again.
func (a *app) keep(c *gate.Call, roles []string, u gate.User) {
	now := c.Env.Now()
	c.Session.Keep(now, keyRoles, roles)
	c.Session.Keep(now, keyIDToken, u.IDToken)
	if u.Refresh != "" {
		c.Session.Keep(now, keyRefresh, u.Refresh)
	}
}

func (a *app) sayNewRole(c *gate.Call) {
	c.Plain(a.env.Role401(), gate.Plain{Title: "Not yet", Alert: "You were given the role since you logged in. It counts after you log in again.",
		Forms: []gate.Form{{Action: c.Path("/oauth/logout"), Submit: "Log out"}}, Links: []gate.Link{{Text: "Start page", Href: c.Path("/")}}})
}

func (a *app) toLogin(c *gate.Call, why decisions.Reason) gate.Verdict {
	return gate.Send(c.Path("/oauth/login")+"?next="+url.QueryEscape(c.Env.PublicURL()+c.R.URL.RequestURI()), why)
}

// roles are those of the application's client. Keycloak leaves the claim out where
// there are none, and without the mapper for ID tokens always.
func roles(u gate.User, client string) []string {
	var access map[string]struct {
		Roles json.RawMessage `json:"roles"`
	}
	if json.Unmarshal(u.Claims["resource_access"], &access) != nil {
		return nil
	}
	var many []string
	if json.Unmarshal(access[client].Roles, &many) == nil {
		return many
	}
	var one string
	if json.Unmarshal(access[client].Roles, &one) == nil {
		return []string{one}
	}
	return nil
}

func (a *app) home(c *gate.Call) {
	if !c.Session.Has(keySub) {
		c.Plain(http.StatusOK, gate.Plain{Title: "Home page", Links: []gate.Link{{Text: "Login", Href: c.Path("/oauth/login")}}})
		return
	}
	a.subject(c)
	c.Plain(http.StatusOK, gate.Plain{Title: "Home page", Lines: []string{"Hi, " + c.Session.String(keyName) + "!"},
		Links: []gate.Link{{Text: "Profile", Href: c.Path("/profile")}, {Text: "Admin", Href: c.Path("/admin")}},
		Forms: []gate.Form{{Action: c.Path("/oauth/logout"), Submit: "Logout"}}})
}

func (a *app) profile(c *gate.Call) {
	s := c.Session
	c.Plain(http.StatusOK, gate.Plain{Title: "Profile", Lines: []string{"Hi, " + s.String(keyName) + "!"},
		Details: [][2]string{{"Email", s.String(keyEmail)}, {"Roles", strings.Join(s.Strings(keyRoles), ", ")}, {"User ID", s.String(keySub)}},
		Links:   []gate.Link{{Text: "Home", Href: c.Path("/")}}, Forms: []gate.Form{{Action: c.Path("/oauth/logout"), Submit: "Logout"}}})
}

func (a *app) admin(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "Admin Page", Lines: []string{"This page requires admin role"},
		Links: []gate.Link{{Text: "Home", Href: c.Path("/")}}, Forms: []gate.Form{{Action: c.Path("/oauth/logout"), Submit: "Logout"}}})
}

func (a *app) login(c *gate.Call) {
	if c.Session.Has(keySub) {
		c.Error(http.StatusNotFound)
		return
	}
	next := strings.TrimPrefix(c.R.URL.Query().Get("next"), c.Env.PublicURL())
	to, err := a.oidc.Begin(c, gate.SafeNext(next, c.Path("/")))
	if err != nil {
		c.Fail(err)
		return
	}
	c.Redirect(http.StatusFound, to)
}

func (a *app) callback(c *gate.Call) {
	u, ok := a.oidc.Complete(c, a.kept, func(no *gate.ErrOIDC) {
		if no.BadRequest {
			c.Error(http.StatusBadRequest)
			return
		}
		c.Plain(http.StatusUnauthorized, gate.Plain{Title: "Not logged in", Alert: "Keycloak logged nobody in, or its answer could not be trusted.",
			Links: []gate.Link{{Text: "Try again", Href: c.Path("/oauth/login")}, {Text: "Home", Href: c.Path("/")}}})
	})
	if !ok {
		return
	}
	c.Session.Remove(keyNewRole)
	a.subject(c)
	c.Redirect(http.StatusFound, u.Next)
}

// kept is what a session keeps of a login.
func (a *app) kept(u gate.User) map[string]any {
	return map[string]any{keySub: u.Subject, keyName: u.Name, keyEmail: u.Email, keyRoles: roles(u, a.env.ClientID), keyIDToken: u.IDToken, keyRefresh: u.Refresh}
}

// logout ends the session here, then sends the browser to end it at Keycloak.
func (a *app) logout(c *gate.Call) {
	if !c.Session.Has(keySub) {
		c.Redirect(http.StatusFound, c.Path("/"))
		return
	}
	token := c.Session.String(keyIDToken)
	if !c.Leave(c.Session.String(keyName), "/oauth/logout") {
		return
	}
	to, err := a.oidc.EndSession(c, token, c.URL("/"))
	if err != nil {
		c.Decide(decisions.Failed, decisions.Unavailable(decisions.OIDC))
		c.W.Header().Set("Retry-After", "5")
		c.Plain(http.StatusServiceUnavailable, gate.Plain{Title: "Logged out here only", Alert: "You are logged out of this application. Keycloak could not be asked to end its session too."})
		return
	}
	if to == "" {
		to = c.Path("/")
	}
	status := http.StatusFound
	if c.R.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	c.Redirect(status, to)
}
