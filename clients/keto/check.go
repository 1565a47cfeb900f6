package keto

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/transport"
)

// Answer is Keto's verdict on one question. With an error it is neither yes nor no.
type Answer struct {
	Question tuple.Tuple
	Allowed  bool
	// Err is a Problem when Keto had no verdict: CodeUnknownRelation, CodeMaxDepth,
	// CodeMaxWidth and whatever else may fail.
	Err error
}

// Check asks whether the subject has the relation or permission. maxDepth is
// honoured by Keto between 1 and its own limit.max_read_depth (5 by default); 0
// leaves it to the server, and so in effect does a larger one.
//
// A question about a namespace that Keto does not know is answered with a plain
// "no" by Keto 0.13 to 26.2; compare with Namespaces before you believe it. An
// unknown relation is a Problem with CodeUnknownRelation, a server in strict mode
// that gave up one with CodeMaxDepth or CodeMaxWidth.
//
// It uses /relation-tuples/check/openapi, whose "no" is a 200: the 403 of the other
// form cannot be told from the 403 of a gateway.
func (c *Client) Check(ctx context.Context, q tuple.Tuple, maxDepth int) (bool, error) {
	const op = "check a permission"
	depth, err := question(op, maxDepth, q)
	if err != nil {
		return false, err
	}
	var out struct {
		Allowed *bool `json:"allowed"`
	}
	// A POST, so that no name has to fit into a URL or appears in one.
	if err := c.do(ctx, c.read, post(op, depth, toSDK(q), &out, "relation-tuples", "check", "openapi")); err != nil {
		return false, err
	}
	if out.Allowed == nil {
		return false, c.read.odd(op, http.StatusOK, `it has no "allowed"`)
	}
	return *out.Allowed, nil
}

// post is a POST that only asks.
func post(op string, query url.Values, in, out any, path ...string) transport.Request {
	return transport.Request{Op: op, Method: http.MethodPost, Path: path, Query: query, Read: true, JSON: in, Out: out}
}

// question refuses what Keto would answer with a meaningless "no" or a misleading
// error, and makes the query of the depth.
func question(op string, maxDepth int, qs ...tuple.Tuple) (url.Values, error) {
	if maxDepth < 0 {
		return nil, invalid(op, "max-depth", "a depth below 0 means nothing", "use 0 for the server's own limit, or 1 and more")
	}
	for _, q := range qs {
		switch {
		case q.Namespace == "":
			return nil, invalid(op, "namespace", "the namespace is empty", "ask namespace:object#relation@subject")
		case q.Relation == "":
			return nil, invalid(op, "relation", "the relation is empty, to which Keto always answers no", "ask namespace:object#relation@subject")
		}
		if err := tupleText(op, q); err != nil {
			return nil, err
		}
	}
	if maxDepth == 0 {
		return nil, nil
	}
	return url.Values{"max-depth": {strconv.Itoa(maxDepth)}}, nil
}

// BatchCheck asks many questions and answers them in the same order. It uses the
// batch call of Keto 0.14 and later, in the portions that the server takes, and on
// older servers asks one by one, several side by side; which one it is, is found
// out once. The error is for the whole: nothing could be asked. What went wrong
// with a single question is in its Answer, with the reason that the batch call
// leaves out.
func (c *Client) BatchCheck(ctx context.Context, qs []tuple.Tuple, maxDepth int) ([]Answer, error) {
	const op = "check permissions"
	depth, err := question(op, maxDepth, qs...)
	if err != nil {
		return nil, err
	}
	out := make([]Answer, len(qs))
	for i, q := range qs {
		out[i].Question = q
	}
	if len(qs) == 0 {
		return out, nil
	}
	first := 0
	if c.batch.Load() == 0 { // find out with the first portion, alone
		if first, err = c.firstBatch(ctx, op, depth, out); err != nil {
			return nil, err
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.parallel)
	size := int(c.batch.Load())
	for at := first; size > 0 && at < len(out); at += size {
		part := out[at:min(at+size, len(out))]
		g.Go(func() error { return c.batchPart(gctx, op, depth, part) })
	}
	for at := first; size == noBatch && at < len(out); at++ {
		g.Go(func() error { return c.single(gctx, &out[at], maxDepth) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, c.reasons(ctx, out, maxDepth)
}

// BatchSize is how many questions BatchCheck puts into one request: 1 where the server
// has no batch call, and as long as nothing was asked.
func (c *Client) BatchSize() int { return max(1, int(c.batch.Load())) }

// firstBatch asks the first portion and learns from it whether and how large the
// server takes batches; it returns how many questions are answered.
func (c *Client) firstBatch(ctx context.Context, op string, depth url.Values, out []Answer) (int, error) {
	size := defaultBatch
	for {
		part := out[:min(size, len(out))]
		err := c.batchPart(ctx, op, depth, part)
		var pr *clients.Problem
		switch {
		case err == nil:
			c.batch.Store(int32(size))
			return len(part), nil
		case errors.As(err, &pr) && pr.Code == CodeBatchSize:
			limit := batchLimit(pr.Reason)
			if limit < 1 || limit >= size {
				return 0, err
			}
			size = limit
		case errors.As(err, &pr) && pr.Status == http.StatusNotFound:
			c.batch.Store(noBatch)
			return 0, nil
		default:
			return 0, err
		}
	}
}

var reLimit = regexp.MustCompile(`max size of (\d+)`)

func batchLimit(text string) int {
	if m := reLimit.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// batchPart asks one portion with the batch call.
func (c *Client) batchPart(ctx context.Context, op string, depth url.Values, part []Answer) error {
	in := struct {
		Tuples []any `json:"tuples"`
	}{make([]any, len(part))}
	for i := range part {
		in.Tuples[i] = toSDK(part[i].Question)
	}
	var out struct {
		Results []struct {
			Allowed bool   `json:"allowed"`
			Error   string `json:"error"`
		} `json:"results"`
	}
	if err := c.do(ctx, c.read, post(op, depth, in, &out, "relation-tuples", "batch", "check")); err != nil {
		return err
	}
	if len(out.Results) != len(part) {
		return c.read.odd(op, http.StatusOK, "it does not answer every question")
	}
	for i, r := range out.Results {
		part[i].Allowed = r.Allowed && r.Error == ""
		part[i].Err = nil
		if r.Error != "" {
			part[i].Err = errNoReason
		}
	}
	return nil
}

// errNoReason marks an answer of the batch call that failed; reasons replaces it.
var errNoReason = errors.New("no reason given")

// reasons asks the failed questions of a batch once more, alone: the batch call
// says only that something was wrong.
func (c *Client) reasons(ctx context.Context, out []Answer, maxDepth int) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.parallel)
	for i := range out {
		if out[i].Err == errNoReason {
			g.Go(func() error { return c.single(gctx, &out[i], maxDepth) })
		}
	}
	return g.Wait()
}

// single asks one question; an error that concerns the question alone stays in the
// answer, one that would meet every other question too ends the call.
func (c *Client) single(ctx context.Context, a *Answer, maxDepth int) error {
	ok, err := c.Check(ctx, a.Question, maxDepth)
	a.Allowed, a.Err = ok, err
	var pr *clients.Problem
	if errors.As(err, &pr) && pr.Kind != clients.Invalid && pr.Kind != clients.Timeout && pr.Status != http.StatusInternalServerError {
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	return nil
}
