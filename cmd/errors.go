package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gatehouse/clients"
)

// problem makes the error of a verb that did not come from a server.
func problem(kind clients.Kind, op, reason, hint string) *clients.Problem {
	return &clients.Problem{Kind: kind, Op: op, Reason: reason, Hint: hint}
}

// usageError is a wrong command line.
func usageError(format string, args ...any) error {
	return &clients.Problem{Kind: clients.Invalid, Op: "bad usage", Reason: fmt.Sprintf(format, args...)}
}

// problemOf reads any error as a Problem, so that one printer serves them all.
func problemOf(err error) *clients.Problem {
	var p *clients.Problem
	if errors.As(err, &p) {
		return p
	}
	op, reason, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		op, reason = "run", err.Error()
	}
	kind := clients.KindOf(err)
	if kind == clients.Unreachable {
		kind = clients.Invalid // not from a network: input or files of this machine
	}
	return &clients.Problem{Kind: kind, Op: op, Reason: reason, Err: err}
}

// errorJSON is the form of an error that --json prints.
type errorJSON struct {
	Error errorBody `json:"error"`
}

type errorBody struct {
	Kind   clients.Kind    `json:"kind" jsonschema:"enum=not_found,enum=denied,enum=conflict,enum=invalid,enum=unreachable,enum=timeout,enum=rate_limited,enum=canceled,enum=unknown_outcome"`
	Op     string          `json:"op" jsonschema_description:"What failed."`
	Target string          `json:"target" jsonschema_description:"Back end and URL, without credentials; empty when no server was asked."`
	Status int             `json:"status" jsonschema_description:"The HTTP status, 0 when there was none."`
	Reason string          `json:"reason" jsonschema_description:"Why."`
	Hint   string          `json:"hint" jsonschema_description:"What to do next; may be empty."`
	Fields []clients.Field `json:"fields,omitempty" jsonschema_description:"Complaints of the server about single inputs."`
}

// printError writes one line for people, or one JSON object for scripts.
func (g *globals) printError(err error) {
	p := problemOf(err)
	if g.json || g.jsonl {
		b, jerr := json.Marshal(errorJSON{errorBody{p.Kind, p.Op, p.Target, p.Status, p.Reason, p.Hint, p.Fields}})
		if jerr == nil {
			fmt.Fprintf(g.stderr, "%s\n", escapeJSON(b))
			return
		}
	}
	text := err.Error() // with what wraps the Problem, such as a line number
	for _, f := range p.Fields {
		if !strings.Contains(text, f.Message) {
			text += fmt.Sprintf(" (%s: %s)", f.Path, f.Message)
		}
	}
	fmt.Fprintf(g.stderr, "gatehouse: %s\n", cleanLine(text))
}

// note tells the person something that is no result and no failure.
func (g *globals) note(format string, args ...any) {
	if !g.quiet {
		fmt.Fprintf(g.stderr, "%s\n", cleanLine(fmt.Sprintf(format, args...)))
	}
}

// firstError is the first of them that is one.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
