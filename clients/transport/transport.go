// Package transport is the one way by which the back-end clients talk HTTP. Every
// request of every client passes the same stack: a read-only guard, credentials
// that renew themselves, a deadline, retries of reads, a limit on what is read,
// and a log of the last requests. What leaves it as an error is a
// *clients.Problem that holds no secret.
package transport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"gatehouse/clients"
)

// Defaults of Options.
const (
	DefaultTimeout = 15 * time.Second // of a call whose context has no deadline
	DefaultConnect = 10 * time.Second // for reaching a server
	DefaultRetries = 2                // further attempts of a read
	DefaultMaxBody = 32 << 20         // bytes of one answer, after decompression
)

// Options describe one back end. The zero value of every field is usable.
type Options struct {
	// Target names the back end in problems and in the log: "kratos admin".
	Target string
	// Auth adds the credentials; nil sends none.
	Auth Authorizer
	// Headers are added to every request, for gateways in front of the back end.
	// Their values are treated as secrets.
	Headers map[string]string
	// TLS is the client's TLS set-up (own CA, client certificate); nil means Go's defaults.
	TLS *tls.Config
	// Timeout is the deadline of a call, from the first byte out to the last byte
	// in, retries included, when its context has none. 0 means DefaultTimeout.
	Timeout time.Duration
	// WriteTimeout is the same for a call that can change something: a write whose
	// answer is lost may have happened, so it is worth more patience. 0 means Timeout.
	WriteTimeout time.Duration
	// ConnectTimeout is for reaching the server, and once more for TLS. 0 means
	// DefaultConnect.
	ConnectTimeout time.Duration
	// Retries is how often a read is tried again. 0 means DefaultRetries, a
	// negative number never. A write is never retried.
	Retries int
	// ReadOnly refuses every request that can change something, whoever asks.
	ReadOnly bool
	// Log keeps the last requests; nil keeps none. Clients share one.
	Log *Log
	// MaxBody is how many bytes of one answer are read before it counts as a
	// problem. 0 means DefaultMaxBody.
	MaxBody int64
	// UserAgent is sent with every request; empty means "gatehouse".
	UserAgent string
}

// withDefaults fills what was left at zero.
func (o Options) withDefaults() Options {
	if o.Target == "" {
		o.Target = "server"
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = o.Timeout
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = DefaultConnect
	}
	if o.Retries == 0 {
		o.Retries = DefaultRetries
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.UserAgent == "" {
		o.UserAgent = "gatehouse"
	}
	return o
}

// New returns a client whose every request passes the stack. Its connections are
// pooled; CloseIdleConnections lets go of them. Errors of its Do are *url.Error
// around a *clients.Problem: Wrap takes the problem out.
func New(o Options) *http.Client {
	o = o.withDefaults()
	base := &http.Transport{
		// ProxyFromEnvironment never applies to localhost and loopback addresses.
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: o.ConnectTimeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       o.TLS.Clone(),
		TLSHandshakeTimeout:   o.ConnectTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       60 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	// No Timeout on the client: the deadline is the stack's, which can tell whether
	// a write had left before it struck.
	return &http.Client{Transport: &stack{o: o, base: base}, CheckRedirect: checkRedirect}
}

// stack is the RoundTripper. It is stateless but for the pool below it.
type stack struct {
	o    Options
	base *http.Transport
}

// RoundTrip sends one request, up to 1+Retries times when it is a read. Its errors
// are *clients.Problem without an Op.
func (s *stack) RoundTrip(req *http.Request) (*http.Response, error) {
	c := newCall(s, req)
	if c.write && s.o.ReadOnly {
		closeBody(req)
		p := c.problem(clients.Denied, "this context is read-only",
			"to write, use a context without read_only and start without --read-only", nil)
		c.log().refused(c, p.Kind, p.Reason)
		return nil, p
	}
	ctx, cancel := req.Context(), context.CancelFunc(func() {})
	if _, has := ctx.Deadline(); !has {
		limit := s.o.Timeout
		if c.write {
			limit = s.o.WriteTimeout
		}
		ctx, cancel = context.WithTimeout(ctx, limit)
	}
	resp, err := c.attempts(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &body{call: c, ctx: ctx, rc: resp.Body, left: s.o.MaxBody, status: resp.StatusCode, entry: c.entry, cancel: cancel}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the pool.
func (s *stack) CloseIdleConnections() { s.base.CloseIdleConnections() }

// closeBody keeps the promise of a RoundTripper to close the body even when it
// sends nothing.
func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
