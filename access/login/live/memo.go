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
}

// fillOnce is fill for a part that is kept for all questions under a name.
func fillOnce[T any](g *gather, to *login.Part[T], name, right string, read func(context.Context) (T, error)) []task {
	m := &g.x.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.parts[name]; ok && time.Now().Before(k.until) {
		*to = k.value.(login.Part[T])
		return nil
	}
	return []task{func(ctx context.Context) {
		fill(g, to, right, read)(ctx)
		if to.State != login.Known && to.State != login.Cut {
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.parts == nil {
			m.parts = map[string]kept{}
		}
		m.parts[name] = kept{*to, time.Now().Add(memoLife)}
	}}
}

// cutPart is a refusal that a reader found by itself.
func cutPart(right string) error {
	return &clients.Problem{Kind: clients.Denied, Op: "explain the login", Reason: "our account lacks " + right}
}
