// Package keto is the client of Ory Keto: relation tuples, checks, expansion,
// namespaces and the syntax of the permission language, over all three ports.
//
// It stands on github.com/ory/keto-client-go for what that does right, and is
// hand-written beside it where that loses something: batch checks, the 422 of a
// newer server, the reason of a refusal, an answer that is not Keto's at all.
// Everything goes through the http.Clients that it is given, so the read-only
// guard, the credentials and the request log below it see every request.
//
// It works unchanged with Keto 0.13 to 26.2 and later: what differs between them
// (batch checks, the cap on a page, the form of a page token) is found out from
// the answers, never from a version number.
//
// What Keto would do silently and nobody wants cannot be expressed with it: a
// DELETE with a filter (a forgotten parameter wipes a namespace, and old servers
// took a filter in the body for no filter at all: ory/keto#1085, #1207), a second
// copy of a tuple that exists, a subject set in parts, a misspelt parameter.
package keto

import (
	"cmp"
	"net/http"
	"net/url"
	"sync/atomic"

	sdk "github.com/ory/keto-client-go"

	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Limits that hold on every server.
const (
	// MaxPage is the largest page asked for, in tuples. Keto 25.4 and later cap a
	// page at 500; older servers have no cap, and answer page_size=-1 with all rows
	// but one, which is why a size is checked before it is sent.
	MaxPage = 500
	// MaxEdits is how many writes go into one transaction. Keto on SQLite fails at
	// about 10,000 ("too many SQL variables"); 1,000 was the fastest of those tried.
	MaxEdits = 1000
	// MaxMatching is how many tuples one RemoveMatching may hold and remove.
	MaxMatching = 100_000

	defaultParallel = 4
	defaultBatch    = 10 // Keto's own default of limit.max_batch_check_size
)

// Options says where Keto is. Each of its ports is a listener of its own with a
// URL of its own; a port that is left out makes the calls that need it fail with
// one clear problem, and no other.
type Options struct {
	// ReadURL, WriteURL and OPLURL are the base URLs of the ports (4466, 4467 and
	// 4469 by default), possibly with a path prefix of a gateway.
	ReadURL, WriteURL, OPLURL string
	// Read, Write and OPL carry the requests and are made by transport.New; each is
	// needed with its URL. There is no default: a client of ours that bypasses the
	// read-only guard must not exist. Their deadline ends every request, also the
	// check that runs in circles on an old server and would answer never.
	Read, Write, OPL *http.Client
	// Parallel is how many requests of one call run side by side; 4 when zero.
	Parallel int
}

// Client speaks to one Keto. It is safe for use by several goroutines.
type Client struct {
	read, write, opl *port
	parallel         int
	// batch is the number of questions in one batch check: 0 before it is known,
	// noBatch for a server without them.
	batch atomic.Int32
}

const noBatch = -1

// port is one listener of Keto.
type port struct {
	name   string // as people call it: "read port"
	flag   string // the setting that holds its URL
	caller *transport.Caller
	sdk    *sdk.APIClient
}

// New makes a client. It sends nothing. The error is a Problem of kind Invalid
// that names the URL which cannot be used.
func New(o Options) (*Client, error) {
	c := &Client{parallel: cmp.Or(max(o.Parallel, 0), defaultParallel)}
	for _, p := range []struct {
		dst        **port
		name, flag string
		url        string
		http       *http.Client
	}{
		{&c.read, "read port", "keto.read_url", o.ReadURL, o.Read},
		{&c.write, "write port", "keto.write_url", o.WriteURL, o.Write},
		{&c.opl, "OPL port", "keto.opl_url", o.OPLURL, o.OPL},
	} {
		made, err := newPort(p.name, p.flag, p.url, p.http)
		if err != nil {
			return nil, err
		}
		*p.dst = made
	}
	return c, nil
}

func newPort(name, flag, base string, hc *http.Client) (*port, error) {
	p := &port{name: name, flag: flag}
	if base == "" {
		return p, nil
	}
	fail := func(why, hint string) (*port, error) {
		return nil, &clients.Problem{Kind: clients.Invalid, Op: "use Keto's " + name, Reason: why, Hint: hint,
			Fields: []clients.Field{{Path: flag, Message: why}}}
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return fail("its URL is not an absolute http or https URL", "write it like http://127.0.0.1:4466 in "+flag)
	case u.RawQuery != "" || u.Fragment != "":
		return fail("its URL has a query or a fragment", "give only scheme, host, port and path in "+flag)
	case u.User != nil:
		return fail("its URL carries a password", "put the credentials into the headers of the context")
	case hc == nil:
		return fail("no HTTP client was given for it", "make one with transport.New")
	}
	if p.caller, err = transport.NewCaller(hc, base, "keto "+name, p.explain); err != nil {
		return nil, err
	}
	cfg := sdk.NewConfiguration()
	cfg.Servers = sdk.ServerConfigurations{{URL: p.caller.Base()}}
	cfg.HTTPClient = hc
	cfg.UserAgent = "gatehouse"
	p.sdk = sdk.NewAPIClient(cfg)
	return p, nil
}

// Has reports which ports are configured.
func (c *Client) Has() (read, write, opl bool) {
	return c.read.caller != nil, c.write.caller != nil, c.opl.caller != nil
}

// need fails when a port has no URL.
func need(op string, ports ...*port) error {
	for _, p := range ports {
		if p.caller == nil {
			return &clients.Problem{Kind: clients.Invalid, Op: op, Target: "keto " + p.name, Code: CodeNotConfigured,
				Reason: "the URL of Keto's " + p.name + " is not configured", Hint: "set " + p.flag + " in the context"}
		}
	}
	return nil
}
