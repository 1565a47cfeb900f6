package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// tableSample is how many rows a table looks at before it fixes its widths.
const tableSample = 200

// maxCell bounds a column, in terminal cells; longer values are still printed in
// full, they only push the rest of their own line to the right.
const maxCell = 60

// table aligns columns of a list that may never end: the first rows fix the
// widths, the others keep to them as well as they can.
type table struct {
	head   []string
	bold   bool
	widths []int
	wait   [][]string // rows seen before the widths were fixed
}

func (t *table) add(w io.Writer, cells []string) error {
	if t.widths != nil {
		return t.print(w, cells, false)
	}
	t.wait = append(t.wait, cells)
	if len(t.wait) < tableSample {
		return nil
	}
	return t.flush(w)
}

// flush fixes the widths from what has been seen and prints it.
func (t *table) flush(w io.Writer) error {
	if t.widths != nil || len(t.wait) == 0 {
		return nil
	}
	t.widths = make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.wait...) {
		for i, c := range row {
			t.widths[i] = max(t.widths[i], min(ansi.StringWidth(c), maxCell))
		}
	}
	if err := t.print(w, t.head, t.bold); err != nil {
		return err
	}
	for _, row := range t.wait {
		if err := t.print(w, row, false); err != nil {
			return err
		}
	}
	t.wait = nil
	return nil
}

func (t *table) print(w io.Writer, cells []string, bold bool) error {
	var b strings.Builder
	for i, c := range cells {
		b.WriteString(c)
		if i < len(cells)-1 {
			b.WriteString(strings.Repeat(" ", max(0, t.widths[i]-ansi.StringWidth(c))+2))
		}
	}
	line := strings.TrimRight(b.String(), " ")
	if bold {
		line = "\x1b[1m" + line + "\x1b[0m"
	}
	_, err := io.WriteString(w, line+"\n")
	return err
}

// detail prints label and value pairs of one thing, aligned. A pair with an empty
// value is left out.
type detail struct {
	pairs [][2]string
}

// add appends a pair; value is cleaned for the terminal here.
func (d *detail) add(label, value string) {
	if value != "" {
		d.pairs = append(d.pairs, [2]string{label, cleanLine(value)})
	}
}

// addList appends one line for each value, the label on the first only.
func (d *detail) addList(label string, values []string) {
	for _, v := range values {
		d.pairs = append(d.pairs, [2]string{label, cleanLine(v)})
		label = ""
	}
}

func (d *detail) print(w io.Writer) error {
	width := 0
	for _, p := range d.pairs {
		width = max(width, ansi.StringWidth(p[0]))
	}
	for _, p := range d.pairs {
		if _, err := fmt.Fprintf(w, "%s%s  %s\n", p[0], strings.Repeat(" ", width-ansi.StringWidth(p[0])), p[1]); err != nil {
			return err
		}
	}
	return nil
}
