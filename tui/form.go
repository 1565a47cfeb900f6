package tui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/widget"
)

// FormSpec is a screen with fields to fill in. Esc asks before it throws input
// away; while it writes the keys are off; when the server refuses, the input stays
// and its complaints (Failure.Fields) stand beside the fields.
type FormSpec struct {
	Title string
	// Lead is one line above the fields.
	Lead   string
	Fields []FormField
	// Review says exactly what would be written, for the question before it; an
	// error is shown instead ("relation is empty"). nil asks nothing. Title and Verb
	// have defaults; Yes is the form's own.
	Review func(values map[string]string) (Question, error)
	// Asks says that the form only asks and writes nothing, so that it works in a
	// read-only context as well.
	Asks bool
	// What names the write in messages: "create the identity".
	What string
	// Submit writes, off the loop.
	Submit func(ctx context.Context, values map[string]string) error
	// Done runs on the loop after success; the form has closed itself by then.
	Done func(values map[string]string)
}

// FormField is one input of a form.
type FormField struct {
	// Name is its key in the values and in Failure.Fields, where the last part of a
	// path ("/traits/email") is enough.
	Name  string
	Label string
	// Help stands under the field while it has the focus.
	Help  string
	Value string
	// Secret hides what is typed.
	Secret bool
	// Choices makes it a choice between fixed values.
	Choices []string
	// Complete gives completions; it must not do I/O.
	Complete func(text string) []widget.Completion
	// Check refuses a value as it is typed; empty means fine.
	Check func(value string) string
	// Required refuses an empty value.
	Required bool
}

// NewForm makes the screen; push it.
func NewForm(spec FormSpec) Screen {
	f := &formScreen{spec: spec, inputs: make([]*widget.Input, len(spec.Fields)), errs: map[string]string{}}
	for i, field := range spec.Fields {
		in := widget.NewInput("")
		in.SetValue(field.Value)
		in.Complete = field.Complete
		in.Secret(field.Secret)
		in.Blur()
		f.inputs[i] = in
	}
	f.focus(0)
	return f
}

type formScreen struct {
	Host
	spec   FormSpec
	inputs []*widget.Input
	errs   map[string]string // by field name, from the server or from a failed submit
	at     int               // the field with the focus
	top    int
	write  Job
}

func (f *formScreen) Title() string       { return f.spec.Title }
func (f *formScreen) Typing() bool        { return true }
func (f *formScreen) Close()              {}
func (f *formScreen) Init(h Host) tea.Cmd { f.Host = h; return nil }
func (f *formScreen) Escape() bool        { return f.current() != nil && f.current().Escape() }
func (f *formScreen) current() *widget.Input {
	if f.at < len(f.inputs) {
		return f.inputs[f.at]
	}
	return nil
}

// Leave asks when something was typed that is not written.
func (f *formScreen) Leave() string {
	for i, field := range f.spec.Fields {
		if f.inputs[i].Value() != field.Value {
			return "Leave the form? What was typed is lost."
		}
	}
	return ""
}

func (f *formScreen) values() map[string]string {
	v := make(map[string]string, len(f.inputs))
	for i, field := range f.spec.Fields {
		v[field.Name] = f.inputs[i].Value()
	}
	return v
}

func (f *formScreen) focus(at int) {
	if c := f.current(); c != nil {
		c.Blur()
	}
	if n := len(f.inputs); n > 0 {
		f.at = (at%n + n) % n
		f.inputs[f.at].Focus()
	}
}

func (f *formScreen) Actions() []Action {
	busy := func() string {
		if f.write.Busy() {
			return "it is being written"
		}
		return ""
	}
	move := func(name string, n int, keys ...string) Action {
		return Action{Name: name, Keys: keys, Group: groupMove, Help: "Go to the " + name + ".", Run: Do(func() { f.focus(f.at + n) })}
	}
	next := move("next field", 1, "tab", "down")
	next.Footer = 2
	if c := f.current(); c != nil && c.Busy() { // the dropdown takes tab and the arrows
		next.Keys = []string{"ctrl+n"}
	}
	save := Action{Name: "save", Keys: []string{"ctrl+s"}, Footer: 1, Mutates: true, Why: busy, Run: Do(f.submit), Help: "Show what will be written, and write it."}
	if f.spec.Asks {
		save.Name, save.Mutates, save.Help = "ask", false, "Ask with what was typed."
	}
	return []Action{
		save,
		next,
		move("previous field", -1, "shift+tab"),
	}
}

func (f *formScreen) Update(msg tea.Msg) tea.Cmd {
	in := f.current()
	if in == nil || f.write.Busy() {
		return nil
	}
	field := f.spec.Fields[f.at]
	if len(field.Choices) > 0 {
		f.choose(field, msg)
		return nil
	}
	switch in.Update(msg) {
	case widget.Edited:
		delete(f.errs, field.Name)
	case widget.Accepted:
		if f.at == len(f.inputs)-1 {
			f.submitByKey()
		} else {
			f.focus(f.at + 1)
		}
	case widget.Ignored:
		if key, ok := msg.(tea.KeyPressMsg); ok && key.String() == "up" {
			f.focus(f.at - 1)
		}
	}
	return nil
}

// submitByKey is enter on the last field, which is refused like ctrl+s is.
func (f *formScreen) submitByKey() {
	act := f.Actions()[0]
	f.own().app.run(f.own(), &act)
}

// choose moves between fixed values.
func (f *formScreen) choose(field FormField, msg tea.Msg) {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return
	}
	n := len(field.Choices)
	at := slices.Index(field.Choices, f.inputs[f.at].Value())
	switch key.String() {
	case "right", "space", " ":
		at = (at + 1) % n
	case "left":
		at = (max(at, 0) + n - 1) % n
	case "up":
		f.focus(f.at - 1)
		return
	case "enter":
		if f.at == len(f.inputs)-1 {
			f.submitByKey()
		} else {
			f.focus(f.at + 1)
		}
		return
	default:
		for i, c := range field.Choices { // the first letter chooses
			if key.Text != "" && strings.HasPrefix(strings.ToLower(c), strings.ToLower(key.Text)) {
				at = i
				break
			}
		}
	}
	if at >= 0 {
		f.inputs[f.at].SetValue(field.Choices[at])
		delete(f.errs, field.Name)
	}
}

// complaint is what is wrong with a field now, or empty.
func (f *formScreen) complaint(i int) string {
	field, value := f.spec.Fields[i], f.inputs[i].Value()
	if e := f.errs[field.Name]; e != "" {
		return e
	}
	if field.Check != nil && value != "" {
		return field.Check(value)
	}
	return ""
}

// submit checks the fields, shows what will be written, and writes it.
func (f *formScreen) submit() {
	clear(f.errs) // what the server said last time may be different now
	for i, field := range f.spec.Fields {
		if field.Required && strings.TrimSpace(f.inputs[i].Value()) == "" {
			f.errs[field.Name] = "is needed"
		}
		if e := f.complaint(i); e != "" {
			f.focus(i)
			f.own().app.say(noteBad, orText(field.Label, field.Name)+": "+e)
			return
		}
	}
	values := f.values()
	if f.spec.Review == nil {
		f.send(values)
		return
	}
	q, err := f.spec.Review(values)
	if err != nil {
		f.Fail(err)
		return
	}
	if q.Title == "" {
		q.Title = "Write this?"
	}
	if q.Verb == "" {
		q.Verb = "write"
	}
	q.Yes = func() { f.send(values) }
	f.Confirm(q)
}

func (f *formScreen) send(values map[string]string) {
	submit := func(ctx context.Context) (struct{}, error) { return struct{}{}, f.spec.Submit(ctx, values) }
	done := func(_ struct{}, err error) {
		if err != nil {
			f.refused(err)
			return
		}
		f.Pop()
		if f.spec.Done != nil {
			f.spec.Done(values)
		}
	}
	if f.spec.Asks {
		Go(f, &f.write, 0, submit, done)
		return
	}
	Write(f, &f.write, orText(f.spec.What, f.spec.Title), 0, submit, done)
}

// refused puts the complaints of the server beside the fields they are about.
func (f *formScreen) refused(err error) {
	first := -1
	for path, message := range f.Env().Explain(err).Fields {
		for i, field := range f.spec.Fields {
			if field.Name == path || lastPart(field.Name) == lastPart(path) {
				f.errs[field.Name] = message
				if first < 0 || i < first {
					first = i
				}
			}
		}
	}
	if first >= 0 {
		f.focus(first)
	}
	f.Fail(err)
}

func lastPart(path string) string { return path[strings.LastIndexAny(path, "/.")+1:] }
