// Package provider is a login provider to practise with: an OpenID provider with
// Okta's paths, an OAuth 2 provider with Facebook's, and an OAuth 1.0a provider with
// Twitter's. It keeps to the protocols (codes that count once, PKCE, signatures), and
// has no passwords: whoever comes chooses who to be. It is therefore for the demo on
// one machine only, where it stands in for providers that nobody has an account at.
package provider

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Person is somebody who can be chosen.
type Person struct {
	Key, Name, Email string
	// Suspended people can be chosen, and Okta's record says that they are suspended.
	Suspended bool
}

// Client is what an application is known by.
type Client struct{ ID, Secret string }

// Config is what a Provider is made of.
type Config struct {
	// URL is where browsers and the applications reach it, without trailing slash.
	URL string
	// AppURL is the demo server: browsers are sent back to places below it only.
	AppURL string
	People []Person
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Provider serves all three. Its applications are told apart by their client ids,
// which it makes, like its secrets, anew for each run.
type Provider struct {
	conf     Config
	key      *rsa.PrivateKey
	okta     Client
	facebook Client
	twitter  Client
	apiToken string
	handler  http.Handler

	mu    sync.Mutex
	asked map[string]*request // under way, by a ticket that the page carries
	given map[string]*grant   // codes, verifiers and access tokens
	order []string            // of both, oldest first
}

// How long things count, and how many are kept.
const (
	askedLife = 10 * time.Minute
	codeLife  = time.Minute
	tokenLife = time.Hour
	maxKept   = 10_000
)

// request is a login that an application sent a browser here for.
type request struct {
	kind      string // "okta", "facebook", "twitter"
	app       string // shown
	redirect  string
	state     string
	nonce     string
	challenge string
	hint      string
	token     string // the request token of OAuth 1.0a
	secret    string // its secret
	until     time.Time
}

// grant is what a code, a verifier or an access token stands for.
type grant struct {
	request
	use    string // "code", "access"
	person Person
}

// New makes a provider.
func New(conf Config) (*Provider, error) {
	if len(conf.People) == 0 {
		return nil, errors.New("nobody could be chosen")
	}
	if conf.Now == nil {
		conf.Now = time.Now
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	p := &Provider{conf: conf, key: key, okta: newClient(), facebook: newClient(), twitter: newClient(), apiToken: secret(),
		asked: map[string]*request{}, given: map[string]*grant{}}
	p.handler = p.routes()
	return p, nil
}

func newClient() Client { return Client{ID: "practice-" + secret()[:12], Secret: secret()} }

// secret is a random text of 256 bits.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// OktaURL, FacebookURL and TwitterURL are the bases of the three.
func (p *Provider) OktaURL() string { return p.conf.URL + "/okta" }

// FacebookURL is the base of the OAuth 2 provider.
func (p *Provider) FacebookURL() string { return p.conf.URL + "/facebook" }

// TwitterURL is the base of the OAuth 1.0a provider.
func (p *Provider) TwitterURL() string { return p.conf.URL + "/twitter" }

// Okta, Facebook and Twitter are the application's id and secret at each.
func (p *Provider) Okta() Client { return p.okta }

// Facebook is the application's id and secret at the OAuth 2 provider.
func (p *Provider) Facebook() Client { return p.facebook }

// Twitter is the application's key and secret at the OAuth 1.0a provider.
func (p *Provider) Twitter() Client { return p.twitter }

// APIToken looks people up in Okta's user API.
func (p *Provider) APIToken() string { return p.apiToken }

// Handler is the provider.
func (p *Provider) Handler() http.Handler { return p.handler }

func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.about)
	mux.HandleFunc("GET "+stylePath, serveStyle)
	mux.HandleFunc("POST /choose", p.choose)
	mux.HandleFunc("GET /okta/oauth2/default/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /okta/oauth2/default/v1/keys", p.keys)
	mux.HandleFunc("GET /okta/oauth2/default/v1/authorize", p.oktaAuthorize)
	mux.HandleFunc("POST /okta/oauth2/default/v1/token", p.oktaToken)
	mux.HandleFunc("GET /okta/api/v1/users/{id}", p.oktaUser)
	mux.HandleFunc("GET /facebook/oauth/authorize", p.facebookAuthorize)
	mux.HandleFunc("POST /facebook/oauth/access_token", p.facebookToken)
	mux.HandleFunc("GET /facebook/me", p.facebookMe)
	mux.HandleFunc("POST /twitter/oauth/request_token", p.twitterRequest)
	mux.HandleFunc("GET /twitter/oauth/authorize", p.twitterAuthorize)
	mux.HandleFunc("POST /twitter/oauth/access_token", p.twitterToken)
	mux.HandleFunc("GET /twitter/1.1/account/verify_credentials.json", p.twitterMe)
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self' "+originOf(p.conf.AppURL)+"; frame-ancestors 'none'; base-uri 'none'")
		if !loopback(r.Host) { // a name that somebody pointed at this machine
			http.Error(w, "this server does not answer under that name", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
		if err := origin.Check(r); err != nil {
			http.Error(w, "sent from another site", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mayReturn reports whether a browser may be sent back to an address: one of the demo
// server that is a callback.
func (p *Provider) mayReturn(to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme+"://"+u.Host != originOf(p.conf.AppURL) {
		return false
	}
	return slices.ContainsFunc([]string{"/oidc/callback", "/callback/facebook", "/callback/twitter"}, func(end string) bool {
		return strings.HasSuffix(u.Path, end) && u.Path == u.EscapedPath()
	})
}

// ask remembers a request and is the ticket of its page.
func (p *Provider) ask(r *request) string {
	ticket := secret()
	r.until = p.conf.Now().Add(askedLife)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[ticket] = r
	p.keep(ticket)
	return ticket
}

// give remembers what a new secret stands for, and is that secret.
func (p *Provider) give(g grant, life time.Duration) string {
	g.until = p.conf.Now().Add(life)
	s := secret()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.given[s] = &g
	p.keep(s)
	return s
}

// keep bounds what is remembered; the caller holds the lock.
func (p *Provider) keep(key string) {
	p.order = append(p.order, key)
	for len(p.order) > maxKept {
		delete(p.asked, p.order[0])
		delete(p.given, p.order[0])
		p.order = p.order[1:]
	}
}

// takeAsked ends the request of a ticket.
func (p *Provider) takeAsked(ticket string) *request {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.asked[ticket]
	delete(p.asked, ticket)
	if r == nil || p.conf.Now().After(r.until) {
		return nil
	}
	return r
}

// look is what a secret stands for; once ends it.
func (p *Provider) look(secret, kind, use string, once bool) *grant {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.given[secret]
	if g == nil || g.kind != kind || g.use != use || p.conf.Now().After(g.until) {
		return nil
	}
	if once {
		delete(p.given, secret)
	}
	return g
}

func (p *Provider) person(key string) (Person, bool) {
	for _, one := range p.conf.People {
		if one.Key == key {
			return one, true
		}
	}
	return Person{}, false
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
