package keto

import (
	"context"
	"fmt"
	"slices"

	sdk "github.com/ory/keto-client-go"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// Undo takes a write back exactly, copies included, if the tuples are still as
// that write left them; else it is a Conflict with CodeChanged that names the
// first that is not, and nothing is written. What it returns can be undone in turn.
//
// It is one transaction for up to MaxEdits rows and several beyond that; when a
// later one fails, the answer holds what the earlier ones did.
func (c *Client) Undo(ctx context.Context, done Applied) (Applied, error) {
	const op = "undo a write"
	if err := need(op, c.read, c.write); err != nil {
		return Applied{}, err
	}
	var back []Done
	var ts []tuple.Tuple
	for _, d := range slices.Backward(done.Edits) {
		if d.Changed() {
			back = append(back, Done{Edit{inverse(d.Op), d.Tuple}, d.After, d.Before})
			ts = append(ts, d.Tuple)
		}
	}
	copies, err := c.Copies(ctx, ts...)
	if err != nil {
		return Applied{}, asOp(err, op)
	}
	for i, d := range back {
		if copies[i] != d.Before {
			return Applied{}, &clients.Problem{Kind: clients.Conflict, Op: op, Target: c.write.caller.Target(), Code: CodeChanged,
				Reason: fmt.Sprintf("%s was changed since: %d stored, expected %d", ts[i], copies[i], d.Before),
				Hint:   "look at the tuples as they are now and change them by hand"}
		}
	}
	return c.restore(ctx, op, back)
}

func inverse(op Op) Op {
	if op == Insert {
		return Delete
	}
	return Insert
}

// restore writes the edits in transactions; a tuple that was stored twice comes
// back twice.
func (c *Client) restore(ctx context.Context, op string, back []Done) (Applied, error) {
	var all, part Applied
	var send []sdk.RelationshipPatch
	flush := func() error {
		if len(send) == 0 {
			return nil
		}
		before := len(all.Edits)
		got, err := c.settle(ctx, op, part, send)
		all.Edits = append(all.Edits, got.Edits...)
		part, send = Applied{}, nil
		return partly(err, before)
	}
	for _, d := range back {
		n := max(d.After, 1)
		if len(send)+n > MaxEdits {
			if err := flush(); err != nil {
				return all, err
			}
		}
		for range n {
			send = append(send, patch(d.Op, d.Tuple))
		}
		part.Edits = append(part.Edits, d)
	}
	return all, flush()
}
