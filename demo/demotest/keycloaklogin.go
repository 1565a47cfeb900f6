package demotest

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var formAction = regexp.MustCompile(`<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"`)

// Authorize does at Keycloak what the browser of a person does: it opens the address,
// types name and password, and is the path and query that it is sent back to.
func (r *Realm) Authorize(t testing.TB, location, username string) string {
	t.Helper()
	cookies := map[string]string{}
	do := func(req *http.Request) (*http.Response, string) {
		for name, value := range cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		resp, err := Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for _, k := range resp.Cookies() {
			cookies[k.Name] = k.Value
		}
		b, _ := io.ReadAll(resp.Body)
		return resp, string(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, location, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, page := do(req)
	m := formAction.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("Keycloak showed no form: %d %.300s", resp.StatusCode, page)
	}
	form := url.Values{"username": {username}, "password": {Password}}
	if req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, html.UnescapeString(m[1]), strings.NewReader(form.Encode())); err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, page = do(req)
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.StatusCode != http.StatusFound {
		t.Fatalf("Keycloak did not log %s in: %d %.300s", username, resp.StatusCode, page)
	}
	return back.RequestURI()
}

// UserID is the id of a person of the realm.
func (r *Realm) UserID(t testing.TB, username string) string {
	t.Helper()
	var list []struct {
		ID string `json:"id"`
	}
	r.admin(t, http.MethodGet, "/"+r.Name+"/users?exact=true&username="+url.QueryEscape(username), nil, &list, http.StatusOK)
	if len(list) != 1 {
		t.Fatalf("%d people are called %s", len(list), username)
	}
	return list[0].ID
}

func (r *Realm) clientID(t testing.TB) string {
	t.Helper()
	var list []struct {
		ID string `json:"id"`
	}
	r.admin(t, http.MethodGet, "/"+r.Name+"/clients?clientId="+WebClient, nil, &list, http.StatusOK)
	if len(list) != 1 {
		t.Fatalf("%d clients", len(list))
	}
	return list[0].ID
}

// SetRole maps a role of WebClient to a person, or takes it away.
func (r *Realm) SetRole(t testing.TB, username, role string, on bool) {
	t.Helper()
	client := r.clientID(t)
	var have object
	r.admin(t, http.MethodGet, "/"+r.Name+"/clients/"+client+"/roles/"+role, nil, &have, http.StatusOK)
	method := http.MethodDelete
	if on {
		method = http.MethodPost
	}
	r.admin(t, method, "/"+r.Name+"/users/"+r.UserID(t, username)+"/role-mappings/clients/"+client, []object{have}, nil, http.StatusNoContent)
}

// NewRole makes a role of WebClient.
func (r *Realm) NewRole(t testing.TB, name string) {
	t.Helper()
	r.admin(t, http.MethodPost, "/"+r.Name+"/clients/"+r.clientID(t)+"/roles", object{"name": name}, nil, http.StatusCreated)
}

// EndSessions ends every session of a person.
func (r *Realm) EndSessions(t testing.TB, username string) {
	t.Helper()
	r.admin(t, http.MethodPost, "/"+r.Name+"/users/"+r.UserID(t, username)+"/logout", nil, nil, http.StatusNoContent)
}

// Enable enables or disables a person.
func (r *Realm) Enable(t testing.TB, username string, on bool) {
	t.Helper()
	path := "/" + r.Name + "/users/" + r.UserID(t, username)
	var u object
	r.admin(t, http.MethodGet, path, nil, &u, http.StatusOK)
	u["enabled"] = on
	r.admin(t, http.MethodPut, path, u, nil, http.StatusNoContent)
}

// RemoveRolesMapper takes away the mapper that writes the client's roles into tokens,
// which is how Keycloak starts; it is not brought back.
func (r *Realm) RemoveRolesMapper(t testing.TB) {
	t.Helper()
	path := "/" + r.Name + "/clients/" + r.clientID(t) + "/protocol-mappers/models"
	var list []struct{ ID, Name string }
	r.admin(t, http.MethodGet, path, nil, &list, http.StatusOK)
	for _, m := range list {
		if m.Name == "client roles" {
			r.admin(t, http.MethodDelete, path+"/"+m.ID, nil, nil, http.StatusNoContent)
		}
	}
}
