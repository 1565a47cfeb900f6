package courses

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// maxToken is the longest token that is looked at.
const maxToken = 16 << 10

type verifier struct {
	keys     *gate.Keys
	issuers  []string
	audience string
	now      func() time.Time
	strict   bool
}

func (a *app) guard(c *gate.Call, _ decisions.Policy) gate.Verdict {
	// Two headers read as one, as the original's server reads them: no token at all.
	sent := strings.Fields(strings.Join(c.R.Header.Values("Authorization"), ","))
	if len(sent) == 0 {
		c.Credential("bearer", "")
		return a.refuse(headerMissing)
	}
	c.Credential("bearer", strings.Join(sent[1:], " "))
	if len(sent) != 2 || !strings.EqualFold(sent[0], "Bearer") || len(sent[1]) > maxToken {
		c.Hop("jwt.header", "deny")
		return a.refuse(invalidHeader)
	}
	h := c.Hop("jwt.verify", "deny")
	begin := time.Now()
	cl, err := a.verifier.verify(c.R.Context(), sent[1])
	h.MS = float64(time.Since(begin).Microseconds()) / 1000
	var r *refused
	switch {
	case errors.As(err, &r):
		h.Rule = clean.Line(r.why, 200)
		return a.refuse(r.refusal)
	case err != nil:
		h.Out = "fail"
		return unavailable(err)
	}
	h.Out = "pass"
	h.Facts = map[string]any{"issuer": clean.Line(cl.issuer, 200), "expires_at": cl.expires.UTC().Format(time.RFC3339)}
	s := c.Subject()
	s.User, s.Email = clean.Line(cl.name, 200), clean.Line(cl.email, 200)
	if cl.issuer == a.env.RealmURL() {
		s.Realm = a.env.Realm
	}
	return gate.Pass()
}

// refused is a token that is not accepted, and why in our words for the trace.
type refused struct {
	refusal
	why string
}

func (r *refused) Error() string { return r.why }

func no(r refusal, why string) error { return &refused{r, why} }

// claims is what a token says that passed.
type claims struct {
	issuer, name, email string
	expires             time.Time
}

// verify checks a token in the order of the original: the header and the key, the
// signature, the times, then the rest. RS256 only, whatever the token says. An error
// that is no *refused says that the keys could not be asked for.
func (v *verifier) verify(ctx context.Context, token string) (claims, error) {
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}), jwt.WithoutClaimsValidation(), jwt.WithJSONNumber())
	raw := jwt.MapClaims{}
	_, err := parser.ParseWithClaims(token, raw, func(t *jwt.Token) (any, error) {
		typ, _ := t.Header["typ"].(string)
		typ = strings.TrimPrefix(strings.ToLower(typ), "application/")
		if strings.HasSuffix(typ, "+jwt") && typ != "at+jwt" {
			return nil, errors.New("the token is of another kind (typ)")
		}
		return v.keys.TokenKey(ctx, t.Header)
	})
	switch {
	case gate.IsUpstream(err):
		return claims{}, err
	case errors.Is(err, gate.ErrNoKey):
		return claims{}, no(noKey, err.Error())
	case err != nil:
		return claims{}, no(invalidHeader, err.Error())
	}
	return v.claims(raw)
}

// claims checks what a token says. The original asks for no time to spare, and takes
// a number written as a text.
func (v *verifier) claims(m jwt.MapClaims) (claims, error) {
	now := v.now()
	iat, iatOK := date(m, "iat")
	nbf, nbfOK := date(m, "nbf")
	exp, expOK := date(m, "exp")
	switch {
	case !iatOK || !nbfOK || !expOK:
		return claims{}, no(invalidClaims, "iat, nbf or exp is no time")
	case v.strict && iat.After(now):
		return claims{}, no(invalidClaims, "issued in the future (iat)")
	case nbf.After(now):
		return claims{}, no(invalidClaims, "not valid yet (nbf)")
	case exp.IsZero():
		return claims{}, no(invalidClaims, "it never ends (no exp)")
	case !now.Before(exp.Add(time.Second)): // whole seconds, as the original counts
		return claims{}, no(tokenExpired, "expired at "+exp.UTC().Format(time.RFC3339))
	}
	out := claims{expires: exp}
	if err := v.audienceOf(m); err != nil {
		return claims{}, err
	}
	iss, ok := m["iss"].(string)
	if !ok || !slices.Contains(v.issuers, iss) {
		return claims{}, no(invalidClaims, "of another issuer (iss)")
	}
	out.issuer = iss
	return out, out.person(m)
}

// person takes who the token is about, and refuses what is no access token.
func (c *claims) person(m jwt.MapClaims) error {
	for _, name := range []string{"sub", "jti"} {
		if v, there := m[name]; there {
			if _, ok := v.(string); !ok {
				return no(invalidClaims, name+" is no text")
			}
		}
	}
	if _, there := m["at_hash"]; there {
		return no(invalidClaims, "an ID token, where an access token is due (at_hash)")
	}
	// Keycloak writes what a token is for into a claim: Bearer, ID, Refresh, Logout …
	if typ, there := m["typ"]; there && typ != "Bearer" {
		return no(invalidClaims, "a token of another kind, where an access token is due (typ)")
	}
	c.name, _ = m["preferred_username"].(string)
	if c.name == "" {
		c.name, _ = m["sub"].(string)
	}
	c.email, _ = m["email"].(string)
	return nil
}

func (v *verifier) audienceOf(m jwt.MapClaims) error {
	aud, err := m.GetAudience()
	switch {
	case err != nil:
		return no(invalidClaims, "aud is no text and no list of them")
	case len(aud) == 0:
		return no(invalidClaims, "for nobody in particular (no aud)")
	case !slices.Contains(aud, v.audience):
		return no(invalidClaims, "for another API (aud)")
	}
	return nil
}

// date reads a claim that is a time in seconds; the zero time where there is none.
func date(m jwt.MapClaims, name string) (time.Time, bool) {
	v, there := m[name]
	if !there {
		return time.Time{}, true
	}
	var f float64
	var err error
	switch v := v.(type) {
	case json.Number:
		f, err = v.Float64()
	case string:
		var n int64
		n, err = strconv.ParseInt(v, 10, 64)
		f = float64(n)
	default:
		return time.Time{}, false
	}
	if err != nil || math.IsNaN(f) || math.Abs(f) > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(f), 0), true
}
