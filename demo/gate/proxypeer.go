package gate

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the peers that may say where a request comes from.
type Proxies struct {
	// Nets are networks of trusted proxies.
	Nets []netip.Prefix
	// Unix trusts whoever comes over a unix socket: its mode says who can.
	Unix bool
}

// ParseProxies reads networks ("10.0.0.0/8", "192.0.2.7") and "unix".
func ParseProxies(list []string) (p Proxies, err error) {
	for _, s := range list {
		if s == "unix" {
			p.Unix = true
			continue
		}
		n, err := netip.ParsePrefix(s)
		if err != nil {
			a, err2 := netip.ParseAddr(s)
			if err2 != nil {
				return p, err
			}
			n = netip.PrefixFrom(a, a.BitLen())
		}
		p.Nets = append(p.Nets, n.Masked())
	}
	return p, nil
}

// Set reports whether any proxy is trusted.
func (p Proxies) Set() bool { return p.Unix || len(p.Nets) > 0 }

func (p Proxies) trusts(addr string) bool {
	if addr == "" || addr == "@" {
		return p.Unix // the peer of a unix socket has no address
	}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		addr = host
	}
	a, err := netip.ParseAddr(strings.Trim(addr, "[]"))
	return err == nil && slices.ContainsFunc(p.Nets, func(n netip.Prefix) bool { return n.Contains(a.Unmap()) })
}

type strangerKey struct{}

// Behind has the requests of trusted proxies count as those of the client that the
// proxy names: the last address of X-Forwarded-For that is no trusted proxy itself.
// What comes from anybody else is marked, so that no proof of a proxy counts in it.
// With no proxy set it changes nothing.
func (p Proxies) Behind(next http.Handler) http.Handler {
	if !p.Set() {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.trusts(r.RemoteAddr) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), strangerKey{}, true)))
			return
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			a, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				break // beyond what cannot be read nothing can be believed
			}
			r.RemoteAddr = netip.AddrPortFrom(a.Unmap(), 0).String()
			if !p.trusts(a.String()) {
				break
			}
		}
		next.ServeHTTP(w, r)
	})
}

// FromStranger reports whether the server knows its proxies, and the call came from
// none of them.
func (c *Call) FromStranger() bool { return c.R.Context().Value(strangerKey{}) != nil }
