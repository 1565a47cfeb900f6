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
		}
	}
	for _, c := range n.matters() {
		ws.collect(c)
	}
}

// missing is the sentence for a subject that no tuple leads to.
func (w *working) missing() string {
	var ws ways
	ws.collect(w.Root)
	slices.Sort(ws.filled)
	filled := slices.Compact(ws.filled)
	only := "and that is the only way to " + w.what()
	if ws.needed {
		only = "which " + w.what() + " needs"
	}
	switch {
	case w.Root.hasDeep(KindInvert) && w.denier() != nil:
		return fmt.Sprintf("No: %s does not have %s: %s.", w.who(), w.what(), w.blocker(w.denier()))
	case len(filled) == 1:
		return fmt.Sprintf("%s is not in %s, %s.", w.who(), filled[0], only)
	case len(filled) > 1:
		return fmt.Sprintf("%s is in none of the %d that could give %s: %s.", w.who(), len(filled), w.what(), few(filled))
	case len(ws.empty) > 0:
		return fmt.Sprintf("Nobody has %s: there is no tuple on %s.", w.what(), few(ws.empty))
	}
	return "No: " + sentence(w.ask.Question, " does not have ") + "; no stored tuple leads there."
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
