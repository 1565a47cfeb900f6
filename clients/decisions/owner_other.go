//go:build !unix

package decisions

import "io/fs"

// ours cannot be told here; the socket's own mode has to do.
func ours(fs.FileInfo) bool { return true }
