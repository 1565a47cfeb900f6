package keycloak

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/transport"
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

// Error is the server's text in one line: the words first, the code behind them.
func (e *ServerError) Error() string {
	var parts []string
	for _, s := range []string{e.Description, e.Message} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if e.Field != "" {
		parts = append(parts, "field "+e.Field)
	}
	for _, f := range e.Errors {
		parts = append(parts, f.Field+": "+f.Message)
	}
	text := strings.Join(parts, ": ")
	switch {
	case text == "":
		return e.Code
	case e.Code == "" || e.Code == "unknown_error": // which says nothing
		return text
	}
	return text + " (" + e.Code + ")"
}

// explain reads a refusal of Keycloak; it is the transport.Explain of this package.
func explain(p *clients.Problem, h http.Header, body []byte) {
	se := &ServerError{}
	if json.Unmarshal(body, se) != nil || se.Error() == "" {
		*se = ServerError{}
		fromChallenge(se, h.Get("WWW-Authenticate"))
	}
	if se.Error() == "" {
		return
	}
	if rest, is := strings.CutPrefix(se.Description, "Invalid password: "); is {
		se.Description = "the password policy refuses it: " + rest // "password: word" would be redacted
	}
	for _, s := range []*string{&se.Code, &se.Description, &se.Message} {
		*s = transport.Redact(*s)
	}
	p.Err, p.Reason = se, se.Error()
	if !strings.Contains(se.Code, " ") {
		p.Code = se.Code // prose is no code
	}
	p.Fields = fieldsOf(se)
	kindOf(p, se)
}

// fromChallenge reads the error out of a challenge: the userinfo endpoint answers
// nowhere else (RFC 6750 §3).
func fromChallenge(se *ServerError, challenge string) {
	for part := range strings.SplitSeq(strings.TrimPrefix(challenge, "Bearer "), ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		v = strings.Trim(v, `"`)
		switch k {
		case "error":
			se.Code = v
		case "error_description":
			se.Description = v
		}
	}
}

func fieldsOf(se *ServerError) []clients.Field {
	var out []clients.Field
	if se.Field != "" {
		out = append(out, clients.Field{Path: se.Field, Message: se.Message})
	}
	for _, f := range se.Errors {
		out = append(out, clients.Field{Path: f.Field, Message: f.Message})
	}
	return out
}

// kindOf corrects the kind where the status says too little.
func kindOf(p *clients.Problem, se *ServerError) {
	switch se.Code {
	case "invalid_grant", "unauthorized_client", "access_denied", "not_allowed", "consent_denied":
		p.Kind = clients.Denied // 400 on the token endpoint, but nothing is wrong with the request
		p.Hint = "check the credentials of this context"
	case "":
		if strings.HasPrefix(se.Message, "Failed to send") { // 500, though nothing was written and nothing sent
			p.Kind, p.Hint = clients.Unreachable, "check the mail server in the realm's e-mail settings"
		}
	case "HTTP 401 Unauthorized":
		p.Hint = "the access token was refused; check that the account still exists and is enabled"
	}
}

// isUnknownPath tells "this server has no such endpoint" from "no such object": the
// former has exactly this text, or none that is Keycloak's.
func isUnknownPath(err error) bool {
	if !clients.Is(err, clients.NotFound) {
		return false
	}
	se, ok := errors.AsType[*ServerError](err)
	return !ok || strings.HasPrefix(se.Code, "HTTP 404") || strings.HasPrefix(se.Code, "RESTEASY003210")
}

func refuse(op, reason, hint string) error {
	return &clients.Problem{Kind: clients.Invalid, Op: op, Reason: reason, Hint: hint}
}

// refuse is a problem of kind Invalid: what the server would take and we do not send.
func (r *Realm) refuse(op, reason, hint string) error {
	return refuse(op+" in realm "+r.name, reason, hint)
}

// missing is a problem of kind NotFound about something that has a name.
func (r *Realm) missing(op, what, name string) error {
	return &clients.Problem{Kind: clients.NotFound, Op: op + " in realm " + r.name, Target: r.s.admin.Target(),
		Reason: "the realm has no " + what + " " + strconv.Quote(name)}
}
