package kratos

import (
	"context"
	"net/http"

	"gatehouse/clients/transport"
)

// Version is what the server says it is. A self-built one says "master".
func (c *Client) Version(ctx context.Context) (string, error) {
	const op = "read the version"
	if err := c.needAdmin(op); err != nil {
		return "", err
	}
	var v struct {
		Version string `json:"version"`
	}
	// The generated client asks /version, which the admin port only redirects from.
	_, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "version"}, Out: &v})
	return v.Version, err
}

// Ready asks the admin listener whether Kratos can work: nil when it can. A
// database that cannot be reached is named in the problem.
func (c *Client) Ready(ctx context.Context) error {
	if err := c.needAdmin("ask Kratos whether it is ready"); err != nil {
		return err
	}
	return health(ctx, c.admin, "ask Kratos whether it is ready", "admin", "health", "ready")
}

// Alive asks the admin listener whether the process answers at all.
func (c *Client) Alive(ctx context.Context) error {
	if err := c.needAdmin("ask Kratos whether it is alive"); err != nil {
		return err
	}
	return health(ctx, c.admin, "ask Kratos whether it is alive", "admin", "health", "alive")
}

// PublicReady asks the public listener whether Kratos can work.
func (c *Client) PublicReady(ctx context.Context) error {
	const op = "ask Kratos' public port whether it is ready"
	if err := c.needPublic(op); err != nil {
		return err
	}
	return health(ctx, c.public, op, "health", "ready")
}

func health(ctx context.Context, caller *transport.Caller, op string, path ...string) error {
	var v struct {
		Status string `json:"status"`
	}
	_, err := caller.Do(ctx, transport.Request{Op: op, Path: path, Out: &v})
	return err
}

// Metrics reads the server's metrics in the text format of Prometheus.
func (c *Client) Metrics(ctx context.Context) (string, error) {
	const op = "read the metrics"
	if err := c.needAdmin(op); err != nil {
		return "", err
	}
	var text string
	_, err := c.admin.Do(ctx, transport.Request{Op: op, Path: []string{"admin", "metrics", "prometheus"},
		Header: http.Header{"Accept": {"text/plain"}}, Out: &text})
	return text, err
}
