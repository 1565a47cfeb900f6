package cmd

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"
)

// errReaderGone says that nobody reads our output any more (head, a closed
// pager). It ends a listing quietly.
var errReaderGone = errors.New("nobody reads the output any more")

// format is how results are printed.
type format int

const (
	asText format = iota
	asJSON
	asJSONL
	asYAML
	asCSV
)

// format is the one that the flags ask for; they exclude each other.
func (g *globals) format() format {
	switch {
	case g.json:
		return asJSON
	case g.jsonl:
		return asJSONL
	case g.yaml:
		return asYAML
	case g.csv:
		return asCSV
	default:
		return asText
	}
}

// column is one column of the text and CSV forms of T.
type column[T any] struct {
	// Name is the header: snake_case, the same as the JSON name where there is one.
	Name string
	// Text is the value of one row.
	Text func(T) string
	// CSVOnly leaves the column out of plain text, where width is scarce.
	CSVOnly bool
}

// rows prints a list item by item. Memory stays flat however long the list is:
// plain text looks at the first rows only to find the widths of its columns.
//
// An output that was cut by an error is left unfinished (a JSON array without its
// end), so that nothing takes a part for the whole.
type rows[T any] struct {
	format  format
	w       *bufio.Writer
	columns []column[T]
	line    func(T) string // the plain text form of a row, in place of columns
	csv     *csv.Writer
	table   *table
	count   int
	flushed time.Time
	now     func() time.Time
	clean   bool // the destination is a terminal
	empty   string
	note    func(format string, args ...any)
}

// newRows starts a list. Close it when it is complete.
func newRows[T any](g *globals, columns []column[T]) *rows[T] {
	r := &rows[T]{
		format: g.format(), w: bufio.NewWriterSize(g.stdout, 32<<10), columns: columns,
		now: g.now, flushed: g.now(), clean: isTerminal(g.stdout), note: g.note,
	}
	switch r.format {
	case asCSV:
		r.csv = csv.NewWriter(r.w)
	case asText:
		r.table = &table{bold: g.colour()}
	}
	return r
}

// newLines starts a list whose plain text is one line for each row, made by line.
func newLines[T any](g *globals, columns []column[T], line func(T) string) *rows[T] {
	r := newRows(g, columns)
	r.line = line
	return r
}

// whenEmpty sets what is said on stderr when the list turns out to be empty.
func (r *rows[T]) whenEmpty(message string) *rows[T] {
	r.empty = message
	return r
}

// Add prints one row.
func (r *rows[T]) Add(item T) error {
	if err := r.add(item); err != nil {
		return outputError(err)
	}
	r.count++
	// Whoever follows a slow list sees its rows; a fast one is not slowed by this.
	if now := r.now(); now.Sub(r.flushed) > 200*time.Millisecond {
		r.flushed = now
		return r.flush()
	}
	return nil
}

func (r *rows[T]) add(item T) error {
	switch r.format {
	case asJSON:
		b, err := encodeJSON(item)
		if err != nil {
			return err
		}
		lead := ",\n"
		if r.count == 0 {
			lead = "[\n"
		}
		_, err = r.w.WriteString(lead)
		return errors.Join(err, write(r.w, b))
	case asJSONL:
		b, err := encodeJSON(item)
		if err != nil {
			return err
		}
		return write(r.w, append(b, '\n'))
	case asYAML:
		b, err := encodeYAML([]T{item})
		if err != nil {
			return err
		}
		return write(r.w, b)
	case asCSV:
		return r.addCSV(item)
	default:
		return r.addText(item)
	}
}

func (r *rows[T]) addCSV(item T) error {
	if r.count == 0 {
		if err := r.csvHeader(); err != nil {
			return err
		}
	}
	cells := make([]string, len(r.columns))
	for i, c := range r.columns {
		cells[i] = c.Text(item)
		if r.clean {
			cells[i] = cleanLine(cells[i])
		}
	}
	return r.csv.Write(cells)
}

func (r *rows[T]) csvHeader() error {
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		names[i] = c.Name
	}
	return r.csv.Write(names)
}

func (r *rows[T]) addText(item T) error {
	if r.line != nil {
		return write(r.w, []byte(r.line(item)+"\n"))
	}
	var cells []string
	for _, c := range r.columns {
		if !c.CSVOnly {
			cells = append(cells, cleanLine(c.Text(item)))
		}
	}
	if r.count == 0 {
		var head []string
		for _, c := range r.columns {
			if !c.CSVOnly {
				head = append(head, strings.ToUpper(strings.ReplaceAll(c.Name, "_", " ")))
			}
		}
		r.table.head = head
	}
	return r.table.add(r.w, cells)
}

func (r *rows[T]) flush() error {
	if r.csv != nil {
		r.csv.Flush()
	}
	if r.table != nil && r.line == nil {
		if err := r.table.flush(r.w); err != nil {
			return outputError(err)
		}
	}
	return outputError(r.w.Flush())
}

// Abort prints what is complete and leaves the list unfinished.
func (r *rows[T]) Abort() { _ = r.flush() }

// Close ends a list that is complete.
func (r *rows[T]) Close() error {
	var err error
	switch {
	case r.format == asJSON && r.count == 0:
		_, err = r.w.WriteString("[]\n")
	case r.format == asJSON:
		_, err = r.w.WriteString("\n]\n")
	case r.format == asYAML && r.count == 0:
		_, err = r.w.WriteString("[]\n")
	case r.format == asCSV && r.count == 0:
		err = r.csvHeader()
	}
	if err != nil {
		return outputError(err)
	}
	if err := r.flush(); err != nil {
		return err
	}
	if r.count == 0 && r.empty != "" && r.format == asText {
		r.note("%s", r.empty)
	}
	return nil
}

// printOne prints a single result: one JSON or YAML document, a CSV of one row,
// or what text makes of it. Without columns it has no CSV form.
func printOne[T any](g *globals, item T, columns []column[T], text func(w io.Writer) error) error {
	var b []byte
	var err error
	switch g.format() {
	case asText:
		return outputError(text(g.stdout))
	case asCSV:
		if columns == nil {
			return usageError("this has no CSV form; use --json or --yaml")
		}
		r := newRows(g, columns)
		if err := r.Add(item); err != nil {
			return err
		}
		return r.Close()
	case asYAML:
		b, err = encodeYAML(item)
	default:
		b, err = encodeJSON(item)
		if err == nil && g.json && isTerminal(g.stdout) {
			var out bytes.Buffer
			if json.Indent(&out, b, "", "  ") == nil {
				b = out.Bytes()
			}
		}
		b = append(b, '\n')
	}
	if err != nil {
		return err
	}
	_, err = g.stdout.Write(b)
	return outputError(err)
}

// encodeJSON is the exact value as JSON, on one line, safe on a terminal.
func encodeJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("print JSON: %w", err)
	}
	return escapeJSON(bytes.TrimRight(out.Bytes(), "\n")), nil
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// outputError tells a reader that went away from an output that failed.
func outputError(err error) error {
	switch {
	case err == nil, errors.Is(err, errReaderGone):
		return err
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return errReaderGone
	default:
		return fmt.Errorf("write the output: %w", err)
	}
}
