package stack

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listening reads the inodes of all sockets that listen on a port, of both
// families, from /proc/net/tcp (see proc_net_tcp in the kernel's documentation).
func listening(port int) map[string]bool {
	inodes := map[string]bool{}
	suffix := fmt.Sprintf(":%04X", port)
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		for sc := bufio.NewScanner(f); sc.Scan(); {
			// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
			col := strings.Fields(sc.Text())
			if len(col) > 9 && col[3] == "0A" && strings.HasSuffix(col[1], suffix) {
				inodes["socket:["+col[9]+"]"] = true
			}
		}
		_ = f.Close()
	}
	return inodes
}

func holdsAny(pid int, inodes map[string]bool) bool {
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && inodes[to] {
			return true
		}
	}
	return false
}

// heldByOther tells whether somebody listens on the port and the process does not.
func heldByOther(pid, port int) bool {
	inodes := listening(port)
	return len(inodes) > 0 && !holdsAny(pid, inodes)
}

// listenerOf finds the process that listens on a port, among those we may look at.
func listenerOf(port int) (pid int, name string) {
	inodes := listening(port)
	if len(inodes) == 0 {
		return 0, ""
	}
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range procs {
		n, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || !holdsAny(n, inodes) {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		return n, strings.TrimSpace(string(comm))
	}
	return 0, ""
}
