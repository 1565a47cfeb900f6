package screens

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// IdentityRecoverer makes what lets a person back in. Kratos sends nothing: whoever
// asked for it hands it over.
type IdentityRecoverer interface {
	RecoveryCode(ctx context.Context, id string, o kratos.RecoveryOptions) (kratos.Recovery, error)
	RecoveryLink(ctx context.Context, id string, o kratos.RecoveryOptions) (kratos.Recovery, error)
}

// identityRecoveries are the kinds of recovery one can pick.
var identityRecoveries = []struct {
	id, label, note string
	link            bool
	valid           time.Duration
}{
	{"code-15m", "code, valid for 15 minutes", "to read out on the phone", false, 15 * time.Minute},
	{"code-1h", "code, valid for 1 hour", "", false, time.Hour},
	{"code-24h", "code, valid for 24 hours", "to send by other means", false, 24 * time.Hour},
	{"link-1h", "link, valid for 1 hour", "one click signs in; mail scanners may use it up", true, time.Hour},
}

// whyNotRecover: Kratos makes a code for a suspended identity too, but using it
// fails with "This account was disabled.", so it is refused here (v1.3.1).
func (s *Identity) whyNotRecover() string {
	switch why := s.whyNotRead(); {
	case why != "":
		return why
	case s.spec.Recover == nil:
		return "nothing can be changed from here"
	case s.who.State == kratos.Inactive:
		return "suspended: a code would be made, but signing in with it is refused; a reactivates"
	}
	return ""
}

func (s *Identity) pickRecovery() {
	s.host.Push(tui.NewPick(tui.PickSpec{
		Title: "recovery", Verb: "make",
		Lead: "Whoever has it can sign in as this person. Shown once, and nothing is sent.",
		Load: func(context.Context) ([]widget.Choice, error) {
			var out []widget.Choice
			for _, r := range identityRecoveries {
				out = append(out, widget.Choice{ID: r.id, Label: r.label, Note: r.note})
			}
			return out, nil
		},
		Done: func(picked []widget.Choice) {
			for _, r := range identityRecoveries {
				if len(picked) == 1 && picked[0].ID == r.id {
					s.makeRecovery(r.link, r.valid, r.label)
				}
			}
		},
	}))
}

func (s *Identity) makeRecovery(link bool, valid time.Duration, label string) {
	k, id, name := s.spec.Recover, s.id, s.row.title()
	tui.Write(s.host, &s.write, "make a recovery "+label+" for "+name, 0, func(ctx context.Context) (kratos.Recovery, error) {
		if link {
			return k.RecoveryLink(ctx, id, kratos.RecoveryOptions{Life: valid})
		}
		return k.RecoveryCode(ctx, id, kratos.RecoveryOptions{Life: valid})
	}, func(r kratos.Recovery, err error) {
		if err != nil {
			s.host.Fail(err)
			return
		}
		s.changes = s.host.Env().Changes // it changes nothing that is shown
		s.host.Push(&identityRecovery{name: name, made: r})
	})
}

// identityRecovery shows a code and its link until it is left or they run out. It
// keeps them nowhere else.
type identityRecovery struct {
	host   tui.Host
	name   string
	made   kratos.Recovery
	detail widget.Detail
	out    bool // it ran out
}

type recoveryTick struct{}

// Title is the crumb; the name stands in the crumb before.
func (r *identityRecovery) Title() string { return "recovery" }

func (r *identityRecovery) Init(h tui.Host) tea.Cmd {
	r.host = h
	r.build()
	r.detail.ShowCursor()
	return r.tick()
}

// tick wakes when it runs out, so that a code that works no more is not shown.
func (r *identityRecovery) tick() tea.Cmd {
	wait := r.made.Expires.Sub(r.host.Env().Now())
	if r.made.Expires.IsZero() {
		wait = time.Hour
	}
	return tea.Tick(max(0, min(wait, 24*time.Hour))+time.Second, func(time.Time) tea.Msg { return recoveryTick{} })
}

func (r *identityRecovery) Update(msg tea.Msg) tea.Cmd {
	if _, ok := msg.(recoveryTick); ok {
		r.out, r.made.Code, r.made.Link = true, "", ""
		r.build()
	}
	return nil
}

func (r *identityRecovery) build() {
	if r.out {
		r.detail.Set(widget.Section{Title: "This code has run out.", Note: "make another one"})
		return
	}
	s := widget.Section{Title: "For " + r.name, Note: "shown once; esc throws it away"}
	until := r.made.Expires.Local().Format("15:04")
	if now := r.host.Env().Now(); r.made.Expires.Sub(now) > 12*time.Hour {
		until = r.made.Expires.Local().Format("15:04 on 2 Jan")
	}
	if r.made.Code != "" {
		s.Fields = append(s.Fields, widget.Field{Label: "code", Value: r.made.Code.Reveal(), Note: "valid until " + until, Key: "code"},
			widget.Field{Label: "to enter at", Value: r.made.Link.Reveal(), Key: "link"})
	} else {
		s.Fields = append(s.Fields, widget.Field{Label: "link", Value: r.made.Link.Reveal(), Note: "valid until " + until, Key: "link"})
	}
	help := "The person opens the link, enters the code, and sets a new password."
	if r.made.Code == "" {
		help = "The person opens the link and is signed in. Send it over a channel that no scanner reads."
	}
	r.detail.Set(s, widget.Section{Title: "How it is used", Fields: []widget.Field{{Value: help, Key: "help"}}})
}

func (r *identityRecovery) View(w, h int) string { return r.detail.View(r.host.Env().Theme, w, h) }
func (r *identityRecovery) Typing() bool         { return false }

// Close forgets the code.
func (r *identityRecovery) Close() { r.made = kratos.Recovery{} }

// Leave asks before the only copy is thrown away.
func (r *identityRecovery) Leave() string {
	if r.out {
		return ""
	}
	return fmt.Sprintf("It is not shown again: leave the recovery of %s?", r.name)
}

func (r *identityRecovery) Actions() []tui.Action {
	why := func() string {
		if r.out {
			return "it has run out"
		}
		return ""
	}
	copyOf := func(key, what string, footer int, value func() string) tui.Action {
		return tui.Action{Name: "copy " + what, Keys: []string{key}, Footer: footer, Help: "Put the " + what + " on your clipboard.",
			Why: func() string {
				if why() == "" && value() == "" {
					return "there is no " + what
				}
				return why()
			}, Run: tui.Do(func() { r.host.Copy("the "+what, value()) })}
	}
	return []tui.Action{
		copyOf("y", "code", 1, func() string { return r.made.Code.Reveal() }),
		copyOf("l", "link", 2, func() string { return r.made.Link.Reveal() }),
	}
}
