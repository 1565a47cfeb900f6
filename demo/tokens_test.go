package demo_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/clients/decisions"
	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
)

type object = map[string]any

// taker is a system that takes a token, and how one is brought to it.
type taker struct {
	name, system string
	claims       object // of a good token; nonce is put in by bring where there is one
	aud          string
	bring        func(t *testing.T, s *demotest.Site, make func(nonce object) string) (in bool, a demotest.Answer)
	symmetric    bool // HS256 with a key of the server
	skew         bool // ten seconds of leeway
}

func bearer(scheme, path string) func(*testing.T, *demotest.Site, func(object) string) (bool, demotest.Answer) {
	return func(t *testing.T, s *demotest.Site, token func(object) string) (bool, demotest.Answer) {
		b := s.Browser(t)
		b.Header.Set("Authorization", scheme+" "+token(nil))
		a := b.Ask(http.MethodGet, path, "")
		return a.Status == http.StatusOK && a.Decision.Outcome == decisions.Allowed, a
	}
}

// atLogin brings an ID token as the provider's answer to a login.
func atLogin(system string) func(*testing.T, *demotest.Site, func(object) string) (bool, demotest.Answer) {
	return func(t *testing.T, s *demotest.Site, token func(object) string) (bool, demotest.Answer) {
		b := s.Browser(t)
		to, err := url.Parse(b.Ask(http.MethodGet, demotest.PathOf(system, login[system]), "").Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		code := demotest.Grant{IDToken: token(object{"nonce": to.Query().Get("nonce")}), Refresh: demotest.Grant{}.Code()}.Code()
		a := b.Ask(http.MethodGet, with(callbackOf(system, to.Query(), s.World), "code", code), "")
		return isIn(b, system), a
	}
}

// atRefresh brings it when a session that is there asks whether it still counts.
func atRefresh(t *testing.T, s *demotest.Site, token func(object) string) (bool, demotest.Answer) {
	b := s.Browser(t)
	to, err := url.Parse(b.Ask(http.MethodGet, demotest.PathOf("kc-web", login["kc-web"]), "").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	code := demotest.Grant{Nonce: to.Query().Get("nonce"), Refresh: demotest.Grant{IDToken: token(nil)}.Code()}.Code()
	if a := b.Ask(http.MethodGet, with(callbackOf("kc-web", to.Query(), s.World), "code", code), ""); a.Status != http.StatusFound {
		t.Fatalf("the login before the refresh: %d", a.Status)
	}
	a := b.Ask(http.MethodGet, "/s/kc-web/admin", "")
	return a.Status == http.StatusOK, a
}

func takers(w *demotest.World) []taker {
	now := time.Now().Unix()
	flask := object{"identity": 1, "iat": now, "nbf": now, "exp": now + 300}
	kc, ok := w.IDClaims("kc-web", ""), w.IDClaims("okta-oidc", "")
	return []taker{
		{name: "jwt-courses", system: "jwt-courses", claims: w.AccessClaims(), aud: "reportingApi", bring: bearer("Bearer", "/s/jwt-courses/api/v1/courses")},
		{name: "jwt-cors", system: "jwt-cors", claims: w.AccessClaims(), aud: "reportingApi", bring: bearer("Bearer", "/s/jwt-cors/api/v1/courses")},
		{name: "ory-oathkeeper", system: "ory-oathkeeper", claims: w.ProofClaims(), aud: "gatehouse-demo", bring: bearer("Bearer", "/s/ory-oathkeeper/homepage"), skew: true},
		{name: "kc-web login", system: "kc-web", claims: kc, aud: "flaskClient", bring: atLogin("kc-web"), skew: true},
		{name: "kc-web refresh", system: "kc-web", claims: kc, aud: "flaskClient", bring: atRefresh, skew: true},
		{name: "okta-oidc login", system: "okta-oidc", claims: ok, aud: "CID", bring: atLogin("okta-oidc"), skew: true},
		{name: "flask-jwt", system: "flask-jwt", claims: flask, bring: bearer("JWT", "/s/flask-jwt/protected"), symmetric: true, skew: true},
		{name: "flask-jwt-refresh", system: "flask-jwt-refresh", claims: flask, bring: bearer("JWT", "/s/flask-jwt-refresh/protected"), symmetric: true, skew: true},
	}
}

// forgery is a token that is wrong in one respect, or right in an unusual one.
type forgery struct {
	name           string
	header, claims object // put over the good ones; nil takes away
	sign           func(text string) []byte
	good           bool // it is to be taken
	only           func(x taker) bool
	raw            func(good string) string
}

func isID(x taker) bool {
	return strings.HasSuffix(x.name, "login") || strings.HasSuffix(x.name, "refresh") && x.system == "kc-web"
}
func isKeyed(x taker) bool  { return !x.symmetric }
func isAccess(x taker) bool { return strings.HasPrefix(x.system, "jwt-") }

// keysOfTest are made once.
type keysOfTest struct {
	rsa, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	pem, der   []byte
}

func newKeys(t *testing.T) keysOfTest {
	t.Helper()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&demotest.SigningKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return keysOfTest{demotest.SigningKey(), other, ec, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), der}
}

func by(t *testing.T, m jwt.SigningMethod, key any) func(string) []byte {
	return func(text string) []byte {
		sig, err := m.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

func forgeries(t *testing.T, x taker, secret []byte) []forgery {
	k, now := newKeys(t), time.Now().Unix()
	none := func(string) []byte { return nil }
	jwk := demotest.JWK("k1", "sig", &k.other.PublicKey)
	hs := func(key []byte) func(string) []byte { return by(t, jwt.SigningMethodHS256, key) }
	list := []forgery{
		{name: "good", good: true},
		// the algorithm
		{name: "alg none", header: object{"alg": "none"}, sign: none}, {name: "alg None", header: object{"alg": "None"}, sign: none}, {name: "alg NONE with a signature", header: object{"alg": "NONE"}},
		{name: "alg nOnE, no kid", header: object{"alg": "nOnE", "kid": nil}, sign: none}, {name: "alg empty", header: object{"alg": ""}}, {name: "no alg", header: object{"alg": nil}}, {name: "alg a number", header: object{"alg": 256}},
		{name: "alg a list", header: object{"alg": []string{"RS256"}}}, {name: "alg with a blank", header: object{"alg": "RS256 "}}, {name: "alg in small letters", header: object{"alg": "rs256"}},
		{name: "HS256 with the public key as PEM", header: object{"alg": "HS256"}, sign: hs(k.pem), only: isKeyed}, {name: "HS256 with it as DER", header: object{"alg": "HS256"}, sign: hs(k.der), only: isKeyed},
		{name: "HS256 with the modulus", header: object{"alg": "HS256"}, sign: hs(k.rsa.N.Bytes()), only: isKeyed}, {name: "HS256 with the id of the key", header: object{"alg": "HS256"}, sign: hs([]byte("k1"))},
		{name: "HS256 with nothing", header: object{"alg": "HS256"}, sign: hs([]byte{0})}, {name: "HS256 with the client's secret", header: object{"alg": "HS256"}, sign: hs([]byte("canary-client-secret"))},
		{name: "HS384", header: object{"alg": "HS384"}, sign: by(t, jwt.SigningMethodHS384, secret)}, {name: "HS512", header: object{"alg": "HS512"}, sign: by(t, jwt.SigningMethodHS512, secret)},
		{name: "RS384", header: object{"alg": "RS384"}, sign: by(t, jwt.SigningMethodRS384, k.rsa)}, {name: "RS512", header: object{"alg": "RS512"}, sign: by(t, jwt.SigningMethodRS512, k.rsa)},
		{name: "RS512 in the header, RS256 below", header: object{"alg": "RS512"}, sign: by(t, jwt.SigningMethodRS256, k.rsa)}, {name: "RS256 in the header, RS512 below", header: object{"alg": "RS256"}, sign: by(t, jwt.SigningMethodRS512, k.rsa)},
		{name: "PS256", header: object{"alg": "PS256"}, sign: by(t, jwt.SigningMethodPS256, k.rsa)}, {name: "ES256", header: object{"alg": "ES256"}, sign: by(t, jwt.SigningMethodES256, k.ec)},
		// the key
		{name: "another key", header: object{"alg": "RS256"}, sign: by(t, jwt.SigningMethodRS256, k.other)}, {name: "no signature", sign: none},
		{name: "a signature of zeros", sign: func(string) []byte { return make([]byte, 256) }}, {name: "a signature of one byte", sign: func(string) []byte { return []byte{0} }},
		{name: "its own key (jwk)", header: object{"alg": "RS256", "jwk": jwk}, sign: by(t, jwt.SigningMethodRS256, k.other)}, {name: "its own key set (jku)", header: object{"alg": "RS256", "jku": "http://127.0.0.1:1/keys"}, sign: by(t, jwt.SigningMethodRS256, k.other)},
		{name: "its own certificate (x5u)", header: object{"alg": "RS256", "x5u": "http://127.0.0.1:1/cert"}, sign: by(t, jwt.SigningMethodRS256, k.other)},
		{name: "its own chain (x5c)", header: object{"alg": "RS256", "x5c": []string{base64.StdEncoding.EncodeToString(k.der)}}, sign: by(t, jwt.SigningMethodRS256, k.other)},
		{name: "no kid", header: object{"kid": nil}, only: isKeyed}, {name: "kid empty", header: object{"kid": ""}, only: isKeyed}, {name: "kid a number", header: object{"kid": 1}, only: isKeyed}, {name: "kid null", header: object{"kid": []any{}}, only: isKeyed},
		{name: "kid unknown", header: object{"kid": "k9"}, only: isKeyed}, {name: "kid in capitals", header: object{"kid": "K1"}, only: isKeyed}, {name: "kid a path", header: object{"kid": "../../../../dev/null"}, only: isKeyed},
		{name: "kid a query", header: object{"kid": "k1' OR '1'='1"}, only: isKeyed}, {name: "kid with a zero byte", header: object{"kid": "k1\x00"}, only: isKeyed}, {name: "kid long", header: object{"kid": strings.Repeat("k", 9000)}, only: isKeyed},
		// the header
		{name: "crit", header: object{"crit": []string{"exp"}}}, {name: "crit empty", header: object{"crit": []string{}}}, {name: "crit null", header: object{"crit": (*int)(nil)}}, {name: "crit b64", header: object{"crit": []string{"b64"}, "b64": false}},
		{name: "typ of a logout token", header: object{"typ": "logout+jwt"}, only: isAccess}, {name: "typ of an access token", header: object{"typ": "at+jwt"}, only: isAccess, good: true},
		{name: "typ with application", header: object{"typ": "application/at+jwt"}, only: isAccess, good: true}, {name: "an unknown member", header: object{"x": 1}, good: true},
		// times
		{name: "no exp", claims: object{"exp": nil}}, {name: "exp null", claims: object{"exp": (*int)(nil)}}, {name: "exp a word", claims: object{"exp": "soon"}}, {name: "exp zero", claims: object{"exp": 0}}, {name: "exp negative", claims: object{"exp": -1}},
		{name: "expired an hour ago", claims: object{"exp": now - 3600}}, {name: "expired 30 s ago", claims: object{"exp": now - 30}}, {name: "exp true", claims: object{"exp": true}}, {name: "exp in a list", claims: object{"exp": []int64{now + 300}}},
		{name: "nbf in an hour", claims: object{"nbf": now + 3600}}, {name: "nbf in 60 s", claims: object{"nbf": now + 60}}, {name: "nbf a word", claims: object{"nbf": "now"}}, {name: "iat a word", claims: object{"iat": "now"}},
		{name: "iat in an hour", claims: object{"iat": now + 3600}, only: func(x taker) bool { return x.skew }},
		{name: "no iat", claims: object{"iat": nil}, only: func(x taker) bool { return isID(x) || x.symmetric }},
		// issuer and audience
		{name: "no iss", claims: object{"iss": nil}, only: isKeyed}, {name: "iss empty", claims: object{"iss": ""}, only: isKeyed}, {name: "another iss", claims: object{"iss": "http://evil.example"}, only: isKeyed},
		{name: "iss with a slash more", claims: object{"iss": fmt.Sprint(x.claims["iss"], "/")}, only: isKeyed}, {name: "iss without its slash", claims: object{"iss": strings.TrimSuffix(fmt.Sprint(x.claims["iss"]), "/")}, only: func(x taker) bool { return x.system == "ory-oathkeeper" }},
		{name: "iss in capitals", claims: object{"iss": strings.ToUpper(fmt.Sprint(x.claims["iss"]))}, only: isKeyed}, {name: "iss a list", claims: object{"iss": []any{x.claims["iss"]}}, only: isKeyed}, {name: "iss longer", claims: object{"iss": fmt.Sprint(x.claims["iss"], ".evil.example")}, only: isKeyed},
		{name: "no aud", claims: object{"aud": nil}, only: isKeyed}, {name: "aud empty", claims: object{"aud": ""}, only: isKeyed}, {name: "aud of nobody", claims: object{"aud": []string{}}, only: isKeyed}, {name: "another aud", claims: object{"aud": "other"}, only: isKeyed},
		{name: "aud longer", claims: object{"aud": x.aud + "x"}, only: isKeyed}, {name: "aud in capitals", claims: object{"aud": strings.ToUpper(x.aud) + "X"}, only: isKeyed}, {name: "aud a number", claims: object{"aud": 1}, only: isKeyed}, {name: "aud an object", claims: object{"aud": object{x.aud: 1}}, only: isKeyed},
		{name: "aud a list of ours", claims: object{"aud": []string{x.aud}}, only: isKeyed, good: true}, {name: "aud a list of others", claims: object{"aud": []string{"a", "b"}}, only: isKeyed},
		{name: "aud a list with ours", claims: object{"aud": []string{"a", x.aud}, "azp": x.claims["azp"]}, only: isKeyed, good: true}, {name: "aud at all", claims: object{"aud": "x"}, only: func(x taker) bool { return x.symmetric }},
		// what an ID token is, and what it is not
		{name: "an ID token where an access token is due (at_hash)", claims: object{"at_hash": "x"}, only: isAccess}, {name: "an ID token of Keycloak", claims: object{"typ": "ID"}, only: isAccess},
		{name: "a refresh token of Keycloak", claims: object{"typ": "Refresh"}, only: isAccess}, {name: "a logout token of Keycloak", claims: object{"typ": "Logout"}, only: isAccess},
		{name: "azp of another client", claims: object{"azp": "other"}, only: isID}, {name: "two audiences and no azp", claims: object{"aud": []string{x.aud, "a"}, "azp": nil}, only: isID}, {name: "another at_hash", claims: object{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, only: isID},
		{name: "the right at_hash", claims: object{"at_hash": atHash("canary-access-token")}, only: isID, good: true}, {name: "no sub", claims: object{"sub": nil}, only: func(x taker) bool { return isID(x) || x.system == "ory-oathkeeper" }},
		{name: "sub a number", claims: object{"sub": 7}, only: isKeyed}, {name: "sub of 300 letters", claims: object{"sub": strings.Repeat("s", 300)}, only: isID},
		{name: "sub of somebody else", claims: object{"sub": "00u2"}, only: func(x taker) bool { return x.name == "kc-web refresh" }},
		{name: "another nonce", claims: object{"nonce": "x"}, only: func(x taker) bool { return strings.HasSuffix(x.name, "login") }}, {name: "issued an hour ago", claims: object{"iat": now - 3600}, only: func(x taker) bool { return x.system == "okta-oidc" }},
		{name: "identity a text", claims: object{"identity": "1"}, only: func(x taker) bool { return x.symmetric }}, {name: "identity of nobody", claims: object{"identity": 99}, only: func(x taker) bool { return x.symmetric }},
		{name: "no identity", claims: object{"identity": nil}, only: func(x taker) bool { return x.symmetric }}, {name: "identity a list", claims: object{"identity": []int{1}}, only: func(x taker) bool { return x.symmetric }},
		// the form
		{name: "two parts", raw: func(g string) string { return g[:strings.LastIndexByte(g, '.')] }}, {name: "four parts", raw: func(g string) string { return g + ".x" }}, {name: "a letter of the payload changed", raw: flipPayload},
		{name: "another header before", raw: func(g string) string { return "eyJhbGciOiJub25lIn0" + g[strings.IndexByte(g, '.'):] }}, {name: "padding", raw: func(g string) string { return g + "=" }}, {name: "a blank", raw: func(g string) string { return g[:10] + " " + g[10:] }}, {name: "nothing", raw: func(string) string { return "" }, only: func(x taker) bool { return !isID(x) }},
		{name: "no ID token at all", raw: func(string) string { return demotest.NoToken }, only: isID},
		{name: "no claims", raw: func(g string) string { p := strings.Split(g, "."); return p[0] + ".." + p[2] }}, {name: "dots", raw: func(string) string { return ".." }},
	}
	return list
}

func atHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func flipPayload(g string) string {
	i := strings.IndexByte(g, '.') + 5
	c := byte('A')
	if g[i] == 'A' {
		c = 'B'
	}
	return g[:i] + string(c) + g[i+1:]
}

// TestTokenMatrix brings every wrong token to every system that takes one.
func TestTokenMatrix(t *testing.T) {
	w := demotest.NewWorld(t)
	s := w.Site(t, nil, nil)
	total := 0
	for _, x := range takers(w) {
		t.Run(x.name, func(t *testing.T) {
			secret := s.Env.Secret(x.system)
			sign := by(t, jwt.SigningMethodRS256, demotest.SigningKey())
			header := object{"alg": "RS256", "typ": "JWT", "kid": "k1"}
			if x.symmetric {
				sign, header = by(t, jwt.SigningMethodHS256, secret), object{"alg": "HS256", "typ": "JWT"}
			}
			n := 0
			for _, f := range forgeries(t, x, secret) {
				if f.only != nil && !f.only(x) {
					continue
				}
				n++
				in, a := x.bring(t, s, func(nonce object) string {
					c := over(x.claims, nonce)
					text := demotest.Unsigned(t, over(header, f.header), over(c, f.claims))
					how := sign
					if f.sign != nil {
						how = f.sign
					}
					token := text + "." + base64.RawURLEncoding.EncodeToString(how(text))
					if f.raw != nil {
						token = f.raw(token)
					}
					return token
				})
				if in != f.good {
					t.Errorf("%s: taken: %v (%d %s)", f.name, in, a.Status, a.Decision.Reason)
				}
				if !f.good && (a.Status != http.StatusUnauthorized && x.name != "kc-web refresh" || a.Status == 200 || a.Decision.Outcome != decisions.Denied) {
					t.Errorf("%s: %d %s %s", f.name, a.Status, a.Decision.Outcome, a.Decision.Reason)
				}
				if strings.Contains(a.Body, "eyJhbGci") {
					t.Errorf("%s: the answer tells a token", f.name)
				}
			}
			t.Logf("%-18s %d tokens", x.name, n)
			total += n
		})
	}
	if log := s.Log.String(); strings.Contains(log, "eyJ") {
		t.Error("a token is in the log")
	}
	t.Logf("%d tokens in all", total)
}

// over puts claims over others; one that is nil takes away.
func over(base, change object) object {
	out := maps.Clone(base)
	for k, v := range change {
		out[k] = v
		if v == nil {
			delete(out, k)
		}
	}
	return out
}

// TestTimesOfTokensToTheSecond holds exp, nbf and iat to their bounds with a clock that
// stands still: ten seconds of leeway, or none where the original has none.
func TestTimesOfTokensToTheSecond(t *testing.T) {
	w := demotest.NewWorld(t)
	at := time.Now().Truncate(time.Second)
	s := w.Site(t, nil, func(e *gate.Env) { e.Now = func() time.Time { return at } })
	now := at.Unix()
	for _, x := range takers(w) {
		slack := int64(0)
		if x.skew {
			slack = 10
		}
		sign := by(t, jwt.SigningMethodRS256, demotest.SigningKey())
		header := object{"alg": "RS256", "kid": "k1"}
		if x.symmetric {
			sign, header = by(t, jwt.SigningMethodHS256, s.Env.Secret(x.system)), object{"alg": "HS256"}
		}
		for _, c := range []struct {
			name   string
			change object
			in     bool
		}{
			{"still good", object{"exp": now - slack + 1}, true}, {"just over", object{"exp": now - slack - 1}, false},
			{"good from now", object{"nbf": now + slack}, true}, {"not yet", object{"nbf": now + slack + 1}, false},
			{"issued now", object{"iat": now + slack}, true}, {"issued later", object{"iat": now + slack + 1}, isAccess(x)}, // as the original, but with --strict
		} {
			in, a := x.bring(t, s, func(nonce object) string {
				text := demotest.Unsigned(t, header, over(over(over(x.claims, object{"iat": now, "exp": now + 300}), nonce), c.change))
				return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
			})
			if in != c.in {
				t.Errorf("%s: %s: taken: %v (%d)", x.name, c.name, in, a.Status)
			}
		}
	}
}

// TestKeySetsAreAskedForSparingly: a thousand made-up key ids make one request to the
// issuer; a rotated key is found; a key set that is down does no harm while its keys
// are kept, and lets nobody in where none are; of many who need it at once one asks.
func TestKeySetsAreAskedForSparingly(t *testing.T) {
	w := demotest.NewWorld(t)
	var passed, fetched atomic.Int64
	site := func() *demotest.Site {
		passed.Store(0)
		fetched.Store(0)
		s := w.Site(t, nil, func(e *gate.Env) {
			e.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		})
		s.Watch(func(e string) {
			if strings.HasSuffix(e, ".keys") {
				fetched.Add(1)
			}
		})
		return s
	}
	down := demotest.Faults()[0]
	for _, x := range takers(w) {
		if x.symmetric || isID(x) {
			continue
		}
		bring := func(s *demotest.Site, kid string) int {
			_, a := x.bring(t, s, func(object) string {
				return demotest.Sign(t, object{"alg": "RS256", "kid": kid}, over(x.claims, object{"exp": time.Now().Unix() + 1e6}))
			})
			return a.Status
		}
		s := site()
		junk := strings.Split(demotest.Sign(t, object{"alg": "RS256", "kid": "k1"}, x.claims), ".")
		for n := range 1000 {
			_, a := x.bring(t, s, func(object) string {
				h := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"RS256","kid":"made-up-%d"}`, n))
				return h + "." + junk[1] + "." + junk[2]
			})
			if a.Status != http.StatusUnauthorized {
				t.Fatalf("%s: %d", x.name, a.Status)
			}
		}
		if n := fetched.Load(); n != 1 {
			t.Errorf("%s: 1000 made-up key ids make %d requests", x.name, n)
		}
		s.Break(map[string]string{"ory-oathkeeper": "oathkeeper.keys"}[x.system], down)
		if x.system != "ory-oathkeeper" {
			s.Break("keycloak.keys", down)
		}
		passed.Store(int64(59 * time.Minute))
		if got := bring(s, "k1"); got != http.StatusOK {
			t.Errorf("%s: down with a kept key: %d", x.name, got)
		}
		passed.Store(int64(61 * time.Minute))
		if got := bring(s, "k1"); got != http.StatusServiceUnavailable {
			t.Errorf("%s: down with a key of more than an hour: %d", x.name, got)
		}
		empty := site()
		empty.Break(map[bool]string{true: "oathkeeper.keys", false: "keycloak.keys"}[x.system == "ory-oathkeeper"], down)
		for range 3 { // also while it is too early to ask again
			if got := bring(empty, "k1"); got != http.StatusServiceUnavailable {
				t.Errorf("%s: down and nothing kept: %d", x.name, got)
			}
		}
		if n := fetched.Load(); n != 1 {
			t.Errorf("%s: down, it is asked %d times in a moment", x.name, n)
		}
		crowd := site()
		got := make(chan int, 50)
		for range 50 {
			go func() { got <- bring(crowd, "k1") }()
		}
		var statuses []int
		for range 50 {
			statuses = append(statuses, <-got)
		}
		if slices.ContainsFunc(statuses, func(s int) bool { return s != http.StatusOK }) || fetched.Load() != 1 {
			t.Errorf("%s: fifty at once: %v, %d requests", x.name, statuses, fetched.Load())
		}
	}
}
