package seed

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
)

// Passwords are those of the story's people in one stack: random, kept in a file
// that only its owner reads, and never printed. The zero value is not usable; see
// OpenPasswords.
type Passwords struct {
	path string

	mu    sync.Mutex
	by    map[string]string
	fresh map[string]bool // made in this run, so that the servers do not have them yet
}

// OpenPasswords reads the file, or starts one that does not exist yet. An empty path
// keeps them in memory only. A file that others may read is refused.
func OpenPasswords(path string) (*Passwords, error) {
	p := &Passwords{path: path, by: map[string]string{}, fresh: map[string]bool{}}
	if path == "" {
		return p, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the people's passwords: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read the people's passwords: others may read %s (mode %04o); chmod 600 it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the people's passwords: %w", err)
	}
	if err := json.Unmarshal(b, &p.by); err != nil {
		return nil, fmt.Errorf("read the people's passwords: %s: %w", path, err)
	}
	return p, nil
}

// Of gives the password of a person by key, making one when there is none.
func (p *Passwords) Of(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pw, ok := p.by[key]; ok {
		return pw
	}
	pw := rand.Text() // 130 bits
	p.by[key], p.fresh[key] = pw, true
	return pw
}

// isFresh reports whether the password was made in this run. A server that knows the
// person already has another one then.
func (p *Passwords) isFresh(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fresh[key]
}

// save writes the file in one step. It is called before the passwords are sent, so
// that no account is left with a password that nobody knows.
func (p *Passwords) save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.path == "" || len(p.fresh) == 0 {
		return nil
	}
	b, err := json.MarshalIndent(p.by, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(p.path), ".people-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keep the people's passwords: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(append(b, '\n'))
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), p.path)
	}
	if err != nil {
		return fmt.Errorf("keep the people's passwords: %w", err)
	}
	return nil
}

// Known are the passwords that there are, by the people's keys. None is made.
func (p *Passwords) Known() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.by)
}
