package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"
)

// An expired session cannot be made through any API of Kratos: the lifespan is one
// setting for all, and a session takes it over when it begins. But Kratos follows
// changes of its configuration file, so the seeder shortens the lifespan for the
// moment of one login and puts the file back. Anybody else who logs in during that
// moment (about a second, at the first seeding only) gets a short session too.

// withShortSessions runs do while new sessions live for a second. The file is put
// back byte for byte, whatever do answers.
func withShortSessions(ctx context.Context, path string, do func(context.Context) error) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("shorten sessions: %w", err)
	}
	original, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("shorten sessions: %w", err)
	}
	var settings map[string]any
	if err := yaml.Unmarshal(original, &settings); err != nil {
		return fmt.Errorf("shorten sessions: %s: %w", path, err)
	}
	session, _ := settings["session"].(map[string]any)
	if session == nil {
		session = map[string]any{}
	}
	session["lifespan"] = "1s"
	settings["session"] = session
	short, err := yaml.Marshal(settings)
	if err != nil {
		return fmt.Errorf("shorten sessions: %s: %w", path, err)
	}
	if err := replace(path, short, info.Mode()); err != nil {
		return fmt.Errorf("shorten sessions: %w", err)
	}
	defer func() {
		if back := replace(path, original, info.Mode()); back != nil {
			err = errors.Join(err, fmt.Errorf("put %s back: %w; start the stack anew", path, back))
		}
	}()
	return do(ctx)
}

// replace exchanges a file in one step, so that a server that follows it never reads
// half of it.
func replace(path string, data []byte, mode fs.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".seed-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	if chmodErr := tmp.Chmod(mode.Perm()); err == nil {
		err = chmodErr
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
