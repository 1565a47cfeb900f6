package decisions

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"gatehouse/clients"
)

// Explain is a request that nobody sends: what would be decided about it?
type Explain struct {
	System string `json:"system"`
	Method string `json:"method"`
	Path   string `json:"path"` // within the system, with query
	// As is the key of a person of the demo, whose name and password are sent as HTTP
	// Basic; empty is nobody. Other credentials go into Headers.
	As      string            `json:"as,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
}

// Explain has the server decide a request without anything coming of it; NotFound
// where it has no such system, route or person. A decision that lets it pass has no
// status.
func (c *Client) Explain(ctx context.Context, q Explain) (d Decision, err error) {
	const op = "explain a request"
	b, err := json.Marshal(q)
	if err != nil {
		return d, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gatehouse/debug/explain", bytes.NewReader(b))
	if err != nil {
		return d, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return d, c.failed(ctx, op, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return d, &clients.Problem{Kind: clients.NotFound, Op: op, Target: c.path, Status: resp.StatusCode, Reason: "the server has no such system, route or person", Hint: "gatehouse demo systems --json lists them"}
	default:
		return d, &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Status: resp.StatusCode, Reason: "the demo server refused"}
	}
	if b, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err == nil {
		err = json.Unmarshal(b, &d)
	}
	if err != nil {
		return d, &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Reason: "the answer cannot be read: " + err.Error(), Err: err}
	}
	return d, nil
}
