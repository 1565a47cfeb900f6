package cmd

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"gatehouse/access/tuple"
	"gatehouse/access/tuple/tuplefile"
)

// parseTuple reads a tuple of the command line: its text, or a JSON object for one
// whose text would be ambiguous.
func parseTuple(arg string) (tuple.Tuple, error) {
	if strings.HasPrefix(strings.TrimSpace(arg), "{") {
		t, err := tuplefile.Decode([]byte(arg))
		if err != nil {
			return t, fmt.Errorf("%q is not a relation tuple: %w", arg, err)
		}
		return t, nil
	}
	t, err := tuple.Parse(arg)
	if err != nil {
		return t, err
	}
	return t, tuplefile.Check(t)
}

// tupleLine is the line that stands for a tuple in plain text: its text, or JSON
// where the text would be read as another tuple or would upset a terminal.
// tuplefile.Reader reads both back to the same tuple.
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
