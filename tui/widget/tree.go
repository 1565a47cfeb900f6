package widget

import (
	"strings"

	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
)

// Node is one line of a Tree and what hangs below it.
type Node struct {
	// ID is unique in the tree; the cursor and what is open follow it over Set.
	ID string
	// Mark is one of the theme's marks or empty; Tone colours it.
	Mark string
	Tone theme.Tone
	// Label and Note as they came; Note is dim and stands in a column of its own.
	Label, Note string
	Children    []*Node
	// Open is whether it starts open.
	Open bool
	// Lazy nodes have children that are not loaded yet: see Tree.Toggle.
	Lazy bool
	// Key, and Data where a word is not enough, tell the screen what was selected; they
	// are not shown.
	Key  string
	Data any
}

// Tree shows nodes that open and close. It costs per frame what is visible; the list
// of visible lines is made anew only when something opens, closes or changes.
type Tree struct {
	roots    []*Node
	open     map[string]bool // by hand, by ID
	lines    []treeLine
	cur, top int
	height   int
}

type treeLine struct {
	node  *Node
	stem  string // the branches in front of it
	depth int
}

// Set replaces the content. What was opened or closed by hand stays so, by ID, and so
// does the cursor.
func (t *Tree) Set(roots ...*Node) {
	t.roots = roots
	t.Refresh()
}

// Refresh takes up changes that were made to the nodes.
func (t *Tree) Refresh() {
	id := ""
	if n := t.Current(); n != nil {
		id = n.ID
	}
	t.lines = t.lines[:0]
	for _, n := range t.roots {
		t.flatten(n, "", "", 0)
	}
	for i, l := range t.lines {
		if id != "" && l.node.ID == id {
			t.cur = i
			break
		}
	}
	t.Move(0)
}

func (t *Tree) flatten(n *Node, stem, below string, depth int) {
	t.lines = append(t.lines, treeLine{n, stem, depth})
	if !t.isOpen(n) {
		return
	}
	for i, c := range n.Children {
		if i == len(n.Children)-1 {
			t.flatten(c, below+"└ ", below+"  ", depth+1)
		} else {
			t.flatten(c, below+"├ ", below+"│ ", depth+1)
		}
	}
}

func (t *Tree) isOpen(n *Node) bool {
	if open, ok := t.open[n.ID]; ok {
		return open
	}
	return n.Open
}

// Current is the node under the cursor, or nil.
func (t *Tree) Current() *Node {
	if t.cur < len(t.lines) {
		return t.lines[t.cur].node
	}
	return nil
}

// Len is how many lines are visible.
func (t *Tree) Len() int { return len(t.lines) }

// Move moves the cursor by n visible lines.
func (t *Tree) Move(n int) { t.cur = max(0, min(t.cur+n, len(t.lines)-1)) }

// Page moves the cursor by n screens.
func (t *Tree) Page(n int) { t.Move(n * max(1, t.height-1)) }

// At puts the cursor on line y of the last View; false when there is none.
func (t *Tree) At(y int) bool {
	if y < 0 || y >= t.height || t.top+y >= len(t.lines) {
		return false
	}
	t.cur = t.top + y
	return true
}

// Toggle opens or closes the current node. It returns the node when it is Lazy and
// was opened: the screen loads its children, fills them in, takes Lazy away and calls
// Refresh.
func (t *Tree) Toggle() *Node {
	n := t.Current()
	if n == nil || len(n.Children) == 0 && !n.Lazy {
		return nil
	}
	return t.set(n, !t.isOpen(n))
}

// Right opens the current node, or goes to its first child when it is open; the
// result is as of Toggle.
func (t *Tree) Right() *Node {
	n := t.Current()
	switch {
	case n == nil:
		return nil
	case t.isOpen(n) && len(n.Children) > 0:
		t.Move(1)
		return nil
	default:
		return t.Toggle()
	}
}

// Left closes the current node, or goes to its parent when it is closed.
func (t *Tree) Left() {
	n := t.Current()
	if n == nil {
		return
	}
	if t.isOpen(n) && len(n.Children) > 0 {
		t.set(n, false)
		return
	}
	for i := t.cur; i >= 0; i-- {
		if t.lines[i].depth < t.lines[t.cur].depth {
			t.cur = i
			return
		}
	}
}

func (t *Tree) set(n *Node, open bool) *Node {
	if t.open == nil {
		t.open = map[string]bool{}
	}
	t.open[n.ID] = open
	t.Refresh()
	if open && n.Lazy {
		return n
	}
	return nil
}

// Open shows what is beneath the node with that ID, as if it had been opened by hand.
func (t *Tree) Open(id string) {
	if t.open == nil {
		t.open = map[string]bool{}
	}
	t.open[id] = true
	t.Refresh()
}

// OpenAll opens or closes everything that is loaded.
func (t *Tree) OpenAll(open bool) {
	t.open = map[string]bool{}
	var walk func(*Node)
	walk = func(n *Node) {
		if len(n.Children) > 0 {
			t.open[n.ID] = open
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	for _, n := range t.roots {
		walk(n)
	}
	t.Refresh()
}

// View draws the visible lines.
func (t *Tree) View(th *theme.Theme, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	t.height = h
	t.top = max(0, min(t.top, t.cur), t.cur-h+1)
	t.top = min(t.top, max(0, len(t.lines)-h))
	last := min(t.top+h, len(t.lines))
	label := t.labelWidth(t.lines[t.top:last], w)
	var b strings.Builder
	for i := t.top; i < last; i++ {
		if i > t.top {
			b.WriteByte('\n')
		}
		t.line(&b, th, i, label, w)
	}
	return b.String()
}

// labelWidth is where the notes start: behind the widest visible label, but in the
// first two thirds.
func (t *Tree) labelWidth(lines []treeLine, w int) int {
	widest := 0
	for _, l := range lines {
		widest = max(widest, Width(l.stem)+4+Width(clean.Line(l.node.Label, w)))
	}
	return min(widest, max(10, w*2/3))
}

func (t *Tree) line(b *strings.Builder, th *theme.Theme, at, label, w int) {
	l := t.lines[at]
	n := l.node
	mark := n.Mark
	fold := " "
	if len(n.Children) > 0 || n.Lazy {
		fold = pick(t.isOpen(n), "▾", "▹")
	}
	stem := l.stem
	if max := label / 2; Width(stem) > max { // very deep: the innermost branches are enough
		r := []rune(stem)
		stem = "…" + string(r[len(r)-max+1:])
	}
	room := label - Width(stem) - Width(mark) - 3
	text := ""
	if room > 0 {
		text = clean.Line(n.Label, room)
	}
	b.WriteString(pick(at == t.cur, th.Accent.Render(theme.MarkCursor), " "))
	b.WriteString(th.Dim.Render(stem))
	b.WriteString(th.Dim.Render(fold))
	b.WriteString(th.Tone(n.Tone).Render(mark) + " ")
	if at == t.cur {
		b.WriteString(th.Selected.Render(text))
	} else {
		b.WriteString(text)
	}
	if left := w - label - 2; n.Note != "" && left > 3 {
		b.WriteString(spaces(max(0, room-Width(text)) + 2))
		b.WriteString(th.Dim.Render(clean.Line(n.Note, left-1)))
	}
}
