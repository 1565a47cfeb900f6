package gate

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/clients/decisions"
)

// CheckPassword is the one place where a name and a password are held against the
// accounts of a system: the limits first, then the password, in the same time whether
// the account exists or not; a failure is counted and goes to the audit log with the
// hash of the name.
//
// The verdict is Pass, 429 with Retry-After (RateLimited), or 401 (BadPassword), for
// which most systems have an answer of their own. Which of name and password was
// wrong is not told.
func (c *Call) CheckPassword(accounts *Members, name, password string) (Member, Verdict) {
	leave, wait := c.Env.Limits.Enter(c.R.Context(), c.Sys.ID, name, c.ClientIP())
	if leave == nil {
		return Member{}, c.limited(name, wait)
	}
	u, known := accounts.Named(name)
	hash := u.hash
	if !known {
		hash = nil
	}
	h := c.Hop("password", "deny")
	ok := c.Env.Passwords.Verify(c.R.Context(), hash, password)
	leave(!ok)
	if !ok {
		c.Audit("login_failed", "account", c.Env.Hash(name))
		return Member{}, Refuse(http.StatusUnauthorized, decisions.BadPassword)
	}
	h.Out = "pass"
	return u, Pass()
}

// limited is the refusal of somebody who tried too often.
func (c *Call) limited(name string, wait time.Duration) Verdict {
	seconds := int(math.Ceil(wait.Seconds()))
	h := c.Hop("rate_limit", "deny")
	h.Facts = map[string]any{"retry_after_s": seconds}
	c.Audit("login_limited", "account", c.Env.Hash(name))
	return RefuseWith(decisions.RateLimited, func(c *Call) {
		c.W.Header().Set("Retry-After", strconv.Itoa(seconds))
		c.Error(http.StatusTooManyRequests)
	})
}

// Refused answers a handler's own refusal as a guard's is answered; for BadPassword
// answer is what the system says then.
func (c *Call) Refused(v Verdict, answer func()) {
	c.Decide(decisions.Denied, v.Reason)
	if v.Respond != nil {
		v.Respond(c)
		return
	}
	answer()
}

// Enter begins the session of somebody who has just shown who they are, with what is
// to be kept in it: under a new token, so that one that was planted before is worth
// nothing. false says that it could not be kept, and that this was answered.
func (c *Call) Enter(who string, values map[string]any, more ...any) bool {
	now := c.Env.Now()
	if err := c.Session.Begin(now); err != nil {
		c.Fail(err)
		return false
	}
	for k, v := range values {
		c.Session.Put(now, k, v)
	}
	c.Decide(decisions.Allowed, decisions.OK)
	c.Audit("login", append([]any{"account", who}, more...)...)
	return true
}

// Leave ends the session of whoever is logged in (who is empty for nobody): a copy of
// the cookie counts for nothing after. Where another site may have sent a browser here
// with a link, it is asked first, by a form that leads to action. false says that this,
// or a failure, was answered.
func (c *Call) Leave(who, action string) bool {
	if c.R.Method == http.MethodGet && who != "" && c.maybeSent() {
		c.Hop("origin", "deny").Rule = "cross_site"
		c.AskLogout(action)
		return false
	}
	if who != "" {
		c.Audit("logout", "account", who)
	}
	if err := c.Session.Destroy(); err != nil {
		c.Fail(err)
		return false
	}
	return true
}

// maybeSent: the request may be a link of another site. Browsers say so, but only to
// servers over TLS or on this machine; one that says nothing is taken for a browser
// when it asks for a page.
func (c *Call) maybeSent() bool {
	switch c.R.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		return strings.Contains(c.R.Header.Get("Accept"), "text/html")
	}
	return true
}

// AskLogout shows the form that logs out.
func (c *Call) AskLogout(action string) {
	c.Plain(http.StatusOK, Plain{Title: "Log out?", Forms: []Form{{Action: c.Path(action), Submit: "Log out"}},
		Links: []Link{{"Stay logged in", c.Path("/")}}})
}

// Complete is the end of a login at an OpenID provider: it takes the browser back (see
// Finish) and begins the session with what keep says of the person. Where the provider,
// or the check of its answer, logs nobody in, refuse answers. false says that
// everything was answered.
func (o *OIDC) Complete(c *Call, keep func(User) map[string]any, refuse func(*ErrOIDC)) (User, bool) {
	u, err := o.Finish(c)
	var no *ErrOIDC
	switch {
	case errors.As(err, &no):
		c.Decide(decisions.Denied, decisions.OAuthRejected)
		c.Audit("login_failed", "why", no.Why)
		refuse(no)
		return User{}, false
	case err != nil:
		c.Fail(err)
		return User{}, false
	}
	return u, c.Enter(u.Name, keep(u))
}
