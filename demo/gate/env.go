package gate

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Accounts says with which people the systems run.
type Accounts string

// The two sets of accounts.
const (
	// Story are the people of the story in the running stack.
	Story Accounts = "story"
	// Seeds are those that the recorded answers of the originals were made with.
	Seeds Accounts = "seeds"
)

// Env is what all systems share. A system takes from it and never from the
// environment, the clock or the network directly.
type Env struct {
	Accounts Accounts
	// Strict replaces statuses that are wrong by the standards: 403 in place of 401 for
	// somebody who is logged in and lacks a role.
	Strict bool
	// Subject is how the Ory systems make a Keto subject of an identity.
	Subject SubjectRule
	// TrustProxyHeaders believes X-User without the proxy's proof; for the lesson only.
	TrustProxyHeaders bool
	// InsecureHTTP leaves the Secure attribute off cookies; on loopback only.
	InsecureHTTP bool
	// IdleTimeout and Lifetime are those of sessions; see SessionOptions.
	IdleTimeout, Lifetime time.Duration
	// BcryptCost is what new hashes cost; tests use bcrypt.MinCost.
	BcryptCost int

	// KratosPublicURL, KratosUIURL, KetoReadURL, KeycloakURL and the rest are without trailing slash; empty where there is none.
	KratosPublicURL string
	KratosUIURL     string
	KetoReadURL     string
	KeycloakURL     string
	// Realm, ClientID and ClientSecret are those of the Keycloak web application.
	Realm, ClientID, ClientSecret string
	// Tokens is the issuer of the tokens that the courses API takes.
	Tokens TokenIssuer
	// Facebook and Twitter are the providers of social logins.
	Facebook, Twitter SocialSettings
	// Okta is the second provider of logins; empty where there is none.
	Okta               OktaSettings
	OathkeeperProxyURL string
	OathkeeperAPIURL   string

	// People are those of the story with their passwords, where they are known.
	People []Person

	Log *slog.Logger
	Now func() time.Time
	// HTTP is the client for every upstream: kept connections, deadlines, no redirects.
	HTTP *http.Client
	// HopTimeout bounds one request to an upstream, RequestTimeout a whole request.
	HopTimeout, RequestTimeout time.Duration

	Kratos *Kratos // nil without KratosPublicURL
	Keto   *Keto   // nil without KetoReadURL
	Limits *Limits
	// Passwords verifies passwords without tying up the machine.
	Passwords *Passwords

	Store     SessionStore
	secret    []byte
	fpKey     []byte
	publicURL string
}

// SubjectRule is how a subject for Keto is made of a Kratos identity.
type SubjectRule string

// The rules. Only the first cannot be tricked; see the original's collision in the docs.
const (
	SubjectID    SubjectRule = "identity_id" // the identity's id
	SubjectEmail SubjectRule = "email"       // the e-mail trait, verified only
	SubjectSeed  SubjectRule = "seed"        // the e-mail without "@", as the original does: two addresses can be one subject
)

// Complete fills in what is not set. secret is the server's secret; nil makes one
// for this run.
func (e *Env) Complete(secret []byte) error {
	if e.Accounts == "" {
		e.Accounts = Story
	}
	if e.Subject == "" {
		e.Subject = SubjectID
		if e.Accounts == Seeds {
			e.Subject = SubjectSeed
		}
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Now == nil {
		e.Now = time.Now
	}
	setDefault(&e.HopTimeout, 2*time.Second)
	setDefault(&e.RequestTimeout, 5*time.Second)
	setDefault(&e.IdleTimeout, 15*time.Minute)
	setDefault(&e.Lifetime, 8*time.Hour)
	if e.BcryptCost == 0 {
		e.BcryptCost = 12
	}
	if e.HTTP == nil {
		e.HTTP = newHTTPClient()
	}
	if len(secret) == 0 {
		secret = make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
	}
	e.secret = secret
	e.fpKey = make([]byte, 32)
	_, _ = rand.Read(e.fpKey)
	if e.Limits == nil {
		e.Limits = NewLimits(e.Accounts, e.Now)
	}
	if e.Passwords == nil {
		e.Passwords = NewPasswords(e.BcryptCost, e.Now)
	}
	if e.Store == nil {
		e.Store = NewMemoryStore()
	}
	if e.KratosPublicURL != "" && e.Kratos == nil {
		e.Kratos = &Kratos{env: e, url: e.KratosPublicURL}
	}
	if e.KetoReadURL != "" && e.Keto == nil {
		e.Keto = &Keto{env: e, url: e.KetoReadURL}
	}
	switch e.Subject {
	case SubjectID, SubjectEmail, SubjectSeed:
		return nil
	}
	return fmt.Errorf("the subject rule %q is not known; use identity_id, email or seed", e.Subject)
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Secret derives a key of 32 bytes for one purpose from the server's secret.
func (e *Env) Secret(purpose string) []byte {
	k, err := hkdf.Key(sha256.New, e.secret, nil, "gatehouse demo "+purpose, 32)
	if err != nil {
		panic(err) // 32 bytes is always possible
	}
	return k
}

// PublicURL is where browsers find the server, without trailing slash.
func (e *Env) PublicURL() string { return e.publicURL }

// SetPublicURL sets it, before the systems are made.
func (e *Env) SetPublicURL(u string) { e.publicURL = strings.TrimSuffix(u, "/") }

// fingerprint tells whether two credentials are the same without telling what they
// are. Its key lives as long as the process.
func (e *Env) fingerprint(v string) string { return "hmac:" + e.Hash(v) }

// Hash is a short keyed hash for logs: the same for the same value in this run only.
func (e *Env) Hash(v string) string {
	m := hmac.New(sha256.New, e.fpKey)
	m.Write([]byte(v))
	return hex.EncodeToString(m.Sum(nil)[:8])
}

// Role401 is the status for somebody who is logged in and lacks a role: 401 as the
// originals answer, 403 as the standards say with Strict.
func (e *Env) Role401() int {
	if e.Strict {
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}
