package gate

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// maxPassword is what bcrypt looks at; what is longer it would cut off without a
// word, so that a longer password would match (golang.org/x/crypto v0.57:
// CompareHashAndPassword accepts 73 bytes for a hash of the first 72).
const maxPassword = 72

// ErrTooLong says that a password is longer than bcrypt can tell apart.
var ErrTooLong = errors.New("the password is longer than 72 bytes")

// Hash is a bcrypt hash that is made when it is first needed, off the way of the
// start.
type Hash struct {
	once  sync.Once
	plain string
	cost  int
	hash  []byte
}

func (h *Hash) get() []byte {
	h.once.Do(func() {
		if h.hash == nil {
			h.hash, _ = bcrypt.GenerateFromPassword([]byte(h.plain), h.cost)
			h.plain = ""
		}
	})
	return h.hash
}

// Passwords verifies passwords: in constant time whether the account exists or not,
// a few at a time, and remembering for a minute what was right, so that HTTP Basic
// does not pay for bcrypt with every request.
type Passwords struct {
	cost  int
	now   func() time.Time
	key   []byte
	dummy *Hash
	slots chan struct{}

	mu   sync.Mutex
	seen map[[32]byte]time.Time // keyed digests of what was right
}

const (
	rememberFor   = time.Minute
	maxRemembered = 1000
)

// NewPasswords makes hashes of a cost.
func NewPasswords(cost int, now func() time.Time) *Passwords {
	p := &Passwords{cost: cost, now: now, key: make([]byte, 32), slots: make(chan struct{}, max(1, runtime.NumCPU())), seen: map[[32]byte]time.Time{}}
	_, _ = rand.Read(p.key)
	p.dummy = &Hash{plain: rand.Text(), cost: cost}
	return p
}

// New hashes a password. It fails with ErrTooLong.
func (p *Passwords) New(plain string) (*Hash, error) {
	if len(plain) > maxPassword {
		return nil, ErrTooLong
	}
	return &Hash{plain: plain, cost: p.cost}, nil
}

// Stored takes a hash as it was stored. One that is no bcrypt hash matches nothing.
func (p *Passwords) Stored(hash string) *Hash {
	return &Hash{hash: []byte(hash), cost: p.cost}
}

// Verify compares. h is nil for an account that does not exist, which takes as long
// as one that does. It gives up when ctx ends.
func (p *Passwords) Verify(ctx context.Context, h *Hash, plain string) bool {
	known := h != nil
	if !known {
		h = p.dummy
	}
	if len(plain) > maxPassword {
		known, plain = false, plain[:maxPassword]
	}
	key := p.digest(h, plain)
	if known && p.remembered(key) {
		return true
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return false
	}
	if bcrypt.CompareHashAndPassword(h.get(), []byte(plain)) != nil || !known {
		return false
	}
	p.remember(key)
	return true
}

// digest binds what is remembered to the hash: a changed password is not remembered.
func (p *Passwords) digest(h *Hash, plain string) (d [32]byte) {
	m := hmac.New(sha256.New, p.key)
	m.Write(h.get())
	m.Write([]byte{0})
	m.Write([]byte(plain))
	m.Sum(d[:0])
	return d
}

func (p *Passwords) remembered(d [32]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.seen[d]
	return ok && p.now().Sub(at) < rememberFor
}

func (p *Passwords) remember(d [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.seen) >= maxRemembered {
		clear(p.seen)
	}
	p.seen[d] = p.now()
}
