package kcweb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// canSignIn are the people with a login in Keycloak.
func canSignIn(p gate.Person) bool { return p.Username != "" }

// signIn signs a person of the demo in with one click: the server fills in Keycloak's
// own login form, as their browser would, and hands Keycloak's cookies on, so that the
// browser is logged in there too. Where Keycloak asks for more than name and password
// (or for another password), the browser is sent to its form with the name filled in.
func (a *app) signIn(c *gate.Call, p gate.Person) {
	to, err := a.oidc.Begin(c, c.Path("/"))
	if err != nil {
		c.Fail(err)
		return
	}
	if p.Password != "" {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.R.Context()), formLimit)
		defer cancel()
		back, cookies, err := a.fillIn(c, ctx, to, p)
		if err == nil {
			for _, k := range cookies {
				http.SetCookie(c.W, k)
			}
			c.R = c.R.Clone(ctx)
			c.R.URL = back
			a.callback(c)
			return
		}
		h := c.Hop("keycloak.form", "fail")
		if h.Rule = "Keycloak's form could not be filled in"; errors.Is(err, errForm) {
			h.Rule = errForm.Error()
		}
	}
	gate.SendHinted(c, to, "login_hint", p.Username)
}

// formLimit is how long filling in Keycloak's form may take: it tries the password
// with a hash that is slow on purpose.
const formLimit = 12 * time.Second

// patient is the environment with time for that.
func patient(env *gate.Env) gate.Env {
	slow := *env
	slow.HopTimeout = max(formLimit, env.HopTimeout)
	if t, ok := env.HTTP.Transport.(*http.Transport); ok {
		t = t.Clone()
		t.ResponseHeaderTimeout, t.DisableKeepAlives = slow.HopTimeout, true
		slow.HTTP = &http.Client{CheckRedirect: env.HTTP.CheckRedirect, Transport: t}
	}
	return slow
}

// errForm is a login form that did not end at the application.
var errForm = errors.New("Keycloak asks for more, or for another password")

// fillIn goes through Keycloak's login page. It answers where Keycloak sends the
// browser, and the cookies that it sets there, when the browser may have them:
// cookies know host names and no ports.
func (a *app) fillIn(c *gate.Call, ctx context.Context, to string, p gate.Person) (*url.URL, []*http.Cookie, error) {
	slow := patient(a.env)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return nil, nil, err
	}
	page, err := slow.Ask(decisions.OIDC, req)
	if err != nil {
		return nil, nil, err
	}
	action := formAction(page.Body)
	if page.Status != http.StatusOK || !strings.HasPrefix(action, a.env.KeycloakURL+"/") {
		return nil, nil, fmt.Errorf("Keycloak's login page answered %d, without a form that leads to it", page.Status)
	}
	form := url.Values{"username": {p.Username}, "password": {p.Password}, "credentialId": {""}}
	if req, err = http.NewRequestWithContext(ctx, http.MethodPost, action, strings.NewReader(form.Encode())); err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	cookies := (&http.Response{Header: page.Header}).Cookies()
	for _, k := range cookies {
		req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	sent, err := slow.Ask(decisions.OIDC, req)
	if err != nil {
		return nil, nil, err
	}
	location := sent.Header.Get("Location")
	if sent.Status != http.StatusFound || !strings.HasPrefix(location, c.URL("/oauth/login/callback")+"?") {
		return nil, nil, errForm
	}
	back, err := url.Parse(location)
	if err != nil {
		return nil, nil, err
	}
	if !sameHost(a.env.KeycloakURL, a.env.PublicURL()) {
		return back, nil, nil
	}
	return back, append(cookies, (&http.Response{Header: sent.Header}).Cookies()...), nil
}

func sameHost(a, b string) bool {
	u, err := url.Parse(a)
	v, err2 := url.Parse(b)
	return err == nil && err2 == nil && u.Hostname() == v.Hostname()
}

// formAction is where the login form of a page of Keycloak leads; empty without one.
func formAction(page []byte) string {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken:
			t := z.Token()
			if t.Data != "form" {
				continue
			}
			at := map[string]string{}
			for _, x := range t.Attr {
				at[x.Key] = x.Val
			}
			if at["id"] == "kc-form-login" && strings.EqualFold(at["method"], "post") {
				return at["action"]
			}
		}
	}
}
