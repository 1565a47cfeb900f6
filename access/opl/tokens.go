package opl

import (
	"fmt"
	"strings"
)

// word is a token with what stands before it that is no token.
type word struct {
	token
	raw      string // as it was written
	comments []comment
	blank    bool // an empty line stands before it and its comments
	fresh    bool // it begins a line
}

// comment is one comment.
type comment struct {
	text  string
	own   bool // it stands at the beginning of a line
	blank bool // an empty line stands before it
}

// words cuts a source into tokens with their comments; the last is the end. It fails
// where the lexer does.
func words(src string) ([]word, error) {
	lex := lexer{src: src, at: Pos{Line: 1, Column: 1}}
	var out []word
	for {
		before := lex.at.Offset
		t := lex.next()
		if t.kind == tokError {
			return nil, fmt.Errorf("%d:%d: found %s", t.start.Line, t.start.Column, t.text)
		}
		w := word{token: t, raw: src[t.start.Offset:t.end.Offset]}
		w.gap(src[before:t.start.Offset], before == 0)
		out = append(out, w)
		if t.kind == tokEOF {
			return out, nil
		}
	}
}

// gap reads spaces and comments.
func (w *word) gap(s string, first bool) {
	lines := 0 // line ends since the last thing that was seen
	begun := first
	for s != "" {
		switch {
		case strings.HasPrefix(s, "//"), strings.HasPrefix(s, "/*"):
			n := strings.IndexByte(s, '\n')
			if s[1] == '*' {
				n = strings.Index(s[2:], "*/") + 4
			} else if n < 0 {
				n = len(s)
			}
			c := comment{text: s[:n], own: begun || lines > 0, blank: lines > 1}
			if s[1] == '/' {
				c.text = strings.TrimRight(c.text, " \t\r\v\f")
			} else {
				c.text = trimLines(c.text)
			}
			w.comments = append(w.comments, c)
			s, lines, begun = s[n:], 0, false
		default:
			if s[0] == '\n' {
				lines++
			}
			s = s[1:]
		}
	}
	w.fresh, w.blank = begun || lines > 0, lines > 1
}

// trimLines takes the spaces off the ends of lines.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r\v\f")
	}
	return strings.Join(lines, "\n")
}
