// Package social is a login with an account elsewhere: over OAuth 2 (the profile
// "facebook") and over OAuth 1.0a (the profile "twitter").
//
// The original begins no login with a state, so that anybody's code logs a visitor in;
// it makes one account of everybody whose answer has no id; and it remembers for a
// year in a cookie that nothing ends. Here each answer belongs to the browser that
// began, an answer without an id is a failure, and the session is on the server.
package social

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// The keys of a session.
const (
	keyUser  = "user"
	keyFlash = "flash"
	keyNick  = "nickname"
)

// maxUsers bounds the accounts that are kept.
const maxUsers = 10_000

// person is what a provider says.
type person struct{ id, nickname, email string }

// errRefused is a provider, or our check of its answer, that logs nobody in.
var errRefused = errors.New("authentication failed")

// provider is one way to log in.
type provider interface {
	// authorize is where to send the browser; it puts what the answer must match into the session.
	authorize(c *gate.Call) (string, error)
	// callback is who came back.
	callback(c *gate.Call) (person, error)
}

type app struct {
	env  *gate.Env
	name string
	p    provider
	mu   sync.Mutex
	// users are those who logged in once, by the provider's name and its id: never by
	// e-mail, which another provider's account may have too.
	users map[string]person
}

// NewFacebook makes the login over OAuth 2.
func NewFacebook(env *gate.Env) (*gate.System, error) {
	s := env.Facebook
	if s.BaseURL == "" || s.ID == "" || s.Secret == "" {
		return nil, errors.New("it needs an OAuth 2 provider: set FACEBOOK_URL, FACEBOOK_ID and FACEBOOK_SECRET")
	}
	return (&app{env: env, name: "facebook", p: &oauth2Login{env, s}}).system("social-fb", "Login over OAuth 2", s)
}

// NewTwitter makes the login over OAuth 1.0a.
func NewTwitter(env *gate.Env) (*gate.System, error) {
	s := env.Twitter
	if s.BaseURL == "" || s.ID == "" || s.Secret == "" {
		return nil, errors.New("it needs an OAuth 1.0a provider: set TWITTER_URL, TWITTER_ID and TWITTER_SECRET")
	}
	return (&app{env: env, name: "twitter", p: &oauth1Login{env, s}}).system("social-tw", "Login over OAuth 1.0a", s)
}

func (a *app) system(id, title string, s gate.SocialSettings) (*gate.System, error) {
	if _, err := a.env.NewKeys(s.BaseURL); err != nil { // the same rule: https, or this machine
		return nil, fmt.Errorf("the provider: %w", err)
	}
	a.users = map[string]person{}
	return &gate.System{ID: id, Title: title, Guard: "account at a provider", Seed: "004",
		About:   "Whoever has an account at the provider is logged in. The answer counts only in the browser that began the login.",
		Session: &gate.SessionOptions{},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("a greeting"), Serve: a.home},
			{Method: http.MethodGet, Path: "/authorize/{provider}", Policy: gate.Public("sends the browser to the provider"), Serve: a.authorize},
			{Method: http.MethodGet, Path: "/callback/{provider}", Policy: gate.Login("an answer of the provider to this browser's login"), Serve: a.callback},
			{Method: http.MethodGet, Path: "/logout", Policy: gate.Public("whoever is logged in may log out; another site may not do it for them"), Serve: a.logout},
			{Method: http.MethodPost, Path: "/logout", Policy: gate.Public("whoever is logged in may log out"), Serve: a.logout},
		},
		WhoIs:  func(c *gate.Call) string { return c.Session.String(keyNick) },
		People: gate.PeopleWith(a.env, func(gate.Person) bool { return s.Practice }), SignIn: a.signIn,
	}, nil
}

func (a *app) home(c *gate.Call) {
	p := gate.Plain{Title: "OAuth Demo", Alert: c.Session.Take(keyFlash)}
	if c.Session.Has(keyUser) {
		c.Subject().User = clean.Line(c.Session.String(keyUser), 200)
		p.Lines, p.Forms = []string{"Hi, " + c.Session.String(keyNick) + "!"}, []gate.Form{{Action: c.Path("/logout"), Submit: "Logout"}}
	} else {
		p.Lines, p.Links = []string{"I don't know you!"}, []gate.Link{{Text: "Log in with " + a.name, Href: c.Path("/authorize/" + a.name)}}
	}
	c.Plain(http.StatusOK, p)
}

// known answers for a provider that is not ours, and for who is logged in already.
func (a *app) known(c *gate.Call) bool {
	switch {
	case c.R.PathValue("provider") != a.name:
		c.Decide(decisions.Denied, decisions.NotFound)
		c.Error(http.StatusNotFound)
		return false
	case c.Session.Has(keyUser):
		c.Redirect(http.StatusFound, c.Path("/"))
		return false
	}
	return true
}

func (a *app) authorize(c *gate.Call) {
	if !a.known(c) {
		return
	}
	to, err := a.p.authorize(c)
	if err != nil {
		c.Hop("provider", "fail")
		c.Fail(err)
		return
	}
	c.Redirect(http.StatusFound, to)
}

func (a *app) callback(c *gate.Call) {
	if !a.known(c) {
		return
	}
	h := c.Hop("provider", "fail")
	who, err := a.p.callback(c)
	switch {
	case errors.Is(err, errRefused):
		h.Out, h.Rule = "deny", clean.Line(err.Error(), 200)
		c.Decide(decisions.Denied, decisions.OAuthRejected)
		c.Audit("login_failed", "provider", a.name)
		c.Session.Put(c.Env.Now(), keyFlash, "Authentication failed.")
		c.Redirect(http.StatusFound, c.Path("/"))
		return
	case err != nil:
		c.Fail(err)
		return
	}
	h.Out = "pass"
	a.enter(c, who)
}

func (a *app) enter(c *gate.Call, who person) {
	key := a.name + "$" + who.id
	a.mu.Lock()
	if _, known := a.users[key]; known || len(a.users) < maxUsers {
		a.users[key] = who
	}
	a.mu.Unlock()
	c.Subject().User, c.Subject().Email = clean.Line(key, 200), clean.Line(who.email, 200)
	if c.Enter(clean.Line(key, 200), map[string]any{keyUser: key, keyNick: clean.Line(who.nickname, 100)}) {
		c.Redirect(http.StatusFound, c.Path("/"))
	}
}

func (a *app) logout(c *gate.Call) {
	if !c.Session.Has(keyUser) || c.Leave(clean.Line(c.Session.String(keyUser), 200), "/logout") {
		c.Redirect(http.StatusFound, c.Path("/"))
	}
}

// ask reads a record of the provider.
func ask(ctx context.Context, env *gate.Env, do func(*http.Request) (*http.Response, error), url string, bearer string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	a, err := env.AskWith(do, decisions.Provider, req)
	switch {
	case err != nil:
		return err
	case a.Status != http.StatusOK:
		return gate.Malformed(decisions.Provider, fmt.Errorf("the record answered %d", a.Status))
	}
	return a.Object(decisions.Provider, v)
}

// idOf is an id as the provider writes it, a text or a whole number.
func idOf(raw json.RawMessage) (string, error) {
	var s string
	var n uint64
	switch {
	case json.Unmarshal(raw, &s) == nil && s != "" && len(s) <= 100:
		return s, nil
	case json.Unmarshal(raw, &n) == nil && n > 0 && strings.TrimSpace(string(raw)) != "null":
		return fmt.Sprint(n), nil
	}
	return "", gate.Malformed(decisions.Provider, errors.New("the record has no id"))
}
