package gate

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"gatehouse/clients/decisions"
)

// Call is one request on its way through a system.
type Call struct {
	W   http.ResponseWriter
	R   *http.Request
	Env *Env
	Sys *System
	// Prefix is where the system is mounted: "" or "/s/<id>".
	Prefix string
	// Session is that of the system; nil when it has none.
	Session *Session
	// Identity is whose Kratos session it is, once KratosSession found out.
	Identity Identity

	trace   *trace
	decided bool
}

// Hop writes down one step; the caller fills it. out is "pass", "allow", "deny",
// "present", "absent" or "fail".
func (c *Call) Hop(name, out string) *decisions.Hop { return c.trace.hop(name, out) }

// Subject is who the call was found to come from; guards fill it.
func (c *Call) Subject() *decisions.Subject { return &c.trace.d.Subject }

// Credential writes down that a credential was sent, by its kind and a fingerprint
// that cannot be turned back. An empty value is no credential.
func (c *Call) Credential(kind, value string) {
	h := c.Hop("credential", "present")
	if value == "" {
		h.Out = "absent"
		return
	}
	c.trace.d.Request.Cred, c.trace.d.Request.CredFP = kind, c.Env.fingerprint(value)
	h.Rule = kind
}

// Decide is for handlers that decide themselves (a login): it sets the outcome that
// the policy could not know.
func (c *Call) Decide(out decisions.Outcome, why decisions.Reason) {
	c.decided = true
	c.trace.d.Outcome, c.trace.d.Reason = out, why
}

// Fail answers 503 in a handler for an upstream that gave no usable answer.
func (c *Call) Fail(err error) {
	c.Decide(decisions.Failed, reasonOf(err))
	c.Error(http.StatusServiceUnavailable)
}

// Path is a path of the system as the browser has to ask for it.
func (c *Call) Path(p string) string { return c.Prefix + p }

// URL is a path of the system as an absolute URL, from what the server knows of its
// own address, never from the Host header.
func (c *Call) URL(p string) string { return c.Env.PublicURL() + c.Prefix + p }

// Redirect sends the browser on. to is a path with its prefix, or a URL that is not
// made of anything in the request.
func (c *Call) Redirect(status int, to string) {
	c.W.Header().Set("Location", to)
	if c.W.Header().Get("Content-Type") == "" {
		c.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	}
	c.W.WriteHeader(status)
	if c.R.Method != http.MethodHead {
		_, _ = c.W.Write([]byte("<!doctype html>\n<html lang=en>\n<title>Redirecting</title>\n<p>Go on to <a href=\"" + template.HTMLEscapeString(to) + "\">the next page</a>.\n"))
	}
}

// JSON answers with v, compact, with a final newline.
func (c *Call) JSON(status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		c.Error(http.StatusInternalServerError)
		return
	}
	c.Bytes(status, "application/json", append(b, '\n'))
}

// Text answers with plain text.
func (c *Call) Text(status int, s string) {
	c.Bytes(status, "text/plain; charset=utf-8", []byte(s))
}

// Bytes answers with a body as it is.
func (c *Call) Bytes(status int, contentType string, b []byte) {
	c.W.Header().Set("Content-Type", contentType)
	c.W.WriteHeader(status)
	if c.R.Method != http.MethodHead {
		_, _ = c.W.Write(b)
	}
}

// Error answers with the system's page for a status.
func (c *Call) Error(status int) {
	if status == http.StatusServiceUnavailable {
		c.W.Header().Set("Retry-After", "5")
	}
	if c.Sys != nil && c.Sys.ErrorPage != nil {
		c.Sys.ErrorPage(c, status)
		return
	}
	c.ErrorPage(status)
}

// ErrorPage is gate's own page for a status, whatever the system has.
func (c *Call) ErrorPage(status int) {
	title := http.StatusText(status)
	c.Page(status, "error", map[string]any{"Title": title, "Status": status, "Text": statusWords(status), "Decision": c.trace.d.ID})
}

// WantsJSON reports whether the client asks for JSON and for nothing that a browser
// would ask for.
func (c *Call) WantsJSON() bool {
	a := c.R.Header.Get("Accept")
	return strings.Contains(a, "application/json") && !strings.Contains(a, "text/html") && !strings.Contains(a, "*/*")
}

// Cookie is the value of the first cookie of a name, and whether there is one.
func (c *Call) Cookie(name string) (string, bool) {
	k, err := c.R.Cookie(name)
	if err != nil {
		return "", false
	}
	return k.Value, true
}

// SetCookie sets a cookie with every protection: Secure unless the server was told
// that it speaks plain HTTP, HttpOnly, SameSite=Lax, Path=/. The value must not be a
// secret that the server itself keeps. maxAge 0 is a session cookie, negative removes.
func (c *Call) SetCookie(name, value string, maxAge time.Duration) {
	k := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: !c.Env.InsecureHTTP, SameSite: http.SameSiteLaxMode}
	switch {
	case maxAge > 0:
		k.MaxAge = int(maxAge / time.Second)
		k.Expires = c.Env.Now().Add(maxAge).UTC()
	case maxAge < 0:
		k.MaxAge = -1
		k.Expires = time.Unix(1, 0).UTC()
	}
	http.SetCookie(c.W, k)
}

// ClientIP is the address of the peer. Headers that claim another are not believed.
func (c *Call) ClientIP() string {
	if a, err := netip.ParseAddrPort(c.R.RemoteAddr); err == nil {
		return a.Addr().Unmap().String()
	}
	return c.R.RemoteAddr
}

// Audit writes a line to the audit log: logins, refusals, revocations. Values must
// not be secrets; a failed user name is hashed by the caller with Env.Hash.
func (c *Call) Audit(event string, pairs ...any) {
	c.Env.Log.Info("audit", append([]any{"event", event, "system", c.trace.d.System, "decision", c.trace.d.ID, "ip", c.ClientIP()}, pairs...)...)
}

// DecisionID is the id that the response carries.
func (c *Call) DecisionID() string { return c.trace.d.ID }
