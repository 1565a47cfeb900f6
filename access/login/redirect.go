package login

import (
	"net"
	"net/url"
	"strings"
)

// redirectAllowed reports whether Keycloak 26 takes a redirect URI, by the rules that
// were measured on it: the whole text must be equal, case and all; "*" at the end takes
// any continuation, before which the query is cut off; an entry that begins with a
// slash belongs to the root URL; "http://localhost" and "http://127.0.0.1" take any
// port.
func redirectAllowed(c *Client, uri string) bool {
	u, err := url.Parse(uri)
	if uri == "" || err != nil || u.Fragment != "" || strings.Contains(uri, "#") || u.User != nil || traverses(uri) {
		return false
	}
	for _, entry := range c.RedirectURIs {
		if strings.HasPrefix(entry, "/") {
			if c.RootURL == "" {
				continue
			}
			entry = strings.TrimSuffix(c.RootURL, "/") + entry
		}
		if entryTakes(entry, uri, u) {
			return true
		}
	}
	return false
}

func entryTakes(entry, uri string, u *url.URL) bool {
	if entry == "*" {
		return u.Scheme == "http" || u.Scheme == "https"
	}
	for _, try := range []string{uri, withoutPort(u)} {
		if try == "" {
			continue
		}
		prefix, wild := strings.CutSuffix(entry, "*")
		if !wild {
			if entry == try {
				return true
			}
			continue
		}
		path, _, _ := strings.Cut(try, "?")
		if strings.HasPrefix(path, prefix) && (strings.HasSuffix(prefix, "/") || afterHost(prefix, path)) || path == strings.TrimSuffix(prefix, "/") && strings.HasSuffix(prefix, "/") {
			return true
		}
	}
	return false
}

// afterHost keeps "http://a.example*" from taking "http://a.example.evil": a star
// right behind the host takes paths only.
func afterHost(prefix, path string) bool {
	_, rest, ok := strings.Cut(prefix, "://")
	if !ok || strings.Contains(rest, "/") {
		return true
	}
	next := strings.TrimPrefix(path, prefix)
	return next == "" || next[0] == '/'
}

// withoutPort is the address without its port, for the loopback addresses of native
// applications (RFC 8252 §7.3); "" for all others.
func withoutPort(u *url.URL) string {
	if u.Scheme != "http" || u.Port() == "" || u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
		return ""
	}
	c := *u
	c.Host = u.Hostname()
	return c.String()
}

func traverses(uri string) bool {
	l := strings.ToLower(uri)
	return strings.Contains(l, "/../") || strings.HasSuffix(l, "/..") || strings.Contains(l, "%2e%2e")
}

// originAllowed reports whether a browser application may call the token endpoint from
// an origin: by name, by "*", or with "+" by the origins of the redirect URIs.
func originAllowed(c *Client, origin string) bool {
	for _, w := range c.WebOrigins {
		switch {
		case w == "*" || strings.TrimSuffix(w, "/") == origin:
			return true
		case w == "+":
			for _, r := range c.RedirectURIs {
				if strings.HasPrefix(r, "/") {
					r = c.RootURL
				}
				if originOf(r) == origin {
					return true
				}
			}
		}
	}
	return false
}

func originOf(uri string) string {
	u, err := url.Parse(strings.TrimSuffix(uri, "*"))
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
