//go:build !linux

package stack

func ownsPort(int, int) (owns, known bool) { return false, false }

func listenerOf(int) (pid int, name string) { return 0, "" }
