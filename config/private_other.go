//go:build !unix

package config

import "io/fs"

// private cannot be checked by mode bits here; the system's access lists rule.
func private(fs.FileInfo) error { return nil }
