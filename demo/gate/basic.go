package gate

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// ParseBasic reads the value of an Authorization header as HTTP Basic (RFC 7617).
// The scheme may be in any case, with any blanks behind it, and the base64 may lack
// its padding, as the originals' libraries take it. false is anything else: another
// scheme, no colon, text that is not UTF-8.
func ParseBasic(header string) (user, password string, ok bool) {
	scheme, rest, found := strings.Cut(strings.TrimSpace(header), " ")
	if !found || !strings.EqualFold(scheme, "basic") {
		return "", "", false
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(rest), "="))
	if err != nil || !utf8.Valid(raw) {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}
