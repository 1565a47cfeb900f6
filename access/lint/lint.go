// Package lint looks for what is wrong with a permission model and with stored
// relation tuples before somebody stands in front of a closed, or an open, door. It
// finds what Keto accepts without a word: rules that mean something else than they
// seem to, that nobody can ever pass or that everybody passes, and tuples that have no
// effect, or another one than was meant.
//
// Model looks at the rules alone; Run reads all tuples once, page by page, with memory
// that is bounded however many there are, and says what it did not look at.
package lint

import (
	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// Severity is how much a Finding matters.
type Severity string

// The severities. An Error lets somebody in who should not be, keeps everybody out, or
// makes Keto fail; a Warning is most probably a mistake; an Info is good to know.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Severities are all of them, the gravest first.
var Severities = []Severity{Error, Warning, Info}

// AtLeast reports whether s is as grave as other, or graver.
func (s Severity) AtLeast(other Severity) bool { return s.rank() <= other.rank() }

func (s Severity) rank() int {
	for i, v := range Severities {
		if v == s {
			return i
		}
	}
	return len(Severities)
}

// Mark is the sign that goes with a severity, so that it never rests on colour.
func (s Severity) Mark() string {
	switch s {
	case Error:
		return "✗"
	case Warning:
		return "!"
	default:
		return "·"
	}
}

// Finding is one thing that is wrong, in words for whoever has to put it right.
type Finding struct {
	// Code names the kind; see Codes.
	Code     Code     `json:"code"`
	Severity Severity `json:"severity" jsonschema:"enum=error,enum=warning,enum=info"`
	// Where is file:line:column of the model, or the text of a tuple or of a relation.
	Where string `json:"where" jsonschema_description:"file:line:column of the model, or a tuple, or an object's relation."`
	// Tuple is the tuple that it is about, as text or, where that is ambiguous, as JSON.
	Tuple string `json:"tuple,omitempty"`
	// Rule is the place in the model that it is about.
	Rule *access.Rule `json:"rule,omitempty"`
	// Summary says what is wrong, Meaning what that means for a person, Todo what to do.
	Summary string `json:"summary"`
	Meaning string `json:"meaning"`
	Todo    string `json:"todo"`
	// Fix are writes that put it right; empty where somebody has to decide.
	Fix []access.Write `json:"fix,omitempty"`

	about *tuple.Tuple
}

// About is the tuple that the finding is about; ok is false where it is about the
// model, or about many tuples.
func (f Finding) About() (t tuple.Tuple, ok bool) {
	if f.about == nil {
		return tuple.Tuple{}, false
	}
	return *f.about, true
}

// Key tells findings apart.
func (f Finding) Key() string { return string(f.Code) + "\x00" + f.Where + "\x00" + f.Summary }

// place is a Span as the rule of a Finding.
func place(m *opl.Model, s opl.Span) *access.Rule {
	if s.Start.Line == 0 {
		return nil
	}
	return &access.Rule{File: s.File, Line: s.Start.Line, Column: s.Start.Column, Text: m.Line(s.File, s.Start.Line)}
}

// defaults are the settings with which an unset one counts.
func defaults(s access.Settings) access.Settings {
	if s.Engine == "" {
		s.Engine = opl.Classic
	}
	if s.MaxDepth <= 0 {
		s.MaxDepth = access.DefaultMaxDepth
	}
	if s.MaxWidth <= 0 {
		s.MaxWidth = access.DefaultMaxWidth
	}
	return s
}
