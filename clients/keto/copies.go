package keto

import (
	"context"
	"crypto/sha256"

	"golang.org/x/sync/errgroup"

	"gatehouse/access/tuple"
)

// Copies says how often each of the tuples is stored: 0 is not at all, and more
// than 1 happens because Keto stores twice what is written twice.
//
// A few tuples are looked up one by one. Of many, those that share an object or a
// subject are looked up with one list where that is cheaper.
func (c *Client) Copies(ctx context.Context, ts ...tuple.Tuple) ([]int, error) {
	out := make([]int, len(ts))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(c.parallel)
	for _, at := range groups(ts) {
		g.Go(func() error { return c.countGroup(gctx, ts, at, out) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

// Seen counts tuples while a list goes by, so that a screen or an export can mark
// or leave out the copies that List hands on. It needs some 50 bytes for each
// distinct tuple, whatever its length. The zero value is ready.
type Seen struct{ n map[digest]int }

func (s *Seen) has(t tuple.Tuple) bool { return s.n[digestOf(t)] > 0 }

// digest stands for a tuple where remembering its text would cost too much.
type digest [16]byte

func digestOf(t tuple.Tuple) digest {
	sum := sha256.Sum256([]byte(t.Key()))
	return digest(sum[:16])
}

// Add returns how often t went by, this time included: more than 1 is a copy.
func (s *Seen) Add(t tuple.Tuple) int {
	if s.n == nil {
		s.n = map[digest]int{}
	}
	k := digestOf(t)
	s.n[k]++
	return s.n[k]
}

// group is a set of tuples, by index, and the one query that selects them all.
type group struct {
	q  tuple.Query
	at []int
}

// groups sorts tuples by object or by subject, whichever makes fewer groups.
func groups(ts []tuple.Tuple) []group {
	byObject := groupBy(ts, func(t tuple.Tuple) tuple.Query {
		return tuple.Query{Namespace: &t.Namespace, Object: &t.Object}
	})
	if len(byObject)*4 <= len(ts) {
		return byObject
	}
	bySubject := groupBy(ts, func(t tuple.Tuple) tuple.Query {
		return tuple.Query{Namespace: &t.Namespace, Subject: &t.Subject}
	})
	if len(bySubject) < len(byObject) {
		return bySubject
	}
	return byObject
}

func groupBy(ts []tuple.Tuple, by func(tuple.Tuple) tuple.Query) []group {
	var out []group
	index := map[string]int{}
	for i, t := range ts {
		q := by(t)
		key := tuple.Tuple{Namespace: t.Namespace}
		if q.Object != nil {
			key.Object = t.Object
		}
		if q.Subject != nil {
			key.Subject = t.Subject
		}
		k := key.Key()
		n, ok := index[k]
		if !ok {
			n = len(out)
			index[k] = n
			out = append(out, group{q: q})
		}
		out[n].at = append(out[n].at, i)
	}
	return out
}

// fewTogether is from how many tuples on a group is worth a list of its own; a
// list costs at most listPages pages before the tuples are asked for one by one.
const (
	fewTogether = 3
	listPages   = 2
)

func (c *Client) countGroup(ctx context.Context, ts []tuple.Tuple, g group, out []int) error {
	if len(g.at) >= fewTogether {
		if whole, err := c.countByList(ctx, ts, g, out); err != nil || whole {
			return err
		}
	}
	for _, i := range g.at {
		out[i] = 0
		for got, err := range c.All(ctx, Exactly(ts[i])) {
			if err != nil {
				return err
			}
			if got.Equal(ts[i]) { // never trust a filter to have been understood
				out[i]++
			}
		}
	}
	return nil
}

// countByList counts a group with one list; whole is false when that is too long.
func (c *Client) countByList(ctx context.Context, ts []tuple.Tuple, g group, out []int) (whole bool, err error) {
	want := make(map[string][]int, len(g.at))
	for _, i := range g.at {
		k := ts[i].Key()
		want[k] = append(want[k], i)
	}
	cursor := ""
	for range listPages + len(g.at)/50 {
		page, err := c.List(ctx, g.q, cursor)
		if err != nil {
			return false, err
		}
		for _, t := range page.Items {
			for _, i := range want[t.Key()] {
				out[i]++
			}
		}
		if page.Next == "" || page.Next == cursor || len(page.Items) == 0 {
			return true, nil
		}
		cursor = page.Next
	}
	return false, nil
}
