// Package flsession is a login as Flask-Login does it: a session that can be fresh
// or not, a cookie that remembers, protection against a session that moved to
// another browser. A second system adds what ends a session by itself.
package flsession

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// The keys of a session, by the names that the original shows.
const (
	keyUser      = "_user_id"
	keyFresh     = "_fresh"
	keyIdent     = "_id"
	keyPermanent = "_permanent"
	keyAuth      = "auth_at" // when the password was typed
	keyFlash     = "_flashes"
)

const (
	// freshFor is how long a typed password counts for what asks for a fresh login.
	freshFor = 15 * time.Minute
	// rememberFor is how long the cookie remembers; the original's year is too long.
	rememberFor = 30 * 24 * time.Hour
	// maxRemembered bounds the tokens that are kept; the oldest goes first.
	maxRemembered = 10_000
)

// protection is what happens to a session that comes from another browser.
type protection string

const (
	basic  protection = "basic"  // it is not fresh any more
	strong protection = "strong" // it ends
	none   protection = "none"
)

// settings are those of the original that its recorded answers were made with.
type settings struct {
	loginView  bool
	protection protection
	timeout    bool // the session is kept alive by use and ends without
}

// idOf is the id of an account as the original writes it, active whether it may log in.
func idOf(u gate.Member) string { return strconv.Itoa(u.Number) }
func active(u gate.Member) bool { return !strings.Contains(u.Note, "suspended") }

type app struct {
	env      *gate.Env
	id       string
	set      settings
	accounts *gate.Members

	mu         sync.Mutex
	remembered map[[32]byte]remember
	order      [][32]byte
}

type remember struct {
	user string
	ends time.Time
}

func newApp(env *gate.Env, id string, set settings) (*app, error) {
	accounts, err := env.Members(gate.Person{Username: "alice", Password: "secret"}, gate.Person{Username: "bob", Password: "secret", Note: "suspended"})
	if err != nil {
		return nil, err
	}
	return &app{env: env, id: id, set: set, accounts: accounts, remembered: map[[32]byte]remember{}}, nil
}

// New makes the system with the session.
func New(env *gate.Env) (*gate.System, error) {
	a, err := newApp(env, "fl-session", settings{loginView: true, protection: basic})
	if err != nil {
		return nil, err
	}
	return a.system(gate.SessionOptions{}), nil
}

// NewTimeout makes the system whose sessions end by themselves.
func NewTimeout(env *gate.Env) (*gate.System, error) {
	a, err := newApp(env, "fl-timeout", settings{loginView: true, protection: basic, timeout: true})
	if err != nil {
		return nil, err
	}
	return a.system(gate.SessionOptions{}), nil
}

func (a *app) system(o gate.SessionOptions) *gate.System {
	session := decisions.Policy{Kind: decisions.KindSession, Guard: "session"}
	fresh := decisions.Policy{Kind: decisions.KindSession, Guard: "session", Fresh: true}
	s := &gate.System{
		ID: a.id, Title: "A session that can be fresh or remembered", Guard: "session on the server, remember cookie", Seed: "004",
		About:   "Logging in makes a fresh session. A cookie that remembers brings it back without the password, but not fresh: what is dear asks for the password again.",
		Session: &o, Guards: map[string]gate.Guard{"session": a.guard},
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/", Policy: gate.Public("says what there is"), Serve: a.home},
			{Method: http.MethodGet, Path: "/login", Policy: gate.Public("the form"), Serve: a.form},
			{Method: http.MethodPost, Path: "/login", Policy: gate.Login("name and password of a form"), Serve: a.login},
			{Method: http.MethodGet, Path: "/me", Policy: gate.Public("tells whoever asks who they are themselves"), Serve: a.me},
			{Method: http.MethodGet, Path: "/protected", Policy: session, Serve: a.protected},
			{Method: http.MethodPost, Path: "/protected", Policy: session, Serve: a.protected},
			{Method: http.MethodGet, Path: "/fresh-only", Policy: fresh, Serve: a.freshOnly},
			{Method: http.MethodGet, Path: "/reauth", Policy: gate.Public("the form for the password again"), Serve: a.reauth},
			{Method: http.MethodGet, Path: "/logout", Policy: gate.Public("whoever is logged in may log out; another site may not do it for them"), Serve: a.logout},
			{Method: http.MethodPost, Path: "/logout", Policy: gate.Public("whoever is logged in may log out"), Serve: a.logout},
		},
		WhoIs: func(c *gate.Call) string {
			u, _ := a.byID(c.Session.String(keyUser))
			return u.Username
		},
		People: a.accounts.People, SignIn: a.signIn,
	}
	if a.set.timeout {
		s.Title, s.Guard = "A session that ends by itself", "session on the server with idle timeout and lifetime"
		s.About = "A session ends when it is not used for a while, and after its lifetime in any case. The server counts, not the cookie."
	}
	return s
}

func (a *app) byID(id string) (gate.Member, bool) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return gate.Member{}, false
	}
	return a.accounts.Numbered(n)
}

// ident tells one browser from another: its name and its address, as far as the
// connection shows it.
func (a *app) ident(c *gate.Call) string {
	m := hmac.New(sha256.New, a.env.Secret(a.id+" ident"))
	fmt.Fprintf(m, "%s\x00%s", c.ClientIP(), c.R.UserAgent())
	return hex.EncodeToString(m.Sum(nil))
}

// user is who is logged in, by the session or by the cookie that remembers.
// ended says that the session was ended because it came from another browser.
func (a *app) user(c *gate.Call) (u gate.Member, ok, ended bool) {
	s := c.Session
	if a.set.timeout {
		s.Put(c.Env.Now(), keyPermanent, true)
	}
	if a.moved(c) {
		switch a.set.protection {
		case strong:
			a.forget(c)
			if err := s.Destroy(); err != nil {
				return u, false, true
			}
			c.SetCookie(c.Env.CookieName(a.id), "", -1)
			return u, false, true
		case basic:
			s.Put(c.Env.Now(), keyFresh, false)
		}
	}
	if u, ok = a.byID(s.String(keyUser)); ok && active(u) {
		return u, true, false
	}
	if u, ok = a.recall(c); ok {
		s.Put(c.Env.Now(), keyUser, idOf(u))
		s.Put(c.Env.Now(), keyFresh, false)
		return u, true, false
	}
	return gate.Member{}, false, false
}

// moved: the session was begun in another browser. One that a cookie brought back
// has no mark of the browser, and is not fresh anyway.
func (a *app) moved(c *gate.Call) bool {
	was := c.Session.String(keyIdent)
	if was == "" {
		return a.set.timeout && !c.Session.Has(keyUser)
	}
	return !hmac.Equal([]byte(was), []byte(a.ident(c)))
}

// guard lets through who is logged in, and where that is asked for, who has typed
// the password not long ago.
func (a *app) guard(c *gate.Call, p decisions.Policy) gate.Verdict {
	u, ok, _ := a.user(c)
	h := c.Hop("session", "deny")
	if !ok {
		if !a.set.loginView {
			return gate.Refuse(http.StatusUnauthorized, decisions.NoCredential)
		}
		c.Session.Put(c.Env.Now(), keyFlash, "Please log in to access this page.")
		return gate.Send(c.Path("/login")+"?next="+url.QueryEscape(c.R.URL.Path), decisions.NoCredential)
	}
	c.Subject().User = u.Username
	if p.Fresh && !a.fresh(c) {
		h.Rule = "not fresh"
		c.Session.Put(c.Env.Now(), keyFlash, "Please reauthenticate to access this page.")
		return gate.Send(c.Path("/reauth")+"?next="+url.QueryEscape(c.R.URL.Path), decisions.NotFresh)
	}
	h.Out = "pass"
	return gate.Pass()
}

func (a *app) fresh(c *gate.Call) bool {
	return c.Session.Bool(keyFresh) && c.Env.Now().Sub(c.Session.Time(keyAuth)) <= freshFor
}

func (a *app) home(c *gate.Call) {
	u, ok, _ := a.user(c)
	p := gate.Plain{Title: c.Sys.Title, Links: []gate.Link{{Text: "A page for who is logged in", Href: c.Path("/protected")}, {Text: "A page that asks for a fresh login", Href: c.Path("/fresh-only")}}}
	if ok {
		c.Subject().User = u.Username
		p.Details = [][2]string{{"Logged in as", u.Username}}
		p.Forms = []gate.Form{{Action: c.Path("/logout"), Submit: "Log out"}}
	} else {
		p.Links = append(p.Links, gate.Link{Text: "Log in", Href: c.Path("/login")})
	}
	c.Plain(http.StatusOK, p)
}

func (a *app) form(c *gate.Call) { a.showForm(c, "Log in", c.Session.Pop(keyFlash)) }

func (a *app) reauth(c *gate.Call) {
	a.showForm(c, "Type your password again", c.Session.Pop(keyFlash))
}

func (a *app) showForm(c *gate.Call, title, alert string) {
	action := c.Path("/login")
	if next := gate.SafeNext(c.R.URL.Query().Get("next"), ""); next != "" {
		action += "?next=" + url.QueryEscape(next)
	}
	c.Plain(http.StatusOK, gate.Plain{Title: title, Alert: alert, Forms: []gate.Form{{Action: action, Submit: "Log in", Fields: []gate.Field{
		{Name: "username", Label: "Username", Autocomplete: "username", Required: true},
		{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Required: true},
		{Name: "remember", Label: "Remember me for 30 days", Type: "checkbox", Value: "1"},
	}}}})
}

func (a *app) login(c *gate.Call) {
	if err := c.R.ParseForm(); err != nil {
		c.Decide(decisions.Denied, decisions.BadRequest)
		c.Error(http.StatusBadRequest)
		return
	}
	name, password := c.R.PostForm.Get("username"), c.R.PostForm.Get("password")
	c.Credential("password", name)
	u, v := c.CheckPassword(a.accounts, name, password)
	if !v.Allow {
		c.Refused(v, func() { c.Bytes(http.StatusOK, "text/html; charset=utf-8", []byte("Bad login")) })
		return
	}
	if !active(u) { // whatever the form says: the original's force=True is not for who logs in
		c.Hop("account", "deny").Rule = "suspended"
		c.Decide(decisions.Denied, decisions.AccountInactive)
		c.Audit("login_failed", "account", a.env.Hash(name), "why", "suspended")
		c.JSON(http.StatusOK, map[string]bool{"login_user": false})
		return
	}
	a.enter(c, u)
}

// enter begins the session of somebody who has just typed the password.
func (a *app) enter(c *gate.Call, u gate.Member) {
	values := map[string]any{keyUser: idOf(u), keyFresh: true, keyIdent: a.ident(c), keyAuth: c.Env.Now()}
	if a.set.timeout {
		values[keyPermanent] = true
	}
	if !c.Enter(u.Username, values) {
		return
	}
	if c.R.PostForm.Get("remember") != "" {
		c.SetCookie(a.cookie(), a.keep(idOf(u)), rememberFor)
	}
	c.Subject().User = u.Username
	if next := gate.SafeNext(c.R.URL.Query().Get("next"), c.Path("/")); strings.Contains(c.R.Header.Get("Accept"), "text/html") {
		c.Redirect(http.StatusSeeOther, next)
		return
	}
	c.JSON(http.StatusOK, map[string]bool{"login_user": true})
}

// cookie is the name of the cookie that remembers.
func (a *app) cookie() string { return a.env.CookieName(a.id) + ".remember_token" }

// keep makes a token that remembers somebody. The server keeps its hash, so that a
// logout ends it, which the original's signed id cannot.
func (a *app) keep(user string) string {
	token := rand.Text()
	sum := sha256.Sum256([]byte(token))
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.order) >= maxRemembered {
		delete(a.remembered, a.order[0])
		a.order = a.order[1:]
	}
	a.remembered[sum], a.order = remember{user, a.env.Now().Add(rememberFor)}, append(a.order, sum)
	return token
}

// recall finds whom the cookie remembers.
func (a *app) recall(c *gate.Call) (gate.Member, bool) {
	token, sent := c.Cookie(a.cookie())
	if !sent {
		return gate.Member{}, false
	}
	c.Credential("remember_cookie", token)
	a.mu.Lock()
	r, known := a.remembered[sha256.Sum256([]byte(token))]
	a.mu.Unlock()
	if !known || a.env.Now().After(r.ends) {
		return gate.Member{}, false
	}
	u, ok := a.byID(r.user)
	return u, ok && active(u)
}

// forget ends the token of the request and takes the cookie away.
func (a *app) forget(c *gate.Call) {
	token, sent := c.Cookie(a.cookie())
	if !sent {
		return
	}
	a.mu.Lock()
	delete(a.remembered, sha256.Sum256([]byte(token)))
	a.mu.Unlock()
	c.SetCookie(a.cookie(), "", -1)
}

// who is what /me tells.
type who struct {
	Fresh         bool     `json:"fresh"`
	ID            *string  `json:"id"`
	Active        bool     `json:"is_active"`
	Anonymous     bool     `json:"is_anonymous"`
	Authenticated bool     `json:"is_authenticated"`
	Keys          []string `json:"session_keys"`
	Username      *string  `json:"username"`
}

func (a *app) me(c *gate.Call) {
	u, ok, ended := a.user(c)
	out := who{Anonymous: !ok, Keys: []string{}}
	if ok {
		c.Subject().User = u.Username
		id := idOf(u)
		out.Fresh, out.ID, out.Active, out.Authenticated, out.Username = a.fresh(c), &id, active(u), true, &u.Username
	}
	for _, k := range c.Session.Keys() {
		if strings.HasPrefix(k, "_") {
			out.Keys = append(out.Keys, k)
		}
	}
	if ended {
		out.Keys = []string{"_remember"} // how the original notes that the cookie is to go
	}
	c.JSON(http.StatusOK, out)
}

func (a *app) protected(c *gate.Call) {
	c.Bytes(http.StatusOK, "text/html; charset=utf-8", []byte("Logged in as: "+c.Subject().User))
}

func (a *app) freshOnly(c *gate.Call) {
	c.Bytes(http.StatusOK, "text/html; charset=utf-8", []byte("fresh: "+c.Subject().User))
}

// logout ends the session and what remembers it.
func (a *app) logout(c *gate.Call) {
	u, _, _ := a.user(c)
	if !c.Leave(u.Username, "/logout") {
		return
	}
	a.forget(c)
	c.Redirect(http.StatusFound, c.Path("/"))
}
