package transport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"gatehouse/clients"
)

// RequestIDHeader carries the id by which one request is found again in the log
// of gatehouse, of a gateway and of the server.
const RequestIDHeader = "X-Request-Id"

// call is one RoundTrip: one request in the eyes of the caller, one or more attempts.
type call struct {
	*stack
	req     *http.Request
	id      string
	write   bool
	attempt int
	entry   uint64      // the log line of the latest attempt
	sent    atomic.Bool // whether the latest attempt got hold of a connection
	secrets []string    // header values of the latest attempt, to be kept out of texts
}

// secretsKey finds the secrets of a request that was sent, for texts made from its answer.
type secretsKey struct{}

func newCall(s *stack, req *http.Request) *call {
	id := req.Header.Get(RequestIDHeader)
	if id == "" {
		var b [8]byte
		rand.Read(b[:]) // never fails: it ends the program instead
		id = hex.EncodeToString(b[:])
	}
	return &call{stack: s, req: req, id: id, write: IsWrite(req)}
}

func (c *call) log() *Log { return c.o.Log }

// attempts sends the request until there is an answer worth handing on.
func (c *call) attempts(ctx context.Context) (*http.Response, error) {
	renewed := false
	for {
		c.attempt++
		sent, resp, err := c.once(ctx)
		if err == nil && resp.StatusCode == http.StatusUnauthorized && !renewed && c.o.Auth != nil && c.replayable() {
			// A 401 says that the request was not carried out, so sending it again is
			// safe for a write too.
			renewed = true
			if again, rerr := c.o.Auth.Refresh(sent); again && rerr == nil {
				c.discard(resp)
				continue
			}
		}
		wait, again := c.again(ctx, resp, err)
		if !again {
			return resp, err
		}
		if resp != nil {
			c.discard(resp)
		}
		if !sleep(ctx, wait) {
			return nil, c.failed(ctx, ctx.Err())
		}
	}
}

// once makes one attempt. The returned request is the one that was sent.
func (c *call) once(ctx context.Context) (*http.Request, *http.Response, error) {
	c.sent.Store(false)
	req, err := c.prepare(ctx)
	if err != nil {
		return req, nil, err
	}
	c.entry = c.log().begin(c, req)
	countSent(ctx)
	resp, err := c.base.RoundTrip(req)
	if err != nil {
		p := c.failed(ctx, err)
		c.log().end(c.entry, 0, 0, p.Kind, p.Reason)
		return req, nil, p
	}
	c.log().answered(c.entry, resp)
	return req, resp, nil
}

// prepare copies the request for one attempt and adds what every request carries.
func (c *call) prepare(ctx context.Context) (*http.Request, error) {
	req := c.req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// net/http sends a request again by itself only when nothing of it was written;
		// it then asks for a connection anew, so the last connection is what counts.
		GetConn: func(string) { c.sent.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { c.sent.Store(true) },
	}))
	if c.attempt > 1 && c.req.GetBody != nil {
		b, err := c.req.GetBody()
		if err != nil {
			return req, c.problem(clients.Invalid, "the request could not be built a second time", "", err)
		}
		req.Body = b
	}
	req.Header.Set(RequestIDHeader, c.id)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.o.UserAgent)
	}
	for k, v := range c.o.Headers {
		if req.Header.Set(k, v); http.CanonicalHeaderKey(k) == "Host" {
			req.Host = v // net/http takes the host from here alone
		}
	}
	if c.o.Auth != nil {
		if err := c.o.Auth.Authorize(req); err != nil {
			closeBody(req)
			return req, c.unauthorized(ctx, err)
		}
	}
	c.secrets = secretsOf(req, c.o.Headers)
	return req.WithContext(context.WithValue(req.Context(), secretsKey{}, c.secrets)), nil
}

// replayable reports whether the body can be sent a second time.
func (c *call) replayable() bool {
	return c.req.Body == nil || c.req.Body == http.NoBody || c.req.GetBody != nil
}

// discard ends an attempt whose answer nobody gets to see.
func (c *call) discard(resp *http.Response) {
	n := drain(resp.Body)
	c.log().end(c.entry, resp.StatusCode, n, KindOfAnswer(resp.StatusCode, c.write), "")
}

// drain reads a little of an answer that nobody wants, so that its connection can
// be used again, and closes it.
func drain(rc io.ReadCloser) int64 {
	n, _ := io.CopyN(io.Discard, rc, 64<<10)
	rc.Close()
	return n
}

// sleep waits, and reports false when the context ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// body is the answer as the caller reads it: with a limit, with errors that are
// problems, and with an eye on when it ends.
type body struct {
	call   *call
	ctx    context.Context
	rc     io.ReadCloser
	left   int64
	read   int64
	status int
	entry  uint64
	err    error
	ended  bool
	cancel context.CancelFunc
}

// Read implements io.Reader. Once it failed it stays failed.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.rc.Read(p)
	b.left -= int64(n)
	b.read += int64(n)
	switch {
	case b.left < 0:
		n--
		b.err = b.call.tooLarge()
	case errors.Is(err, io.EOF):
		b.err = io.EOF
	case err != nil:
		b.err = b.call.failed(b.ctx, err)
	}
	if b.err != nil {
		b.end()
	}
	return n, b.err
}

// Close implements io.Closer and ends the call's deadline.
func (b *body) Close() error {
	err := b.rc.Close()
	b.end()
	b.cancel()
	return err
}

// end writes the outcome into the request log, once.
func (b *body) end() {
	if b.ended {
		return
	}
	b.ended = true
	kind, reason := clients.Kind(""), ""
	if p, ok := b.err.(*clients.Problem); ok {
		kind, reason = p.Kind, p.Reason
	} else if b.status >= 400 {
		kind = KindOfAnswer(b.status, b.call.write)
	}
	b.call.log().end(b.entry, b.status, b.read, kind, reason)
}
