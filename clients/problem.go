// Package clients holds what the three back-end clients have in common: the one
// error type they all answer with, and the way they hand out long lists.
package clients

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Kind sorts failures by what the person in front of the screen can do next. The
// names are the ones that CLI.md promises to scripts.
type Kind string

// The closed list of kinds.
const (
	NotFound       Kind = "not_found"       // the thing asked for is not there, or is not visible to us
	Denied         Kind = "denied"          // our own account may not do this (401, 403, or a read-only context)
	Conflict       Kind = "conflict"        // it exists already, or somebody changed it since we read it
	Invalid        Kind = "invalid"         // the request is wrong; Fields says which part where the server says so
	Unreachable    Kind = "unreachable"     // no usable answer: refused, cut, not the server we think it is, 5xx
	Timeout        Kind = "timeout"         // no answer before the deadline
	RateLimited    Kind = "rate_limited"    // 429
	Canceled       Kind = "canceled"        // the person stopped it
	UnknownOutcome Kind = "unknown_outcome" // a write was sent and no answer came back: it may have happened
)

// NotConfigured is the Code of a Problem that says that the context names no such
// back end: there is nobody to ask, which is no failure.
const NotConfigured = "not_configured"

// Field is one complaint of a server about one input.
type Field struct {
	// Path is a slash path into the input ("/traits/email"), or the bare name of the field.
	Path string `json:"path"`
	// Message is the server's own text.
	Message string `json:"message"`
}

// Problem is the only error type that leaves clients/…. It never holds a secret:
// the transport redacts before anything is stored here.
type Problem struct {
	Kind   Kind
	Op     string  // what was tried, in words that fit after "could not": "list identities"
	Target string  // which back end and URL, without credentials and without the query
	Status int     // the HTTP status, 0 when there was none
	Code   string  // the server's own machine-readable code, where it sent one
	Reason string  // why, in the server's words or ours
	Hint   string  // what to do next; may be empty
	Fields []Field // complaints about single inputs, may be empty

	// RequestID is the X-Request-Id that the failed request carried: the line of
	// the request log, and what to search for in the log of the server.
	RequestID string

	Err error // what is underneath, for errors.Is; may be nil
}

// Error is one line: what failed, why, what to do.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Op)
	if p.Reason != "" {
		fmt.Fprintf(&b, ": %s", p.Reason)
	} else {
		fmt.Fprintf(&b, ": %s", strings.ReplaceAll(string(p.Kind), "_", " "))
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "; %s", p.Hint)
	}
	return b.String()
}

// Unwrap gives errors.Is and errors.As the cause, such as context.DeadlineExceeded.
func (p *Problem) Unwrap() error { return p.Err }

// KindOf names the kind of any error: that of a Problem in its chain, else what
// the error itself tells. nil has the empty kind.
func KindOf(err error) Kind {
	var p *Problem
	var nerr net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &p):
		return p.Kind
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &nerr) && nerr.Timeout():
		return Timeout
	default:
		return Unreachable
	}
}

// Is reports whether err is a problem of that kind.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// KindOfStatus maps an HTTP status of a failed request. Statuses that are not
// failures map to Unreachable: who asks got something it did not expect.
func KindOfStatus(status int) Kind {
	switch {
	case status == 404 || status == 410:
		return NotFound
	case status == 401 || status == 403:
		return Denied
	case status == 409 || status == 412:
		return Conflict
	case status == 408 || status == 504:
		return Timeout
	case status == 429:
		return RateLimited
	case status >= 400 && status < 500:
		return Invalid
	default:
		return Unreachable
	}
}
