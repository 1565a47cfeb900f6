package cmd

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

// Limits of what an import reads at once, so that a file that is no list of tuples
// ends in an error and not in the memory.
const (
	maxTextLine   = 1 << 20
	maxJSONObject = 16 << 20
)

// placed is a tuple and the line on which it begins, counted from 1.
type placed struct {
	tuple.Tuple
	Line int
}

// lineError is what is wrong with one line of an import.
type lineError struct {
	Line int
	Err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *lineError) Unwrap() error { return e.Err }

// tupleReader reads relation tuples from any of the forms that gatehouse and Keto
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
type tupleReader struct {
	r     *bufio.Reader
	line  int // of what Next read last
	array *json.Decoder
	lines *lineCounter
	ready []placed // of a {"relation_tuples":[…]}
	begun bool
	done  bool
}

func newTupleReader(r io.Reader) *tupleReader {
	return &tupleReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next is the next tuple, or io.EOF after the last. Other errors are *lineError.
func (t *tupleReader) Next() (placed, error) {
	if !t.begun {
		t.begun = true
		if err := t.detect(); err != nil {
			return placed{}, err
		}
	}
	for {
		switch {
		case len(t.ready) > 0:
			p := t.ready[0]
			t.ready = t.ready[1:]
			return p, nil
		case t.done:
			return placed{}, io.EOF
		case t.array != nil:
			return t.nextOfArray()
		}
		if err := t.nextLine(); err != nil {
			return placed{}, err
		}
	}
}

// detect looks at the first byte that is not space: only an array needs to be
// known in advance.
func (t *tupleReader) detect() error {
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
			return &lineError{line, err}
		}
		switch c := b[0]; {
		case c == '\n':
			line++
			fallthrough
		case c == ' ', c == '\t', c == '\r':
			_, _ = t.r.Discard(1)
			continue
		case c == '[':
			t.lines = &lineCounter{r: t.r, line: line}
			t.array = json.NewDecoder(t.lines)
			_, err := t.array.Token()
			return err
		}
		t.line = line - 1
		return nil
	}
}

// nextOfArray reads one element of a JSON array.
func (t *tupleReader) nextOfArray() (placed, error) {
	at := func() int { return t.lines.lineAt(t.array.InputOffset()) }
	if !t.array.More() {
		t.done = true
		if _, err := t.array.Token(); err != nil {
			return placed{}, &lineError{at(), fmt.Errorf("the JSON array does not end: %w", noEOF(err))}
		}
		if _, err := t.array.Token(); !errors.Is(err, io.EOF) {
			return placed{}, &lineError{at(), errors.New("there is more after the end of the JSON array")}
		}
		return placed{}, io.EOF
	}
	var raw json.RawMessage
	if err := t.array.Decode(&raw); err != nil {
		return placed{}, &lineError{at(), fmt.Errorf("the JSON is broken: %w", noEOF(err))}
	}
	line := at() - bytes.Count(raw, []byte("\n"))
	tp, err := decodeTuple(raw)
	if err != nil {
		return placed{}, &lineError{line, err}
	}
	return placed{tp, line}, nil
}

// nextLine reads one line, or the lines of one JSON object, into ready.
func (t *tupleReader) nextLine() error {
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
		err = checkTuple(tp)
	}
	if err != nil {
		return &lineError{start, err}
	}
	t.ready = append(t.ready[:0], placed{tp, start})
	return nil
}

// nextObject reads lines until what began with "{" is whole.
func (t *tupleReader) nextObject(start int, raw []byte) error {
	for !json.Valid(raw) {
		if complete(raw) || t.done || len(raw) > maxJSONObject {
			_, err := decodeTuple(raw)
			return &lineError{start, err}
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
		tp, err := decodeTuple(raw)
		if err != nil {
			return &lineError{start, err}
		}
		t.ready = append(t.ready[:0], placed{tp, start})
		return nil
	}
	t.ready = t.ready[:0]
	for i, one := range *wrapped.Tuples {
		tp, err := decodeTuple(one)
		if err != nil {
			return &lineError{start, fmt.Errorf("element %d of relation_tuples: %w", i+1, err)}
		}
		t.ready = append(t.ready, placed{tp, start})
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
func (t *tupleReader) readLine() (string, error) {
	t.line++
	var long []byte
	for {
		part, err := t.r.ReadSlice('\n')
		if len(long)+len(part) > maxTextLine {
			return "", &lineError{t.line, fmt.Errorf("is longer than %d bytes, so this is no list of relation tuples", maxTextLine)}
		}
		long = append(long, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			t.done = true
		case err != nil:
			return "", &lineError{t.line, err}
		}
		return strings.TrimSpace(string(long)), nil
	}
}

// decodeTuple reads one JSON object in Keto's shape, and nothing that Keto would
// take for something else.
func decodeTuple(raw []byte) (tuple.Tuple, error) {
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
	return t, checkTuple(t)
}

// checkTuple refuses a tuple with an empty part, which Keto would store.
func checkTuple(t tuple.Tuple) error {
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

// parseTuple reads a tuple of the command line: its text, or a JSON object for one
// whose text would be ambiguous.
func parseTuple(arg string) (tuple.Tuple, error) {
	if strings.HasPrefix(strings.TrimSpace(arg), "{") {
		t, err := decodeTuple([]byte(arg))
		if err != nil {
			return t, fmt.Errorf("%q is not a relation tuple: %w", arg, err)
		}
		return t, nil
	}
	t, err := tuple.Parse(arg)
	if err != nil {
		return t, err
	}
	return t, checkTuple(t)
}

// tupleLine is the line that stands for a tuple in plain text: its text, or JSON
// where the text would be read as another tuple or would upset a terminal.
// tupleReader reads both back to the same tuple.
func tupleLine(t tuple.Tuple) string {
	text := t.String()
	if plainLine(text) && !t.Ambiguous() {
		return text
	}
	b, err := encodeJSON(t)
	if err != nil {
		return cleanLine(text)
	}
	return string(b)
}

func plainLine(s string) bool {
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s[:1], "#/{[") {
		return false
	}
	return !unsafeText(s) && !strings.ContainsRune(s, utf8.RuneError)
}

// lineCounter counts lines as a decoder reads through it, and tells the line of an
// offset that is not behind the last one asked for.
type lineCounter struct {
	r      io.Reader
	offset int64
	line   int // of the last offset asked for
	breaks []int64
}

func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			c.breaks = append(c.breaks, c.offset+int64(i))
		}
	}
	c.offset += int64(n)
	return n, err
}

func (c *lineCounter) lineAt(offset int64) int {
	i := 0
	for i < len(c.breaks) && c.breaks[i] < offset {
		i++
	}
	c.line += i
	c.breaks = append(c.breaks[:0], c.breaks[i:]...)
	return c.line
}

// noEOF names what io.EOF means in the middle of something.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
