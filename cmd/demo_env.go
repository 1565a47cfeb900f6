package cmd

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/config"
	"gatehouse/demo/gate"
	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/seed"
	"gatehouse/stack/story"
)

// demoServe are the flags of demo serve. What a flag does not say comes from the
// environment variables of the original applications, then from the context.
type demoServe struct {
	o          server.Options
	accounts   string
	subject    string
	uiURL      string
	uiListen   string
	oathkeeper string
	oathAPI    string
	logFile    string
}

func (d *demoServe) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringSliceVar(&d.o.Systems, "system", nil, "serve only this `SYSTEM` (again for more); with exactly one it is at /")
	f.StringVar(&d.o.Listen, "listen", "127.0.0.1:4480", "`HOST:PORT` to listen on; port 0 is a free one; or unix:PATH for a proxy on this machine")
	f.StringVar(&d.o.TLSCert, "tls-cert", "", "`FILE` with the certificate (PEM), to speak HTTPS")
	f.StringVar(&d.o.TLSKey, "tls-key", "", "`FILE` with the key of --tls-cert (PEM)")
	f.StringSliceVar(&d.o.Proxies, "trusted-proxy", nil, "`NETWORK` of a proxy in front, or unix (again for more): its X-Forwarded-For is believed, and a signed proof counts from it only")
	f.BoolVar(&d.o.ListenPublic, "listen-public", false, "listen where other machines reach it")
	f.StringVar(&d.o.PublicURL, "public-url", "", "`URL` under which browsers find the server, where it is not what it listens on")
	f.StringSliceVar(&d.o.Hosts, "host", nil, "a further host `NAME` to answer under")
	f.StringVar(&d.accounts, "accounts", string(gate.Story), "whose accounts: those of the `story`, or of the recorded answers of the originals (seeds)")
	f.StringVar(&d.subject, "subject", "", "`RULE` by which a Keto subject is made of an identity: identity_id, email, or seed (the e-mail without @, which can be tricked)")
	f.BoolVar(&d.o.Env.Strict, "strict", false, "403 for a missing role, as the standards say, where the originals answer 401")
	f.BoolVar(&d.o.Env.TrustProxyHeaders, "trust-proxy-headers", false, "believe X-User without the proxy's signed proof, as the original does (unsafe)")
	f.BoolVar(&d.o.Env.InsecureHTTP, "insecure-http", false, "leave Secure off cookies, for clients that keep no Secure cookie on plain HTTP; loopback only")
	f.StringVar(&d.o.SessionStore, "session-store", "memory", "where sessions are kept: memory, or a `URL` redis://HOST:PORT/DB")
	f.DurationVar(&d.o.Env.IdleTimeout, "idle-timeout", 15*time.Minute, "end a session after this `DURATION` without a request")
	f.DurationVar(&d.o.Env.Lifetime, "lifetime", 8*time.Hour, "end a session after this `DURATION`")
	f.StringVar(&d.o.DebugSocket, "debug-socket", "", "`PATH` of the private socket that tells decisions, or off (default: in the user's runtime folder)")
	f.StringVar(&d.uiURL, "ui-url", "", "`URL` of Kratos' login pages (KRATOS_UI_URL; default http://127.0.0.1:4455)")
	f.StringVar(&d.uiListen, "ui-listen", "auto", "`HOST:PORT` to serve Kratos' login pages on as well; auto is where Kratos sends people, if that is this machine and free; off is nowhere")
	f.StringVar(&d.oathkeeper, "oathkeeper-url", "", "`URL` of Oathkeeper's proxy (OATHKEEPER_URL)")
	f.StringVar(&d.oathAPI, "oathkeeper-api", "", "`URL` of Oathkeeper's API, which publishes its keys (OATHKEEPER_API_URL)")
	f.StringVar(&d.o.ProviderListen, "provider", "auto", "`HOST:PORT` of this machine for a provider to practise with, which stands in for Okta, Facebook and Twitter where they are not configured; auto is a free port; off is none")
	f.StringVar(&d.logFile, "log", "", "`FILE` for the log, one JSON object a line; - is standard error")
	_ = c.MarkFlagFilename("tls-cert", "pem", "crt")
	_ = c.MarkFlagFilename("tls-key", "pem", "key")
	_ = c.RegisterFlagCompletionFunc("system", cobra.FixedCompletions(server.IDs(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("accounts", cobra.FixedCompletions([]cobra.Completion{"story", "seeds"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("subject", cobra.FixedCompletions([]cobra.Completion{"identity_id", "email", "seed"}, cobra.ShellCompDirectiveNoFileComp))
}

// first is the first of them that is not empty.
func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return strings.TrimSuffix(v, "/")
		}
	}
	return ""
}

// options completes the flags with the environment and the context. No server is
// asked for more than the secret of the web application's client.
func (d *demoServe) options(ctx context.Context, g *globals) (server.Options, error) {
	o := d.o
	o.Secret, o.UIListen = g.getenv("SECRET_KEY"), d.uiListen
	e := &o.Env
	e.Accounts, e.Subject = gate.Accounts(d.accounts), gate.SubjectRule(d.subject)
	if e.Accounts != gate.Story && e.Accounts != gate.Seeds {
		return o, usageError("--accounts is %q; use story or seeds", d.accounts)
	}
	b, err := g.demoBackends(ctx)
	if err != nil {
		return o, err
	}
	var x config.Context
	var info stack.Info
	if b != nil {
		x = *b.Context
		info = stackBeside(b)
	}
	if x.Kratos == nil {
		x.Kratos = &config.Kratos{}
	}
	if x.Keto == nil {
		x.Keto = &config.Keto{}
	}
	e.KratosPublicURL = first(g.getenv("KRATOS_EXTERNAL_API_URL"), x.Kratos.PublicURL)
	e.KratosUIURL = first(d.uiURL, g.getenv("KRATOS_UI_URL"), stack.DefaultUIURL)
	e.KetoReadURL = first(g.getenv("KETO_API_READ_URL"), x.Keto.ReadURL)
	e.OathkeeperProxyURL = first(d.oathkeeper, g.getenv("OATHKEEPER_URL"), info.Oathkeeper.ProxyURL)
	e.OathkeeperAPIURL = first(d.oathAPI, g.getenv("OATHKEEPER_API_URL"), info.Oathkeeper.APIURL)
	if k := x.Keycloak; k != nil {
		e.KeycloakURL = first(k.URL)
		if len(k.Realms) > 0 {
			e.Realm = k.Realms[0]
		}
	}
	e.Tokens = gate.TokenIssuer{BaseURL: g.getenv("CRYPTR_BASE_URL"), Tenant: g.getenv("CRYPTR_TENANT_DOMAIN"), Audience: g.getenv("CRYPTR_AUDIENCE"), KeysURL: g.getenv("CRYPTR_JWKS_URL")}
	e.Facebook = gate.SocialSettings{BaseURL: first(g.getenv("FACEBOOK_URL")), ID: g.getenv("FACEBOOK_ID"), Secret: g.getenv("FACEBOOK_SECRET")}
	e.Twitter = gate.SocialSettings{BaseURL: first(g.getenv("TWITTER_URL")), ID: g.getenv("TWITTER_ID"), Secret: g.getenv("TWITTER_SECRET")}
	e.Okta = gate.OktaSettings{OrgURL: first(g.getenv("OKTA_ORG_URL")), ClientID: g.getenv("OKTA_CLIENT_ID"), ClientSecret: g.getenv("OKTA_CLIENT_SECRET"), APIToken: g.getenv("OKTA_AUTH_TOKEN")}
	e.ClientID, e.ClientSecret = first(g.getenv("OIDC_CLIENT_ID"), "flaskClient"), g.getenv("OIDC_CLIENT_SECRET")
	if e.ClientSecret == "" && b != nil && e.RealmURL() != "" {
		e.ClientSecret = webClientSecret(ctx, b, e.Realm, e.ClientID)
	}
	if e.Accounts == gate.Seeds && b != nil && elsewhere(b) == "" {
		e.People = seeding.People()
	}
	if e.Accounts == gate.Story && info.Dir != "" {
		if e.People, err = storyPeople(filepath.Join(info.Dir, "people.json")); err != nil {
			return o, err
		}
	}
	return o, nil
}

// demoBackends are the clients of the context; nil where nothing is configured, which
// leaves the systems that need no back end.
func (g *globals) demoBackends(ctx context.Context) (*backends, error) {
	b, err := g.connect(ctx)
	if errors.Is(err, config.ErrNotConfigured) && g.contextName == "" {
		return nil, nil
	}
	return b, err
}

// webClientSecret asks Keycloak for the secret of the web application's client; empty
// where it cannot be read, and the system says then what it lacks.
func webClientSecret(ctx context.Context, b *backends, realm, clientID string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := b.Keycloak(ctx)
	if err != nil {
		return ""
	}
	c, err := s.Realm(realm).ClientByClientID(ctx, clientID)
	if err != nil {
		return ""
	}
	secret, err := s.Realm(realm).ClientSecret(ctx, c.ID)
	if err != nil {
		return ""
	}
	return secret
}

// stackBeside is the stack whose own configuration is in use; zero for any other.
func stackBeside(b *backends) stack.Info {
	info, err := stack.InfoIn(filepath.Dir(b.Context.Origin))
	if err != nil {
		return stack.Info{}
	}
	return info
}

// storyPeople are the people of the story with their passwords in a stack.
func storyPeople(file string) ([]gate.Person, error) {
	st, err := story.Load()
	if err != nil {
		return nil, err
	}
	pw, err := seed.OpenPasswords(file)
	if err != nil {
		return nil, err
	}
	known := pw.Known()
	var list []gate.Person
	for _, p := range st.People {
		one := gate.Person{Key: p.Key, Name: strings.TrimSpace(cleanLine(strings.Join(p.Name, " "))), Email: p.Email, Password: known[p.Key]}
		if one.Name == "" {
			one.Name = p.Key
		}
		if p.Login != nil {
			one.Username = p.Login.Username
		}
		if p.State == "inactive" {
			one.Note = "suspended"
		}
		list = append(list, one)
	}
	return list, nil
}

// demoLog opens the log of the server.
func (d *demoServe) log(g *globals) (*slog.Logger, func(), error) {
	o := &slog.HandlerOptions{ReplaceAttr: gate.Redact}
	switch d.logFile {
	case "":
		return slog.New(slog.DiscardHandler), func() {}, nil
	case "-":
		return slog.New(slog.NewJSONHandler(g.stderr, o)), func() {}, nil
	}
	f, err := os.OpenFile(d.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, problem(clients.Invalid, "open the log", err.Error(), "")
	}
	return slog.New(slog.NewJSONHandler(f, o)), func() { _ = f.Close() }, nil
}
