package demo_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
)

var holes = []hole{
	{number: 1, name: "subject collision", try: collide, shown: []string{"seeds", "seeds strict", "subject seed"}, warns: []string{"ory-home", "oathkeeper", "keto-policy"}},
	{number: 2, name: "upstream answers that disagree", try: disagree},
	{number: 3, name: "token without aud or exp", try: endless},
	{number: 4, name: "copied cookie after the logout", try: outlive},
	{number: 5, name: "MAC of one request on another", try: replayMAC, shown: []string{"seeds", "seeds strict", "seeds by id"}, warns: []string{"eve-hmac"}},
	{number: 6, name: "items without the roles", try: items},
	{number: 7, name: "password past 72 bytes", try: longer},
	{number: 8, name: "login with a foreign code", try: foreignCode},
	{number: 9, name: "account without an id", try: noID},
	{number: 10, name: "ID token that nobody signed", try: unsigned},
	{number: 11, name: "published secret", try: sampleSecret},
	{number: 12, name: "Host of an attacker", try: evilHost},
	{number: 13, name: "login and logout by another site", try: otherSite},
	{number: 14, name: "errors that tell the inside", try: tellTale},
	{number: 15, name: "one slow server stops all", try: slow},
	{number: 16, name: "known and unknown names", try: enumerate},
}

// collide has somebody come whose e-mail is the victim's once the @ is gone.
func collide(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	for id, path := range map[string]string{"ory-home": "/s/ory-home/", "oathkeeper": "/s/oathkeeper/homepage", "keto-policy": "/s/keto-policy/check"} {
		granted := func(session string) bool {
			b := s.Browser(t)
			b.Cookies[gate.KratosCookie] = session
			b.Header.Set("Accept", "application/json")
			a := b.Ask(http.MethodGet, path, "")
			return a.Status == http.StatusOK && !strings.Contains(a.Body, `"allowed":false`)
		}
		if !granted(demotest.VictimSession) {
			t.Errorf("%s: the victim is not let in either", id)
		}
		if granted(demotest.AttackerSession) {
			open = append(open, id)
		}
	}
	return open
}

// disagree has Keto say one thing in the status and another in the body.
func disagree(t *testing.T, m mode, s *demotest.Site) (open []string) {
	for _, f := range demotest.Faults() {
		if f.Hangs {
			continue
		}
		broken := s.World.Site(t, nil, m.change)
		broken.Break("keto.check", f)
		b := broken.Browser(t)
		b.Cookies[gate.KratosCookie] = demotest.VictimSession
		for _, path := range []string{"/s/ory-home/", "/s/oathkeeper/homepage", "/s/keto-policy/check"} {
			if a := b.Ask(http.MethodGet, path, ""); a.Status != http.StatusServiceUnavailable {
				open = append(open, fmt.Sprint(path, " ", f.Name, " ", a.Status))
			}
		}
	}
	return open
}

// endless brings tokens of the right issuer that are for nobody, or for ever.
func endless(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	for _, id := range []string{"jwt-courses", "jwt-cors"} {
		for name, change := range map[string]map[string]any{"good": nil, "no aud": {"aud": nil}, "no exp": {"exp": nil}, "neither": {"aud": nil, "exp": nil}, "exp null": {"exp": []any{}}, "aud empty": {"aud": ""}, "aud of no one": {"aud": []string{}}} {
			b := s.Browser(t)
			b.Header.Set("Authorization", "Bearer "+s.World.Token(t, s.World.AccessClaims(), change))
			a := b.Ask(http.MethodGet, "/s/"+id+"/api/v1/courses", "")
			if in := a.Status == http.StatusOK; name == "good" && !in {
				t.Errorf("%s: a good token is refused: %s", id, a.Body)
			} else if in && name != "good" {
				open = append(open, id+" "+name)
			}
		}
	}
	return open
}

// outlive keeps a copy of the cookies, has their owner log out, and comes back.
func outlive(t *testing.T, m mode, s *demotest.Site) (open []string) {
	for _, id := range sessionSystems {
		b := logIn(t, m, s, id)
		thief := copyOf(t, b)
		if a := b.Ask(http.MethodPost, logoutPath(id), ""); a.Status/100 != 3 || isIn(b, id) {
			t.Errorf("%s: the owner cannot log out: %d", id, a.Status)
		}
		if isIn(thief, id) {
			open = append(open, id)
		}
		for name := range thief.Cookies { // each cookie alone: the one that remembers
			alone := s.Browser(t)
			alone.Cookies[name] = thief.Cookies[name]
			if isIn(alone, id) {
				open = append(open, id+" by "+name)
			}
		}
	}
	b := s.Browser(t)
	var out struct {
		Refresh string `json:"refresh_token"`
	}
	login := b.Ask(http.MethodPost, "/s/flask-jwt-refresh/auth", jsonLogin(m.account("flask-jwt")))
	if err := json.Unmarshal([]byte(login.Body), &out); err != nil || out.Refresh == "" {
		t.Fatalf("%d %s", login.Status, login.Body)
	}
	body := `{"refresh_token":"` + out.Refresh + `"}`
	b.Ask(http.MethodPost, "/s/flask-jwt-refresh/auth/logout", body)
	if a := b.Ask(http.MethodPost, "/s/flask-jwt-refresh/auth/refresh", body); a.Status == http.StatusOK {
		open = append(open, "flask-jwt-refresh")
	}
	return open
}

// replayMAC uses the MAC of a GET for a DELETE, again for a POST, and elsewhere.
func replayMAC(t *testing.T, m mode, s *demotest.Site) (open []string) {
	sys := s.System(t, "eve-hmac")
	b := s.Browser(t)
	if m.seeds() {
		mac := hmac.New(sha1.New, []byte("key-alice"))
		b.Header.Set("Authorization", "alice:"+hex.EncodeToString(mac.Sum(nil)))
		if a := b.Ask(http.MethodGet, "/s/eve-hmac/people", ""); a.Status != http.StatusOK {
			t.Fatalf("the owner's GET: %d", a.Status)
		}
	} else {
		for _, r := range sys.Routes {
			if r.Method == http.MethodGet && r.Path == "/people" {
				if a := b.Visit(sys, r); a.Status != http.StatusOK { // the browser keeps the headers
					t.Fatalf("the owner's GET: %d", a.Status)
				}
			}
		}
	}
	for _, c := range [][2]string{{"GET", "/people"}, {"GET", "/people?page=1"}, {"DELETE", "/invoices"}, {"DELETE", "/people"}} {
		if a := b.Ask(c[0], "/s/eve-hmac"+c[1], ""); a.Status/100 == 2 {
			open = append(open, c[0]+" "+c[1])
		}
	}
	return open
}

// items has somebody without a role go past the list, to the items.
func items(t *testing.T, m mode, s *demotest.Site) (open []string) {
	name, password := "bob", demotest.WorldPassword
	if m.seeds() {
		name, password = "norole", "secret"
	}
	admin, nobody := s.Browser(t), s.Browser(t)
	admin.Header.Set("Authorization", basicAuth(m.account("eve-roles")))
	nobody.Header.Set("Authorization", basicAuth(name, password))
	nobody.Header.Set("If-Match", "*")
	if a := nobody.Ask(http.MethodGet, "/s/eve-roles/open", ""); a.Status != http.StatusOK {
		t.Fatalf("who has no role cannot log in: %d", a.Status)
	}
	for _, resource := range []string{"people", "invoices", "books", "mix"} {
		var made struct {
			ID string `json:"_id"`
		}
		path := "/s/eve-roles/" + resource
		if resource == "books" { // the admin of the recorded accounts may not write these
			made.ID = "5f0000000000000000000001"
		} else if a := admin.Ask(http.MethodPost, path, `{"name":"x"}`); json.Unmarshal([]byte(a.Body), &made) != nil || made.ID == "" {
			t.Fatalf("%s: %d %s", resource, a.Status, a.Body)
		}
		for _, p := range []string{path, path + "/" + made.ID} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
				if a := nobody.Ask(method, p, `{"name":"owned"}`); a.Decision.Outcome == decisions.Allowed || a.Status/100 == 2 {
					open = append(open, fmt.Sprint(method, " ", p, " ", a.Status))
				}
			}
		}
	}
	return open
}

// longer adds to a password of 72 bytes, which is all that bcrypt looks at.
func longer(t *testing.T, m mode, s *demotest.Site) (open []string) {
	right := strings.Repeat("a", 72)
	try := func(id, password string) bool {
		b := s.Browser(t)
		switch id {
		case "basic", "eve-bcrypt", "eve-global":
			b.Header.Set("Authorization", basicAuth("long", password))
			return b.Ask(http.MethodGet, map[string]string{"basic": "/s/basic/secret-page", "eve-bcrypt": "/s/eve-bcrypt/people", "eve-global": "/s/eve-global/people"}[id], "").Status == 200
		case "flask-jwt":
			return b.Ask(http.MethodPost, "/s/flask-jwt/auth", jsonLogin("long", password)).Status == 200
		}
		b.Ask(http.MethodPost, "/s/"+id+"/login", loginBody("long", password))
		return isIn(b, id)
	}
	systems := []string{"basic", "eve-bcrypt", "eve-global", "flask-jwt", "form-login", "fl-session"}
	if m.seeds() {
		systems = []string{"eve-bcrypt"}
	}
	for _, id := range systems {
		if !try(id, right) {
			t.Errorf("%s: 72 bytes are refused", id)
		}
		for _, p := range []string{right + "a", right + "b", right + strings.Repeat("x", 900), right + "\x00"} {
			if try(id, p) {
				open = append(open, fmt.Sprint(id, " ", len(p), " bytes"))
			}
		}
	}
	return open
}

// foreignCode brings the answer of a provider to a browser that did not ask.
func foreignCode(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	for _, id := range []string{"social-fb", "social-tw", "kc-web", "okta-oidc"} {
		attacker := s.Browser(t)
		begin := attacker.Ask(http.MethodGet, demotest.PathOf(id, login[id]), "")
		to, err := url.Parse(begin.Header.Get("Location"))
		if err != nil || begin.Status != http.StatusFound {
			t.Fatalf("%s: %d %v", id, begin.Status, err)
		}
		callback := callbackOf(id, to.Query(), s.World)
		for name, path := range map[string]string{"as it is": callback, "without state": without(callback, "state"), "empty state": with(callback, "state", ""), "without token": without(callback, "oauth_token")} {
			victim := s.Browser(t)
			victim.Ask(http.MethodGet, path, "")
			if isIn(victim, id) {
				open = append(open, id+" in a fresh browser, "+name)
			}
			victim = s.Browser(t) // one that is about to log in by itself
			victim.Ask(http.MethodGet, demotest.PathOf(id, login[id]), "")
			victim.Ask(http.MethodGet, path, "")
			if isIn(victim, id) {
				open = append(open, id+" in a browser with a login of its own, "+name)
			}
		}
		own := s.Browser(t)
		mine, _ := url.Parse(own.Ask(http.MethodGet, demotest.PathOf(id, login[id]), "").Header.Get("Location"))
		if id == "kc-web" || id == "okta-oidc" { // the attacker's code with the victim's own state
			u, _ := url.Parse(callback)
			own.Ask(http.MethodGet, with(callbackOf(id, mine.Query(), s.World), "code", u.Query().Get("code")), "")
			if isIn(own, id) {
				open = append(open, id+": a foreign code with one's own state")
			}
		}
		attacker.Ask(http.MethodGet, callback, "")
		if !isIn(attacker, id) {
			t.Errorf("%s: who began cannot finish", id)
		}
		again := s.Browser(t)
		again.Ask(http.MethodGet, callback, "")
		if isIn(again, id) {
			open = append(open, id+": the answer twice")
		}
	}
	return open
}

// callbackOf is where the provider of the world sends a browser back to.
func callbackOf(id string, q url.Values, w *demotest.World) string {
	switch id {
	case "social-fb":
		return "/s/social-fb/callback/facebook?" + form("code", "good", "state", q.Get("state"))
	case "social-tw":
		return "/s/social-tw/callback/twitter?" + form("oauth_verifier", "V1", "oauth_token", q.Get("oauth_token"))
	}
	path := map[string]string{"kc-web": "/s/kc-web/oauth/login/callback?", "okta-oidc": "/s/okta-oidc/oidc/callback?"}[id]
	return path + form("state", q.Get("state"), "code", demotest.Grant{Nonce: q.Get("nonce")}.Code(), "iss", w.IDClaims(id, "")["iss"].(string))
}

func with(path, name, value string) string {
	u, _ := url.Parse(path)
	q := u.Query()
	q.Set(name, value)
	return u.Path + "?" + q.Encode()
}

func without(path, name string) string {
	u, _ := url.Parse(path)
	q := u.Query()
	q.Del(name)
	return u.Path + "?" + q.Encode()
}

// noID has the provider once answer without an id, and then only with errors; and
// looks into the cookie for the secret of the request token.
func noID(t *testing.T, m mode, s *demotest.Site) (open []string) {
	for id, record := range map[string]string{"social-tw": "twitter.record", "social-fb": "facebook.record"} {
		store := demotest.NewStore()
		for _, f := range demotest.Faults() { // the same accounts would need the same server: one for each is stricter, see below
			if f.Hangs {
				continue
			}
			broken := s.World.Site(t, store, m.change)
			for _, name := range []string{"an empty object", f.Name} {
				i := slices.IndexFunc(demotest.Faults(), func(g demotest.Fault) bool { return g.Name == name })
				broken.Break(record, demotest.Faults()[i])
				b := broken.Browser(t)
				b.Open(demotest.PathOf(id, login[id]))
				if isIn(b, id) {
					open = append(open, id+" "+name)
				}
			}
		}
		b := s.Browser(t)
		b.Ask(http.MethodGet, demotest.PathOf(id, login[id]), "")
		for name, v := range b.Cookies {
			if strings.Contains(v, "canary") || strings.Contains(v, "{") || len(v) > 64 {
				open = append(open, id+": the cookie "+name+" tells something")
			}
		}
	}
	return open
}

// unsigned logs in with ID tokens that the provider did not sign.
func unsigned(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	for _, id := range []string{"okta-oidc", "kc-web"} {
		for name, sign := range map[string]func(c map[string]any) string{
			"none": func(c map[string]any) string { return demotest.Unsigned(t, map[string]any{"alg": "none"}, c) + "." },
			"none with junk": func(c map[string]any) string {
				return demotest.Unsigned(t, map[string]any{"alg": "none", "kid": "k1"}, c) + ".anVuaw"
			},
			"RS256 with junk": func(c map[string]any) string {
				return demotest.Unsigned(t, map[string]any{"alg": "RS256", "kid": "k1"}, c) + ".anVuaw"
			},
			"HS256 with the secret": func(c map[string]any) string {
				return demotest.SignWith(t, map[string]any{"alg": "HS256", "kid": "k1"}, c, jwt.SigningMethodHS256, []byte("canary-okta-secret"))
			},
			"another nonce": func(c map[string]any) string { c["nonce"] = "x"; return s.World.Token(t, c, nil) },
			"no nonce":      func(c map[string]any) string { delete(c, "nonce"); return s.World.Token(t, c, nil) },
		} {
			b := s.Browser(t)
			to, err := url.Parse(b.Ask(http.MethodGet, demotest.PathOf(id, login[id]), "").Header.Get("Location"))
			if err != nil {
				t.Fatal(err)
			}
			code := demotest.Grant{IDToken: sign(s.World.IDClaims(id, to.Query().Get("nonce")))}.Code()
			if a := b.Ask(http.MethodGet, with(callbackOf(id, to.Query(), s.World), "code", code), ""); isIn(b, id) || a.Status != http.StatusUnauthorized {
				open = append(open, fmt.Sprint(id, " ", name, " ", a.Status))
			}
		}
	}
	return open
}

// sampleSecret signs tokens with the secrets of the seed documents, and tries to start
// a server with one.
func sampleSecret(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	now := time.Now().Unix()
	for _, secret := range []string{"super-secret", "something-insecure", "secret", "changeme", "not-so-secret", "PLEASE-CHANGE-ME-I-AM-VERY-INSECURE", "ST4rrbr4Z9sZSAhU9xkajfWYVcJEHnkx", ""} {
		for _, id := range []string{"flask-jwt", "flask-jwt-refresh"} {
			for _, identity := range []int{1, 2} {
				b := s.Browser(t)
				b.Header.Set("Authorization", "JWT "+demotest.SignWith(t, map[string]any{"alg": "HS256", "typ": "JWT"},
					map[string]any{"identity": identity, "iat": now, "nbf": now, "exp": now + 300}, jwt.SigningMethodHS256, []byte(secret)))
				if a := b.Ask(http.MethodGet, "/s/"+id+"/protected", ""); a.Status != http.StatusUnauthorized {
					open = append(open, id+" "+secret)
				}
			}
		}
		if secret == "" {
			continue
		}
		for _, spelling := range []string{secret, strings.ToUpper(secret)} {
			if started, err := server.Start(t.Context(), server.Options{Systems: []string{"basic"}, DebugSocket: "off", Secret: spelling}); err == nil {
				_ = started.Close()
				open = append(open, "a server starts with "+spelling)
			}
		}
	}
	return open
}

// evilHost goes to every route under another name, by the Host header and by the
// headers of a proxy.
func evilHost(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	const evil = "evil.example"
	for _, sys := range s.Systems() {
		for _, r := range sys.Routes {
			b := s.Browser(t)
			b.Cookies[gate.KratosCookie] = demotest.WorldSession
			if a := b.Send(request(t, r.Method, demotest.PathOf(sys.ID, r), "", func(r *http.Request) { r.Host = evil })); a.Status != http.StatusMisdirectedRequest || mentions(a, evil) {
				open = append(open, fmt.Sprint(sys.ID, " ", r.Path, " Host ", a.Status))
			}
			a := b.Send(request(t, r.Method, demotest.PathOf(sys.ID, r), "", func(r *http.Request) {
				for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server", "X-Http-Host-Override", "X-Original-Url", "X-Rewrite-Url"} {
					r.Header.Set(name, evil)
				}
				r.Header.Set("Forwarded", "host="+evil)
			}))
			if mentions(a, evil) {
				open = append(open, fmt.Sprint(sys.ID, " ", r.Path, " forwarded"))
			}
		}
	}
	return open
}

func mentions(a demotest.Answer, text string) bool {
	return strings.Contains(a.Body, text) || strings.Contains(fmt.Sprint(a.Header), text)
}

// otherSite has another site make the browser log in and out.
func otherSite(t *testing.T, m mode, s *demotest.Site) (open []string) {
	from := map[string]http.Header{
		"cross-site": {"Sec-Fetch-Site": {"cross-site"}}, "same-site": {"Sec-Fetch-Site": {"same-site"}}, "an old browser": {"Accept": {"text/html,application/xhtml+xml"}},
		"origin": {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"http://evil.example"}}, "null": {"Origin": {"null"}, "Sec-Fetch-Site": {"cross-site"}},
	}
	for _, id := range sessionSystems {
		for name, h := range from {
			b := logIn(t, m, s, id)
			a := b.Send(request(t, http.MethodGet, logoutPath(id), "", func(r *http.Request) { r.Header = withCookies(h, b) }))
			if !isIn(b, id) || a.Status/100 == 3 {
				open = append(open, fmt.Sprint(id, ": logged out by a link, ", name, " ", a.Status))
			}
			if name == "an old browser" { // says nothing of itself with a POST either, but an Origin
				h = http.Header{"Origin": {"http://evil.example"}}
			}
			a = b.Send(request(t, http.MethodPost, logoutPath(id), "", func(r *http.Request) { r.Header = withCookies(h, b) }))
			if !isIn(b, id) || a.Status != http.StatusForbidden {
				open = append(open, fmt.Sprint(id, ": logged out by a form, ", name, " ", a.Status))
			}
		}
	}
	for _, id := range []string{"form-login", "fl-session", "fl-timeout"} {
		for name, h := range from {
			if name == "an old browser" {
				h = http.Header{"Origin": {"http://evil.example"}}
			}
			b := s.Browser(t)
			a := b.Send(request(t, http.MethodPost, "/s/"+id+"/login", loginBody(m.account(id)), func(r *http.Request) {
				r.Header = withCookies(h, b)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}))
			if len(b.Cookies) > 0 || isIn(b, id) || a.Status != http.StatusForbidden {
				open = append(open, fmt.Sprint(id, ": logged in by a form, ", name, " ", a.Status))
			}
		}
	}
	b := s.Browser(t) // and the click of the index page
	if a := b.Send(request(t, http.MethodPost, "/-/signin", demotest.SignInForm("form-login"), func(r *http.Request) {
		r.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Content-Type": {"application/x-www-form-urlencoded"}}
	})); a.Status != http.StatusForbidden {
		open = append(open, "signed in by another site")
	}
	return open
}

func withCookies(h http.Header, b *demotest.Browser) http.Header {
	out := h.Clone()
	for name, v := range b.Cookies {
		out.Add("Cookie", name+"="+v)
	}
	return out
}

// tellTale sends to every route what made the originals crash.
func tellTale(t *testing.T, _ mode, s *demotest.Site) (open []string) {
	bodies := []string{"", "{", "[]", "null", "[1]", `"x"`, `{"username":1,"password":2}`, `{"username":null}`, `{"refresh_token":{}}`, "username=a", "username=%zz&password", "\xff\xfe\x00", `{"name":{"$gt":""}}`, strings.Repeat("[", 20_000)}
	auths := []string{"", "Basic", "Basic \xff", "Basic OnNlY3JldA==", "Basic YWxpY2U=", "Bearer", "Bearer x", "Bearer a.b.c", "Bearer " + demotest.Unsigned(t, []int{1}, nil) + ".x", "Token", "token ", "JWT", "JWT x", "JWT a.b.c",
		"alice:", ":x", "alice:zz", "Digest username=x", strings.Repeat("x", 30_000)}
	for _, sys := range s.Systems() {
		for _, r := range sys.Routes {
			if strings.HasPrefix(sys.ID, "eve-") && r.Path != "/" && r.Path != "/-/credentials" && !strings.HasPrefix(r.Path, "/people") {
				continue // its resources are one code
			}
			send := func(body, auth, query string) {
				b := s.Browser(t)
				b.Cookies[gate.KratosCookie] = "garbage"
				a := b.Send(request(t, r.Method, demotest.PathOf(sys.ID, r)+query, body, func(r *http.Request) {
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Authorization", auth)
					for name, v := range b.Cookies {
						r.AddCookie(&http.Cookie{Name: name, Value: v})
					}
				}))
				if a.Status >= 500 && a.Status != http.StatusServiceUnavailable || strings.Contains(a.Body, "goroutine ") || strings.Contains(a.Body, "Traceback") || strings.Contains(a.Body, ".go:") || strings.Contains(a.Body, "canary") {
					open = append(open, fmt.Sprintf("%s %s %s: %d for %.40q %.40q %s", sys.ID, r.Method, r.Path, a.Status, body, auth, query))
				}
			}
			for _, body := range bodies {
				send(body, "", "")
			}
			for _, auth := range auths {
				send("", auth, "")
			}
			for _, q := range []string{"?flow=%00", "?next=%zz", "?state=x&code=y", "?error=access_denied&state=x", "?oauth_token=x&oauth_verifier=y", "?id=" + strings.Repeat("x", 5000)} {
				send("", "", q)
			}
		}
	}
	return open
}

// slow has Kratos and the keys of an issuer never answer, and asks for everything else.
func slow(t *testing.T, m mode, s *demotest.Site) (open []string) {
	hang := slices.IndexFunc(demotest.Faults(), func(f demotest.Fault) bool { return f.Name == "no answer" })
	for endpoint, hung := range map[string]func(b *demotest.Browser, r *http.Request) string{
		"kratos.whoami": func(b *demotest.Browser, r *http.Request) string {
			r.AddCookie(&http.Cookie{Name: gate.KratosCookie, Value: demotest.WorldSession})
			return "/s/ory-home/"
		},
		"keycloak.keys": func(b *demotest.Browser, r *http.Request) string {
			r.Header.Set("Authorization", "Bearer "+s.World.Token(t, s.World.AccessClaims(), nil))
			return "/s/jwt-courses/api/v1/courses"
		},
	} {
		broken := s.World.Site(t, nil, m.change)
		broken.Break(endpoint, demotest.Faults()[hang])
		entered, done := make(chan struct{}, 100), make(chan int, 100)
		broken.Watch(func(e string) {
			if e == endpoint {
				entered <- struct{}{}
			}
		})
		const many = 16
		var stops []func()
		for range many {
			r := request(t, http.MethodGet, "/", "", nil)
			r.URL.Path = hung(nil, r)
			ctx, stop := contextOf(t)
			stops = append(stops, stop)
			go func() {
				w := httptest.NewRecorder()
				broken.Handler().ServeHTTP(w, r.WithContext(ctx))
				done <- w.Code
			}()
		}
		waits := map[string]int{"kratos.whoami": many, "keycloak.keys": 1}[endpoint] // the key set is asked for once for all
		for range waits {
			<-entered
		}
		b := broken.Browser(t)
		for path, status := range map[string]int{"/s/ory-home/": 302, "/s/basic/": 200, "/s/courses-public/api/v1/courses": 200, "/s/fl-session/login": 200, "/s/kc-web/": 200, "/s/kc-web/oauth/login": 302} {
			if a := b.Ask(http.MethodGet, path, ""); a.Status != status {
				open = append(open, fmt.Sprint(endpoint, " hangs: ", path, " ", a.Status))
			}
		}
		if n := len(done); n > 0 {
			t.Errorf("%s: %d that should hang do not", endpoint, n)
		}
		for _, stop := range stops {
			stop()
		}
		for range many {
			if status := <-done; status != http.StatusServiceUnavailable {
				open = append(open, fmt.Sprint(endpoint, " hangs and answers ", status))
			}
		}
	}
	return open
}

// enumerate compares the answer for a name that exists with that for one that does not.
func enumerate(t *testing.T, m mode, s *demotest.Site) (open []string) {
	ways := map[string]func(b *demotest.Browser, id, name string) demotest.Answer{}
	header := func(path, scheme string) func(b *demotest.Browser, id, name string) demotest.Answer {
		return func(b *demotest.Browser, id, name string) demotest.Answer {
			b.Header.Set("Authorization", map[string]string{"basic": basicAuth(name, "wrong"), "mac": name + ":" + strings.Repeat("ab", 20), "token": basicAuth(name, "")}[scheme])
			return b.Ask(http.MethodGet, "/s/"+id+path, "")
		}
	}
	post := func(path string, body func(name, password string) string) func(b *demotest.Browser, id, name string) demotest.Answer {
		return func(b *demotest.Browser, id, name string) demotest.Answer {
			return b.Ask(http.MethodPost, "/s/"+id+path, body(name, "wrong"))
		}
	}
	for _, id := range []string{"eve-global", "eve-resource", "eve-roles", "eve-bcrypt"} {
		ways[id] = header("/invoices", "basic")
	}
	ways["basic"], ways["eve-hmac"], ways["eve-token"] = header("/secret-page", "basic"), header("/people", "mac"), header("/people", "token")
	ways["flask-jwt"], ways["flask-jwt-refresh"] = post("/auth", jsonLogin), post("/auth", jsonLogin)
	for _, id := range []string{"form-login", "fl-session", "fl-timeout"} {
		ways[id] = post("/login", loginBody)
	}
	for id, ask := range ways {
		known, _ := m.account(id)
		a, b := ask(s.Browser(t), id, known), ask(s.Browser(t), id, "nobody-of-that-name")
		ha, hb := a.Header.Clone(), b.Header.Clone()
		for _, h := range []http.Header{ha, hb} {
			h.Del("X-Gatehouse-Decision")
		}
		bodyA, bodyB := strings.ReplaceAll(a.Body, a.Decision.ID, ""), strings.ReplaceAll(b.Body, b.Decision.ID, "")
		if a.Status != b.Status || bodyA != bodyB || !maps.EqualFunc(ha, hb, slices.Equal) || a.Decision.Reason != b.Decision.Reason || a.Decision.Outcome != decisions.Denied {
			open = append(open, fmt.Sprint(id, " ", a.Status, " ", b.Status, " ", a.Decision.Reason, " ", b.Decision.Reason))
		}
	}
	return open
}
