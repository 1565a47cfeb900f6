package courses_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

// serve runs one of the systems with an issuer, at /.
func serve(t *testing.T, id, base string, change func(*gate.Env)) *demotest.Running {
	t.Helper()
	env := gate.Env{Accounts: gate.Seeds, HopTimeout: 300 * time.Millisecond, Tokens: gate.TokenIssuer{BaseURL: base, Tenant: "shark-academy"}}
	if change != nil {
		change(&env)
	}
	return demotest.Start(t, server.Options{Systems: []string{id}, Env: env})
}

// token makes the token that a vector names, with the flaw that its case names.
func token(t *testing.T, v vectors.Vector, host string) string {
	t.Helper()
	header, claims := demotest.TokenOf(t, v, host, time.Now())
	switch {
	case header["alg"] == "HS256":
		text := demotest.Unsigned(t, header, claims)
		der, err := x509.MarshalPKIXPublicKey(&demotest.SigningKey().PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		key := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		if strings.Contains(v.Case, "symmetric") {
			key = []byte(symmetric)
		}
		sig, err := jwt.SigningMethodHS256.Sign(text, key)
		if err != nil {
			t.Fatal(err)
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(sig)
	case strings.Contains(v.Case, "bad signature"), strings.Contains(v.Case, "tampered"):
		other := demotest.Sign(t, header, map[string]any{"iss": "another"})
		return demotest.Unsigned(t, header, claims) + other[strings.LastIndexByte(other, '.'):]
	}
	return demotest.Sign(t, header, claims)
}

const symmetric = "a symmetric key of thirty-two bytes and more"

// faulty is the key set of a setup; nil is the usual one.
func faulty(v *vectors.Vector) http.HandlerFunc {
	public := &demotest.SigningKey().PublicKey
	switch v.Setup {
	case "JWKS 500":
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "broken", http.StatusInternalServerError) }
	case "JWKS body is HTML":
		return demotest.Body("<html>")
	case "JWKS key has no kid":
		return demotest.Body(demotest.KeySet(demotest.JWK("", "sig", public)))
	case "only key has use=enc":
		return demotest.Body(demotest.KeySet(demotest.JWK("k1", "enc", public)))
	case "JWKS now only has k2 (no cache in the original)":
		return demotest.Body(demotest.KeySet(demotest.JWK("k2", "sig", public)))
	case "JWKS oct key":
		return demotest.Body(demotest.KeySet(map[string]any{"kty": "oct", "kid": "k1", "alg": "HS256", "k": base64.RawURLEncoding.EncodeToString([]byte(symmetric))}))
	case "JWKS delayed 5 s":
		return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	}
	return nil
}

func replay(t *testing.T, id string) {
	usual := demotest.NewKeyServer(t, nil)
	plain := serve(t, id, usual.URL, nil)
	demotest.Replay(t, id, func(t *testing.T, v *vectors.Vector) demotest.Target {
		keys, s := usual, plain
		switch {
		case v.Setup == "JWKS connection refused":
			keys = demotest.NewKeyServer(t, nil)
			keys.Stop()
			s = serve(t, id, keys.URL, nil)
		case v.Setup == "CRYPTR_BASE_URL ends with '/'":
			s = serve(t, id, keys.URL+"/", nil)
		case faulty(v) != nil:
			keys = demotest.NewKeyServer(t, faulty(v))
			s = serve(t, id, keys.URL, nil)
		}
		vars := vectors.Vars{}
		if len(v.Request.Token) > 0 {
			vars["jwt"] = token(t, *v, strings.TrimPrefix(keys.URL, "http://"))
		}
		return demotest.Target{URL: s.URL, Vars: vars}
	})
}

func TestVectors(t *testing.T) { replay(t, "jwt-courses") }

func TestCORSVectors(t *testing.T) { replay(t, "jwt-cors") }

func TestPublicVectors(t *testing.T) {
	s := demotest.Start(t, server.Options{Systems: []string{"courses-public"}})
	demotest.Replay(t, "courses-public", func(*testing.T, *vectors.Vector) demotest.Target { return demotest.Target{URL: s.URL} })
}
