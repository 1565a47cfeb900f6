package widget

import (
	"strings"
	"unicode/utf8"
)

// term is one word of a filter.
type term struct {
	word   string // lower case
	not    bool
	column int // -1 for any
}

// parseQuery reads what a person typed after "/": words that must all occur,
// `!word` for one that must not, `"two words"` for a phrase, `column:word` for a
// word in one column. A lone "!" or a column without a word is still being typed
// and filters nothing.
func parseQuery(q string, columns []string) []term {
	var terms []term
	for _, w := range words(q) {
		t := term{column: -1}
		if rest, ok := strings.CutPrefix(w, "!"); ok {
			t.not, w = true, rest
		}
		if name, rest, ok := strings.Cut(w, ":"); ok && name != "" {
			if i := columnNamed(name, columns); i >= 0 {
				t.column, w = i, rest
			}
		}
		t.word = strings.ToLower(strings.Trim(w, `"`))
		if t.word != "" && utf8.ValidString(t.word) {
			terms = append(terms, t)
		}
	}
	return terms
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
