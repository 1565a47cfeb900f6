package demotest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/demo/vectors"
)

// SigningKey is the key of the issuers of a test run; making one takes a while.
var SigningKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// JWK is a public key as a key set holds it; use may be empty.
func JWK(kid, use string, k *rsa.PublicKey) map[string]any {
	b := base64.RawURLEncoding
	m := map[string]any{"kty": "RSA", "n": b.EncodeToString(k.N.Bytes()), "e": b.EncodeToString(big.NewInt(int64(k.E)).Bytes())}
	if kid != "" {
		m["kid"] = kid
	}
	if use != "" {
		m["use"] = use
	}
	return m
}

// KeySet is a key set as JSON.
func KeySet(keys ...map[string]any) string {
	b, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// KeyServer serves a key set at every path, and counts.
type KeyServer struct {
	URL     string
	fetches atomic.Int64
	mu      sync.Mutex
	answer  http.HandlerFunc
	close   func()
}

// NewKeyServer starts one; answer nil serves SigningKey as "k1".
func NewKeyServer(t testing.TB, answer http.HandlerFunc) *KeyServer {
	t.Helper()
	k := &KeyServer{answer: answer}
	if answer == nil {
		k.answer = Body(KeySet(JWK("k1", "sig", &SigningKey().PublicKey)))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.fetches.Add(1)
		k.mu.Lock()
		a := k.answer
		k.mu.Unlock()
		a(w, r)
	}))
	k.URL, k.close = s.URL, sync.OnceFunc(func() { s.CloseClientConnections(); s.Close() })
	t.Cleanup(k.close)
	return k
}

// Body answers 200 with a JSON body.
func Body(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, s)
	}
}

// Serve changes what it answers.
func (k *KeyServer) Serve(a http.HandlerFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answer = a
}

// Stop makes it refuse connections.
func (k *KeyServer) Stop() { k.close() }

// Fetches is how often it was asked.
func (k *KeyServer) Fetches() int { return int(k.fetches.Load()) }

// Sign makes an RS256 token of a header and claims with SigningKey.
func Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	return SignWith(t, header, claims, jwt.SigningMethodRS256, SigningKey())
}

// SignWith makes a token with a method and a key, whatever the header says.
func SignWith(t testing.TB, header, claims any, m jwt.SigningMethod, key any) string {
	t.Helper()
	text := Unsigned(t, header, claims)
	sig, err := m.Sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// signed is a token of SigningKey outside a test's goroutine.
func signed(claims map[string]any) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(claims))
	t.Header["kid"] = "k1"
	return t.SignedString(SigningKey())
}

// Unsigned is the part of a token that is signed.
func Unsigned(t testing.TB, header, claims any) string {
	t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
}

// TokenOf is the decoded token that a vector names, with its times counted from now
// and the issuer's host put in.
func TokenOf(t testing.TB, v vectors.Vector, host string, now time.Time) (header, claims map[string]any) {
	t.Helper()
	var want struct{ Header, Claims map[string]any }
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(v.Request.Token), "<issuer-host>", host)), &want); err != nil {
		t.Fatalf("%v in %s", err, v.Request.Token)
	}
	for k, c := range want.Claims {
		s, _ := c.(string)
		plain := strings.TrimPrefix(s, "string of ")
		switch {
		case s == "<8000 chars>":
			want.Claims[k] = strings.Repeat("x", 8000)
		case strings.HasPrefix(plain, "now"):
			n, _ := strconv.Atoi(strings.TrimPrefix(plain, "now"))
			want.Claims[k] = now.Unix() + int64(n)
			if plain != s {
				want.Claims[k] = strconv.FormatInt(now.Unix()+int64(n), 10)
			}
		}
	}
	return want.Header, want.Claims
}
