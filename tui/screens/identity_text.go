package screens

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// documentPart is what of an identity is edited as JSON.
type documentPart uint8

// The parts.
const (
	wholeDocument documentPart = iota
	publicMetadata
	adminMetadata
)

var documentPartNames = [...]string{"identity", "public metadata", "admin metadata"}

// edit opens the form.
func (s *Identity) edit() {
	openIdentityForm(s.host, &s.formJob, s.spec.Forms, s.id, s.takeSaved)
}

// takeSaved takes up what a form or an editor saved.
func (s *Identity) takeSaved(i kratos.Identity, words string) {
	if i.ID == "" {
		s.load()
		return
	}
	s.show(i)
	s.changes = s.host.Env().Changes
	s.loadTuples(&s.tupleJob, s.person().Aliases())
	if words != "" {
		s.host.Toast(words)
	}
}

func (s *Identity) whyNotForm() string {
	switch why := s.whyNotRead(); {
	case why != "":
		return why
	case s.spec.Forms == nil:
		return "nothing can be changed from here"
	}
	return ""
}

func (s *Identity) whyNotText() string {
	if why := s.whyNotForm(); why != "" {
		return why
	}
	return tui.WhyNoEditor()
}

func (s *Identity) pickMetadata() {
	s.host.Push(tui.NewPick(tui.PickSpec{Title: "metadata", Verb: "edit", Lead: "Which metadata, as JSON in your editor?",
		Choices: []widget.Choice{{ID: "public", Label: "public", Note: "the person and applications can read it"}, {ID: "admin", Label: "admin", Note: "only administrators can read it"}},
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 && picked[0].ID == "public" {
				s.editText(publicMetadata)
			} else if len(picked) == 1 {
				s.editText(adminMetadata)
			}
		}}))
}

// editText reads the identity afresh and opens it, or a part of it, in an editor.
func (s *Identity) editText(part documentPart) {
	k, id := s.spec.Forms, s.id
	tui.Go(s.host, &s.formJob, identityTimeout, func(ctx context.Context) (kratos.Identity, error) { return k.Get(ctx, id) },
		func(base kratos.Identity, err error) {
			if err != nil {
				s.host.Fail(err)
				return
			}
			s.host.Push(newIdentityText(s.host, k, base, part, s.takeSaved))
		})
}

// identityText is an identity that is edited as JSON: the editor comes first, then what
// would change, or what is wrong with the text. The text stays until it is saved or
// thrown away.
type identityText struct {
	tui.Host
	k        IdentityForms
	base     kratos.Identity
	part     documentPart
	below    tui.Host // of the screen that opened it
	done     func(kratos.Identity, string)
	first    string // the text as it was opened
	text     string
	want     kratos.Document
	fault    string // what is wrong with the text; empty when it can be saved
	complain error  // what the server said
	write    tui.Job
	detail   widget.Detail
}

func newIdentityText(below tui.Host, k IdentityForms, base kratos.Identity, part documentPart, done func(kratos.Identity, string)) *identityText {
	t := &identityText{below: below, k: k, base: base, part: part, done: done}
	d := kratos.DocumentOf(base)
	raw := map[documentPart]json.RawMessage{publicMetadata: d.MetadataPublic, adminMetadata: d.MetadataAdmin}[part]
	if part == wholeDocument {
		raw, _ = encodePlain(d) // it came from JSON
	}
	t.first = tui.IndentJSON(string(raw))
	t.take(t.first)
	return t
}

// take reads the text.
func (t *identityText) take(text string) {
	t.text, t.fault, t.complain = text, tui.JSONFault(text), nil
	t.want = kratos.DocumentOf(t.base)
	if t.fault == "" {
		raw := json.RawMessage(tui.CompactJSON(text))
		var err error
		switch t.part {
		case publicMetadata:
			t.want.MetadataPublic = raw
		case adminMetadata:
			t.want.MetadataAdmin = raw
		default:
			t.want, err = kratos.ParseDocument([]byte(text), t.want)
		}
		switch {
		case err != nil:
			t.fault = err.Error()
		case t.part != wholeDocument:
			t.fault = checkMetadata(string(raw))
		}
	}
	t.build()
}

// build shows what would change, or the place of the fault.
func (t *identityText) build() {
	var all []widget.Section
	if t.fault != "" {
		s := widget.Section{Title: theme.MarkDenied + " This cannot be saved", Fields: []widget.Field{{Label: "why", Value: t.fault, Tone: theme.Bad}}}
		s.Fields = append(s.Fields, excerpt(t.text, t.fault)...)
		s.Fields = append(s.Fields, widget.Field{Label: "what to do", Value: "e opens the same text again; nothing of it is lost"})
		all = append(all, s)
	} else {
		s := widget.Section{Title: "What would change"}
		diff, err := clients.Diff(kratos.DocumentOf(t.base), t.want)
		if err != nil {
			s.Note = err.Error()
		}
		for _, d := range diff {
			s.Fields = append(s.Fields, widget.Field{Label: strings.TrimPrefix(d.Field, "/"), Value: shortJSON(d.Before) + " → " + shortJSON(d.After)})
		}
		if len(diff) == 0 && err == nil {
			s.Note = "nothing: e opens the editor again, esc goes back"
		}
		all = append(all, s)
	}
	if t.complain != nil {
		f := t.Env().Explain(t.complain)
		s := widget.Section{Title: theme.MarkDenied + " The server did not take it", Fields: []widget.Field{{Label: "why", Value: f.Why, Tone: theme.Bad}}}
		for path, message := range f.Fields {
			s.Fields = append(s.Fields, widget.Field{Label: strings.TrimPrefix(path, "/"), Value: message})
		}
		all = append([]widget.Section{s}, all...)
	}
	t.detail.Set(all...)
}

// excerpt is the line of the fault with those around it.
func excerpt(text, fault string) []widget.Field {
	var line int
	if _, err := fmt.Sscanf(fault, "line %d", &line); err != nil {
		return nil
	}
	lines := strings.Split(text, "\n")
	var out []widget.Field
	for i := max(1, line-2); i <= min(len(lines), line+1); i++ {
		f := widget.Field{Label: fmt.Sprint(i), Value: strings.TrimRight(lines[i-1], "\r"), Key: fmt.Sprint("line", i)}
		if i == line {
			f.Label, f.Tone = theme.MarkCursor+" "+fmt.Sprint(i), theme.Bad
		}
		out = append(out, f)
	}
	return out
}

func (t *identityText) Title() string { return documentPartNames[t.part] + " as JSON" }
func (t *identityText) Typing() bool  { return false }
func (t *identityText) Close()        {}

// Init opens the editor at once: that is what was asked for.
func (t *identityText) Init(h tui.Host) tea.Cmd {
	t.Host = h
	t.build()
	t.open()
	return nil
}

func (t *identityText) open() {
	name := shortID(t.base.ID) + "-" + strings.ReplaceAll(documentPartNames[t.part], " ", "-") + ".json"
	tui.EditText(t, name, t.text, func(text string, err error) {
		if err != nil {
			t.Fail(err)
			return
		}
		t.take(text)
	})
}

// Leave asks before the text is thrown away.
func (t *identityText) Leave() string {
	if t.text == t.first {
		return ""
	}
	return "Leave? What you changed is lost."
}

func (t *identityText) Update(msg tea.Msg) tea.Cmd {
	tui.DetailMouse(&t.detail, msg, 0)
	return nil
}

func (t *identityText) View(w, h int) string { return t.detail.View(t.Env().Theme, w, h) }

func (t *identityText) Actions() []tui.Action {
	busy := func() string {
		if t.write.Busy() {
			return "it is being written"
		}
		return ""
	}
	acts := []tui.Action{
		{Name: "save", Keys: []string{"ctrl+s", "s"}, Footer: 1, Mutates: true, Help: "Show what will be written, and write it.", Run: tui.Do(t.save), Why: func() string {
			if t.fault != "" {
				return "the text cannot be saved: e opens it again"
			}
			return busy()
		}},
		{Name: "editor", Keys: []string{"e"}, Footer: 2, Help: "Open the text in your editor again.", Run: tui.Do(t.open), Why: func() string { return orWord(busy(), tui.WhyNoEditor()) }},
	}
	return append(acts, tui.DetailActions(t, &t.detail)...)
}

func (t *identityText) save() {
	q, err := reviewDocument(t.base, t.want)
	if err != nil {
		t.Fail(err)
		return
	}
	base, want := t.base, t.want
	q.Yes = func() {
		type result struct {
			ch   clients.Change[kratos.Identity]
			note string
		}
		tui.Write(t, &t.write, "edit "+identityRow(base).title(), 0, func(ctx context.Context) (result, error) {
			ch, note, err := saveDocument(ctx, t.k, base, want)
			return result{ch, note}, err
		}, func(r result, err error) { t.saved(r.ch, r.note, err) })
	}
	t.Confirm(q)
}

func (t *identityText) saved(ch clients.Change[kratos.Identity], note string, err error) {
	if meanwhile, ok := errors.AsType[*changedMeanwhile](err); ok {
		t.Push(newIdentityConflict(t.k, t.base, meanwhile.now, t.want, func(ch clients.Change[kratos.Identity], note string) { t.saved(ch, note, nil) }))
		return
	}
	if err != nil {
		t.complain = err
		t.build()
		t.Fail(err)
		return
	}
	f := identityForm{k: t.k, host: t.below, base: t.base, before: ch.Before, made: ch.After, note: note, done: t.done}
	t.Pop()
	f.saved()
}
