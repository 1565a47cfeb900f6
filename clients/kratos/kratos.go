// Package kratos is the client of Ory Kratos: all of its admin API, and of its
// public API what an administrator needs (schemas, whoami, a test login).
//
// It is built on Ory's own generated client. Requests are made by that; answers are
// decoded here, because the generated models lose large integers in traits, fail
// whole calls on enum values that servers do send (courier messages of type
// "sms"), and decode lists slowly. What the generated client lacks is called
// directly.
//
// Kratos has no optimistic locking, wipes what a PUT leaves out, and forgets to end
// the sessions of whom it disables. The methods here are shaped so that none of
// this can be run into: they read right before they write, write whole sub-trees,
// and return what was there before.
//
// Works with Kratos 1.3, 25.4 and 26.2. Differences are found out by asking, never
// by comparing version numbers.
package kratos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	ory "github.com/ory/kratos-client-go"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Options say where Kratos listens.
type Options struct {
	// AdminURL and PublicURL are the two listeners. Either may be empty; the methods
	// that need it then answer with a problem that says so.
	AdminURL, PublicURL string
	// Admin and Public are how each is reached. They are apart because a bearer
	// token meant for a gateway before the admin API would be read as a session token
	// by the public one. Target is set by New.
	Admin, Public transport.Options
}

// Client talks to one Kratos. It may be used by several goroutines.
type Client struct {
	admin, public *transport.Caller // nil where there is no URL
	api           *ory.APIClient    // on the admin listener
	pub           *ory.APIClient    // on the public listener

	// noBulk is set once the server said that it cannot end many sessions in one call.
	noBulk atomic.Bool
}

// New returns a client. Nothing is sent. A URL that is no absolute http or https
// URL is a problem of kind Invalid.
func New(o Options) (*Client, error) {
	c := &Client{}
	var err error
	if c.admin, c.api, err = listener(o.AdminURL, "kratos admin", o.Admin, adviseAdmin); err != nil {
		return nil, err
	}
	if c.public, c.pub, err = listener(o.PublicURL, "kratos public", o.Public, advisePublic); err != nil {
		return nil, err
	}
	return c, nil
}

func listener(url, target string, t transport.Options, advise func(*clients.Problem)) (*transport.Caller, *ory.APIClient, error) {
	if url == "" {
		return nil, nil, nil
	}
	t.Target = target
	caller, err := transport.NewCaller(transport.New(t), url, target, explain)
	if err != nil {
		return nil, nil, err
	}
	caller.Advise = advise
	cfg := ory.NewConfiguration()
	cfg.Servers = ory.ServerConfigurations{{URL: caller.Base()}}
	cfg.HTTPClient = caller.HTTP()
	cfg.UserAgent = t.UserAgent
	return caller, ory.NewAPIClient(cfg), nil
}

// AdminURL is where the admin API is called, for people to see; empty without one.
// Kratos' admin API has no authentication: who reaches it owns everything.
func (c *Client) AdminURL() string { return baseOf(c.admin) }

// PublicURL is where the public API is called; empty without one.
func (c *Client) PublicURL() string { return baseOf(c.public) }

func baseOf(c *transport.Caller) string {
	if c == nil {
		return ""
	}
	return c.Base()
}

// needAdmin is the problem of a call to the admin API that nobody configured.
func (c *Client) needAdmin(op string) error {
	if c.admin != nil {
		return nil
	}
	return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: "kratos admin", Reason: "this context has no admin URL of Kratos", Hint: "set kratos.admin_url"}
}

func (c *Client) needPublic(op string) error {
	if c.public != nil {
		return nil
	}
	return &clients.Problem{Kind: clients.Unreachable, Op: op, Target: "kratos public", Reason: "this context has no public URL of Kratos", Hint: "set kratos.public_url"}
}

// uuidText is the form of every id that Kratos gives to identities, sessions and
// messages.
var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// IsID reports whether s has the form of a Kratos id, a UUID.
func IsID(s string) bool { return uuidText.MatchString(s) }

// needID refuses what is no id before it is sent: the server answers 404 or 400 to
// the same mistake, and an empty id would make another path.
func (c *Client) needID(op, what, id string) error {
	if err := c.needAdmin(op); err != nil {
		return err
	}
	if !IsID(id) {
		return c.invalid(op, fmt.Sprintf("%q is not the id of %s: it is not a UUID", short(id), what), "look for it by e-mail or name first")
	}
	return nil
}

// invalid is a problem found here, before anything was sent.
func (c *Client) invalid(op, reason, hint string, fields ...clients.Field) error {
	return &clients.Problem{Kind: clients.Invalid, Op: op, Target: "kratos", Reason: reason, Hint: hint, Fields: fields}
}

// short keeps a text that a person typed small enough for a message.
func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// answer decodes what a generated method returned. Its own decoding is ignored, as
// the package comment says why; its failures to send and the server's refusals are not.
func answer[T any](c *transport.Caller, op string, resp *http.Response, err error, secrets ...string) (T, error) {
	var v T
	if resp == nil || resp.StatusCode >= 300 {
		return v, c.Generated(op, resp, orFailed(err), secrets...)
	}
	if p, ok := errors.AsType[*clients.Problem](err); ok {
		return v, c.Generated(op, resp, p, secrets...)
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, &v)
	}
	normalize(&v)
	return v, c.Generated(op, resp, err, secrets...)
}

// normalize finishes what was decoded, where it is a thing that needs it.
func normalize(v any) {
	if n, ok := v.(interface{ normal() }); ok {
		n.normal()
	}
}

// orFailed makes sure that an answer without success is an error.
func orFailed(err error) error {
	if err == nil {
		return errors.New("no usable answer")
	}
	return err
}

// done is answer for calls whose answer has no body.
func done(c *transport.Caller, op string, resp *http.Response, err error) error {
	_, err = answer[json.RawMessage](c, op, resp, err)
	return err
}

// ctxErr is the problem of work that was stopped between two requests.
func (c *Client) ctxErr(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return transport.Wrap(context.Cause(ctx), op, "kratos")
}

// nextToken takes the cursor of the next page out of a Link header, whose URLs may
// be relative and whose order differs between versions. Empty on the last page.
func nextToken(h http.Header) string {
	for _, line := range h.Values("Link") {
		for link := range strings.SplitSeq(line, ",") {
			target, params, ok := strings.Cut(link, ";")
			if !ok || !strings.Contains(params, `rel="next"`) {
				continue
			}
			_, query, _ := strings.Cut(strings.Trim(strings.TrimSpace(target), "<>"), "?")
			if token := queryValue(query, "page_token"); token != "" {
				return token
			}
		}
	}
	return ""
}
