package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"gatehouse/clients/decisions"
)

// maxAnswer is the longest answer of an upstream that is read.
const maxAnswer = 1 << 20

// newHTTPClient keeps connections and gives up early. Redirects are answers like any
// other: following one would let an upstream choose whom we believe.
func newHTTPClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   2 * time.Second,
			ResponseHeaderTimeout: 5 * time.Second, // the hop's own deadline is shorter
			MaxIdleConns:          512, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}

// Answer is what an upstream said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask sends a request to an upstream within the hop's deadline and reads the answer,
// up to 1 MiB. Errors say which upstream and how it failed (see Unavailable).
func (e *Env) Ask(u decisions.Upstream, req *http.Request) (Answer, error) {
	return e.AskWith(e.HTTP.Do, u, req)
}

// AskWith is Ask with a client that signs what it sends.
func (e *Env) AskWith(do func(*http.Request) (*http.Response, error), u decisions.Upstream, req *http.Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(req.Context(), e.HopTimeout)
	defer cancel()
	resp, err := do(req.WithContext(ctx))
	if err != nil {
		return Answer{}, UpstreamFailed(u, err)
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	size := resp.ContentLength
	if size < 0 || size > maxAnswer {
		size = 1 << 10
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err = buf.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1)); err != nil {
		return a, UpstreamFailed(u, err)
	}
	if buf.Len() > maxAnswer {
		return a, Malformed(u, errors.New("the answer is longer than 1 MiB"))
	}
	a.Body = buf.Bytes()
	return a, nil
}

// TokenContext has golang.org/x/oauth2 ask a token endpoint as Ask asks, and take only
// what RFC 6749 (5.1) calls a success: 200 with one JSON object. The library takes
// every 2xx, forms, and the first megabyte of something longer.
func (e *Env) TokenContext(ctx context.Context, u decisions.Upstream) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: tokenEndpoint{e, u}, CheckRedirect: e.HTTP.CheckRedirect})
}

type tokenEndpoint struct {
	env *Env
	u   decisions.Upstream
}

// RoundTrip asks and reads the whole answer.
func (t tokenEndpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	a, err := t.env.Ask(t.u, r)
	if err != nil {
		return nil, err
	}
	if a.Status/100 == 2 {
		if err := a.Object(t.u, &struct{}{}); err != nil {
			return nil, err
		}
		if a.Status != http.StatusOK {
			return nil, Malformed(t.u, fmt.Errorf("the token endpoint answered %d", a.Status))
		}
		a.Header.Set("Content-Type", "application/json")
	}
	return &http.Response{StatusCode: a.Status, Status: http.StatusText(a.Status), Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)),
		ContentLength: int64(len(a.Body)), Request: r, ProtoMajor: 1, ProtoMinor: 1}, nil
}

// Object reads the answer as one JSON object; the error is that of the upstream.
func (a Answer) Object(u decisions.Upstream, v any) error {
	if err := object(a.Body, v); err != nil {
		return Malformed(u, err)
	}
	return nil
}

// object decodes a whole body that must be one JSON object, and nothing after it.
func object(b []byte, v any) error {
	if t := bytes.TrimLeft(b, " \t\r\n"); len(t) == 0 || t[0] != '{' {
		return errors.New("the answer is no JSON object")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("the answer is not what it should be: %w", err)
	}
	return nil
}

// since is a duration in milliseconds, to a tenth of a microsecond.
func since(begin time.Time) float64 { return float64(time.Since(begin).Microseconds()) / 1000 }
