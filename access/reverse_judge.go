package access

import (
	"context"
	"runtime"
	"sync"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// CheckEach is a Judge that asks a server one question at a time, a few of them side
// by side. refused tells an error with which the server itself says that it has no
// verdict about a question; any other ends the search.
func CheckEach(c Checker, refused func(error) bool) Judge {
	return func(ctx context.Context, qs []tuple.Tuple) ([]Answer, int, error) {
		return each(ctx, parallel, qs, func(ctx context.Context, q tuple.Tuple) (Answer, error) {
			ok, err := c.Check(ctx, q, 0)
			switch {
			case err != nil && refused != nil && refused(err):
				return Answer{Unknown, err.Error()}, nil
			case err != nil:
				return Answer{}, err
			case ok:
				return Answer{Verdict: Allowed}, nil
			}
			return Answer{Verdict: Denied}, nil
		})
	}
}

// EvaluateEach is a Judge that asks no server but evaluates over tuples that are at
// hand. It needs no requests.
func EvaluateEach(r Reader, m *opl.Model, s Settings) Judge {
	return func(ctx context.Context, qs []tuple.Tuple) ([]Answer, int, error) {
		answers, _, err := each(ctx, runtime.GOMAXPROCS(0), qs, func(ctx context.Context, q tuple.Tuple) (Answer, error) {
			d := Evaluate(ctx, r, m, s, q, 0)
			a := Answer{Verdict: d.Verdict}
			if failed := d.Root.find(func(n *Node) bool { return n.Err != nil }); d.Verdict == Unknown && failed != nil {
				a.Reason = failed.Err.Error()
			}
			return a, ctx.Err()
		})
		return answers, 0, err
	}
}

// each answers the questions, so many at a time, and stops at the first error.
func each(ctx context.Context, wide int, qs []tuple.Tuple, answer func(context.Context, tuple.Tuple) (Answer, error)) ([]Answer, int, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]Answer, len(qs))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(wide, len(qs)) {
		wg.Go(func() {
			for i := range next {
				a, err := answer(ctx, qs[i])
				if err != nil {
					cancel(err) // only the first one counts
					continue
				}
				out[i] = a
			}
		})
	}
	for i := range qs {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	return out, len(qs), context.Cause(ctx)
}
