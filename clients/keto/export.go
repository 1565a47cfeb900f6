package keto

import (
	"context"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// Export hands every tuple that the query selects to write, copies left out, and
// calls progress (which may be nil) after each page with the number handed on.
// Distinct tuples are remembered, as Seen does it.
func (c *Client) Export(ctx context.Context, q tuple.Query, write func(tuple.Tuple) error, progress func(int)) (int, error) {
	const op = "export relation tuples"
	n := 0
	var seen Seen
	for cursor := ""; ; {
		page, err := c.List(ctx, q, cursor)
		if err != nil {
			return n, asOp(err, op)
		}
		for _, t := range page.Items {
			if seen.Add(t) > 1 {
				continue
			}
			if err := write(t); err != nil {
				return n, &clients.Problem{Kind: clients.Invalid, Op: op, Reason: "cannot write: " + err.Error(), Err: err}
			}
			n++
		}
		if progress != nil {
			progress(n)
		}
		if page.Next == "" || page.Next == cursor || len(page.Items) == 0 {
			return n, nil
		}
		cursor = page.Next
	}
}
