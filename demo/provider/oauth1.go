package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dghubble/oauth1"
)

// clockSkew is by how much the time of a signed request may differ.
const clockSkew = 5 * time.Minute

// signed reads the OAuth 1.0a parameters of a request and checks its HMAC-SHA1
// signature (RFC 5849, section 3.4) with the secrets of the application and of the
// token. secretOf is the secret of a token, "" for none; ok false where it is not known.
func (p *Provider) signed(r *http.Request, secretOf func(token string) (secret string, ok bool)) (map[string]string, bool) {
	raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !ok || r.ParseForm() != nil {
		return nil, false
	}
	params := map[string]string{}
	for _, part := range strings.Split(raw, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := url.PathUnescape(name)
		v, err2 := url.PathUnescape(strings.Trim(value, `"`))
		if _, twice := params[n]; err != nil || err2 != nil || twice {
			return nil, false
		}
		params[n] = v
	}
	tokenSecret, known := secretOf(params["oauth_token"])
	var at int64
	if _, err := fmt.Sscan(params["oauth_timestamp"], &at); err != nil || !known || params["oauth_consumer_key"] != p.twitter.ID ||
		params["oauth_signature_method"] != "HMAC-SHA1" || p.conf.Now().Sub(time.Unix(at, 0)).Abs() > clockSkew {
		return nil, false
	}
	want, err := (&oauth1.HMACSigner{ConsumerSecret: p.twitter.Secret}).Sign(tokenSecret, p.signatureBase(r, params))
	return params, err == nil && same(want, params["oauth_signature"])
}

// signatureBase is the text that is signed (RFC 5849, section 3.4.1).
func (p *Provider) signatureBase(r *http.Request, params map[string]string) string {
	var pairs []string
	for name, value := range params {
		if name != "oauth_signature" && name != "realm" {
			pairs = append(pairs, oauth1.PercentEncode(name)+"="+oauth1.PercentEncode(value))
		}
	}
	for name, values := range r.Form {
		for _, v := range values {
			pairs = append(pairs, oauth1.PercentEncode(name)+"="+oauth1.PercentEncode(v))
		}
	}
	slices.Sort(pairs)
	return r.Method + "&" + oauth1.PercentEncode(originOf(p.conf.URL)+r.URL.Path) + "&" + oauth1.PercentEncode(strings.Join(pairs, "&"))
}

func noToken(token string) (string, bool) { return "", token == "" }

// twitterRequest hands out a request token for a callback.
func (p *Provider) twitterRequest(w http.ResponseWriter, r *http.Request) {
	params, ok := p.signed(r, noToken)
	if !ok {
		http.Error(w, "the signature is not right", http.StatusUnauthorized)
		return
	}
	if !p.mayReturn(params["oauth_callback"]) {
		http.Error(w, "the callback is not one of the demo server", http.StatusForbidden)
		return
	}
	q := request{kind: "twitter", redirect: params["oauth_callback"], secret: secret()}
	token := p.give(grant{request: q, use: "request"}, askedLife)
	form(w, url.Values{"oauth_token": {token}, "oauth_token_secret": {q.secret}, "oauth_callback_confirmed": {"true"}})
}

func form(w http.ResponseWriter, v url.Values) {
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
	fmt.Fprint(w, v.Encode())
}

// twitterAuthorize shows who can be chosen, for a request token.
func (p *Provider) twitterAuthorize(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("oauth_token")
	g := p.look(token, "twitter", "request", false)
	if g == nil {
		p.refuse(w, "The request token is not known here, or too old.")
		return
	}
	q := g.request
	q.token, q.hint = token, r.URL.Query().Get("screen_name")
	p.page(w, &q)
}

// twitterToken exchanges a request token and its verifier for an access token, once.
func (p *Provider) twitterToken(w http.ResponseWriter, r *http.Request) {
	params, ok := p.signed(r, func(token string) (string, bool) {
		g := p.look(token, "twitter", "request", false)
		if g == nil {
			return "", false
		}
		return g.secret, true
	})
	var g *grant
	if ok {
		g = p.look(params["oauth_verifier"], "twitter", "code", true)
	}
	if g == nil || !same(g.token, params["oauth_token"]) {
		http.Error(w, "the token, its verifier or the signature is not right", http.StatusUnauthorized)
		return
	}
	p.look(g.token, "twitter", "request", true)
	access := grant{request: request{kind: "twitter", secret: secret()}, use: "access", person: g.person}
	form(w, url.Values{"oauth_token": {p.give(access, tokenLife)}, "oauth_token_secret": {access.secret}, "screen_name": {g.person.Key}})
}

func (p *Provider) twitterMe(w http.ResponseWriter, r *http.Request) {
	var g *grant
	_, ok := p.signed(r, func(token string) (string, bool) {
		if g = p.look(token, "twitter", "access", false); g == nil {
			return "", false
		}
		return g.secret, true
	})
	if !ok || g == nil {
		reply(w, http.StatusUnauthorized, map[string]any{"errors": []map[string]any{{"code": 32, "message": "Could not authenticate you."}}})
		return
	}
	reply(w, http.StatusOK, map[string]any{"id_str": number(g.person), "screen_name": g.person.Key, "name": g.person.Name})
}
