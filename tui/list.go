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
	// Fetch reads one page of everything.
	Fetch Fetch[T]
	// Search lets the server look for what was typed (key f), page by page; nil when
	// it cannot. With Search and without Fetch the list is empty until one searches.
	Search func(ctx context.Context, query, cursor string) (Page[T], error)
	// SearchHint says what the server looks at: "name, e-mail or user name".
	SearchHint string
	// Actions are the list's own actions; they come first. They use l.Selected().
	Actions func(l *List[T]) []Action
	// Open makes the screen that Enter opens for a row.
	Open func(row T) Screen
	// Detail is shown beside the list where there is room (160 columns).
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

// DefaultCap is how many rows a list keeps.
const DefaultCap = 200_000

// List is the generic list screen: rows stream in page by page; filter, sort, marks,
// search, copy, export, reload and the words for every state come with it.
type List[T any] struct {
	Host
	Spec Spec[T]

	table *widget.Table[T]
	load  Job
}

// NewList makes a list screen.
func NewList[T any](spec Spec[T]) *List[T] {
	return &List[T]{Spec: spec, table: widget.NewTable(spec.ID, spec.Columns)}
}

// Title is the crumb.
func (l *List[T]) Title() string { return l.Spec.Title }

// Init starts reading.
func (l *List[T]) Init(h Host) tea.Cmd {
	l.Host = h
	l.Reload()
	return nil
}

// Reload reads the list again. What is there stays until the new rows have come.
func (l *List[T]) Reload() {
	Stream(l, &l.load, Crawl(l.Spec.Fetch, "", l.Spec.Timeout), func(b Batch[T]) { l.table.Append(b.Items) })
}

// Selected is the marked rows, or the one under the cursor.
func (l *List[T]) Selected() []T { return l.table.Selected() }

// Current is the row under the cursor.
func (l *List[T]) Current() (T, bool) { return l.table.Current() }

// Put shows a row as it is after a write, without asking the server again.
func (l *List[T]) Put(row T) { l.table.Put(row) }

// Remove takes a row away after it was deleted.
func (l *List[T]) Remove(id string) { l.table.Remove(id) }

// NeedRow is a Why for actions that work on the selection.
func (l *List[T]) NeedRow() string {
	if _, ok := l.table.Current(); !ok {
		return "no row is selected"
	}
	return ""
}

// Update takes keys while the filter is typed.
func (l *List[T]) Update(tea.Msg) tea.Cmd { return nil }

// View draws the list.
func (l *List[T]) View(w, h int) string { return l.table.View(l.Env().Theme, w, h) }

// Actions are the list's own and those of every list.
func (l *List[T]) Actions() []Action {
	if l.Spec.Actions != nil {
		return l.Spec.Actions(l)
	}
	return nil
}

// Typing is true while the filter is typed.
func (l *List[T]) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (l *List[T]) Close() {}
