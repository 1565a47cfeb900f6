package keycloak

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"gatehouse/clients/transport"
)

// LoginPage is what a browser meets when an application sends it to the login.
type LoginPage struct {
	// Opens reports that a form came. It does not say that anybody can log in.
	Opens bool `json:"opens"`
	// Status is the HTTP status of the answer.
	Status int `json:"status"`
	// Code is the OAuth error with which the browser was sent back to the application
	// ("invalid_scope"); empty on a page.
	Code string `json:"code,omitempty"`
	// Message is what the page, or the error that was sent back, says.
	Message string `json:"message,omitempty"`
}

// LoginRequest is what an application asks for when it sends a browser to the login.
type LoginRequest struct {
	ClientID, RedirectURI, Scope string
}

// LoginPage opens the login page of a client as a browser without cookies would. It
// logs nobody in and needs no account; a request that is refused leaves an event
// behind. A code challenge is sent with it, so that clients that require PKCE (RFC
// 7636) are not refused for its lack.
func (r *Realm) LoginPage(ctx context.Context, q LoginRequest) (LoginPage, error) {
	v := url.Values{"response_type": {"code"}, "client_id": {q.ClientID}, "state": {"s"}, "nonce": {"n"},
		"code_challenge_method": {"S256"}, "code_challenge": {strings.Repeat("A", 43)}}
	setIf(v, "redirect_uri", q.RedirectURI)
	setIf(v, "scope", q.Scope)
	var body []byte
	reply, err := r.s.public.Do(ctx, transport.Request{Op: "open the login page in realm " + r.name, Path: []string{"realms", r.name, "protocol", "openid-connect", "auth"},
		Query: v, Header: http.Header{"Accept": {"text/html"}, "Accept-Language": {"en"}}, Out: &body,
		Accept: []int{http.StatusFound, http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}})
	if err != nil {
		return LoginPage{}, err
	}
	p := LoginPage{Status: reply.Status}
	switch {
	case reply.Status == http.StatusOK:
		p.Opens = bytes.Contains(body, []byte("<form"))
		p.Message = pageMessage(body)
	case reply.Status >= 300 && reply.Status < 400:
		p.Code, p.Message = sentBack(reply.Header.Get("Location"))
	default:
		p.Message = pageMessage(body)
	}
	return p, nil
}

// sentBack reads the error out of the address that a browser is sent back to.
func sentBack(location string) (code, message string) {
	u, err := url.Parse(location)
	if err != nil {
		return "", ""
	}
	q := u.Query()
	if f, err := url.ParseQuery(u.Fragment); err == nil && q.Get("error") == "" {
		q = f
	}
	return q.Get("error"), transport.Redact(q.Get("error_description"))
}

// pageMessage is the text of the error on a page of Keycloak's own theme, or of the
// JSON that it answers for a realm that does not exist.
func pageMessage(body []byte) string {
	var se ServerError
	if json.Unmarshal(body, &se) == nil {
		return transport.Redact(se.Error())
	}
	z := html.NewTokenizer(bytes.NewReader(body))
	depth, text := 0, ""
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return transport.Redact(strings.Join(strings.Fields(text), " "))
		case html.StartTagToken:
			if name, more := z.TagName(); depth > 0 && !void[string(name)] {
				depth++
			} else if more && hasID(z, "kc-error-message") {
				depth = 1
			}
		case html.EndTagToken:
			depth = max(0, depth-1)
		case html.TextToken:
			if depth > 0 {
				text += string(z.Text()) + " "
			}
		}
	}
}

// void are the elements without an end tag that may stand in a message.
var void = map[string]bool{"br": true, "img": true, "hr": true, "input": true, "wbr": true}

// hasID reads the attributes of the present tag.
func hasID(z *html.Tokenizer, id string) bool {
	for {
		key, val, more := z.TagAttr()
		if string(key) == "id" && string(val) == id {
			return true
		}
		if !more {
			return false
		}
	}
}
