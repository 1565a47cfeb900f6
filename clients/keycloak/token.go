package keycloak

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Login says how our own account gets its access tokens. Exactly one of Username
// (password grant), RefreshToken (after a device login) and ClientSecret alone
// (client credentials) decides the grant; all empty means no login.
type Login struct {
	// Realm the account lives in; empty means master.
	Realm string
	// ClientID empty means admin-cli, which is made for the password grant.
	ClientID, ClientSecret string
	Username, Password     string
	// TOTP is the present one-time code, for accounts that need one. It works once.
	TOTP         string
	RefreshToken string
}

// String keeps the secrets of a Login out of every print.
func (l Login) String() string {
	return "login of " + l.Username + " by " + l.ClientID + " in realm " + l.Realm
}

// GoString keeps the secrets out of %#v.
func (l Login) GoString() string { return l.String() }

type grant string

const (
	grantNone     grant = ""
	grantPassword grant = "password"
	grantClient   grant = "client_credentials"
	grantRefresh  grant = "refresh_token"
)

func (l Login) grant() grant {
	switch {
	case l.Username != "" || l.Password != "":
		return grantPassword
	case l.RefreshToken != "":
		return grantRefresh
	case l.ClientSecret != "":
		return grantClient
	}
	return grantNone
}

func (l Login) withDefaults() Login {
	if l.Realm == "" {
		l.Realm = "master"
	}
	if l.ClientID == "" && l.grant() != grantClient {
		l.ClientID = "admin-cli"
	}
	return l
}

func (l Login) check() error {
	const op = "log in to Keycloak"
	switch {
	case l.grant() == grantPassword && (l.Username == "" || l.Password == ""):
		return refuse(op, "a username and a password belong together", "set both in this context")
	case l.grant() == grantClient && l.ClientID == "":
		return refuse(op, "there is a client secret but no client id", "set both in this context")
	}
	return nil
}

// Token is the answer of the token endpoint. It prints as "token".
type Token struct {
	Access  string
	Refresh string
	ID      string
	Type    string
	Scope   string
	// Life is how long the access token lives, RefreshLife the refresh token (0: none
	// was given, or it does not expire).
	Life, RefreshLife time.Duration
	SessionID         string
}

// String keeps tokens out of every print.
func (Token) String() string { return "token" }

// GoString keeps tokens out of %#v.
func (Token) GoString() string { return "token" }

type wireToken struct {
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token"`
	IDToken          string `json:"id_token"`
	TokenType        string `json:"token_type"`
	Scope            string `json:"scope"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	SessionState     string `json:"session_state"`
}

func (w wireToken) neutral() Token {
	return Token{Access: w.AccessToken, Refresh: w.RefreshToken, ID: w.IDToken, Type: w.TokenType, Scope: w.Scope,
		Life: time.Duration(w.ExpiresIn) * time.Second, RefreshLife: time.Duration(w.RefreshExpiresIn) * time.Second, SessionID: w.SessionState}
}

// ClientAuth is the client in whose name a token is asked for; a public client has
// no secret.
type ClientAuth struct{ ID, Secret string }

func (a ClientAuth) basic() http.Header {
	if a.Secret == "" {
		return nil
	}
	// RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
	pair := url.QueryEscape(a.ID) + ":" + url.QueryEscape(a.Secret)
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
}

// protocol begins a call to an OpenID Connect endpoint. It carries no token of ours
// and counts as a read: it changes nothing that a read-only context protects.
func (r *Realm) protocol(op string, a ClientAuth, form url.Values, secrets []string, endpoint ...string) call {
	c := call{op: op, realm: r.name, method: http.MethodPost, public: true, read: true, form: form, header: a.basic(),
		secrets: append(secrets, a.Secret),
		path:    append([]string{"realms", r.name, "protocol", "openid-connect"}, endpoint...)}
	if a.Secret == "" && a.ID != "" {
		c.form.Set("client_id", a.ID)
	}
	return c
}

func (r *Realm) token(ctx context.Context, op string, a ClientAuth, form url.Values, secrets ...string) (Token, error) {
	var w wireToken
	if _, err := r.s.do(ctx, r.protocol(op, a, form, secrets, "token"), &w); err != nil {
		return Token{}, err
	}
	if w.AccessToken == "" {
		return Token{}, &clients.Problem{Kind: clients.Unreachable, Op: op, Target: r.s.public.Target(), Reason: "the answer holds no access token"}
	}
	return w.neutral(), nil
}

// PasswordToken asks for a token with a user's password (direct access grant). Each
// wrong password counts against the user's brute-force limit.
func (r *Realm) PasswordToken(ctx context.Context, a ClientAuth, username, password, totp, scope string) (Token, error) {
	f := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}
	setIf(f, "totp", totp)
	setIf(f, "scope", scope)
	return r.token(ctx, "log in with a password", a, f, password, totp)
}

// ClientToken asks for a token of the client's service account.
func (r *Realm) ClientToken(ctx context.Context, a ClientAuth, scope string) (Token, error) {
	f := url.Values{"grant_type": {"client_credentials"}}
	setIf(f, "scope", scope)
	return r.token(ctx, "log in with client credentials", a, f)
}

// RefreshToken trades a refresh token for new tokens.
func (r *Realm) RefreshToken(ctx context.Context, a ClientAuth, refresh string) (Token, error) {
	return r.token(ctx, "renew the access token", a, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}, refresh)
}

// endSession ends the session that a refresh token belongs to (OpenID Connect
// logout from the back).
func (r *Realm) endSession(ctx context.Context, a ClientAuth, refresh string) error {
	_, err := r.s.do(ctx, r.protocol("log out", a, url.Values{"refresh_token": {refresh}}, []string{refresh}, "logout"), nil)
	return err
}

// RevokeToken makes a refresh or access token useless (RFC 7009).
func (r *Realm) RevokeToken(ctx context.Context, a ClientAuth, token string) error {
	c := r.protocol("revoke the token", a, url.Values{"token": {token}}, []string{token}, "revoke")
	c.read = false
	_, err := r.s.do(ctx, c, nil)
	return err
}

// Introspect asks whether a token is active (RFC 7662) and gives the claims. The
// asking client must be in the token's audience, or the answer is inactive; a
// public client is refused.
func (r *Realm) Introspect(ctx context.Context, a ClientAuth, token string) (active bool, claims json.RawMessage, err error) {
	if _, err = r.s.do(ctx, r.protocol("introspect the token", a, url.Values{"token": {token}}, []string{token}, "token", "introspect"), &claims); err != nil {
		return false, nil, err
	}
	var w struct {
		Active bool `json:"active"`
	}
	err = json.Unmarshal(claims, &w)
	return w.Active, claims, err
}

// UserInfo reads the claims that the userinfo endpoint gives for an access token.
func (r *Realm) UserInfo(ctx context.Context, accessToken string) (json.RawMessage, error) {
	var claims json.RawMessage
	_, err := r.s.do(ctx, call{op: "read userinfo", realm: r.name, method: http.MethodGet, public: true,
		path:   []string{"realms", r.name, "protocol", "openid-connect", "userinfo"},
		header: http.Header{"Authorization": {"Bearer " + accessToken}}, secrets: []string{accessToken}}, &claims)
	return claims, err
}

// tokens fetches our own access token for the transport, which keeps and shares it.
type tokens struct {
	server *Server

	mu      sync.Mutex
	last    Token
	expires time.Time // of the refresh token
	refused error     // a login that was refused, not tried again before retry
	retry   time.Time
}

// refusedPause is how long a refused login is not tried again: each screen would
// otherwise add a wrong password until the brute-force protection locks our account.
const refusedPause = time.Minute

// fetch renews by the refresh token where there is one, so that a long console
// session stays one session on the server, and logs in otherwise. The transport
// never calls it twice at once.
func (t *tokens) fetch(ctx context.Context) (transport.Token, error) {
	t.mu.Lock()
	last, expires, refused, retry := t.last, t.expires, t.refused, t.retry
	t.mu.Unlock()
	if refused != nil && time.Now().Before(retry) {
		return transport.Token{}, refused
	}
	asked := time.Now()
	tok, err := t.renew(ctx, last, expires)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if clients.Is(err, clients.Denied) {
			t.refused, t.retry = err, time.Now().Add(refusedPause)
		}
		return transport.Token{}, err
	}
	t.refused, t.last, t.expires = nil, tok, time.Time{}
	if tok.RefreshLife > 0 {
		t.expires = asked.Add(tok.RefreshLife)
	}
	return transport.Token{Value: tok.Access, Life: tok.Life}, nil
}

func (t *tokens) renew(ctx context.Context, last Token, expires time.Time) (Token, error) {
	l := t.server.login
	realm, auth := t.server.Realm(l.Realm), ClientAuth{l.ClientID, l.ClientSecret}
	refresh := last.Refresh
	if refresh == "" && l.grant() == grantRefresh {
		refresh = l.RefreshToken
	}
	if refresh != "" && (expires.IsZero() || time.Now().Before(expires)) {
		tok, err := realm.RefreshToken(ctx, auth, refresh)
		if err == nil || !clients.Is(err, clients.Denied) || l.grant() == grantRefresh {
			return tok, loginHint(err)
		}
	}
	var tok Token
	var err error
	switch l.grant() {
	case grantPassword:
		if l.TOTP != "" && last.Access != "" {
			// A one-time code works once; sending it again would count as a failure.
			return tok, &clients.Problem{Kind: clients.Denied, Op: "log in to Keycloak", Reason: "the session has ended and its one-time code is used up", Hint: "start again with a new code"}
		}
		tok, err = realm.PasswordToken(ctx, auth, l.Username, l.Password, l.TOTP, "")
	case grantClient:
		tok, err = realm.ClientToken(ctx, auth, "")
	default:
		err = &clients.Problem{Kind: clients.Denied, Op: "log in to Keycloak", Reason: "the login has ended", Hint: "log in again"}
	}
	return tok, loginHint(err)
}

// loginHint turns Keycloak's words about our own login into what to do.
func loginHint(err error) error {
	p, ok := errors.AsType[*clients.Problem](err)
	if !ok || p.Kind != clients.Denied && p.Kind != clients.NotFound {
		return err
	}
	se, _ := errors.AsType[*ServerError](err)
	switch {
	case se == nil:
	case se.Description == "Account is not fully set up":
		p.Hint = "our own account has something to do first (a new password, a verified e-mail): log in once with a browser"
	case se.Code == "invalid_grant":
		p.Hint = "check the username and password of this context; after several failures the account may be locked"
	case se.Code == "unauthorized_client", se.Code == "invalid_client":
		p.Hint = "check the client id and secret of this context, and that the client may use this way to log in"
	}
	return err
}

// Logout ends our own session on the server, if there is one.
func (s *Server) Logout(ctx context.Context) error {
	if s.tokens == nil {
		return nil
	}
	s.tokens.mu.Lock()
	refresh := s.tokens.last.Refresh
	s.tokens.last = Token{}
	s.tokens.mu.Unlock()
	if refresh == "" {
		return nil
	}
	return s.Realm(s.login.Realm).endSession(ctx, ClientAuth{s.login.ClientID, s.login.ClientSecret}, refresh)
}
