package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"gatehouse/tui/clean"
)

// The window that the screens think they are drawn in. It is too narrow for two columns.
const (
	plainWidth  = 140
	plainHeight = 46
)

const (
	plainQuiet  = 200 * time.Millisecond // what has not changed for so long is told
	plainLatest = 2 * time.Second        // and what goes on changing, this often
	plainLine   = 8192                   // bytes of a line that are read
)

const plainIntro = "Type a key and Enter. An empty line opens what is selected. :name goes to a place, /words filters, ? lists the keys, screen reads everything again, quit ends."

// RunPlain runs the program for a screen reader: lines in, lines out. Nothing is drawn:
// no boxes, no table, no spinner, no colour and no cursor codes; each line says one
// thing, and what changes is told as new lines. It needs no terminal.
func RunPlain(ctx context.Context, a *App, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a.opts.Plain, a.env.Plain = true, true
	p := &plain{app: a, out: bufio.NewWriter(out), ctx: ctx, msgs: make(chan tea.Msg, 16), lines: make(chan string)}
	go p.read(in)
	fmt.Fprintln(p.out, plainIntro)
	p.send(tea.ColorProfileMsg{Profile: colorprofile.Ascii})
	p.send(tea.WindowSizeMsg{Width: plainWidth, Height: plainHeight})
	p.run(a.Init())
	return p.loop()
}

// plain is the program without a terminal.
type plain struct {
	app    *App
	out    *bufio.Writer
	ctx    context.Context
	msgs   chan tea.Msg
	lines  chan string
	told   []string // the lines of the screen as they were last told
	ended  bool
	inputs bool // the input has ended
}

// read takes the lines of the person off the loop. A line without an end is cut.
func (p *plain) read(in io.Reader) {
	defer close(p.lines)
	r := bufio.NewReaderSize(in, plainLine)
	for {
		line, more, err := r.ReadLine()
		if err != nil {
			return
		}
		text := string(line)
		for more && err == nil {
			_, more, err = r.ReadLine()
		}
		select {
		case p.lines <- text:
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *plain) loop() error {
	quiet := time.NewTimer(plainQuiet)
	defer quiet.Stop()
	var since time.Time // of the first change that was not told
	changed := func() {
		now := time.Now()
		if since.IsZero() {
			since = now
		}
		quiet.Reset(min(plainQuiet, max(0, plainLatest-now.Sub(since))))
	}
	for !p.ended {
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case msg := <-p.msgs:
			p.send(msg)
			changed()
		case line, ok := <-p.lines:
			if !ok { // the input has ended: what is on its way is still told
				p.lines, p.inputs = nil, true
				changed()
				continue
			}
			p.line(strings.TrimRight(line, "\r\n"))
			changed()
		case <-quiet.C:
			since = time.Time{}
			p.tell()
			if p.inputs && p.app.top().busy() == nil {
				return p.out.Flush()
			}
		}
	}
	return p.out.Flush()
}

// send gives the program a message, and does what of it is for the terminal.
func (p *plain) send(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.QuitMsg:
		p.ended = true
		return
	case tea.BatchMsg:
		for _, c := range msg {
			p.run(c)
		}
		return
	}
	switch name := reflect.TypeOf(msg).Name(); {
	case name == "setClipboardMsg":
		fmt.Fprintln(p.out, "To copy: "+clean.Line(fmt.Sprint(msg), 4000))
		return
	case name == "execMsg":
		p.app.say(noteBad, "another program cannot be opened here; use a command instead, such as gatehouse identities edit")
		return
	case ofTea(msg) && !isInput(msg):
		return
	}
	_, cmd := p.app.Update(msg)
	p.run(cmd)
}

func isInput(msg tea.Msg) bool {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg, tea.WindowSizeMsg, tea.ColorProfileMsg:
		return true
	}
	return false
}

// run does a command off the loop.
func (p *plain) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		if msg := cmd(); msg != nil {
			select {
			case p.msgs <- msg:
			case <-p.ctx.Done():
			}
		}
	}()
}

// line does what a line of the person says.
func (p *plain) line(text string) {
	switch word := strings.TrimSpace(text); {
	case word == "screen":
		p.told = nil
	case word == "quit" && !p.typing():
		p.press("ctrl+c")
	case word == "":
		p.press("enter")
	case p.keys(word):
	case p.typing():
		p.send(tea.PasteMsg{Content: text})
		p.press("enter")
	case word[0] == ':' || word[0] == '/':
		p.press(word[:1])
		p.press("ctrl+u")
		p.send(tea.PasteMsg{Content: word[1:]})
		p.press("enter")
	default:
		fmt.Fprintf(p.out, "%s is no key; ? lists the keys, :name goes to a place\n", clean.Line(word, 60))
	}
}

// typing is whether a line is text now.
func (p *plain) typing() bool {
	switch o := p.app.over.(type) {
	case nil:
		return p.app.top().screen.Typing()
	case *dialog:
		return o.input != nil
	default:
		return true
	}
}

var keyName = regexp.MustCompile(`^((ctrl|alt|shift)\+)*(enter|esc|tab|space|up|down|left|right|home|end|pgup|pgdown|backspace|delete|f[0-9]{1,2})$|^(ctrl|alt)\+.$`)

// keys presses the keys that a line names; false when it names none. While text is typed
// single letters are text.
func (p *plain) keys(line string) bool {
	words := strings.Fields(line)
	typing := p.typing()
	for _, w := range words {
		if !keyName.MatchString(w) && (typing || utf8.RuneCountInString(w) > 1) {
			return false
		}
	}
	for _, w := range words {
		p.press(w)
	}
	return true
}

func (p *plain) press(name string) { p.send(keyPress(name)) }

// keyPress is a keystroke by its name.
func keyPress(name string) tea.KeyPressMsg {
	var k tea.Key
	for {
		mod, rest, ok := strings.Cut(name, "+")
		if !ok || rest == "" {
			break
		}
		k.Mod |= map[string]tea.KeyMod{"ctrl": tea.ModCtrl, "alt": tea.ModAlt, "shift": tea.ModShift}[mod]
		name = rest
	}
	codes := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "space": tea.KeySpace, "up": tea.KeyUp, "down": tea.KeyDown,
		"left": tea.KeyLeft, "right": tea.KeyRight, "home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
		"backspace": tea.KeyBackspace, "delete": tea.KeyDelete, "f1": tea.KeyF1, "f5": tea.KeyF5}
	if code, ok := codes[name]; ok {
		k.Code = code
		if name == "space" {
			k.Text = " "
		}
		return tea.KeyPressMsg(k)
	}
	k.Code, _ = utf8.DecodeRuneInString(name)
	if k.Mod == 0 {
		k.Text = name
	}
	return tea.KeyPressMsg(k)
}

// tell says what is new on the screen.
func (p *plain) tell() {
	now := plainLines(p.app.View().Content)
	was := map[string]bool{}
	for _, l := range p.told {
		was[l] = true
		was[strings.TrimPrefix(l, plainCursor)] = true
	}
	for _, l := range now {
		// A line that is only not selected any more says nothing new.
		if !was[l] {
			fmt.Fprintln(p.out, l)
		}
	}
	p.told = now
	p.out.Flush() //nolint:errcheck // told by the flush at the end
}

// plainCursor stands before what is selected.
const plainCursor = "selected: "

// plainMarks are the marks of the screens in words.
var plainMarks = strings.NewReplacer("▸ ", plainCursor, "▸", plainCursor, "✓ ", "yes: ", "✓", "yes", "✗ ", "no: ", "✗", "no", "●", "up", "○", "down", "◌", "stale", "⏎", "enter", "›", "/", "·", ",", "→", "to", "←", "note:", "≠", "differs", "⊃", "includes", "∈", "in", "↑", "up", "↓", "down", "↑↓", "up or down", "•", "")

var (
	plainChosen = regexp.MustCompile(`selected:[, ]+`)
	plainGap    = regexp.MustCompile(`\s{2,}`)
	plainRule   = regexp.MustCompile(`[\x{2500}-\x{25ff}]+`) // box drawing, blocks and shapes
)

// plainLines are the lines of a frame without what only the eye needs.
func plainLines(frame string) []string {
	var out []string
	for line := range strings.SplitSeq(ansi.Strip(frame), "\n") {
		line = plainMarks.Replace(line)
		line = strings.TrimSpace(plainRule.ReplaceAllString(line, " "))
		line = plainGap.ReplaceAllString(line, ", ")
		line = plainChosen.ReplaceAllString(line, plainCursor)
		line = strings.TrimLeft(line, ", ")
		if line != "" && !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}
