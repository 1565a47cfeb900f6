package tui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// IndentJSON writes JSON over several lines for an editor, its characters that cannot
// be seen as \u escapes. What is not JSON stays as it is; nothing becomes null.
func IndentJSON(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	var b, out bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	escapeHidden(&out, b.Bytes())
	return strings.TrimRight(out.String(), "\n ") + "\n"
}

// CompactJSON writes JSON into one line. What is not JSON stays as it is.
func CompactJSON(text string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(text)) != nil {
		return strings.TrimRight(text, "\n")
	}
	return b.String()
}

// JSONFault says what is wrong with a JSON text and where: "line 3, column 7: …".
// Empty means that it is one JSON value, in which no object has a key twice: a server
// would keep one of the two without a word.
func JSONFault(text string) string {
	var v json.RawMessage
	var at int64
	err := json.Unmarshal([]byte(text), &v)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err = jsonValue(dec, 0); err == nil {
			return ""
		}
		at = dec.InputOffset()
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(text)) && strings.HasPrefix(syntax.Error(), "unexpected end"):
		at, err = int64(len(text)), errors.New("it ends too early: a bracket or a quote is not closed")
	case errors.As(err, &syntax):
		at = syntax.Offset - 1
	}
	if strings.TrimSpace(text) == "" {
		return "it is empty: write a JSON value, such as {} or null"
	}
	at = max(0, min(at, int64(len(text))))
	before := text[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return fmt.Sprintf("line %d, column %d: %v", line, column, err)
}

// jsonDepth is how deep JSON may be nested; encoding/json itself stops at 10,000.
const jsonDepth = 1000

// jsonValue reads one value and looks for keys that come twice.
func jsonValue(dec *json.Decoder, depth int) error {
	if depth > jsonDepth {
		return errors.New("it is nested too deeply")
	}
	tok, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := tok.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for dec.More() {
		if open == '{' {
			key, err := dec.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			if seen[name] {
				return fmt.Errorf("the key %q comes twice", name)
			}
			seen[name] = true
		}
		if err := jsonValue(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}
