package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar decodes text, numbers, switches, durations and secrets. It converts
// nothing silently: YAML reads 0123 as a number and yes as a text, and a password
// that lost its zero is worse than an error.
func (d *decoder) scalar(n ast.Node, v reflect.Value, key string) {
	text, isText := textOf(n)
	wrong := func(want, hint string) {
		d.fail(n, key, fmt.Sprintf("%s must be %s, not %s", label(key), want, kindOf(n)), hint)
	}
	switch {
	case v.Type() == secretType:
		if !isText {
			wrong("a text", "put it in quotes")
			return
		}
		s := ParseSecret(text)
		if s.s != nil {
			s.s.baseDir, s.s.lookup = d.dir, d.lookup
		}
		v.Set(reflect.ValueOf(s))
	case v.Type() == durationType:
		dur, err := time.ParseDuration(text)
		if !isText || err != nil {
			wrong("a duration", "write it with a unit, such as 15s or 500ms")
			return
		}
		v.SetInt(int64(dur))
	case v.Type() == tristateType:
		if b, ok := n.(*ast.BoolNode); ok {
			text, isText = fmt.Sprint(b.Value), true
		}
		if !isText || !slices.Contains([]Tristate{Auto, Yes, No}, Tristate(text)) {
			wrong("auto, true or false", "")
			return
		}
		v.SetString(text)
	case v.Kind() == reflect.String:
		if !isText {
			wrong("a text", "put it in quotes")
			return
		}
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			wrong("true or false", "")
			return
		}
		v.SetBool(b.Value)
	case v.Kind() == reflect.Int:
		d.integer(n, v, wrong)
	}
}

func (d *decoder) integer(n ast.Node, v reflect.Value, wrong func(want, hint string)) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		wrong("a whole number", "")
		return
	}
	const limit = 1 << 31
	switch x := i.Value.(type) {
	case int64:
		if x > -limit && x < limit {
			v.SetInt(x)
			return
		}
	case uint64:
		if x < limit {
			v.SetInt(int64(x))
			return
		}
	}
	wrong("a smaller number", "")
}

// textOf is the value of a plain, quoted or block text.
func textOf(n ast.Node) (string, bool) {
	switch t := n.(type) {
	case *ast.StringNode:
		return t.Value, true
	case *ast.LiteralNode:
		if t.Value != nil {
			return t.Value.Value, true
		}
	}
	return "", false
}

// kindOf names what a node is, in words; it never repeats a value, which may be a secret.
func kindOf(n ast.Node) string {
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.BoolType:
		return "true or false"
	case ast.StringType, ast.LiteralType:
		return "a text"
	default:
		return "this"
	}
}

// label names a key in a message: the part inside its context.
func label(key string) string {
	if key == "" {
		return "the file"
	}
	return short(key)
}

// short leaves out "contexts.NAME." of a dotted key; a context's name may hold
// dots, so it looks for a part that can follow the name.
func short(key string) string {
	rest, ok := strings.CutPrefix(key, "contexts.")
	if !ok {
		return key
	}
	for i := range rest {
		if rest[i] != '.' {
			continue
		}
		first, _, _ := strings.Cut(rest[i+1:], ".")
		if _, known := fieldsOf(contextType)[strings.TrimSuffix(first, "[]")]; known {
			return rest[i+1:]
		}
	}
	return key
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// fieldsOf maps the YAML names of a struct, inlined ones included, to their index.
func fieldsOf(t reflect.Type) map[string][]int {
	out := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" || name == "-" || opts == "inline" || !f.IsExported() {
			continue
		}
		out[name] = f.Index
	}
	return out
}

// allKeys are the dotted keys of the format, "contexts.NAME" for the entries of a map.
func allKeys() []string {
	var out []string
	var walk func(t reflect.Type, key string)
	walk = func(t reflect.Type, key string) {
		switch {
		case t.Kind() == reflect.Pointer:
			walk(t.Elem(), key)
		case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Pointer:
			walk(t.Elem(), key+".NAME")
		case t.Kind() == reflect.Struct && t != secretType:
			for name, index := range fieldsOf(t) {
				out = append(out, join(key, name))
				walk(t.FieldByIndex(index).Type, join(key, name))
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
	slices.Sort(out)
	return out
}
