package opl

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind int

const (
	tokError kind = iota
	tokEOF
	tokIdent
	tokString
	tokKeyword // class implements this ctx
	tokSign    // everything else; the text says which
)

// token is one word or sign. The text of a string is without its quotes, while its
// place includes them.
type token struct {
	kind       kind
	text       string
	start, end Pos
}

// sign reports whether the token is that sign itself, not a string that holds it.
func (t token) sign(s string) bool { return t.kind == tokSign && t.text == s }

// name reports whether the token can be the name of something.
func (t token) name() bool { return t.kind == tokIdent || t.kind == tokString }

// describe is the token as an error names it.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokError:
		return t.text
	case tokString:
		return fmt.Sprintf("the string %s", quoted(t.text))
	case tokKeyword:
		return fmt.Sprintf("the keyword %s", quoted(t.text))
	default:
		return quoted(t.text)
	}
}

func quoted(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}

// lexer cuts a source into tokens, one at a time.
type lexer struct {
	src string
	at  Pos
}

// Signs of two characters come first. "|" alone separates types.
const oneSign = ":.()[]{}<>=,;|!"

var twoSigns = [...]string{"=>", "||", "&&"}

// next is the next token that is not a comment. After an error it is that error,
// at the end the end, for ever.
func (l *lexer) next() token {
	if bad, ok := l.skip(); !ok {
		return bad
	}
	rest := l.src[l.at.Offset:]
	if rest == "" {
		return token{tokEOF, "", l.at, l.at}
	}
	for _, s := range twoSigns {
		if strings.HasPrefix(rest, s) {
			return l.take(tokSign, len(s))
		}
	}
	switch c := rest[0]; {
	case strings.IndexByte(oneSign, c) >= 0:
		return l.take(tokSign, 1)
	case c == '\'' || c == '"':
		return l.str(c)
	case isLetter(c):
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || '0' <= rest[n] && rest[n] <= '9') {
			n++
		}
		if k := rest[:n]; k == "class" || k == "implements" || k == "this" || k == "ctx" {
			return l.take(tokKeyword, n)
		}
		return l.take(tokIdent, n)
	}
	return l.bad(rest)
}

func isLetter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

// skip passes over spaces and comments. ok is false when a comment does not end.
func (l *lexer) skip() (bad token, ok bool) {
	for {
		rest := l.src[l.at.Offset:]
		n := 0
		for n < len(rest) && strings.IndexByte("\t\n\v\f\r ", rest[n]) >= 0 {
			n++
		}
		switch {
		case n > 0:
			l.advance(n)
		case strings.HasPrefix(rest, "//"):
			if n = strings.IndexByte(rest, '\n'); n < 0 {
				n = len(rest)
			}
			l.advance(n)
		case strings.HasPrefix(rest, "/*"):
			// The star of the opening does not close it: "/*/" is open.
			if n = strings.Index(rest[2:], "*/"); n < 0 {
				return token{tokError, "a comment that is not closed; expected */ somewhere after it", l.at, l.after(2)}, false
			}
			l.advance(n + 4)
		default:
			return token{}, true
		}
	}
}

// str reads a string. There are no escapes, and it may go over several lines.
func (l *lexer) str(quote byte) token {
	start := l.at
	n := strings.IndexByte(l.src[start.Offset+1:], quote)
	if n < 0 {
		return token{tokError, fmt.Sprintf("a string that is not closed; expected %c somewhere after it", quote), start, l.after(1)}
	}
	text := l.src[start.Offset+1 : start.Offset+1+n]
	l.advance(n + 2)
	return token{tokString, text, start, l.at}
}

// bad is the token of a character that the language does not have.
func (l *lexer) bad(rest string) token {
	r, n := utf8.DecodeRuneInString(rest)
	what := fmt.Sprintf("the character %q", r)
	switch {
	case r == utf8.RuneError && n == 1:
		what = "a byte that is not UTF-8 text"
	case r == '\ufeff':
		what = "a byte order mark"
	case r == '&':
		what = `a single "&"; expected "&&"`
	case r >= '0' && r <= '9':
		what = "a number"
	}
	return token{tokError, what, l.at, l.after(n)}
}

// take makes a token of the next n bytes, which are ASCII without a line end.
func (l *lexer) take(k kind, n int) token {
	start := l.at
	l.at = l.after(n)
	return token{k, l.src[start.Offset:l.at.Offset], start, l.at}
}

// after is the place n bytes on, all of them in one line and n characters at most.
func (l *lexer) after(n int) Pos {
	p := l.at
	p.Column += utf8.RuneCountInString(l.src[p.Offset : p.Offset+n])
	p.Offset += n
	return p
}

// advance goes on by n bytes and counts lines and characters.
func (l *lexer) advance(n int) {
	s := l.src[l.at.Offset : l.at.Offset+n]
	l.at.Offset += n
	if lines := strings.Count(s, "\n"); lines > 0 {
		l.at.Line += lines
		l.at.Column = 1
		s = s[strings.LastIndexByte(s, '\n')+1:]
	}
	l.at.Column += utf8.RuneCountInString(s)
}

func cutLine(s string) (line, rest string, more bool) {
	line, rest, more = strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r"), rest, more
}
