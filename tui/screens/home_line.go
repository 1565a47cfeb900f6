package screens

import (
	"context"
	"slices"
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

// meaning is one thing that a line on Home can mean.
type meaning struct {
	label string // what will be done: "may Ann Okafor view Doc:q3-report?"
	short string // the same for the right end of the line: "Doc:q3-report#view@ann"
	note  string
	open  func() tui.Screen // nil when it only explains why nothing can be done
}

// homeLine is the line on Home: what is typed, who may be meant by it, and what it was
// understood as.
type homeLine struct {
	spec   *HomeSpec
	host   tui.Host
	input  *widget.Input
	people []person.Hit // who was found by what is typed now
	asked  string       // the words by which they were looked for
	found  string       // and those by which people were found
	job    tui.Job
	means  []meaning
	chosen int
}

// What the line takes and shows at most.
const (
	lineMeanings = 7   // meanings to choose from
	linePeople   = 4   // people among them
	lineThings   = 4   // objects that a word can stand for
	lineLookup   = 200 // characters that are looked for: no name is longer
)

// lineTimeout bounds one look for people while somebody types.
const lineTimeout = 4 * time.Second

func newHomeLine(spec *HomeSpec) *homeLine {
	l := &homeLine{spec: spec, input: widget.NewInput("> ")}
	l.input.Blur()
	l.input.Placeholder = "a name, an e-mail, an id · ann view report · namespace:object#permission@subject"
	l.input.Complete = l.complete
	l.input.History(spec.History)
	return l
}

// complete suggests how a relation tuple goes on; names are found by looking.
func (l *homeLine) complete(text string) []widget.Completion {
	if l.spec.Complete == nil || !strings.Contains(text, ":") {
		return nil
	}
	return l.spec.Complete(text)
}

func (l *homeLine) focus() {
	l.input.Focus()
	l.understand()
}

// typed takes a key or pasted text, and looks up who may be meant.
func (l *homeLine) typed(msg tea.Msg) {
	if key, ok := msg.(tea.KeyPressMsg); ok && l.choose(key.String()) {
		return
	}
	if l.input.Update(msg) == widget.Edited {
		l.chosen = 0
		l.lookUp()
		l.understand()
	}
}

// choose walks among the meanings, where the completions do not want the keys.
func (l *homeLine) choose(key string) bool {
	n := len(l.means)
	if l.input.Busy() || n < 2 {
		return false
	}
	switch {
	case key == "down":
		l.chosen = min(l.chosen+1, n-1)
	case key == "up" && l.chosen > 0: // from the first one on: the history
		l.chosen--
	case key == "tab":
		l.chosen = (l.chosen + 1) % n
	default:
		return false
	}
	return true
}

// lookUp asks the back ends who may be meant; the newest question wins.
func (l *homeLine) lookUp() {
	words := l.personWords()
	if l.spec.People == nil || len([]rune(words)) < 2 || len(words) > lineLookup || words == l.asked {
		return
	}
	l.asked = words
	find := l.spec.People
	tui.Go(l.host, &l.job, lineTimeout, func(ctx context.Context) ([]person.Hit, error) { return find(ctx, words) },
		func(hits []person.Hit, _ error) { // without an answer there are fewer meanings, and that is all
			l.people, l.found = hits, words
			l.understand()
		})
}

// personWords are the words of the line that may name somebody.
func (l *homeLine) personWords() string {
	line := strings.TrimSpace(l.input.Value())
	if strings.ContainsAny(line, "#") {
		return ""
	}
	if s, ok := l.spec.Words.sentence(line); ok {
		return s.who
	}
	return line
}

// accept does what the chosen meaning says; false when there is nothing to do.
func (l *homeLine) accept() (tui.Screen, bool) {
	if c, walked := l.input.Chosen(); walked && c.Value != "" {
		l.typed(tea.KeyPressMsg{Code: tea.KeyEnter})
		return nil, false
	}
	if l.chosen >= len(l.means) || l.means[l.chosen].open == nil {
		return nil, false
	}
	open, line := l.means[l.chosen].open, strings.TrimSpace(l.input.Value())
	l.input.Remember(line)
	if l.spec.Remember != nil {
		l.spec.Remember(line)
	}
	l.job.Stop()
	l.asked, l.people, l.found, l.chosen, l.means = "", nil, "", 0, nil
	l.input.SetValue("")
	l.input.Blur()
	return open(), true
}

// view draws the line with what it was understood as at its right end, and below it the
// completions, or the meanings where there are several.
func (l *homeLine) view(th *theme.Theme, w, h int) []string {
	if !l.input.Focused() {
		return []string{l.input.View(th, w)}
	}
	below := w < 80
	room := w
	said := ""
	if !below && len(l.means) > 0 {
		said = clean.Line(l.summary(), w-max(24, min(w/2, widget.Width(l.input.Value())+8)))
		room = w - widget.Width(said) - 2
	}
	lines := []string{l.input.View(th, room)}
	style := th.Dim
	if l.chosen < len(l.means) && l.means[l.chosen].open != nil {
		style = th.Accent
	}
	if said != "" {
		lines[0] += "  " + style.Render(said)
	}
	switch {
	case l.input.Busy():
		if below && len(l.means) > 0 {
			lines = append(lines, style.Render(clean.Line("  "+l.means[0].label, w)))
		}
		lines = append(lines, l.input.Dropdown(th, w, min(6, h-len(lines)-1))...)
	case len(l.means) > 0:
		lines = append(lines, l.choices(th, w)...)
	}
	return lines
}

// summary is what the line was understood as, in few words.
func (l *homeLine) summary() string {
	var out, names []string
	for i, m := range l.means {
		switch {
		case i == l.chosen || m.note != homePerson && len(out) == 0:
			out = append(out, m.short)
		case m.note == homePerson:
			names = append(names, m.short)
		}
	}
	if len(names) > 0 {
		out = append(out, "people: "+strings.Join(names[:min(len(names), 3)], ", "))
	}
	return strings.Join(out, "   ·   ")
}

// homePerson is the note of a meaning that is somebody.
const homePerson = "person"

func (l *homeLine) choices(th *theme.Theme, w int) []string {
	var out []string
	for i, m := range l.means {
		mark, style := "  ", th.Plain
		if m.open == nil {
			style = th.Dim
		}
		if i == l.chosen && m.open != nil {
			mark, style = theme.MarkCursor+" ", th.Selected
		}
		line := style.Render(clean.Line(mark+m.label, w))
		if room := w - widget.Width(line) - 2; m.note != "" && m.note != homePerson && room > 4 {
			line += "  " + th.Dim.Render(clean.Line(m.note, room))
		}
		out = append(out, line)
	}
	return out
}

// understand works out what the line can mean, the likeliest first. It asks nobody.
func (l *homeLine) understand() {
	line := strings.TrimSpace(l.input.Value())
	l.means = nil
	if line == "" {
		return
	}
	add := func(m ...meaning) { l.means = append(l.means, m...) }
	switch {
	case strings.Contains(line, "#"):
		add(l.tupleMeanings(line)...)
	default:
		add(l.questionMeanings(line)...)
		add(l.personMeanings()...)
		add(l.objectMeanings(line)...)
		add(l.placeMeanings(line)...)
		add(l.searchMeanings(line)...)
	}
	l.means = l.means[:min(len(l.means), lineMeanings)]
	l.chosen = max(0, min(l.chosen, len(l.means)-1))
}

// tupleMeanings are those of a line that is written as a relation tuple, or begun as one.
func (l *homeLine) tupleMeanings(line string) []meaning {
	q, err := tuple.Parse(line)
	if err == nil && l.spec.Check == nil {
		return []meaning{{label: "a relation tuple, but this context has no Keto: add keto.read_url", short: "this context has no Keto"}}
	}
	if err == nil {
		return []meaning{{label: "ask Keto: " + line, short: q.String(), open: func() tui.Screen { return l.spec.Check(line) }}}
	}
	if s, serr := tuple.ParseSubject(line); serr == nil && s.Set != nil && s.Set.Relation != "" && l.spec.WhoCan != nil {
		return []meaning{
			{label: "who can: " + line, short: "who can " + line + "?", open: func() tui.Screen { return l.spec.WhoCan(*s.Set) }},
			{label: "ask Keto about it: add @ and a subject", note: "namespace:object#permission@subject"},
		}
	}
	return []meaning{{label: "not a question yet: " + err.Error(), short: "not a question yet", note: "namespace:object#permission@subject"}}
}

// questionMeanings are those of "person verb thing" and of "person login application".
func (l *homeLine) questionMeanings(line string) []meaning {
	s, ok := l.spec.Words.sentence(line)
	if !ok {
		return nil
	}
	if s.login {
		if l.spec.WhyLogin == nil {
			return nil
		}
		return []meaning{{label: "why does " + s.who + " not get into " + s.thing + "?", short: "login of " + s.who + " to " + s.thing, note: "Keycloak",
			open: func() tui.Screen { return l.spec.WhyLogin(s.who, s.thing) }}}
	}
	if l.spec.Check == nil {
		return nil
	}
	var out []meaning
	people := l.subjects(s.who)
	things := l.spec.Words.things(s.verb, s.thing)
	for _, p := range people {
		for _, set := range things {
			q := tuple.Tuple{Namespace: set.Namespace, Object: set.Object, Relation: set.Relation, Subject: p.subject}
			at := tuple.Tuple{Namespace: set.Namespace, Object: set.Object, Relation: set.Relation}.Left()
			out = append(out, meaning{label: "may " + p.name + " " + set.Relation + " " + set.Namespace + ":" + set.Object + "?", short: at + "@" + p.name, note: p.note,
				open: func() tui.Screen { return l.spec.Check(q.String()) }})
		}
	}
	if len(people) > 0 && len(things) == 0 && s.thing != "" {
		out = append(out, meaning{label: "no object is known by “" + s.thing + "” that one can " + s.verb, short: "nothing known as “" + s.thing + "”", note: "write the whole: namespace:object#" + s.verb + "@subject"})
	}
	if len(people) == 0 && l.found == s.who {
		out = append(out, meaning{label: "nobody is found by “" + s.who + "”", short: "nobody is “" + s.who + "”"})
	}
	return out[:min(len(out), lineThings)]
}

// askable is somebody to ask about.
type askable struct {
	name, note string
	subject    tuple.Subject
}

// subjects are those whom a word can mean in a question: people who were found, by the id
// of their identity, and subjects that stored tuples hold under that very name.
func (l *homeLine) subjects(word string) []askable {
	var out []askable
	if l.found == word {
		for _, h := range l.people {
			if h.ID != "" && len(out) < linePeople {
				out = append(out, askable{orWord(h.Name, h.Email), joinWords(h.Email, "by their Kratos id"), tuple.SubjectID(h.ID)})
			}
		}
	}
	if l.spec.Words.knowsSubject(word) {
		out = append(out, askable{word, "by this very name", tuple.SubjectID(word)})
	}
	return out
}

func (l *homeLine) personMeanings() []meaning {
	words := l.personWords()
	if l.spec.Person == nil || l.found != words || words == "" {
		return nil
	}
	var out []meaning
	for _, h := range l.people[:min(len(l.people), linePeople)] {
		name := orWord(h.Name, h.Email)
		var where []string
		if h.ID != "" {
			where = append(where, shortID(h.ID))
		}
		for _, realm := range sortedKeys(h.Accounts) {
			where = append(where, h.Accounts[realm].Username+" in "+realm)
		}
		out = append(out, meaning{label: joinWords("person:", name, pickWord(h.Name != "", h.Email)) + "   " + strings.Join(where, " · "), short: name, note: homePerson,
			open: func() tui.Screen { return l.spec.Person(h) }})
	}
	return out
}

// objectMeanings are those of namespace:object.
func (l *homeLine) objectMeanings(line string) []meaning {
	namespace, object, ok := strings.Cut(line, ":")
	if !ok || namespace == "" || strings.ContainsAny(line, " @") || l.spec.Tuples == nil {
		return nil
	}
	q := tuple.Query{Namespace: &namespace}
	if object != "" {
		q.Object = &object
	}
	return []meaning{{label: "relation tuples of " + line, short: "tuples of " + line, open: func() tui.Screen { return l.spec.Tuples(q) }}}
}

// placeMeanings are the places whose name begins with what is typed.
func (l *homeLine) placeMeanings(line string) []meaning {
	var out []meaning
	for _, p := range l.spec.Places {
		if p.Open != nil && len(line) > 1 && strings.HasPrefix(strings.ToLower(p.Name), strings.ToLower(line)) && !slices.ContainsFunc(out, func(m meaning) bool { return m.short == p.Name }) {
			out = append(out, meaning{label: "go to " + p.Name, short: p.Name, open: p.Open})
		}
	}
	return out
}

// searchMeanings read everybody for words: the last resort, and the slowest.
func (l *homeLine) searchMeanings(line string) []meaning {
	if l.spec.Find == nil {
		if l.spec.Person != nil || len(l.means) > 0 {
			return nil
		}
		return []meaning{{label: "a person, but this context has no Kratos: add kratos.admin_url", short: "this context has no Kratos"}}
	}
	words := line
	if s, ok := l.spec.Words.sentence(line); ok {
		words = s.who
	}
	return []meaning{{label: "find people: " + words, short: "find people: " + words, note: "in every trait, page by page",
		open: func() tui.Screen { return l.spec.Find(words) }}}
}
