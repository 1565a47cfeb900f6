package widget

import "gatehouse/tui/theme"

// Column says how to show and order one property of T.
type Column[T any] struct {
	Title string
	// Width is the width in cells; with Flex it is the least.
	Width int
	// Flex columns share what is left of the line, in proportion to Flex.
	Flex int
	// Drop says which columns go first when the line is too short: the highest
	// goes first, among equals the rightmost. The first column always stays.
	Drop int
	// Cell is the text as it is; the table cleans and cuts it.
	Cell func(T) string
	// Less orders rows by this column (negative: a before b); nil means by the text.
	Less func(a, b T) int
	// Tone colours single cells; the text must say the same without it.
	Tone func(T) theme.Tone
	// Right aligns numbers.
	Right bool
	// Hidden is known, and can be filtered by, but is shown only once it is chosen.
	Hidden bool
	// Words are what a filter compares "column:word" with, by their beginnings; nil
	// looks for the word anywhere in the cell. For a state: "suspended inactive".
	Words func(T) string
	// Order compares the value with what was typed behind < or > (negative: the value is
	// smaller); false says that it cannot be compared. nil compares numbers as numbers,
	// anything else as text.
	Order func(row T, text string) (int, bool)
	// Apart keeps the cells out of what a filter without a column looks at, where the
	// text is there already or costs much to make.
	Apart bool
}

// layout gives each column its width in w cells; 0 means dropped. Two cells in
// front and one between columns are taken off by the table before.
func layout[T any](cols []Column[T], w int) []int {
	widths := make([]int, len(cols))
	need, flex := 0, 0
	for i, c := range cols {
		if c.Hidden {
			continue
		}
		widths[i] = max(1, c.Width)
		need += widths[i] + 1
		flex += c.Flex
	}
	for need-1 > w {
		i := firstToGo(cols, widths)
		if i < 0 {
			break
		}
		need -= widths[i] + 1
		flex -= cols[i].Flex
		widths[i] = 0
	}
	if len(cols) > 0 && need-1 > w { // only the first is left
		widths[0] = max(0, w)
		return widths
	}
	need, flex = refill(cols, widths, w, need, flex)
	share(cols, widths, w-(need-1), flex)
	return widths
}

func firstToGo[T any](cols []Column[T], widths []int) int {
	at := -1
	for i := 1; i < len(cols); i++ {
		if widths[i] > 0 && (at < 0 || cols[i].Drop >= cols[at].Drop) {
			at = i
		}
	}
	return at
}

// refill takes back what fits after all: a wide column that went may leave room for a
// narrow one that went before it. The most important come first.
func refill[T any](cols []Column[T], widths []int, w, need, flex int) (int, int) {
	for {
		at := -1
		for i, c := range cols {
			if widths[i] == 0 && !c.Hidden && need+max(1, c.Width) <= w && (at < 0 || c.Drop < cols[at].Drop) {
				at = i
			}
		}
		if at < 0 {
			return need, flex
		}
		widths[at] = max(1, cols[at].Width)
		need += widths[at] + 1
		flex += cols[at].Flex
	}
}

// share gives the spare cells to the flexible columns that are still there.
func share[T any](cols []Column[T], widths []int, spare, flex int) {
	for i, c := range cols {
		if widths[i] == 0 || c.Flex == 0 || flex == 0 {
			continue
		}
		part := spare * c.Flex / flex
		widths[i] += part
		spare -= part
		flex -= c.Flex
	}
}
