package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/adrg/xdg"
	"github.com/gofrs/flock"
)

// EnvState names the environment variable that moves the folder with the stacks' data.
const EnvState = "GATEHOUSE_STATE_DIR"

// DefaultName is the stack that is meant where none is named.
const DefaultName = "dev"

// marker is a file by which we know a folder as ours before we delete in it.
const marker = ".gatehouse-stack"

// ErrNotFound is in the chain of errors about a stack that was never made, or was wiped.
var ErrNotFound = errors.New("there is no such stack")

// StateDir is where stacks live unless told otherwise: GATEHOUSE_STATE_DIR, or
// gatehouse/ in the XDG state folder.
func StateDir() string {
	if dir := os.Getenv(EnvState); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			return abs
		}
		return dir
	}
	return filepath.Join(xdg.StateHome, "gatehouse")
}

var goodName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,30}$`)

// CheckName refuses a name that could not be part of a file's, a context's and a database's name.
func CheckName(name string) error {
	if !goodName.MatchString(name) {
		return fmt.Errorf("%q is no name for a stack: use up to 31 of a-z, 0-9, - and _, starting with a letter or digit", name)
	}
	return nil
}

// record is what is known of a stack, kept in its folder as state.json. It holds no secret.
type record struct {
	Name     string                   `json:"name"`
	Dir      string                   `json:"dir"`
	PID      int                      `json:"pid"`             // of the supervisor that wrote it last
	Phase    Phase                    `json:"phase"`           // as of that supervisor
	Started  time.Time                `json:"started"`         // when that supervisor began
	Database string                   `json:"database"`        // "sqlite" or "postgres"
	Realm    string                   `json:"realm,omitempty"` // for Info, across restarts
	Written  map[string]string        `json:"written"`         // hashes of the files that a person may edit, as we wrote them
	Ports    ports                    `json:"ports"`
	Servers  map[Server]*serverRecord `json:"servers"`
	Info     Info                     `json:"info"`
}

// serverRecord is what is known of one server of a stack.
type serverRecord struct {
	PID      int       `json:"pid,omitempty"`
	Program  string    `json:"program,omitempty"` // binary, or Keycloak's distribution
	Origin   string    `json:"origin,omitempty"`
	Version  string    `json:"version,omitempty"`
	Log      string    `json:"log,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Restarts int       `json:"restarts,omitempty"`
	LastExit string    `json:"last_exit,omitempty"` // how it last ended without being asked to
}

// Phase is where a stack is in its life.
type Phase string

// The phases of a stack.
const (
	Starting Phase = "starting"
	Ready    Phase = "ready"
	Stopping Phase = "stopping"
	Stopped  Phase = "stopped"
	// Died is never written: it is what a stack is found to be whose supervisor is
	// gone without having stopped it.
	Died Phase = "died"
)

// registry is the folder with one entry per stack: NAME.lock, held while a
// supervisor runs, NAME.json with the folder's place, and by default NAME itself.
func registry() string { return filepath.Join(StateDir(), "stacks") }

type place struct {
	Dir string `json:"dir"`
}

// placeOf returns the folder of a stack: as asked, else as it was made with, else
// the default one.
func placeOf(name, asked string) (string, error) {
	if asked != "" {
		return filepath.Abs(asked)
	}
	var p place
	err := readJSON(filepath.Join(registry(), name+".json"), &p)
	if err == nil && p.Dir != "" {
		return p.Dir, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return filepath.Join(registry(), name), nil
}

// awkward are characters that mean something in the database URLs and class paths
// that a folder's name becomes part of.
const awkward = ";?#%*\"'\\\n\r\t:"

func checkDir(dir string) error {
	if i := strings.IndexAny(dir, awkward); i >= 0 {
		return fmt.Errorf("the folder %q has a %q in its name, which the servers cannot live with; choose another with --dir", dir, dir[i])
	}
	return nil
}

// claim makes the folder of a stack, or finds it, and locks the folder for this
// process; of a listed stack the name too. The error says who has it when it is taken.
func claim(name, dir string, listed bool) (release func(), err error) {
	var locks []*flock.Flock
	release = func() {
		for _, l := range locks {
			_ = l.Unlock()
		}
	}
	lock := func(path string) error {
		l, err := lockOrSay(path, name, dir)
		if err == nil {
			locks = append(locks, l)
		}
		return err
	}
	if listed {
		if err = os.MkdirAll(registry(), 0o700); err != nil {
			return nil, fmt.Errorf("make the stacks' folder: %w; set %s to a folder you may write", err, EnvState)
		}
		err = lock(filepath.Join(registry(), name+".lock"))
	}
	if err == nil {
		err = ownDir(dir)
	}
	if err == nil {
		err = lock(filepath.Join(dir, "lock"))
	}
	if err == nil && listed {
		err = writeJSON(filepath.Join(registry(), name+".json"), place{dir})
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// lockOrSay takes a lock. A second is allowed for it: `status` holds it for an
// instant while it looks.
func lockOrSay(path, name, dir string) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l := flock.New(path, flock.SetPermissions(0o600))
	got, err := l.TryLockContext(ctx, 50*time.Millisecond)
	if got {
		return l, nil
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	var r record
	owner := ""
	if readJSON(filepath.Join(dir, "state.json"), &r) == nil && r.PID != 0 {
		owner = fmt.Sprintf(" (pid %d, since %s)", r.PID, r.Started.Local().Format("15:04:05"))
		if r.Name != name {
			owner = fmt.Sprintf(" as %q", r.Name) + owner
		}
	}
	return nil, fmt.Errorf("a stack %q in %s is %w%s; use it with `gatehouse stack env --name %s`, stop it with `gatehouse stack down --name %s`, or choose another --name",
		name, dir, ErrRunning, owner, name, name)
}

// ErrRunning is in the chain of the error about a stack that somebody runs already.
var ErrRunning = errors.New("already running")

// ownDir makes the folder with mode 0700. A folder that is there must be ours or empty.
func ownDir(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make the stack's folder: %w", err)
		}
	case err != nil:
		return fmt.Errorf("open the stack's folder: %w", err)
	case len(entries) > 0 && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == marker }):
		return fmt.Errorf("%s has files that are not a stack's; choose an empty or new folder with --dir", dir)
	default:
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, marker), []byte("made by gatehouse stack; `gatehouse stack down --wipe` deletes it\n"), 0o600)
}

// held tells whether a supervisor runs the stack.
func held(name string) bool {
	l := flock.New(filepath.Join(registry(), name+".lock"), flock.SetPermissions(0o600))
	if _, err := os.Stat(l.Path()); err != nil {
		return false
	}
	got, err := l.TryRLock()
	if got {
		_ = l.Unlock()
	}
	return err == nil && !got
}

// loadRecord reads what is known of a stack.
func loadRecord(name string) (record, error) {
	if err := CheckName(name); err != nil {
		return record{}, err
	}
	dir, err := placeOf(name, "")
	if err != nil {
		return record{}, err
	}
	var r record
	err = readJSON(filepath.Join(dir, "state.json"), &r)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%w: %q; start one with `gatehouse stack up --name %s`", ErrNotFound, name, name)
	}
	if err == nil && r.Phase != Stopped && !held(name) {
		r.Phase = Died
	}
	return r, err
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON replaces a file as a whole, readable for its owner alone.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(path, append(b, '\n'))
}

// writePrivate replaces a file as a whole with mode 0600: a reader sees the old
// contents or the new, and so does the next start after a kill in the middle.
func writePrivate(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
