package keto

import (
	"context"
	"fmt"

	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// Selection is what a filter selects, read before anything is removed by it.
type Selection struct {
	Query tuple.Query
	// Tuples are the distinct tuples, Rows how many are stored with all copies.
	Tuples []tuple.Tuple
	Rows   int

	copies []int
}

// Count is the number of distinct tuples. It is what a person confirms.
func (s Selection) Count() int { return len(s.Tuples) }

// Select reads what a filter selects, up to MaxMatching tuples. A filter without a
// single part is refused: it is everything that Keto holds.
func (c *Client) Select(ctx context.Context, q tuple.Query) (Selection, error) {
	const op = "select relation tuples"
	if q.Namespace == nil && q.Object == nil && q.Relation == nil && q.Subject == nil {
		return Selection{}, invalid(op, "filter", "the filter is empty, it would select every tuple there is", "name at least a namespace or a subject")
	}
	s := Selection{Query: q}
	at := map[string]int{}
	for t, err := range c.All(ctx, q) {
		switch {
		case err != nil:
			return Selection{}, asOp(err, op)
		case !q.Matches(t):
			// A gateway that drops parameters makes Keto return more than was asked for.
			return Selection{}, c.read.odd(op, 200, fmt.Sprintf("it holds %s, which the filter does not select", t))
		}
		s.Rows++
		if i, ok := at[t.Key()]; ok {
			s.copies[i]++
			continue
		}
		if len(s.Tuples) == MaxMatching {
			return Selection{}, invalid(op, "filter", fmt.Sprintf("the filter selects more than %d tuples", MaxMatching), "narrow it")
		}
		at[t.Key()] = len(s.Tuples)
		s.Tuples = append(s.Tuples, t)
		s.copies = append(s.copies, 1)
	}
	return s, nil
}

// Removal is how far a RemoveMatching has come.
type Removal struct {
	// Total is how many distinct tuples there are to remove, Gone how many are.
	Total, Gone int
}

// RemoveMatching removes the tuples that the filter selects, after it has read
// them itself and found exactly count of them (distinct ones, see Select): what
// was confirmed is what is removed, and another number is a Conflict with
// CodeChanged. The exact tuples are then deleted in transactions of MaxEdits; no
// filter is ever sent to be deleted by, so a tuple written meanwhile stays.
//
// progress may be nil; it is called after each transaction. When a later
// transaction fails, the answer holds what the earlier ones did, and Undo takes
// that back.
func (c *Client) RemoveMatching(ctx context.Context, q tuple.Query, count int, progress func(Removal)) (Applied, error) {
	const op = "remove relation tuples"
	if err := need(op, c.write); err != nil {
		return Applied{}, err
	}
	s, err := c.Select(ctx, q)
	if err != nil {
		return Applied{}, asOp(err, op)
	}
	if s.Count() != count {
		return Applied{}, &clients.Problem{Kind: clients.Conflict, Op: op, Target: c.read.caller.Target(), Code: CodeChanged,
			Reason: fmt.Sprintf("the filter selects %d tuples now, and %d were confirmed; nothing was removed", s.Count(), count),
			Hint:   "list them again and confirm the new number"}
	}
	var done Applied
	for at := 0; at < len(s.Tuples); at += MaxEdits {
		end := min(at+MaxEdits, len(s.Tuples))
		part := Applied{}
		for i, t := range s.Tuples[at:end] {
			part.Edits = append(part.Edits, Done{Edit{Delete, t}, s.copies[at+i], 0})
		}
		err := c.patch(ctx, op, patches(part.Edits))
		if err == nil || clients.Is(err, clients.UnknownOutcome) {
			done.Edits = append(done.Edits, part.Edits...)
		}
		if err != nil {
			return done, partly(err, at)
		}
		if progress != nil {
			progress(Removal{len(s.Tuples), end})
		}
	}
	return done, nil
}

// partly says how much had been done when a later transaction failed.
func partly(err error, done int) error {
	if pr, ok := err.(*clients.Problem); ok && done > 0 {
		pr.Reason += fmt.Sprintf("; %d were removed before that", done)
	}
	return err
}
