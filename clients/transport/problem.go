package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"

	"gatehouse/clients"
)

// problem builds a problem about this call; the reason is made safe to show.
func (c *call) problem(kind clients.Kind, reason, hint string, err error) *clients.Problem {
	return &clients.Problem{Kind: kind, Target: c.o.Target + " " + hostOf(c.req.URL), Reason: Redact(reason, c.secrets...),
		Hint: hint, RequestID: c.id, Err: err}
}

// hostOf is the part of a URL that says which server it is.
func hostOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// failed turns an error of the network into a problem. A write that had a
// connection may have arrived, so its failure is of unknown outcome.
func (c *call) failed(ctx context.Context, err error) *clients.Problem {
	var p *clients.Problem
	if errors.As(err, &p) {
		return p
	}
	kind, reason, hint := c.explain(ctx, err)
	if c.write && c.sent.Load() {
		return c.problem(clients.UnknownOutcome, "no answer came after it was sent ("+reason+")",
			"it may have happened: read again before trying again", err)
	}
	return c.problem(kind, reason, hint, err)
}

// explain puts an error of the network into words.
func (c *call) explain(ctx context.Context, err error) (kind clients.Kind, reason, hint string) {
	var dns *net.DNSError
	var nerr net.Error
	host := c.req.URL.Host
	up := "check that it runs and that the URL of this context is right"
	switch {
	case errors.Is(err, context.Canceled):
		return clients.Canceled, "canceled", ""
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil,
		errors.As(err, &nerr) && nerr.Timeout() && !errors.As(err, &dns):
		return clients.Timeout, "no complete answer from " + host + " in time", "try again, or allow more time with --timeout"
	case errors.As(err, &dns):
		return clients.Unreachable, "the host name " + dns.Name + " is not known", "check the URL of this context, and the VPN or tunnel it needs"
	case errors.Is(err, syscall.ECONNREFUSED):
		return clients.Unreachable, "nothing listens at " + host, up
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return clients.Unreachable, "there is no route to " + host, up
	case tlsReason(err) != "":
		return clients.Unreachable, tlsReason(err), "check the URL's scheme and the tls part of this context"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return clients.Unreachable, host + " cut the connection", up
	default:
		return clients.Unreachable, err.Error(), up
	}
}

// tlsReason says what is wrong between two ends that do not agree on TLS; empty
// when err is about something else.
func tlsReason(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &authority):
		return "its certificate is signed by an authority that is not trusted here"
	case errors.As(err, &name):
		return "its certificate is for another host: " + name.Error()
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + invalid.Error()
	case errors.As(err, &record):
		return "it does not speak TLS"
	case errors.As(err, &alert):
		return "it refused the TLS connection: " + alert.Error()
	case err != nil && err.Error() == "http: server gave HTTP response to HTTPS client":
		return "it does not speak TLS"
	}
	return ""
}

// permanent reports whether trying again cannot help.
func permanent(err error) bool {
	p, ok := errors.AsType[*clients.Problem](err)
	return ok && p.Err != nil && tlsReason(p.Err) != ""
}

// unauthorized is the problem of a request for which no credentials could be had.
func (c *call) unauthorized(ctx context.Context, err error) *clients.Problem {
	if p, ok := errors.AsType[*clients.Problem](err); ok {
		cp := *p
		if cp.Op != "" {
			cp.Reason = cp.Op + ": " + cp.Reason
			cp.Op = ""
		}
		return &cp
	}
	if ctx.Err() != nil {
		return c.failed(ctx, err)
	}
	return c.problem(clients.Denied, "no credentials: "+err.Error(), "check the credentials of this context", err)
}

// tooLarge is the problem of an answer above the limit.
func (c *call) tooLarge() *clients.Problem {
	reason := fmt.Sprintf("the answer is larger than %d bytes and was not read to its end", c.o.MaxBody)
	if c.write {
		return c.problem(clients.UnknownOutcome, reason, "it has probably happened: read again before trying again", nil)
	}
	return c.problem(clients.Unreachable, reason, "ask for less at a time, or check that this is the right server", nil)
}

// KindOfAnswer is clients.KindOfStatus with an eye on writes: an answer that a
// gateway gave in the server's place (502, 504), or a server that broke off in
// the middle (500 and other unnamed 5xx), leaves open whether a write happened.
// 501 and 503 say that it was not even begun.
func KindOfAnswer(status int, write bool) clients.Kind {
	if write && status >= 500 && status != http.StatusNotImplemented && status != http.StatusServiceUnavailable {
		return clients.UnknownOutcome
	}
	return clients.KindOfStatus(status)
}

// Wrap makes a *clients.Problem of anything that a client made by New returned,
// with op in it. nil stays nil. The *url.Error that net/http puts around it, and
// the full URL in that, is dropped.
func Wrap(err error, op, target string) error {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*clients.Problem](err); ok {
		cp := *p
		cp.Op = op
		if cp.Target == "" {
			cp.Target = target
		}
		return &cp
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	p := &clients.Problem{Kind: clients.KindOf(err), Op: op, Target: target, Reason: Redact(err.Error()), Err: err}
	if p.Kind == clients.Unreachable {
		p.Hint = "check the URL of this context"
	}
	return p
}
