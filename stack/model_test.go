//go:build unix

package stack_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// TestChangedModelTakesEffect edits the permission model of a running stack, as
// Info.OPL promises that one may.
func TestChangedModelTakesEffect(t *testing.T) {
	stacktest.Keto(t)
	i := up(t, stack.Options{Name: "model", With: []stack.Server{stack.Keto}}).Info()
	has := func(name string) bool {
		resp, err := http.Get(i.Keto.ReadURL + "/namespaces")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return err == nil && strings.Contains(string(b), `"`+name+`"`)
	}
	if !has("Doc") || has("Invoice") {
		t.Fatal("the stack did not start with its own model")
	}
	model, err := os.ReadFile(i.Keto.OPL)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(i.Keto.OPL, append(model, "\nclass Invoice implements Namespace {}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); !has("Invoice"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("Keto does not know the new namespace")
		}
	}
}
