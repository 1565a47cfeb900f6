package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// checker collects what is wrong with one context and knows where each value came from.
type checker struct {
	c         *Config
	ctx       *Context
	overrides map[string]string // key inside the context -> variable that set it
	problems  []*Error
}

// validate checks all contexts as they stand in the file.
func (c *Config) validate() []*Error {
	var out []*Error
	if _, ok := c.Contexts[c.Current]; !ok && c.Current != "" {
		e := &Error{File: c.Path, Line: c.lines["current"].line, Key: "current", Msg: fmt.Sprintf("current: there is no context %q", c.Current)}
		if near := nearest(c.Current, c.Names()); near != "" {
			e.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		out = append(out, e)
	}
	if c.Path == "" {
		return out // the environment's context is checked when it is asked for
	}
	for _, name := range c.Names() {
		// Checked on a finished copy, so that defaults count. The environment may
		// still complete it, so that what is missing is left to Context.
		ctx := c.Contexts[name].clone()
		ctx.finish(Options{}, c.baseDir())
		out = append(out, c.validateContext(ctx, nil)...)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Line < out[j].Line })
	return out
}

func (c *Config) validateContext(ctx *Context, overrides map[string]string) []*Error {
	k := &checker{c: c, ctx: ctx, overrides: overrides}
	k.common()
	k.urls()
	k.keto()
	k.keycloak(overrides != nil)
	k.secrets()
	return k.problems
}

// fail complains about a key inside the context, at the place where its value, or
// else the nearest thing around it, was written.
func (k *checker) fail(key, msg, hint string) {
	if name, ok := k.overrides[key]; ok {
		k.problems = append(k.problems, &Error{File: "environment", Key: name, Msg: name + ": " + msg, Hint: hint})
		return
	}
	full := "contexts." + k.ctx.Name + "." + key
	e := &Error{File: k.c.Path, Key: full, Msg: key + ": " + msg, Hint: hint}
	for at := full; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if p, ok := k.c.lines[at]; ok {
			e.Line = p.line
			break
		}
	}
	if e.File == "" {
		e.File = "environment"
	}
	k.problems = append(k.problems, e)
}

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (k *checker) common() {
	if c := k.ctx.Colour; c != "" && !slices.Contains(Colours, c) && !hexColour.MatchString(c) {
		hint := "take one of " + strings.Join(Colours, ", ") + " or #rrggbb"
		if near := nearest(c, Colours); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		k.fail("colour", fmt.Sprintf("%q is not a colour", c), hint)
	}
	for key, d := range map[string]time.Duration{"connect": k.ctx.Timeouts.Connect, "request": k.ctx.Timeouts.Request, "write": k.ctx.Timeouts.Write} {
		if d < 10*time.Millisecond || d > time.Hour {
			k.fail("timeouts."+key, fmt.Sprintf("%s is not between 10ms and 1h", d), "")
		}
	}
	k.tls("tls", k.ctx.TLS)
	k.each(func(name string, g *Gateway) { k.tls(name+".tls", g.TLS) })
}

func (k *checker) tls(key string, t *TLS) {
	if t != nil && (t.Cert == "") != (t.Key == "") {
		k.fail(key, "cert and key go together", "set both, or neither")
	}
}

// each visits the back ends that are configured, in their usual order.
func (k *checker) each(visit func(name string, g *Gateway)) {
	for _, g := range k.ctx.gateways() {
		visit(g.name, g.Gateway)
	}
}

// endpoints lists the URLs of a context with their keys.
func (c *Context) endpoints() [][2]string {
	var out [][2]string
	add := func(key, u string) {
		if u != "" {
			out = append(out, [2]string{key, u})
		}
	}
	if c.Kratos != nil {
		add("kratos.admin_url", c.Kratos.AdminURL)
		add("kratos.public_url", c.Kratos.PublicURL)
	}
	if c.Keto != nil {
		add("keto.read_url", c.Keto.ReadURL)
		add("keto.write_url", c.Keto.WriteURL)
		add("keto.opl_url", c.Keto.OPLURL)
	}
	if c.Keycloak != nil {
		add("keycloak.url", c.Keycloak.URL)
	}
	return out
}

func (k *checker) urls() {
	for _, e := range k.ctx.endpoints() {
		if msg, hint := checkURL(e[1]); msg != "" {
			k.fail(e[0], msg, hint)
		}
	}
}

// checkURL says what is wrong with a base URL. It repeats no URL that may hold a
// password.
func checkURL(text string) (msg, hint string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsAny(text, " \t\r\n"):
		return "is not a URL", "write it as http://HOST:PORT"
	case u.User != nil:
		return "a URL must not carry a user or password", "use username and password, bearer or headers"
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Sprintf("%q is not an http or https URL", text), "write it as http://HOST:PORT"
	case u.Hostname() == "":
		return fmt.Sprintf("%q names no host", text), "write it as http://HOST:PORT"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "a base URL has no ? and no #", "leave that part out"
	}
	if p := u.Port(); p != "" {
		if _, err := net.LookupPort("tcp", p); err != nil || len(p) > 5 {
			return fmt.Sprintf("%q is not a port", p), ""
		}
	}
	return "", ""
}

func (k *checker) keto() {
	t := k.ctx.Keto
	if t == nil {
		return
	}
	if t.MaxDepth < 1 || t.MaxDepth > 65535 {
		k.fail("keto.max_depth", fmt.Sprintf("%d is not between 1 and 65535", t.MaxDepth), "")
	}
	if t.MaxWidth < 1 || t.MaxWidth > 65535 {
		k.fail("keto.max_width", fmt.Sprintf("%d is not between 1 and 65535", t.MaxWidth), "")
	}
	if engines := []string{"auto", "classic", "new"}; !slices.Contains(engines, t.Engine) {
		hint := "take auto, classic or new"
		if near := nearest(t.Engine, engines); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		k.fail("keto.engine", fmt.Sprintf("%q is not an engine", t.Engine), hint)
	}
	if encoded, ok := strings.CutPrefix(t.OPL, "base64://"); ok {
		if _, err := base64.StdEncoding.DecodeString(encoded); err != nil {
			k.fail("keto.opl", "what follows base64:// is not base64", "")
		}
	} else if scheme, _, ok := strings.Cut(t.OPL, "://"); ok && !slices.Contains([]string{"http", "https", "file"}, scheme) {
		k.fail("keto.opl", fmt.Sprintf("%s:// is not understood", scheme), "name a file, a folder, an http(s) or file URL, or base64://…")
	}
}

// keycloak checks the sign-in. What is missing is only a mistake once the
// environment had its say (complete).
func (k *checker) keycloak(complete bool) {
	t := k.ctx.Keycloak
	if t == nil {
		return
	}
	for _, r := range append([]string{t.AuthRealm}, t.Realms...) {
		if r == "" || strings.ContainsAny(r, "/\\?#") {
			k.fail("keycloak.realms", fmt.Sprintf("%q is not the name of a realm", r), "")
		}
	}
	if !complete || t.URL == "" {
		return
	}
	switch {
	case t.Username == "" && !t.Password.IsZero():
		k.fail("keycloak.password", "there is a password but no username", "add keycloak.username")
	case t.Username != "" && t.Password.IsZero():
		k.fail("keycloak.username", "there is a username but no password", "add keycloak.password, as env:NAME, file:PATH, cmd:… or keyring:SERVICE/USER")
	case t.ClientID == "" && !t.ClientSecret.IsZero():
		k.fail("keycloak.client_secret", "there is a client secret but no client", "add keycloak.client_id")
	case t.Username == "" && t.ClientID != "" && t.ClientSecret.IsZero():
		k.fail("keycloak.client_id", "there is a client but no secret", "add keycloak.client_secret, or username and password")
	case t.Username == "" && t.ClientID == "" && t.Bearer.IsZero():
		k.fail("keycloak.url", "nothing to sign in with", "add username and password, or client_id and client_secret")
	}
}

// sensitive matches names of headers whose value is a secret.
var sensitive = regexp.MustCompile(`(?i)authorization|cookie|token|secret|password|passwd|key|session|credential`)

// secrets refuses values that stand in the file, unless nothing leaves this
// machine, and headers that HTTP cannot carry.
func (k *checker) secrets() {
	loopback := k.ctx.Loopback()
	literal := func(key string, s Secret) {
		if s.Literal() && !loopback {
			k.fail(key, "a secret must not stand in the file", "use env:NAME, file:PATH, cmd:… or keyring:SERVICE/USER; only a context on loopback may hold it")
		}
	}
	k.each(func(name string, g *Gateway) {
		literal(name+".bearer", g.Bearer)
		for h, s := range g.Headers {
			switch key := name + ".headers." + h; {
			case !httpguts.ValidHeaderFieldName(h):
				k.fail(key, fmt.Sprintf("%q is not the name of a header", h), "")
			case http.CanonicalHeaderKey(h) == "Authorization" && !g.Bearer.IsZero():
				k.fail(key, "is set twice: bearer sends it too", "keep one of them")
			case s.Literal() && !httpguts.ValidHeaderFieldValue(s.s.ref):
				k.fail(key, "the value holds characters that a header cannot carry", "")
			case sensitive.MatchString(h):
				literal(key, s)
			}
		}
	})
	if t := k.ctx.Keycloak; t != nil {
		literal("keycloak.password", t.Password)
		literal("keycloak.client_secret", t.ClientSecret)
	}
}

// Loopback reports whether every URL of the context stays on this machine. A
// context without URLs does not count.
func (c *Context) Loopback() bool {
	all := c.endpoints()
	for _, e := range all {
		u, err := url.Parse(e[1])
		if err != nil || !loopbackHost(u.Hostname()) {
			return false
		}
	}
	return len(all) > 0
}

// loopbackHost follows RFC 6761 for names: localhost and what is below it never
// leave the machine.
func loopbackHost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
