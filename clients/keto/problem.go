package keto

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// The codes of a Problem from this package, for callers that go on from one.
const (
	// CodeUnknownNamespace: Keto's model has no such namespace (404 from every call
	// but a check, which answers "denied" instead).
	CodeUnknownNamespace = "unknown_namespace"
	// CodeUnknownRelation: the namespace declares no such relation (400 from a
	// check). A stored tuple with a misspelt relation that the check comes across
	// causes it too, so the relation named is not always the one that was asked for.
	CodeUnknownRelation = "unknown_relation"
	// CodeMaxDepth and CodeMaxWidth: a server in strict mode gave up (422) because
	// its limit.max_read_depth or limit.max_read_width was reached.
	CodeMaxDepth = "max_depth_exceeded"
	CodeMaxWidth = "max_width_exceeded"
	// CodePageToken: the server does not know the cursor any more; start over.
	CodePageToken = "page_token"
	// CodeWrongPort: the URL is that of another port of Keto, or not of Keto.
	CodeWrongPort = "wrong_port"
	// CodeNotConfigured: the context has no URL for the port that the call needs.
	CodeNotConfigured = "not_configured"
	// CodeBatchSize: more questions in one batch than the server takes.
	CodeBatchSize = "batch_size"
	// CodeChanged: the tuples are not as they were when they were read.
	CodeChanged = "changed"

	codeEmptyExpand = "empty_expand"
)

// envelope is how Keto writes an error: usually under "error", sometimes bare.
type envelope struct {
	Error *fault `json:"error"`
	fault
}

type fault struct {
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Debug   string `json:"debug"`
	// Errors is what /health/ready answers, by the part that is not ready.
	Errors map[string]string `json:"errors"`
}

// parseFault reads Keto's error; ok is false when the body is none.
func parseFault(body []byte) (f fault, ok bool) {
	var e envelope
	if json.Unmarshal(body, &e) != nil {
		return fault{}, false
	}
	if e.Error != nil {
		e.fault = *e.Error
	}
	f = e.fault
	for _, part := range slices.Sorted(maps.Keys(f.Errors)) {
		f.Reason += "; " + part + ": " + f.Errors[part]
	}
	f.Reason = strings.TrimPrefix(f.Reason, "; ")
	return f, f.Message != "" || f.Reason != "" || f.Code != 0
}

func (f fault) text() string {
	generic := strings.HasPrefix(f.Message, "The request was malformed") || strings.HasPrefix(f.Message, "The requested resource") ||
		strings.HasPrefix(f.Message, "An internal server error")
	switch {
	case f.Reason != "" && (generic || f.Message == ""):
		return f.Reason
	case f.Reason != "" && f.Message != f.Reason:
		return f.Message + ": " + f.Reason
	default:
		return f.Message
	}
}

var (
	reNamespace   = regexp.MustCompile(`(?i)unknown namespace`)
	reRelation    = regexp.MustCompile(`(?i)relation "?(.*?)"? does not exist`)
	reBatch       = regexp.MustCompile(`(?i)batch exceeds max size of (\d+)`)
	reToken       = regexp.MustCompile(`(?i)page.?token|pagination|uuid: (incorrect|invalid)|incorrect UUID`)
	rePlain404    = regexp.MustCompile(`^\s*404 page not found\s*$`)
	reEmptyExpand = regexp.MustCompile(`(?i)no relation tuple found`)
)

// explain reads a refusal of Keto into a Problem; it is the port's transport.Explain.
func (p *port) explain(pr *clients.Problem, _ http.Header, body []byte) {
	f, ok := parseFault(body)
	if !ok {
		p.foreign(pr, body)
		return
	}
	pr.Reason = f.text()
	all := strings.Join([]string{f.Reason, f.Message, f.Debug}, "\n")
	switch {
	case strings.Contains(all, CodeMaxDepth):
		pr.Code, pr.Reason = CodeMaxDepth, "Keto stopped at its limit.max_read_depth before it had an answer"
		pr.Hint = "this is neither yes nor no; raise limit.max_read_depth on the server or flatten the model"
	case strings.Contains(all, CodeMaxWidth):
		pr.Code, pr.Reason = CodeMaxWidth, "Keto stopped at its limit.max_read_width before it had an answer"
		pr.Hint = "this is neither yes nor no; raise limit.max_read_width on the server or use fewer subject sets on one relation"
	case reRelation.MatchString(all):
		pr.Kind, pr.Code = clients.Invalid, CodeUnknownRelation
		pr.Hint = "names are case-sensitive; if the relation asked for is right, some stored tuple on the way names this one"
	case reEmptyExpand.MatchString(all):
		pr.Code = codeEmptyExpand
	case pr.Status == http.StatusNotFound:
		pr.Code = CodeUnknownNamespace
		if !reNamespace.MatchString(all) {
			pr.Reason = "Keto knows no such namespace (" + pr.Reason + ")"
		}
		pr.Hint = "names are case-sensitive; list those that exist with: gatehouse namespaces"
	case reBatch.MatchString(all):
		pr.Code = CodeBatchSize
	case strings.Contains(all, "database is locked"), strings.Contains(all, "Unable to serialize access"):
		// The database gave up waiting for another transaction, and this one is rolled back.
		// Keto answers the second text with 400 (v0.13), as if the request were wrong.
		pr.Kind = clients.Unreachable
		pr.Hint = "nothing was written; try again, and if it happens often give Keto's SQLite one connection (max_conns=1 in its dsn)"
	case pr.Kind == clients.Invalid:
		pr.Hint = "Keto does not take these values; compare them with what its model and version allow"
	}
}

// foreign explains an answer that does not have the form of Keto's errors.
func (p *port) foreign(pr *clients.Problem, body []byte) {
	switch {
	case pr.Status == http.StatusMethodNotAllowed || (pr.Status == http.StatusNotFound && rePlain404.Match(body)):
		pr.Kind, pr.Code = clients.Unreachable, CodeWrongPort
		pr.Reason = "the URL in " + p.flag + " is not that of Keto's " + p.name
		pr.Hint = portsHint
	case pr.Status == http.StatusUnauthorized || pr.Status == http.StatusForbidden:
		pr.Reason = fmt.Sprintf("something in front of Keto answered %d; Keto itself asks for no credentials", pr.Status)
		pr.Hint = "check the headers and credentials of the context"
	case pr.Status == http.StatusNotFound:
		pr.Kind, pr.Code = clients.Unreachable, CodeWrongPort
		pr.Reason = "the answer 404 is not one of Keto's"
		pr.Hint = "check " + p.flag + "; " + portsHint
	}
}

const portsHint = "by default read is 4466, write 4467 and OPL syntax 4469"

// odd makes the Problem of a success whose body is not what Keto sends, as from a
// captive portal or a URL that belongs to something else. It is never read as "no
// tuples" or "denied".
func (p *port) odd(op string, status int, what string) *clients.Problem {
	return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: p.caller.Target(), Status: status, Code: CodeWrongPort,
		Reason: "the answer is not Keto's: " + what, Hint: "check " + p.flag + "; something else may answer there"}
}

// done turns what the SDK returned into a Problem or nil. The SDK's own text is
// only "400 Bad Request"; the reason is in the body that it keeps.
func (c *Client) done(ctx context.Context, p *port, op string, resp *http.Response, err error) error {
	return c.located(ctx, p, p.caller.Generated(op, resp, err))
}

// do makes a call that the SDK lacks or decodes too kindly.
func (c *Client) do(ctx context.Context, p *port, r transport.Request) error {
	if err := need(r.Op, p); err != nil {
		return err
	}
	_, err := p.caller.Do(ctx, r)
	return c.located(ctx, p, err)
}

// located turns "not that port" into the name of the port that it is.
func (c *Client) located(ctx context.Context, p *port, err error) error {
	pr, ok := err.(*clients.Problem)
	if !ok || pr.Code != CodeWrongPort || pr.Status < 400 {
		return err
	}
	if is := c.identify(ctx, p); is != "" && is != p.name {
		pr.Reason = "the URL in " + p.flag + " is that of Keto's " + is + ", not of its " + p.name
		pr.Hint = portsHint
	}
	return pr
}

// identify finds out, with GETs alone, which port of Keto answers at p's URL.
func (c *Client) identify(ctx context.Context, p *port) string {
	for _, probe := range []struct {
		path   []string
		name   string
		status int
	}{
		{[]string{"namespaces"}, "read port", http.StatusOK},
		{[]string{"admin", "relation-tuples"}, "write port", http.StatusMethodNotAllowed},
		{[]string{"opl", "syntax", "check"}, "OPL port", http.StatusMethodNotAllowed},
	} {
		var out struct{} // must be JSON if it is anything
		reply, err := p.caller.Do(ctx, transport.Request{Op: "find out which port this is", Path: probe.path, Out: &out})
		if reply.Status == probe.status && (reply.Status != http.StatusOK || err == nil) {
			return probe.name
		}
	}
	return ""
}

// asOp says which operation a read was for.
func asOp(err error, op string) error {
	if pr, ok := err.(*clients.Problem); ok {
		pr.Op = op
	}
	return err
}

func invalid(op, field, reason, hint string) *clients.Problem {
	return &clients.Problem{Kind: clients.Invalid, Op: op, Target: "keto", Reason: reason, Hint: hint, Fields: []clients.Field{{Path: field, Message: reason}}}
}
