package kratos

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// explain reads Kratos' error body: the common Ory envelope, and in its reason the
// complaints of the identity schema about single traits.
func explain(p *clients.Problem, h http.Header, body []byte) {
	transport.ExplainOry(p, h, body)
	if fields := SchemaProblems(p.Reason); len(fields) > 0 {
		p.Fields = fields
		var all []string
		for _, f := range fields {
			all = append(all, strings.TrimPrefix(f.Path, "/traits/")+": "+f.Message)
		}
		p.Reason = strings.Join(all, "; ")
		p.Hint = "correct the traits to fit the identity schema"
		return
	}
	if busy(p) {
		// The whole transaction was refused, so a write that meets this did not happen.
		p.Kind, p.Hint = clients.Unreachable, "its database is busy, and nothing was changed: try again"
		return
	}
	p.Hint = hints[p.Code]
	for text, hint := range reasonHints {
		if p.Hint == "" && strings.Contains(p.Reason, text) {
			p.Hint = hint
		}
	}
}

// busy recognises SQLite's refusal of a write while another one goes on. Kratos holds
// a lock of its own around some writes and not around others; two of them side by
// side can wait for each other until SQLite's busy timeout ends one.
func busy(err error) bool {
	p, ok := errors.AsType[*clients.Problem](err)
	return ok && p.Status == http.StatusInternalServerError && strings.Contains(p.Reason, "database is locked")
}

// hints are by the server's own error id.
var hints = map[string]string{
	"self_service_flow_return_to_forbidden": "use a URL from selfservice.allowed_return_urls of Kratos' configuration",
	"session_aal2_required":                 "the session needs a second factor",
}

// reasonHints are by a part of the server's text, for errors without an id.
var reasonHints = map[string]string{
	"because a resource with that value exists already": "another identity has one of these login names or addresses: search for it",
	"conflicts with another identity":                   "another identity has one of these login names or addresses: search for it",
	"json: unknown field":                               "this Kratos is too old for that field: external ids and organizations came with 25.4",
	"Unable to find JSON Schema ID":                     "choose one of the identity schemas that the server has",
	"page token is invalid":                             "start again from the first page",
	"endpoint was disabled by system administrator":     "the method is switched off in Kratos' configuration (selfservice.methods)",
	"does not match any known hash format":              "use a hash that Kratos can import, such as bcrypt or argon2id in PHC format",
}

// complaint is one line of a schema validator's text:
//
//	I[#/traits/email] S[#/properties/…/format] "nope" is not valid "email"
var complaint = regexp.MustCompile(`(?m)^\s*I\[#([^\]]*)\] S\[[^\]]*\] (.+)$`)

// missing is the complaint about absent properties, which names them only in its text.
var missing = regexp.MustCompile(`^missing propert(?:y|ies): (.+)$`)

// SchemaProblems takes the complaints about single traits out of a text of Kratos'
// schema validator, each once, in the order of the text. The path leads from the
// identity: "/traits/email". Lines that only announce others are left out.
func SchemaProblems(text string) []clients.Field {
	var out []clients.Field
	seen := map[clients.Field]bool{}
	add := func(f clients.Field) {
		if !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	for _, m := range complaint.FindAllStringSubmatch(text, -1) {
		path, message := m[1], strings.TrimSpace(m[2])
		if message == "validation failed" || strings.HasPrefix(message, "doesn't validate with") {
			continue
		}
		names := missing.FindStringSubmatch(message)
		if names == nil {
			add(clients.Field{Path: path, Message: message})
			continue
		}
		for name := range strings.SplitSeq(names[1], ",") {
			add(clients.Field{Path: path + "/" + strings.Trim(strings.TrimSpace(name), `"'`), Message: "is required"})
		}
	}
	return out
}

// adviseAdmin recognises the public port where the admin port was expected: it
// answers admin paths with a redirect to the configured admin address.
func adviseAdmin(p *clients.Problem) {
	if r, ok := errors.AsType[*transport.Redirect](p); ok {
		p.Hint = "this looks like the public port of Kratos: set kratos.admin_url to its admin port (" + r.To.Scheme + "://" + r.To.Host + " as the server itself is configured)"
	} else if notHere(p) {
		p.Hint = "check that kratos.admin_url is the admin port of a Kratos"
	}
}

// advisePublic recognises the admin port where the public port was expected.
func advisePublic(p *clients.Problem) {
	if r, ok := errors.AsType[*transport.Redirect](p); ok {
		p.Hint = "this looks like the admin port of Kratos: set kratos.public_url to its public port (" + r.To.Scheme + "://" + r.To.Host + " as the server itself is configured)"
	} else if notHere(p) {
		p.Hint = "check that kratos.public_url is the public port of a Kratos"
	}
}

// notHere recognises the text of a route that does not exist; a missing object is
// answered in JSON.
func notHere(p *clients.Problem) bool {
	return p.Kind == clients.NotFound && strings.HasPrefix(p.Reason, "404 page not found")
}

// queryValue reads one parameter of a raw query.
func queryValue(query, name string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return q.Get(name)
}
