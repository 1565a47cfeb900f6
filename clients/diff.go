package clients

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Difference is one field in which two JSON values differ.
type Difference struct {
	Field  string `json:"field" jsonschema_description:"As a JSON pointer (RFC 6901), such as /traits/name/first."`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Diff compares what two values are as JSON, field by field, in the order of their
// names. An array is compared as one value: its elements have no names. Numbers are
// compared as they are written. The error is that of a value that is no JSON.
func Diff(before, after any) ([]Difference, error) {
	a, err := plainJSON(before)
	if err != nil {
		return nil, err
	}
	b, err := plainJSON(after)
	if err != nil {
		return nil, err
	}
	return diffValues(nil, "", a, b), nil
}

func diffValues(out []Difference, path string, a, b any) []Difference {
	am, aok := a.(map[string]any)
	bm, bok := b.(map[string]any)
	if !aok || !bok {
		if !reflect.DeepEqual(a, b) {
			out = append(out, Difference{path, a, b})
		}
		return out
	}
	for _, k := range keysOf(am, bm) {
		out = diffValues(out, join(path, k), am[k], bm[k])
	}
	return out
}

// Merge brings two changes of one value together: what only one side changed is as
// that side has it. Where both changed the same field in different ways mine stands,
// and the field is named in both. Arrays are merged as one value.
func Merge(base, mine, theirs any) (merged any, both []string, err error) {
	var v [3]any
	for i, in := range []any{base, mine, theirs} {
		if v[i], err = plainJSON(in); err != nil {
			return nil, nil, err
		}
	}
	merged = mergeValues("", v[0], v[1], v[2], &both)
	return merged, both, nil
}

// absent stands for a key that an object does not have.
type absent struct{}

func mergeValues(path string, base, mine, theirs any, both *[]string) any {
	switch {
	case reflect.DeepEqual(mine, base), reflect.DeepEqual(mine, theirs):
		return theirs
	case reflect.DeepEqual(theirs, base):
		return mine
	}
	mm, mok := mine.(map[string]any)
	tm, tok := theirs.(map[string]any)
	bm, _ := base.(map[string]any) // where there was none, each key is new
	if !mok || !tok {
		*both = append(*both, path)
		return mine
	}
	out := map[string]any{}
	for _, k := range keysOf(mm, tm) {
		if v := mergeValues(join(path, k), orAbsent(bm, k), orAbsent(mm, k), orAbsent(tm, k), both); !isAbsent(v) {
			out[k] = v
		}
	}
	return out
}

func isAbsent(v any) bool { _, is := v.(absent); return is }

func orAbsent(m map[string]any, k string) any {
	if v, ok := m[k]; ok {
		return v
	}
	return absent{}
}

// keysOf are the keys of both, sorted.
func keysOf(a, b map[string]any) []string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func join(path, key string) string {
	return path + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func plainJSON(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var out any
	return out, dec.Decode(&out)
}
