package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/clients"
)

// maxErrorBody is how much of the body of a refusal is read.
const maxErrorBody = 256 << 10

// Explain reads the error body of one kind of server into a problem: Code, Reason,
// Hint, Fields, and Kind where the status alone misleads. The reason is redacted
// afterwards. Explain leaves the problem alone when the body says nothing.
type Explain func(p *clients.Problem, header http.Header, body []byte)

// Caller makes JSON calls to one base URL.
type Caller struct {
	http    *http.Client
	base    *url.URL
	target  string
	explain Explain

	// Advise sees every problem before it is returned, and may improve its hint. It
	// must be set before the first call; nil is fine.
	Advise func(*clients.Problem)
}

// NewCaller returns a Caller for the back end at base. The target is the name in
// problems ("kratos admin"); explain may be nil. A base that is not an absolute
// http or https URL is a problem of kind Invalid.
func NewCaller(client *http.Client, base, target string, explain Explain) (*Caller, error) {
	u, err := url.Parse(strings.TrimSpace(base))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, &clients.Problem{Kind: clients.Invalid, Op: "use the URL of " + target, Target: target,
			Reason: fmt.Sprintf("%q is not an absolute http or https URL", Redact(base)), Hint: "write it like http://127.0.0.1:4434"}
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.EscapedPath(), "/")
	return &Caller{http: client, base: u, target: target, explain: explain}, nil
}

// Base is the base URL, without credentials, query and final slash.
func (c *Caller) Base() string { return c.base.String() }

// Target names the back end and its base URL, as problems do.
func (c *Caller) Target() string { return c.target + " " + c.Base() }

// HTTP is the client below, for generated clients that share it.
func (c *Caller) HTTP() *http.Client { return c.http }

// Request is one call. Only Op and Path are needed for a GET.
type Request struct {
	// Op is what is tried, in words that fit after "could not": "list identities".
	Op     string
	Method string // empty means GET
	// Path holds the segments below the base, not escaped. An empty segment, "." and
	// ".." are refused: they would make another, often far wider, request.
	Path   []string
	Query  url.Values
	Header http.Header
	// Read says that this POST changes nothing; see AsRead.
	Read bool

	// At most one of these is the body.
	JSON any        // encoded as application/json
	Form url.Values // encoded as application/x-www-form-urlencoded
	Text string     // sent as text/plain

	// Accept lists further statuses that are an answer and not a failure, such as
	// Keto's 403 for "denied". 2xx always is. A 3xx in it is not followed.
	Accept []int
	// Out receives the decoded JSON answer; a *[]byte or a *string gets it raw, the
	// former in the memory that it has already. nil drops it.
	Out any
	// Decode reads the answer in Out's place, as a stream.
	Decode func(io.Reader) error
	// Secrets are values that must not appear in a problem, even when the server
	// repeats them.
	Secrets []string
}

// Reply is what is known about an answer beside its body.
type Reply struct {
	Status int
	Header http.Header
}

// Do makes the call. Its errors are *clients.Problem. An empty answer leaves Out
// as it is.
func (c *Caller) Do(ctx context.Context, r Request) (Reply, error) {
	req, err := c.build(ctx, r)
	if err != nil {
		return Reply{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Reply{}, c.advised(Wrap(err, r.Op, c.Target()))
	}
	defer drain(resp.Body)
	reply := Reply{Status: resp.StatusCode, Header: resp.Header}
	if !accepted(resp.StatusCode, r.Accept) {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		return reply, c.advised(c.refused(r.Op, resp, body, r.Secrets))
	}
	if err := c.read(r, resp); err != nil {
		return reply, c.advised(c.unreadable(r.Op, resp, err))
	}
	return reply, nil
}

func accepted(status int, also []int) bool {
	return status >= 200 && status < 300 || slices.Contains(also, status)
}

// build makes the HTTP request.
func (c *Caller) build(ctx context.Context, r Request) (*http.Request, error) {
	u, err := c.url(r)
	if err != nil {
		return nil, err
	}
	body, kind, err := encode(r)
	if err != nil {
		return nil, &clients.Problem{Kind: clients.Invalid, Op: r.Op, Target: c.Target(), Reason: "the input cannot be written as JSON: " + err.Error(), Err: err}
	}
	if r.Read {
		ctx = AsRead(ctx, u.Path)
	}
	if slices.ContainsFunc(r.Accept, func(s int) bool { return s >= 300 && s < 400 }) {
		ctx = NoFollow(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, Wrap(err, r.Op, c.Target())
	}
	for k, vs := range r.Header {
		req.Header[http.CanonicalHeaderKey(k)] = slices.Clone(vs)
	}
	if kind != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", kind)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	return req, nil
}

// url joins base, path and query, and refuses segments that would widen the request.
func (c *Caller) url(r Request) (*url.URL, error) {
	u := *c.base
	escaped := c.base.EscapedPath()
	for i, seg := range r.Path {
		if seg == "" || seg == "." || seg == ".." {
			return nil, &clients.Problem{Kind: clients.Invalid, Op: r.Op, Target: c.Target(),
				Reason: fmt.Sprintf("part %d of the path is %q", i+1, seg), Hint: "give the id or name of what is meant"}
		}
		u.Path += "/" + seg
		escaped += "/" + url.PathEscape(seg)
	}
	u.RawPath = escaped
	u.RawQuery = r.Query.Encode()
	return &u, nil
}

// encode gives the body and its content type. bytes.Reader and strings.Reader let
// net/http rewind it for a second attempt.
func encode(r Request) (io.Reader, string, error) {
	switch {
	case r.JSON != nil:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r.JSON); err != nil {
			return nil, "", err
		}
		return bytes.NewReader(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), "application/json", nil
	case r.Form != nil:
		return strings.NewReader(r.Form.Encode()), "application/x-www-form-urlencoded", nil
	case r.Text != "":
		return strings.NewReader(r.Text), "text/plain; charset=utf-8", nil
	}
	return nil, "", nil
}

// read takes the answer in.
func (c *Caller) read(r Request, resp *http.Response) error {
	switch out := r.Out.(type) {
	case *[]byte:
		b := bytes.NewBuffer((*out)[:0])
		_, err := b.ReadFrom(resp.Body)
		*out = b.Bytes()
		return err
	case *string:
		b, err := io.ReadAll(resp.Body)
		*out = string(b)
		return err
	case nil:
		if r.Decode != nil {
			return r.Decode(resp.Body)
		}
		return nil
	}
	err := json.NewDecoder(resp.Body).Decode(r.Out)
	if errors.Is(err, io.EOF) {
		return nil // no body at all, such as 204
	}
	return err
}

// unreadable is the problem of an answer that was accepted but cannot be used. Of a
// write it tells that it may well have happened.
func (c *Caller) unreadable(op string, resp *http.Response, err error) error {
	if _, ok := errors.AsType[*clients.Problem](err); ok {
		return Wrap(err, op, c.Target()) // the body's own: cut, too large, too late
	}
	p := &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.Target(), Status: resp.StatusCode, RequestID: requestID(resp),
		Reason: "the answer is not what was expected: " + Redact(err.Error()), Hint: "check that this URL is that of " + c.target, Err: err}
	if media := mediaType(resp.Header); media != "" && media != "application/json" {
		p.Reason = "the answer is " + media + " and not JSON"
	}
	if resp.Request != nil && IsWrite(resp.Request) {
		p.Kind, p.Hint = clients.UnknownOutcome, "it has probably happened: read again before trying again"
	}
	return p
}

// advised lets Advise look at a problem.
func (c *Caller) advised(err error) error {
	if p, ok := err.(*clients.Problem); ok && c.Advise != nil {
		c.Advise(p)
	}
	return err
}

// Generated turns what a generated client returned into a problem, or nil. Those
// clients put the body they read back into the response.
func (c *Caller) Generated(op string, resp *http.Response, err error, secrets ...string) error {
	return c.advised(c.generated(op, resp, err, secrets))
}

func (c *Caller) generated(op string, resp *http.Response, err error, secrets []string) error {
	switch {
	case err == nil:
		return nil
	case resp == nil:
		return Wrap(err, op, c.Target())
	}
	if _, ok := errors.AsType[*clients.Problem](err); ok {
		return Wrap(err, op, c.Target())
	}
	if accepted(resp.StatusCode, nil) {
		return c.unreadable(op, resp, err)
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	return c.refused(op, resp, body, secrets)
}

// refused is the problem of an answer with a status that is a failure.
func (c *Caller) refused(op string, resp *http.Response, body []byte, secrets []string) error {
	write := resp.Request != nil && IsWrite(resp.Request)
	p := &clients.Problem{Kind: KindOfAnswer(resp.StatusCode, write), Op: op, Target: c.Target(), Status: resp.StatusCode, RequestID: requestID(resp)}
	if c.explain != nil {
		c.explain(p, resp.Header, body)
	}
	if resp.Request != nil {
		sent, _ := resp.Request.Context().Value(secretsKey{}).([]string)
		secrets = append(slices.Clone(secrets), sent...)
	}
	if p.Reason == "" {
		p.Reason = plainReason(resp, body)
	}
	p.Reason = Redact(p.Reason, secrets...)
	for i := range p.Fields {
		p.Fields[i].Message = Redact(p.Fields[i].Message, secrets...)
	}
	if p.Hint == "" {
		p.Hint = hintOf(p, resp.Header)
	}
	return p
}

// plainReason is the reason when the server gave none that we understand: its
// text, if it is short and text, else the status.
func plainReason(resp *http.Response, body []byte) string {
	line := strings.TrimSpace(string(body))
	if mediaType(resp.Header) == "text/plain" && line != "" && len(line) < 300 && !strings.Contains(line, "\n") {
		return fmt.Sprintf("%s (HTTP %d)", line, resp.StatusCode)
	}
	return strings.TrimSpace(fmt.Sprintf("HTTP %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}

// hintOf is what to do next where only the kind of failure is known.
func hintOf(p *clients.Problem, h http.Header) string {
	switch p.Kind {
	case clients.UnknownOutcome:
		return "it may have happened: read again before trying again"
	case clients.RateLimited:
		if d, ok := RetryAfter(h, time.Now()); ok {
			return fmt.Sprintf("try again in %s", d.Round(time.Second))
		}
		return "try again later"
	case clients.Denied:
		if p.Status == http.StatusUnauthorized {
			return "check the credentials of this context"
		}
		return "ask for the right, or use another account"
	case clients.Unreachable:
		return "see the log of the server"
	case clients.Timeout:
		return "try again, or allow more time with --timeout"
	}
	return ""
}

// requestID is the id the request of this answer was sent with.
func requestID(resp *http.Response) string {
	if resp.Request == nil {
		return ""
	}
	return resp.Request.Header.Get(RequestIDHeader)
}

func mediaType(h http.Header) string {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t
}
