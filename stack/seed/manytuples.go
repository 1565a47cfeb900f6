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
func manyTuples(ctx context.Context, c *keto.Client, total, people int, subject func(generated) (string, bool), t *tally) error {
	t.begin("relation tuples", total)
	read := 0
	_, err := c.Import(ctx, generatedTuples(total, people, subject), keto.ImportOptions{
		Batch: keto.MaxEdits,
		Progress: func(p keto.Imported) {
			// Imported counts from the start; the tally wants what came since.
			new := p.Read - read
			read = p.Read
			was := p.Added - t.created()
			t.count(created, was)
			t.count(same, new-was)
		},
	})
	if err != nil {
		return fmt.Errorf("seed Keto: %w", err)
	}
	return nil
}

func generatedTuples(total, people int, subject func(generated) (string, bool)) iter.Seq2[tuple.Tuple, error] {
	return func(yield func(tuple.Tuple, error) bool) {
		n := 0
		give := func(ns, object, relation string, s tuple.Subject) bool {
			n++
			return n <= total && yield(tuple.Tuple{Namespace: ns, Object: object, Relation: relation, Subject: s}, nil)
		}
		for g := generated(1); int(g) <= people; g++ {
			if id, ok := subject(g); ok && !give("Group", g.group(), "members", tuple.SubjectID(id)) {
				return
			}
		}
		for g := generated(1); int(g) <= people; g += groupSize {
			if !give("Group", manyPrefix+"all", "members", tuple.SubjectSet("Group", g.group(), "members")) {
				return
			}
		}
		if people == 0 {
			return
		}
		for doc := 1; ; doc++ {
			for g := generated(1); int(g) <= people; g++ {
				id, ok := subject(g)
				// A document for each hundred people and round keeps relations small.
				if ok && !give("Doc", fmt.Sprintf("%s%05d-%07d", manyPrefix, doc, (int(g)-1)/100), "viewers", tuple.SubjectID(id)) {
					return
				}
			}
			if n == 0 {
				return // nobody has a subject
			}
		}
	}
}
