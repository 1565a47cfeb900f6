package tui

import (
	"fmt"
	"strings"
	"time"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

const (
	paneFrom   = 160 // from this width on the detail stands beside the list
	paneHeight = 8   // and from this height
	barCells   = 10
)

// View draws the line about the list, the rows, and the detail where there is room.
func (l *List[T]) View(w, h int) string {
	l.size.w, l.size.h = w, h
	if w <= 0 || h <= 0 {
		return ""
	}
	th := l.Env().Theme
	head := l.headline(w)
	if h == 1 {
		return head
	}
	lw := l.listWidth(w, h)
	left := l.rows(th, lw, h-1)
	if lw == w {
		return head + "\n" + left
	}
	return head + "\n" + l.beside(th, left, lw, w, h-1)
}

// listWidth is the width of the rows, less than w when the detail stands beside them.
func (l *List[T]) listWidth(w, h int) int {
	if l.Spec.Detail == nil || w < paneFrom-2 || h < paneHeight {
		return w
	}
	return w * 3 / 5
}

// rows draws the table, or words in its place.
func (l *List[T]) rows(th *theme.Theme, w, h int) string {
	if l.table().Shown() > 0 {
		return l.table().View(th, w, h)
	}
	lines := []string{l.table().View(th, w, 1), ""}
	for _, p := range l.words() {
		for _, line := range widget.Wrap(p, max(1, w-6)) {
			lines = append(lines, "   "+line)
		}
	}
	return strings.Join(lines[:min(h, len(lines))], "\n")
}

// words is what stands where no row does: why, and what to do.
func (l *List[T]) words() []string {
	s := l.src()
	f := Failure{}
	if s.err != nil {
		f = l.Env().Explain(s.err)
	}
	switch {
	case s.table.Len() > 0:
		out := []string{fmt.Sprintf("Nothing matches %q among the %s that %s been read.", s.table.Query(), Count(s.table.Len()), hasHave(s.table.Len()))}
		if l.Spec.Search != nil && !s.done {
			out = append(out, "Esc clears the filter; f lets the server search everything.")
		} else {
			out = append(out, "Esc clears the filter.")
		}
		return out
	case l.load.Busy() && l.Spec.Stream != nil:
		return []string{"searching…"}
	case l.load.Busy():
		return []string{"reading…"}
	case s.err != nil && f.canceled(), s.err == nil && !s.done:
		return []string{"Stopped before anything was read. ^r reads it."}
	case s.err != nil:
		mark := theme.MarkDenied
		if f.offline() {
			mark = theme.MarkDown
		}
		f.Hint = strings.TrimSuffix(f.Hint, ".")
		out := []string{mark + " " + Failure{What: f.What, Why: f.Why}.String()}
		if f.Hint != "" {
			out = append(out, "  "+f.Hint)
		}
		return append(out, "  ^r tries again; :log shows the request")
	case s.query != "":
		return []string{fmt.Sprintf("The server finds nothing for %q.", s.query), "Esc goes back to the whole list; f searches again."}
	case l.Spec.Fetch == nil && l.Spec.Stream == nil:
		return []string{"f searches: the server finds them by " + orText(l.Spec.SearchHint, "what you type") + "."}
	case l.Spec.Empty != "":
		return []string{l.Spec.Empty}
	default:
		return []string{"There are none."}
	}
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func hasHave(n int) string {
	if n == 1 {
		return "has"
	}
	return "have"
}

// headline is the line about the list: how much there is, how much of it is known,
// and how old that is.
func (l *List[T]) headline(w int) string {
	th := l.Env().Theme
	t := l.table()
	right := ""
	if n := t.Marks(); n > 0 {
		right = th.Strong.Render(Count(n) + " marked")
	}
	if l.input != nil {
		matches := ""
		if !l.asking {
			matches = th.Dim.Render(fmt.Sprintf("%s of %s", Count(t.Shown()), Count(t.Len())))
		}
		room := w - widget.Width(matches) - 2
		return l.input.View(th, max(1, room)) + "  " + matches
	}
	parts := []string{th.Strong.Render(clean.Line(l.Spec.Title, 40))}
	for _, p := range l.progress(th) {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return ends(strings.Join(parts, "   "), right, w)
}

// progress is what the headline says behind the title.
func (l *List[T]) progress(th *theme.Theme) []string {
	s := l.src()
	t := s.table
	var out []string
	if s.query != "" {
		out = append(out, th.Accent.Render(fmt.Sprintf("found for %q", clean.Line(s.query, 40))))
	}
	out = append(out, l.amount(th, s))
	if l.Spec.Note != nil {
		out = append(out, th.Dim.Render(clean.Line(l.Spec.Note(), 80)))
	}
	if t.Query() != "" {
		out = append(out, th.Accent.Render(fmt.Sprintf("%s match %q", Count(t.Shown()), clean.Line(t.Query(), 40))))
	}
	return append(out, l.age(th, s))
}

// amount says how many rows there are and how many of them have been read.
func (l *List[T]) amount(th *theme.Theme, s *source[T]) string {
	busy := l.load.Busy()
	n := s.table.Len()
	if s.fresh != nil && busy {
		return Count(n) + th.Dim.Render("   reading again: "+Count(s.read))
	}
	if s.read > n && s.fresh == nil && n >= l.Spec.Cap {
		text := fmt.Sprintf("the first %s of %s kept", Count(n), Count(max(s.read, s.total)))
		if busy {
			text += fmt.Sprintf(", %s read", Count(s.read))
		}
		return text
	}
	switch {
	case s.done && s.fresh == nil:
		return Count(n)
	case s.total > n:
		return fmt.Sprintf("%s of about %s read %s", Count(n), Count(s.total), bar(n, s.total))
	case (n > 0 || busy) && l.Spec.Stream != nil:
		return Count(n) + " found"
	case n > 0 || busy:
		return Count(n) + " read"
	default:
		return ""
	}
}

// age says what is not as it should be: stopped, stale, changed.
func (l *List[T]) age(th *theme.Theme, s *source[T]) string {
	busy := l.load.Busy()
	switch {
	case busy, s.table.Len() == 0:
		return ""
	case s.err != nil && l.Env().Explain(s.err).canceled(), s.err == nil && (!s.done || s.fresh != nil):
		return th.Dim.Render(l.stopped())
	case s.err != nil:
		since := ""
		if !s.at.IsZero() {
			since = " since " + Clock(l.Env().Now(), s.at)
		}
		return th.Bad.Render(theme.MarkStale+" stale"+since) + th.Dim.Render(": "+clean.Line(l.Env().Explain(s.err).Why, 80)+"; ^r tries again")
	case l.changed():
		return th.Dim.Render(theme.MarkStale + " changed since it was read: ^r reads it again")
	default:
		return ""
	}
}

func (l *List[T]) stopped() string {
	if l.Spec.Stream != nil {
		return "stopped: ^r searches again"
	}
	return "stopped: m reads on"
}

// beside puts the detail of the current row to the right of the rows.
func (l *List[T]) beside(th *theme.Theme, left string, lw, w, h int) string {
	row, ok := l.Current()
	if !ok {
		return left
	}
	if id := l.Spec.ID(row); id != l.paneOf || id == "" {
		l.paneOf = id
		l.pane.Set(l.Spec.Detail(row)...)
	}
	right := fit(l.pane.View(th, w-lw-3, h), w-lw-3, h)
	rows := fit(left, lw, h)
	bar := th.Dim.Render("│")
	for i, line := range rows {
		pad := max(0, lw-widget.Width(line))
		rows[i] = line + strings.Repeat(" ", pad) + " " + bar + " " + right[i]
	}
	return strings.Join(rows, "\n")
}

// bar draws how much of the whole is there.
func bar(n, of int) string {
	full := 0
	if of > 0 {
		full = min(barCells, n*barCells/of)
	}
	return strings.Repeat("▓", full) + strings.Repeat("░", barCells-full)
}

// Count writes a number with separators: 12,000.
func Count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Clock writes a time of the last day as 15:04:05, an older one with its day.
func Clock(now, t time.Time) string {
	if now.Sub(t) < 20*time.Hour && now.Day() == t.Day() {
		return t.Format("15:04:05")
	}
	return t.Format("2 Jan 2006 15:04")
}
