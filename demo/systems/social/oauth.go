package social

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dghubble/oauth1"
	"golang.org/x/oauth2"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

const (
	keyState    = "state"
	keyVerifier = "verifier"
	keyToken    = "request_token"
	keySecret   = "request_secret"
)

// oauth2Login is OAuth 2 (RFC 6749) with state and PKCE.
type oauth2Login struct {
	env *gate.Env
	s   gate.SocialSettings
}

func (l *oauth2Login) config(c *gate.Call) *oauth2.Config {
	return &oauth2.Config{ClientID: l.s.ID, ClientSecret: l.s.Secret, RedirectURL: c.URL("/callback/facebook"), Scopes: []string{"email"},
		Endpoint: oauth2.Endpoint{AuthURL: l.s.BaseURL + "/oauth/authorize", TokenURL: l.s.BaseURL + "/oauth/access_token", AuthStyle: oauth2.AuthStyleInParams}}
}

func (l *oauth2Login) authorize(c *gate.Call) (string, error) {
	state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	c.Session.Put(c.Env.Now(), keyState, state)
	c.Session.Put(c.Env.Now(), keyVerifier, verifier)
	return l.config(c).AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), nil
}

func (l *oauth2Login) callback(c *gate.Call) (person, error) {
	q := c.R.URL.Query()
	state, verifier := c.Session.Take(keyState), c.Session.Take(keyVerifier)
	switch {
	case state == "" || subtle.ConstantTimeCompare([]byte(state), []byte(q.Get("state"))) != 1:
		return person{}, fmt.Errorf("%w: the state is not that of this browser", errRefused)
	case q.Get("code") == "":
		return person{}, fmt.Errorf("%w: the answer has no code", errRefused)
	}
	ctx := c.R.Context()
	token, err := l.config(c).Exchange(l.env.TokenContext(ctx, decisions.Provider), q.Get("code"), oauth2.VerifierOption(verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode == http.StatusBadRequest:
		return person{}, fmt.Errorf("%w: the provider does not take the code", errRefused)
	case errors.As(err, &refused):
		return person{}, gate.Malformed(decisions.Provider, fmt.Errorf("the token endpoint answered %d", refused.Response.StatusCode))
	case err != nil:
		return person{}, gate.UpstreamFailed(decisions.Provider, err)
	}
	var me struct {
		ID    json.RawMessage `json:"id"`
		Email string          `json:"email"`
	}
	if err := ask(ctx, l.env, l.env.HTTP.Do, l.s.BaseURL+"/me?fields=id,email", token.AccessToken, &me); err != nil {
		return person{}, err
	}
	id, err := idOf(me.ID)
	nick, _, _ := strings.Cut(me.Email, "@")
	if nick == "" {
		nick = id
	}
	return person{id, nick, me.Email}, err
}

// oauth1Login is OAuth 1.0a (RFC 5849).
type oauth1Login struct {
	env *gate.Env
	s   gate.SocialSettings
}

// seen is a transport that ends with the call, reads no endless answer, and notes the
// status, which the library does not tell.
type seen struct {
	ctx    context.Context
	next   http.RoundTripper
	status int
}

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(r.WithContext(s.ctx))
	if err == nil {
		s.status = resp.StatusCode
		resp.Body = http.MaxBytesReader(nil, resp.Body, 1<<20)
	}
	return resp, err
}

func (l *oauth1Login) config(c *gate.Call, ctx context.Context) (*oauth1.Config, *seen) {
	next := l.env.HTTP.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	s := &seen{ctx: ctx, next: next}
	return &oauth1.Config{ConsumerKey: l.s.ID, ConsumerSecret: l.s.Secret, CallbackURL: c.URL("/callback/twitter"),
		HTTPClient: &http.Client{Transport: s, CheckRedirect: l.env.HTTP.CheckRedirect},
		Endpoint: oauth1.Endpoint{RequestTokenURL: l.s.BaseURL + "/oauth/request_token", AuthorizeURL: l.s.BaseURL + "/oauth/authorize",
			AccessTokenURL: l.s.BaseURL + "/oauth/access_token"}}, s
}

func (l *oauth1Login) authorize(c *gate.Call) (string, error) {
	ctx, cancel := context.WithTimeout(c.R.Context(), l.env.HopTimeout)
	defer cancel()
	conf, s := l.config(c, ctx)
	token, secret, err := conf.RequestToken()
	if err != nil || s.status != http.StatusOK { // the library takes every 2xx
		return "", s.failed(err)
	}
	to, err := conf.AuthorizationURL(token)
	if err != nil {
		return "", err
	}
	c.Session.Put(c.Env.Now(), keyToken, token)
	c.Session.Put(c.Env.Now(), keySecret, secret)
	return to.String(), nil
}

// failed sorts an error of the library: no answer, or one that means nothing.
func (s *seen) failed(err error) error {
	if s.status == 0 {
		return gate.UpstreamFailed(decisions.Provider, err)
	}
	return gate.Malformed(decisions.Provider, fmt.Errorf("the provider answered %d", s.status))
}

func (l *oauth1Login) callback(c *gate.Call) (person, error) {
	q := c.R.URL.Query()
	token, secret := c.Session.Take(keyToken), c.Session.Take(keySecret)
	switch {
	case token == "" || subtle.ConstantTimeCompare([]byte(token), []byte(q.Get("oauth_token"))) != 1:
		return person{}, fmt.Errorf("%w: the answer is not to this browser's login", errRefused)
	case q.Get("oauth_verifier") == "":
		return person{}, fmt.Errorf("%w: the answer has no verifier", errRefused)
	}
	ctx, cancel := context.WithTimeout(c.R.Context(), l.env.HopTimeout)
	defer cancel()
	conf, s := l.config(c, ctx)
	access, accessSecret, err := conf.AccessToken(token, secret, q.Get("oauth_verifier"))
	if err == nil && s.status != http.StatusOK { // the library takes every 2xx
		err = errors.New("not 200")
	}
	switch {
	case err != nil && (s.status == http.StatusUnauthorized || s.status == http.StatusForbidden):
		return person{}, fmt.Errorf("%w: the provider does not take the verifier", errRefused)
	case err != nil:
		return person{}, s.failed(err)
	}
	client := conf.Client(context.WithValue(ctx, oauth1.HTTPClient, conf.HTTPClient), oauth1.NewToken(access, accessSecret))
	var me struct {
		ID    json.RawMessage `json:"id"`
		IDStr string          `json:"id_str"`
		Name  string          `json:"screen_name"`
	}
	if err := ask(ctx, l.env, client.Do, l.s.BaseURL+"/1.1/account/verify_credentials.json", "", &me); err != nil {
		return person{}, err
	}
	id := me.IDStr
	if id == "" {
		if id, err = idOf(me.ID); err != nil {
			return person{}, err
		}
	}
	return person{id: id, nickname: me.Name}, nil
}
