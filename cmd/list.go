package cmd

import "iter"

// printAll prints what a sequence yields until its end, its first error, or limit
// items (0 is no limit).
func printAll[S, T any](g *globals, out *rows[T], items iter.Seq2[S, error], limit int, convert func(S) T) error {
	for item, err := range items {
		if err != nil {
			out.Abort()
			return err
		}
		if limit > 0 && out.count == limit {
			if isTerminal(g.stderr) {
				g.note("stopped after %s; more with --limit 0", plural(limit, "line", "lines"))
			}
			break
		}
		if err := out.Add(convert(item)); err != nil {
			return err
		}
	}
	return out.Close()
}
