//go:build unix

package config

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private refuses a file that others can read, or that belongs to somebody else.
func private(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return fmt.Errorf("others may read it (mode %04o); chmod 600 it", mode)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, not to us", st.Uid)
	}
	return nil
}
