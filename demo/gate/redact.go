package gate

import (
	"log/slog"
	"slices"
	"strings"
)

// secretKeys are the names under which nothing may reach a log.
var secretKeys = []string{"authorization", "cookie", "set-cookie", "x-session-token", "token", "access_token", "refresh_token", "id_token",
	"id_token_hint", "code", "password", "csrf_token", "client_secret", "hmac", "secret", "state", "nonce"}

// Redact is for slog.HandlerOptions: a value under the name of a secret is not
// written, whoever logs it.
func Redact(_ []string, a slog.Attr) slog.Attr {
	if slices.Contains(secretKeys, strings.ToLower(a.Key)) {
		return slog.String(a.Key, "redacted")
	}
	return a
}
