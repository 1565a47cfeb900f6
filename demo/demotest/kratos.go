package demotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"gatehouse/stack"
)

// Password is that of the people whom tests make in Kratos.
const Password = "S3cure-pass-gatehouse"

// Identity is a person whom a test made in Kratos.
type Identity struct {
	ID, Email string
	k         stack.KratosInfo
}

// call sends JSON and reads JSON; it fails the test unless the status is one of those.
func call(t testing.TB, method, u string, cookies []*http.Cookie, in, out any, statuses ...int) *http.Response {
	t.Helper()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, u, body) // not t.Context: cleanups use it
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, k := range cookies {
		req.AddCookie(&http.Cookie{Name: k.Name, Value: k.Value})
	}
	resp, err := Client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, u, err)
	}
	defer resp.Body.Close()
	var buf bytes.Buffer
	_, _ = buf.ReadFrom(resp.Body)
	for _, s := range statuses {
		if resp.StatusCode == s {
			if out != nil && buf.Len() > 0 {
				if err := json.Unmarshal(buf.Bytes(), out); err != nil {
					t.Fatalf("%s %s: %v: %s", method, u, err, &buf)
				}
			}
			return resp
		}
	}
	t.Fatalf("%s %s: %d, want %v: %s", method, u, resp.StatusCode, statuses, &buf)
	return nil
}

// NewIdentity makes a person in the real Kratos, who is removed with the test. One
// who is there already under that address is removed first.
func NewIdentity(t testing.TB, k stack.KratosInfo, email string) *Identity {
	t.Helper()
	removeByEmail(t, k, email)
	var made struct {
		ID string `json:"id"`
	}
	call(t, http.MethodPost, k.AdminURL+"/admin/identities", nil, map[string]any{"schema_id": "default", "state": "active", "traits": map[string]any{"email": email},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]any{"password": Password}}}}, &made, http.StatusCreated)
	i := &Identity{ID: made.ID, Email: email, k: k}
	t.Cleanup(func() { i.Delete(t) })
	return i
}

func removeByEmail(t testing.TB, k stack.KratosInfo, email string) {
	t.Helper()
	var list []struct {
		ID string `json:"id"`
	}
	call(t, http.MethodGet, k.AdminURL+"/admin/identities?credentials_identifier="+url.QueryEscape(email), nil, nil, &list, http.StatusOK)
	for _, have := range list {
		call(t, http.MethodDelete, k.AdminURL+"/admin/identities/"+have.ID, nil, nil, nil, http.StatusNoContent, http.StatusNotFound)
	}
}

// Delete removes the person.
func (i *Identity) Delete(t testing.TB) {
	t.Helper()
	call(t, http.MethodDelete, i.k.AdminURL+"/admin/identities/"+i.ID, nil, nil, nil, http.StatusNoContent, http.StatusNotFound)
}

// SetState suspends ("inactive") or activates ("active") the person.
func (i *Identity) SetState(t testing.TB, state string) {
	t.Helper()
	call(t, http.MethodPatch, i.k.AdminURL+"/admin/identities/"+i.ID, nil, []map[string]any{{"op": "replace", "path": "/state", "value": state}}, nil, http.StatusOK)
}

// EndSessions ends every session of the person.
func (i *Identity) EndSessions(t testing.TB) {
	t.Helper()
	call(t, http.MethodDelete, i.k.AdminURL+"/admin/identities/"+i.ID+"/sessions", nil, nil, nil, http.StatusNoContent, http.StatusNotFound)
}

type nodes struct {
	ID string `json:"id"`
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

// Cookie logs the person in as a browser does and is the value of the session cookie.
func (i *Identity) Cookie(t testing.TB) string {
	t.Helper()
	var flow nodes
	resp := call(t, http.MethodGet, i.k.PublicURL+"/self-service/login/browser", nil, nil, &flow, http.StatusOK)
	body := map[string]any{"method": "password", "identifier": i.Email, "password": Password}
	for _, n := range flow.UI.Nodes {
		if n.Attributes.Name == "csrf_token" {
			body["csrf_token"] = n.Attributes.Value
		}
	}
	resp = call(t, http.MethodPost, flow.UI.Action, resp.Cookies(), body, nil, http.StatusOK)
	for _, k := range resp.Cookies() {
		if k.Name == "ory_kratos_session" {
			return k.Value
		}
	}
	t.Fatal("Kratos set no session cookie")
	return ""
}

// Token logs the person in as a program does and is the session token.
func (i *Identity) Token(t testing.TB) string {
	t.Helper()
	var flow nodes
	call(t, http.MethodGet, i.k.PublicURL+"/self-service/login/api", nil, nil, &flow, http.StatusOK)
	var out struct {
		Token string `json:"session_token"`
	}
	call(t, http.MethodPost, flow.UI.Action, nil, map[string]any{"method": "password", "identifier": i.Email, "password": Password}, &out, http.StatusOK)
	return out.Token
}

// AppOPL is a model with the home page's namespace alone.
const AppOPL = "import { Namespace } from \"@ory/keto-namespace-types\"\nclass User implements Namespace {}\nclass app implements Namespace {\n  related: { read: User[] }\n}\n"

// Allow and Deny write and remove app:homepage#read of a subject.
func Allow(t testing.TB, k stack.KetoInfo, subject string) {
	t.Helper()
	call(t, http.MethodPut, k.WriteURL+"/admin/relation-tuples", nil, map[string]any{"namespace": "app", "object": "homepage", "relation": "read", "subject_id": subject}, nil, http.StatusCreated)
}

// Deny removes what Allow wrote.
func Deny(t testing.TB, k stack.KetoInfo, subject string) {
	t.Helper()
	q := url.Values{"namespace": {"app"}, "object": {"homepage"}, "relation": {"read"}, "subject_id": {subject}}
	call(t, http.MethodDelete, k.WriteURL+"/admin/relation-tuples?"+q.Encode(), nil, nil, nil, http.StatusNoContent)
}

// Unique is an address that no other run uses.
func Unique(prefix string) string {
	return fmt.Sprintf("%s-%d@demo-test.example", prefix, time.Now().UnixNano())
}
