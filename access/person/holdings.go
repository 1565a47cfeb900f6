package person

import (
	"context"
	"errors"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
)

// Keto is what is read of Keto; *keto.Client has it.
type Keto interface {
	ListN(ctx context.Context, q tuple.Query, cursor string, size int) (clients.Page[tuple.Tuple], error)
}

// Holding is what one alias of a person holds in Keto.
type Holding struct {
	Alias  access.Alias
	Tuples []tuple.Tuple
	More   bool  // there are more than were read
	Err    error // why they could not be read: what the alias holds is not known then
}

// Holdings lists the tuples of each alias (of the first 60), side by side, up to
// MaxTuples of each. One alias that cannot be read does not spoil the others; the error
// is that of the first, and only when none could be read.
func Holdings(ctx context.Context, k Keto, aliases []access.Alias) ([]Holding, error) {
	aliases = aliases[:min(len(aliases), maxAliases)]
	out := make([]Holding, len(aliases))
	sideBySide(len(aliases), func(i int) { out[i] = holding(ctx, k, aliases[i]) })
	for _, h := range out {
		if h.Err == nil {
			return out, nil
		}
	}
	if len(out) > 0 {
		return nil, out[0].Err
	}
	return out, nil
}

func holding(ctx context.Context, k Keto, a access.Alias) Holding {
	h := Holding{Alias: a}
	page, err := k.ListN(ctx, tuple.Query{Subject: &a.Subject}, "", MaxTuples)
	if !unknownNamespace(err) {
		h.Err = err
	}
	h.Tuples, h.More = page.Items, page.Next != ""
	return h
}

// unknownNamespace: where the model has no namespace User, nobody holds anything as
// an object of it. That is an answer, not a failure.
func unknownNamespace(err error) bool {
	var p *clients.Problem
	return errors.As(err, &p) && p.Code == keto.CodeUnknownNamespace
}
