package config

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Bounds on what one file may make us walk; aliases can repeat a node, so the
// size of the file alone bounds nothing.
const (
	maxNodes = 100_000
	maxNest  = 40
)

// decoder fills the structs of this package from a syntax tree. It walks the tree
// itself, and not the library's decoder, because every complaint is to carry the
// line and the nearest right name, and later checks want the line of each value.
type decoder struct {
	file     string
	dir      string
	lookup   func(string) (string, bool)
	anchors  map[string]ast.Node
	lines    map[string]position
	problems []*Error
	nodes    int
}

// decode reads the text of a file. Problems are in the order of the file.
func decode(data []byte, file string, lookup func(string) (string, bool)) (c *Config, problems []*Error) {
	c = &Config{}
	d := &decoder{file: file, lookup: lookup, anchors: map[string]ast.Node{}, lines: map[string]position{}}
	if abs, err := filepath.Abs(file); err == nil {
		d.dir = filepath.Dir(abs)
	}
	root, err := parse(data)
	if err != nil {
		return c, []*Error{syntaxError(file, err)}
	}
	if root != nil {
		d.value(root, reflect.ValueOf(c).Elem(), "", 0)
	}
	for name, ctx := range c.Contexts {
		ctx.Name, ctx.Origin = name, file
	}
	c.lines = d.lines
	return c, d.problems
}

// parse gives the root of the only document, nil for an empty one. The library
// is known to panic on some malformed texts; that is a syntax error like others.
func parse(data []byte) (root ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, errors.New("is not YAML that can be read")
		}
	}()
	f, err := parser.ParseBytes(data, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			return nil, errors.New("holds more than one document; keep one and put its contexts together")
		}
		root = doc.Body
	}
	return root, nil
}

func syntaxError(file string, err error) *Error {
	e := &Error{File: file, Msg: err.Error(), Err: err}
	var ye yaml.Error
	if errors.As(err, &ye) {
		e.Msg = "is not valid YAML: " + strings.TrimSpace(strings.Split(ye.GetMessage(), "\n")[0])
		if tk := ye.GetToken(); tk != nil && tk.Position != nil {
			e.Line = tk.Position.Line
		}
	}
	return e
}

func (d *decoder) fail(n ast.Node, key, msg, hint string) {
	e := &Error{File: d.file, Key: key, Msg: msg, Hint: hint}
	e.Line = at(n).line
	d.problems = append(d.problems, e)
}

// at is where a node begins.
func at(n ast.Node) position {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return position{}
	}
	p := n.GetToken().Position
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return at(m.Values[0].Key)
	}
	return position{p.Line, p.Column}
}

// resolve follows anchors, aliases and tags to the node that holds the value.
func (d *decoder) resolve(n ast.Node, key string, depth int) (ast.Node, bool) {
	d.nodes++
	if d.nodes > maxNodes || depth > maxNest {
		d.fail(n, key, "is nested too deeply or repeats itself through aliases", "")
		d.nodes = 0 // one complaint is enough; the caller stops here
		return nil, false
	}
	switch t := n.(type) {
	case *ast.AnchorNode:
		d.anchors[t.Name.GetToken().Value] = t.Value
		return d.resolve(t.Value, key, depth+1)
	case *ast.AliasNode:
		name := t.Value.GetToken().Value
		target, ok := d.anchors[name]
		if !ok {
			d.fail(n, key, fmt.Sprintf("the alias *%s refers to an anchor that does not stand before it", name), "")
			return nil, false
		}
		return d.resolve(target, key, depth+1)
	case *ast.TagNode:
		return d.resolve(t.Value, key, depth+1)
	}
	return n, true
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	tristateType = reflect.TypeFor[Tristate]()
	contextType  = reflect.TypeFor[Context]()
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
)

// value decodes n into v, which stands under the dotted key.
func (d *decoder) value(n ast.Node, v reflect.Value, key string, depth int) {
	if n == nil || len(d.problems) > 50 {
		return
	}
	if key != "" {
		d.lines[key] = at(n)
	}
	n, ok := d.resolve(n, key, depth)
	if !ok || n.Type() == ast.NullType {
		return
	}
	switch {
	case v.Type() == secretType, v.Type() == durationType, v.Type() == tristateType:
		d.scalar(n, v, key)
	case v.Kind() == reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		d.value(n, target.Elem(), key, depth+1)
		v.Set(target)
	case v.Kind() == reflect.Struct:
		d.structure(n, v, key, depth)
	case v.Kind() == reflect.Map:
		d.mapping(n, v, key, depth)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, key, depth)
	default:
		d.scalar(n, v, key)
	}
}

// pairs lists the entries of a mapping, merged ones (<<) first, so that the
// mapping's own override them.
func (d *decoder) pairs(n ast.Node, key string, depth int) ([]*ast.MappingValueNode, bool) {
	n, ok := d.resolve(n, key, depth)
	if !ok {
		return nil, false
	}
	var all []*ast.MappingValueNode
	switch t := n.(type) {
	case *ast.MappingNode:
		all = t.Values
	case *ast.MappingValueNode:
		all = []*ast.MappingValueNode{t}
	default:
		d.fail(n, key, fmt.Sprintf("%s must be a mapping (name: value), not %s", label(key), kindOf(n)), "")
		return nil, false
	}
	var merged, own []*ast.MappingValueNode
	for _, p := range all {
		if !p.Key.IsMergeKey() {
			own = append(own, p)
			continue
		}
		more, ok := d.pairs(p.Value, key, depth+1)
		if !ok {
			return nil, false
		}
		merged = append(merged, more...)
	}
	return append(merged, own...), true
}

// keyText is the name of an entry.
func (d *decoder) keyText(p *ast.MappingValueNode) string {
	if s, ok := p.Key.(*ast.StringNode); ok {
		return s.Value
	}
	if p.Key.GetToken() != nil {
		return strings.TrimSpace(p.Key.GetToken().Value)
	}
	return ""
}

func (d *decoder) structure(n ast.Node, v reflect.Value, key string, depth int) {
	entries, ok := d.pairs(n, key, depth)
	if !ok {
		return
	}
	fields := fieldsOf(v.Type())
	for _, p := range entries {
		name := d.keyText(p)
		index, known := fields[name]
		if !known {
			shown := name
			if v.Type() != contextType {
				shown = join(short(key), name)
			}
			d.fail(p.Key, join(key, name), fmt.Sprintf("unknown key %q", shown), suggest(name, v.Type()))
			continue
		}
		d.value(p.Value, v.FieldByIndex(index), join(key, name), depth+1)
	}
}

// suggest is the hint for an unknown key: a near name here, else the same name
// where it does belong, else what there is.
func suggest(name string, t reflect.Type) string {
	var here []string
	for f := range fieldsOf(t) {
		here = append(here, f)
	}
	slices.Sort(here)
	if near := nearest(name, here); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	for _, path := range allKeys() {
		if path[strings.LastIndexByte(path, '.')+1:] == name {
			return fmt.Sprintf("it belongs under %q", path[:max(0, strings.LastIndexByte(path, '.'))])
		}
	}
	return "known here: " + strings.Join(here, ", ")
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, key string, depth int) {
	entries, ok := d.pairs(n, key, depth)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	headers := map[string]string{}
	for _, p := range entries {
		name := d.keyText(p)
		// The names of headers do not differ by case, those of contexts do.
		canonical := http.CanonicalHeaderKey(name)
		if twin, twice := headers[canonical]; v.Type().Elem() == secretType && twice && twin != name {
			d.fail(p.Key, join(key, name), fmt.Sprintf("%s is set twice, also as %q", short(join(key, name)), twin), "keep one of them")
		}
		headers[canonical] = name
		item := reflect.New(v.Type().Elem()).Elem()
		if item.Kind() == reflect.Pointer {
			item.Set(reflect.New(item.Type().Elem())) // "dev:" with nothing under it is an empty context
			if !namePattern.MatchString(name) {
				d.fail(p.Key, join(key, name), fmt.Sprintf("%q is not a name for a context", name), "use letters, digits, '.', '_' and '-'")
				continue
			}
		}
		d.value(p.Value, item, join(key, name), depth+1)
		v.SetMapIndex(reflect.ValueOf(name), item)
	}
}

func (d *decoder) sequence(n ast.Node, v reflect.Value, key string, depth int) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, key, fmt.Sprintf("%s must be a list, not %s", label(key), kindOf(n)), "write it as [a, b]")
		return
	}
	for _, item := range seq.Values {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(item, e, key+"[]", depth+1)
		v.Set(reflect.Append(v, e))
	}
}
