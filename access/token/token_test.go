package token_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/access/token"
)

func sign(t *testing.T, m jwt.SigningMethod, kid string, key any, claims jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(m, claims)
	tok.Header["kid"] = kid
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestVerify(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := rsa.GenerateKey(rand.Reader, 2048)
	pub, edKey, _ := ed25519.GenerateKey(rand.Reader)
	n, e := b64(key.N.Bytes()), b64(big.NewInt(int64(key.E)).Bytes())
	set := json.RawMessage(fmt.Sprintf(`{"keys":[{"kid":"k1","kty":"RSA","alg":"RS256","use":"sig","n":%q,"e":%q},{"kid":"k2","kty":"RSA","alg":"RSA-OAEP","use":"enc","n":%q,"e":%q},{"kid":"ed","kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","x":%q}]}`,
		n, e, n, e, b64(pub)))
	claims := jwt.MapClaims{"sub": "ann", "exp": 1} // long expired: that is another check
	good := sign(t, jwt.SigningMethodRS256, "k1", key, claims)
	parts := strings.Split(good, ".")
	for name, tc := range map[string]struct {
		token string
		want  token.Signature
	}{
		"good":                 {good, token.Good},
		"EdDSA":                {sign(t, jwt.SigningMethodEdDSA, "ed", edKey, claims), token.Good},
		"another key":          {sign(t, jwt.SigningMethodRS256, "k1", other, claims), token.Bad},
		"changed claims":       {parts[0] + "." + b64([]byte(`{"sub":"eve"}`)) + "." + parts[2], token.Bad},
		"unknown key":          {sign(t, jwt.SigningMethodRS256, "k9", key, claims), token.NoKey},
		"a key for encryption": {sign(t, jwt.SigningMethodRS256, "k2", key, claims), token.NoKey},
		// The public key as if it were a shared secret: the oldest trick.
		"public key as secret": {sign(t, jwt.SigningMethodHS256, "k1", key.N.Bytes(), claims), token.Secret},
		"none":                 {b64([]byte(`{"alg":"none","kid":"k1"}`)) + "." + parts[1] + ".", token.Unsigned},
		"no signature":         {parts[0] + "." + parts[1] + ".", token.Unsigned},
		"strange algorithm":    {b64([]byte(`{"alg":"XX1","kid":"k1"}`)) + "." + parts[1] + "." + parts[2], token.Bad},
	} {
		tok, err := token.Parse(tc.token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := tok.Verify(set); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tc.want)
		}
	}
	tok, _ := token.Parse(good)
	if _, err := tok.Verify(json.RawMessage(`nonsense`)); err == nil {
		t.Error("keys that cannot be read are no error")
	}
}

func TestParse(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	good := sign(t, jwt.SigningMethodRS256, "k", key, jwt.MapClaims{"typ": "Bearer", "aud": []string{"a", "b"}, "iat": 1767225600, "realm_access": map[string]any{"roles": []string{"x"}}})
	for _, text := range []string{good, " " + good + "\n", "Bearer " + good, "Authorization: bearer " + good, `"` + good + `",`, good[:40] + "\n  " + good[40:]} {
		tok, err := token.Parse(text)
		if err != nil || tok.Kind() != token.AccessToken || len(tok.Audience()) != 2 || tok.Time("iat").Year() != 2026 {
			t.Errorf("%q…: %v", text[:12], err)
		}
		if !token.Holds(tok.Claims, []string{"realm_access", "roles"}, "x") || token.Holds(tok.Claims, []string{"realm_access", "roles", "x"}, "x") {
			t.Error("the roles are not found, or found where there are none")
		}
		if s := fmt.Sprintf("%v %+v %#v %s", tok, tok, tok, tok); strings.Contains(s, good[:30]) {
			t.Error("a token prints itself")
		}
	}
	secret := b64([]byte("very secret words"))
	for text, want := range map[string]string{
		"": "nothing", "a.b": "2", secret: "1", "a.b.c.d.e": "encrypted", "!!.!!.!!": "header",
		b64([]byte(`{"alg":"RS256"}`)) + "." + secret + ".x": "claims", b64([]byte(`[]`)) + "." + secret + ".x": "header",
		`{"access_token":"` + secret + `","id_token":"x"}`: "access_token or id_token", `{"x":1}`: "JSON", `{"x`: "JSON",
		strings.Repeat("a", token.MaxSize+1): "longer",
	} {
		if _, err := token.Parse(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}

func TestExplain(t *testing.T) {
	now := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	out := token.Explain(map[string]any{"exp": json.Number("1767225600"), "iat": json.Number("1767229265"), "typ": "Bearer", "zzz": map[string]any{},
		"resource_access": map[string]any{"app": map[string]any{"roles": []any{"admin", "user"}}}, "mixed": []any{"a", json.Number("1")}, "nbf": "soon", "auth_time": json.Number("1e300")}, now)
	got := map[string]token.Claim{}
	for _, c := range out {
		got[c.Path] = c
	}
	if out[0].Path != "typ" {
		t.Errorf("first is %s", out[0].Path)
	}
	for path, want := range map[string]token.Claim{
		"exp":                       {Value: "2026-01-01T00:00:00Z", Means: "it is refused after this: 1 h ago"},
		"iat":                       {Value: "2026-01-01T01:01:05Z", Means: "it was made at this moment: in 1 min 5 s"},
		"resource_access.app.roles": {Value: "admin, user", Means: "roles of app"},
		"mixed":                     {Value: `["a",1]`},
		"zzz":                       {Value: "{}"},
		"nbf":                       {Value: "soon", Means: "it is refused before this"},
	} {
		want.Path = path
		if got[path] != want {
			t.Errorf("%s: %+v, want %+v", path, got[path], want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.eyJleHAiOjF9.")
	f.Fuzz(func(t *testing.T, text string) {
		tok, err := token.Parse(text)
		if err != nil {
			return
		}
		token.Explain(tok.Claims, time.Now())
		tok.Kind()
		tok.Audience()
		if _, err := tok.Verify(json.RawMessage(`{"keys":[]}`)); err != nil {
			t.Fatal(err)
		}
	})
}
