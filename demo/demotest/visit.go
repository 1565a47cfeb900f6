package demotest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// PathOf is where a route of a system is on the site.
func PathOf(system string, r decisions.Route) string {
	provider := map[string]string{"social-fb": "facebook", "social-tw": "twitter"}[system]
	return "/s/" + system + strings.ReplaceAll(r.Path, "{provider}", provider)
}

// Visit goes to a route of a system as the person of the world, with whatever the
// route's policy asks for: it logs in where there is a form, brings the token that the
// guard takes, and follows where the answers lead. It is the answer at the end, or
// the last one of the site. A guard that it does not know fails the test: a new kind
// of guard is to be taught here, and then every test of all routes covers it.
func (b *Browser) Visit(sys decisions.System, r decisions.Route) Answer {
	b.t.Helper()
	b.Cookies[gate.KratosCookie] = WorldSession
	path := PathOf(sys.ID, r)
	body := b.prepare(sys, r, path)
	if collection, item := strings.CutSuffix(path, "/{id}"); item {
		path = collection + "/" + b.item(sys, r, collection)
		if r.Data.Guard == "hmac" {
			b.sign(r.Method, path, b.key, body)
		}
	}
	if r.Method == http.MethodGet {
		return b.Open(path)
	}
	return b.Ask(r.Method, path, body)
}

// item is the id of a record that the person may have: a new one where the guard lets
// them make one, else the first of the list.
func (b *Browser) item(sys decisions.System, r decisions.Route, collection string) string {
	b.t.Helper()
	const record = `{"name":"x"}`
	if r.Data.Guard == "" {
		return b.find(b.Ask(http.MethodGet, collection, ""), "_items", "0", "_id")
	}
	if r.Data.Guard == "hmac" {
		b.sign(http.MethodPost, collection, b.key, record)
	}
	return b.find(b.Ask(http.MethodPost, collection, record), "_id")
}

// find is a text in a JSON answer.
func (b *Browser) find(a Answer, path ...string) string {
	b.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		b.t.Fatalf("%d %s: %v", a.Status, a.Body, err)
	}
	for _, p := range path {
		switch in := v.(type) {
		case map[string]any:
			v = in[p]
		case []any:
			if len(in) > 0 {
				v = in[0]
			}
		}
	}
	text, ok := v.(string)
	if !ok {
		b.t.Fatalf("%d: no %v in %s", a.Status, path, a.Body)
	}
	return text
}

func has(sys decisions.System, method, path string) bool {
	return slices.ContainsFunc(sys.Routes, func(r decisions.Route) bool { return r.Method == method && r.Path == path })
}

const loginForm = "username=" + WorldUser + "&password=a+phrase+of+the+world"

// prepare gets what the route asks for, and is the body to send.
func (b *Browser) prepare(sys decisions.System, r decisions.Route, path string) (body string) {
	b.t.Helper()
	base := "/s/" + sys.ID
	if has(sys, http.MethodPost, "/login") {
		if r.Path == "/login" {
			return loginForm
		}
		if a := b.Ask(http.MethodPost, base+"/login", loginForm); a.Decision.Outcome != decisions.Allowed {
			b.t.Fatalf("%s: the person of the world cannot log in: %d", sys.ID, a.Status)
		}
	}
	credentials := `{"username":"` + WorldUser + `","password":"` + WorldPassword + `"}`
	switch {
	case r.Path == "/auth":
		return credentials
	case strings.HasPrefix(r.Path, "/auth/"):
		return `{"refresh_token":"` + b.find(b.Ask(http.MethodPost, base+"/auth", credentials), "refresh_token") + `"}`
	case r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch:
		body = `{"name":"x"}`
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(WorldUser+":"+WorldPassword))
	switch p := r.Data; p.Guard {
	case "", "session", "relation", "kratos+keto": // a cookie, which the browser has or gets on the way
	case "basic":
		b.Header.Set("Authorization", basic)
	case "jwt":
		b.Header.Set("Authorization", "JWT "+b.find(b.Ask(http.MethodPost, base+"/auth", credentials), "access_token"))
	case "bearer":
		b.Header.Set("Authorization", "Bearer "+b.Site.World.Token(b.t, b.Site.World.AccessClaims(), nil))
	case "proof":
		b.Header.Set("Authorization", "Bearer "+b.Site.World.Token(b.t, b.Site.World.ProofClaims(), nil))
	case "token", "hmac":
		b.Header.Set("Authorization", basic)
		a := b.Ask(http.MethodPost, base+"/-/credentials", "")
		b.key = b.find(a, "key")
		b.Header.Set("Authorization", "Token "+b.find(a, "token"))
		if p.Guard == "hmac" {
			b.sign(r.Method, path, b.key, body)
		}
	default:
		b.t.Fatalf("%s %s %s: demotest.Browser does not know what the guard %q takes", sys.ID, r.Method, r.Path, p.Guard)
	}
	return body
}

// sign puts the MAC of a request into the header.
func (b *Browser) sign(method, path, key, body string) {
	sum := sha256.Sum256([]byte(body))
	date, nonce := time.Now().UTC().Format(http.TimeFormat), rand.Text()
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(strings.Join([]string{method, path, date, nonce, hex.EncodeToString(sum[:])}, "\n")))
	b.Header.Set("Date", date)
	b.Header.Set("X-Nonce", nonce)
	b.Header.Set("Authorization", WorldUser+":"+hex.EncodeToString(m.Sum(nil)))
}

// SignInForm is what the index page sends to sign the person of the world in.
func SignInForm(system string) string {
	return url.Values{"system": {system}, "person": {"ann"}}.Encode()
}

// EachRoute calls f for every route of every system of a site.
func (s *Site) EachRoute(f func(sys decisions.System, r decisions.Route)) {
	for _, sys := range s.Systems() {
		for _, r := range sys.Routes {
			f(sys, r)
		}
	}
}

// System is one system of a site.
func (s *Site) System(t testing.TB, id string) decisions.System {
	t.Helper()
	for _, sys := range s.Systems() {
		if sys.ID == id {
			return sys
		}
	}
	t.Fatalf("there is no system %s", id)
	return decisions.System{}
}
