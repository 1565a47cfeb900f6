package keycloak_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/transport"
)

// fake is a server with answers by "METHOD /path" beneath /auth/admin/realms/r, for
// what a real one does not do on demand. What is not listed is 404 as Keycloak says it
// of an address that it does not have.
type fake struct {
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	seen    []string
	bodies  map[string]string
}

func newFake(t *testing.T, answers map[string]http.HandlerFunc) (*fake, *keycloak.Realm) {
	t.Helper()
	f := &fake{answers: answers, bodies: map[string]string{}}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	s := ok[*keycloak.Server](t)(keycloak.New(keycloak.Options{URL: srv.URL + "/auth/", Transport: transport.Options{Auth: transport.Bearer("t"), Retries: -1, Timeout: 5 * time.Second}}))
	return f, s.Realm("r")
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Method + " " + strings.TrimPrefix(r.URL.EscapedPath(), "/auth/admin/realms/r")
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.seen = append(f.seen, key)
	f.bodies[key] = string(body)
	h := f.answers[key]
	f.mu.Unlock()
	if h == nil {
		text(404, `{"error":"HTTP 404 Not Found"}`)(w, r)
		return
	}
	h(w, r)
}

// body is what came with the latest such request.
func (f *fake) body(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bodies[key]
}

// asked lists all requests so far.
func (f *fake) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// cut breaks the connection in place of an answer.
func cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func withRights(more map[string]http.HandlerFunc) map[string]http.HandlerFunc {
	out := map[string]http.HandlerFunc{
		"GET /roles": text(200, `[]`), "GET /attack-detection/brute-force/users/00000000-0000-0000-0000-000000000000": text(200, `{}`),
		"GET /users": text(200, `[]`), "GET /groups": text(200, `[]`), "GET /default-default-client-scopes": text(200, `[]`),
		"GET /clients": text(200, `[]`), "GET /events/config": text(200, `{}`), "GET /identity-provider/instances": text(200, `[]`),
		"GET ": text(200, `{"realm":"r","enabled":true,"defaultRole":{"id":"def","name":"default-roles-r"}}`),
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func TestErrorsOfEveryShape(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   clients.Problem
		se     *keycloak.ServerError
	}{
		{400, `{"error":"invalid_grant","error_description":"Account disabled"}`, clients.Problem{Kind: clients.Denied, Code: "invalid_grant", Reason: "Account disabled (invalid_grant)"}, &keycloak.ServerError{Code: "invalid_grant", Description: "Account disabled"}},
		{404, `{"error":"User not found"}`, clients.Problem{Kind: clients.NotFound, Reason: "User not found"}, &keycloak.ServerError{Code: "User not found"}},
		{409, `{"errorMessage":"User exists with same username"}`, clients.Problem{Kind: clients.Conflict, Reason: "User exists with same username"}, &keycloak.ServerError{Message: "User exists with same username"}},
		{409, `{"error":"conflict","error_description":"Duplicate resource error"}`, clients.Problem{Kind: clients.Conflict, Code: "conflict", Reason: "Duplicate resource error (conflict)"}, nil},
		{400, `{"field":"username","errorMessage":"error-invalid-length","params":["username",3,255]}`, clients.Problem{Kind: clients.Invalid, Reason: "error-invalid-length: field username",
			Fields: []clients.Field{{Path: "username", Message: "error-invalid-length"}}}, &keycloak.ServerError{Field: "username", Message: "error-invalid-length", Params: []any{"username", 3.0, 255.0}}},
		{400, `{"errors":[{"field":"a","errorMessage":"x","params":["a"]},{"field":"b","errorMessage":"y"}]}`, clients.Problem{Kind: clients.Invalid, Reason: "a: x: b: y",
			Fields: []clients.Field{{Path: "a", Message: "x"}, {Path: "b", Message: "y"}}}, nil},
		{400, `{"error":"invalidPasswordMinLengthMessage","error_description":"Invalid password: minimum length 12."}`, clients.Problem{Kind: clients.Invalid, Code: "invalidPasswordMinLengthMessage", Reason: "the password policy refuses it: minimum length 12. (invalidPasswordMinLengthMessage)"}, nil},
		{403, `{"error":"HTTP 403 Forbidden"}`, clients.Problem{Kind: clients.Denied, Reason: "HTTP 403 Forbidden"}, nil},
		{401, `{"error":"HTTP 401 Unauthorized"}`, clients.Problem{Kind: clients.Denied, Reason: "HTTP 401 Unauthorized"}, nil},
		{500, `{"error":"unknown_error","error_description":"For more on this error consult the server log."}`, clients.Problem{Kind: clients.Unreachable, Code: "unknown_error", Reason: "For more on this error consult the server log."}, nil},
		{500, `<html>oops</html>`, clients.Problem{Kind: clients.Unreachable, Reason: "HTTP 500 Internal Server Error"}, nil},
		{429, `{}`, clients.Problem{Kind: clients.RateLimited, Reason: "HTTP 429 Too Many Requests"}, nil},
		{404, `{"error":{"nested":true}}`, clients.Problem{Kind: clients.NotFound, Reason: "HTTP 404 Not Found"}, nil},
	} {
		_, r := newFake(t, map[string]http.HandlerFunc{"GET /users/u": text(c.status, c.body)})
		_, err := r.User(t.Context(), "u")
		p := wantKind(t, err, c.want.Kind)
		if p.Code != c.want.Code || p.Reason != c.want.Reason || !slices.Equal(p.Fields, c.want.Fields) || p.Status != c.status || !strings.Contains(p.Op, "in realm r") {
			t.Errorf("%d %s\ngives %+v", c.status, c.body, p)
		}
		if c.se != nil {
			if se, is := errors.AsType[*keycloak.ServerError](err); !is || fmt.Sprintf("%+v", *se) != fmt.Sprintf("%+v", *c.se) {
				t.Errorf("%s: beneath it is %+v", c.body, se)
			}
		}
	}
}

func TestAnswersThatAreNotKeycloak(t *testing.T) {
	for _, body := range []string{`[]`, `"x"`, `not json`, `<html></html>`, `{"id":7}`} {
		_, r := newFake(t, map[string]http.HandlerFunc{"GET /users/u": text(200, body)})
		_, err := r.User(t.Context(), "u")
		wantKind(t, err, clients.Unreachable)
	}
	for _, bad := range []string{"", "localhost:8080", "ftp://x", "http://"} {
		_, err := keycloak.New(keycloak.Options{URL: bad})
		wantKind(t, err, clients.Invalid)
	}
	for _, bad := range []keycloak.Login{{Username: "u"}, {Password: "p"}, {ClientSecret: "s"}} {
		_, err := keycloak.New(keycloak.Options{URL: "http://localhost", Login: bad})
		wantKind(t, err, clients.Invalid)
	}
}

const ann = `{"id":"u","username":"ann","enabled":true,"email":"a@x","firstName":"A","lastName":"B","attributes":{"x":["1"]}}`

func TestAWriteThatMayHaveHappened(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{"cut": cut, "500": text(500, `{"error":"unknown_error"}`), "502": text(502, `bad gateway`)} {
		_, r := newFake(t, map[string]http.HandlerFunc{"GET /users/u": text(200, ann), "PUT /users/u": answer})
		ch, err := r.UpdateUser(t.Context(), "u", keycloak.UserPatch{FirstName: ptr("New")})
		p := wantKind(t, err, clients.UnknownOutcome)
		if ch.Before.FirstName != "A" || p.Hint == "" {
			t.Errorf("%s: before is %+v, hint %q", name, ch.Before, p.Hint)
		}
	}
}

// A write that succeeded stays one when the object cannot be read again.
func TestReadBackFails(t *testing.T) {
	var written atomic.Bool
	read := func(w http.ResponseWriter, r *http.Request) {
		if written.Load() {
			cut(w, r)
		}
		text(200, ann)(w, r)
	}
	f, r := newFake(t, map[string]http.HandlerFunc{"GET /users/u": read, "PUT /users/u": func(w http.ResponseWriter, _ *http.Request) {
		written.Store(true)
		w.WriteHeader(204)
	}})
	ch, err := r.UpdateUser(t.Context(), "u", keycloak.UserPatch{FirstName: ptr("New"), Email: ptr("n@x")})
	if err != nil {
		t.Fatal(err)
	}
	if ch.Before.FirstName != "A" || ch.After.FirstName != "New" || ch.After.Email != "n@x" || ch.After.LastName != "B" {
		t.Errorf("change is %+v", ch)
	}
	if f.body("PUT /users/u") != `{"email":"n@x","firstName":"New"}` {
		t.Errorf("the body was %s", f.body("PUT /users/u"))
	}
}

func TestEnabledIsNeverWrittenBack(t *testing.T) {
	profile := text(200, `{"attributes":[],"unmanagedAttributePolicy":"ENABLED"}`)
	disabled := strings.Replace(ann, `"enabled":true`, `"enabled":false`, 1) // as servers before 26.3 say of a temporary lock
	f, r := newFake(t, map[string]http.HandlerFunc{"GET /users/u": text(200, disabled), "GET /users/profile": profile, "PUT /users/u": text(204, "")})
	if _, err := r.UpdateUser(t.Context(), "u", keycloak.UserPatch{Attributes: map[string][]string{"y": {"2"}}}); err != nil {
		t.Fatal(err)
	}
	if got, want := f.body("PUT /users/u"), `{"attributes":{"x":["1"],"y":["2"]},"email":"a@x","firstName":"A","lastName":"B","username":"ann"}`; got != want {
		t.Errorf("the body was\n%s, want\n%s", got, want)
	}
	_, err := r.UpdateUser(t.Context(), "u", keycloak.UserPatch{})
	wantKind(t, err, clients.Invalid)
}

// A proxy that drops the bodies of DELETE makes the server remove every mapping.
func TestRevokeThroughAProxyThatDropsBodies(t *testing.T) {
	roles := `[{"id":"1","name":"a"},{"id":"2","name":"b"}]`
	var done atomic.Bool
	f, r := newFake(t, map[string]http.HandlerFunc{
		"GET /users/u/role-mappings/realm": func(w http.ResponseWriter, r *http.Request) {
			if done.Load() {
				text(200, `[]`)(w, r)
			} else {
				text(200, roles)(w, r)
			}
		},
		"DELETE /users/u/role-mappings/realm": func(w http.ResponseWriter, _ *http.Request) { done.Store(true); w.WriteHeader(204) },
	})
	ch, err := r.Revoke(t.Context(), keycloak.OfUser("u"), keycloak.Role{ID: "1", Name: "a"})
	p := wantKind(t, err, clients.Conflict)
	if len(ch.Before) != 2 || len(ch.After) != 0 || !strings.Contains(p.Hint, "gateway") {
		t.Errorf("change %+v, problem %v", ch, p)
	}
	if f.body("DELETE /users/u/role-mappings/realm") != `[{"id":"1","name":"a"}]` {
		t.Errorf("the body was %s", f.body("DELETE /users/u/role-mappings/realm"))
	}
}

// Releases before 26.6 have no list of all effective roles; before that there was
// one of client roles.
func TestEffectiveRolesOnOlderServers(t *testing.T) {
	graph := map[string]http.HandlerFunc{
		"GET /users/u": text(200, ann), "GET /users/u/groups": text(200, `[]`),
		"GET /users/u/role-mappings":                 text(200, `{"realmMappings":[{"id":"1","name":"clerk","composite":true}]}`),
		"GET /roles-by-id/1/composites":              text(200, `[{"id":"2","name":"buyer","clientRole":true,"containerId":"c"}]`),
		"GET /clients/c":                             text(200, `{"id":"c","clientId":"shop"}`),
		"GET /users/u/role-mappings/realm/composite": text(200, `[{"id":"1","name":"clerk","composite":true}]`),
	}
	_, r := newFake(t, withRights(graph))
	e := ok[keycloak.Effective](t)(r.Effective(t.Context(), keycloak.OfUser("u")))
	if e.Checked || len(e.Roles) != 2 || path(e, "2") != "user ann > realm role clerk > client role shop:buyer" {
		t.Errorf("without any list: %+v", e)
	}
	graph["GET /ui-ext/effective-roles/users/u"] = text(200, `[{"id":"2","role":"buyer","client":"shop","clientId":"c"},{"id":"2","role":"buyer","client":"shop","clientId":"c"}]`)
	f, r := newFake(t, withRights(graph))
	e = ok[keycloak.Effective](t)(r.Effective(t.Context(), keycloak.OfUser("u")))
	if !e.Checked || len(e.OnlyOurs)+len(e.OnlyServer) != 0 {
		t.Errorf("with the older list: %+v", e)
	}
	before := len(f.asked())
	ok[keycloak.Effective](t)(r.Effective(t.Context(), keycloak.OfUser("u")))
	if again := f.asked()[before:]; slices.Contains(again, "GET /ui-ext/effective-roles-all/users/u") || slices.Contains(again, "GET /roles") {
		t.Errorf("what the server lacks, or our rights, was asked again: %v", again)
	}
	graph["GET /ui-ext/effective-roles-all/users/u"] = text(200, `[{"id":"1","name":"clerk"},{"id":"9","name":"ghost"}]`)
	_, r = newFake(t, withRights(graph))
	e = ok[keycloak.Effective](t)(r.Effective(t.Context(), keycloak.OfUser("u")))
	if !e.Checked || !hasAll(e.OnlyServer, keycloak.Role{ID: "9"}) || !hasAll(e.OnlyOurs, keycloak.Role{ID: "2"}) {
		t.Errorf("a server that disagrees: %+v", e)
	}
}

func TestListsOnOlderServers(t *testing.T) {
	two := `[{"id":"u","username":"ann","enabled":true},{"id":"v","username":"ben","enabled":false,"attributes":{"disabledReason":["permanentLockout"]}}]`
	_, r := newFake(t, withRights(map[string]http.HandlerFunc{"GET /users": text(200, two),
		"GET /attack-detection/brute-force/users/u": text(200, `{"disabled":true,"numFailures":3,"failedLoginNotBefore":4000000000,"lastIPFailure":"n/a"}`),
		"GET /attack-detection/brute-force/users/v": text(200, `{"disabled":false}`)}))
	page := ok[clients.Page[keycloak.User]](t)(r.UsersWithLocks(keycloak.UserQuery{})(t.Context(), ""))
	if a, b := page.Items[0].Lock, page.Items[1].Lock; !a.Locked || a.Permanent || a.Until.Year() != 2096 || a.LastIP != "" || !b.Permanent {
		t.Errorf("locks are %+v and %+v", a, b)
	}
	_, r = newFake(t, withRights(map[string]http.HandlerFunc{"GET /groups/g": text(200, `{"id":"g","name":"g","subGroups":[{"id":"1","name":"Eng"},{"id":"2","name":"ops"},{"id":"3","name":"ENG2"}]}`)}))
	got := names(t, r.GroupChildren("g", keycloak.GroupQuery{Search: "eng", PageSize: 1}), func(g keycloak.Group) string { return g.Name })
	if !slices.Equal(got, []string{"Eng", "ENG2"}) {
		t.Errorf("children are %v", got)
	}
	_, err := r.GroupChildren("no-such", keycloak.GroupQuery{})(t.Context(), "")
	wantKind(t, err, clients.NotFound)
}

// Older servers take whole days in an event query.
func TestEventSpanInDays(t *testing.T) {
	noon := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	events := fmt.Sprintf(`[{"time":%d,"type":"LOGIN"},{"time":%d,"type":"LOGIN"}]`, noon.Add(time.Minute).UnixMilli(), noon.Add(-time.Minute).UnixMilli())
	var mu sync.Mutex
	var asked []string
	_, r := newFake(t, map[string]http.HandlerFunc{"GET /events": func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, req.URL.Query().Get("dateFrom"))
		if strings.Contains(asked[len(asked)-1], "-") {
			text(200, events)(w, req)
			return
		}
		text(400, `{"error":"Invalid value for 'Date(From)', expected format is yyyy-MM-dd"}`)(w, req)
	}})
	page := ok[clients.Page[keycloak.Event]](t)(r.Events(keycloak.EventQuery{From: noon, PageSize: 2})(t.Context(), ""))
	mu.Lock()
	defer mu.Unlock()
	if len(page.Items) != 1 || !page.Items[0].Time.After(noon) || page.Next != "2" || asked[1] != "2026-03-04" {
		t.Errorf("page is %+v after %v", page, asked)
	}
}

// A page of which nothing is left must not look like the end of the list.
func TestPagesThatAreCutHereGoOn(t *testing.T) {
	day := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	_, r := newFake(t, withRights(map[string]http.HandlerFunc{"GET /users": func(w http.ResponseWriter, req *http.Request) {
		first, _ := strconv.Atoi(req.URL.Query().Get("first"))
		if first > 4 {
			text(200, `[]`)(w, req)
			return
		}
		text(200, fmt.Sprintf(`[{"id":"u%d","createdTimestamp":%d}]`, first, day.AddDate(0, 0, first).UnixMilli()))(w, req)
	}}))
	got := names(t, r.Users(keycloak.UserQuery{CreatedAfter: day.AddDate(0, 0, 2), CreatedBefore: day.AddDate(0, 0, 3), PageSize: 1}), func(u keycloak.User) string { return u.ID })
	if !slices.Equal(got, []string{"u2", "u3"}) {
		t.Errorf("got %v", got)
	}
}

func TestPreviewWarnsOfARelease(t *testing.T) {
	for version, want := range map[string]bool{"26.5.2": true, "26.7.3": false, "": false} {
		f, r := newFake(t, map[string]http.HandlerFunc{"GET /clients/c": text(200, `{"id":"c","clientId":"shop"}`),
			"GET /clients/c/evaluate-scopes/generate-example-id-token": text(200, `{"sub":"u"}`)})
		f.answers["GET /auth/admin/serverinfo"] = text(200, `{"systemInfo":{"version":"`+version+`"}}`)
		p := ok[keycloak.Preview](t)(r.Preview(t.Context(), keycloak.IDToken, keycloak.PreviewQuery{ClientUUID: "c", UserID: "u"}))
		if (p.Warning != "") != want || string(p.Claims) != `{"sub":"u"}` {
			t.Errorf("%q: %+v", version, p)
		}
	}
}

func TestCanceledAndLate(t *testing.T) {
	_, r := newFake(t, map[string]http.HandlerFunc{"GET /users/u": func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }})
	_, err := r.User(canceled(t), "u")
	wantKind(t, err, clients.Canceled)
	_, err = r.Rights(canceled(t))
	wantKind(t, err, clients.Canceled)
}

func TestJSONNamesAreSnakeCase(t *testing.T) {
	for _, v := range []any{keycloak.User{}, keycloak.Role{}, keycloak.Group{}, keycloak.Client{}, keycloak.Effective{Roles: []keycloak.EffectiveRole{{}}}, keycloak.Mappings{}, keycloak.Session{}, keycloak.RealmSettings{}, keycloak.LockState{}, keycloak.Event{}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for k := range m {
			if strings.ToLower(k) != k {
				t.Errorf("%T has the name %s", v, k)
			}
		}
	}
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
