package seed

import (
	"context"
	"fmt"
	"iter"

	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
)

// manyTuples stores total tuples about people generated people: first the group of
// each, and the groups in one above them, then documents that each may view. What
// is stored already is left alone.
func manyTuples(ctx context.Context, c *keto.Client, names namer, total, people int, subject func(generated) (string, bool), t *tally) error {
	t.begin("relation tuples", total)
	var last keto.Imported
	_, err := c.Import(ctx, generatedTuples(names, total, people, subject), keto.ImportOptions{
		Batch: keto.MaxEdits,
		Progress: func(p keto.Imported) {
			// Imported counts from the start; the tally wants what came since.
			t.count(created, p.Added-last.Added)
			t.count(same, p.Existed-last.Existed)
			last = p
		},
	})
	if err != nil {
		return fmt.Errorf("seed Keto: %w", err)
	}
	return nil
}

func generatedTuples(names namer, total, people int, subject func(generated) (string, bool)) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		n := 0
		give := func(ns, object, relation string, s tuple.Subject) bool {
			n++
			return n <= total && yield(tuple.Tuple{Namespace: ns, Object: object, Relation: relation, Subject: s}, nil)
		}
		for g := generated(1); int(g) <= people; g++ {
			if id, ok := subject(g); ok && !give("Group", names.group(g), "members", tuple.SubjectID(id)) {
				return
			}
		}
		for g := generated(1); int(g) <= people; g += groupSize {
			if !give("Group", string(names)+"all", "members", tuple.SubjectSet("Group", names.group(g), "members")) {
				return
			}
		}
		for doc, some := 1, true; some; doc++ {
			some = false // whether anybody has a subject; else there is no end
			for g := generated(1); int(g) <= people; g++ {
				id, ok := subject(g)
				some = some || ok
				if ok && !give("Doc", names.document(doc, g), "viewers", tuple.SubjectID(id)) {
					return
				}
			}
		}
	}
}
