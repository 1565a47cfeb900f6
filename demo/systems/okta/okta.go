// Package okta is the application with a login at Okta: a second OpenID provider
// beside Keycloak, and a look at the person's record there with every guarded request.
//
// The original believes any ID token without looking at its signature and keeps it in
// a cookie for a week. Here the token is checked and the session is on the server.
package okta

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

const (
	keySub   = "sub"
	keyName  = "name"
	keyEmail = "email"
)

// tokenAge is how old an ID token may be when it arrives.
const tokenAge = 5 * time.Minute

type app struct {
	env  *gate.Env
	oidc *gate.OIDC
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	s := env.Okta
	if s.OrgURL == "" || s.ClientID == "" || s.ClientSecret == "" || s.APIToken == "" {
		return nil, errors.New("it needs an Okta organisation: set OKTA_ORG_URL, OKTA_CLIENT_ID, OKTA_CLIENT_SECRET and OKTA_AUTH_TOKEN")
	}
	issuer := s.OrgURL + "/oauth2/default"
	o, err := env.NewOIDC(gate.OIDCConfig{Issuer: issuer, ClientID: s.ClientID, ClientSecret: s.ClientSecret, Scopes: []string{"openid", "email", "profile"},
		Callback: "/oidc/callback", Params: url.Values{"access_type": {"offline"}}, Authorize: issuer + "/v1/authorize", MaxAge: tokenAge})
	if err != nil {
		return nil, err
	}
	a := &app{env: env, oidc: o}
	login := decisions.Policy{Kind: decisions.KindSession, Guard: "session", Why: "of somebody whom Okta still has"}
	return &gate.System{
		ID: "okta-oidc", Title: "Application with Okta", Guard: "OpenID Connect, second provider", Seed: "004",
		About:   "A login at Okta. With every guarded request the person is looked up there, so that who was removed is out at once.",
		Session: &gate.SessionOptions{}, Guards: map[string]gate.Guard{"session": a.guard},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("a greeting"), Serve: a.home},
			{Method: http.MethodGet, Path: "/dashboard", Policy: login, Serve: a.dashboard},
			{Method: http.MethodGet, Path: "/login", Policy: login, Serve: func(c *gate.Call) { c.Redirect(http.StatusFound, c.Path("/dashboard")) }},
			{Method: http.MethodGet, Path: "/oidc/callback", Policy: gate.Login("a code of Okta, with the state of this browser"), Serve: a.callback},
			{Method: http.MethodGet, Path: "/logout", Policy: gate.Public("whoever is logged in may log out; another site may not do it for them"), Serve: a.logout},
			{Method: http.MethodPost, Path: "/logout", Policy: gate.Public("whoever is logged in may log out"), Serve: a.logout},
		},
		WhoIs:  func(c *gate.Call) string { return c.Session.String(keyName) },
		People: gate.PeopleWith(env, func(p gate.Person) bool { return s.Practice }), SignIn: a.signIn,
	}, nil
}

func (a *app) guard(c *gate.Call, _ decisions.Policy) gate.Verdict {
	h := c.Hop("session", "deny")
	sub := c.Session.String(keySub)
	if sub == "" {
		to, err := a.oidc.Begin(c, gate.SafeNext(c.R.URL.RequestURI(), c.Path("/")))
		if err != nil {
			return gate.Unavailable(err)
		}
		return gate.Send(to, decisions.NoCredential)
	}
	h.Out = "pass"
	there, err := a.active(c, sub)
	switch {
	case err != nil:
		return gate.Unavailable(err)
	case !there:
		if err := c.Session.Destroy(); err != nil {
			return gate.Unavailable(err)
		}
		return gate.Refuse(http.StatusForbidden, decisions.AccountInactive)
	}
	a.subject(c)
	return gate.Pass()
}

func (a *app) subject(c *gate.Call) {
	c.Subject().User, c.Subject().Email = clean.Line(c.Session.String(keyName), 200), clean.Line(c.Session.String(keyEmail), 200)
}

// active asks Okta for the person (GET /api/v1/users/{id}). It answers 404 for one who
// was deleted; the states that may log in are ACTIVE, RECOVERY, PASSWORD_EXPIRED.
func (a *app) active(c *gate.Call, sub string) (bool, error) {
	h := c.Hop("okta.user", "fail")
	req, err := http.NewRequestWithContext(c.R.Context(), http.MethodGet, a.env.Okta.OrgURL+"/api/v1/users/"+url.PathEscape(sub), nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "SSWS "+a.env.Okta.APIToken)
	req.Header.Set("Accept", "application/json")
	answer, err := a.env.Ask(decisions.OIDC, req)
	if err != nil {
		return false, err
	}
	h.Status = answer.Status
	switch answer.Status {
	case http.StatusOK:
	case http.StatusNotFound:
		h.Out = "deny"
		return false, nil
	default:
		return false, gate.Malformed(decisions.OIDC, fmt.Errorf("the user's record answered %d", answer.Status))
	}
	var u struct{ ID, Status string }
	if err := json.Unmarshal(answer.Body, &u); err != nil || u.ID != sub {
		return false, gate.Malformed(decisions.OIDC, errors.New("the user's record is not what it should be"))
	}
	h.Out = "deny"
	switch u.Status {
	case "ACTIVE", "RECOVERY", "PASSWORD_EXPIRED":
		h.Out = "pass"
	}
	h.Facts = map[string]any{"status": clean.Line(u.Status, 40)}
	return h.Out == "pass", nil
}

func (a *app) callback(c *gate.Call) {
	keep := func(u gate.User) map[string]any {
		return map[string]any{keySub: u.Subject, keyName: u.Name, keyEmail: u.Email}
	}
	u, ok := a.oidc.Complete(c, keep, func(*gate.ErrOIDC) { c.Bytes(http.StatusUnauthorized, "text/plain", []byte("Not Authorized")) })
	if ok {
		a.subject(c)
		c.Redirect(http.StatusFound, u.Next)
	}
}

func (a *app) home(c *gate.Call) {
	if !c.Session.Has(keySub) {
		c.Plain(http.StatusOK, gate.Plain{Title: "Home", Links: []gate.Link{{Text: "Log in", Href: c.Path("/login")}}})
		return
	}
	a.subject(c)
	c.Plain(http.StatusOK, gate.Plain{Title: "Home", Details: [][2]string{{"Logged in as", c.Session.String(keyName)}},
		Links: []gate.Link{{Text: "Dashboard", Href: c.Path("/dashboard")}}, Forms: []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}})
}

func (a *app) dashboard(c *gate.Call) {
	c.Plain(http.StatusOK, gate.Plain{Title: "Dashboard", Lines: []string{"Welcome, " + strings.TrimSpace(c.Session.String(keyName)) + "."},
		Links: []gate.Link{{Text: "Home", Href: c.Path("/")}}, Forms: []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}})
}

// logout ends the session. It asks nobody, so that it works while Okta is down.
func (a *app) logout(c *gate.Call) {
	if !c.Session.Has(keySub) || c.Leave(c.Session.String(keyName), "/logout") {
		c.Redirect(http.StatusFound, c.Path("/"))
	}
}
