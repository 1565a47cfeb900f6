package widget

import (
	"strings"
	"unicode/utf8"
)

// term is one word of a filter.
type term struct {
	word   string // lower case
	not    bool
	column int    // -1 for any
	op     string // how the word is compared with the column: ":", "=", "<", "<=", ">", ">="
}

// compares is whether rows must be looked at one by one.
func (t term) compares() bool { return t.op != "" && t.op != ":" }

// parseQuery reads what a person typed after "/": words that must all occur,
// `!word` for one that must not, `"two words"` for a phrase, `column:word` for a
// word in one column, "column=word" for nothing but that word, "column>value" and
// "column<value" (also >= and <=) for what comes after or before. A lone "!" or a column without a word is still being typed
// and filters nothing.
func parseQuery(q string, columns []string) []term {
	var terms []term
	for _, w := range words(q) {
		t := term{column: -1}
		if rest, ok := strings.CutPrefix(w, "!"); ok {
			t.not, w = true, rest
		}
		if name, op, rest := cutOperator(w); name != "" {
			if i := columnNamed(name, columns); i >= 0 {
				t.column, t.op, w = i, op, rest
			}
		}
		t.word = strings.ToLower(strings.Trim(w, `"`))
		if t.word != "" && utf8.ValidString(t.word) {
			terms = append(terms, t)
		}
	}
	return terms
}

// cutOperator splits "created>=2026" at its operator; name is empty when there is none.
func cutOperator(w string) (name, op, rest string) {
	i := strings.IndexAny(w, ":=<>")
	if i < 1 {
		return "", "", ""
	}
	n := 1
	if (w[i] == '<' || w[i] == '>') && strings.HasPrefix(w[i+1:], "=") {
		n = 2
	}
	return w[:i], w[i : i+n], w[i+n:]
}

// words splits at spaces outside quotes. An open quote reaches to the end.
func words(q string) []string {
	quoted := false
	return strings.FieldsFunc(q, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

// columnNamed finds a column by its title or an unambiguous beginning of it.
func columnNamed(name string, columns []string) int {
	at := -1
	fold := func(s string) string {
		return strings.ToLower(strings.NewReplacer("-", "", " ", "", "_", "").Replace(s))
	}
	for i, c := range columns {
		switch {
		case fold(c) == fold(name):
			return i
		case strings.HasPrefix(fold(c), fold(name)):
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}
