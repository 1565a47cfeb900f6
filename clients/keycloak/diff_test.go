package keycloak_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// gone stands for a value that is no longer there, anyValue for one that only has to
// have changed.
const (
	gone     = "\x00gone"
	anyValue = "\x00any"
)

// flatten turns JSON into paths and texts: {"a":{"b":[1]}} is {"a.b.0":"1"}. Empty
// lists and objects count as absent, as the server leaves them out or not at whim.
func flatten(prefix string, v any, out map[string]string) {
	join := func(k string) string {
		if prefix == "" {
			return k
		}
		return prefix + "." + k
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flatten(join(k), e, out)
		}
	case []any:
		for i, e := range sorted(v) {
			flatten(join(fmt.Sprint(i)), e, out)
		}
	case nil:
	default:
		out[prefix] = fmt.Sprint(v)
	}
}

// sorted puts a list of texts in order: the server keeps those as sets.
func sorted(l []any) []any {
	for _, e := range l {
		if _, text := e.(string); !text {
			return l
		}
	}
	return slices.SortedFunc(slices.Values(l), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
}

// diff is what changed between two JSON documents, by path.
func diff(before, after any) map[string]string {
	b, a, out := map[string]string{}, map[string]string{}, map[string]string{}
	flatten("", before, b)
	flatten("", after, a)
	for k, v := range a {
		if old, had := b[k]; !had || old != v {
			out[k] = v
		}
	}
	for k := range b {
		if _, has := a[k]; !has {
			out[k] = gone
		}
	}
	return out
}

// wantDiff checks that exactly the wanted paths changed, to the wanted values.
func wantDiff(t testing.TB, before, after any, want map[string]string) {
	t.Helper()
	got := diff(before, after)
	for _, k := range slices.Sorted(maps.Keys(want)) {
		v, changed := got[k]
		switch {
		case !changed:
			t.Errorf("%s did not change, want %q", k, want[k])
		case want[k] != anyValue && v != want[k]:
			t.Errorf("%s is now %q, want %q", k, v, want[k])
		}
		delete(got, k)
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		t.Errorf("%s changed too: it is now %q", k, got[k])
	}
}
