package assert

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"gatehouse/access/opl"
)

// parseYAML gives the root of the only document, nil for an empty one. The library is
// known to panic on some malformed texts.
func parseYAML(data []byte) (root ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, errors.New("is not YAML that can be read")
		}
	}()
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	for _, doc := range f.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			return nil, errors.New("holds more than one document")
		}
		root = doc.Body
	}
	return root, nil
}

var atLine = regexp.MustCompile(`^\[(\d+):\d+\] *`)

// lineOf and firstLine take the library's "[line:column] message" apart.
func lineOf(err error) int {
	if m := atLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

func firstLine(err error) string {
	text, _, _ := strings.Cut(atLine.ReplaceAllString(err.Error(), ""), "\n")
	return text
}

// decoder walks the syntax tree itself, and not the library's decoder, because every
// complaint is to carry its line and the nearest right name. Only the first counts.
type decoder struct {
	file string
	err  error
}

func (d *decoder) fail(n ast.Node, format string, args ...any) {
	if d.err == nil {
		line := 0
		if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
			line = n.GetToken().Position.Line
		}
		d.err = &Error{d.file, line, fmt.Sprintf(format, args...)}
	}
}

// field is what to do with the value of a key.
type field func(ast.Node)

// fields goes through a mapping.
func (d *decoder) fields(n ast.Node, what string, known map[string]field) {
	var names []string
	for k := range known {
		names = append(names, k)
	}
	slices.Sort(names)
	seen := map[string]bool{}
	for _, kv := range d.pairs(n, what) {
		key, ok := d.text(kv.Key, "a key")
		if !ok {
			return
		}
		read := known[key.Value]
		switch {
		case read == nil:
			if near := opl.Nearest(key.Value, names); near != "" {
				d.fail(kv.Key, "%s has no %q; did you mean %q?", what, key.Value, near)
			} else {
				d.fail(kv.Key, "%s has no %q; it has: %s", what, key.Value, strings.Join(names, ", "))
			}
			return
		case seen[key.Value]:
			d.fail(kv.Key, "%q is there twice", key.Value)
			return
		}
		seen[key.Value] = true
		read(kv.Value)
	}
}

func (d *decoder) pairs(n ast.Node, what string) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	case *ast.NullNode, nil:
		return nil
	}
	d.fail(n, "expected the keys of %s", what)
	return nil
}

func (d *decoder) items(n ast.Node, what string) []ast.Node {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode, nil:
		return nil
	}
	d.fail(n, "expected a list of %s", what)
	return nil
}

// text reads a scalar.
func (d *decoder) text(n ast.Node, what string) (Text, bool) {
	line := 0
	if n != nil && n.GetToken() != nil && n.GetToken().Position != nil {
		line = n.GetToken().Position.Line
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return Text{n.Value, line}, true
	case *ast.LiteralNode:
		return Text{n.Value.Value, line}, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return Text{n.GetToken().Value, line}, true
	case *ast.MappingValueNode, *ast.MappingNode:
		d.fail(n, "expected %s; put it in quotes if it holds a colon and a space", what)
		return Text{}, false
	}
	d.fail(n, "expected %s", what)
	return Text{}, false
}

func (d *decoder) texts(n ast.Node, what string) []Text {
	var out []Text
	for _, item := range d.items(n, what) {
		if t, ok := d.text(item, what); ok {
			out = append(out, t)
		}
	}
	return out
}

func (d *decoder) into(to *string, what string) field {
	return func(n ast.Node) {
		if t, ok := d.text(n, what); ok {
			*to = t.Value
		}
	}
}

// top are the keys of a file.
func (d *decoder) top(f *File) map[string]field {
	return map[string]field{
		"about": d.into(&f.About, "text"),
		"model": func(n ast.Node) { f.Model = d.model(n) },
		"tuples": func(n ast.Node) {
			if _, list := n.(*ast.SequenceNode); list {
				f.Tuples = Source{Lines: d.texts(n, "relation tuples"), Line: n.GetToken().Position.Line}
			} else if t, ok := d.text(n, "a list of relation tuples, or the path of a file of them"); ok {
				f.Tuples = Source{Path: t.Value, Line: t.Line}
			}
		},
		"settings": func(n ast.Node) { d.settings(n, &f.Settings) },
		"people": func(n ast.Node) {
			for _, kv := range d.pairs(n, "people") {
				key, ok := d.text(kv.Key, "a name")
				login, ok2 := d.text(kv.Value, "the login name of "+key.Value)
				if ok && ok2 {
					f.People = append(f.People, Name{key.Value, login.Value, key.Line})
				}
			}
		},
		"tests": func(n ast.Node) {
			for _, item := range d.items(n, "groups of assertions") {
				f.Groups = append(f.Groups, d.group(item))
			}
		},
	}
}

// model is a path, or {text: …}.
func (d *decoder) model(n ast.Node) Source {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		s := Source{Line: n.GetToken().Position.Line}
		d.fields(n, "model", map[string]field{"text": d.into(&s.Text, "the text of a model")})
		return s
	}
	t, _ := d.text(n, "the path of a model, or text: with the model itself")
	return Source{Path: t.Value, Line: t.Line}
}

func (d *decoder) settings(n ast.Node, s *Settings) {
	number := func(to *int) field {
		return func(n ast.Node) {
			t, ok := d.text(n, "a number")
			if v, err := strconv.Atoi(t.Value); ok && (err != nil || v < 1 || v > 1000) {
				d.fail(n, "expected a number from 1 to 1000, found %q", t.Value)
			} else {
				*to = v
			}
		}
	}
	d.fields(n, "settings", map[string]field{
		"max_depth": number(&s.MaxDepth), "max_width": number(&s.MaxWidth),
		"strict": func(n ast.Node) {
			if b, ok := n.(*ast.BoolNode); ok {
				s.Strict = &b.Value
			} else {
				d.fail(n, "expected true or false")
			}
		},
		"engine": func(n ast.Node) {
			t, ok := d.text(n, "classic or new")
			if s.Engine = opl.Engine(t.Value); ok && s.Engine != opl.Classic && s.Engine != opl.New {
				d.fail(n, "expected classic or new, found %q", t.Value)
			}
		},
	})
}

// group reads one heading with its assertions.
func (d *decoder) group(n ast.Node) Group {
	var g Group
	expect := func(e Expect) field {
		return func(n ast.Node) {
			for _, t := range d.texts(n, "questions") {
				g.Cases = append(g.Cases, Case{Question: t, Expect: e})
			}
		}
	}
	d.fields(n, "a group of assertions", map[string]field{
		"name": d.into(&g.Name, "text"), "allow": expect(Allow), "deny": expect(Deny), "error": expect(Refused),
		"add":    func(n ast.Node) { g.Add = d.texts(n, "relation tuples") },
		"remove": func(n ast.Node) { g.Remove = d.texts(n, "relation tuples") },
		"checks": func(n ast.Node) { g.Cases = append(g.Cases, d.checks(n)...) },
		"who_can": func(n ast.Node) {
			for _, kv := range d.pairs(n, "who_can") {
				if key, ok := d.text(kv.Key, "namespace:object#permission"); ok {
					g.Cases = append(g.Cases, Case{Question: key, Subjects: d.texts(kv.Value, "subjects")})
				}
			}
		},
	})
	return g
}

// checks reads a list of {check, expect, because}.
func (d *decoder) checks(n ast.Node) []Case {
	var out []Case
	for _, item := range d.items(n, "checks") {
		var c Case
		d.fields(item, "a check", map[string]field{
			"check": func(n ast.Node) { c.Question, _ = d.text(n, "a question") },
			"expect": func(n ast.Node) {
				t, ok := d.text(n, "allow, deny or error")
				if c.Expect = Expect(t.Value); ok && c.Expect != Allow && c.Expect != Deny && c.Expect != Refused {
					d.fail(n, "expected allow, deny or error, found %q", t.Value)
				}
			},
			"because": d.into(&c.Because, "a tuple, or the code of a cause"),
		})
		switch {
		case c.Question.Value == "":
			d.fail(item, "a check needs a question under check")
		case c.Expect == "":
			d.fail(item, "a check needs allow or deny under expect")
		}
		out = append(out, c)
	}
	return out
}
