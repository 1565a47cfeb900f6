// Package stacktest gives tests the real servers. A test asks for the server it
// needs and gets its addresses; where no stack runs the test is skipped with a
// message that says how to run it, or fails if GATEHOUSE_TEST_REQUIRE=1.
//
//	gatehouse stack up --detach --json --seed none > /tmp/stack.json
//	GATEHOUSE_TEST_STACK=/tmp/stack.json go test ./...
//
// Every call is counted: with GATEHOUSE_TEST_COUNT=FILE it appends the line
// "server<TAB>TestName" to that file, so that a run can prove what it touched.
package stacktest

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"gatehouse/stack"
)

// The environment variables that this package reads.
const (
	// EnvStack is the path of the JSON that `gatehouse stack up --json` prints.
	EnvStack = "GATEHOUSE_TEST_STACK"
	// EnvRequire set to 1 turns the skip of a test without servers into a failure.
	EnvRequire = "GATEHOUSE_TEST_REQUIRE"
	// EnvCount is the file to which each use of a server appends one line.
	EnvCount = "GATEHOUSE_TEST_COUNT"
)

// Kratos returns the addresses of the real Kratos.
func Kratos(t testing.TB) stack.KratosInfo {
	t.Helper()
	return need(t, stack.Kratos).Kratos
}

// Keto returns the addresses of the real Keto. Its namespaces are those of the
// running stack; a test that needs others starts its own with OwnKeto.
func Keto(t testing.TB) stack.KetoInfo {
	t.Helper()
	return need(t, stack.Keto).Keto
}

// Keycloak returns the address of the real Keycloak; its administrator's password
// comes from (stack.KeycloakInfo).Password.
func Keycloak(t testing.TB) stack.KeycloakInfo {
	t.Helper()
	return need(t, stack.Keycloak).Keycloak
}

// Oathkeeper returns the addresses of the real Oathkeeper.
func Oathkeeper(t testing.TB) stack.OathkeeperInfo {
	t.Helper()
	return need(t, stack.Oathkeeper).Oathkeeper
}

// All returns a stack in which all four servers run.
func All(t testing.TB) stack.Info {
	t.Helper()
	return need(t, stack.Servers()...)
}

// Running returns the stack for a TestMain, which has no *testing.T. ok is false
// where EnvStack is not set: then the tests themselves skip or fail. The use is
// not counted.
func Running() (info stack.Info, ok bool, err error) {
	if os.Getenv(EnvStack) == "" {
		return stack.Info{}, false, nil
	}
	info, err = load()
	return info, err == nil, err
}

var load = sync.OnceValues(func() (stack.Info, error) { return stack.ReadInfo(os.Getenv(EnvStack)) })

// need returns the running stack, or ends the test when one of the servers is not there.
func need(t testing.TB, servers ...stack.Server) stack.Info {
	t.Helper()
	if os.Getenv(EnvStack) == "" {
		absent(t, "needs a real "+string(servers[0])+": run `make test`, or `gatehouse stack up --detach --json --seed none >FILE` and set "+EnvStack+"=FILE")
	}
	info, err := load()
	if err != nil {
		t.Fatalf("%s: %v", EnvStack, err)
	}
	for _, s := range servers {
		if why := info.Missing(s); why != "" {
			absent(t, fmt.Sprintf("needs a real %s, which the stack %q does not have: %s", s, info.Name, why))
		}
		count(t, s)
	}
	return info
}

func absent(t testing.TB, why string) {
	t.Helper()
	if os.Getenv(EnvRequire) == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// count appends one line with a single write, which O_APPEND keeps whole even
// when several test binaries write to the same file.
func count(t testing.TB, s stack.Server) {
	t.Helper()
	path := os.Getenv(EnvCount)
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatalf("%s: %v", EnvCount, err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s\t%s\n", s, t.Name()); err != nil {
		t.Fatalf("%s: %v", EnvCount, err)
	}
}
