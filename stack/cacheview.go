package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CacheEntry is one thing that is kept in the cache folder.
type CacheEntry struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// CacheEntries lists what is kept, sorted by name. A folder that is not there is empty.
func CacheEntries() ([]CacheEntry, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	found, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the cache folder: %w", err)
	}
	var list []CacheEntry
	for _, f := range found {
		e := CacheEntry{Name: f.Name(), Path: filepath.Join(dir, "out", f.Name())}
		_ = filepath.WalkDir(e.Path, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					e.Bytes += info.Size()
				}
			}
			return nil
		})
		list = append(list, e)
	}
	return list, nil
}

// ClearCache deletes what is kept. It is refused while a stack runs, because a
// running Keycloak reads its distribution.
func ClearCache(ctx context.Context) error {
	dir, err := CacheDir()
	if err != nil {
		return err
	}
	for _, name := range Names() {
		if held(name) {
			return fmt.Errorf("%w: the stack %q uses the cache; stop it first with `gatehouse stack down --name %s`", ErrRunning, name, name)
		}
	}
	// The locks stay: another process may be waiting for one.
	for _, sub := range []string{"out", "tmp", "logs"} {
		if err := os.RemoveAll(filepath.Join(dir, sub)); err != nil {
			return fmt.Errorf("clear the cache: %w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}
