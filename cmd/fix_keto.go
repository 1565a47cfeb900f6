package cmd

import (
	"context"

	"gatehouse/access"
	"gatehouse/clients/keto"
)

// ketoFix carries out fixes of questions to Keto.
type ketoFix struct {
	o   *fixApplyOptions
	b   *backends
	k   *keto.Client
	x   *access.Explainer
	who access.Asking
}

func (o *fixApplyOptions) ketoQuestion(ctx context.Context, b *backends, text string) (fixQuestion, error) {
	q, err := parseTuple(text)
	if err != nil {
		return nil, usageError("%v", err)
	}
	k, err := b.Keto(ctx)
	if err != nil {
		return nil, cannotDo(err)
	}
	x, who, err := o.why.online(ctx, b)
	if err != nil {
		return nil, cannotDo(err)
	}
	return &ketoFix{o: o, b: b, k: k, x: x, who: who(ctx, q)}, nil
}

func (f *ketoFix) ask(ctx context.Context) (access.Trace, error) { return f.x.Explain(ctx, f.who) }

func (f *ketoFix) edits(fix access.Fix) []keto.Edit { return editsOf(fix.Writes) }

// editsOf are writes as the client takes them.
func editsOf(writes []access.Write) []keto.Edit {
	out := make([]keto.Edit, len(writes))
	for i, w := range writes {
		out[i] = keto.Edit{Op: keto.Insert, Tuple: w.What()}
		if w.Op == access.OpRemove {
			out[i].Op = keto.Delete
		}
	}
	return out
}

func (f *ketoFix) foresee(ctx context.Context, fix access.Fix) (access.Trace, []fixChange, error) {
	changes, err := f.o.why.g.foresee(ctx, f.k, f.edits(fix))
	if err != nil {
		return access.Trace{}, nil, err
	}
	w, err := f.x.WhatIf(ctx, f.who, fix.Writes)
	return w.Trace, fixChanges(changes), err
}

// write is one transaction. Of one whose answer is lost it looks what became of it.
func (f *ketoFix) write(ctx context.Context, fix access.Fix) ([]fixChange, error) {
	check, err := f.o.why.g.writeCheck(ctx, f.b, f.k, false)
	if err != nil {
		return nil, err
	}
	for _, w := range fix.Writes {
		if w.Op != access.OpAdd {
			continue // what is wrong can always be removed
		}
		if err := check(w.What()); err != nil {
			return nil, err
		}
	}
	done, err := f.o.why.g.tryEdits(ctx, f.k, f.edits(fix))
	return fixChanges(done), err
}

func fixChanges(done []tupleChange) []fixChange {
	out := make([]fixChange, len(done))
	for i, c := range done {
		op := access.OpAdd
		if c.Op == "remove" {
			op = access.OpRemove
		}
		out[i] = fixChange{access.NewWrite(op, c.Tuple), c.Outcome}
	}
	return out
}

// undo removes what was added and adds what was removed; what was there before stays.
func (f *ketoFix) undo(done []fixChange) []string {
	prefix := "gatehouse "
	if name := f.b.Context.Name; f.o.why.g.contextName != "" {
		prefix += "--context " + shellWord(name) + " "
	}
	rm, add := "", ""
	for _, c := range done {
		switch word := " " + shellWord(tupleLine(c.What())); {
		case c.Outcome != outcomeDone && c.Outcome != outcomeUnknown:
		case c.Op == access.OpAdd:
			rm += word
		default:
			add += word
		}
	}
	var out []string
	if rm != "" {
		out = append(out, prefix+"tuples rm"+rm)
	}
	if add != "" {
		out = append(out, prefix+"tuples add --force"+add)
	}
	return out
}
