//go:build !linux

package gate

import "net"

// peerIsUs leaves it to the mode of the socket and its folder.
func peerIsUs(net.Conn) bool { return true }
