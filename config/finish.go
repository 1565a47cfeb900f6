package config

import (
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// finish fills in defaults and makes paths and URLs ready for use. What came from
// the environment was made absolute before.
func (c *Context) finish(o Options, dir string) {
	c.ReadOnly = c.ReadOnly || o.ReadOnly
	if o.Timeout > 0 {
		c.Timeouts.Request, c.Timeouts.Write = o.Timeout, o.Timeout
	}
	fill := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	fill(&c.Timeouts.Connect, DefaultConnect)
	fill(&c.Timeouts.Request, DefaultRequest)
	fill(&c.Timeouts.Write, DefaultWrite)
	c.TLS.finish(dir)
	c.finishBackEnds(dir)
}

// finishBackEnds also drops a back end that names no URL at all: it is not
// configured, whatever else is said about it.
func (c *Context) finishBackEnds(dir string) {
	if k := c.Kratos; k != nil {
		trimSlash(&k.AdminURL, &k.PublicURL)
		k.Gateway.finish(c.TLS, dir)
		if k.AdminURL == "" && k.PublicURL == "" {
			c.Kratos = nil
		}
	}
	if k := c.Keto; k != nil {
		trimSlash(&k.ReadURL, &k.WriteURL, &k.OPLURL)
		k.Gateway.finish(c.TLS, dir)
		setDefault(&k.MaxDepth, DefaultMaxDepth)
		setDefault(&k.MaxWidth, DefaultMaxWidth)
		setDefault(&k.Engine, string(Auto))
		setDefault(&k.Strict, Auto)
		if k.OPL != "" && !strings.Contains(k.OPL, "://") {
			k.OPL = expand(k.OPL, dir)
		}
		if k.ReadURL == "" && k.WriteURL == "" && k.OPLURL == "" && k.OPL == "" {
			c.Keto = nil
		}
	}
	if k := c.Keycloak; k != nil {
		trimSlash(&k.URL)
		k.Gateway.finish(c.TLS, dir)
		setDefault(&k.AuthRealm, DefaultAuthRealm)
		if k.Username != "" {
			setDefault(&k.ClientID, "admin-cli")
		}
		if k.URL == "" {
			c.Keycloak = nil
		}
	}
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// trimSlash takes the last slashes off, so that paths can be appended.
func trimSlash(urls ...*string) {
	for _, u := range urls {
		*u = strings.TrimRight(*u, "/")
	}
}

func (g *Gateway) finish(shared *TLS, dir string) {
	if g.TLS == nil {
		g.TLS = shared.clone()
	} else {
		g.TLS.finish(dir)
	}
	if len(g.Headers) > 0 {
		canonical := make(map[string]Secret, len(g.Headers))
		for name, s := range g.Headers {
			canonical[http.CanonicalHeaderKey(name)] = s
		}
		g.Headers = canonical
	}
}

func (t *TLS) finish(dir string) {
	if t == nil {
		return
	}
	for _, p := range []*string{&t.CA, &t.Cert, &t.Key} {
		if *p != "" {
			*p = filepath.Clean(expand(*p, dir))
		}
	}
}
