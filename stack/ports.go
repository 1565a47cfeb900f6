package stack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
)

// PortMode says which ports a stack takes.
type PortMode string

const (
	// FreePorts takes ports that nobody listens on, and the same ones again at the next start where possible.
	FreePorts PortMode = "free"
	// DefaultPorts takes the well-known ports: 4433, 4434, 4466…4469, 8080, 9000 and 4456…4458.
	DefaultPorts PortMode = "default"
)

// The listeners of a stack and their well-known ports. Oathkeeper's proxy and
// metrics are not where Oathkeeper would put them (4455, 9000): those belong to
// the pages of the demo server and to Keycloak's management port.
var wellKnown = map[string]int{
	"kratos.public": 4433, "kratos.admin": 4434,
	"keto.read": 4466, "keto.write": 4467, "keto.metrics": 4468, "keto.opl": 4469,
	"keycloak.http": 8080, "keycloak.management": 9000,
	"oathkeeper.api": 4456, "oathkeeper.proxy": 4457, "oathkeeper.metrics": 4458,
}

// mainListener is the one of each server that people think of as its address.
var mainListener = map[Server]string{Kratos: "kratos.public", Keto: "keto.read", Keycloak: "keycloak.http", Oathkeeper: "oathkeeper.proxy"}

// ports maps listeners ("keto.read") to port numbers.
type ports map[string]int

// listeners returns the sorted listeners of one server.
func listeners(s Server) []string {
	var names []string
	for n := range wellKnown {
		if strings.HasPrefix(n, string(s)+".") {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

// Ports are picked below the range from which systems take the ports of outgoing
// connections (Linux: 32768 and up), so that a restarted server finds its port
// free, and at random, so that two stacks that start together seldom collide.
const lowestPort, highestPort = 20000, 29999

// assign gives every listener of the servers a port: the one it had before where
// that is free, else another. With DefaultPorts a taken port is an error.
func (p ports) assign(mode PortMode, servers []Server) error {
	var taken []string
	for _, s := range servers {
		for _, name := range listeners(s) {
			if mode == DefaultPorts {
				p[name] = wellKnown[name]
				if !portFree(p[name]) {
					taken = append(taken, fmt.Sprintf("port %d for %s is taken%s", p[name], name, holder(p[name])))
				}
				continue
			}
			if old := p[name]; old != 0 && portFree(old) {
				continue
			}
			if err := p.pick(name); err != nil {
				return err
			}
		}
	}
	if taken != nil {
		return fmt.Errorf("%s; end that program, or use --ports free", strings.Join(taken, ", "))
	}
	return nil
}

// pick gives one listener a free port that no other listener of the stack has.
func (p ports) pick(name string) error {
	for range 2000 {
		n := lowestPort + rand.IntN(highestPort-lowestPort+1)
		used := false
		for _, other := range p {
			used = used || other == n
		}
		if !used && portFree(n) {
			p[name] = n
			return nil
		}
	}
	return fmt.Errorf("no free port between %d and %d for %s", lowestPort, highestPort, name)
}

// portFree tries to listen on the port, on loopback and on every address: a
// program that listens on one of the two does not always keep us from the other.
func portFree(n int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n)))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

// holder names who listens on the port, as far as the system tells: " by kratos (pid 12)".
func holder(port int) string {
	if pid, name := listenerOf(port); pid != 0 {
		return fmt.Sprintf(" by %s (pid %d)", name, pid)
	}
	return ""
}

// url is the address of a listener, without a trailing slash.
func (p ports) url(name string) string {
	return "http://127.0.0.1:" + strconv.Itoa(p[name])
}

// errPortTaken marks a start that failed because somebody else got a port between
// our look and the server's listen.
var errPortTaken = errors.New("a port was taken by another program in the meantime")

// saysPortTaken recognises how the servers say it in their logs.
func saysPortTaken(log string) bool {
	log = strings.ToLower(log)
	return strings.Contains(log, "address already in use") || strings.Contains(log, "port already bound")
}
