package courses_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/vectors"
)

const path = "/api/v1/courses"

var header = map[string]any{"alg": "RS256", "typ": "JWT", "kid": "k1"}

// good are the claims of a token that is let in.
func good(base string, change map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{"iss": base + "/t/shark-academy", "aud": "http://localhost:8081", "sub": "u1", "iat": now, "nbf": now, "exp": now + 600}
	for k, v := range change {
		c[k] = v
		if v == nil {
			delete(c, k)
		}
	}
	return c
}

func with(change map[string]any) map[string]any {
	h := maps.Clone(header)
	for k, v := range change {
		h[k] = v
		if v == nil {
			delete(h, k)
		}
	}
	return h
}

func get(t *testing.T, url, token string, more ...string) vectors.Answer {
	t.Helper()
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return demotest.Send(t, http.MethodGet, url, path, h, "")
}

func code(a vectors.Answer) string {
	var e struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(a.Body, &e) != nil {
		return string(a.Body)
	}
	return e.Code
}

func TestBodyIsTheOriginals(t *testing.T) {
	keys := demotest.NewKeyServer(t, nil)
	s := serve(t, "jwt-courses", keys.URL, nil)
	want, err := os.ReadFile("courses.json")
	if err != nil {
		t.Fatal(err)
	}
	if a := get(t, s.URL, demotest.Sign(t, header, good(keys.URL, nil))); a.Status != 200 || !bytes.Equal(a.Body, want) || len(want) != 607 {
		t.Errorf("%d, %d bytes: %s", a.Status, len(a.Body), a.Body)
	}
}

// TestTokens is every way in which a token can be wrong.
func TestTokens(t *testing.T) {
	keys := demotest.NewKeyServer(t, nil)
	s := serve(t, "jwt-courses", keys.URL, nil)
	now := time.Now().Unix()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(h map[string]any, c any, key *rsa.PrivateKey, m jwt.SigningMethod) string {
		text := demotest.Unsigned(t, h, c)
		sig, err := m.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(sig)
	}
	jwk := demotest.JWK("k1", "sig", &other.PublicKey)
	claims := func(change map[string]any) string { return demotest.Sign(t, header, good(keys.URL, change)) }
	named := func(change map[string]any) string { return demotest.Sign(t, with(change), good(keys.URL, nil)) }
	for _, c := range []struct {
		name, token, code string
	}{
		{"good", claims(nil), ""},
		{"alg none", demotest.Unsigned(t, with(map[string]any{"alg": "none"}), good(keys.URL, nil)) + ".", "invalid_header"},
		{"alg None", demotest.Unsigned(t, with(map[string]any{"alg": "None"}), good(keys.URL, nil)) + ".", "invalid_header"},
		{"no alg", named(map[string]any{"alg": nil}), "invalid_header"},
		{"RS512 in the header", named(map[string]any{"alg": "RS512"}), "invalid_header"},
		{"RS512", signed(with(map[string]any{"alg": "RS512"}), good(keys.URL, nil), demotest.SigningKey(), jwt.SigningMethodRS512), "invalid_header"},
		{"PS256", signed(with(map[string]any{"alg": "PS256"}), good(keys.URL, nil), demotest.SigningKey(), jwt.SigningMethodPS256), "invalid_header"},
		{"another key", signed(header, good(keys.URL, nil), other, jwt.SigningMethodRS256), "invalid_header"},
		{"its own key in the header", signed(with(map[string]any{"jwk": jwk}), good(keys.URL, nil), other, jwt.SigningMethodRS256), "invalid_header"},
		{"jku", signed(with(map[string]any{"jku": "http://127.0.0.1:1/evil"}), good(keys.URL, nil), other, jwt.SigningMethodRS256), "invalid_header"},
		{"x5u", signed(with(map[string]any{"x5u": "http://127.0.0.1:1/evil"}), good(keys.URL, nil), other, jwt.SigningMethodRS256), "invalid_header"},
		{"no kid", named(map[string]any{"kid": nil}), "no_rsa_key"},
		{"kid number", named(map[string]any{"kid": 1}), "no_rsa_key"},
		{"kid empty", named(map[string]any{"kid": ""}), "no_rsa_key"},
		{"kid a path", named(map[string]any{"kid": "../../etc/passwd"}), "no_rsa_key"},
		{"crit", named(map[string]any{"crit": []string{"exp"}}), "invalid_header"},
		{"crit null", named(map[string]any{"crit": nil, "x": 1}), ""},
		{"logout token", named(map[string]any{"typ": "logout+jwt"}), "invalid_header"},
		{"payload a list", signed(header, []int{}, demotest.SigningKey(), jwt.SigningMethodRS256), "invalid_header"},
		{"no aud", claims(map[string]any{"aud": nil}), "invalid_claims"},
		{"aud number", claims(map[string]any{"aud": 1}), "invalid_claims"},
		{"aud list with ours", claims(map[string]any{"aud": []string{"x", "http://localhost:8081"}}), ""},
		{"aud list with a number", claims(map[string]any{"aud": []any{"http://localhost:8081", 1}}), "invalid_claims"},
		{"aud with a slash", claims(map[string]any{"aud": "http://localhost:8081/"}), "invalid_claims"},
		{"no iss", claims(map[string]any{"iss": nil}), "invalid_claims"},
		{"iss list", claims(map[string]any{"iss": []string{keys.URL + "/t/shark-academy"}}), "invalid_claims"},
		{"no exp", claims(map[string]any{"exp": nil}), "invalid_claims"},
		{"exp null", claims(map[string]any{"exp": []int{}}), "invalid_claims"},
		{"exp no number", claims(map[string]any{"exp": "soon"}), "invalid_claims"},
		{"exp far beyond", claims(map[string]any{"exp": 1e300}), "invalid_claims"},
		{"expired 5 s ago", claims(map[string]any{"exp": now - 5}), "token_expired"},
		{"nbf in an hour", claims(map[string]any{"nbf": now + 3600}), "invalid_claims"},
		{"nbf no number", claims(map[string]any{"nbf": true}), "invalid_claims"},
		{"iat no number", claims(map[string]any{"iat": "x"}), "invalid_claims"},
		{"jti number", claims(map[string]any{"jti": 7}), "invalid_claims"},
		{"at_hash", claims(map[string]any{"at_hash": "x"}), "invalid_claims"},
		{"an ID token of Keycloak", claims(map[string]any{"typ": "ID"}), "invalid_claims"},
		{"a refresh token of Keycloak", claims(map[string]any{"typ": "Refresh"}), "invalid_claims"},
		{"an access token of Keycloak", claims(map[string]any{"typ": "Bearer"}), ""},
		{"17 KB", claims(map[string]any{"x": strings.Repeat("x", 17<<10)}), "invalid_header"},
		{"four parts", claims(nil) + ".x", "invalid_header"},
	} {
		a := get(t, s.URL, c.token)
		if want := map[bool]int{true: 200, false: 401}[c.code == ""]; a.Status != want || c.code != "" && code(a) != c.code {
			t.Errorf("%s: %d %s, want %d %q", c.name, a.Status, a.Body, want, c.code)
		}
		if d := s.Ring.Since("", "", 1); c.code != "" && (len(d) != 1 || d[0].Reason != decisions.Reason("jwt_"+c.code) || d[0].Outcome != decisions.Denied) {
			t.Errorf("%s: decided %+v", c.name, d)
		}
	}
	if n := keys.Fetches(); n > 2 {
		t.Errorf("the key set was fetched %d times", n)
	}
	if log := s.Log.String(); strings.Contains(log, "eyJ") {
		t.Error("a token is in the log")
	}
}

// TestStrict adds what the standards ask for and the original does not say.
func TestStrict(t *testing.T) {
	keys := demotest.NewKeyServer(t, nil)
	s := serve(t, "jwt-cors", keys.URL, func(e *gate.Env) { e.Strict = true })
	a := get(t, s.URL, "", "Origin", "http://localhost:8080")
	if a.Status != 401 || a.Header.Get("WWW-Authenticate") != "Bearer" || a.Header.Get("Access-Control-Allow-Origin") != "http://localhost:8080" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	if a := get(t, s.URL, demotest.Sign(t, header, good(keys.URL, map[string]any{"iat": time.Now().Unix() + 3600}))); code(a) != "invalid_claims" {
		t.Errorf("iat in an hour: %d %s", a.Status, a.Body)
	}
}

// TestOrigins: the list is compared whole, nothing is reflected, and nothing may be
// read with cookies.
func TestOrigins(t *testing.T) {
	keys := demotest.NewKeyServer(t, nil)
	s := serve(t, "jwt-cors", keys.URL, nil)
	token := demotest.Sign(t, header, good(keys.URL, nil))
	for origin, want := range map[string]string{"http://localhost:8080": "http://localhost:8080", "http://evil.example": "", "null": "", "http://localhost:8080.evil.example": "",
		"HTTP://LOCALHOST:8080": "", "https://localhost:8080": "", "http://localhost:80801": "", "*": ""} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			h := http.Header{"Origin": {origin}, "Authorization": {"Bearer " + token}, "Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"authorization, bad header"}}
			a := demotest.Send(t, method, s.URL, path, h, "")
			if got := a.Header.Get("Access-Control-Allow-Origin"); a.Status != 200 || got != want || a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %q: %d, allows %q", method, origin, a.Status, got)
			}
			if got := a.Header.Get("Access-Control-Allow-Headers"); method == http.MethodOptions && want != "" && got != "authorization" {
				t.Errorf("headers %q", got)
			}
			if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("Vary %q", a.Header.Values("Vary"))
			}
		}
	}
}

// TestKeysAreKept: made-up key ids do not make us ask the issuer; a rotated key is
// found; without the issuer the kept keys count, for an hour.
func TestKeysAreKept(t *testing.T) {
	var passed atomic.Int64
	keys := demotest.NewKeyServer(t, nil)
	s := serve(t, "jwt-courses", keys.URL, func(e *gate.Env) {
		e.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	})
	pass := func(d time.Duration) { passed.Add(int64(d)) }
	long := map[string]any{"exp": time.Now().Unix() + 1e6}
	first := demotest.Sign(t, header, good(keys.URL, long))
	if a := get(t, s.URL, first); a.Status != 200 {
		t.Fatal(a.Status)
	}
	for i := range 100 {
		if a := get(t, s.URL, demotest.Sign(t, with(map[string]any{"kid": fmt.Sprint("made-up-", i)}), good(keys.URL, long))); code(a) != "no_rsa_key" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	if n := keys.Fetches(); n > 1 {
		t.Errorf("made-up key ids: %d fetches", n)
	}
	keys.Serve(demotest.Body(demotest.KeySet(demotest.JWK("k2", "sig", &demotest.SigningKey().PublicKey))))
	pass(11 * time.Second)
	if a := get(t, s.URL, demotest.Sign(t, with(map[string]any{"kid": "k2"}), good(keys.URL, long))); a.Status != 200 {
		t.Errorf("a rotated key: %d %s", a.Status, a.Body)
	}
	if a := get(t, s.URL, first); code(a) != "no_rsa_key" {
		t.Errorf("the key that is gone: %d %s", a.Status, a.Body)
	}
	keys.Stop()
	second := demotest.Sign(t, with(map[string]any{"kid": "k2"}), good(keys.URL, long))
	pass(30 * time.Minute)
	if a := get(t, s.URL, second); a.Status != 200 {
		t.Errorf("half an hour without the issuer: %d %s", a.Status, a.Body)
	}
	pass(31 * time.Minute)
	if a := get(t, s.URL, second); a.Status != 503 || code(a) != "jwks_unavailable" || a.Header.Get("Retry-After") == "" {
		t.Errorf("more than an hour without it: %d %s", a.Status, a.Body)
	}
}

// TestFaultsLetNobodyIn breaks the key set in every way.
func TestFaultsLetNobodyIn(t *testing.T) {
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); fmt.Fprint(w, body) }
	}
	set := demotest.KeySet(demotest.JWK("k1", "sig", &demotest.SigningKey().PublicKey))
	many := make([]map[string]any, 101)
	for i := range many {
		many[i] = demotest.JWK("k1", "sig", &demotest.SigningKey().PublicKey)
	}
	for name, f := range map[string]http.HandlerFunc{"500 with keys": says(500, set), "404": says(404, set), "429": says(429, ""), "302": says(302, set), "empty": says(200, ""),
		"list": says(200, "[]"), "null": says(200, "null"), "no keys": says(200, "{}"), "keys null": says(200, `{"keys":null}`), "two values": says(200, set+set),
		"huge": says(200, `{"keys":[],"x":"`+strings.Repeat("x", 300<<10)+`"}`), "too many": demotest.Body(demotest.KeySet(many...)),
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, set[:20])
			panic(http.ErrAbortHandler)
		}} {
		t.Run(name, func(t *testing.T) {
			keys := demotest.NewKeyServer(t, f)
			s := serve(t, "jwt-courses", keys.URL, nil)
			a := get(t, s.URL, demotest.Sign(t, header, good(keys.URL, nil)))
			d := s.Ring.Since("", "", 1)
			if a.Status != 503 || a.Header.Get("Retry-After") == "" || code(a) != "jwks_unavailable" || len(d) != 1 || d[0].Outcome != decisions.Failed || !decisions.Known(d[0].Reason) {
				t.Errorf("%d %s %+v", a.Status, a.Body, d)
			}
		})
	}
}
