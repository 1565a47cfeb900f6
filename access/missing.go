package access

import (
	"fmt"
	"slices"
	"strings"
)

// ways are the relations and groups that would have let the subject in, found in the
// refutation of a denial.
type ways struct {
	filled []string // those that somebody has
	empty  []string // those that nobody has
	nested []string // those that only sets have
	needed bool     // all of them stand behind something that is needed besides
}

// collect goes down the refutation.
func (ws *ways) collect(n *Node) {
	switch {
	case n.Cut != "" && n.Kind == KindAllowed:
		return
	case n.Kind == KindInvert:
		return
	case n.Kind == KindIntersection:
		ws.needed = ws.needed || len(n.Children) > 1
	case n.Kind == KindAllowed && !n.byRule():
		sets, ids, known := n.members()
		switch name := n.Tuple.Left(); {
		case n.large():
			ws.filled = append(ws.filled, name)
		case !known:
		case sets+ids == 0:
			ws.empty = append(ws.empty, name)
		case ids > 0:
			ws.filled = append(ws.filled, name)
		case !n.passesOver(nil):
			ws.nested = append(ws.nested, name)
		}
	}
	for _, c := range n.matters() {
		ws.collect(c)
	}
}

// missing is the sentence for a subject that no tuple leads to, and who could give it.
func (w *working) missing() (summary, hint string) {
	var ws ways
	ws.collect(w.Root)
	slices.Sort(ws.filled)
	filled := slices.Compact(ws.filled)
	only := "and that is the only way " + w.toHave()
	if ws.needed {
		only = "which is needed " + w.toHave()
	}
	switch {
	case w.Root.hasDeep(KindInvert) && w.denier() != nil:
		return fmt.Sprintf("%s %s because of a block: %s.", w.who(), w.mayNot(), w.blocker(w.denier())), "nothing grants it either"
	case len(filled) == 1 && filled[0] == w.askedSet():
		return fmt.Sprintf("%s is not in %s.", w.who(), filled[0]), w.whoCouldGive(filled)
	case len(filled) == 1:
		return fmt.Sprintf("%s is not in %s, %s.", w.who(), filled[0], only), w.whoCouldGive(append(filled, w.askedSet()))
	case len(filled) > 1:
		return fmt.Sprintf("%s %s: that takes being in %s.", w.who(), w.mayNot(), orOf(filled)), w.whoCouldGive(append([]string{w.askedSet()}, filled...))
	case len(ws.empty) > 0:
		return fmt.Sprintf("%s %s, and nobody else may: there is nobody in %s.", w.who(), w.mayNot(), orOf(ws.empty)), w.whoCouldGive([]string{w.askedSet()})
	case len(ws.nested) > 0:
		slices.Sort(ws.nested)
		nested := slices.Compact(ws.nested)
		return fmt.Sprintf("%s %s, and nobody else may: only sets are in %s, and nobody is in those.", w.who(), w.mayNot(), orOf(nested)), w.whoCouldGive(append([]string{w.askedSet()}, nested...))
	}
	return fmt.Sprintf("%s %s: no stored tuple leads there.", w.who(), w.mayNot()), ""
}

// denier is the "!" by which the refutation denies, if it does.
func (w *working) denier() *Node {
	for n := w.Root; n != nil; {
		if n.Kind == KindInvert {
			return n
		}
		below := n.matters()
		if len(below) != 1 {
			return nil
		}
		n = below[0]
	}
	return nil
}

// few names some and counts the rest.
func few(names []string) string {
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// passesOver reports whether below n a set was passed over that stands not above it: what
// is in it is not known there.
func (n *Node) passesOver(above []string) bool {
	if n.Cut == CutVisited {
		return !slices.Contains(above, n.Tuple.Left())
	}
	if n.Kind == KindAllowed {
		above = append(slices.Clip(above), n.Tuple.Left())
	}
	return slices.ContainsFunc(n.Children, func(c *Node) bool { return c.passesOver(above) })
}
