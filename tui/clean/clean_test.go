package clean_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/clean"
)

func TestLine(t *testing.T) {
	for _, c := range []struct {
		name, in string
		max      int
		want     string
	}{
		{"plain", "ann@acme.example", 40, "ann@acme.example"},
		{"empty", "", 40, ""},
		{"exact", "abcd", 4, "abcd"},
		{"cut", "abcde", 4, "abc…"},
		{"one cell", "abc", 1, "…"},
		{"clear screen", "a\x1b[2Jb", 40, "a␛[2Jb"},
		{"title (OSC)", "a\x1b]0;owned\ab", 40, "a␛]0;owned␇b"},
		{"device control (DCS)", "\x1bP1$r0m\x1b\\", 40, "␛P1$r0m␛\\"},
		{"eight-bit CSI", "a\u009b31mb", 40, "a�31mb"},
		{"raw C1 byte", "a\x9b31mb", 40, "a�31mb"},
		{"line feed in a name", "ann\nroot: x", 40, "ann␊root: x"},
		{"carriage return", "ann\rROOT", 40, "ann␍ROOT"},
		{"tab", "a\tb", 40, "a␉b"},
		{"delete", "a\x7fb", 40, "a␡b"},
		{"right-to-left override", "invoice\u202egpj.exe", 40, "invoice�gpj.exe"},
		{"isolates", "\u2066a\u2069", 40, "�a�"},
		{"zero width space", "ad\u200bmin", 40, "ad�min"},
		{"byte order mark", "\ufeffann", 40, "�ann"},
		{"soft hyphen", "ad\u00admin", 40, "ad�min"},
		{"zero width joiner between letters", "ad\u200dmin", 40, "ad�min"},
		{"hangul filler", "\u3164", 40, "�"},
		{"tag characters", "ann\U000e0061\U000e0062", 40, "ann��"},
		{"private use", "\ue000", 40, "�"},
		{"line separator", "a\u2028b", 40, "a�b"},
		{"broken UTF-8", "a\xff\xfeb", 40, "a��b"},
		{"half a rune at the end", "a\xe2\x82", 40, "a��"},
		{"Arabic", "أحمد العلي", 40, "أحمد العلي"},
		{"Arabic with vowels", "أَحْمَد", 40, "أَحْمَد"},
		{"Persian non-joiner", "می\u200cخواهم", 40, "می\u200cخواهم"},
		{"non-joiner between Latin letters", "ad\u200cmin", 40, "ad�min"},
		{"accent as a mark", "Ame\u0301lie", 40, "Ame\u0301lie"},
		{"a mark alone", "\u0301x", 40, "◌\u0301x"},
		{"wide", "漢字", 40, "漢字"},
		{"wide, cut", "漢字漢字", 5, "漢字…"},
		{"wide, no room for half", "漢字漢字", 4, "漢…"},
		{"emoji", "Zoë 🦊", 40, "Zoë 🦊"},
		{"family", "👨\u200d👩\u200d👧 home", 40, "👨👩👧 home"},
		{"skin tone", "👍🏽", 40, "👍"},
		{"heart", "❤\ufe0f", 40, "❤"},
		{"flag", "🇩🇪", 40, "🇩🇪"},
		{"selector behind a letter", "a\ufe0f", 40, "a�"},
		{"Japanese name with a selector", "葛\U000e0100城", 40, "葛城"},
		{"no max", strings.Repeat("x", 10_000), 0, strings.Repeat("x", clean.DefaultMax-1) + "…"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := clean.Line(c.in, c.max); got != c.want {
				t.Errorf("Line(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
			}
		})
	}
}

func TestZalgoIsBounded(t *testing.T) {
	got := clean.Line("a"+strings.Repeat("\u0301", 1<<20)+"b", 10)
	if len(got) > 400 || !strings.Contains(got, "�") {
		t.Errorf("a letter with a million accents became %d bytes: %.80q", len(got), got)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb":           "a\nb",
		"a\r\nb":         "a\nb",
		"a\rb":           "a␍b",
		"a\tb\n\tc":      "a       b\n        c",
		"x\x1b[31mred\n": "x␛[31mred\n",
	} {
		if got := clean.Text(in, 0); got != want {
			t.Errorf("Text(%q) = %q, want %q", in, got, want)
		}
	}
	if got := clean.Text(strings.Repeat("line\n", 100), 10); got != "line\nline…" {
		t.Errorf("cut text is %q", got)
	}
}

func TestFileName(t *testing.T) {
	for in, want := range map[string]string{
		"identities":                  "identities",
		"../../etc/passwd":            "etc-passwd",
		"a/b\\c:d*e?f\"g<h>i|j":       "a-b-c-d-e-f-g-h-i-j",
		".bashrc":                     "bashrc",
		"":                            "unnamed",
		"...":                         "unnamed",
		"nul.csv":                     "_nul.csv",
		"Ann's report\x1b[2J":         "Ann-s-report-2J",
		"أحمد":                        "أحمد",
		"-rf":                         "rf",
		strings.Repeat("é", 200):      strings.Repeat("é", 50),
		"name.":                       "name",
		"users of realm \"A B\".json": "users-of-realm-A-B-.json",
	} {
		if got := clean.FileName(in); got != want {
			t.Errorf("FileName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFrame(t *testing.T) {
	fine := "\x1b[1;38;2;1;2;3mgatehouse\x1b[m\n─ ✓ … 漢 🇩🇪\n"
	if got := clean.Frame(fine); got != fine {
		t.Errorf("a good frame became %q", got)
	}
	for in, want := range map[string]string{
		"a\x1b[2Jb":        "a␛[2Jb",
		"a\x1b]0;x\ab":     "a␛]0;x␇b",
		"a\u009bb":         "a�b",
		"a\u202eb\u2066c":  "a�b�c",
		"a\rb\x7f\u061cc":  "a␍b␡�c",
		"a\x1b[31":         "a␛[31",
		"\x1b":             "␛",
		"x\x1b[31mred\x00": "x\x1b[31mred␀",
	} {
		if got := clean.Frame(in); got != want {
			t.Errorf("Frame(%q) = %q, want %q", in, got, want)
		}
	}
}

// checkClean fails when a terminal would obey, hide or mismeasure anything in s.
func checkClean(t *testing.T, s string, lines bool) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("not UTF-8: %q", s)
	}
	for _, r := range s {
		switch {
		case r == '\n' && lines, r == '\u200c':
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\u200d', r == '\ufeff', r == '\u2028':
			t.Fatalf("%U is still in %q", r, s)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"ann", "a\x1b[2J", "\u009b1m", "👨\u200d👩\u200d👧", "می\u200cخواهم", "\xff", "e\u0301", "क्षि", "\U000e0061", "a\r\nb"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		max = max%300 + 1
		if max < 1 {
			max = 1 - max
		}
		line := clean.Line(s, max)
		checkClean(t, line, false)
		if w := ansi.StringWidth(line); w > max {
			t.Fatalf("Line(%q, %d) = %q is %d cells wide", s, max, line, w)
		}
		if again := clean.Line(line, max); again != line {
			t.Fatalf("cleaning twice changes %q to %q", line, again)
		}
		checkClean(t, clean.Text(s, max), true)
		checkClean(t, clean.FileName(s), false)
		if strings.ContainsAny(clean.FileName(s), `/\`) {
			t.Fatalf("FileName(%q) is a path", s)
		}
		if frame := clean.Frame("\x1b[1m" + s + "\x1b[m"); strings.Contains(frame, "\x1b]") || strings.Contains(frame, "\u202e") {
			t.Fatalf("Frame lets through %q", frame)
		}
	})
}

func TestCleanCostsNothing(t *testing.T) {
	arabic := "أحمد العلي"
	for _, s := range []string{"ann@acme.example", ""} {
		if n := testing.AllocsPerRun(100, func() { clean.Line(s, 80) }); n != 0 {
			t.Errorf("Line(%q) allocates %v times", s, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { clean.Line(arabic, 80) }); n > 1 {
		t.Errorf("Line(%q) allocates %v times", arabic, n)
	}
	frame := strings.Repeat("\x1b[1mgatehouse\x1b[m ─ ✓\n", 50)
	if n := testing.AllocsPerRun(100, func() { clean.Frame(frame) }); n != 0 {
		t.Errorf("Frame allocates %v times", n)
	}
}

func BenchmarkLine(b *testing.B) {
	for name, s := range map[string]string{
		"ascii": "ann.okafor@acme.example", "arabic": "أحمد العلي", "hostile": "a\x1b[2Jb\u202ec",
		"megabyte": strings.Repeat("x", 1<<20), "megabyte hostile": strings.Repeat("\x1b[2J", 1<<18),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				clean.Line(s, 40)
			}
		})
	}
}

func BenchmarkFrame(b *testing.B) {
	frame := strings.Repeat(strings.Repeat("\x1b[1mgatehouse\x1b[m ─ ✓ ", 10)+"\n", 50)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		clean.Frame(frame)
	}
}
