package cmd

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"gatehouse/stack/stacktest/faultproxy"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// walkStates are how the back ends are while a screen is walked.
var walkStates = []struct {
	name string
	mode faultproxy.Mode
}{{"data", faultproxy.Pass}, {"empty", faultproxy.Empty}, {"loading", faultproxy.Slow}, {"failed", faultproxy.Broken}, {"hostile", faultproxy.Hostile}, {"huge", faultproxy.Huge}}

var walkSizes = [][2]int{{1, 1}, {20, 4}, {20, 5}, {80, 24}, {200, 60}}

var walkLooks = []tea.Msg{tea.BackgroundColorMsg{Color: color.Black}, tea.BackgroundColorMsg{Color: color.White}, tea.ColorProfileMsg{Profile: colorprofile.Ascii}}

// walkOverlays are the keys that lay something over a screen.
var walkOverlays = [][]string{nil, {"f1"}, {"ctrl+p"}}

// Every screen over the real servers, with data, with empty lists, while nothing answers,
// when everything fails, and with hostile and huge text in every string: at each size, on
// each kind of terminal, with the help and the palette over it. No panic, no line too
// wide, no line too many; not one byte of theirs that a terminal would obey; no secret.
func TestEveryScreenAtEverySizeInEveryState(t *testing.T) {
	info := walkStack(t)
	for _, state := range walkStates {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, info)
			w.set(state.mode)
			shown := 0
			for _, s := range everyScreen {
				if w.one(t, s.made, s.open(w.console, w.objects), state.mode) {
					shown++
				}
			}
			if state.mode == faultproxy.Hostile && shown < len(everyScreen)/3 {
				t.Errorf("only %d of %d screens showed hostile text: the walk looks at nothing", shown, len(everyScreen))
			}
			if state.mode == faultproxy.Hostile {
				t.Logf("%d of %d screens showed the hostile text", shown, len(everyScreen))
			}
		})
	}
}

// one walks one screen; true when it showed hostile text.
func (w *walk) one(t *testing.T, made string, root tui.Screen, mode faultproxy.Mode) bool {
	t.Helper()
	var files exported
	r := tuitest.NewRig(t, w.app(t.Context(), root, func(o *tui.Options) { o.Export = files.take }), 120, 40)
	if mode == faultproxy.Slow {
		r.Rest(50 * time.Millisecond)
	} else {
		r.Rest(400 * time.Millisecond)
	}
	hostile := false
	look := func(where string, size [2]int) {
		view := r.View()
		hostile = hostile || strings.Contains(view, faultproxy.Mark)
		if fault := r.Fault(size[0], size[1]); fault != "" {
			t.Errorf("%s %s: %s", made, where, fault)
		}
		w.clean(t, made+" "+where, view)
	}
	for _, l := range walkLooks {
		r.Send(l)
		for _, size := range walkSizes {
			r.Send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			for _, over := range walkOverlays {
				r.Press(over...)
				look(fmt.Sprintf("%dx%d %v", size[0], size[1], over), size)
				if over != nil {
					r.Press("esc")
				}
			}
		}
	}
	if c, ok := r.Model.(interface{ Check() []string }); ok {
		for _, fault := range c.Check() {
			t.Error(fault)
		}
	}
	if mode == faultproxy.Hostile { // what is exported, and the request log
		r.Press("E")
		r.Rest(30 * time.Millisecond)
		r.Press("enter")
		r.Rest(100 * time.Millisecond)
		look("after its export", walkSizes[len(walkSizes)-1])
		for name, data := range files.all() {
			w.clean(t, made+" file name", name)
			if bad := regexp.MustCompile(`[^A-Za-z0-9._ =äöüé-]`).FindString(name); bad != "" {
				t.Errorf("%s: %q in the name of a file: %q", made, bad, name)
			}
			w.clean(t, made+" file "+name, data)
		}
	}
	return hostile
}

// exported are the files that a walk wrote.
type exported struct {
	mu    sync.Mutex
	files map[string]string
}

func (e *exported) take(name string, write func(io.Writer) error) (string, error) {
	var b bytes.Buffer
	err := write(&b)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.files == nil {
		e.files = map[string]string{}
	}
	e.files[name] = b.String()
	return "/tmp/" + name, err
}

func (e *exported) all() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.files
}

var ownStyles = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// clean fails when a text holds a byte that a terminal would obey, other than styles of
// ours and line feeds, or a secret.
func (w *walk) clean(t *testing.T, where, text string) {
	t.Helper()
	if strings.Contains(text, faultproxy.Theirs) {
		t.Errorf("%s: styles of a server reach the terminal", where)
	}
	if !utf8.ValidString(text) {
		t.Errorf("%s: it is no UTF-8", where)
	}
	bad := strings.IndexFunc(ownStyles.ReplaceAllString(text, ""), func(r rune) bool {
		return r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200b || r == 0x200e || r == 0x200f || r == 0xfeff
	})
	if bad >= 0 {
		plain := ownStyles.ReplaceAllString(text, "")
		t.Errorf("%s: %q reaches the terminal", where, plain[bad:min(len(plain), bad+12)])
	}
	secrets := slices.Clone(w.secrets)
	for _, p := range w.proxies {
		secrets = append(secrets, p.Credentials()...)
	}
	for _, s := range secrets {
		if len(s) > 5 && strings.Contains(text, s) {
			t.Errorf("%s: a secret is shown", where)
		}
	}
	for _, s := range []string{"hashed_password", "$2a$", "$argon2"} {
		if strings.Contains(text, s) {
			t.Errorf("%s: %s is shown", where, s)
		}
	}
}
