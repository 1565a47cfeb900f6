// Package tuplefile reads relation tuples from files, in every form that gatehouse and
// Keto write.
package tuplefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gatehouse/access/tuple"
)

// Limits of what is read at once, in bytes, so that a file that is no list of tuples
// ends in an error and not in the memory.
const (
	MaxLine   = 1 << 20
	MaxObject = 16 << 20
)

// Placed is a tuple and the line on which it begins, counted from 1.
type Placed struct {
	tuple.Tuple
	Line int
}

// LineError is what is wrong with one line of an import.
type LineError struct {
	Line int
	Err  error
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap is what is wrong.
func (e *LineError) Unwrap() error { return e.Err }

// Reader reads relation tuples from any of the forms that gatehouse and Keto
// write, and finds out by itself which one it is:
//
//   - text, one tuple a line; empty lines and lines that begin with # or // are
//     skipped, and a line may be a JSON object, which is how "tuples export" writes
//     a tuple whose text would be ambiguous
//   - JSON lines, or JSON objects over several lines
//   - one JSON array
//   - Keto's own answer, {"relation_tuples":[…]}
//
// It holds one tuple at a time, and one object of the last form.
type Reader struct {
	r     *bufio.Reader
	line  int // of what Next read last
	array *json.Decoder
	lines *LineCounter
	ready []Placed // of a {"relation_tuples":[…]}
	begun bool
	done  bool
}

// NewReader reads from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next is the next tuple, or io.EOF after the last. Other errors are *LineError.
func (t *Reader) Next() (Placed, error) {
	if !t.begun {
		t.begun = true
		if err := t.detect(); err != nil {
			return Placed{}, err
		}
	}
	for {
		switch {
		case len(t.ready) > 0:
			p := t.ready[0]
			t.ready = t.ready[1:]
			return p, nil
		case t.done:
			return Placed{}, io.EOF
		case t.array != nil:
			return t.nextOfArray()
		}
		if err := t.nextLine(); err != nil {
			return Placed{}, err
		}
	}
}

// detect looks at the first byte that is not space: only an array needs to be
// known in advance.
func (t *Reader) detect() error {
	if bom, _ := t.r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = t.r.Discard(3)
	}
	line := 1
	for {
		b, err := t.r.Peek(1)
		if errors.Is(err, io.EOF) {
			t.done = true
			return nil
		}
		if err != nil {
			return &LineError{line, err}
		}
		switch c := b[0]; {
		case c == '\n':
			line++
			fallthrough
		case c == ' ', c == '\t', c == '\r':
			_, _ = t.r.Discard(1)
			continue
		case c == '[':
			t.lines = &LineCounter{R: t.r, Line: line}
			t.array = json.NewDecoder(t.lines)
			_, err := t.array.Token()
			return err
		}
		t.line = line - 1
		return nil
	}
}

// nextOfArray reads one element of a JSON array.
func (t *Reader) nextOfArray() (Placed, error) {
	at := func() int { return t.lines.LineAt(t.array.InputOffset()) }
	if !t.array.More() {
		t.done = true
		if _, err := t.array.Token(); err != nil {
			return Placed{}, &LineError{at(), fmt.Errorf("the JSON array does not end: %w", NoEOF(err))}
		}
		if _, err := t.array.Token(); !errors.Is(err, io.EOF) {
			return Placed{}, &LineError{at(), errors.New("there is more after the end of the JSON array")}
		}
		return Placed{}, io.EOF
	}
	var raw json.RawMessage
	if err := t.array.Decode(&raw); err != nil {
		return Placed{}, &LineError{at(), fmt.Errorf("the JSON is broken: %w", NoEOF(err))}
	}
	line := at() - bytes.Count(raw, []byte("\n"))
	tp, err := Decode(raw)
	if err != nil {
		return Placed{}, &LineError{line, err}
	}
	return Placed{tp, line}, nil
}

// nextLine reads one line, or the lines of one JSON object, into ready.
func (t *Reader) nextLine() error {
	text, err := t.readLine()
	if err != nil {
		return err
	}
	start := t.line
	switch {
	case text == "", strings.HasPrefix(text, "#"), strings.HasPrefix(text, "//"):
		return nil
	case strings.HasPrefix(text, "{"):
		return t.nextObject(start, []byte(text))
	}
	tp, err := tuple.Parse(text)
	if err == nil {
		err = Check(tp)
	}
	if err != nil {
		return &LineError{start, err}
	}
	t.ready = append(t.ready[:0], Placed{tp, start})
	return nil
}

// nextObject reads lines until what began with "{" is whole.
func (t *Reader) nextObject(start int, raw []byte) error {
	for !json.Valid(raw) {
		if complete(raw) || t.done || len(raw) > MaxObject {
			_, err := Decode(raw)
			return &LineError{start, err}
		}
		more, err := t.readLine()
		if err != nil {
			return err
		}
		raw = append(append(raw, '\n'), more...)
	}
	var wrapped struct {
		Tuples *[]json.RawMessage `json:"relation_tuples"`
	}
	if json.Unmarshal(raw, &wrapped) != nil || wrapped.Tuples == nil {
		tp, err := Decode(raw)
		if err != nil {
			return &LineError{start, err}
		}
		t.ready = append(t.ready[:0], Placed{tp, start})
		return nil
	}
	t.ready = t.ready[:0]
	for i, one := range *wrapped.Tuples {
		tp, err := Decode(one)
		if err != nil {
			return &LineError{start, fmt.Errorf("element %d of relation_tuples: %w", i+1, err)}
		}
		t.ready = append(t.ready, Placed{tp, start})
	}
	return nil
}

// complete reports whether no further line can make raw valid: its error is in the
// middle, not at its end.
func complete(raw []byte) bool {
	var v any
	var syn *json.SyntaxError
	err := json.Unmarshal(raw, &v)
	return err == nil || errors.As(err, &syn) && syn.Error() != "unexpected end of JSON input"
}

// readLine is the next line without the space around it.
func (t *Reader) readLine() (string, error) {
	t.line++
	var long []byte
	for {
		part, err := t.r.ReadSlice('\n')
		if len(long)+len(part) > MaxLine {
			return "", &LineError{t.line, fmt.Errorf("is longer than %d bytes, so this is no list of relation tuples", MaxLine)}
		}
		long = append(long, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			t.done = true
		case err != nil:
			return "", &LineError{t.line, err}
		}
		return strings.TrimSpace(string(long)), nil
	}
}

// Decode reads one JSON object in Keto's shape, and nothing that Keto would
// take for something else.
func Decode(raw []byte) (tuple.Tuple, error) {
	if b := bytes.TrimSpace(raw); len(b) == 0 || b[0] != '{' {
		return tuple.Tuple{}, errors.New(`is not a JSON object such as {"namespace":"…","object":"…","relation":"…","subject_id":"…"}`)
	}
	var t tuple.Tuple
	if err := json.Unmarshal(raw, &t); err != nil {
		var syn *json.SyntaxError
		if errors.As(err, &syn) {
			err = fmt.Errorf("the JSON is broken: %w", err)
		}
		return t, err
	}
	return t, Check(t)
}

// Check refuses a tuple with an empty part, which Keto would store.
func Check(t tuple.Tuple) error {
	for _, part := range [][2]string{{"namespace", t.Namespace}, {"object", t.Object}, {"relation", t.Relation}} {
		switch {
		case part[1] == "":
			return fmt.Errorf("the %s is empty", part[0])
		case !utf8.ValidString(part[1]):
			return fmt.Errorf("the %s is not valid UTF-8", part[0])
		}
	}
	switch s := t.Subject; {
	case s.IsZero():
		return errors.New("the subject is empty")
	case s.Set != nil && (s.Set.Namespace == "" || s.Set.Object == ""):
		return errors.New("the subject set lacks its namespace or its object")
	case !utf8.ValidString(s.String()):
		return errors.New("the subject is not valid UTF-8")
	}
	return nil
}

// LineCounter counts lines as a decoder reads through it, and tells the line of an
// offset that is not behind the last one asked for.
type LineCounter struct {
	R      io.Reader
	Line   int // of the last offset asked for
	offset int64
	breaks []int64
}

// Read implements io.Reader.
func (c *LineCounter) Read(p []byte) (int, error) {
	n, err := c.R.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.breaks = append(c.breaks, c.offset+int64(i))
		}
	}
	c.offset += int64(n)
	return n, err
}

// LineAt is the line of an offset, which must not lie before the last one asked for.
func (c *LineCounter) LineAt(offset int64) int {
	i := 0
	for i < len(c.breaks) && c.breaks[i] < offset {
		i++
	}
	c.Line += i
	c.breaks = append(c.breaks[:0], c.breaks[i:]...)
	return c.Line
}

// NoEOF names what io.EOF means in the middle of something.
func NoEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
