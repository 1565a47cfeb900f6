package opl

import (
	"strings"
	"unicode/utf8"
)

// The layout that Format writes.
const (
	formatWidth  = 114
	formatIndent = "  "
)

// Format writes a source in the one canonical layout: two spaces a level, one relation
// or permission a line, long rules with one operand a line. Comments stay where they
// are, and so do single empty lines. Its tokens are those of the source, so it means
// the same; formatting it again changes nothing. What stands outside of classes, such
// as imports, keeps its lines.
//
// A source that Keto would refuse is not touched: then there are errors and no text.
func Format(name, src string) (string, []*Error) {
	if _, errs := Parse(name, src); len(errs) > 0 {
		return "", errs
	}
	ws, err := words(src)
	if err != nil { // Parse reads the same tokens, so this cannot be
		return "", []*Error{{Span{File: name}, err.Error()}}
	}
	f := &formatter{ws: ws}
	f.file()
	text := strings.TrimLeft(f.b.String(), "\n")
	return strings.TrimRight(text, "\n \t") + end(text), nil
}

func end(text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return "\n"
}

// formatter writes words. Its only state between them is the line that it is on.
type formatter struct {
	ws    []word
	at    int
	b     strings.Builder
	depth int  // of blocks
	line  int  // characters on the line, 0 at its beginning
	force bool // a // comment was written: nothing can follow on the line
}

func (f *formatter) newline() {
	if f.line > 0 {
		f.b.WriteByte('\n')
	}
	f.line, f.force = 0, false
}

// blank leaves an empty line, but never two, and none after the beginning of a block.
func (f *formatter) blank() {
	f.newline()
	if s := f.b.String(); s != "" && !strings.HasSuffix(s, "\n\n") && !strings.HasSuffix(s, "{\n") {
		f.b.WriteByte('\n')
	}
}

// put writes text at the given level, with a space before it unless glue.
func (f *formatter) put(text string, level int, glue bool) {
	if f.force {
		f.newline()
	}
	switch {
	case f.line == 0:
		indent := strings.Repeat(formatIndent, level)
		f.b.WriteString(indent)
		f.line = len(indent)
	case !glue:
		f.b.WriteByte(' ')
		f.line++
	}
	f.b.WriteString(text)
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		text = text[i+1:]
		f.line = 0
	}
	f.line += max(1, utf8.RuneCountInString(text))
}

// comments writes those before a word. Those that stand on the line of the word before
// stay on it.
func (f *formatter) comments(w word, level int) {
	for _, c := range w.comments {
		if c.own {
			if c.blank {
				f.blank()
			} else {
				f.newline()
			}
		}
		f.put(c.text, level, false)
		f.force = f.force || strings.HasPrefix(c.text, "//")
		if c.own && strings.HasPrefix(c.text, "/*") && strings.Contains(c.text, "\n") {
			f.force = true
		}
	}
}

// file writes what stands outside of classes as it is, and classes in their layout.
func (f *formatter) file() {
	for f.at < len(f.ws) {
		w := f.ws[f.at]
		switch {
		case w.kind == tokEOF:
			f.comments(w, 0)
			f.at++
		case w.kind == tokKeyword && w.text == "class":
			f.outside(w)
			f.class()
		default:
			f.outside(w)
			f.at++
		}
	}
}

// outside writes a word that is on no level, keeping lines apart.
func (f *formatter) outside(w word) {
	f.comments(w, 0)
	switch {
	case w.blank:
		f.blank()
	case w.fresh:
		f.newline()
	}
	if w.kind != tokKeyword || w.text != "class" {
		f.put(w.raw, 0, f.glued(w))
	}
}

// glued reports whether a word stands right behind the one before it in the source.
func (f *formatter) glued(w word) bool {
	return f.at > 0 && len(w.comments) == 0 && f.ws[f.at-1].end.Offset == w.start.Offset
}

// source is the token as it was written.
func (t token) source() string {
	if t.kind != tokString {
		return t.text
	}
	if strings.Contains(t.text, `"`) {
		return "'" + t.text + "'"
	}
	return `"` + t.text + `"`
}

// class writes a class up to its closing brace: blocks one level deeper each, an item
// a line.
func (f *formatter) class() {
	open := f.at
	for f.at < len(f.ws) && f.ws[f.at].kind != tokEOF {
		item := f.item()
		f.writeItem(item, open == f.at)
		f.at += len(item)
		if last := item[len(item)-1]; last.sign("}") && f.depth == 0 {
			return
		}
	}
}

// item is what goes on a line: up to and including an opening brace, a ";", or a comma
// at its end, or up to what begins the next item.
func (f *formatter) item() []word {
	from, round := f.at, 0
	for i := from; i < len(f.ws); i++ {
		w := f.ws[i]
		switch {
		case w.kind == tokEOF:
			return f.ws[from:max(i, from+1)]
		case w.sign("("), w.sign("["), w.sign("<"):
			round++
		case w.sign(")"), w.sign("]"), w.sign(">"):
			round--
		}
		next := f.ws[min(i+1, len(f.ws)-1)]
		switch {
		case w.sign("{"), w.sign("}"), next.sign("}") && round <= 0:
			return f.ws[from : i+1]
		case w.sign(";") && !next.sign(";"), w.sign(",") && round <= 0 && !next.sign(";"):
			return f.ws[from : i+1]
		case round <= 0 && f.begins(i+1) && !w.sign(":") && i+1 > from:
			return f.ws[from : i+1]
		}
	}
	return f.ws[from:]
}

// begins reports whether an item begins with word i: a name before a ":", or the words
// that open the two blocks.
func (f *formatter) begins(i int) bool {
	if i+1 >= len(f.ws) {
		return false
	}
	w, next := f.ws[i], f.ws[i+1]
	if next.sign(":") && w.name() {
		return true
	}
	return w.text == "permits" && next.sign("=")
}

func (f *formatter) writeItem(item []word, first bool) {
	head := item[0]
	if head.sign("}") {
		f.depth = max(0, f.depth-1)
	}
	if !first {
		f.leading(head)
	}
	one := f.oneLine(item)
	if !first && (f.broken(item) || len(formatIndent)*f.depth+utf8.RuneCountInString(one) > formatWidth) && !item[len(item)-1].sign("{") {
		f.manyLines(item)
	} else {
		f.words(item, first)
	}
	if item[len(item)-1].sign("{") {
		f.depth++
	}
	if next := f.ws[min(f.at+len(item), len(f.ws)-1)]; item[len(item)-1].sign("{") && next.sign("}") && len(next.comments) == 0 {
		return // "{}" stays on its line
	}
	f.endLine(item)
}

// endLine ends the line unless what follows is a comment that belongs to it.
func (f *formatter) endLine(item []word) {
	next := f.ws[min(f.at+len(item), len(f.ws)-1)]
	for i, c := range next.comments {
		if c.own {
			break
		}
		f.put(c.text, f.depth, false)
		f.force = f.force || strings.HasPrefix(c.text, "//")
		f.ws[f.at+len(item)].comments = next.comments[i+1:]
	}
	if f.depth > 0 || !item[len(item)-1].sign("}") {
		f.newline()
	}
}

// leading is what stands before an item: an empty line if there was one, and comments.
func (f *formatter) leading(head word) {
	empty := head.sign("}") && f.line > 0 && len(head.comments) == 0
	if !empty {
		f.comments(head, f.depth+inBlock(head))
		if head.blank && !head.sign("}") {
			f.blank()
		} else if f.line > 0 {
			f.newline()
		}
	}
}

// inBlock puts the comments before a closing brace where the items are.
func inBlock(head word) int {
	if head.sign("}") {
		return 1
	}
	return 0
}

// broken reports whether a comment in the item, or a string of several lines, breaks it.
func (f *formatter) broken(item []word) bool {
	for i, w := range item {
		if i > 0 && len(w.comments) > 0 || strings.Contains(w.text, "\n") {
			return true
		}
	}
	return false
}

func (f *formatter) oneLine(item []word) string {
	var b strings.Builder
	for i, w := range item {
		if i > 0 && !tight(item[i-1], w) {
			b.WriteByte(' ')
		}
		b.WriteString(w.source())
	}
	return b.String()
}

// words writes an item on one line.
func (f *formatter) words(item []word, first bool) {
	for i, w := range item {
		if i > 0 {
			f.comments(w, f.depth+1)
		}
		glue := i > 0 && tight(item[i-1], w) && len(w.comments) == 0
		if i == 0 && w.sign("}") && f.line > 0 {
			glue = true // "{}"
		}
		if first && i == 0 && f.line > 0 {
			glue = false // export class
		}
		f.put(w.source(), f.depth+boolInt(i > 0), glue)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// manyLines breaks an item behind "=>" and, where that is not enough, behind each
// operator that is in no parentheses, or in the outermost ones where a line would still
// be too long.
func (f *formatter) manyLines(item []word) {
	round, arrow := 0, false
	inner, flat := f.tooLong(item), f.restFits(item)
	for i, w := range item {
		level := f.depth + boolInt(i > 0) + boolInt(i > 0 && round > 0 && arrow)
		if i > 0 {
			f.comments(w, level)
		}
		f.put(w.source(), level, i > 0 && tight(item[i-1], w) && len(w.comments) == 0)
		switch {
		case w.sign("("):
			round++
		case w.sign(")"):
			round--
		}
		if i+1 < len(item) && !f.force && (len(item[i+1].comments) == 0 || item[i+1].comments[0].own) {
			switch {
			case w.sign("=>") && round == 0 && !arrow:
				arrow = true
				f.newline()
			case (w.sign("||") || w.sign("&&")) && !flat && (round == 0 || inner && round == 1):
				f.newline()
			}
		} else if w.sign("=>") && round == 0 {
			arrow = true
		}
	}
}

// restFits reports whether what comes behind the "=>" of an item fits one line.
func (f *formatter) restFits(item []word) bool {
	round := 0
	for i, w := range item {
		switch {
		case w.sign("("):
			round++
		case w.sign(")"):
			round--
		case w.sign("=>") && round == 0:
			rest := item[i+1:]
			return !f.broken(rest) && len(formatIndent)*(f.depth+1)+utf8.RuneCountInString(f.oneLine(rest)) <= formatWidth
		}
	}
	return false
}

// tooLong reports whether an operand of an item does not fit a line.
func (f *formatter) tooLong(item []word) bool {
	round, from := 0, 0
	for i, w := range item {
		switch {
		case w.sign("("):
			round++
		case w.sign(")"):
			round--
		}
		if round == 0 && (w.sign("=>") || w.sign("||") || w.sign("&&")) || i == len(item)-1 {
			if len(formatIndent)*(f.depth+1)+utf8.RuneCountInString(f.oneLine(item[from:i+1])) > formatWidth {
				return true
			}
			from = i + 1
		}
	}
	return false
}

// tight reports whether no space belongs between two words.
func tight(a, b word) bool {
	switch {
	case b.sign(","), b.sign(";"), b.sign(")"), b.sign("]"), b.sign(">"), b.sign("."), b.sign(":"):
		return true
	case a.sign("."), a.sign("("), a.sign("["), a.sign("<"), a.sign("!"):
		return true
	case b.sign("["), b.sign("<"):
		return true
	case b.sign("("):
		return a.name() || a.sign(")") || a.sign("]")
	}
	return false
}
