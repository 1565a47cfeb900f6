package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// Options say what is served. The zero value listens on a free port of loopback with
// every system that can run.
type Options struct {
	// Systems are the ids to serve; empty is all. With exactly one it is at /.
	Systems []string
	// Listen is HOST:PORT, or unix:PATH for a proxy on this machine, which needs
	// PublicURL; empty is a free port of 127.0.0.1.
	Listen string
	// Listener is used in place of opening Listen, which must still say its address.
	Listener net.Listener
	// TLSCert and TLSKey are files in PEM; with them the server speaks HTTPS.
	TLSCert, TLSKey string
	// Proxies are the proxies in front that may say where a request comes from; see
	// gate.Proxies.
	Proxies []string
	// ListenPublic allows an address that other machines reach.
	ListenPublic bool
	// PublicURL is where browsers find the server; empty is what it listens on.
	PublicURL string
	// Hosts are further host names to answer under.
	Hosts []string
	// Secret is the server's secret; empty makes one for this run.
	Secret string
	// UIListen is where Kratos' pages are served at / as well: HOST:PORT, "auto" for
	// where Kratos sends people, "off" or empty for nowhere.
	UIListen string
	// DebugSocket is where decisions are told; empty is the default place, "off" nowhere.
	DebugSocket string
	// ProviderListen is where a provider to practise with stands in for those of Okta,
	// Facebook and Twitter that are not configured: HOST:PORT of this machine, "auto" for
	// a free port, "off" or empty for nowhere.
	ProviderListen string
	// SessionStore is "memory" or a redis:// URL.
	SessionStore string
	// Env is what the systems share; Complete is called on it.
	Env gate.Env
	// Note is shown on the index page.
	Note string
}

// Serves reports whether a system is among those to serve.
func (o Options) Serves(id string) bool { return len(o.Systems) == 0 || slices.Contains(o.Systems, id) }

// Server is a demo server that listens.
type Server struct {
	*gate.Server
	URL     string
	Skipped []Skipped
	// Notes are things that a person should know at the start.
	Notes []string
	// SecretIsNew says that a secret was made for this run: sessions and tokens end with it.
	SecretIsNew bool

	// Socket is where decisions are told; empty where they are not.
	Socket string

	http     *http.Server
	ui       *http.Server
	debug    *http.Server
	provider *http.Server
	stop     func() error
	done     chan error
}

// published are secrets that stand in the seed documents and in their repositories.
var published = []string{"something-insecure", "super-secret", "ST4rrbr4Z9sZSAhU9xkajfWYVcJEHnkx", "not-so-secret", "PLEASE-CHANGE-ME-I-AM-VERY-INSECURE", "changeme", "secret"}

// checkSecret refuses a secret that everybody knows or can try out.
func checkSecret(s string) error {
	for _, p := range published {
		if strings.EqualFold(s, p) {
			return errors.New("SECRET_KEY is one that stands in a published example; choose another, or leave it out to have one made")
		}
	}
	if s != "" && len(s) < 32 {
		return errors.New("SECRET_KEY is shorter than 32 bytes; choose a longer one, or leave it out to have one made")
	}
	return nil
}

// checkListen refuses addresses that other machines reach, unless that is wanted.
func checkListen(o Options) error {
	if strings.HasPrefix(o.Listen, unixPrefix) {
		if o.PublicURL == "" {
			return fmt.Errorf("--listen %s: say under which address browsers find the proxy in front: --public-url", o.Listen)
		}
		return nil
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return fmt.Errorf("--listen %q: use HOST:PORT, such as 127.0.0.1:4480", o.Listen)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	if !o.ListenPublic {
		return fmt.Errorf("--listen %s: other machines reach this address, and the demo has accounts that everybody knows; use 127.0.0.1, or add --listen-public", o.Listen)
	}
	if o.Env.InsecureHTTP {
		return errors.New("--insecure-http: for loopback only")
	}
	return nil
}

// Start listens and serves until Close. Servers that the systems lean on need not
// run yet: what cannot be asked is answered with 503 until it can.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if err := errors.Join(checkSecret(o.Secret), checkListen(o)); err != nil {
		return nil, err
	}
	l, err := o.Listener, error(nil)
	if l == nil {
		if l, err = o.listen(); err != nil {
			return nil, fmt.Errorf("listen on %s: %w", o.Listen, err)
		}
	}
	s, err := start(ctx, o, l)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return s, nil
}

func start(ctx context.Context, o Options, l net.Listener) (*Server, error) {
	env := o.Env
	secure, err := o.certificate()
	if err != nil {
		return nil, err
	}
	proxies, err := gate.ParseProxies(o.Proxies)
	if err != nil {
		return nil, fmt.Errorf("--trusted-proxy: %w", err)
	}
	store, stop, err := gate.OpenStore(ctx, o.SessionStore)
	if err != nil {
		return nil, err
	}
	env.Store = store
	if err := env.Complete([]byte(o.Secret)); err != nil {
		return nil, errors.Join(err, stop())
	}
	if o.PublicURL == "" {
		o.PublicURL = o.scheme() + "://" + l.Addr().String()
	}
	s := &Server{URL: strings.TrimSuffix(o.PublicURL, "/"), SecretIsNew: o.Secret == "", stop: stop, done: make(chan error, 1)}
	env.SetPublicURL(s.URL)
	if err := s.openProvider(o, &env); err != nil {
		return nil, errors.Join(err, stop())
	}
	systems, skipped, err := makeSystems(&env, o.Systems)
	if err != nil {
		return nil, errors.Join(err, s.closeProvider(), stop())
	}
	s.Skipped = skipped
	s.Server, err = gate.New(&env, gate.Config{PublicURL: s.URL, Hosts: o.Hosts, FormTargets: formTargets(&env), Alone: len(o.Systems) == 1, Note: o.Note}, systems...)
	if err != nil {
		return nil, errors.Join(err, s.closeProvider(), stop())
	}
	s.http = gate.HTTPServer(proxies.Behind(s.Handler()))
	s.http.TLSConfig = secure
	if n := o.plainNote(); n != "" {
		s.Notes = append(s.Notes, n)
	}
	s.http.ErrorLog = slog.NewLogLogger(env.Log.Handler(), slog.LevelWarn)
	env.Log.Info("start", "url", s.URL, "systems", len(systems), "accounts", string(env.Accounts), "strict", env.Strict, "subject", string(env.Subject),
		"trust_proxy_headers", env.TrustProxyHeaders, "insecure_http", env.InsecureHTTP)
	if err := s.openUI(ctx, o, l.Addr().String()); err != nil {
		return nil, errors.Join(err, s.closeProvider(), s.Server.Close(), stop())
	}
	if err := s.openSocket(o.DebugSocket, l.Addr().String()); err != nil {
		return nil, errors.Join(err, s.closeProvider(), s.Server.Close(), stop())
	}
	go func() {
		if secure != nil {
			s.done <- s.http.ServeTLS(l, "", "")
			return
		}
		s.done <- s.http.Serve(l)
	}()
	return s, nil
}

// openSocket tells decisions on the private socket.
func (s *Server) openSocket(path, addr string) error {
	if path == "off" {
		return nil
	}
	if path == "" {
		path = decisions.SocketFor(addr)
	}
	l, err := gate.ListenDebug(path)
	if err != nil {
		return err
	}
	s.Socket, s.debug = path, gate.HTTPServer(s.DebugHandler())
	go func() { _ = s.debug.Serve(l) }()
	return nil
}

// formTargets are the origins to which a form may lead, also through redirects.
func formTargets(e *gate.Env) []string {
	seen := map[string]bool{}
	var list []string
	for _, raw := range []string{e.KratosPublicURL, e.KratosUIURL, e.KeycloakURL, e.OathkeeperProxyURL, e.Okta.OrgURL, e.Facebook.BaseURL, e.Twitter.BaseURL, e.PublicURL()} {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || seen[u.Host] {
			continue
		}
		seen[u.Host] = true
		list = append(list, u.Scheme+"://"+u.Host)
	}
	return list
}

// Wait returns when ctx ends or serving fails.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case err := <-s.done:
		s.done <- err
		return err
	case <-ctx.Done():
		return nil
	}
}

// shutdownLimit is how long requests under way may take to finish.
const shutdownLimit = 6 * time.Second

// Close stops listening, lets requests under way finish, and frees everything.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		_ = s.http.Close()
	}
	if s.ui != nil {
		err = errors.Join(err, s.ui.Shutdown(ctx))
	}
	if s.debug != nil {
		_ = s.debug.Close() // a stream would go on for ever; closing removes the socket
	}
	return errors.Join(err, s.closeProvider(), s.Server.Close(), s.stop())
}

// Listing is what `demo serve` prints when it listens.
type Listing struct {
	URL     string             `json:"url"`
	Strict  bool               `json:"strict"`
	Systems []decisions.System `json:"systems"`
	Skipped []Skipped          `json:"skipped,omitempty"`
}

// Listing describes the server.
func (s *Server) Listing() Listing {
	return Listing{URL: s.URL, Strict: s.Env.Strict, Systems: s.Systems(), Skipped: s.Skipped}
}
