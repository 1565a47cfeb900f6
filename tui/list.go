package tui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/widget"
)

// Column is widget.Column: how to show and order one property of T.
type Column[T any] = widget.Column[T]

// Spec is everything in which two lists differ. Title, ID, Columns and Fetch (or
// Search) are needed.
type Spec[T any] struct {
	// Title is the crumb and the noun of the list: "identities".
	Title string
	// ID tells rows apart.
	ID func(T) string
	// Columns from left to right; the first always stays.
	Columns []Column[T]
	// Column makes a column of what a person types when they choose columns, such as the
	// path of a trait; false when there is none of that name. nil offers only Columns.
	Column func(path string) (Column[T], bool)
	// ColumnHint says what can be typed: "the path of a trait, such as name.first".
	ColumnHint string
	// Kind is the name under which the chosen columns are remembered; empty means Title.
	Kind string
	// Fetch reads one page of everything.
	Fetch Fetch[T]
	// Stream finds the rows where there are no pages to read: it emits them as they are
	// found, and pages without rows whenever there is something new to be seen. It takes
	// the place of Fetch, and begins anew whenever the list is read again.
	Stream func(ctx context.Context, emit func(Page[T]) error) error
	// Note is said in the line about the list, such as how far a search is; nil and
	// empty say nothing. It is asked at every frame.
	Note func() string
	// Search lets the server look for what was typed (key f), page by page; nil when
	// it cannot. With Search and without Fetch the list is empty until one searches.
	Search func(ctx context.Context, query, cursor string) (Page[T], error)
	// SearchHint says what the server looks at: "name, e-mail or user name".
	SearchHint string
	// Actions are the list's own actions; they come first. They use l.Selected().
	Actions func(l *List[T]) []Action
	// Open makes the screen that Enter opens for a row.
	Open func(row T) Screen
	// Detail is shown beside the list where there is room (160 columns, 12 lines).
	Detail func(row T) []widget.Section
	// Text adds words to what the filter searches.
	Text func(row T) string
	// Value is what JSON and YAML export of a row; nil exports the columns.
	Value func(row T) any
	// Empty says what it means that there are none, and what to do.
	Empty string
	// Sort is the title of the column that orders the list at first; "-" before it
	// turns it round. Empty leaves the order of the server.
	Sort string
	// Cap is how many rows are kept in memory (0: DefaultCap). What comes after is
	// counted, and the list says so.
	Cap int
	// Timeout is the deadline of one page (0: DefaultTimeout).
	Timeout time.Duration
}

const (
	// DefaultCap is how many rows a list keeps.
	DefaultCap = 200_000
	// reloadMax is how long a list may be to be read again by itself when something
	// was written while it was covered.
	reloadMax = 2000
)

// List is the generic list screen: rows stream in page by page; filter, sort, marks,
// search, copy, export, reload and the words for every state come with it.
type List[T any] struct {
	Host
	Spec Spec[T]

	cols   []Column[T] // those that are shown, in their order, then the hidden ones
	load   Job
	lookup Job
	all    *source[T] // everything
	found  *source[T] // what a server-side search answers, nil while there is none
	export Job

	input  *widget.Input // the filter or the search that is being typed, nil when not
	asking bool          // input is a search
	pane   widget.Detail
	paneOf string // ID of the row in the pane, empty when it must be made anew
	size   struct{ w, h int }
}

// source is one set of rows and how far it has been read.
type source[T any] struct {
	query string // the search, empty for everything
	table *widget.Table[T]
	fresh *widget.Table[T] // the rows of a reload, until they are complete
	read  int              // rows that came in this run
	total int              // -1 when the server does not say
	next  string           // cursor to read on from
	done  bool             // all has been read
	err   error            // how the last run failed
	at    time.Time        // when all was last read
	seen  int              // Env.Changes at that time
}

// NewList makes a list screen.
func NewList[T any](spec Spec[T]) *List[T] {
	if spec.Cap < 1 {
		spec.Cap = DefaultCap
	}
	l := &List[T]{Spec: spec, cols: spec.Columns}
	l.all = l.newSource("")
	return l
}

func (l *List[T]) newSource(query string) *source[T] {
	return &source[T]{query: query, table: l.newTable(), total: -1}
}

func (l *List[T]) newTable() *widget.Table[T] {
	t := widget.NewTable(l.Spec.ID, l.cols)
	t.Text = l.Spec.Text
	sort, desc := l.Spec.Sort, false
	if sort != "" && sort[0] == '-' {
		sort, desc = sort[1:], true
	}
	for i, c := range l.cols {
		if sort != "" && c.Title == sort {
			t.SortBy(i, desc)
		}
	}
	return t
}

// src is what is shown: the search if there is one, else everything.
func (l *List[T]) src() *source[T] {
	if l.found != nil {
		return l.found
	}
	return l.all
}

func (l *List[T]) table() *widget.Table[T] { return l.src().table }

// Title is the crumb.
func (l *List[T]) Title() string { return l.Spec.Title }

// Init starts reading.
func (l *List[T]) Init(h Host) tea.Cmd {
	l.Host = h
	l.recallColumns()
	if l.Spec.Fetch != nil || l.Spec.Stream != nil {
		l.Reload()
	} else {
		l.all.done = true
		l.openSearch()
	}
	return nil
}

// Resume reads a short list again when something was written while it was covered.
// A long one only says so: reading a million rows is for the person to decide.
func (l *List[T]) Resume() {
	if l.changed() && l.table().Len() <= reloadMax {
		l.Reload()
	}
}

// changed is whether something was written since the list was read.
func (l *List[T]) changed() bool {
	s := l.src()
	return s.done && !s.at.IsZero() && s.seen != l.Env().Changes
}

// Selected is the marked rows, or the one under the cursor.
func (l *List[T]) Selected() []T { return l.table().Selected() }

// Current is the row under the cursor.
func (l *List[T]) Current() (T, bool) { return l.table().Current() }

// Put shows a row as it is after a write, without asking the server again. Rows that
// are new come at the end, or where the sort puts them.
func (l *List[T]) Put(row T) {
	l.each(func(s *source[T]) { s.table.Put(row) })
}

// Remove takes a row away after it was deleted.
func (l *List[T]) Remove(id string) {
	l.each(func(s *source[T]) { s.table.Remove(id) })
}

// each changes what is kept, which is then as new as the server.
func (l *List[T]) each(change func(*source[T])) {
	for _, s := range []*source[T]{l.all, l.found} {
		if s != nil {
			change(s)
			s.seen = l.Env().Changes
		}
	}
	l.paneOf = ""
}

// NeedRow is a Why for actions that work on the selection.
func (l *List[T]) NeedRow() string {
	if _, ok := l.table().Current(); !ok {
		return "no row is selected"
	}
	return ""
}

// Close has nothing to do: the shell cancels the jobs.
func (l *List[T]) Close() {}
