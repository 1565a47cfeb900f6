package screens

import (
	"context"
	"fmt"
	"path"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/opl"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// Place is a line of the permission model.
type Place struct {
	File string // as the rules of an explanation name it; empty is the first file
	Line int    // from 1; 0 is the beginning
}

// PlaceOf is the place of a rule.
func PlaceOf(r access.Rule) Place { return Place{r.File, r.Line} }

// ModelSpec is what the model is made of. Load is needed.
type ModelSpec struct {
	// Load reads the source anew.
	Load func(ctx context.Context) (*opl.Loaded, error)
	// Namespaces are those of the server, to see whether it runs this model; nil asks
	// nobody.
	Namespaces func(ctx context.Context) ([]string, error)
	// Settings are those of the server.
	Settings access.Settings
	// At is where it opens.
	At Place
}

// Model shows the permission model as text, with what is wrong beside the lines, and as
// a tree of what leads to what.
type Model struct {
	spec  ModelSpec
	host  tui.Host
	load  tui.Job
	read  modelRead
	began bool
	err   error

	file     int // of read.files
	cur, top int // lines, from 0
	height   int
	graph    bool
	tree     widget.Tree
	spots    map[string]opl.Span // where the nodes of the tree stand, by id
	search   *widget.Input       // while something is typed
	find     string
}

// modelRead is what one reading gave, laid out for drawing.
type modelRead struct {
	files   []modelFile
	outline []opl.Outline
	errors  int
	drift   string
}

// modelFile is one source, with the gravest finding of each line.
type modelFile struct {
	name  string
	lines []string
	marks map[int]modelMark
}

type modelMark struct {
	severity lint.Severity
	text     string
}

// NewModel makes the screen.
func NewModel(spec ModelSpec) *Model { return &Model{spec: spec, cur: max(0, spec.At.Line-1)} }

// Title is the crumb.
func (s *Model) Title() string {
	if len(s.read.files) == 0 {
		return "model"
	}
	return "model " + path.Base(s.read.files[s.file].name)
}

// Init reads the source.
func (s *Model) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.reload()
	return nil
}

// Close has nothing to do: the shell cancels the job.
func (s *Model) Close() {}

// Typing is true while something is searched for.
func (s *Model) Typing() bool { return s.search != nil }

// reload reads the source again. The cursor stays on its line.
func (s *Model) reload() {
	spec := s.spec
	tui.Go(s.host, &s.load, 0, func(ctx context.Context) (modelRead, error) { return readModel(ctx, spec) }, func(r modelRead, err error) {
		s.err = err
		if err != nil {
			s.host.Fail(err)
			return // what was read before stays
		}
		s.read = r
		if !s.began {
			s.began = true
			s.open(s.spec.At)
		}
		s.file = min(s.file, len(r.files)-1)
		s.spots = map[string]opl.Span{}
		var roots []*widget.Node
		for i, o := range r.outline {
			roots = append(roots, s.node(o, fmt.Sprint(i), true))
		}
		s.tree.Set(roots...)
		s.move(0)
	})
}

// readModel reads and looks, off the loop.
func readModel(ctx context.Context, spec ModelSpec) (modelRead, error) {
	l, err := spec.Load(ctx)
	if err != nil {
		return modelRead{}, err
	}
	r := modelRead{errors: len(l.Errors)}
	marks := map[string]map[int]modelMark{}
	mark := func(file string, line int, severity lint.Severity, text string) {
		if marks[file] == nil {
			marks[file] = map[int]modelMark{}
		}
		if old, ok := marks[file][line]; !ok || !old.severity.AtLeast(severity) {
			marks[file][line] = modelMark{severity, text}
		}
	}
	for _, e := range l.Errors {
		mark(e.File, e.Start.Line, lint.Error, "Keto refuses this: "+e.Message)
	}
	if r.errors == 0 {
		r.outline = l.Model.Outline()
		for _, f := range lint.Model(l.Model, spec.Settings) {
			if f.Rule != nil {
				mark(f.Rule.File, f.Rule.Line, f.Severity, f.Summary+" "+f.Meaning)
			}
		}
		r.drift = driftOf(ctx, spec, l.Model)
	}
	for _, name := range l.Files {
		text := strings.ReplaceAll(l.Model.Sources[name], "\r\n", "\n")
		r.files = append(r.files, modelFile{name, strings.Split(strings.TrimSuffix(text, "\n"), "\n"), marks[name]})
	}
	return r, nil
}

// driftOf says in a few words where the server runs another model.
func driftOf(ctx context.Context, spec ModelSpec, m *opl.Model) string {
	if spec.Namespaces == nil {
		return ""
	}
	names, err := spec.Namespaces(ctx)
	if err != nil {
		return "the server could not be asked whether it runs this model"
	}
	var words []string
	for _, f := range lint.Drift(m, names) {
		words = append(words, f.Summary)
	}
	return strings.Join(words, " ")
}

// open goes to a place.
func (s *Model) open(at Place) {
	for i, f := range s.read.files {
		if f.name == at.File || at.File != "" && path.Base(f.name) == path.Base(at.File) && s.read.files[s.file].name != at.File {
			s.file = i
		}
	}
	s.cur = max(0, at.Line-1)
	s.top = s.cur - s.height/3
}

// node is a line of the outline with what hangs below it.
func (s *Model) node(o opl.Outline, id string, open bool) *widget.Node {
	s.spots[id] = o.Where
	n := &widget.Node{ID: id, Label: o.Label, Note: o.Note, Open: open}
	if strings.HasPrefix(o.Note, "permission") {
		n.Mark = "ƒ"
	}
	for i, c := range o.Children {
		n.Children = append(n.Children, s.node(c, id+"."+fmt.Sprint(i), len(o.Children) < 12))
	}
	return n
}

func (s *Model) lines() []string {
	if s.file < len(s.read.files) {
		return s.read.files[s.file].lines
	}
	return nil
}

// move moves the cursor by n lines and scrolls with it.
func (s *Model) move(n int) {
	s.cur = max(0, min(s.cur+n, len(s.lines())-1))
	s.follow()
}

func (s *Model) follow() {
	s.top = max(min(s.top, s.cur), s.cur-s.height+1)
	s.top = max(0, min(s.top, len(s.lines())-s.height))
}

// next goes to the next line that holds what was searched for, round the end.
func (s *Model) next(step int) {
	lines := s.lines()
	want := strings.ToLower(s.find)
	for i := 1; i <= len(lines); i++ {
		at := ((s.cur+step*i)%len(lines) + len(lines)) % len(lines)
		if strings.Contains(strings.ToLower(lines[at]), want) {
			s.move(at - s.cur)
			return
		}
	}
	s.host.Toast(fmt.Sprintf("%q is not in this file", s.find))
}

// trouble goes to the next line on which something is wrong, over all files.
func (s *Model) trouble() {
	files := len(s.read.files)
	for k := range files + 1 {
		at := (s.file + k) % files
		f := s.read.files[at]
		from := 0
		if k == 0 {
			from = s.cur + 1
		}
		for i := from; i < len(f.lines); i++ {
			if m, ok := f.marks[i+1]; ok && m.severity != lint.Info {
				s.file = at
				s.move(i - s.cur)
				return
			}
		}
	}
	s.host.Toast("nothing is wrong with the rules, as far as one can tell")
}
