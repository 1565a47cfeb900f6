package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// EnvCache names the environment variable that moves the cache folder.
const EnvCache = "GATEHOUSE_STACK_CACHE"

// CacheDir is where built servers and the Keycloak distribution are kept, shared
// by all stacks and all copies of gatehouse of one user: GATEHOUSE_STACK_CACHE, or
// gatehouse/stack in the user's cache folder. It may be deleted while no stack runs.
func CacheDir() (string, error) {
	if dir := os.Getenv(EnvCache); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w; set %s", err, EnvCache)
	}
	return filepath.Join(base, "gatehouse", "stack"), nil
}

// cache is a folder of finished outputs, each under a key that names everything
// it was made from. An entry is complete if it is there: it is made elsewhere and
// moved in by one rename.
type cache struct{ dir string }

func openCache() (cache, error) {
	dir, err := CacheDir()
	if err != nil {
		return cache{}, err
	}
	for _, sub := range []string{"out", "tmp", "locks", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return cache{}, fmt.Errorf("open the cache folder: %w; set %s to a folder you may write", err, EnvCache)
		}
	}
	return cache{dir}, nil
}

// path is where the entry is, or will be.
func (c cache) path(key string) string { return filepath.Join(c.dir, "out", key) }

func (c cache) has(key string) bool {
	_, err := os.Stat(c.path(key))
	return err == nil
}

// find returns an entry whose key matches the pattern (path.Match), "" for none.
func (c cache) find(pattern string) string {
	found, err := filepath.Glob(c.path(pattern))
	if err != nil || len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// once returns the entry, and makes it first where it is not there. Of several
// processes that want the same entry one makes it and the others wait; waiting is
// called when that happens. make fills a new empty folder.
func (c cache) once(ctx context.Context, key string, waiting func(), build func(dir string) error) (string, error) {
	if c.has(key) {
		return c.path(key), nil
	}
	lock := flock.New(filepath.Join(c.dir, "locks", key))
	got, err := lock.TryLock()
	if err == nil && !got {
		waiting()
		got, err = lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil || !got {
		return "", fmt.Errorf("wait for another build of %s: %w", key, err)
	}
	defer lock.Unlock()
	if c.has(key) { // the other one made it
		return c.path(key), nil
	}
	tmp := filepath.Join(c.dir, "tmp", key)
	if err := os.RemoveAll(tmp); err != nil { // left by a build that was killed
		return "", err
	}
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := build(tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, c.path(key)); err != nil && !c.has(key) {
		return "", fmt.Errorf("keep the output: %w", err)
	}
	return c.path(key), nil
}
