package widget

import "gatehouse/tui/theme"

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
	// Key tells the screen what was selected; it is not shown.
	Key string
}

// Tree shows nodes that open and close.
type Tree struct {
	roots []*Node
}

// Set replaces the content. What was opened or closed by hand stays so, by ID.
func (t *Tree) Set(roots ...*Node) { t.roots = roots }

// Current is the node under the cursor, or nil.
func (t *Tree) Current() *Node { return nil }

// Move moves the cursor by n visible lines.
func (t *Tree) Move(n int) {}

// Toggle opens or closes the current node. It returns the node when it is Lazy and
// was opened: the screen loads its children, fills them in and calls Refresh.
func (t *Tree) Toggle() *Node { return nil }

// Refresh takes up changes that were made to the nodes.
func (t *Tree) Refresh() {}

// OpenAll opens or closes everything that is loaded.
func (t *Tree) OpenAll(open bool) {}

// View draws the visible lines.
func (t *Tree) View(th *theme.Theme, w, h int) string { return "" }
