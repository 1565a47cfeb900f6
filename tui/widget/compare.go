package widget

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"gatehouse/tui/clean"
)

// holds is whether the value of a row in this column is as a term of a filter says.
func (c Column[T]) holds(row T, t term) bool {
	cell := strings.ToLower(strings.TrimSpace(clean.Line(c.Cell(row), rowBytes)))
	words := cell
	if c.Words != nil {
		words = strings.ToLower(c.Words(row))
	}
	switch t.op {
	case ":":
		if c.Words == nil {
			return strings.Contains(cell, t.word)
		}
		return slices.ContainsFunc(strings.Fields(words), func(w string) bool { return strings.HasPrefix(w, t.word) })
	case "=":
		return cell == t.word || c.Words != nil && slices.Contains(strings.Fields(words), t.word)
	}
	order := c.Order
	if order == nil {
		order = func(row T, text string) (int, bool) { return compareText(cell, text) }
	}
	n, ok := order(row, t.word)
	if !ok {
		return false
	}
	switch t.op {
	case "<":
		return n < 0
	case "<=":
		return n <= 0
	case ">":
		return n > 0
	default:
		return n >= 0
	}
}

// numberMax is how long a text may be to be taken for a number.
const numberMax = 40

// compareText compares numbers as numbers and anything else as text. Nothing is not
// comparable: an empty cell is neither before nor after a value.
func compareText(cell, text string) (int, bool) {
	if cell == "" {
		return 0, false
	}
	if len(cell) <= numberMax && len(text) <= numberMax && !strings.ContainsAny(cell+text, "ep") {
		a, aok := new(big.Rat).SetString(strings.ReplaceAll(cell, ",", ""))
		b, bok := new(big.Rat).SetString(text)
		if aok && bok {
			return a.Cmp(b), true
		}
	}
	return strings.Compare(cell, text), true
}

// CompareTime compares a moment with one that a person typed: a year, a month, a day
// ("2026-03-02") or a moment of RFC 3339, in the zone of the person. A moment within
// the year, month or day counts as equal. It is for Column.Order.
func CompareTime(t time.Time, text string) (int, bool) {
	if t.IsZero() {
		return 0, false
	}
	t = t.Local()
	for _, f := range []struct {
		layout string
		next   func(time.Time) time.Time
	}{
		{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
		{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
		{"2006-01-02t15:04", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	} {
		from, err := time.ParseInLocation(f.layout, text, time.Local)
		switch {
		case err != nil:
			continue
		case t.Before(from):
			return -1, true
		case t.Before(f.next(from)):
			return 0, true
		}
		return 1, true
	}
	at, err := time.Parse(time.RFC3339, strings.ToUpper(text))
	if err != nil {
		return 0, false
	}
	return t.Compare(at), true
}
