package opl

import (
	"fmt"
	"strings"
)

// CheckFormat formats a source and says what is wrong with the result: other words or
// comments than before, a source that Keto would refuse, or one that formatting changes
// again. What Keto refuses is not formatted.
func CheckFormat(src string) (string, error) {
	out, errs := Format("a.ts", src)
	if len(errs) > 0 {
		return "", nil
	}
	a, err := flat(src)
	if err != nil {
		return out, err
	}
	b, err := flat(out)
	if err != nil {
		return out, err
	}
	if a != b {
		return out, fmt.Errorf("the words differ:\n%s\n--- formatted:\n%s", src, out)
	}
	again, errs := Format("a.ts", out)
	if len(errs) > 0 {
		return out, fmt.Errorf("refused after formatting: %w\n%s", errs[0], out)
	}
	if again != out {
		return out, fmt.Errorf("formatting again changes it:\n%q\n%q\nof\n%q", out, again, src)
	}
	return out, nil
}

// flat is a source as a list of its words and comments.
func flat(src string) (string, error) {
	ws, err := words(src)
	var s strings.Builder
	for _, w := range ws {
		for _, c := range w.comments {
			s.WriteString("comment " + strings.Join(strings.Fields(c.text), " ") + "\n")
		}
		fmt.Fprintf(&s, "%d %q\n", w.kind, w.text)
	}
	return s.String(), err
}
