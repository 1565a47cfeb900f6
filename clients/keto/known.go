package keto

import (
	"context"

	"gatehouse/access/tuple"
)

// known is what an import knows of the namespaces that it writes to.
type known struct {
	c  *Client
	in map[string]*stock
}

// stock is what is known of one namespace.
type stock struct {
	// all are its tuples when every one is known, nil else.
	all *Seen
	// asked is how many tuples were looked up one by one.
	asked int
	// huge says that reading all of it was tried and given up.
	huge bool
}

// Looking up askedMax tuples of a namespace one by one shows that many will follow:
// then all of it is read, if it is not more than stockPages pages. So a small import
// into a large namespace stays cheap, and a large one does not ask for each tuple.
const (
	askedMax   = 200
	stockPages = 200
)

// missing are those of the tuples, which are all different, that are not stored.
func (k *known) missing(ctx context.Context, ts []tuple.Tuple) ([]tuple.Tuple, error) {
	perNS := map[string]int{}
	for _, t := range ts {
		perNS[t.Namespace]++
	}
	for ns, n := range perNS {
		if err := k.learn(ctx, ns, n); err != nil {
			return nil, err
		}
	}
	var out, look []tuple.Tuple
	for _, t := range ts {
		switch s := k.in[t.Namespace]; {
		case s.all == nil:
			look = append(look, t)
			s.asked++
		case !s.all.has(t):
			out = append(out, t)
		}
	}
	copies, err := k.c.Copies(ctx, look...)
	if err != nil {
		return nil, err
	}
	for i, t := range look {
		if copies[i] == 0 {
			out = append(out, t)
		}
	}
	return out, nil
}

// learn finds out about a namespace of which n tuples are to be looked up. An empty
// one is known at once, with one small request.
func (k *known) learn(ctx context.Context, namespace string, n int) error {
	s := k.in[namespace]
	q := tuple.Query{Namespace: &namespace}
	if s == nil {
		s = &stock{}
		k.in[namespace] = s
		page, err := k.c.ListN(ctx, q, "", 1)
		if err != nil {
			return err
		}
		if len(page.Items) == 0 {
			s.all = &Seen{}
		}
	}
	if s.all != nil || s.huge || s.asked+n < askedMax {
		return nil
	}
	all := &Seen{}
	rows := 0
	for t, err := range k.c.All(ctx, q) {
		if err != nil {
			return err
		}
		if rows++; rows > stockPages*MaxPage {
			s.huge = true
			return nil
		}
		all.Add(t)
	}
	s.all = all
	return nil
}

// add remembers what was stored.
func (k *known) add(ts []tuple.Tuple) {
	for _, t := range ts {
		if s := k.in[t.Namespace]; s != nil && s.all != nil {
			s.all.Add(t)
		}
	}
}
