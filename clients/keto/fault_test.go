package keto_test

import (
	"testing"
	"time"

	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
)

// clientFor is a client on any URLs.
func clientFor(t *testing.T, read, write, opl string) *keto.Client {
	t.Helper()
	hc := transport.New(transport.Options{Target: "keto", Timeout: 5 * time.Second, Retries: -1})
	return must(keto.New(keto.Options{ReadURL: read, WriteURL: write, OPLURL: opl, Read: hc, Write: hc, OPL: hc}))(t)
}
