package access_test

import (
	"context"
	"iter"
	"sync"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

// counting counts the lists that are read.
type counting struct {
	access.Lister
	mu sync.Mutex
	n  int
}

func (c *counting) All(ctx context.Context, q tuple.Query) iter.Seq2[tuple.Tuple, error] {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.Lister.All(ctx, q)
}

func sumOf(s *access.Step) int {
	n := s.Requests
	for _, c := range s.Children {
		n += sumOf(c)
	}
	return n
}

// The steps of the whole tree cost together no more than was read: the rest was read
// ahead, or for the fixes.
func TestEachListIsTheCostOfOneStep(t *testing.T) {
	m := parseModel(t, radiusModel)
	l := &counting{Lister: access.NewTuples(parseTuples(t, "Doc:d#viewers@Group:g#members", "Group:g#members@ann", "Doc:d#parents@Folder:f#", "Folder:f#viewers@Group:h#members"))}
	for _, question := range []string{"Doc:d#view@ann", "Doc:e#edit@ben"} {
		l.n = 0
		tr, err := (&access.Explainer{Tuples: l, Model: m, Full: true}).Explain(t.Context(), access.Asking{Question: parseTuples(t, question)[0]})
		if err != nil {
			t.Fatal(err)
		}
		if tr.Tree.Depth != 5 {
			t.Errorf("%s: the first step has %d levels left", question, tr.Tree.Depth)
		}
		if whole, proof := sumOf(tr.Tree), sumOf(tr.Proof); whole != proof {
			t.Errorf("%s: the steps of the tree cost %d, those of the proof %d", question, whole, proof)
		}
		if got := sumOf(tr.Tree); got == 0 || got > l.n {
			t.Errorf("%s: the steps cost %d, %d lists were read", question, got, l.n)
		}
	}
}
