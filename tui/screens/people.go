package screens

import (
	"context"
	"sync"
)

// peopleKept bounds how many names are remembered; a name is found again when needed.
const peopleKept = 20_000

// People knows the names behind ids, so that a screen can show "Ann Okafor" where
// a relation tuple holds a UUID. It is shared by the screens of one context and
// safe for use by several goroutines. A nil *People knows nobody.
type People struct {
	lookup func(ctx context.Context, ids []string) (map[string]string, error)
	mu     sync.RWMutex
	names  map[string]string // "" is an id that nobody has
}

// NewPeople makes the cache. lookup names the identities with these ids; ids that
// nobody has are left out of its answer.
func NewPeople(lookup func(ctx context.Context, ids []string) (map[string]string, error)) *People {
	return &People{lookup: lookup, names: map[string]string{}}
}

// Name is the name behind an id, or "" when it is not known.
func (p *People) Name(id string) string {
	if p == nil {
		return ""
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.names[id]
}

// Learn looks up those of the ids that could be an identity's and are not known
// yet. It does I/O, so it belongs into a job. That it fails is no error: names are
// an extra.
func (p *People) Learn(ctx context.Context, ids []string) {
	if p == nil || p.lookup == nil {
		return
	}
	p.mu.RLock()
	var ask []string
	seen := map[string]bool{}
	for _, id := range ids {
		if _, known := p.names[id]; !known && !seen[id] && isUUID(id) {
			seen[id] = true
			ask = append(ask, id)
		}
	}
	p.mu.RUnlock()
	if len(ask) == 0 {
		return
	}
	found, err := p.lookup(ctx, ask)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.names)+len(ask) > peopleKept {
		clear(p.names)
	}
	for _, id := range ask {
		p.names[id] = found[id]
	}
}

// isUUID reports whether s has the form of the ids that Kratos gives: 36
// characters, hexadecimal in groups of 8, 4, 4, 4 and 12.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !hex {
			return false
		}
	}
	return true
}
