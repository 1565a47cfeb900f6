package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/clients/decisions"
)

// KratosPeople are the people who have a password in Kratos.
func KratosPeople(env *Env) func() []Person {
	return func() []Person {
		var list []Person
		for _, p := range env.People {
			if p.Password != "" && p.Email != "" {
				list = append(list, p)
			}
		}
		return list
	}
}

// KratosSignIn logs a person in at Kratos as their browser would, and hands the
// session cookie that Kratos sets on to the browser: cookies do not know ports, so
// that Kratos' cookie on this host is ours as well.
func KratosSignIn(c *Call, p Person) {
	cookies, err := c.Env.kratosLogin(c, p)
	switch {
	case errors.Is(err, ErrNoSession):
		c.Decide(decisions.Denied, decisions.BadPassword)
		c.Plain(http.StatusForbidden, Plain{Title: "Not signed in", Alert: "Kratos does not let " + p.Name + " in: the account is suspended, or its password is not the one that was seeded.",
			Links: []Link{{"All systems", "/"}}})
		return
	case err != nil:
		c.Fail(err)
		return
	}
	for _, k := range cookies {
		http.SetCookie(c.W, k)
	}
	c.Subject().Email = p.Email
	c.Redirect(http.StatusSeeOther, c.Path("/"))
}

type loginFlow struct {
	UI struct {
		Action string `json:"action"`
		Nodes  []struct {
			Attributes struct {
				Name  string `json:"name"`
				Value any    `json:"value"`
			} `json:"attributes"`
		} `json:"nodes"`
	} `json:"ui"`
}

// kratosLogin goes through a browser flow and answers the cookies of its end.
func (e *Env) kratosLogin(c *Call, p Person) ([]*http.Cookie, error) {
	h := c.Hop("kratos.login", "fail")
	req, err := http.NewRequestWithContext(c.R.Context(), http.MethodGet, e.KratosPublicURL+"/self-service/login/browser?refresh=true", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	a, err := e.Ask(decisions.Kratos, req)
	if err != nil {
		return nil, err
	}
	var flow loginFlow
	if a.Status != http.StatusOK || object(a.Body, &flow) != nil {
		return nil, Malformed(decisions.Kratos, fmt.Errorf("a login flow answered %d", a.Status))
	}
	body := map[string]any{"method": "password", "identifier": p.Email, "password": p.Password}
	for _, n := range flow.UI.Nodes {
		if n.Attributes.Name == "csrf_token" {
			body["csrf_token"] = n.Attributes.Value
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	action, err := url.Parse(flow.UI.Action)
	if err != nil || action.Query().Get("flow") == "" {
		return nil, Malformed(decisions.Kratos, errors.New("a login flow whose form leads nowhere"))
	}
	// Kratos may know itself by another address than the one that we reach it by.
	post, err := http.NewRequestWithContext(c.R.Context(), http.MethodPost, e.KratosPublicURL+"/self-service/login?"+action.RawQuery, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	post.Header.Set("Accept", "application/json")
	post.Header.Set("Content-Type", "application/json")
	for _, k := range (&http.Response{Header: a.Header}).Cookies() {
		post.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	if a, err = e.Ask(decisions.Kratos, post); err != nil {
		return nil, err
	}
	h.Status = a.Status
	switch a.Status {
	case http.StatusOK:
	case http.StatusBadRequest, http.StatusUnauthorized:
		h.Out = "deny"
		return nil, ErrNoSession
	default:
		return nil, Malformed(decisions.Kratos, fmt.Errorf("a login answered %d", a.Status))
	}
	var in struct {
		Session *struct {
			Active bool `json:"active"`
		} `json:"session"`
	}
	if err := a.Object(decisions.Kratos, &in); err != nil {
		return nil, err
	}
	cookies := (&http.Response{Header: a.Header}).Cookies()
	if in.Session == nil || !in.Session.Active || !slices.ContainsFunc(cookies, func(k *http.Cookie) bool { return k.Name == KratosCookie && k.Value != "" }) {
		return nil, Malformed(decisions.Kratos, errors.New("a login without a session"))
	}
	h.Out = "pass"
	return cookies, nil
}
