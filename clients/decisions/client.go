package decisions

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/clients"
)

// Client reads decisions from the socket of a demo server.
type Client struct {
	path string
	http *http.Client
}

// New is a client of the server behind a socket. Nothing is sent yet.
func New(socket string) *Client {
	return &Client{path: socket, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", socket)
		},
		MaxIdleConnsPerHost: 2, ResponseHeaderTimeout: 5 * time.Second,
	}}}
}

// Socket is the path that the client reads from.
func (c *Client) Socket() string { return c.path }

// maxReply is the longest reply that is read: the whole ring fits several times.
const maxReply = 64 << 20

// Query selects decisions.
type Query struct {
	Since  string // the id after which to begin; empty is the oldest that is kept
	System string // empty is all
	Limit  int    // the newest of them; 0 is all
}

func (q Query) values() url.Values {
	v := url.Values{}
	if q.Since != "" {
		v.Set("since", q.Since)
	}
	if q.System != "" {
		v.Set("system", q.System)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// List reads what the server remembers, oldest first.
func (c *Client) List(ctx context.Context, q Query) ([]Decision, error) {
	var out []Decision
	err := c.get(ctx, "list decisions", "/debug/decisions?"+q.values().Encode(), &out)
	return out, err
}

// Get reads one decision; NotFound where the server has forgotten it.
func (c *Client) Get(ctx context.Context, id string) (Decision, error) {
	var d Decision
	err := c.get(ctx, "read the decision "+id, "/debug/decisions/"+url.PathEscape(id), &d)
	return d, err
}

// Systems reads which systems the server has, with their routes and policies.
func (c *Client) Systems(ctx context.Context) ([]System, error) {
	var out []System
	err := c.get(ctx, "list systems", "/debug/systems", &out)
	return out, err
}

func (c *Client) request(ctx context.Context, op, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gatehouse"+path, nil)
	if err != nil {
		return nil, &clients.Problem{Kind: clients.Invalid, Op: op, Reason: err.Error(), Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(ctx, op, err)
	}
	return resp, nil
}

func (c *Client) failed(ctx context.Context, op string, err error) error {
	p := &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Reason: "the demo server does not answer on " + c.path, Hint: "is it running? gatehouse demo serve", Err: err}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		p.Kind, p.Reason, p.Hint = clients.Canceled, "stopped", ""
	case errors.Is(err, context.DeadlineExceeded):
		p.Kind, p.Reason, p.Hint = clients.Timeout, "the demo server did not answer in time", ""
	}
	return p
}

func (c *Client) get(ctx context.Context, op, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := c.request(ctx, op, path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return c.failed(ctx, op, err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return &clients.Problem{Kind: clients.NotFound, Op: op, Target: c.path, Status: 404, Reason: "the server does not have it (any more)"}
	}
	if resp.StatusCode != http.StatusOK {
		return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Status: resp.StatusCode, Reason: "the demo server refused"}
	}
	if err := json.Unmarshal(b, out); err != nil {
		return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Reason: "the answer cannot be read: " + err.Error(), Err: err}
	}
	return nil
}

// Follow calls each with what the server remembers after q.Since and then with every
// new decision, until ctx ends or each answers an error. lost, which may be nil, is
// told how many were lost because we were too slow. It ends with Canceled when ctx
// does, and with Unreachable when the server goes away.
func (c *Client) Follow(ctx context.Context, q Query, each func(Decision) error, lost func(int)) error {
	const op = "follow the decisions"
	resp, err := c.request(ctx, op, "/debug/decisions/stream?"+q.values().Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Status: resp.StatusCode, Reason: "the demo server refused"}
	}
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 1<<20)
	event := ""
	for sc.Scan() {
		name, value, _ := strings.Cut(sc.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "data":
			if err := deliver(event, []byte(value), each, lost); err != nil {
				return err
			}
			event = ""
		}
	}
	if err := sc.Err(); err != nil || ctx.Err() != nil {
		return c.failed(ctx, op, errors.Join(err, ctx.Err()))
	}
	return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: c.path, Reason: "the demo server has ended"}
}

func deliver(event string, data []byte, each func(Decision) error, lost func(int)) error {
	if event == "dropped" {
		if n, err := strconv.Atoi(string(bytes.TrimSpace(data))); err == nil && lost != nil {
			lost(n)
		}
		return nil
	}
	var d Decision
	if err := json.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("follow the decisions: %w", err)
	}
	return each(d)
}
