package gate

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"gatehouse/clients/decisions"
)

// loginLife is how long a login may take from its first redirect to its last.
const loginLife = 10 * time.Minute

// discoveryFresh is how long what a provider says about itself counts.
const discoveryFresh = 10 * time.Minute

// oidcLeeway is by how much the clocks of a provider and ours may differ.
const oidcLeeway = 10 * time.Second

// OIDC is a login at an OpenID provider: the code flow with PKCE, state and nonce,
// each bound to the session that began it and good for one answer.
type OIDC struct {
	env      *Env
	conf     OIDCConfig
	mu       sync.Mutex
	found    *discovery
	foundAt  time.Time
	keys     *Keys
	keysFrom string
}

// OIDCConfig says which provider and as which client.
type OIDCConfig struct {
	Issuer                 string // exact, also in tokens
	ClientID, ClientSecret string
	Scopes                 []string
	// Callback is the path within the system.
	Callback string
	// Params are further parameters of the authorization request.
	Params url.Values
	// Authorize is the authorization endpoint where it is known, so that a login can
	// begin while the provider cannot be asked for it. May be empty.
	Authorize string
	// MaxAge refuses ID tokens that were issued longer ago; 0 does not look.
	MaxAge time.Duration
}

type discovery struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	JWKS          string `json:"jwks_uri"`
	EndSession    string `json:"end_session_endpoint"`
	IssParameter  bool   `json:"authorization_response_iss_parameter_supported"`
}

// NewOIDC makes a login. The provider is asked when it is needed, not here.
func (e *Env) NewOIDC(conf OIDCConfig) (*OIDC, error) {
	if _, err := e.NewKeys(conf.Issuer); err != nil {
		return nil, fmt.Errorf("the issuer: %w", err)
	}
	if conf.ClientID == "" || conf.ClientSecret == "" {
		return nil, errors.New("the client's id and secret are needed")
	}
	return &OIDC{env: e, conf: conf}, nil
}

// ErrOIDC is an answer of the provider, or of the browser that brings it, that does
// not log anybody in. Its text is for the trace.
type ErrOIDC struct {
	Why string
	// BadRequest: parts of the answer are missing.
	BadRequest bool
}

func (e *ErrOIDC) Error() string { return e.Why }

// The keys of a session while a login is under way.
const (
	keyOIDCState    = "_oidc_state"
	keyOIDCNonce    = "_oidc_nonce"
	keyOIDCVerifier = "_oidc_verifier"
	keyOIDCNext     = "_oidc_next"
	keyOIDCBegun    = "_oidc_begun"
)

// discover asks the provider what it is, and keeps the answer for a while. ask wants
// an answer of now: before a browser is sent there, to find out that nobody answers.
func (o *OIDC) discover(ctx context.Context, ask bool) (*discovery, error) {
	o.mu.Lock()
	have, at := o.found, o.foundAt
	o.mu.Unlock()
	if !ask && have != nil && o.env.Now().Sub(at) < discoveryFresh {
		return have, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.conf.Issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	a, err := o.env.Ask(decisions.OIDC, req)
	if err != nil {
		return nil, err
	}
	d := &discovery{}
	if a.Status != http.StatusOK {
		return nil, Malformed(decisions.OIDC, fmt.Errorf("discovery answered %d", a.Status))
	}
	if err := object(a.Body, d); err != nil {
		return nil, Malformed(decisions.OIDC, err)
	}
	if d.Issuer != o.conf.Issuer {
		return nil, Malformed(decisions.OIDC, errors.New("the provider calls itself by another name than the configured issuer"))
	}
	for _, raw := range []string{d.Authorization, d.Token, d.JWKS} {
		if _, err := o.env.NewKeys(raw); err != nil {
			return nil, Malformed(decisions.OIDC, err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.found, o.foundAt = d, o.env.Now()
	if o.keys == nil || o.keysFrom != d.JWKS {
		if o.keys, err = o.env.NewKeys(d.JWKS); err != nil {
			return nil, err
		}
		o.keysFrom = d.JWKS
	}
	return d, nil
}

func (o *OIDC) oauth(c *Call, d *discovery) *oauth2.Config {
	return &oauth2.Config{ClientID: o.conf.ClientID, ClientSecret: o.conf.ClientSecret, RedirectURL: c.URL(o.conf.Callback), Scopes: o.conf.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: d.Authorization, TokenURL: d.Token, AuthStyle: oauth2.AuthStyleInHeader}}
}

// Begin is the address at the provider to send the browser to. What the answer must
// match is put into the session. next is where to go in the end: already safe.
func (o *OIDC) Begin(c *Call, next string) (string, error) {
	d, err := o.discover(c.R.Context(), true)
	if err != nil {
		if o.conf.Authorize == "" {
			c.Hop("oidc.discovery", "fail")
			return "", err
		}
		d = &discovery{Authorization: o.conf.Authorize}
	}
	now := c.Env.Now()
	state, nonce, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	c.Session.Put(now, keyOIDCState, state)
	c.Session.Put(now, keyOIDCNonce, nonce)
	c.Session.Put(now, keyOIDCVerifier, verifier)
	c.Session.Put(now, keyOIDCNext, next)
	c.Session.Put(now, keyOIDCBegun, now)
	options := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("nonce", nonce), oauth2.S256ChallengeOption(verifier)}
	for name := range o.conf.Params {
		options = append(options, oauth2.SetAuthURLParam(name, o.conf.Params.Get(name)))
	}
	return o.oauth(c, d).AuthCodeURL(state, options...), nil
}

// User is who a provider says that logged in.
type User struct {
	Issuer, Subject string
	Name, Email     string
	Next            string // as given to Begin
	IDToken         string // for the logout; never shown
	Refresh         string // asks again whether the login still counts; never shown
	Claims          map[string]json.RawMessage
}

// Finish takes the browser back from the provider: it compares the state, exchanges
// the code, and checks the ID token. An *ErrOIDC logs nobody in; any other error says
// that the provider could not be asked.
func (o *OIDC) Finish(c *Call) (User, error) {
	h := c.Hop("oidc.callback", "deny")
	q := c.R.URL.Query()
	s := c.Session
	state, code := q.Get("state"), q.Get("code")
	if state == "" {
		h.Rule = "no state"
		return User{}, &ErrOIDC{"the answer has no state", true}
	}
	mine := s.String(keyOIDCState)
	if mine == "" || subtle.ConstantTimeCompare([]byte(mine), []byte(state)) != 1 {
		h.Rule = "the state is not that of this browser"
		return User{}, &ErrOIDC{"the state is not that of this browser", true}
	}
	if code == "" && q.Get("error") == "" { // nobody has answered yet
		h.Rule = "no code"
		return User{}, &ErrOIDC{"the answer has no code", true}
	}
	nonce, verifier, next := s.Take(keyOIDCNonce), s.Take(keyOIDCVerifier), s.Take(keyOIDCNext)
	begun := s.Time(keyOIDCBegun)
	s.Take(keyOIDCState)
	s.m.Remove(s.ctx, keyOIDCBegun)
	u, err := o.exchange(c, q, nonce, verifier, begun)
	if err != nil {
		var no *ErrOIDC
		if errors.As(err, &no) {
			h.Rule = no.Why
		} else {
			h.Out = "fail"
		}
		return User{}, err
	}
	h.Out = "pass"
	u.Next = next
	return u, nil
}

func (o *OIDC) exchange(c *Call, q url.Values, nonce, verifier string, begun time.Time) (User, error) {
	no := func(format string, args ...any) (User, error) {
		return User{}, &ErrOIDC{Why: fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Env.Now().Sub(begun) > loginLife:
		return no("the login took too long")
	case q.Get("error") != "":
		return no("the provider says no")
	}
	ctx := c.R.Context()
	d, err := o.discover(ctx, false)
	if err != nil {
		return User{}, err
	}
	if iss := q.Get("iss"); iss != "" && iss != d.Issuer || iss == "" && d.IssParameter {
		return no("the answer is of another provider (iss)")
	}
	token, err := o.redeem(ctx, c, d, q.Get("code"), verifier)
	if err != nil {
		return User{}, err
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" || nonce == "" {
		return no("the provider sent no ID token")
	}
	return o.verify(ctx, raw, nonce, token)
}

// redeem exchanges the code. That the provider refuses it is an answer; that the
// client may not ask is a fault of the configuration.
func (o *OIDC) redeem(ctx context.Context, c *Call, d *discovery, code, verifier string) (*oauth2.Token, error) {
	token, err := o.oauth(c, d).Exchange(o.env.TokenContext(ctx, decisions.OIDC), code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, o.refused(err, "the provider does not take the code")
	}
	return token, nil
}

// refused sorts the error of a token endpoint: invalid_grant is its answer.
func (o *OIDC) refused(err error, why string) error {
	var r *oauth2.RetrieveError
	switch {
	case !errors.As(err, &r):
		return UpstreamFailed(decisions.OIDC, err)
	case r.Response.StatusCode == http.StatusBadRequest && r.ErrorCode == "invalid_grant":
		return &ErrOIDC{Why: why}
	case r.ErrorCode == "invalid_client" || r.ErrorCode == "unauthorized_client":
		o.env.Log.Error("the provider refuses the client; check its id and secret", "issuer", o.conf.Issuer, "client", o.conf.ClientID)
	}
	return Malformed(decisions.OIDC, fmt.Errorf("the token endpoint answered %d", r.Response.StatusCode))
}

// verify checks an ID token (OpenID Connect Core 1.0, section 3.1.3.7): RS256 with a
// key of the provider, issuer, audience, authorized party, times, nonce and at_hash.
// An empty nonce is for a refreshed token, which has none.
func (o *OIDC) verify(ctx context.Context, raw, nonce string, token *oauth2.Token) (User, error) {
	o.mu.Lock()
	keys := o.keys
	o.mu.Unlock()
	options := []jwt.ParserOption{jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(o.conf.Issuer), jwt.WithAudience(o.conf.ClientID),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(oidcLeeway), jwt.WithTimeFunc(o.env.Now)}
	claims := jwt.MapClaims{}
	_, err := jwt.NewParser(options...).ParseWithClaims(raw, claims, func(t *jwt.Token) (any, error) { return keys.TokenKey(ctx, t.Header) })
	switch {
	case IsUpstream(err):
		return User{}, err
	case err != nil:
		return User{}, &ErrOIDC{Why: "the ID token is refused: " + err.Error()}
	}
	if why := o.claimsWrong(claims, nonce, token.AccessToken); why != "" {
		return User{}, &ErrOIDC{Why: "the ID token is refused: " + why}
	}
	u := User{Issuer: o.conf.Issuer, IDToken: raw, Refresh: token.RefreshToken, Claims: map[string]json.RawMessage{}}
	u.Subject, _ = claims["sub"].(string)
	u.Name, _ = claims["preferred_username"].(string)
	u.Email, _ = claims["email"].(string)
	if u.Name == "" {
		u.Name = u.Subject
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &u.Claims)
	}
	if err != nil {
		return User{}, &ErrOIDC{Why: "the ID token cannot be read"}
	}
	return u, nil
}

// claimsWrong checks what the library does not.
func (o *OIDC) claimsWrong(m jwt.MapClaims, nonce, access string) string {
	sent, _ := m["nonce"].(string)
	if nonce != "" && subtle.ConstantTimeCompare([]byte(sent), []byte(nonce)) != 1 {
		return "it is of another login (nonce)"
	}
	if sub, _ := m["sub"].(string); sub == "" || len(sub) > 255 {
		return "it names nobody (sub)"
	}
	aud, _ := m.GetAudience()
	azp, there := m["azp"]
	if there && azp != o.conf.ClientID || !there && len(aud) > 1 {
		return "it is for another client (azp)"
	}
	if hash, there := m["at_hash"]; there {
		sum := sha256.Sum256([]byte(access))
		if hash != base64.RawURLEncoding.EncodeToString(sum[:16]) {
			return "it does not belong to the access token (at_hash)"
		}
	}
	iat, err := m.GetIssuedAt()
	if err != nil || iat == nil {
		return "it does not say when it was issued (iat)"
	}
	if o.conf.MaxAge > 0 && o.env.Now().Sub(iat.Time) > o.conf.MaxAge {
		return "it is too old (iat)"
	}
	return ""
}

// EndSession is the address at the provider that ends its session too; empty where
// the provider has none.
func (o *OIDC) EndSession(c *Call, idToken, back string) (string, error) {
	d, err := o.discover(c.R.Context(), true)
	if err != nil || d.EndSession == "" || idToken == "" {
		return "", err
	}
	return d.EndSession + "?" + url.Values{"post_logout_redirect_uri": {back}, "id_token_hint": {idToken}}.Encode(), nil
}

// Refresh asks the provider whether somebody is still logged in there and what they
// may now: it hands out a new ID token, or refuses with an *ErrOIDC.
func (o *OIDC) Refresh(c *Call, refresh, subject string) (u User, err error) {
	h := c.Hop("oidc.refresh", "fail")
	defer func() {
		var no *ErrOIDC
		if errors.As(err, &no) {
			h.Out, h.Rule = "deny", no.Why
		} else if err == nil {
			h.Out = "pass"
		}
	}()
	ctx := c.R.Context()
	d, err := o.discover(ctx, false)
	if err != nil {
		return User{}, err
	}
	token, err := o.oauth(c, d).TokenSource(o.env.TokenContext(ctx, decisions.OIDC), &oauth2.Token{RefreshToken: refresh}).Token()
	if err != nil {
		return User{}, o.refused(err, "the provider ended the login")
	}
	raw, _ := token.Extra("id_token").(string)
	if u, err = o.verify(ctx, raw, "", token); err == nil && u.Subject != subject {
		err = &ErrOIDC{Why: "the provider answers for somebody else"}
	}
	return u, err
}
