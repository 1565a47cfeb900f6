package gate

import (
	"net/url"
	"strings"
)

// SafeNext is where to go after a login: next if it is a plain path of this server,
// else fallback. net/http's own Redirect lets every one of the tricks through that
// are refused here.
func SafeNext(next, fallback string) string {
	if next == "" || next[0] != '/' || strings.HasPrefix(next, "//") || strings.ContainsRune(next, '\\') {
		return fallback
	}
	if strings.ContainsFunc(next, control) || len(next) > 2000 {
		return fallback
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\") {
		return fallback
	}
	return next
}
