// Package opl reads the Ory Permission Language as Keto's own parser reads it, odd
// cases included, and remembers where everything stands in the source, which Keto
// does not. What it accepts Keto accepts and the other way round: a differential
// test asks the real server. Where the server is odd, the server is right, and a
// Warning says what is odd.
//
// The language looks like TypeScript and is not. The grammar, as parsed here:
//
//	file     = { any token but "class" | class }
//	class    = "class" name "implements" "Namespace" "{" { related | permits | ";" } "}"
//	related  = "related" ":" "{" { name ":" type | ";" } "}"
//	type     = "Array" "<" union ">" | ( set | "(" union ")" | tok ) "[" "]" [","]
//	union    = ( set | tok ) { "|" ( set | tok ) }
//	set      = "SubjectSet" "<" tok "," tok ">"
//	permits  = "permits" "=" "{" { name ":" "(" "ctx" [":" "Context"] ")" [":" "boolean"] "=>" expr } "}"
//	expr     = operand { ( "&&" | "||" ) operand } ( "," | before "}" )
//	operand  = [ "!" ] ( "(" expr ")" | atom )
//	atom     = "this" "." "related" prop "." "includes" "(" "ctx" "." "subject" ")"
//	         | "this" "." "related" prop "." "traverse" "(" arg "=>" tok "." tail ")"
//	         | "this" "." "permits" prop "(" "ctx" ")"
//	arg      = tok | "(" tok ")"
//	tail     = "related" prop "." "includes" "(" "ctx" "." "subject" [","] ")" [","]
//	         | "permits" prop "(" "ctx" ")"
//	prop     = "." tok | "[" tok "]"
//	name     = identifier | string
//
// tok is any token at all. A string counts as the word or sign that it holds, except
// where a token is told by its kind. && and || have no precedence, they bind from
// left to right. Nesting is at most 10 deep.
// Source: internal/schema of ory/keto v0.13.0, the same in v0.14 to v26.2.
package opl

import (
	"fmt"
	"slices"
)

// Pos is a place in a source. The zero Pos is no place.
type Pos struct {
	Offset int `json:"offset"` // in bytes, from 0
	Line   int `json:"line"`   // from 1
	Column int `json:"column"` // in characters (code points), from 1
}

// Span is a stretch of a source: from Start up to, but not including, End.
type Span struct {
	File       string `json:"file"`
	Start, End Pos
}

// String is file:line:column of the start, as editors and compilers write it.
func (s Span) String() string {
	if s.File == "" {
		return fmt.Sprintf("%d:%d", s.Start.Line, s.Start.Column)
	}
	return fmt.Sprintf("%s:%d:%d", s.File, s.Start.Line, s.Start.Column)
}

// Error is one thing that is wrong, or a Warning's odd thing, with its place.
type Error struct {
	Span
	// Message says what is wrong and what was expected, without the place.
	Message string
}

// Error is "file:line:column: message".
func (e *Error) Error() string { return e.Span.String() + ": " + e.Message }

// Oddity names the kind of a Warning.
type Oddity string

// What Keto accepts without a word although hardly anybody means it.
const (
	MixedOperators     Oddity = "mixed_operators"     // && and || side by side: Keto goes from left to right, TypeScript does not
	MissingOperator    Oddity = "missing_operator"    // two operands without one between them
	TrailingOperator   Oddity = "trailing_operator"   // nothing after && or ||
	OpenParenthesis    Oddity = "open_parenthesis"    // a "(" that a "}" closes
	EmptyGroup         Oddity = "empty_group"         // "!()", on which Keto 0.13 to 26.2 breaks when it evaluates it
	DroppedPermission  Oddity = "dropped_permission"  // no expression: the permission vanishes, and often what follows it
	DuplicateNamespace Oddity = "duplicate_namespace" // the last one counts, but types are checked against the first
	DuplicateRelation  Oddity = "duplicate_relation"  // the first one counts
)

// Warning is something that Keto accepts and probably nobody meant.
type Warning struct {
	Error
	Kind Oddity
}

// Model is a parsed source, or several put together.
type Model struct {
	// Namespaces are in the order of the source, duplicates included.
	Namespaces []*Namespace
	Warnings   []Warning
	// Sources are the texts, by the file names that the Spans use.
	Sources map[string]string

	byName map[string]*Namespace
}

// Namespace is one class.
type Namespace struct {
	Name string
	Pos  Span // of the name
	Span Span // of the whole class
	// Relations are relations and permissions in the order of the source: they share
	// their names, and of duplicates Keto uses the first.
	Relations []*Relation

	byName map[string]*Relation
}

// Relation is a relation of "related" or a permission of "permits".
type Relation struct {
	Name string
	Pos  Span // of the name
	Span Span // from the name to the end of its type or expression
	// Types are who may be the subject; a permission has none.
	Types []Type
	// IsPermission tells a permission.
	IsPermission bool
	// Rewrite is the rule of a permission as it was parsed, strictly from left to
	// right: "a || b && c" is And(Or(Or(a), b), c). See Simplified.
	Rewrite *Rewrite
}

// Type is one declared type of subjects. With an empty Relation it is an object of
// Namespace, or a bare id; else the set of those who have Relation on such an object.
type Type struct {
	Namespace, Relation string
	Span                Span
}

// String is "User" or "Group#members".
func (t Type) String() string {
	if t.Relation == "" {
		return t.Namespace
	}
	return t.Namespace + "#" + t.Relation
}

// Node is a part of a rule: *Rewrite, *Computed, *Traverse or *Not.
type Node interface {
	// Where is the place of the node in the source.
	Where() Span
}

// Op joins the children of a Rewrite.
type Op string

// The two operators. A Rewrite with a single child says Or, whatever it is.
const (
	Or  Op = "or"
	And Op = "and"
)

// Rewrite is a group of children under one operator.
type Rewrite struct {
	Op       Op
	Children []Node
	Span     Span
}

// Computed is another relation or permission of the same object, asked for the
// same subject. "this.related.x.includes" and "this.permits.x" are the same to Keto.
type Computed struct {
	Relation string
	Permits  bool // whether it was written with "permits"
	Span     Span
}

// Traverse asks for Target on each object that is a subject of Relation. Whether
// the target was written with "related" or "permits" is the same to Keto.
type Traverse struct {
	Relation, Target string
	Permits          bool // whether the target was written with "permits"
	Span             Span
}

// Not turns the answer of its child around.
type Not struct {
	Child Node
	Span  Span
}

// Where implements Node.
func (r *Rewrite) Where() Span { return r.Span }

// Where implements Node.
func (c *Computed) Where() Span { return c.Span }

// Where implements Node.
func (t *Traverse) Where() Span { return t.Span }

// Where implements Node.
func (n *Not) Where() Span { return n.Span }

// Namespace finds a namespace, nil when there is none. Of duplicates it is the
// last, which is the one that Keto's engine uses.
func (m *Model) Namespace(name string) *Namespace {
	if m == nil {
		return nil
	}
	return m.byName[name]
}

// Relation finds a relation or permission, nil when there is none.
func (m *Model) Relation(namespace, relation string) *Relation {
	n := m.Namespace(namespace)
	if n == nil {
		return nil
	}
	return n.byName[relation]
}

// NamespaceNames are the names, sorted, each once: what Keto's /namespaces says.
func (m *Model) NamespaceNames() []string {
	if m == nil {
		return nil
	}
	out := make([]string, 0, len(m.byName))
	for name := range m.byName {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Related are the relations that tuples may be written on, in the order of the
// source, without duplicates.
func (n *Namespace) Related() []*Relation { return n.only(false) }

// Permits are the permissions, in the order of the source, without duplicates.
func (n *Namespace) Permits() []*Relation { return n.only(true) }

func (n *Namespace) only(permissions bool) []*Relation {
	var out []*Relation
	if n == nil {
		return nil
	}
	for _, r := range n.Relations {
		if r.IsPermission == permissions && n.byName[r.Name] == r {
			out = append(out, r)
		}
	}
	return out
}

// Line is the text of a line of a source, without its end; empty when there is none.
func (m *Model) Line(file string, line int) string {
	if m == nil || line < 1 {
		return ""
	}
	text := m.Sources[file]
	for ; line > 1; line-- {
		_, rest, ok := cutLine(text)
		if !ok {
			return ""
		}
		text = rest
	}
	first, _, _ := cutLine(text)
	return first
}

// Text is the source of a span.
func (m *Model) Text(s Span) string {
	text := ""
	if m != nil {
		text = m.Sources[s.File]
	}
	if s.Start.Offset < 0 || s.End.Offset > len(text) || s.Start.Offset > s.End.Offset {
		return ""
	}
	return text[s.Start.Offset:s.End.Offset]
}

// index prepares the look-ups and warns of duplicates.
func (m *Model) index() {
	m.byName = make(map[string]*Namespace, len(m.Namespaces))
	for _, n := range m.Namespaces {
		if before := m.byName[n.Name]; before != nil {
			m.warn(DuplicateNamespace, n.Pos, fmt.Sprintf("namespace %q was declared before at %s; Keto uses the last one, and checks types against the first", n.Name, before.Pos))
		}
		m.byName[n.Name] = n
		n.byName = make(map[string]*Relation, len(n.Relations))
		for _, r := range n.Relations {
			if before := n.byName[r.Name]; before != nil {
				m.warn(DuplicateRelation, r.Pos, fmt.Sprintf("%q was declared before at %s; Keto uses the first one", r.Name, before.Pos))
				continue
			}
			n.byName[r.Name] = r
		}
	}
}

func (m *Model) warn(kind Oddity, at Span, message string) {
	m.Warnings = append(m.Warnings, Warning{Error{at, message}, kind})
}
