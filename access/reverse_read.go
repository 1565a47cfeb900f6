package access

import (
	"context"
	"sync"

	"gatehouse/access/tuple"
)

// Sizes of what is read ahead of its turn: memory is bounded by parallel lists of a
// few chunks each, however long they are.
const (
	chunkSize = 100
	chunks    = 5
)

// shelf reads lists side by side and hands over what they give in the order in which
// they were added. Lists may be added while it runs.
type shelf struct {
	s     *search
	items []*reading
	begun int
	wg    sync.WaitGroup
}

// reading is one list.
type reading struct {
	q    tuple.Query
	take func(tuple.Tuple) error
	end  func() // after the last tuple; may be nil
	rows chan []tuple.Tuple
	err  error // read after rows was closed
}

func (sh *shelf) add(q tuple.Query, take func(tuple.Tuple) error, end func()) error {
	if b := sh.s.budget; b > 0 && len(sh.items) > b { // they could not be read anyway
		sh.s.spent()
		return errOver
	}
	sh.items = append(sh.items, &reading{q: q, take: take, end: end})
	return nil
}

// run reads until nothing is left, and forgets what it has read.
func (sh *shelf) run() error {
	ctx, cancel := context.WithCancel(sh.s.ctx)
	defer func() { cancel(); sh.wg.Wait() }()
	for i := 0; i < len(sh.items); i++ {
		for ; sh.begun < min(len(sh.items), i+parallel); sh.begun++ {
			sh.begin(ctx, sh.items[sh.begun])
		}
		if err := sh.items[i].drain(); err != nil {
			return err
		}
		sh.items[i] = nil
	}
	sh.items, sh.begun = nil, 0
	return sh.s.ctx.Err()
}

func (r *reading) drain() error {
	for rows := range r.rows {
		for _, t := range rows {
			if err := r.take(t); err != nil {
				return err
			}
		}
	}
	if r.err == nil && r.end != nil {
		r.end()
	}
	return r.err
}

func (sh *shelf) begin(ctx context.Context, r *reading) {
	r.rows = make(chan []tuple.Tuple, chunks)
	sh.wg.Go(func() {
		defer close(r.rows)
		r.err = sh.s.list(ctx, r.q, func(rows []tuple.Tuple) error {
			select {
			case r.rows <- rows:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
}

// list reads one list in chunks and pays for its pages.
func (s *search) list(ctx context.Context, q tuple.Query, take func([]tuple.Tuple) error) error {
	if !s.pay() {
		return errOver
	}
	var rows []tuple.Tuple
	n := 0
	for t, err := range s.f.Tuples.All(ctx, q) {
		switch {
		case err != nil:
			return err
		case n > 0 && n%pageSize == 0:
			s.tell()
			if !s.pay() {
				return errOver
			}
		}
		n++
		if rows = append(rows, t); len(rows) == chunkSize {
			if err := take(rows); err != nil {
				return err
			}
			rows = nil
		}
	}
	s.tell()
	if len(rows) == 0 {
		return ctx.Err()
	}
	return take(rows)
}

// short reads a list that is expected to be short; whole is false when it has more
// than most.
func (s *search) short(q tuple.Query, most int) (rows []tuple.Tuple, whole bool, err error) {
	whole = true
	err = s.list(s.ctx, q, func(some []tuple.Tuple) error {
		if rows = append(rows, some...); len(rows) > most {
			whole = false
			return errOver
		}
		return nil
	})
	if !whole {
		err = nil
	}
	return rows, whole, err
}
