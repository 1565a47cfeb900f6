// Package assert reads and runs assertions about access: who must be allowed and who
// must be denied what. They are kept in a file beside the permission model and run
// against the real server, or against tuples that are given, without any server; each
// one that does not hold comes with the explanation of why.
package assert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// File is a file of assertions.
type File struct {
	Name  string
	About string
	// Model and Tuples are what the file itself gives; either is empty where it does not.
	Model  Source
	Tuples Source
	// Settings are the server's, as far as the file says them.
	Settings Settings
	// People are the login names behind ${name}.
	People []Name
	Groups []Group
}

// Source is a model or tuples: in the file itself, or the path of another file.
type Source struct {
	Path string
	// Text is the model, Lines are the tuples that stand in the file itself.
	Text  string
	Lines []Text
	Line  int
}

// IsZero reports whether nothing is given.
func (s Source) IsZero() bool { return s.Path == "" && s.Text == "" && len(s.Lines) == 0 }

// Settings are those of a server; zero values are not said.
type Settings struct {
	MaxDepth, MaxWidth int
	Strict             *bool
	Engine             opl.Engine
}

// Text is a value with its line in the file, from 1.
type Text struct {
	Value string
	Line  int
}

// Name is a person who is called ${Key} in the file.
type Name struct {
	Key, Login string
	Line       int
}

// Group is some assertions under one heading.
type Group struct {
	Name string
	// Add and Remove are changes that are supposed for this group alone. Nothing is
	// written: the answers are worked out.
	Add, Remove []Text
	Cases       []Case
}

// Expect is what an assertion expects.
type Expect string

// What can be expected. Refused is an error of Keto itself, such as for a relation that
// does not exist.
const (
	Allow   Expect = "allow"
	Deny    Expect = "deny"
	Refused Expect = "error"
)

// Case is one assertion.
type Case struct {
	Question Text
	Expect   Expect
	// Because is a tuple that the explanation must rest on, or the code of its cause.
	Because string
	// Subjects are, where Expect is empty, exactly those who can; see Group "who_can".
	Subjects []Text
}

// Error is what is wrong with a file.
type Error struct {
	File string
	Line int
	Msg  string
}

// Error is file:line: what is wrong.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// MaxFile is the largest file that Parse takes, in bytes.
const MaxFile = 8 << 20

// Parse reads a file of assertions; name is for its errors. Keys that do not exist,
// questions that cannot be read and names of nobody are errors with their line.
func Parse(name string, data []byte) (*File, error) {
	if len(data) > MaxFile {
		return nil, &Error{name, 0, fmt.Sprintf("is larger than %d bytes", MaxFile)}
	}
	d := &decoder{file: name}
	f := &File{Name: name}
	root, err := parseYAML(data)
	if err != nil {
		return nil, &Error{name, lineOf(err), firstLine(err)}
	}
	switch root := root.(type) {
	case nil:
		return nil, &Error{name, 0, "there are no assertions in it"}
	case *ast.SequenceNode:
		f.Groups = []Group{{Cases: d.checks(root)}}
	default:
		d.fields(root, "a file of assertions", d.top(f))
	}
	if d.err == nil {
		d.err = f.try()
	}
	if d.err != nil {
		return nil, d.err
	}
	if f.Count() == 0 {
		return nil, &Error{name, 0, "there are no assertions in it; give some under tests"}
	}
	return f, nil
}

// Count is the number of assertions.
func (f *File) Count() int {
	n := 0
	for _, g := range f.Groups {
		n += len(g.Cases)
	}
	return n
}

// Resolve finds the id of a person.
type Resolve func(who Name) (string, error)

// ByKey takes the key itself for the id, as where no server is asked.
func ByKey(who Name) (string, error) { return who.Key, nil }

// reference is ${name} or ${name.email}.
var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// people are the values of ${…}.
type people struct {
	file   *File
	values map[string]string
}

// names resolves everybody.
func (f *File) names(resolve Resolve) (*people, error) {
	if resolve == nil {
		resolve = ByKey
	}
	p := &people{f, map[string]string{}}
	for _, n := range f.People {
		id, err := resolve(n)
		if err != nil {
			return nil, &Error{f.Name, n.Line, fmt.Sprintf("%s: %v", n.Key, err)}
		}
		p.values[n.Key], p.values[n.Key+".email"] = id, n.Login
	}
	return p, nil
}

// expand puts values in the place of ${…}.
func (p *people) expand(t Text) (string, error) {
	var bad error
	out := reference.ReplaceAllStringFunc(t.Value, func(ref string) string {
		key := ref[2 : len(ref)-1]
		if v, ok := p.values[key]; ok {
			return v
		}
		var names []string
		for k := range p.values {
			names = append(names, k)
		}
		slices.Sort(names)
		bad = &Error{p.file.Name, t.Line, fmt.Sprintf("%s is nobody under people%s", ref, meant(key, names))}
		return ref
	})
	return out, bad
}

func meant(name string, names []string) string {
	if near := opl.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// tuple reads a tuple with its references.
func (p *people) tuple(t Text) (tuple.Tuple, error) {
	text, err := p.expand(t)
	if err != nil {
		return tuple.Tuple{}, err
	}
	var v tuple.Tuple
	if strings.HasPrefix(text, "{") {
		err = v.UnmarshalJSON([]byte(text))
	} else {
		v, err = tuple.Parse(text)
	}
	if err != nil {
		return v, &Error{p.file.Name, t.Line, err.Error()}
	}
	return v, nil
}

// Given are the tuples that stand in the file itself; a nil resolve is ByKey.
func (f *File) Given(resolve Resolve) ([]tuple.Tuple, error) {
	p, err := f.names(resolve)
	if err != nil {
		return nil, err
	}
	return p.tuples(f.Tuples.Lines)
}

func (p *people) tuples(texts []Text) ([]tuple.Tuple, error) {
	var out []tuple.Tuple
	for _, t := range texts {
		v, err := p.tuple(t)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// writes are the supposed changes of a group.
func (g Group) writes(p *people) ([]access.Write, error) {
	var out []access.Write
	for _, part := range []struct {
		op    access.Op
		texts []Text
	}{{access.OpAdd, g.Add}, {access.OpRemove, g.Remove}} {
		ts, err := p.tuples(part.texts)
		if err != nil {
			return nil, err
		}
		for _, t := range ts {
			out = append(out, access.NewWrite(part.op, t))
		}
	}
	return out, nil
}

// try reads every question once, with made-up ids, so that a mistake is found before
// anybody is asked.
func (f *File) try() error {
	p, err := f.names(ByKey)
	if err != nil {
		return err
	}
	if _, err := p.tuples(f.Tuples.Lines); err != nil {
		return err
	}
	for _, g := range f.Groups {
		if _, err := g.writes(p); err != nil {
			return err
		}
		for _, c := range g.Cases {
			if c.Expect == "" {
				_, err = p.set(c.Question)
			} else {
				_, err = p.tuple(c.Question)
			}
			for _, s := range c.Subjects {
				if err == nil {
					_, err = p.expand(s)
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// set reads namespace:object#relation.
func (p *people) set(t Text) (tuple.Set, error) {
	text, err := p.expand(t)
	if err != nil {
		return tuple.Set{}, err
	}
	s, err := tuple.ParseSubject(text)
	if err != nil || s.Set == nil || s.Set.Relation == "" {
		return tuple.Set{}, &Error{p.file.Name, t.Line, fmt.Sprintf("%q is not namespace:object#permission", t.Value)}
	}
	return *s.Set, nil
}
