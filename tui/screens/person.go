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
	"gatehouse/tui/widget"
)

// PersonSources finds people and reads all about one; person.Sources does.
type PersonSources interface {
	Find(ctx context.Context, text string) ([]person.Hit, []person.Missed)
	Watch(ctx context.Context, h person.Hit, changed func(person.Human)) person.Human
}

// PersonLinks make the screens that one can go on to; nil where there is none.
type PersonLinks struct {
	Identity func(id string) tui.Screen            // the Kratos identity
	Account  func(realm, userID string) tui.Screen // a Keycloak account
	Holds    func(tuple.Subject) tui.Screen        // all tuples of a subject
	Tuple    func(tuple.Tuple) tui.Screen          // a relation tuple
	Why      func(tuple.Subject) tui.Screen        // why may they (not) do something in Keto
	WhyLogin func(realm, username string) tui.Screen
	WhatCan  func(tuple.Subject) tui.Screen
}

// PersonSpec is what the screen of one human being is made of.
type PersonSpec struct {
	// Sources connects to the back ends, off the loop: to know all realms a server is asked.
	Sources func(ctx context.Context) (PersonSources, error)
	// Text is looked for first, when Hit is nil: an e-mail, a name, an id, a subject.
	Text string
	Hit  *person.Hit
	// Export is what is written and copied of a person.
	Export func(person.Human) any
	Links  PersonLinks
}

// personTimeout bounds one whole look; every request has a shorter one of its own.
const personTimeout = 45 * time.Second

// Person is one human being over all back ends: the identity of Kratos, every name by
// which Keto knows them, their accounts in Keycloak, and what does not fit together.
// What has arrived is shown while the rest is still read.
type Person struct {
	spec PersonSpec
	host tui.Host

	human  person.Human
	known  bool                 // human says something
	whole  bool                 // and nothing is missing in it
	hits   []person.Hit         // when several are found by the text
	missed []person.Missed      // of the search
	good   map[string]time.Time // when each part was last read
	last   person.Human         // what those parts were
	job    tui.Job
	save   tui.Job
	input  *widget.Input // who is looked for, while that is typed; else nil

	detail widget.Detail
	refs   map[string]personRef // what the fields of detail stand for, by key
}

// personRef is what a line of the screen stands for.
type personRef struct {
	open func() tui.Screen // nil where there is nothing to open
	// Whom to ask about: a name of Keto, or an account.
	subject        *tuple.Subject
	realm, account string
	copies         string // what y copies; empty is what stands there
}

// personArrived is what comes from the job.
type personArrived struct {
	human  person.Human
	hits   []person.Hit
	missed []person.Missed
	found  bool // the search is over, human holds somebody
	whole  bool // nothing comes after this
}

// NewPerson makes the screen.
func NewPerson(spec PersonSpec) *Person {
	return &Person{spec: spec, good: map[string]time.Time{}, refs: map[string]personRef{}}
}

// Title is the crumb.
func (s *Person) Title() string {
	switch {
	case s.known && s.human.Name != "":
		return s.human.Name
	case s.spec.Hit != nil && s.spec.Hit.Name != "":
		return s.spec.Hit.Name
	case s.spec.Text != "":
		return "“" + s.spec.Text + "”"
	default:
		return "person"
	}
}

// Init starts to look.
func (s *Person) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.detail.ShowCursor()
	if s.spec.Hit == nil && s.spec.Text == "" {
		s.ask()
		return nil
	}
	s.load()
	return nil
}

// ask lets somebody be named.
func (s *Person) ask() {
	s.input = widget.NewInput("person: ")
	s.input.Placeholder = "an e-mail, a name or its beginning, an id, or a subject of Keto"
	s.input.SetValue(s.spec.Text)
}

// asked looks for who was typed.
func (s *Person) asked() {
	text := strings.TrimSpace(s.input.Value())
	if text == "" {
		return
	}
	s.input, s.spec.Text, s.spec.Hit = nil, text, nil
	s.known, s.whole, s.hits, s.missed, s.human, s.last = false, false, nil, nil, person.Human{}, person.Human{}
	clear(s.good)
	s.load()
}

// Escape leaves the typing where there is somebody to go back to.
func (s *Person) Escape() bool {
	if s.input == nil || !s.known && len(s.hits) == 0 {
		return false
	}
	s.input = nil
	return true
}

// Resume looks again: what was opened from here may have changed something.
func (s *Person) Resume() {
	if !s.job.Busy() && s.input == nil {
		s.load()
	}
}

// Typing is true while somebody is named.
func (s *Person) Typing() bool { return s.input != nil }

// Close has nothing to do: the shell cancels the job.
func (s *Person) Close() {}

// Update takes the mouse.
func (s *Person) Update(msg tea.Msg) tea.Cmd {
	if s.input != nil {
		s.input.Update(msg)
		return nil
	}
	tui.DetailMouse(&s.detail, msg, 0)
	return nil
}

func (s *Person) load() {
	spec, hit := s.spec, s.spec.Hit
	tui.Stream(s.host, &s.job, func(ctx context.Context, emit func(tui.Page[personArrived]) error) error {
		ctx, cancel := context.WithTimeout(ctx, personTimeout)
		defer cancel()
		say := func(a personArrived) error {
			return emit(tui.Page[personArrived]{Items: []personArrived{a}, Total: -1})
		}
		sources, err := spec.Sources(ctx)
		if err != nil {
			return err
		}
		if hit == nil {
			hits, missed := sources.Find(ctx, spec.Text)
			if hit = theOne(hits, spec.Text); hit == nil {
				if err := say(personArrived{hits: hits, missed: missed}); err != nil {
					return err
				}
				return firstMissed(missed)
			}
		}
		human := sources.Watch(ctx, *hit, func(h person.Human) { _ = say(personArrived{human: h, found: true}) })
		if err := say(personArrived{human: human, found: true, whole: true}); err != nil {
			return err
		}
		return firstMissed(human.Missed)
	}, s.take)
	s.build()
}

// theOne is the only hit, or the one whose whole name was typed, however many others
// begin with it; nil when nobody or several are found.
func theOne(hits []person.Hit, text string) *person.Hit {
	if len(hits) == 1 || len(hits) > 1 && hits[0].Whole(text) && !hits[1].Whole(text) {
		return &hits[0]
	}
	return nil
}

// firstMissed is the failure of a back end that should have answered. The screen says it
// in its place; the shell hears of it, to try again.
func firstMissed(missed []person.Missed) error {
	for _, m := range missed {
		if m.Err != nil {
			return m.Err
		}
	}
	return nil
}

// take shows what has arrived. Whoever was shown whole stays until they are whole again,
// so that nothing jumps.
func (s *Person) take(b tui.Batch[personArrived]) {
	if n := len(b.Items); n > 0 && (!s.whole || b.Items[n-1].whole || !b.Items[n-1].found) {
		a := b.Items[n-1]
		s.whole = a.whole
		s.hits, s.missed = a.hits, a.missed
		if s.known = a.found; a.found {
			s.human = a.human
			s.keep()
		}
	}
	s.build()
}

// keep remembers the parts that were read, for a time when they cannot be.
func (s *Person) keep() {
	h, now := s.human, s.host.Env().Now()
	for _, part := range s.parts() {
		if slices.Contains(h.Waiting, part) || s.missing(part) != nil {
			continue
		}
		s.good[part] = now
		switch part {
		case person.PartKratos:
			s.last.Identity = h.Identity
		case person.PartSessions:
			s.last.Sessions = h.Sessions
		case person.PartKeto:
			s.last.Holdings = h.Holdings
		default:
			s.last.Accounts = slices.DeleteFunc(s.last.Accounts, func(a person.Account) bool { return person.PartRealm(a.Realm) == part })
			s.last.Accounts = append(s.last.Accounts, accountsIn(h, part)...)
		}
	}
}

// parts are the parts that there are by now, waiting or not.
func (s *Person) parts() []string {
	out := []string{person.PartKratos, person.PartSessions, person.PartKeto}
	add := func(part string) {
		if strings.HasPrefix(part, "keycloak realm ") && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	for _, r := range s.human.Realms {
		add(person.PartRealm(r))
	}
	for _, a := range s.last.Accounts {
		add(person.PartRealm(a.Realm))
	}
	return out
}

// missing is why a part was not read this time; nil when it was.
func (s *Person) missing(part string) *person.Missed {
	for i, m := range s.human.Missed {
		if m.Server == part || m.Server == "keycloak" && strings.HasPrefix(part, "keycloak ") {
			return &s.human.Missed[i]
		}
	}
	return nil
}

func accountsIn(h person.Human, part string) []person.Account {
	var out []person.Account
	for _, a := range h.Accounts {
		if person.PartRealm(a.Realm) == part {
			out = append(out, a)
		}
	}
	return out
}

// Actions are the ways on.
func (s *Person) Actions() []tui.Action {
	if s.input != nil {
		return []tui.Action{{Name: "look", Keys: []string{"enter"}, Footer: 1, Help: "Look for who is typed in every back end.", Run: tui.Do(s.asked)}}
	}
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Help: "Go to what the line under the cursor stands for: the identity, a name or a tuple of Keto, an account.",
			Why: s.whyNotOpen, Run: tui.Do(func() { s.host.Push(s.ref().open()) })},
		{Name: "why", Keys: []string{"w"}, Footer: 2, Help: "Ask why they may, or may not: in Keto by the name under the cursor, in Keycloak by the account under it.",
			Why: s.whyNoWhy, Run: tui.Do(func() { s.host.Push(s.why()) })},
	}
	if s.spec.Links.WhatCan != nil {
		acts = append(acts, tui.Action{Name: "what can", Keys: []string{"R"}, Footer: 3, Help: "Show everything that they can do in Keto by the name under the cursor.",
			Why: s.whyNoSubject, Run: tui.Do(func() { s.host.Push(s.spec.Links.WhatCan(*s.subject())) })})
	}
	acts = append(acts,
		tui.Action{Name: "somebody else", Keys: []string{"/", "e"}, Footer: 4, Help: "Look for somebody else.", Run: tui.Do(s.ask)},
		tui.Action{Name: "reload", Keys: []string{"ctrl+r"}, Footer: 5, Help: "Look again in every back end; what is shown stays until then.", Run: tui.Do(s.load)},
		tui.Action{Name: "copy row", Keys: []string{"Y"}, Help: "Copy everything that is known of the person as JSON, as gatehouse person --json prints it.", Why: s.whyNotKnown,
			Run: tui.Do(s.copyAll)},
		tui.Action{Name: "export", Keys: []string{"E"}, Help: "Write everything that is known of the person into a file, as gatehouse person --json prints it.", Why: s.whyNotKnown,
			Run: tui.Do(func() {
				tui.SaveJSON(s.host, &s.save, "person-"+s.Title(), "what is known of "+s.Title(), s.spec.Export(s.human))
			})})
	for _, a := range tui.DetailActions(s.host, &s.detail) {
		if a.Name == "copy" {
			run := a.Run
			a.Help = "Copy the id, the name or the tuple of the line under the cursor."
			a.Run = func() tea.Cmd {
				if r := s.ref(); r.copies != "" {
					s.host.Copy(clean.Line(r.copies, 40), r.copies)
					return nil
				}
				return run()
			}
		}
		acts = append(acts, a)
	}
	return acts
}

func (s *Person) copyAll() {
	text, err := tui.JSONText(s.spec.Export(s.human))
	if err != nil {
		s.host.Fail(err)
		return
	}
	s.host.Copy("what is known of "+clean.Line(s.Title(), 40), text)
}

func (s *Person) whyNotKnown() string {
	switch {
	case !s.known:
		return "nobody has been found yet"
	case s.spec.Export == nil:
		return "there is nothing to write here"
	}
	return ""
}

// ref is what the line under the cursor stands for.
func (s *Person) ref() personRef {
	f, _ := s.detail.Current()
	return s.refs[f.Key]
}

func (s *Person) whyNotOpen() string {
	if s.ref().open == nil {
		return "this line has nothing to open"
	}
	return ""
}

// subject is whom to ask Keto about: the name under the cursor, else the one by which
// they hold the most likely tuples, else the id.
func (s *Person) subject() *tuple.Subject {
	if r := s.ref(); r.subject != nil {
		return r.subject
	}
	for _, h := range s.human.Holdings {
		if len(h.Tuples) > 0 && !h.Alias.Unsafe {
			return &h.Alias.Subject
		}
	}
	if i := s.human.Identity; i != nil {
		id := tuple.SubjectID(i.ID)
		return &id
	}
	return nil
}

func (s *Person) whyNoSubject() string {
	if s.subject() == nil {
		return "no name is known by which Keto could be asked"
	}
	return ""
}

// why is the question about the line under the cursor.
func (s *Person) why() tui.Screen {
	if r := s.ref(); r.account != "" && s.spec.Links.WhyLogin != nil {
		return s.spec.Links.WhyLogin(r.realm, r.account)
	}
	return s.spec.Links.Why(*s.subject())
}

func (s *Person) whyNoWhy() string {
	switch {
	case s.ref().account != "" && s.spec.Links.WhyLogin != nil:
		return ""
	case s.spec.Links.Why == nil:
		return "this context has no Keto to ask"
	}
	return s.whyNoSubject()
}
