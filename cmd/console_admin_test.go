package cmd

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
	"gatehouse/tui/tuitest"
)

// What an administrator of Keycloak does with keys, looked at by a plain HTTP client:
// the thing that was to change did, and nothing else of the object.

type object = map[string]any

// ownRealm is a realm of the test's own.
type ownRealm struct {
	t    testing.TB
	info stack.Info
	name string
	base string // …/admin/realms/NAME
}

// newOwnRealm makes a realm out of a representation.
func newOwnRealm(t testing.TB, body object) ownRealm {
	t.Helper()
	info := stacktest.All(t)
	r := ownRealm{t: t, info: info, name: "admin-" + unique(t)}
	r.base = info.Keycloak.URL + "/admin/realms/" + r.name
	full := object{"realm": r.name, "enabled": true, "components": smallKeys}
	maps.Copy(full, body)
	keycloakAdmin(t, info.Keycloak).must(201, "POST", info.Keycloak.URL+"/admin/realms", full, nil)
	t.Cleanup(func() { keycloakAdmin(t, info.Keycloak).call("DELETE", r.base, nil) })
	return r
}

// get reads one object as it is on the wire; the account's token lives a minute, so each
// request fetches its own.
func (r ownRealm) get(path string) object {
	r.t.Helper()
	var out object
	keycloakAdmin(r.t, r.info.Keycloak).must(200, "GET", r.base+path, nil, &out)
	return out
}

func (r ownRealm) status(path string) int {
	r.t.Helper()
	code, _ := keycloakAdmin(r.t, r.info.Keycloak).call("GET", r.base+path, nil)
	return code
}

// list reads one property of each element of a list, sorted.
func (r ownRealm) list(path, property string) []string {
	r.t.Helper()
	var all []object
	keycloakAdmin(r.t, r.info.Keycloak).must(200, "GET", r.base+path, nil, &all)
	out := []string{}
	for _, x := range all {
		s, _ := x[property].(string)
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// id finds something by a path that answers one object, or a list with one.
func (r ownRealm) id(path string) string {
	r.t.Helper()
	var raw any
	keycloakAdmin(r.t, r.info.Keycloak).must(200, "GET", r.base+path, nil, &raw)
	if l, ok := raw.([]any); ok {
		if len(l) != 1 {
			r.t.Fatalf("%s has %d elements", path, len(l))
		}
		raw = l[0]
	}
	return raw.(object)["id"].(string)
}

// becomes waits until a list is as wanted.
func (r ownRealm) becomes(path, property string, want ...string) {
	r.t.Helper()
	var got []string
	slices.Sort(want)
	defer func() {
		if r.t.Failed() {
			r.t.Logf("%s is %q, want %q", path, got, want)
		}
	}()
	until(r.t, path, func() bool { got = r.list(path, property); return slices.Equal(got, want) })
}

// only holds an object against what it was: nothing but these keys may differ, and each
// of them must.
func only(t testing.TB, before, after object, keys ...string) {
	t.Helper()
	for k := range after {
		if _, ok := before[k]; !ok {
			before[k] = nil
		}
	}
	for k, was := range before {
		differs := !reflect.DeepEqual(was, after[k])
		switch named := slices.Contains(keys, k); {
		case differs && !named:
			t.Errorf("%s was changed along: from %v to %v", k, was, after[k])
		case named && !differs:
			t.Errorf("%s was not changed: %v", k, was)
		}
	}
}

// yes answers the question on the screen.
func yes(s *tuitest.Term, want ...string) {
	s.Want(want...)
	s.Press("y")
}

// typed answers a question that wants something typed. One that opens by itself takes no
// answer at first, so that it is typed until it stands there.
func typed(s *tuitest.Term, t testing.TB, text string) {
	t.Helper()
	until(t, "the question takes no answer", func() bool {
		s.Press("ctrl+u")
		s.Type(text)
		s.Settle()
		return strings.Contains(s.Screen(), ": "+text)
	})
	s.Press("enter")
}

// toLine moves the cursor of a screen of lines to the one that holds a text.
func toLine(s *tuitest.Term, text string) {
	s.Press("g")
	for range 200 {
		s.Settle()
		for _, line := range strings.Split(s.Screen(), "\n") {
			if before, after, ok := strings.Cut(line, "▸"); ok && strings.TrimSpace(before) == "" && strings.Contains(after, text) {
				return
			}
		}
		s.Press("down")
	}
	s.Want("a line with " + text + " under the cursor")
}

// yesTyped presses a key until the question is gone: one that opens by itself takes no
// answer at first.
func yesTyped(s *tuitest.Term, t testing.TB, key string, want ...string) {
	t.Helper()
	s.Want(want...)
	until(t, "the question takes no answer", func() bool {
		s.Press(key)
		s.Settle()
		return !strings.Contains(s.Screen(), "esc cancel")
	})
}

// undo takes the last write back, once that is registered, after reading what it writes.
func undo(s *tuitest.Term, t testing.TB, want ...string) {
	t.Helper()
	until(t, fmt.Sprintf("there is nothing to undo with %q", want), func() bool {
		s.Press("u")
		s.Settle()
		screen := s.Screen()
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(screen, w) }) {
			return true
		}
		if strings.Contains(screen, "esc cancel") {
			s.Press("esc")
		}
		return false
	})
	s.Press("y")
}
