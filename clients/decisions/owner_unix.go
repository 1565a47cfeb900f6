//go:build unix

package decisions

import (
	"io/fs"
	"os"
	"syscall"
)

// ours reports whether a file belongs to the user who runs us.
func ours(i fs.FileInfo) bool {
	s, ok := i.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Getuid()
}
