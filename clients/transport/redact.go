package transport

import (
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strings"
)

// hidden stands where a secret was.
const hidden = "REDACTED"

// maxText is how much of a server's text is kept in a problem or in the log.
const maxText = 2000

var (
	// secretParam matches names of query parameters and form fields whose values are
	// or may be secrets.
	secretParam = regexp.MustCompile(`(?i)token|secret|passw|pwd|code|assertion|ticket|hint|signature|session|cookie|otp|credential$|api_?key|^(key|sig|sid|auth|state|nonce)$`)
	// plainParam are names that secretParam would catch but that are no secrets:
	// page cursors, and parameters that name a kind of secret.
	plainParam = regexp.MustCompile(`(?i)^(page_token|include_credential|session_aal|token_type_hint|tokenize_as|response_type|code_challenge_method|login_hint|sessions?_?(count|max))$`)
	// Secrets in running text.
	scheme   = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}`)
	jwtLike  = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)*`)
	oryToken = regexp.MustCompile(`\bory_[a-z]{2}_[A-Za-z0-9._-]+`)
	userInfo = regexp.MustCompile(`://[^/\s@"']+@`)
	textPair = regexp.MustCompile(`(?i)\b([a-z_-]*(?:token|secret|password|passwd|cookie))(["']?\s*[=:]\s*["']?)([^\s"'&;,}]+)`)
)

// Redact removes from a text what looks like a credential, and every one of the
// given secrets, and shortens it to a size that fits a log.
func Redact(text string, secrets ...string) string {
	if len(text) > 4*maxText {
		text = text[:4*maxText]
	}
	for _, s := range secrets {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, hidden)
		}
	}
	text = scheme.ReplaceAllString(text, "$1 "+hidden)
	text = jwtLike.ReplaceAllString(text, hidden)
	text = oryToken.ReplaceAllString(text, hidden)
	text = userInfo.ReplaceAllString(text, "://")
	text = textPair.ReplaceAllStringFunc(text, func(m string) string {
		parts := textPair.FindStringSubmatch(m)
		if plainParam.MatchString(parts[1]) {
			return m
		}
		return parts[1] + parts[2] + hidden
	})
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// RedactURL is a URL that can be shown: without user info and with the values of
// secret query parameters replaced.
func RedactURL(u *url.URL) string {
	c := *u
	c.User, c.Fragment, c.RawFragment = nil, "", ""
	if c.RawQuery != "" {
		c.RawQuery = redactQuery(c.RawQuery)
	}
	return c.String()
}

// redactQuery keeps names and order as far as they can be read.
func redactQuery(raw string) string {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return hidden
	}
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		for _, v := range q[name] {
			if secretParam.MatchString(name) && !plainParam.MatchString(name) && v != "" {
				v = hidden
			}
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(v))
		}
	}
	return b.String()
}

// secretHeaders are those whose values never appear in a text of ours.
var secretHeaders = []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Session-Token", "X-Api-Key"}

// secretsOf collects what a request carries and no server may echo into our log.
func secretsOf(req *http.Request, gateway map[string]string) []string {
	var all []string
	add := func(v string) {
		if v == "" {
			return
		}
		all = append(all, v)
		if _, after, ok := strings.Cut(v, " "); ok {
			all = append(all, after) // the token without its scheme
		}
	}
	for _, h := range secretHeaders {
		for _, v := range req.Header.Values(h) {
			add(v)
		}
	}
	for _, v := range gateway {
		add(v)
	}
	for name, vs := range req.URL.Query() {
		if secretParam.MatchString(name) && !plainParam.MatchString(name) {
			all = append(all, vs...)
		}
	}
	return all
}
