package gate

import (
	"maps"
	"sync"
	"time"
)

// memory keeps sessions in this process. It needs nobody to stop it: what is over is
// swept out when something is stored, at most once a minute.
type memory struct {
	mu    sync.Mutex
	items map[string]stored
	swept time.Time
}

type stored struct {
	data []byte
	ends time.Time
}

// NewMemoryStore keeps sessions in this process.
func NewMemoryStore() SessionStore { return &memory{items: map[string]stored{}} }

func (m *memory) Find(token string) ([]byte, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.items[token]
	if !ok || time.Now().After(s.ends) {
		return nil, false, nil
	}
	return s.data, true, nil
}

func (m *memory) Commit(token string, data []byte, ends time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.swept) > time.Minute {
		m.swept = now
		maps.DeleteFunc(m.items, func(_ string, s stored) bool { return now.After(s.ends) })
	}
	m.items[token] = stored{data, ends}
	return nil
}

func (m *memory) Delete(token string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.items, token)
	return nil
}
