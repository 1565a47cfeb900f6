package tui

import (
	"context"
	"slices"
	"strings"
	"time"

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
	// Shape gives the fields anew for what is typed so far, so that a list can grow while
	// it is filled in; nil keeps Fields. It gets the values of all fields there ever
	// were: what was typed into one that goes is kept for when it comes back. No I/O.
	Shape func(values map[string]string) []FormField
	// Check looks at all values together, by the names of the fields, whenever one was
	// changed. What it complains about stands beside a field that was changed, and
	// beside every field once saving was tried. It may be nil. No I/O.
	Check func(values map[string]string) map[string]string
	// Review says exactly what would be written, for the question before it; an
	// error is shown instead ("relation is empty"). nil asks nothing. Title and Verb
	// have defaults; Yes is the form's own.
	Review func(values map[string]string) (Question, error)
	// Asks says that the form only asks and writes nothing, so that it works in a
	// read-only context as well.
	Asks bool
	// What names the write in messages: "create the identity".
	What string
	// Timeout is the deadline of Submit (0: the usual one of a question or a write).
	Timeout time.Duration
	// Submit writes, off the loop.
	Submit func(ctx context.Context, values map[string]string) error
	// Refused may take over when Submit failed, on the loop: true says that it did, and
	// the form stays as it is. f is the form, whose Pop closes it. It may be nil.
	Refused func(f Host, err error) bool
	// Done runs on the loop after success; the form has closed itself by then.
	Done func(values map[string]string)
}

// FormField is one input of a form.
type FormField struct {
	// Name is its key in the values and in Failure.Fields, where the last part of a
	// path ("/traits/email") is enough.
	Name  string
	Label string
	// Section is the heading above it; fields of one section stand together.
	Section string
	// Item names the part of a list that it belongs to, such as "/traits/phones/2": one
	// key empties all fields of a part.
	Item string
	// JSON says that the value is JSON: an editor shows it over several lines.
	JSON bool
	// Placeholder is shown, dim, while the field is empty.
	Placeholder string
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
	f := &formScreen{spec: spec, inputs: map[string]*formInput{}, errs: map[string]string{}}
	f.reshape()
	f.focus(0)
	return f
}

type formScreen struct {
	Host
	spec   FormSpec
	fields []FormField
	inputs map[string]*formInput // by field name, also of fields that are not shown now
	errs   map[string]string     // by field name, from the server or from a failed submit
	wrong  map[string]string     // likewise, from Check
	tried  bool                  // saving was tried: every complaint is shown
	at     int                   // the field with the focus
	top    int
	write  Job
	editor Job
}

func (f *formScreen) Title() string       { return f.spec.Title }
func (f *formScreen) Typing() bool        { return true }
func (f *formScreen) Close()              {}
func (f *formScreen) Init(h Host) tea.Cmd { f.Host = h; f.check(); return nil }
func (f *formScreen) Escape() bool        { return f.current() != nil && f.current().Escape() }
func (f *formScreen) current() *formInput {
	if f.at < len(f.fields) {
		return f.inputs[f.fields[f.at].Name]
	}
	return nil
}

// reshape asks for the fields and makes inputs of new ones. The focus stays on its field.
func (f *formScreen) reshape() {
	at := ""
	if f.at < len(f.fields) {
		at = f.fields[f.at].Name
	}
	f.fields = f.spec.Fields
	if f.spec.Shape != nil {
		all := map[string]string{}
		for name, in := range f.inputs {
			all[name] = in.text()
		}
		f.fields = f.spec.Shape(all)
	}
	for i, field := range f.fields {
		if f.inputs[field.Name] == nil {
			f.inputs[field.Name] = newFormInput(field)
		}
		if field.Name == at {
			f.at = i
		}
	}
	f.at = max(0, min(f.at, len(f.fields)-1))
	if c := f.current(); c != nil && !c.Focused() {
		c.Focus()
	}
}

// changed is called after a value was changed.
func (f *formScreen) changed(name string) {
	delete(f.errs, name)
	f.reshape()
	f.check()
}

func (f *formScreen) check() {
	if f.spec.Check != nil {
		f.wrong = f.spec.Check(f.values())
	}
}

// Leave asks when something was typed that is not written.
func (f *formScreen) Leave() string {
	for _, in := range f.inputs {
		if in.text() != in.first {
			return "Leave the form? What was typed is lost."
		}
	}
	return ""
}

func (f *formScreen) values() map[string]string {
	v := make(map[string]string, len(f.fields))
	for _, field := range f.fields {
		v[field.Name] = f.inputs[field.Name].text()
	}
	return v
}

func (f *formScreen) focus(at int) {
	if c := f.current(); c != nil {
		c.Blur()
	}
	if n := len(f.fields); n > 0 {
		f.at = (at%n + n) % n
		f.current().Focus()
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
	acts := []Action{
		save,
		next,
		move("previous field", -1, "shift+tab"),
	}
	if f.at < len(f.fields) && f.fields[f.at].Item != "" {
		acts = append(acts, Action{Name: "remove item", Keys: []string{"ctrl+x"}, Footer: 4, Why: busy, Run: Do(f.removeItem),
			Help: "Empty all fields of this part of the list, which takes it out."})
	}
	if !f.spec.Asks {
		acts = append(acts, f.editAction(busy))
	}
	return acts
}

// removeItem empties the part of a list in which the focus is.
func (f *formScreen) removeItem() {
	item := f.fields[f.at].Item
	for _, field := range f.fields {
		if field.Item == item || strings.HasPrefix(field.Item, item+"/") {
			f.inputs[field.Name].set("")
			delete(f.errs, field.Name)
		}
	}
	f.changed(f.fields[f.at].Name)
}

func (f *formScreen) Update(msg tea.Msg) tea.Cmd {
	in := f.current()
	if in == nil || f.write.Busy() {
		return nil
	}
	field := f.fields[f.at]
	if len(field.Choices) > 0 {
		f.choose(field, msg)
		return nil
	}
	switch in.update(msg) {
	case widget.Edited:
		f.changed(field.Name)
	case widget.Accepted:
		f.onward()
	case widget.Ignored:
		if key, ok := msg.(tea.KeyPressMsg); ok && key.String() == "up" {
			f.focus(f.at - 1)
		}
	}
	return nil
}

// onward is enter: to the next field, and from the last one to the question.
func (f *formScreen) onward() {
	if f.at == len(f.fields)-1 {
		f.submitByKey()
		return
	}
	f.focus(f.at + 1)
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
	at := slices.Index(field.Choices, f.current().text())
	switch key.String() {
	case "right", "space", " ":
		at = (at + 1) % n
	case "left":
		at = (max(at, 0) + n - 1) % n
	case "up":
		f.focus(f.at - 1)
		return
	case "enter":
		f.onward()
		return
	default:
		for i, c := range field.Choices { // the first letter chooses
			if key.Text != "" && strings.HasPrefix(strings.ToLower(c), strings.ToLower(key.Text)) {
				at = i
				break
			}
		}
	}
	if at >= 0 && field.Choices[at] != f.current().text() {
		f.current().set(field.Choices[at])
		f.changed(field.Name)
	}
}

// complaint is what is wrong with a field now, or empty.
func (f *formScreen) complaint(i int) string {
	field := f.fields[i]
	in := f.inputs[field.Name]
	value := in.text()
	if e := f.errs[field.Name]; e != "" {
		return e
	}
	if field.Check != nil && value != "" {
		if e := field.Check(value); e != "" {
			return e
		}
	}
	if f.tried || value != in.first {
		return f.wrong[field.Name]
	}
	return ""
}

// submit checks the fields, shows what will be written, and writes it.
func (f *formScreen) submit() {
	clear(f.errs) // what the server said last time may be different now
	f.tried = true
	f.check()
	for i, field := range f.fields {
		if field.Required && strings.TrimSpace(f.inputs[field.Name].text()) == "" {
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
			if f.spec.Refused == nil || !f.spec.Refused(f, err) {
				f.refused(err)
			}
			return
		}
		f.Pop()
		if f.spec.Done != nil {
			f.spec.Done(values)
		}
	}
	if f.spec.Asks {
		Go(f, &f.write, f.spec.Timeout, submit, done)
		return
	}
	Write(f, &f.write, orText(f.spec.What, f.spec.Title), f.spec.Timeout, submit, done)
}

// refused puts the complaints of the server beside the fields they are about.
func (f *formScreen) refused(err error) {
	first := -1
	for path, message := range f.Env().Explain(err).Fields {
		if i := f.fieldOf(path); i >= 0 {
			f.errs[f.fields[i].Name] = message
			if first < 0 || i < first {
				first = i
			}
		}
	}
	if first >= 0 {
		f.focus(first)
	}
	f.Fail(err)
}

// fieldOf finds the field that a complaint is about: the one with that path, the first
// below it, the one that it is a part of, or the only one with that last name; -1
// when there is none.
func (f *formScreen) fieldOf(path string) int {
	for _, fits := range []func(name string) bool{
		func(name string) bool { return name == path },
		func(name string) bool { return strings.HasPrefix(name, path+"/") },
		func(name string) bool { return strings.HasPrefix(path, name+"/") },
		func(name string) bool { return lastPart(name) == lastPart(path) },
	} {
		if i := slices.IndexFunc(f.fields, func(field FormField) bool { return fits(field.Name) }); i >= 0 {
			return i
		}
	}
	return -1
}

func lastPart(path string) string { return path[strings.LastIndexAny(path, "/.")+1:] }
