package screens

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// HomePlace is a place that one can go to from Home, with how much is there.
type HomePlace struct {
	Name string
	// Count says how much is there: "42", and a note such as "in 4 namespaces"; nil
	// when there is nothing to count. It runs off the loop.
	Count func(ctx context.Context) (number, note string, err error)
	// Open makes the screen; nil when the back end is not configured.
	Open func() tui.Screen
	// Off says why it cannot be opened: "no keto in context dev".
	Off string
}

// HomeSpec is what Home is made of; every part may be missing.
type HomeSpec struct {
	Places  []HomePlace
	Tickets []Ticket
	// OpenTicket opens a ticket.
	OpenTicket func(Ticket) tui.Screen
	// Check opens the question screen on a relation tuple; nil without Keto.
	Check func(question string) tui.Screen
	// Find opens the list of people who match a name, an e-mail or an id; nil
	// without Kratos.
	Find func(words string) tui.Screen
	// Complete suggests how a question may go on.
	Complete func(text string) []widget.Completion
	// Words knows the relations and the objects that a sentence can mean.
	Words *Vocabulary
	// People finds who may be meant by a name, an e-mail or an id; Person opens one of
	// them. Both are nil where there is nobody to ask.
	People func(ctx context.Context, words string) ([]person.Hit, error)
	Person func(person.Hit) tui.Screen
	// WhoCan and Tuples open what a set or an object means; nil without Keto.
	WhoCan func(tuple.Set) tui.Screen
	Tuples func(tuple.Query) tui.Screen
	// WhyLogin asks why a user does not get into a client; nil without Keycloak.
	WhyLogin func(user, client string) tui.Screen
	// History is what was asked before, oldest first; Remember is called with what is
	// asked now, and may be nil.
	History  []string
	Remember func(line string)
}

// homeTimeout bounds the counting of one place.
const homeTimeout = 5 * time.Second

// Home is where the console starts: one line to ask in, the tickets that wait,
// the places to go to, and how the back ends are.
type Home struct {
	spec   HomeSpec
	host   tui.Host
	line   *homeLine
	counts []homeCount
	jobs   []tui.Job
	cursor int // tickets first, then places
	top    int // the first ticket that is shown
	at     []homeAt
}

// homeAt is where an item was drawn.
type homeAt struct{ y, from, to, item int }

type homeCount struct {
	number, note string
	failed       string
	done         bool
}

// NewHome makes the screen.
func NewHome(spec HomeSpec) *Home {
	h := &Home{spec: spec, counts: make([]homeCount, len(spec.Places)), jobs: make([]tui.Job, len(spec.Places))}
	h.line = newHomeLine(&h.spec)
	return h
}

// Title is the crumb.
func (h *Home) Title() string { return "home" }

// Init starts counting.
func (h *Home) Init(host tui.Host) tea.Cmd {
	h.host, h.line.host = host, host
	h.load()
	return nil
}

// Resume counts again: what was opened from here may have changed something.
func (h *Home) Resume() { h.load() }

// Close has nothing to do: the shell cancels the jobs.
func (h *Home) Close() {}

// Typing is true while the line is typed in.
func (h *Home) Typing() bool { return h.line.input.Focused() }

// Escape leaves the line.
func (h *Home) Escape() bool {
	if h.line.input.Escape() {
		return true
	}
	if h.line.input.Focused() {
		h.line.input.Blur()
		return true
	}
	return false
}

func (h *Home) load() {
	for i, p := range h.spec.Places {
		if p.Count == nil || p.Open == nil || h.jobs[i].Busy() {
			continue
		}
		tui.Go(h.host, &h.jobs[i], homeTimeout, func(ctx context.Context) (homeCount, error) {
			n, note, err := p.Count(ctx)
			return homeCount{number: n, note: note, done: true}, err
		}, func(c homeCount, err error) {
			if err != nil {
				// The last number stays: a place does not become empty because its server went away.
				c = homeCount{number: h.counts[i].number, note: h.counts[i].note, failed: h.host.Env().Explain(err).Why, done: true}
			}
			h.counts[i] = c
		})
	}
}

func (h *Home) items() int { return len(h.spec.Tickets) + len(h.spec.Places) }

func (h *Home) move(by int) { h.cursor = max(0, min(h.cursor+by, h.items()-1)) }

// column jumps between the tickets and the places.
func (h *Home) column() {
	switch t := len(h.spec.Tickets); {
	case t == 0 || len(h.spec.Places) == 0:
	case h.cursor < t:
		h.cursor = t
	default:
		h.cursor = 0
	}
}

// Actions are those of Home.
func (h *Home) Actions() []tui.Action {
	if h.Typing() {
		return []tui.Action{{Name: "go", Keys: []string{"enter"}, Footer: 1, Help: "Do what the line was understood as.", Run: tui.Do(h.accept)}}
	}
	return []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Help: "Open the ticket or the place under the cursor.", Why: h.closed, Run: tui.Do(h.open)},
		{Name: "ask", Keys: []string{"/", "i"}, Footer: 2, Help: "Type a name, an e-mail, an id, or a question as a relation tuple.", Run: tui.Do(h.line.focus)},
		{Name: "tickets or places", Keys: []string{"tab", "left", "right"}, Footer: 3, Help: "Jump between the tickets and the places.", Run: tui.Do(h.column)},
		{Name: "reload", Keys: []string{"ctrl+r"}, Footer: 4, Help: "Count again and ask the back ends how they are.", Run: tui.Do(func() { h.load(); h.host.Env().Recheck() })},
		{Name: "up", Keys: []string{"up", "k"}, Help: "Go up.", Run: tui.Do(func() { h.move(-1) })},
		{Name: "down", Keys: []string{"down", "j"}, Help: "Go down.", Run: tui.Do(func() { h.move(1) })},
	}
}

// closed is why the item under the cursor cannot be opened.
func (h *Home) closed() string {
	if i := h.cursor - len(h.spec.Tickets); i >= 0 && i < len(h.spec.Places) && h.spec.Places[i].Open == nil {
		return h.spec.Places[i].Off
	}
	if h.items() == 0 {
		return "there is nothing to open"
	}
	return ""
}

func (h *Home) open() {
	if h.cursor < len(h.spec.Tickets) {
		h.host.Push(h.spec.OpenTicket(h.spec.Tickets[h.cursor]))
		return
	}
	h.host.Push(h.spec.Places[h.cursor-len(h.spec.Tickets)].Open())
}

// accept does what the line was understood as.
func (h *Home) accept() {
	if to, ok := h.line.accept(); ok {
		h.host.Push(to)
	}
}

// Update takes what is typed.
func (h *Home) Update(msg tea.Msg) tea.Cmd {
	if h.line.input.Focused() {
		h.line.typed(msg)
		return nil
	}
	if n := tui.Wheel(msg); n != 0 {
		h.move(n)
	}
	if click, ok := msg.(tea.MouseClickMsg); ok {
		h.click(click)
	}
	return nil
}

// click opens what is under the mouse on the second click; the first puts the cursor
// there, or into the line.
func (h *Home) click(click tea.MouseClickMsg) {
	if click.Y == 1 {
		h.line.focus()
		return
	}
	for _, at := range h.at {
		if at.y == click.Y && click.X >= at.from && click.X < at.to {
			if h.cursor == at.item && h.closed() == "" {
				h.open()
			}
			h.cursor = at.item
			return
		}
	}
}

// View is the line, the tickets, the places, and what is wrong.
func (h *Home) View(w, height int) string {
	th := h.host.Env().Theme
	lines := []string{th.Strong.Render(clean.Line("What would you like to know?", w))}
	lines = append(lines, h.line.view(th, w, height)...)
	lines = append(lines, "")
	h.at = h.at[:0]
	room := height - len(lines) - len(h.troubles())
	if w >= 90 && !h.host.Env().Plain && len(h.spec.Tickets) > 0 {
		left := w / 2
		tickets := h.viewTickets(th, left-3, room)
		h.place(len(lines), 0, left, h.top, max(0, len(tickets)-1))
		h.place(len(lines), left, w, len(h.spec.Tickets), len(h.spec.Places))
		lines = append(lines, beside(tickets, h.viewPlaces(th, w-left), left)...)
	} else {
		places := h.viewPlaces(th, w)
		tickets := h.viewTickets(th, w, room-len(places)-1)
		h.place(len(lines), 0, w, h.top, max(0, len(tickets)-1))
		lines = append(lines, tickets...)
		if len(h.spec.Tickets) > 0 {
			lines = append(lines, "")
		}
		h.place(len(lines), 0, w, len(h.spec.Tickets), len(h.spec.Places))
		lines = append(lines, places...)
	}
	for _, t := range h.troubles() {
		lines = append(lines, th.Bad.Render(clean.Line(t, w)))
	}
	return strings.Join(lines[:min(len(lines), max(0, height))], "\n")
}

// place remembers where n items, from the first on, are drawn below a heading, for the
// mouse.
func (h *Home) place(heading, from, to, first, n int) {
	for i := range n {
		h.at = append(h.at, homeAt{y: heading + 1 + i, from: from, to: to, item: first + i})
	}
}

// troubles are the back ends that do not answer and what could not be counted, one
// line each.
func (h *Home) troubles() []string {
	var out []string
	for _, b := range h.host.Env().Health {
		if b.State == tui.StateDown {
			out = append(out, theme.MarkDown+" "+b.Name+" does not answer: "+b.Why)
		}
	}
	for i, c := range h.counts {
		if c.failed != "" {
			out = append(out, theme.MarkUnknown+" "+h.spec.Places[i].Name+": "+c.failed)
		}
	}
	if len(out) > 0 {
		out = append([]string{""}, out...)
	}
	return out
}

func (h *Home) viewTickets(th *theme.Theme, w, room int) []string {
	n := len(h.spec.Tickets)
	if n == 0 || room < 2 {
		return nil
	}
	visible := min(n, room-1)
	h.top = max(0, min(h.top, h.cursor, n-visible))
	if h.cursor < n {
		h.top = max(h.top, h.cursor-visible+1)
	}
	title := th.Strong.Render("Tickets")
	if visible < n {
		title += th.Dim.Render("  " + count(n, "ticket") + ", ↓ for more")
	}
	lines := []string{title}
	for i := h.top; i < h.top+visible; i++ {
		t := h.spec.Tickets[i]
		text := widget.PadLeft(t.ID, 2) + "  " + widget.Pad(clean.Line(t.Title, max(1, w-17)), max(0, w-17))
		lines = append(lines, h.row(th, i == h.cursor, text, widget.PadLeft(t.System, 10), w))
	}
	return lines
}

func (h *Home) viewPlaces(th *theme.Theme, w int) []string {
	lines := []string{th.Strong.Render("Places")}
	for i, p := range h.spec.Places {
		c := h.counts[i]
		number, note := c.number, c.note
		switch {
		case p.Open == nil:
			number, note = none, p.Off
		case c.failed != "" && number != "":
			number, note = number+" "+theme.MarkStale, "as of before: "+c.failed
		case c.failed != "":
			number, note = theme.MarkUnknown, c.failed
		case p.Count != nil && !c.done:
			number, note = "…", ""
		}
		text := widget.Pad(p.Name, min(16, max(0, w-2))) + widget.PadLeft(number, min(8, max(0, w-18)))
		lines = append(lines, h.row(th, i+len(h.spec.Tickets) == h.cursor, text, "  "+note, w))
	}
	return lines
}

// row is one line with the cursor's mark, a text and a dim end, at most w cells.
func (h *Home) row(th *theme.Theme, chosen bool, text, end string, w int) string {
	lead := "  "
	if chosen && !h.Typing() {
		lead = theme.MarkCursor + " "
	}
	text = clean.Line(text, max(1, w-2))
	end = clean.Line(end, max(1, w-2-widget.Width(text)))
	if widget.Width(text)+2 >= w {
		end = ""
	}
	if chosen && !h.Typing() {
		return th.Accent.Render(lead) + th.Selected.Render(text) + th.Dim.Render(end)
	}
	return lead + text + th.Dim.Render(end)
}

// beside puts two blocks of lines next to each other, the right one at column at.
func beside(left, right []string, at int) []string {
	var out []string
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		out = append(out, l+strings.Repeat(" ", max(0, at-widget.Width(l)))+r)
	}
	return out
}
