package config

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
)

// Finding is something about a context that is right in form but will not work,
// or is unwise.
type Finding struct {
	Key  string `json:"key"` // inside the context: "keto.opl"
	Msg  string `json:"message"`
	Hint string `json:"hint,omitempty"`
	// Fatal is set when something configured cannot work; the rest is advice.
	Fatal bool `json:"fatal"`
}

// Check looks at what the context refers to: files, certificates and, when secrets
// is set, the secrets, which may make a vault ask a person. No server is contacted.
func (c *Context) Check(ctx context.Context, secrets bool) []Finding {
	k := &finder{ctx: c}
	k.backEnds()
	k.opl()
	k.tls()
	k.plainHTTP()
	if secrets {
		k.secrets(ctx)
	}
	return k.out
}

type finder struct {
	ctx *Context
	out []Finding
}

func (k *finder) fatal(key, hint, format string, a ...any) {
	k.out = append(k.out, Finding{Key: key, Msg: fmt.Sprintf(format, a...), Hint: hint, Fatal: true})
}

func (k *finder) advise(key, hint, format string, a ...any) {
	k.out = append(k.out, Finding{Key: key, Msg: fmt.Sprintf(format, a...), Hint: hint})
}

func (k *finder) backEnds() {
	c := k.ctx
	if c.Kratos == nil && c.Keto == nil && c.Keycloak == nil {
		k.advise("", "add kratos, keto or keycloak", "no back end is configured")
	}
	if t := c.Kratos; t != nil {
		switch {
		case t.AdminURL == "":
			k.fatal("kratos.admin_url", "add it; it usually is port 4434", "missing: identities cannot be read")
		case t.PublicURL == "":
			k.advise("kratos.public_url", "add it; it usually is port 4433", "missing: schemas and sign-in checks are not available")
		case t.PublicURL == t.AdminURL:
			k.advise("kratos.public_url", "name the public listener, usually port 4433", "is the same as admin_url")
		}
	}
	if t := c.Keto; t != nil {
		if t.ReadURL == "" {
			k.fatal("keto.read_url", "add it; it usually is port 4466", "missing: tuples cannot be read and nothing can be checked")
		}
		if t.WriteURL == "" {
			k.advise("keto.write_url", "add it; it usually is port 4467", "missing: tuples cannot be written")
		}
	}
}

func (k *finder) opl() {
	t := k.ctx.Keto
	switch {
	case t == nil:
		return
	case t.OPL == "":
		k.advise("keto.opl", "name the file that the server was given", "missing: Keto does not hand its model out, so relations are guessed from the tuples")
		return
	}
	path := strings.TrimPrefix(t.OPL, "file://")
	if strings.Contains(path, "://") {
		return
	}
	if _, err := os.Stat(path); err != nil {
		k.fatal("keto.opl", "correct the path; a relative one starts at the folder of the configuration file", "%v", err)
	}
}

func (k *finder) tls() {
	seen := map[TLS]bool{}
	look := func(key string, t *TLS) {
		if t == nil || seen[*t] {
			return
		}
		seen[*t] = true
		if _, err := t.Config(); err != nil {
			k.fatal(key, "", "%v", err)
		}
	}
	look("tls", k.ctx.TLS)
	for _, g := range k.ctx.gateways() {
		look(g.name+".tls", g.TLS)
	}
}

// plainHTTP warns about passwords and tokens that travel readable.
func (k *finder) plainHTTP() {
	for _, e := range k.ctx.endpoints() {
		u, err := url.Parse(e[1])
		if err != nil || u.Scheme != "http" || loopbackHost(u.Hostname()) {
			continue
		}
		back, _, _ := strings.Cut(e[0], ".")
		for _, g := range k.ctx.gateways() {
			if g.name == back && (back == "keycloak" || !g.Bearer.IsZero() || len(g.Headers) > 0) {
				k.advise(e[0], "use https, or a tunnel to this machine", "is plain http to another machine: what we sign in with can be read on the way")
			}
		}
	}
}

func (k *finder) secrets(ctx context.Context) {
	look := func(key string, s Secret) {
		if s.IsZero() {
			return
		}
		if _, err := s.Resolve(ctx); err != nil {
			k.fatal(key, "", "%v", err)
		}
	}
	for _, g := range k.ctx.gateways() {
		look(g.name+".bearer", g.Bearer)
		names := make([]string, 0, len(g.Headers))
		for h := range g.Headers {
			names = append(names, h)
		}
		sort.Strings(names)
		for _, h := range names {
			look(g.name+".headers."+h, g.Headers[h])
		}
	}
	if t := k.ctx.Keycloak; t != nil {
		look("keycloak.password", t.Password)
		look("keycloak.client_secret", t.ClientSecret)
	}
}

type namedGateway struct {
	name string
	*Gateway
}

// gateways lists the back ends that are configured, in their usual order.
func (c *Context) gateways() []namedGateway {
	var out []namedGateway
	if c.Kratos != nil {
		out = append(out, namedGateway{"kratos", &c.Kratos.Gateway})
	}
	if c.Keto != nil {
		out = append(out, namedGateway{"keto", &c.Keto.Gateway})
	}
	if c.Keycloak != nil {
		out = append(out, namedGateway{"keycloak", &c.Keycloak.Gateway})
	}
	return out
}
