package live

import (
	"context"
	"sync"
	"time"

	"gatehouse/access/login"
	"gatehouse/clients"
)

// memoLife is how long what seldom changes is believed.
const memoLife = time.Minute

// memo keeps parts that are the same for all questions about a realm.
type memo struct {
	mu    sync.Mutex
	parts map[string]kept
}

type kept struct {
	value any
	until time.Time
}

// Forget makes the next question read everything again; for use after a change.
func (x *Explainer) Forget() {
	x.memo.mu.Lock()
	defer x.memo.mu.Unlock()
	x.memo.parts = nil
	x.realm.ForgetRights()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reader = nil
}

// fillOnce is fill for a part that is kept for all questions under a name.
func fillOnce[T any](g *gather, to *login.Part[T], name, right string, read func(context.Context) (T, error)) []task {
	if g.planned[name] {
		return nil
	}
	if g.planned == nil {
		g.planned = map[string]bool{}
	}
	g.planned[name] = true
	m := &g.x.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.parts[name]; ok && time.Now().Before(k.until) {
		*to = k.value.(login.Part[T])
		return nil
	}
	return []task{func(ctx context.Context) func() {
		part := sorted(g, right, read)(ctx)
		if part.State == login.Known || part.State == login.Cut {
			m.mu.Lock()
			if m.parts == nil {
				m.parts = map[string]kept{}
			}
			m.parts[name] = kept{part, time.Now().Add(memoLife)}
			m.mu.Unlock()
		}
		return func() { *to = part }
	}}
}

// cutPart is a refusal that a reader found by itself.
func cutPart(right string) error {
	return &clients.Problem{Kind: clients.Denied, Op: "explain the login", Reason: "our account lacks " + right}
}
