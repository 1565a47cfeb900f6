package keycloak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/clients"
)

// ServerError is what Keycloak itself said. It answers errors in five shapes and
// all of them are kept; errors.As finds it beneath a clients.Problem.
type ServerError struct {
	// Code is "error": a code on the token endpoint ("invalid_grant"), prose on the
	// Admin API ("User not found"), a message key for a refused password.
	Code string `json:"error,omitempty"`
	// Description is "error_description".
	Description string `json:"error_description,omitempty"`
	// Message is "errorMessage": prose, or the message key of a refused field.
	Message string `json:"errorMessage,omitempty"`
	// Field is the attribute of a user that was refused.
	Field string `json:"field,omitempty"`
	// Params belong to Message, such as the allowed lengths; the first repeats Field.
	Params []any `json:"params,omitempty"`
	// Errors is set when several fields were refused at once.
	Errors []FieldError `json:"errors,omitempty"`
}

// FieldError is one refused attribute of a user.
type FieldError struct {
	Field   string `json:"field"`
	Message string `json:"errorMessage"`
	Params  []any  `json:"params,omitempty"`
}

// Error is the server's text in one line.
func (e *ServerError) Error() string {
	var parts []string
	for _, s := range []string{e.Code, e.Description, e.Message} {
		if s != "" && (len(parts) == 0 || parts[len(parts)-1] != s) {
			parts = append(parts, s)
		}
	}
	if e.Field != "" {
		parts = append(parts, "field "+e.Field)
	}
	for _, f := range e.Errors {
		parts = append(parts, f.Field+": "+f.Message)
	}
	return strings.Join(parts, ": ")
}

func problemOfTransport(c call, target string, err error) error {
	var p *clients.Problem
	if errors.As(err, &p) {
		q := *p
		q.Op = c.op
		return &q
	}
	kind := clients.KindOf(err)
	if kind == clients.Unreachable && errors.Is(err, context.Canceled) {
		kind = clients.Canceled
	}
	return &clients.Problem{Kind: kind, Op: c.op, Target: target, Reason: err.Error(), Err: err}
}

func unusable(c call, target string, status int, err error) error {
	return &clients.Problem{Kind: clients.Unreachable, Op: c.op, Target: target, Status: status,
		Reason: err.Error(), Hint: "is this the address of a Keycloak server?", Err: err}
}

func problemOfAnswer(c call, target string, res *http.Response, body []byte) error {
	p := &clients.Problem{Kind: clients.KindOfStatus(res.StatusCode), Op: c.op, Target: target, Status: res.StatusCode}
	se := &ServerError{}
	if json.Unmarshal(body, se) == nil && se.Error() != "" {
		p.Err, p.Code, p.Reason = se, se.Code, se.Error()
		p.Fields = fields(se)
	} else {
		p.Reason = fmt.Sprintf("the server answered %s", res.Status)
	}
	explain(p, se, c)
	return p
}

func fields(se *ServerError) []clients.Field {
	var out []clients.Field
	if se.Field != "" {
		out = append(out, clients.Field{Path: se.Field, Message: se.Message})
	}
	for _, f := range se.Errors {
		out = append(out, clients.Field{Path: f.Field, Message: f.Message})
	}
	return out
}

// explain corrects the kind where the status says too little, and adds what to do.
func explain(p *clients.Problem, se *ServerError, c call) {
	switch {
	case p.Status == http.StatusForbidden && c.needs != "":
		p.Hint = "our account needs " + c.needs + " of realm-management"
	case p.Status == http.StatusUnauthorized && se.Code == "":
		p.Hint = "the access token was refused; log in again"
	case se.Code == "invalid_grant" || se.Code == "access_denied":
		p.Kind = clients.Denied
	}
}

// isUnknownPath tells "this server has no such endpoint" from "no such object": the
// former has this exact text on every release seen.
func isUnknownPath(err error) bool {
	var se *ServerError
	return clients.Is(err, clients.NotFound) && errors.As(err, &se) && strings.HasPrefix(se.Code, "HTTP 404") ||
		clients.Is(err, clients.NotFound) && !errors.As(err, &se)
}

func refuse(op, reason, hint string) error {
	return &clients.Problem{Kind: clients.Invalid, Op: op, Reason: reason, Hint: hint}
}
