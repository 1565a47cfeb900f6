package keto

import (
	"context"

	"gatehouse/access/tuple"
)

// BatchLimit finds out, once, how many questions the server takes in one batch check;
// -1 when it has none (Keto 0.13). It asks ten times whether nobody has nothing.
func (c *Client) BatchLimit(ctx context.Context) (int, error) {
	const op = "find out about batch checks"
	if n := int(c.batch.Load()); n != 0 {
		return n, nil
	}
	if err := need(op, c.read); err != nil {
		return 0, err
	}
	out := make([]Answer, defaultBatch)
	for i := range out {
		out[i].Question = tuple.Tuple{Namespace: "gatehouse-probe", Object: "-", Relation: "-", Subject: tuple.SubjectID("-")}
	}
	if _, err := c.firstBatch(ctx, op, nil, out); err != nil {
		return 0, err
	}
	return int(c.batch.Load()), nil
}
