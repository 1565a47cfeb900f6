// Package oryoathkeeper is the application behind the proxy of the first seed
// document. The original trusts whoever reaches it; this one wants the proof that
// Oathkeeper signs: an id_token whose key Oathkeeper publishes.
package oryoathkeeper

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// Audience is who the proof must be made for; the configuration that
// `gatehouse demo oathkeeper-config` prints puts it in.
const Audience = "gatehouse-demo"

type app struct {
	env  *gate.Env
	keys *gate.Keys
}

// New makes the system.
func New(env *gate.Env) (*gate.System, error) {
	a := &app{env: env}
	if !env.TrustProxyHeaders {
		if env.OathkeeperProxyURL == "" || env.OathkeeperAPIURL == "" {
			return nil, errors.New("it needs Oathkeeper: set --oathkeeper-url and --oathkeeper-api, or run gatehouse stack up")
		}
		var err error
		if a.keys, err = env.NewKeys(env.OathkeeperAPIURL + "/.well-known/jwks.json"); err != nil {
			return nil, err
		}
	}
	need := decisions.Policy{Kind: decisions.KindProxy, Guard: "proof", Why: "the proxy has looked at the session"}
	related := decisions.Policy{Kind: decisions.KindProxy, Guard: "proof", Why: "the proxy has looked at the session and asked Keto for app:homepage#read"}
	s := &gate.System{
		ID: "ory-oathkeeper", Title: "Application behind Oathkeeper", Guard: "signed proof of Oathkeeper", Seed: "000, 001",
		About: "Oathkeeper in front looks at the Kratos session and asks Keto; this application believes only the token that Oathkeeper signs. Reach it through " +
			clean.Line(env.OathkeeperProxyURL, 200) + "/oathkeeper.",
		Guards: map[string]gate.Guard{"proof": a.guard}, AlsoAtRoot: true,
		Routes: []gate.Route{
			{Method: http.MethodGet, Path: "/oathkeeper", Policy: need, Serve: greet},
			{Method: http.MethodPost, Path: "/oathkeeper", Policy: need, Serve: greet},
			{Method: http.MethodGet, Path: "/homepage", Policy: related, Serve: home},
			{Method: http.MethodGet, Path: "/healthz", Policy: gate.Public("says that the application runs"), Serve: func(c *gate.Call) {
				c.JSON(http.StatusOK, map[string]string{"status": "ok"})
			}},
		},
	}
	if env.TrustProxyHeaders {
		s.Warn = append(s.Warn, "it believes X-User from anybody, and lets in whoever reaches it past the proxy, as the original does")
	}
	return s, nil
}

func greet(c *gate.Call) { c.JSON(http.StatusOK, map[string]string{"message": "greetings"}) }

func home(c *gate.Call) {
	if c.WantsJSON() {
		c.JSON(http.StatusOK, map[string]string{"page": "homepage"})
		return
	}
	c.Plain(http.StatusOK, gate.Plain{Title: "SoftwarePals", Lines: []string{"Oathkeeper let you through, and says who you are."},
		Details: [][2]string{{"Identity", c.Subject().IdentityID}, {"E-mail", c.Subject().Email}}})
}

// proof is what Oathkeeper's id_token mutator signs (v0.40.9: sub, iss, iat, nbf, exp,
// jti, and the configured claims).
type proof struct {
	jwt.RegisteredClaims
	Email string `json:"email"`
}

func (a *app) guard(c *gate.Call, _ decisions.Policy) gate.Verdict {
	if a.env.TrustProxyHeaders {
		h := c.Hop("proxy.headers", "pass")
		h.Warn = []string{"anybody can send this"}
		c.Subject().User = clean.Line(c.R.Header.Get("X-User"), 200)
		return gate.Pass()
	}
	if c.FromStranger() {
		c.Hop("proxy.peer", "deny").Rule = "it did not come from a trusted proxy"
		return refuse(decisions.ProxyProofMissing)
	}
	scheme, token, _ := strings.Cut(c.R.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		c.Credential("bearer", "")
		return refuse(decisions.ProxyProofMissing)
	}
	c.Credential("bearer", token)
	h := c.Hop("proxy.proof", "deny")
	begin := time.Now()
	p, err := a.verify(c.R.Context(), strings.TrimSpace(token))
	h.MS = float64(time.Since(begin).Microseconds()) / 1000
	switch {
	case gate.IsUpstream(err):
		h.Out = "fail"
		return gate.Unavailable(err)
	case err != nil:
		h.Rule = clean.Line(err.Error(), 200)
		return refuse(decisions.ProxyProofInvalid)
	}
	h.Out = "pass"
	h.Facts = map[string]any{"issuer": clean.Line(p.Issuer, 200), "expires_at": p.ExpiresAt.UTC().Format(time.RFC3339)}
	c.Subject().IdentityID, c.Subject().Email = clean.Line(p.Subject, 64), clean.Line(p.Email, 200)
	return gate.Pass()
}

func refuse(why decisions.Reason) gate.Verdict {
	return gate.RefuseWith(why, func(c *gate.Call) {
		c.JSON(http.StatusUnauthorized, map[string]any{"error": map[string]any{"code": http.StatusUnauthorized, "status": "Unauthorized",
			"message": "this application is reached through its proxy"}})
	})
}

// verify checks the proof: RS256 only, whatever the token says, and the key by its id
// from the published set.
func (a *app) verify(ctx context.Context, token string) (*proof, error) {
	p := &proof{}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(a.env.OathkeeperProxyURL+"/"), jwt.WithAudience(Audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(10*time.Second), jwt.WithTimeFunc(a.env.Now))
	_, err := parser.ParseWithClaims(token, p, func(t *jwt.Token) (any, error) { return a.keys.TokenKey(ctx, t.Header) })
	if err == nil && p.Subject == "" {
		err = errors.New("the proof names nobody")
	}
	return p, err
}
