package keto

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Namespaces names the namespaces of Keto's model, sorted (Keto shuffles them). It
// is empty, not an error, when the server has none, as after its OPL file was
// removed. Keto tells names only: relations and the source of the model cannot be
// read from it.
func (c *Client) Namespaces(ctx context.Context) ([]string, error) {
	const op = "list namespaces"
	if err := need(op, c.read); err != nil {
		return nil, err
	}
	got, resp, err := c.read.sdk.RelationshipApi.ListRelationshipNamespaces(ctx).Execute()
	if err := c.done(ctx, c.read, op, resp, err); err != nil {
		return nil, err
	}
	names := []string{}
	for _, n := range got.GetNamespaces() {
		names = append(names, n.GetName())
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// SyntaxProblem is one complaint of Keto's own parser about OPL source. Lines count
// from 1, columns from 0 and in characters; something at the very beginning of a
// line is placed at the end of the line before (ory/keto v0.13,
// internal/schema/parse_errors.go). A zero Line means that Keto gave no place. For
// places to rely on, parse the source with package opl.
type SyntaxProblem struct {
	Message                            string
	Line, Column, LastLine, LastColumn int
}

// CheckSyntax lets Keto's own parser look at OPL source; no problems means that
// this server would load it. It stores nothing.
func (c *Client) CheckSyntax(ctx context.Context, source string) ([]SyntaxProblem, error) {
	const op = "check OPL syntax"
	type place struct {
		Line   int `json:"Line"` // with a capital, unlike the rest
		Column int `json:"column"`
	}
	var got struct {
		Errors []struct {
			Message string `json:"message"`
			Start   place  `json:"start"`
			End     place  `json:"end"`
		} `json:"errors"`
	}
	// By hand, because the SDK cannot send an empty source.
	err := c.do(ctx, c.opl, transport.Request{Op: op, Method: http.MethodPost, Path: []string{"opl", "syntax", "check"}, Read: true, Text: source, Out: &got})
	if err != nil {
		return nil, err
	}
	out := make([]SyntaxProblem, len(got.Errors))
	for i, e := range got.Errors {
		out[i] = SyntaxProblem{e.Message, e.Start.Line, e.Start.Column, e.End.Line, e.End.Column}
	}
	return out, nil
}

// Health is the state of one port.
type Health struct {
	Port string // "read port", "write port", "OPL port"
	URL  string
	// Alive says that a Keto answers there, Ready that it can do its work as well.
	Alive, Ready bool
	// Version is what the server says; one built from source may say "master".
	Version string
	// Took is how long the slowest of the questions took.
	Took time.Duration
	// Err says what is wrong, nil when nothing is.
	Err error
}

// Health asks every configured port, side by side, whether it lives, whether it is
// ready and which version it is. The ports come in the order read, write, OPL.
func (c *Client) Health(ctx context.Context) []Health {
	var out []Health
	var ports []*port
	for _, p := range []*port{c.read, c.write, c.opl} {
		if p.caller != nil {
			ports = append(ports, p)
			out = append(out, Health{Port: p.name, URL: p.caller.Base()})
		}
	}
	var wg sync.WaitGroup
	for i, p := range ports {
		wg.Go(func() { c.health(ctx, p, &out[i]) })
	}
	wg.Wait()
	return out
}

// Version is what the read port, or another that is configured, says it is.
func (c *Client) Version(ctx context.Context) (string, error) {
	for _, p := range []*port{c.read, c.write, c.opl} {
		if p.caller != nil {
			return c.version(ctx, p)
		}
	}
	return "", need("read Keto's version", c.read)
}

func (c *Client) version(ctx context.Context, p *port) (string, error) {
	const op = "read Keto's version"
	got, resp, err := p.sdk.MetadataApi.GetVersion(ctx).Execute()
	if err := c.done(ctx, p, op, resp, err); err != nil {
		return "", err
	}
	if got.GetVersion() == "" {
		return "", p.odd(op, resp.StatusCode, "it has no version")
	}
	return got.GetVersion(), nil
}

func (c *Client) health(ctx context.Context, p *port, h *Health) {
	start := time.Now()
	var ready, version error
	var wg sync.WaitGroup
	wg.Go(func() { h.Alive, h.Ready, ready = c.ready(ctx, p) })
	wg.Go(func() { h.Version, version = c.version(ctx, p) })
	wg.Wait()
	h.Took = time.Since(start)
	h.Err = ready
	if h.Err == nil {
		h.Err = version
	}
}

// ready reads /health/ready; a 503 of Keto itself means alive but not ready.
func (c *Client) ready(ctx context.Context, p *port) (alive, ready bool, err error) {
	const op = "read Keto's health"
	got, resp, err := p.sdk.MetadataApi.IsReady(ctx).Execute()
	if err == nil {
		if got.GetStatus() != "ok" {
			return false, false, p.odd(op, resp.StatusCode, `its status is not "ok"`)
		}
		return true, true, nil
	}
	err = c.done(ctx, p, op, resp, err)
	var pr *clients.Problem
	if errors.As(err, &pr) && pr.Status == http.StatusServiceUnavailable && pr.Code != CodeWrongPort {
		return true, false, err
	}
	return false, false, err
}
