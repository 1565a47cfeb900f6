//go:build unix

package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/stack"
)

// The tests in this and the following files start servers of their own. They run
// where a stack runs for all tests: that is how they know that the servers are built.

// slow is how long to wait for what a machine full of builds does late.
const slow = 4 * time.Minute

// ownState gives a test a list of stacks of its own.
func ownState(t *testing.T) {
	t.Helper()
	t.Setenv(stack.EnvState, t.TempDir())
	t.Setenv(stack.EnvRole, stack.RoleSupervise) // for Detach
}

// detach starts a stack in the background and wipes it after the test.
func detach(t *testing.T, o stack.Options) stack.Info {
	t.Helper()
	o.Progress = func(s stack.Server, line string) { t.Logf("%s %s", s, line) }
	i, err := stack.Detach(t.Context(), o, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(stack.SupervisorLog(o.Name))
			t.Logf("the supervisor's log:\n%s", b)
		}
		if err := stack.Stop(context.Background(), o.Name, true, func(string) {}); err != nil && !errors.Is(err, stack.ErrNotFound) {
			t.Errorf("clean up: %v", err)
		}
	})
	return i
}

// up starts a stack in this process and stops it after the test.
func up(t *testing.T, o stack.Options) *stack.Stack {
	t.Helper()
	o.Unlisted = true
	if o.Dir == "" {
		o.Dir = filepath.Join(t.TempDir(), "s")
	}
	if o.Progress == nil {
		o.Progress = func(s stack.Server, line string) { t.Logf("%s %s", s, line) }
	}
	st, err := stack.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Down(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// status looks at a stack as another process would.
func status(t *testing.T, name string) stack.Status {
	t.Helper()
	s, err := stack.Load(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func serverOf(s stack.Status, name stack.Server) stack.ServerStatus {
	for _, v := range s.Servers {
		if v.Server == name {
			return v
		}
	}
	return stack.ServerStatus{}
}

// send sends one plain request and reads its answer. body may be nil, a url.Values
// or anything that becomes JSON.
func send(t *testing.T, method, to, token string, body any) (int, []byte) {
	t.Helper()
	var payload []byte
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case url.Values:
		payload, kind = []byte(b.Encode()), "application/x-www-form-urlencoded"
	default:
		var err error
		if payload, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, to, bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := (&http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, to, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

func want(t *testing.T, status, wanted int, answer []byte, what string) {
	t.Helper()
	if status != wanted {
		t.Fatalf("%s: status %d, want %d: %.300s", what, status, wanted, answer)
	}
}

// keycloakToken signs the administrator in; ok is false when the password is refused.
func keycloakToken(t *testing.T, i stack.Info, password string) (token string, ok bool) {
	t.Helper()
	code, answer := send(t, "POST", i.Keycloak.URL+"/realms/master/protocol/openid-connect/token", "", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {i.Keycloak.AdminUsername}, "password": {password}})
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if code != http.StatusOK {
		return "", false
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	return got.AccessToken, true
}

func adminToken(t *testing.T, i stack.Info) string {
	t.Helper()
	password, err := i.Keycloak.Password()
	if err != nil {
		t.Fatal(err)
	}
	token, ok := keycloakToken(t, i, password)
	if !ok {
		t.Fatal("the administrator's password is refused")
	}
	return token
}

// deed is something that was written into each server that keeps data.
type deed struct{ identity string }

// write puts an identity, a relation tuple and a realm into a stack.
func write(t *testing.T, i stack.Info) deed {
	t.Helper()
	var d deed
	if i.Kratos.Missing == "" {
		code, answer := send(t, "POST", i.Kratos.AdminURL+"/admin/identities", "", map[string]any{"schema_id": "default", "traits": map[string]any{"email": "kept@acme.example"}})
		want(t, code, http.StatusCreated, answer, "create an identity")
		var made struct{ ID string }
		if err := json.Unmarshal(answer, &made); err != nil {
			t.Fatal(err)
		}
		d.identity = made.ID
	}
	if i.Keto.Missing == "" {
		code, answer := send(t, "PUT", i.Keto.WriteURL+"/admin/relation-tuples", "", map[string]any{"namespace": "Group", "object": "kept", "relation": "members", "subject_id": "ann"})
		want(t, code, http.StatusCreated, answer, "write a tuple")
	}
	if i.Keycloak.Missing == "" {
		code, answer := send(t, "POST", i.Keycloak.URL+"/admin/realms", adminToken(t, i), map[string]any{"realm": "kept", "enabled": true})
		want(t, code, http.StatusCreated, answer, "create a realm")
	}
	return d
}

// check reads what write wrote.
func (d deed) check(t *testing.T, i stack.Info, s stack.Server) {
	t.Helper()
	switch s {
	case stack.Kratos:
		code, answer := send(t, "GET", i.Kratos.AdminURL+"/admin/identities/"+d.identity, "", nil)
		want(t, code, http.StatusOK, answer, "read the identity")
	case stack.Keto:
		code, answer := send(t, "GET", i.Keto.ReadURL+"/relation-tuples/check/openapi?namespace=Group&object=kept&relation=members&subject_id=ann", "", nil)
		want(t, code, http.StatusOK, answer, "check the tuple")
		if !strings.Contains(string(answer), `"allowed":true`) {
			t.Errorf("the tuple is gone: %s", answer)
		}
	case stack.Keycloak:
		code, answer := send(t, "GET", i.Keycloak.URL+"/admin/realms/kept", adminToken(t, i), nil)
		want(t, code, http.StatusOK, answer, "read the realm")
	case stack.Oathkeeper:
		code, answer := send(t, "GET", i.Oathkeeper.APIURL+"/rules", "", nil)
		want(t, code, http.StatusOK, answer, "read the rules")
		if !strings.Contains(string(answer), "gatehouse:session") {
			t.Errorf("the rules are gone: %.300s", answer)
		}
	}
}

// released checks that no process of a stack is left and no port is held.
func released(t *testing.T, s stack.Status) {
	t.Helper()
	for _, v := range s.Servers {
		if v.PID != 0 {
			stack.Eventually(t, 30*time.Second, fmt.Sprintf("the end of %s (pid %d)", v.Server, v.PID), func() bool { return !stack.Alive(v.PID) })
		}
		for name, port := range v.Ports {
			stack.Eventually(t, 10*time.Second, fmt.Sprintf("port %d of %s %s", port, v.Server, name), func() bool { return stack.PortFree(port) })
		}
	}
}

// kill9 kills one process outright. Process 0 would be our own whole group.
func kill9(t *testing.T, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("there is no process to kill: %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
