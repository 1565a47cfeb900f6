package tui

import (
	"context"
	"errors"
	"net"
)

// Failure is an error in words. The shell imports no client, so whoever wires it
// says how to make one (Options.Explain). Kind is one of the words that CLI.md
// promises to scripts: not_found denied conflict invalid unreachable timeout
// rate_limited canceled unknown_outcome; or empty.
type Failure struct {
	Kind string
	What string // what failed: "list identities"
	Why  string // "keto does not answer at http://…"
	Hint string // what to do next; may be empty
	// Fields are the complaints of a server about single inputs, by the name of the
	// input (for a form: the name of its field).
	Fields map[string]string
}

// String is one line: what failed, why, what to do.
func (f Failure) String() string {
	s := f.What
	if f.Why != "" {
		if s != "" {
			s += ": "
		}
		s += f.Why
	}
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// canceled is a failure that the person wanted.
func (f Failure) canceled() bool { return f.Kind == "canceled" }

// offline is a failure that says nothing about the data: nobody answered.
func (f Failure) offline() bool { return f.Kind == "unreachable" || f.Kind == "timeout" }

// explain is what is used when Options.Explain is not given: it knows the
// standard library only.
func explain(err error) Failure {
	f := Failure{Why: err.Error()}
	var nerr net.Error
	switch {
	case errors.Is(err, context.Canceled):
		f.Kind = "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &nerr) && nerr.Timeout():
		f.Kind = "timeout"
	case errors.As(err, &nerr):
		f.Kind = "unreachable"
	}
	return f
}
