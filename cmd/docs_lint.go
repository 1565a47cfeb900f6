package cmd

import (
	"fmt"
	"io"
	"strings"

	"gatehouse/access/lint"
)

// writeLintDocs writes what gatehouse lint looks for as Markdown.
func writeLintDocs(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# What `gatehouse lint` looks for\n\nWritten by `make docs` from the program itself; do not edit. `gatehouse lint --codes` prints the same.\n\n" +
		"An **error** lets somebody in who should not be, keeps everybody out or makes Keto fail; a **warning** is most\n" +
		"probably a mistake; an **info** is good to know and is shown with `--severity info`. Codes do not change, so\n" +
		"that `--skip CODE` can leave one out for good.\n")
	for _, part := range []struct{ in, title string }{
		{"model", "In the permission model"}, {"tuples", "In relation tuples"}, {"people", "In relation tuples, with the identities of Kratos beside them"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| Code | Severity | Finds | What it means | What to do |\n|---|---|---|---|---|\n", part.title)
		for _, a := range lint.Codes() {
			if a.In == part.in {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", a.Code, a.Severity, cell(a.Finds), cell(a.Meaning), cell(a.Todo))
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
