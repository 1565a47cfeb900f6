// Package tui is the shell of the console: it owns the terminal, the stack of
// screens, the palette, the help, the questions, the toasts and the routing of
// messages. It imports no client: screens (package tui/screens) bring what they show.
//
// # A screen in one file
//
// Most screens are lists, and a list is data. This is a whole one; with one line in
// the palette of whoever wires the program it can be opened, filtered, sorted,
// marked, searched, copied, exported and read to its end while it is used:
//
//	// Tuples is the part of the Keto client that this screen uses.
//	type Tuples interface {
//		List(ctx context.Context, cursor string) (clients.Page[tuple.Tuple], error)
//		Delete(ctx context.Context, t tuple.Tuple) error
//	}
//
//	func NewTuples(c Tuples) tui.Screen {
//		var remove tui.Job
//		return tui.NewList(tui.Spec[tuple.Tuple]{
//			Title: "tuples",
//			ID:    tuple.Tuple.String,
//			Fetch: tui.Pages(c.List),
//			Columns: []tui.Column[tuple.Tuple]{
//				{Title: "NAMESPACE", Width: 12, Cell: func(t tuple.Tuple) string { return t.Namespace }},
//				{Title: "OBJECT", Width: 20, Flex: 1, Cell: func(t tuple.Tuple) string { return t.Object }},
//			},
//			Empty: "No relation tuples yet. a adds one.",
//			Actions: func(l *tui.List[tuple.Tuple]) []tui.Action {
//				return []tui.Action{{
//					Name: "remove", Keys: []string{"x"}, Help: "Remove the selected tuples.", Footer: 3,
//					Mutates: true, Why: l.NeedRow, Run: tui.Do(func() { confirmRemove(l, c, &remove) }),
//				}}
//			},
//		})
//	}
//
// A screen that is not a list implements Screen itself, mostly with one of the
// widgets of package widget and the keys that belong to it (DetailActions,
// TreeActions), and embeds the Host it gets in Init. NewPick and NewForm make the
// screens on which something is picked or typed before a write.
//
// # Rules
//
//   - Nothing blocks the loop. Go, Stream and Write run work beside it and call back
//     on it; there are no message types to define and no answers to match: an answer
//     that came too late, or for a screen that was closed, is never delivered.
//   - A write goes through Write, after Confirm showed exactly what will be written,
//     and registers an Undo where there is a way back.
//   - One write to many things goes through Bulk: it asks once, shows what became of
//     each, stops on Esc, and keeps what failed.
//   - What can be done is an Action. A key that is handled anywhere else is in no
//     footer, no help, no palette and no key reference.
//   - Strings of a server are cleaned by the widgets. Who draws by hand uses
//     clean.Line. The shell guards the terminal once more (clean.Frame).
//   - Nothing is said by colour alone.
//
// # Who gets a key
//
// The overlay, if one is open; then the reserved keys of the shell (":", "?",
// ctrl+c and the like); then the actions of the screen; then the other keys of the
// shell (esc, u, q); then Screen.Update. While Screen.Typing, keys that are text go
// to Screen.Update at once. Esc closes the innermost thing that is open: what the
// screen has open (Escaper), what is loading, the screen.
package tui
