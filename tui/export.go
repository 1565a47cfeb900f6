package tui

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"gatehouse/tui/clean"
	"gatehouse/tui/widget"
)

// formats are what a list can be exported as.
var formats = []widget.Choice{
	{ID: "csv", Label: "CSV", Note: "the columns, for a spreadsheet"},
	{ID: "json", Label: "JSON", Note: "one array, for programs"},
	{ID: "yaml", Label: "YAML", Note: "the same, for people"},
}

// openExport asks for the format and writes the marked rows, or all that are shown.
func (l *List[T]) openExport() {
	rows := l.table().Marked()
	if rows == nil {
		rows = slices.Collect(l.table().Rows())
	}
	l.Push(NewPick(PickSpec{
		Title: "export", Verb: "write", Lead: fmt.Sprintf("Write %s of %s into a file as", counted(len(rows), "row"), l.Spec.Title),
		Choices: formats,
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 {
				l.writeExport(rows, picked[0].ID)
			}
		},
	}))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

func (l *List[T]) writeExport(rows []T, format string) {
	name := clean.FileName(fmt.Sprintf("gatehouse-%s-%s.%s", l.Spec.Title, l.Env().Now().Format("20060102-150405"), format))
	spec := l.Spec
	spec.Columns = l.shownColumns()
	save(l, &l.export, spec.Title, counted(len(rows), "row"), name, func(w io.Writer) error { return encode(w, spec, rows, format) })
}

// save writes a new file off the loop and says where it is. title names it when that
// fails, what is what was written.
func save(h Host, j *Job, title, what, name string, write func(io.Writer) error) {
	saveThen(h, j, title, what, name, write, func() {})
}

// saveThen is save; then runs on the loop once the file is there.
func saveThen(h Host, j *Job, title, what, name string, write func(io.Writer) error, then func()) {
	to := h.own().app.opts.Export
	if to == nil {
		to = exportHere
	}
	Go(h, j, 0, func(context.Context) (string, error) { return to(name, write) }, func(path string, err error) {
		if err != nil {
			h.Fail(fmt.Errorf("export %s: %w", title, err))
			return
		}
		h.Toast(fmt.Sprintf("wrote %s to %s", what, path))
		then()
	})
}

// SaveJSON writes a value as JSON into a new file of the working folder, for the
// owner's eyes only, off the loop, and says where it is. The name of the file is made of
// title and the time; what names the value in the message: "the answer".
func SaveJSON(h Host, j *Job, title, what string, v any) {
	name := clean.FileName(fmt.Sprintf("gatehouse-%s-%s.json", clean.Line(title, 40), h.Env().Now().Format("20060102-150405")))
	save(h, j, title, what, name, func(w io.Writer) error {
		one, err := marshal(v)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		escapeHidden(&b, one)
		b.WriteByte('\n')
		_, err = w.Write(b.Bytes())
		return err
	})
}

// JSONText is a value as JSON for the clipboard. What cannot be seen is escaped.
func JSONText(v any) (string, error) {
	one, err := marshal(v)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	escapeHidden(&b, one)
	return b.String(), nil
}

// exportHere writes a new file into the working folder, for the owner's eyes only.
// When writing fails nothing is left behind.
func exportHere(name string, write func(io.Writer) error) (string, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		os.Remove(path)
		return "", err
	}
	return path, nil
}

// encode writes rows in a format.
func encode[T any](w io.Writer, spec Spec[T], rows []T, format string) error {
	if format == "csv" {
		return encodeCSV(w, spec, rows)
	}
	data, err := encodeJSON(spec, rows)
	if err != nil {
		return err
	}
	if format == "yaml" {
		if data, err = yaml.JSONToYAML(data); err != nil {
			return err
		}
		data = []byte(clean.Text(string(data), len(data)+1))
	}
	_, err = w.Write(data)
	return err
}

// encodeJSON makes one array. Characters that cannot be seen are escaped, so that
// the file can be shown in a terminal without harm and still says the same.
func encodeJSON[T any](spec Spec[T], rows []T) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("[")
	for i, row := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  ")
		one, err := rowJSON(spec, row)
		if err != nil {
			return nil, err
		}
		escapeHidden(&b, one)
	}
	b.WriteString("\n]\n")
	return b.Bytes(), nil
}

// rowJSON is one row as an object: what Spec.Value gives, or its columns in order.
func rowJSON[T any](spec Spec[T], row T) ([]byte, error) {
	if spec.Value != nil {
		return marshal(spec.Value(row))
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for i, c := range spec.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		key, _ := marshal(fieldName(c.Title))
		val, err := marshal(c.Cell(row))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(val)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// escapeHidden copies JSON and writes what cannot be seen as \u escapes, which mean
// the same wherever such characters can stand: inside strings.
func escapeHidden(b *bytes.Buffer, data []byte) {
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && n == 1: // no UTF-8, and so no JSON as it is
			b.WriteString(`\ufffd`)
		case r < utf8.RuneSelf && r != 0x7f || clean.Visible(r) && r != '\u00a0':
			b.Write(data[:n])
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
		data = data[n:]
	}
}

// encodeCSV writes the columns. A cell that a spreadsheet would take for a formula
// gets an apostrophe in front, which it takes for "this is text".
func encodeCSV[T any](w io.Writer, spec Spec[T], rows []T) error {
	out := csv.NewWriter(w)
	line := make([]string, len(spec.Columns))
	for i, c := range spec.Columns {
		line[i] = fieldName(c.Title)
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for _, row := range rows {
		for i, c := range spec.Columns {
			line[i] = noFormula(clean.Line(c.Cell(row), 0))
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// noFormula disarms a cell. Numbers and telephone numbers stay as they are.
func noFormula(s string) string {
	if s == "" || !strings.ContainsRune("=+-@", rune(s[0])) {
		return s
	}
	if s[0] != '=' && s[0] != '@' && strings.Trim(s[1:], "0123456789 .,()/-") == "" {
		return s
	}
	return "'" + s
}

// fieldName is a column's title as the name of a field: "E-MAIL" is e_mail.
func fieldName(title string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToLower(title))
}

// copyRows puts the selected rows on the clipboard as JSON.
func (l *List[T]) copyRows() {
	rows := l.Selected()
	spec := l.Spec
	spec.Columns = l.shownColumns()
	data, err := encodeJSON(spec, rows)
	if err != nil {
		l.Fail(fmt.Errorf("copy: %w", err))
		return
	}
	l.Copy(counted(len(rows), "row"), string(data))
}
