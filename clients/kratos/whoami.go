package kratos

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Token is the one thing by which a session is recognised. Exactly one of Session
// and Cookie is set: with two, Kratos fails on the one it likes less.
type Token struct {
	Session clients.Secret // a session token, "ory_st_…"
	Cookie  clients.Secret // the value of the cookie ory_kratos_session
}

// Standing is what Kratos says about a session token.
type Standing string

// The standings.
const (
	SignedIn Standing = "signed_in"
	// NoSession is one answer for many causes: a wrong, expired or revoked token, and
	// an identity that is inactive or gone. Only the admin API can tell them apart.
	NoSession Standing = "no_session"
	// NeedsSecondFactor is the answer for a session without the second factor that the
	// identity has set up, where session.whoami.required_aal asks for it.
	NeedsSecondFactor Standing = "needs_second_factor"
)

// Whoami is what an application learns when it asks Kratos about a token.
type Whoami struct {
	Standing Standing
	Status   int     // the HTTP status the application sees
	Session  Session // only of who is signed in
	// Raw is the answer as the application sees it, without the token in it.
	Raw json.RawMessage
	// Tokenized is the JWT that a template made of the session, when one was asked for.
	Tokenized clients.Secret
	// Reason is the server's text when nobody is signed in.
	Reason string
	// RedirectTo is where a second factor can be given.
	RedirectTo string
}

// Whoami asks who a token belongs to. That nobody is signed in is an answer and no
// error. template is the name of a tokenizer template, or empty.
func (c *Client) Whoami(ctx context.Context, t Token, template string) (Whoami, error) {
	const op = "ask who the session belongs to"
	var w Whoami
	if err := c.needPublic(op); err != nil {
		return w, err
	}
	if (t.Session == "") == (t.Cookie == "") {
		return w, c.invalid(op, "one credential is needed: a session token or a session cookie", "")
	}
	h := http.Header{}
	if t.Session != "" {
		h.Set("X-Session-Token", t.Session.Reveal())
	} else {
		h.Set("Cookie", "ory_kratos_session="+t.Cookie.Reveal())
	}
	q := url.Values{}
	if template != "" {
		q.Set("tokenize_as", template)
	}
	var body []byte
	reply, err := c.public.Do(ctx, transport.Request{Op: op, Path: []string{"sessions", "whoami"}, Header: h, Query: q, Out: &body,
		Accept: []int{http.StatusUnauthorized, http.StatusForbidden}, Secrets: []string{t.Session.Reveal(), t.Cookie.Reveal()}})
	if err != nil {
		return w, err
	}
	w.Status = reply.Status
	if reply.Status == http.StatusOK {
		return c.signedIn(op, w, body)
	}
	w.Standing = NoSession
	if reply.Status == http.StatusForbidden {
		w.Standing = NeedsSecondFactor
	}
	var refusal struct {
		RedirectTo string `json:"redirect_browser_to"`
		Error      struct {
			ID      string `json:"id"`
			Reason  string `json:"reason"`
			Details struct {
				RedirectTo string `json:"redirect_browser_to"`
			} `json:"details"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &refusal) != nil || (reply.Status == http.StatusForbidden && refusal.Error.ID != "session_aal2_required") {
		// Somebody in between refused, not Kratos.
		return w, &clients.Problem{Kind: clients.Denied, Op: op, Target: c.public.Target(), Status: reply.Status, Reason: transport.Redact(refusal.Error.Reason), Hint: "see who answers at this URL"}
	}
	w.Raw, w.Reason = body, refusal.Error.Reason
	if w.RedirectTo = refusal.RedirectTo; w.RedirectTo == "" {
		w.RedirectTo = refusal.Error.Details.RedirectTo
	}
	return w, nil
}

// signedIn reads the session of who is signed in.
func (c *Client) signedIn(op string, w Whoami, body []byte) (Whoami, error) {
	keys := map[string]json.RawMessage{}
	err := json.Unmarshal(body, &keys)
	if err == nil {
		err = json.Unmarshal(body, &w.Session)
	}
	if err != nil || w.Session.ID == "" {
		return w, &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.public.Target(), Status: w.Status, Reason: "the answer is no session", Hint: "check that kratos.public_url is the public port of a Kratos", Err: err}
	}
	w.Standing = SignedIn
	if raw, ok := keys["tokenized"]; ok {
		var jwt string
		_ = json.Unmarshal(raw, &jwt) // no string, no token
		w.Tokenized = clients.Secret(jwt)
		delete(keys, "tokenized")
	}
	w.Raw, err = json.Marshal(keys)
	return w, err
}
