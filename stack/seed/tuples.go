package seed

import (
	"context"

	"gatehouse/clients/keto"
	"gatehouse/stack/story"
)

// ids turns the keys of people into the subjects of tuples.
type ids func(key string) (string, error)

// seedTuples stores the story's tuples and takes away what the fixes of the tickets
// have added, in one transaction.
func seedTuples(ctx context.Context, c *keto.Client, st *story.Story, id ids, t *tally) error {
	var edits []keto.Edit
	add := func(op keto.Op, text string) error {
		tp, err := st.Tuple(text, id)
		if err == nil {
			edits = append(edits, keto.Edit{Op: op, Tuple: tp})
		}
		return err
	}
	for _, text := range st.Tuples {
		if err := add(keto.Insert, text); err != nil {
			return err
		}
	}
	for _, ticket := range st.Tickets {
		for _, w := range ticket.Fix {
			if w.Op != story.OpAdd {
				continue
			}
			if err := add(keto.Delete, w.Tuple); err != nil {
				return err
			}
		}
	}
	t.begin("relation tuples", len(edits))
	done, err := c.Apply(ctx, edits)
	if err != nil {
		return err
	}
	for _, d := range done.Edits {
		t.count(outcomeOf(d), 1)
	}
	return nil
}

func outcomeOf(d keto.Done) outcome {
	switch {
	case !d.Changed():
		return same
	case d.Op == keto.Insert:
		return created
	default:
		return changed
	}
}

// writeTuple makes a write to Keto true, or its opposite.
func writeTuple(ctx context.Context, c *keto.Client, st *story.Story, id ids, w story.Write, fixed bool) (outcome, error) {
	tp, err := st.Tuple(w.Tuple, id)
	if err != nil {
		return same, err
	}
	op := keto.Delete
	if (w.Op == story.OpAdd) == fixed {
		op = keto.Insert
	}
	done, err := c.Apply(ctx, []keto.Edit{{Op: op, Tuple: tp}})
	if err != nil {
		return same, err
	}
	if done.Changed() > 0 {
		return changed, nil
	}
	return same, nil
}
