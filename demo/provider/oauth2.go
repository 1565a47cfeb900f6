package provider

import (
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const keyID = "practice"

func (p *Provider) issuer() string { return p.OktaURL() + "/oauth2/default" }

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	i := p.issuer()
	reply(w, http.StatusOK, map[string]any{"issuer": i, "authorization_endpoint": i + "/v1/authorize", "token_endpoint": i + "/v1/token", "jwks_uri": i + "/v1/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	b := base64.RawURLEncoding
	reply(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": b.EncodeToString(p.key.N.Bytes()), "e": b.EncodeToString(big.NewInt(int64(p.key.E)).Bytes())}}})
}

func (p *Provider) oktaAuthorize(w http.ResponseWriter, r *http.Request) {
	p.authorize(w, r, "okta", p.okta, "openid")
}

func (p *Provider) facebookAuthorize(w http.ResponseWriter, r *http.Request) {
	p.authorize(w, r, "facebook", p.facebook, "")
}

// authorize checks what an application asks for (RFC 6749, section 4.1.1; PKCE as in
// RFC 7636) and shows who can be chosen. What cannot be trusted is never sent back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, kind string, c Client, scope string) {
	q := r.URL.Query()
	switch {
	case q.Get("client_id") != c.ID:
		p.refuse(w, "The application is not known here.")
	case !p.mayReturn(q.Get("redirect_uri")):
		p.refuse(w, "The address to go back to is not one of the demo server.")
	case q.Get("response_type") != "code", scope != "" && !strings.Contains(" "+q.Get("scope")+" ", " "+scope+" "):
		p.refuse(w, "The application asks for something that this provider does not do.")
	case q.Get("state") == "", q.Get("code_challenge") == "", q.Get("code_challenge_method") != "S256":
		p.refuse(w, "The application sends no state or no PKCE challenge, without which a login can be taken over.")
	default:
		p.page(w, &request{kind: kind, redirect: q.Get("redirect_uri"), state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), hint: q.Get("login_hint")})
	}
}

// redeem exchanges a code, once.
func (p *Provider) redeem(r *http.Request, kind string) *grant {
	g := p.look(r.PostFormValue("code"), kind, "code", true)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if g == nil || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != g.redirect ||
		subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(g.challenge)) != 1 {
		return nil
	}
	return g
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (p *Provider) oktaToken(w http.ResponseWriter, r *http.Request) {
	id, pass, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	pass, _ = url.QueryUnescape(pass)
	if !same(id, p.okta.ID) || !same(pass, p.okta.Secret) {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	g := p.redeem(r, "okta")
	if g == nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	access := p.give(grant{request: g.request, use: "access", person: g.person}, tokenLife)
	token, err := p.idToken(g, access)
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]string{"error": "server_error"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "id_token": token, "scope": "openid email profile"})
}

func (p *Provider) idToken(g *grant, access string) (string, error) {
	now := p.conf.Now().Unix()
	h := crypto.SHA256.New()
	h.Write([]byte(access))
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"iss": p.issuer(), "aud": p.okta.ID, "sub": oktaID(g.person), "nonce": g.nonce, "iat": now, "exp": now + 300,
		"name": g.person.Name, "preferred_username": g.person.Email, "email": g.person.Email, "at_hash": base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])})
	t.Header["kid"] = keyID
	return t.SignedString(p.key)
}

// oktaID is the id of a person as Okta writes ids.
func oktaID(one Person) string { return "00u" + one.Key }

func (p *Provider) oktaUser(w http.ResponseWriter, r *http.Request) {
	if !same(r.Header.Get("Authorization"), "SSWS "+p.apiToken) {
		reply(w, http.StatusUnauthorized, map[string]string{"errorCode": "E0000011"})
		return
	}
	one, ok := p.person(strings.TrimPrefix(r.PathValue("id"), "00u"))
	if !ok || oktaID(one) != r.PathValue("id") {
		reply(w, http.StatusNotFound, map[string]string{"errorCode": "E0000007"})
		return
	}
	status := "ACTIVE"
	if one.Suspended {
		status = "SUSPENDED"
	}
	reply(w, http.StatusOK, map[string]any{"id": oktaID(one), "status": status, "profile": map[string]string{"login": one.Email, "email": one.Email}})
}

func (p *Provider) facebookToken(w http.ResponseWriter, r *http.Request) {
	if !same(r.PostFormValue("client_id"), p.facebook.ID) || !same(r.PostFormValue("client_secret"), p.facebook.Secret) {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	g := p.redeem(r, "facebook")
	if g == nil {
		reply(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	reply(w, http.StatusOK, map[string]any{"access_token": p.give(grant{request: g.request, use: "access", person: g.person}, tokenLife), "token_type": "bearer", "expires_in": int(tokenLife.Seconds())})
}

func (p *Provider) facebookMe(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g := p.look(bearer, "facebook", "access", false)
	if g == nil {
		reply(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	reply(w, http.StatusOK, map[string]string{"id": number(g.person), "name": g.person.Name, "email": g.person.Email})
}

// number is a person's id as a number in text, the same in every run.
func number(one Person) string {
	sum := sha256.Sum256([]byte(one.Key))
	return new(big.Int).SetBytes(sum[:6]).String()
}
