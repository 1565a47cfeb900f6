package decisions

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/adrg/xdg"

	"gatehouse/clients"
)

// maxSocketPath is what every Unix accepts as the path of a socket.
const maxSocketPath = 103

// Dir is the folder in which demo servers put their sockets: in the user's runtime
// folder, or where there is none in a folder of the user's own in the temporary one.
func Dir() string {
	if d := xdg.RuntimeDir; d != "" {
		if i, err := os.Stat(d); err == nil && i.IsDir() {
			return filepath.Join(d, "gatehouse", "demo")
		}
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("gatehouse-%d", os.Getuid()), "demo")
}

// SocketFor is the socket of the server that listens on an address.
func SocketFor(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		port = "server"
	}
	return filepath.Join(Dir(), port+".sock")
}

// MakeDir makes the folder of a socket for its owner alone, and refuses one that
// belongs to somebody else or that others may write to.
func MakeDir(path string) error {
	if len(path) > maxSocketPath {
		return fmt.Errorf("the path of the socket is longer than %d bytes: %s; choose a shorter one with --debug-socket", maxSocketPath, path)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	i, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !i.IsDir() || !ours(i) {
		return fmt.Errorf("%s belongs to somebody else", dir)
	}
	if i.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to %s; chmod 700 it", dir)
	}
	return nil
}

// Find is the socket of the demo server that runs. With several it asks to choose.
func Find() (string, error) {
	list, err := filepath.Glob(filepath.Join(Dir(), "*.sock"))
	if err != nil {
		return "", err
	}
	var live []string
	for _, p := range list {
		c, err := net.DialTimeout("unix", p, time.Second)
		if err != nil {
			continue // left behind by a server that was killed
		}
		_ = c.Close()
		live = append(live, p)
	}
	sort.Strings(live)
	switch len(live) {
	case 0:
		return "", &clients.Problem{Kind: clients.Unreachable, Op: "find the demo server", Reason: "none runs", Hint: "start one: gatehouse demo serve"}
	case 1:
		return live[0], nil
	}
	return "", &clients.Problem{Kind: clients.Conflict, Op: "find the demo server", Reason: fmt.Sprintf("%d run", len(live)),
		Hint: "choose one with --socket: " + strings.Join(live, ", ")}
}

// Stale removes a socket that nobody listens on. It is an error when somebody does.
func Stale(path string) error {
	i, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if i.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is there and is no socket", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return fmt.Errorf("another demo server listens on %s", path)
	}
	return os.Remove(path)
}
