package screens

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Limits of what a screen shows of one JSON value. Traits are small by nature;
// metadata is whatever an application puts there.
const (
	traitFields = 400 // fields of one value
	traitDepth  = 24  // levels; deeper is shown as JSON
)

// traitField is one leaf of a JSON value with the way to it: "name.first".
type traitField struct{ Path, Value string }

// flattenTraits flattens a JSON value into its leaves, nested objects as paths. What
// people look for first (e-mail, username, name) comes first, the rest by name. A
// list of plain values is one field with a line for each, so that it can be copied
// whole. rest is how many leaves were left out.
func flattenTraits(raw json.RawMessage) (fields []traitField, rest int) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // an employee number must not become 1e+06
	var v any
	if len(raw) == 0 || dec.Decode(&v) != nil || v == nil {
		return nil, 0
	}
	flatten("", v, 0, &fields)
	if len(fields) > traitFields {
		fields, rest = fields[:traitFields], len(fields)-traitFields
	}
	return fields, rest
}

func flatten(path string, v any, depth int, out *[]traitField) {
	leaf := func(text string) { *out = append(*out, traitField{path, text}) }
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 && path != "" {
			leaf("(nothing in it)")
			return
		}
		if depth >= traitDepth {
			leaf(compactJSON(v))
			return
		}
		for _, k := range traitOrder(v) {
			flatten(joinPath(path, k), v[k], depth+1, out)
		}
	case []any:
		switch {
		case len(v) == 0:
			leaf("(an empty list)")
		case depth >= traitDepth:
			leaf(compactJSON(v))
		case slices.ContainsFunc(v, nested):
			for i, item := range v {
				flatten(path+"["+strconv.Itoa(i)+"]", item, depth+1, out)
			}
		default:
			lines := make([]string, len(v))
			for i, item := range v {
				lines[i] = scalar(item)
			}
			leaf(strings.Join(lines, "\n"))
		}
	default:
		leaf(scalar(v))
	}
}

func nested(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// joinPath puts a dot between names; a name that holds one itself is quoted.
func joinPath(path, key string) string {
	if key == "" || strings.ContainsAny(key, ". []\"") {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return "(null)"
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case string:
		if v == "" {
			return "(empty)"
		}
		return v
	case json.Number:
		return v.String()
	}
	return compactJSON(v)
}

func compactJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "(not shown)"
	}
	return string(b)
}

// traitOrder sorts keys by name, but for the few that say who somebody is.
func traitOrder(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	rank := func(k string) int {
		if i := slices.Index(traitFirst, strings.ToLower(k)); i >= 0 {
			return i
		}
		return len(traitFirst)
	}
	sort.Slice(keys, func(i, j int) bool {
		if a, b := rank(keys[i]), rank(keys[j]); a != b {
			return a < b
		}
		return keys[i] < keys[j]
	})
	return keys
}

var traitFirst = []string{"email", "emails", "username", "name", "first", "last"}
