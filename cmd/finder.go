package cmd

import (
	"context"
	"errors"
	"iter"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/kratos"
)

// finder answers reverse questions from a context's Keto. Rules that let in whoever they
// do not exclude are tried on everybody in its Kratos, where there is one.
func (b *backends) finder(ctx context.Context) (*access.Finder, error) {
	k, err := b.Keto(ctx)
	if err != nil {
		return nil, err
	}
	m, err := b.Model(ctx)
	if err != nil {
		return nil, err
	}
	f := &access.Finder{Judge: ketoJudge(k), Tuples: knownOnly{k}, Model: m}
	if m == nil { // where it cannot be told whether there are rules, there may be
		ruleless, err := b.ketoProber(k, m).Ruleless(ctx)
		f.ModelUnknown = err != nil || !ruleless
	}
	if b.Context.Kratos != nil && b.Context.Kratos.AdminURL != "" {
		f.People = func(ctx context.Context) iter.Seq2[tuple.Subject, error] {
			return func(yield func(tuple.Subject, error) bool) {
				kc, err := b.Kratos(ctx)
				if err != nil {
					yield(tuple.Subject{}, err)
					return
				}
				for i, err := range clients.Each(ctx, kc.Fetch(kratos.Query{PageSize: kratos.MaxPageSize})) {
					if !yield(tuple.SubjectID(i.ID), err) {
						return
					}
				}
			}
		}
	}
	return f, nil
}

// ketoJudge asks Keto, in its batches where it has them. A question to which Keto
// answers an error has no verdict; what would meet every question ends the search.
func ketoJudge(k *keto.Client) access.Judge {
	return func(ctx context.Context, qs []tuple.Tuple) ([]access.Answer, int, error) {
		answers, err := k.BatchCheck(ctx, qs, 0)
		if err != nil {
			return nil, 0, err
		}
		out := make([]access.Answer, len(answers))
		for i, a := range answers {
			switch {
			case a.Err != nil:
				out[i] = access.Answer{Verdict: access.Unknown, Reason: problemOf(a.Err).Reason}
			case a.Allowed:
				out[i].Verdict = access.Allowed
			default:
				out[i].Verdict = access.Denied
			}
		}
		size := k.BatchSize()
		return out, (len(qs) + size - 1) / size, nil
	}
}

// kratosNames looks up the people behind ids; ids that nobody has are left out.
func kratosNames(ctx context.Context, k *kratos.Client, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for len(ids) > 0 {
		some := ids[:min(len(ids), kratos.MaxPageSize)]
		ids = ids[len(some):]
		page, err := k.Identities(ctx, kratos.Query{IDs: some, PageSize: kratos.MaxPageSize}, "")
		if err != nil {
			return out, err
		}
		for _, i := range page.Items {
			out[i.ID] = i.Name()
		}
	}
	return out, nil
}

// personID is the id by which a subject may be somebody in Kratos: a bare id, or the
// object of a subject set that stands for a person.
func personID(s tuple.Subject) string {
	switch {
	case s.Set == nil:
		return s.ID
	case s.Set.Relation == "":
		return s.Set.Object
	}
	return ""
}

// findProblem says in words what was wrong with a reverse question.
func findProblem(op string, err error) error {
	var ne *access.NameError
	if !errors.As(err, &ne) {
		return err
	}
	p := problem(clients.Invalid, op, ne.Error(), "names are case-sensitive; if the server has it, keto.opl is not the model that it runs")
	if ne.Near != "" {
		p.Hint = "did you mean " + ne.Near + "? names are case-sensitive"
	}
	return p
}
