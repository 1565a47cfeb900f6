package cmd

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
)

// tupleSet remembers which tuples went by, at 16 bytes each. It is as good as
// exact: a collision of 128 bits of SHA-256 has never been seen.
type tupleSet map[[16]byte]struct{}

// add reports whether t is new.
func (s tupleSet) add(t tuple.Tuple) bool {
	k := tupleHash(t)
	if _, old := s[k]; old {
		return false
	}
	s[k] = struct{}{}
	return true
}

func (s tupleSet) has(t tuple.Tuple) bool {
	_, ok := s[tupleHash(t)]
	return ok
}

func tupleHash(t tuple.Tuple) [16]byte {
	sum := sha256.Sum256([]byte(t.Key()))
	return [16]byte(sum[:16])
}

// extra is what the namespaces of the input hold and the input does not. It reads
// the input to its end.
func (o *tuplesImportOptions) extra(ctx context.Context, k *keto.Client, in *input) ([]tuple.Tuple, error) {
	if !in.whole {
		return nil, errors.New("--prune needs to see the whole input before it writes: give a file")
	}
	want, namespaces := tupleSet{}, map[string]bool{}
	for p, err := range in.all(ctx, 1) {
		if err != nil {
			return nil, err
		}
		want.add(p.Tuple)
		namespaces[p.Namespace] = true
	}
	var out []tuple.Tuple
	seen := tupleSet{}
	for _, ns := range slices.Sorted(maps.Keys(namespaces)) {
		for t, err := range k.All(ctx, tuple.Query{Namespace: &ns}) {
			switch {
			case err != nil:
				return nil, err
			case t.Namespace != ns || want.has(t) || !seen.add(t):
				continue
			case len(out) == keto.MaxMatching:
				return nil, fmt.Errorf("--prune would remove more than %s tuples; remove them with tuples rm first", thousands(keto.MaxMatching))
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// removeExtra removes exactly these tuples, and returns how many are gone.
func (o *tuplesImportOptions) removeExtra(ctx context.Context, k *keto.Client, extra []tuple.Tuple) (int, error) {
	gone := 0
	for part := range slices.Chunk(extra, keto.MaxEdits) {
		edits := make([]keto.Edit, len(part))
		for i, t := range part {
			edits[i] = keto.Edit{Op: keto.Delete, Tuple: t}
		}
		done, err := o.g.tryEdits(ctx, k, edits)
		if err != nil {
			return gone, err
		}
		for _, d := range done {
			if d.Outcome == outcomeDone {
				gone++
			}
		}
	}
	return gone, nil
}

// foresee prints every write that the import would make, and makes none.
func (o *tuplesImportOptions) foresee(ctx context.Context, k *keto.Client, in *input, extra []tuple.Tuple) error {
	out := newLines(o.g, changeColumns, tupleChange.line)
	f := foreseer{k: k, out: out, seen: tupleSet{}, empty: map[string]bool{}}
	for p, err := range in.all(ctx, o.fromLine) {
		if err == nil {
			err = f.add(ctx, p.Tuple)
		}
		if err != nil {
			out.Abort()
			return o.refused(err)
		}
	}
	if err := f.flush(ctx); err != nil {
		out.Abort()
		return cannotDo(err)
	}
	for _, t := range extra {
		if err := out.Add(tupleChange{Op: "remove", Outcome: outcomeWould, Copies: 1, Tuple: t}); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	o.g.note("%s read, %s would be added, %s there already, %s would be removed; nothing was written",
		plural(f.read, "tuple", "tuples"), thousands(f.added), thousands(f.read-f.added), thousands(len(extra)))
	return nil
}

// foreseer finds out batch by batch which tuples are not stored yet.
type foreseer struct {
	k           *keto.Client
	out         *rows[tupleChange]
	seen        tupleSet
	empty       map[string]bool // namespaces in which nothing has to be looked up
	batch       []tuple.Tuple
	read, added int
}

func (f *foreseer) add(ctx context.Context, t tuple.Tuple) error {
	f.read++
	if !f.seen.add(t) {
		return nil
	}
	if f.batch = append(f.batch, t); len(f.batch) < keto.MaxEdits {
		return nil
	}
	return f.flush(ctx)
}

func (f *foreseer) flush(ctx context.Context) error {
	var look []tuple.Tuple
	for _, t := range f.batch {
		empty, err := f.isEmpty(ctx, t.Namespace)
		if err != nil {
			return err
		}
		if !empty {
			look = append(look, t)
		}
	}
	copies, err := f.k.Copies(ctx, look...)
	if err != nil {
		return err
	}
	stored := map[string]bool{}
	for i, t := range look {
		stored[t.Key()] = copies[i] > 0
	}
	for _, t := range f.batch {
		if stored[t.Key()] {
			continue
		}
		f.added++
		if err := f.out.Add(tupleChange{Op: "add", Outcome: outcomeWould, Tuple: t}); err != nil {
			return err
		}
	}
	f.batch = f.batch[:0]
	return nil
}

// isEmpty reports whether a namespace has no tuples at all. That Keto does not know
// it is the error that the import itself would end with.
func (f *foreseer) isEmpty(ctx context.Context, ns string) (bool, error) {
	if empty, known := f.empty[ns]; known {
		return empty, nil
	}
	page, err := f.k.ListN(ctx, tuple.Query{Namespace: &ns}, "", 1)
	if err != nil {
		return false, err
	}
	f.empty[ns] = len(page.Items) == 0
	return f.empty[ns], nil
}
