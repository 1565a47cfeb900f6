package cmd

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/config"
)

// backends are the clients of one context. Each is made when it is first asked
// for, so that a command needs only the secrets of the server it talks to. It is
// safe for use by several goroutines.
type backends struct {
	proberMu sync.Mutex
	prober   *access.Prober // what was found out about Keto; see ketoProber
	large    access.Large   // the groups that are too large to be listed again
	// Context is what they were made from.
	Context *config.Context
	// Log holds the last requests of all of them.
	Log *transport.Log
	// readOnly is the guard beneath every client: the context's, or --dry-run.
	readOnly bool

	kratos   lazy[*kratos.Client]
	keto     lazy[*keto.Client]
	keycloak lazy[*keycloak.Server]
	model    lazy[*opl.Model]
}

// lazy makes a value once. An error is kept too, since to ask a locked vault again
// and again helps nobody; but not that somebody stopped it, or that time was over.
type lazy[T any] struct {
	mu    sync.Mutex
	made  bool
	value T
	err   error
}

func (l *lazy[T]) get(make func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.made {
		l.value, l.err = make()
		l.made = !clients.Is(l.err, clients.Canceled) && !clients.Is(l.err, clients.Timeout)
	}
	return l.value, l.err
}

// put replaces the value by a newer one.
func (l *lazy[T]) put(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.err, l.made = v, nil, true
}

// loadConfig reads the configuration that the flags and the environment name.
func (g *globals) loadConfig() (*config.Config, error) {
	c, err := config.Load(g.configOptions())
	if err != nil {
		return nil, configProblem(err)
	}
	for _, w := range c.Warnings {
		g.note("gatehouse: warning: %s", w)
	}
	return c, nil
}

// configOptions is what the command line says about the configuration.
func (g *globals) configOptions() config.Options {
	env := make([]string, 0, len(g.env))
	for k, v := range g.env {
		env = append(env, k+"="+v)
	}
	return config.Options{Path: g.configFile, Context: g.contextName, ReadOnly: g.readOnly, Timeout: g.timeout, Environ: env}
}

// configProblem is a complaint about the configuration as a Problem.
func configProblem(err error) error { return configFailed("read the configuration", err) }

// connect prepares the clients of the chosen context. Nothing is sent yet.
func (g *globals) connect(ctx context.Context) (*backends, error) {
	c, err := g.loadConfig()
	if err != nil {
		return nil, err
	}
	chosen, err := c.Context("")
	if err != nil {
		return nil, configProblem(err)
	}
	b := newBackends(chosen)
	b.readOnly = b.readOnly || g.dryRun
	if g.verbose {
		g.follow(ctx, b.Log)
	}
	return b, nil
}

// newBackends prepares the clients of a context.
func newBackends(c *config.Context) *backends {
	return &backends{Context: c, Log: &transport.Log{}, readOnly: c.ReadOnly}
}

// missing says that the context does not name a server that is needed.
func (b *backends) missing(server, setting string) error {
	return &clients.Problem{Kind: clients.Invalid, Op: "use " + server, Code: clients.NotConfigured,
		Reason: "no " + strings.ToLower(server) + " in context " + b.Context.Name, Hint: "add " + setting}
}

// Kratos is the client of the context's Kratos. The bearer token goes to the admin
// listener only: the public one would read it as somebody's session.
func (b *backends) Kratos(ctx context.Context) (*kratos.Client, error) {
	return b.kratos.get(func() (*kratos.Client, error) {
		k := b.Context.Kratos
		if k == nil || k.AdminURL == "" && k.PublicURL == "" {
			return nil, b.missing("Kratos", "kratos.admin_url")
		}
		admin, err := b.options(ctx, "kratos admin", k.Gateway, b.Context.Timeouts.Request)
		if err != nil {
			return nil, err
		}
		public := admin
		public.Target, public.Auth = "kratos public", nil
		return kratos.New(kratos.Options{AdminURL: k.AdminURL, PublicURL: k.PublicURL, Admin: admin, Public: public})
	})
}

// kratos connects, and makes the client that every verb about identities needs.
func (g *globals) kratos(ctx context.Context) (*backends, *kratos.Client, error) {
	b, err := g.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	k, err := b.Kratos(ctx)
	return b, k, err
}

// Keto is the client of the context's Keto.
func (b *backends) Keto(ctx context.Context) (*keto.Client, error) {
	return b.keto.get(func() (*keto.Client, error) {
		k := b.Context.Keto
		if k == nil || k.ReadURL == "" && k.WriteURL == "" {
			return nil, b.missing("Keto", "keto.read_url")
		}
		read, err := b.client(ctx, "keto read port", k.Gateway, b.Context.Timeouts.Request)
		if err != nil {
			return nil, err
		}
		write, err := b.client(ctx, "keto write port", k.Gateway, b.Context.Timeouts.Write)
		if err != nil {
			return nil, err
		}
		return keto.New(keto.Options{ReadURL: k.ReadURL, WriteURL: k.WriteURL, OPLURL: k.OPLURL, Read: read, Write: write, OPL: read})
	})
}

// Keycloak is the client of the context's Keycloak.
func (b *backends) Keycloak(ctx context.Context) (*keycloak.Server, error) {
	return b.keycloak.get(func() (*keycloak.Server, error) {
		k := b.Context.Keycloak
		if k == nil || k.URL == "" {
			return nil, b.missing("Keycloak", "keycloak.url")
		}
		t, err := b.options(ctx, "keycloak", k.Gateway, b.Context.Timeouts.Request)
		if err != nil {
			return nil, err
		}
		login := keycloak.Login{Realm: k.AuthRealm, ClientID: k.ClientID, Username: k.Username}
		if login.Password, err = resolve(ctx, "keycloak.password", k.Password); err != nil {
			return nil, err
		}
		if login.ClientSecret, err = resolve(ctx, "keycloak.client_secret", k.ClientSecret); err != nil {
			return nil, err
		}
		return keycloak.New(keycloak.Options{URL: k.URL, Login: login, Transport: t})
	})
}

// client is an HTTP client with everything that the context says about a server.
func (b *backends) client(ctx context.Context, target string, g config.Gateway, timeout time.Duration) (*http.Client, error) {
	o, err := b.options(ctx, target, g, timeout)
	if err != nil {
		return nil, err
	}
	return transport.New(o), nil
}

func (b *backends) options(ctx context.Context, target string, g config.Gateway, timeout time.Duration) (transport.Options, error) {
	o := transport.Options{Target: target, Timeout: timeout, WriteTimeout: b.Context.Timeouts.Write, ConnectTimeout: b.Context.Timeouts.Connect, ReadOnly: b.readOnly, Log: b.Log, UserAgent: "gatehouse/" + buildVersion().Version}
	var err error
	if o.TLS, err = g.TLS.Config(); err != nil {
		return o, &clients.Problem{Kind: clients.Invalid, Op: "use the certificates for " + target, Reason: err.Error(), Err: err}
	}
	if !g.Bearer.IsZero() {
		o.Auth = &secretBearer{secret: g.Bearer}
	}
	for name, s := range g.Headers {
		v, err := resolve(ctx, "header "+name+" for "+target, s)
		if err != nil {
			return o, err
		}
		if o.Headers == nil {
			o.Headers = map[string]string{}
		}
		o.Headers[name] = v
	}
	return o, nil
}

// resolve reads a secret; an unset one is empty.
func resolve(ctx context.Context, what string, s config.Secret) (string, error) {
	if s.IsZero() {
		return "", nil
	}
	v, err := s.Resolve(ctx)
	if err != nil {
		return "", &clients.Problem{Kind: clients.Invalid, Op: "read " + what, Reason: err.Error(), Err: err,
			Hint: "check it with: gatehouse config validate"}
	}
	return v, nil
}

// secretBearer sends a secret of the configuration as a bearer token. It is read
// anew for each request, so that a file or variable that was rotated is seen.
type secretBearer struct{ secret config.Secret }

// Authorize implements transport.Authorizer.
func (a *secretBearer) Authorize(req *http.Request) error {
	v, err := resolve(req.Context(), "the bearer token", a.secret)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+v)
	return nil
}

// Refresh implements transport.Authorizer: a token that was refused is worth a
// second try only when there is another one by now.
func (a *secretBearer) Refresh(refused *http.Request) (bool, error) {
	a.secret.Forget()
	v, err := a.secret.Resolve(refused.Context())
	return err == nil && "Bearer "+v != refused.Header.Get("Authorization"), err
}

// follow prints every finished request on stderr while a command runs.
func (g *globals) follow(ctx context.Context, log *transport.Log) {
	done, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(ended)
		printed := map[uint64]bool{}
		var seen uint64
		for {
			g.printRequests(log, printed)
			select {
			case <-done:
				g.printRequests(log, printed)
				return
			default:
			}
			seen, _ = log.Wait(ctx, seen)
		}
	}()
	g.atEnd = append(g.atEnd, func() { close(done); cancel(); <-ended })
}

// printRequests prints what has finished and is not in printed yet.
func (g *globals) printRequests(log *transport.Log, printed map[uint64]bool) {
	entries := log.Entries()
	for _, e := range entries {
		if !e.Done || printed[e.Seq] {
			continue
		}
		printed[e.Seq] = true
		outcome := ""
		if e.Kind != "" {
			outcome = " " + string(e.Kind)
		}
		g.note("%s %s %d %dms %s%s", e.Method, e.URL, e.Status, e.Took.Milliseconds(), e.RequestID, outcome)
	}
	if len(entries) > 0 { // forget what the log has forgotten
		for seq := range printed {
			if seq < entries[0].Seq {
				delete(printed, seq)
			}
		}
	}
}
