// Package token reads a JSON Web Token (RFC 7519) that somebody pasted: what it is,
// what it says, whether the realm's keys signed it. It decides nothing about access
// and never gives back the token itself.
package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// MaxSize bounds what is taken for a token, in bytes; Keycloak's own are a few KB.
const MaxSize = 64 << 10

// Token is a decoded token. It prints as "token".
type Token struct {
	// Header and Claims are as they stand in the token.
	Header map[string]any
	Claims map[string]any
	// Raw is the JSON of the claims, with numbers as they were written.
	Raw json.RawMessage

	signed string
}

// String keeps the token out of every print.
func (*Token) String() string { return "token" }

// GoString keeps the token out of %#v.
func (*Token) GoString() string { return "token" }

// Parse decodes a token without checking anything about it. Blanks, line breaks, a
// "Bearer " before it and quotes around it are left out; an answer of the token
// endpoint is no token, and the error says which fields of it are. No error repeats
// what was pasted.
func Parse(text string) (*Token, error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("it is longer than %d bytes", MaxSize)
	}
	text = tidy(text)
	switch {
	case text == "":
		return nil, errors.New("there is nothing in it")
	case strings.HasPrefix(text, "{"):
		return nil, inAnswer(text)
	}
	parts := strings.Split(text, ".")
	if len(parts) == 5 {
		return nil, errors.New("it is encrypted (five parts): only the application can read it")
	}
	if len(parts) != 3 {
		return nil, fmt.Errorf("a token has three parts with dots between them, this has %d: perhaps not all of it was copied", len(parts))
	}
	t := &Token{signed: text}
	if _, err := decode(parts[0], &t.Header); err != nil {
		return nil, fmt.Errorf("its first part (the header) cannot be read: %w", err)
	}
	var err error
	if t.Raw, err = decode(parts[1], &t.Claims); err != nil {
		return nil, fmt.Errorf("its second part (the claims) cannot be read: %w", err)
	}
	return t, nil
}

// tidy takes off what comes along when a token is copied.
func tidy(text string) string {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "{") {
		return text
	}
	if rest, ok := cutPrefixFold(text, "authorization:"); ok {
		text = strings.TrimSpace(rest)
	}
	if rest, ok := cutPrefixFold(text, "bearer "); ok {
		text = rest
	}
	text = strings.Trim(strings.TrimSpace(text), `"',;`)
	return strings.Join(strings.Fields(text), "")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// inAnswer says which parts of a pasted answer are tokens.
func inAnswer(text string) error {
	var m map[string]any
	if json.Unmarshal([]byte(text), &m) != nil {
		return errors.New("it is JSON, not a token")
	}
	var has []string
	for _, k := range []string{"access_token", "id_token", "refresh_token"} {
		if s, _ := m[k].(string); s != "" {
			has = append(has, k)
		}
	}
	if len(has) == 0 {
		return errors.New("it is JSON, not a token")
	}
	return fmt.Errorf("it is a whole answer of the token endpoint: paste only the value of %s", strings.Join(has, " or "))
}

func decode(part string, into *map[string]any) (json.RawMessage, error) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(part, "="))
	if err != nil {
		return nil, errors.New("it is not base64url")
	}
	if *into, err = Claims(b); err != nil || *into == nil {
		return nil, errors.New("it is not a JSON object")
	}
	return b, nil
}

// Claims reads the claims of a document with numbers as they were written, so that
// times can be told from other numbers.
func Claims(raw json.RawMessage) (map[string]any, error) {
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := d.Decode(&out)
	return out, err
}

// Kind is what a token is for, by Keycloak's "typ" claim.
type Kind string

// The kinds of token that Keycloak makes.
const (
	AccessToken  Kind = "access token"
	IDToken      Kind = "ID token"
	RefreshToken Kind = "refresh token"
	OfflineToken Kind = "offline token" // a refresh token that outlives the session
	LogoutToken  Kind = "logout token"
	OtherToken   Kind = "token"
)

// Kind is what the token is for.
func (t *Token) Kind() Kind {
	switch strings.ToLower(t.Text("typ")) {
	case "bearer", "dpop":
		return AccessToken
	case "id":
		return IDToken
	case "refresh":
		return RefreshToken
	case "offline":
		return OfflineToken
	case "logout":
		return LogoutToken
	}
	if typ, _ := t.Header["typ"].(string); strings.EqualFold(typ, "at+jwt") { // RFC 9068
		return AccessToken
	}
	return OtherToken
}

// Text is a claim that is a string, "" for any other.
func (t *Token) Text(claim string) string {
	s, _ := t.Claims[claim].(string)
	return s
}

// Time is a claim that is a number of seconds since 1970, the zero time for any other.
func (t *Token) Time(claim string) time.Time {
	n, ok := t.Claims[claim].(json.Number)
	if !ok {
		return time.Time{}
	}
	f, err := n.Float64()
	if err != nil || f <= 0 || f > 253402300799 { // the year 9999
		return time.Time{}
	}
	return time.Unix(int64(f), 0).UTC()
}

// Audience is the "aud" claim, which may be one text or a list.
func (t *Token) Audience() []string { return texts(t.Claims["aud"]) }

func texts(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// RealmOf is the name of the Keycloak realm at the end of an issuer, "" where it has
// none.
func RealmOf(issuer string) string {
	_, realm, ok := strings.Cut(issuer, "/realms/")
	if !ok || strings.Contains(realm, "/") {
		return ""
	}
	return realm
}

// Signature is what became of checking a signature.
type Signature string

// The results of Verify.
const (
	// Good: one of the keys signed it.
	Good Signature = "good"
	// Bad: the key that it names did not sign it, or it was changed since.
	Bad Signature = "bad"
	// NoKey: none of the keys has the id that it names.
	NoKey Signature = "no_such_key"
	// Secret: it is signed with a secret of the server (refresh tokens are), so that
	// nobody else can check it.
	Secret Signature = "secret"
	// Unsigned: it has no signature at all.
	Unsigned Signature = "unsigned"
)

// asymmetric are the algorithms that a published key can be for.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Verify holds the signature against the keys of a realm, a JSON Web Key Set (RFC
// 7517). It looks at nothing else: not at times, issuer or audience. The error is set
// when the keys cannot be read.
func (t *Token) Verify(keySet json.RawMessage) (Signature, error) {
	keys, err := keyfunc.NewJWKSetJSON(keySet)
	if err != nil {
		return "", fmt.Errorf("read the public keys: %w", err)
	}
	alg, _ := t.Header["alg"].(string)
	switch {
	case strings.EqualFold(alg, "none") || strings.HasSuffix(t.signed, "."):
		return Unsigned, nil
	case strings.HasPrefix(alg, "HS"):
		return Secret, nil
	case !slices.Contains(asymmetric, alg):
		return Bad, nil
	}
	known, err := kids(keySet)
	if err != nil {
		return "", err
	}
	if kid, _ := t.Header["kid"].(string); !slices.Contains(known, kid) {
		return NoKey, nil
	}
	_, err = jwt.NewParser(jwt.WithValidMethods(asymmetric), jwt.WithoutClaimsValidation()).Parse(t.signed, keys.Keyfunc)
	if err != nil {
		return Bad, nil
	}
	return Good, nil
}

func kids(keySet json.RawMessage) ([]string, error) {
	var w struct {
		Keys []struct {
			Kid string `json:"kid"`
			Use string `json:"use"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(keySet, &w); err != nil {
		return nil, fmt.Errorf("read the public keys: %w", err)
	}
	var out []string
	for _, k := range w.Keys {
		if k.Use != "enc" {
			out = append(out, k.Kid)
		}
	}
	return out, nil
}

// Holds reports whether the list at a path of claims has the value.
func Holds(claims map[string]any, path []string, value string) bool {
	return slices.Contains(At(claims, path), value)
}

// At is the list of texts at a path of claims; one text counts as a list of one.
func At(claims map[string]any, path []string) []string {
	var at any = claims
	for _, part := range path {
		m, _ := at.(map[string]any)
		at = m[part]
	}
	return texts(at)
}

// Signed is the token itself, for the one who has to show it to its maker. It must
// not be printed, logged or kept.
func (t *Token) Signed() string { return t.signed }
