package demotest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/demo/gate"
)

// World is every server that a system of the demo leans on, in one process of the
// test: Kratos, Keto, Keycloak, Oathkeeper's keys, Okta, an OAuth 2 and an OAuth 1.0a
// provider. They keep to the rules and answer as the real ones do, as far as the
// systems look, so that one of them can be broken at a time (see Fault) and a token
// can be made wrong in one respect (see Token). What the real servers do is tried on
// the real servers, elsewhere.
type World struct {
	Server *httptest.Server
	mux    *http.ServeMux
	names  map[string]string // endpoint by pattern
	life   context.Context
}

// The person of a World, whom every server knows.
const (
	WorldUser     = "ann"
	WorldEmail    = "ann@example.com"
	WorldPassword = "a phrase of the world"
	WorldIdentity = "7d1f9a2e-0000-4000-8000-000000000001"
	WorldSession  = "good" // the value of the Kratos cookie
	worldRealm    = "world"
	worldClient   = "flaskClient"
)

// NewWorld starts one.
func NewWorld(t testing.TB) *World {
	t.Helper()
	life, end := context.WithCancel(context.Background())
	w := &World{mux: http.NewServeMux(), names: map[string]string{}, life: life}
	w.kratos()
	w.keycloak()
	w.okta()
	w.social()
	keys := KeySet(JWK("k1", "sig", &SigningKey().PublicKey))
	w.add("oathkeeper.keys", "GET /oathkeeper/.well-known/jwks.json", Body(keys))
	w.add("keto.check", "GET /keto/relation-tuples/check", func(rw http.ResponseWriter, r *http.Request) {
		if slices.Contains([]string{WorldIdentity, WorldVictim, victimEmail, strings.ReplaceAll(victimEmail, "@", "")}, r.FormValue("subject_id")) {
			Body(`{"allowed":true}`)(rw, r)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusForbidden)
		fmt.Fprint(rw, `{"allowed":false}`)
	})
	w.Server = httptest.NewServer(w)
	t.Cleanup(func() { end(); w.Server.CloseClientConnections(); w.Server.Close() })
	return w
}

// add serves one endpoint under a name by which it can be broken.
func (w *World) add(name, pattern string, h http.HandlerFunc) {
	w.names[pattern] = name
	w.mux.Handle(pattern, h)
}

// Env is the settings of a server in the world. Every system can run with it.
func (w *World) Env() gate.Env {
	base := w.Server.URL
	social := func(path string) gate.SocialSettings {
		return gate.SocialSettings{BaseURL: base + path, ID: "client-id", Secret: "canary-provider-secret"}
	}
	return gate.Env{
		KratosPublicURL: base + "/kratos", KratosUIURL: base + "/kratos-ui", KetoReadURL: base + "/keto", KeycloakURL: base + "/keycloak",
		Realm: worldRealm, ClientID: worldClient, ClientSecret: "canary-client-secret",
		OathkeeperProxyURL: base + "/oathkeeper", OathkeeperAPIURL: base + "/oathkeeper",
		Okta:     gate.OktaSettings{OrgURL: base + "/okta", ClientID: "CID", ClientSecret: "canary-okta-secret", APIToken: "canary-okta-token"},
		Facebook: social("/facebook"), Twitter: social("/twitter"),
		People: []gate.Person{{Key: "ann", Name: "Ann", Username: WorldUser, Email: WorldEmail, Password: WorldPassword,
			Roles: []string{"admin", "superuser", "reader", "writer"}},
			{Key: "bob", Name: "Bob", Username: "bob", Password: WorldPassword}, {Key: "long", Name: "Long", Username: "long", Password: strings.Repeat("a", 72)}},
		HopTimeout: time.Minute, RequestTimeout: 5 * time.Minute,
	}
}

// The victim of the original's subjects, and somebody whose e-mail is the victim's once
// the @ is gone: the values of their Kratos cookies, and the victim's id.
const (
	VictimSession   = "victim"
	AttackerSession = "attacker"
	WorldVictim     = "7d1f9a2e-0000-4000-8000-000000000002"
	victimEmail     = "minkin.andrew@gmail.com"
)

// whoami is what Kratos says of a session, by the value of its cookie.
var whoami = map[string]string{
	WorldSession:    session(WorldIdentity, WorldEmail),
	VictimSession:   session(WorldVictim, victimEmail),
	AttackerSession: session("7d1f9a2e-0000-4000-8000-000000000003", "minkin.andre@wgmail.com"),
}

func session(id, email string) string {
	return `{"id":"5e55","active":true,"authenticator_assurance_level":"aal1","expires_at":"2100-01-01T00:00:00Z","identity":{"id":"` + id +
		`","schema_id":"default","state":"active","traits":{"email":"` + email + `"},"verifiable_addresses":[{"value":"` + email + `","verified":true}]}}`
}

func (w *World) kratos() {
	asWhom := func(next http.HandlerFunc) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie(gate.KratosCookie); err == nil && whoami[c.Value] != "" {
				next(rw, r)
				return
			}
			rw.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(rw, `{"error":{"code":401}}`)
		}
	}
	w.add("kratos.whoami", "GET /kratos/sessions/whoami", asWhom(func(rw http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie(gate.KratosCookie)
		Body(whoami[c.Value])(rw, r)
	}))
	w.add("kratos.flow", "GET /kratos/self-service/{flow}/flows", func(rw http.ResponseWriter, r *http.Request) {
		Body(`{"id":"f1","ui":{"action":"`+w.Server.URL+`/kratos/self-service/`+r.PathValue("flow")+`?flow=f1","method":"POST","nodes":[]}}`)(rw, r)
	})
	w.add("kratos.begin", "GET /kratos/self-service/login/browser", func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: "csrf_token_world", Value: "x"})
		Body(`{"id":"f1","ui":{"action":"`+w.Server.URL+`/kratos/self-service/login?flow=f1","method":"POST","nodes":[{"attributes":{"name":"csrf_token","value":"x"}}]}}`)(rw, r)
	})
	w.add("kratos.submit", "POST /kratos/self-service/login", func(rw http.ResponseWriter, r *http.Request) {
		http.SetCookie(rw, &http.Cookie{Name: gate.KratosCookie, Value: WorldSession})
		Body(`{"session":`+whoami[WorldSession]+`}`)(rw, r)
	})
	w.add("kratos.logout", "GET /kratos/self-service/logout/browser", asWhom(func(rw http.ResponseWriter, r *http.Request) {
		Body(`{"logout_url":"`+w.Server.URL+`/kratos/self-service/logout?token=x","logout_token":"x"}`)(rw, r)
	}))
	w.add("kratos.errors", "GET /kratos/self-service/errors", Body(`{"id":"e1","error":{"code":400,"message":"no","reason":"because"}}`))
}

// Token signs claims, with those of change put over them (nil takes one away), as the
// key set of every issuer of the world has the key.
func (w *World) Token(t testing.TB, claims, change map[string]any) string {
	t.Helper()
	c := maps.Clone(claims)
	for k, v := range change {
		c[k] = v
		if v == nil {
			delete(c, k)
		}
	}
	return Sign(t, map[string]any{"alg": "RS256", "typ": "JWT", "kid": "k1"}, c)
}

// AccessClaims are those of an access token for the courses API.
func (w *World) AccessClaims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": w.realm(), "aud": "reportingApi", "sub": "u1", "typ": "Bearer", "azp": "spa", "preferred_username": WorldUser, "iat": now, "nbf": now, "exp": now + 600}
}

// ProofClaims are those of what Oathkeeper signs.
func (w *World) ProofClaims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": w.Server.URL + "/oathkeeper/", "aud": []string{"gatehouse-demo"}, "sub": WorldIdentity, "iat": now, "nbf": now, "exp": now + 60, "jti": "j1"}
}

func (w *World) realm() string { return w.Server.URL + "/keycloak/realms/" + worldRealm }

// Grant is what a code of the world stands for. It is all in the code, so that one can
// be exchanged again: what a real provider does about that is tried on one.
type Grant struct {
	Nonce   string `json:",omitempty"`
	IDToken string `json:",omitempty"` // in place of a good one; NoToken for none
	Refresh string `json:",omitempty"` // the refresh token; also a code of a Grant, so that a refresh can be made wrong
}

// NoToken is an ID token that is not sent.
const NoToken = "none at all"

// Code is the code of a grant.
func (g Grant) Code() string {
	b, err := json.Marshal(g)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// provider serves an OpenID provider: what its discovery names, and an authorization
// endpoint that asks nobody.
func (w *World) provider(name, path, client, auth, token, keys, end string) {
	issuer := func() string { return w.Server.URL + path }
	w.add(name+".discovery", "GET "+path+"/.well-known/openid-configuration", func(rw http.ResponseWriter, r *http.Request) {
		d := map[string]any{"issuer": issuer(), "authorization_endpoint": issuer() + auth, "token_endpoint": issuer() + token, "jwks_uri": issuer() + keys,
			"authorization_response_iss_parameter_supported": true}
		if end != "" {
			d["end_session_endpoint"] = issuer() + end
		}
		b, _ := json.Marshal(d)
		Body(string(b))(rw, r)
	})
	w.add(name+".keys", "GET "+path+keys, Body(KeySet(JWK("k1", "sig", &SigningKey().PublicKey))))
	w.mux.HandleFunc("GET "+path+auth, func(rw http.ResponseWriter, r *http.Request) {
		q := url.Values{"state": {r.FormValue("state")}, "code": {Grant{Nonce: r.FormValue("nonce")}.Code()}, "iss": {issuer()}}
		http.Redirect(rw, r, r.FormValue("redirect_uri")+"?"+q.Encode(), http.StatusFound)
	})
	w.add(name+".token", "POST "+path+token, func(rw http.ResponseWriter, r *http.Request) {
		g := Grant{Refresh: "canary-refresh-token"}
		if b, err := base64.RawURLEncoding.DecodeString(r.FormValue("code") + r.FormValue("refresh_token")); err == nil {
			_ = json.Unmarshal(b, &g) // what is no grant is a good one
		}
		token, err := g.IDToken, error(nil)
		if token == "" {
			token, err = signed(idClaims(issuer(), client, g.Nonce))
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		out := map[string]any{"access_token": "canary-access-token", "token_type": "Bearer", "refresh_token": g.Refresh, "expires_in": 60, "id_token": token}
		if token == NoToken {
			delete(out, "id_token")
		}
		b, _ := json.Marshal(out)
		Body(string(b))(rw, r)
	})
}

func idClaims(issuer, client, nonce string) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": issuer, "aud": client, "azp": client, "sub": "00u1", "iat": now, "exp": now + 300, "typ": "ID", "preferred_username": WorldUser, "email": WorldEmail,
		"resource_access": map[string]any{client: map[string]any{"roles": []string{"admin", "user"}}}}
	if nonce != "" {
		c["nonce"] = nonce
	}
	return c
}

// IDClaims are those of an ID token for the login of a system, kc-web or okta-oidc.
func (w *World) IDClaims(system, nonce string) map[string]any {
	if system == "okta-oidc" {
		return idClaims(w.Server.URL+"/okta/oauth2/default", "CID", nonce)
	}
	return idClaims(w.realm(), worldClient, nonce)
}

func (w *World) keycloak() {
	const oidc = "/protocol/openid-connect"
	w.provider("keycloak", "/keycloak/realms/"+worldRealm, worldClient, oidc+"/auth", oidc+"/token", oidc+"/certs", oidc+"/logout")
}

func (w *World) okta() {
	w.provider("okta", "/okta/oauth2/default", "CID", "/v1/authorize", "/v1/token", "/v1/keys", "")
	w.add("okta.user", "GET /okta/api/v1/users/{id}", func(rw http.ResponseWriter, r *http.Request) {
		Body(`{"id":"`+r.PathValue("id")+`","status":"ACTIVE"}`)(rw, r)
	})
}

var oauthCallback = regexp.MustCompile(`oauth_callback="([^"]+)"`)

func (w *World) social() {
	w.mux.HandleFunc("GET /facebook/oauth/authorize", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, r.FormValue("redirect_uri")+"?code=good&state="+url.QueryEscape(r.FormValue("state")), http.StatusFound)
	})
	w.add("facebook.token", "POST /facebook/oauth/access_token", Body(`{"access_token":"canary-access-token","token_type":"bearer"}`))
	w.add("facebook.record", "GET /facebook/me", Body(`{"id":"1001","email":"`+WorldEmail+`"}`))
	form := func(values url.Values) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, values.Encode()) }
	}
	w.add("twitter.request", "POST /twitter/oauth/request_token", func(rw http.ResponseWriter, r *http.Request) {
		m := oauthCallback.FindStringSubmatch(r.Header.Get("Authorization"))
		if m == nil {
			http.Error(rw, "no callback", http.StatusBadRequest)
			return
		}
		callback, _ := url.QueryUnescape(m[1])
		form(url.Values{"oauth_token": {base64.RawURLEncoding.EncodeToString([]byte(callback + " " + rand.Text()))}, "oauth_token_secret": {"canary-request-secret"}, "oauth_callback_confirmed": {"true"}})(rw, r)
	})
	w.mux.HandleFunc("GET /twitter/oauth/authorize", func(rw http.ResponseWriter, r *http.Request) {
		callback, _ := base64.RawURLEncoding.DecodeString(r.FormValue("oauth_token"))
		to, _, _ := strings.Cut(string(callback), " ")
		http.Redirect(rw, r, to+"?oauth_verifier=V1&oauth_token="+url.QueryEscape(r.FormValue("oauth_token")), http.StatusFound)
	})
	w.add("twitter.access", "POST /twitter/oauth/access_token", form(url.Values{"oauth_token": {"AT1"}, "oauth_token_secret": {"canary-token-secret"}}))
	w.add("twitter.record", "GET /twitter/1.1/account/verify_credentials.json", Body(`{"id":77,"id_str":"77","screen_name":"ann"}`))
}

// endpoint is the name of what a request to the world asks for; empty for what only a
// browser asks for.
func (w *World) endpoint(r *http.Request) string {
	_, pattern := w.mux.Handler(r)
	return w.names[pattern]
}

// UpstreamOf is how the reason of a decision names the upstream of an endpoint.
func UpstreamOf(endpoint string) string {
	switch name, what, _ := strings.Cut(endpoint, "."); {
	case name == "sessions":
		return "sessions"
	case what == "keys":
		return "jwks"
	case name == "keycloak", name == "okta":
		return "oidc"
	case name == "facebook", name == "twitter":
		return "provider"
	default:
		return name
	}
}
