package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// unixPrefix begins the address of a unix socket.
const unixPrefix = "unix:"

// BaseURL is where browsers find the server, as far as the options tell: with port 0
// the port is not known yet.
func (o Options) BaseURL() string {
	if o.PublicURL != "" {
		return strings.TrimSuffix(o.PublicURL, "/")
	}
	return o.scheme() + "://" + o.Listen
}

func (o Options) scheme() string {
	if o.TLSCert != "" {
		return "https"
	}
	return "http"
}

// listen opens the address: HOST:PORT, or a unix socket for a proxy on this machine.
func (o Options) listen() (net.Listener, error) {
	path, unix := strings.CutPrefix(o.Listen, unixPrefix)
	if !unix {
		return net.Listen("tcp", o.Listen)
	}
	if i, err := os.Stat(path); err == nil && i.Mode().Type() == os.ModeSocket {
		if c, err := net.Dial("unix", path); err == nil {
			_ = c.Close()
			return nil, errors.New("a server listens there already")
		}
		_ = os.Remove(path) // left behind by one that was killed
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o660); err != nil { // its owner, and a proxy of its group
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// certificate reads the files of TLS; nil without any.
func (o Options) certificate() (*tls.Config, error) {
	if o.TLSCert == "" && o.TLSKey == "" {
		return nil, nil
	}
	if o.TLSCert == "" || o.TLSKey == "" {
		return nil, errors.New("--tls-cert and --tls-key belong together")
	}
	c, err := tls.LoadX509KeyPair(o.TLSCert, o.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// plainNote warns of a server that others reach without TLS.
func (o Options) plainNote() string {
	if !o.ListenPublic || strings.HasPrefix(o.BaseURL(), "https://") {
		return ""
	}
	return "others reach the server over plain HTTP, where browsers keep none of its cookies: use --tls-cert and --tls-key, or a proxy and --public-url https://…"
}
