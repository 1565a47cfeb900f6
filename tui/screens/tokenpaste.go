package screens

import (
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/login"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// TokenChange is a claim that the next token would have otherwise.
type TokenChange struct{ Path, Then, Now string }

// TokenReport is what can be said of a pasted token. The token itself is not in it.
type TokenReport struct {
	Kind, Realm, Client, User string
	Header, Claims            []token.Claim
	// Verdict is good, refused or unknown; Summary says it in words, Hint what to do.
	Verdict, Summary, Hint string
	Checks                 []login.Check
	Since                  []TokenChange
}

// TokenPasteSpec is what the screen of a pasted token is made of. Inspect is needed.
type TokenPasteSpec struct {
	// Asked is what is known already, such as the role that should be in the token.
	Asked login.Asked
	// Inspect takes the token of the question apart and holds it against its realm.
	Inspect func(ctx context.Context, a login.Asked) (TokenReport, error)
}

// TokenPaste shows what a pasted token says, whether and why it is refused, and what
// the next one would say otherwise. The token is a secret: it is neither shown nor
// copied nor exported, and forgotten when the screen is closed.
type TokenPaste struct {
	spec TokenPasteSpec
	host tui.Host

	a      login.Asked
	report TokenReport
	known  bool
	err    error
	job    tui.Job
	detail widget.Detail
}

// NewTokenPaste makes the screen.
func NewTokenPaste(spec TokenPasteSpec) *TokenPaste { return &TokenPaste{spec: spec, a: spec.Asked} }

// Title is the crumb.
func (s *TokenPaste) Title() string { return "token" }

// Init asks for the token.
func (s *TokenPaste) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.show()
	s.paste()
	return nil
}

// Typing is never true here: the token is pasted into a form.
func (s *TokenPaste) Typing() bool { return false }

// Close forgets the token.
func (s *TokenPaste) Close() { s.a.PastedToken = "" }

// Update takes the mouse.
func (s *TokenPaste) Update(msg tea.Msg) tea.Cmd { tui.DetailMouse(&s.detail, msg, 0); return nil }

// View draws the verdict and the claims.
func (s *TokenPaste) View(w, h int) string { return s.detail.View(s.host.Env().Theme, w, h) }

// Actions are another token, the same question again, and the keys of the details.
func (s *TokenPaste) Actions() []tui.Action {
	return append([]tui.Action{
		{Name: "another token", Keys: []string{"p"}, Footer: 1, Help: "Paste another token, or look for another role in it.", Run: tui.Do(s.paste)},
		{Name: "ask again", Keys: []string{"r", "ctrl+r"}, Footer: 2, Help: "Hold the token against the realm again.", Run: tui.Do(s.ask), Why: func() string {
			if s.a.PastedToken == "" {
				return "there is no token yet; p pastes one"
			}
			return ""
		}},
	}, tui.DetailActions(s.host, &s.detail)...)
}

// paste asks for the token, hidden.
func (s *TokenPaste) paste() {
	a := s.a
	role := a.Role
	if a.RealmRole != "" {
		role = realmRole + a.RealmRole
	}
	s.host.Push(tui.NewForm(tui.FormSpec{Title: "paste", Asks: true, Lead: "Paste the token that the application got or sent", What: "take the token apart",
		Fields: []tui.FormField{
			{Name: "token", Label: "Token", Secret: true, Required: true, Check: pastedCheck, Help: "an access or ID token, with or without Bearer before it; it is not shown, and forgotten when this is closed"},
			{Name: "role", Label: "Role", Value: role, Help: "a role of the client, or realm:NAME, that should be in it; may stay empty"},
			{Name: "audience", Label: "Shown to", Value: a.Audience, Help: "the clientId of the API that it is shown to; may stay empty"},
		},
		Submit: func(_ context.Context, v map[string]string) error {
			if _, err := token.Parse(v["token"]); err != nil {
				return &clients.Problem{Kind: clients.Invalid, Op: "read the token", Reason: err.Error()}
			}
			return nil
		},
		Done: func(v map[string]string) {
			t, err := token.Parse(v["token"])
			if err != nil {
				return
			}
			s.a.PastedToken, s.a.Audience = t.Signed(), strings.TrimSpace(v["audience"])
			s.a.Role, s.a.RealmRole = strings.TrimSpace(v["role"]), ""
			if name, ok := strings.CutPrefix(s.a.Role, realmRole); ok {
				s.a.Role, s.a.RealmRole = "", name
			}
			s.known, s.err = false, nil
			s.ask()
		},
	}))
}

// ask holds the token against its realm.
func (s *TokenPaste) ask() {
	inspect, a := s.spec.Inspect, s.a
	tui.Go(s.host, &s.job, loginWhyTimeout, func(ctx context.Context) (TokenReport, error) { return inspect(ctx, a) }, func(r TokenReport, err error) {
		if s.err = err; err == nil {
			s.report, s.known = r, true
		}
		s.show()
	})
	s.show()
}

// tokenVerdicts are the verdicts in words.
var tokenVerdicts = map[string]struct {
	words string
	tone  theme.Tone
}{"good": {theme.MarkAllowed + " TAKEN", theme.Good}, "refused": {theme.MarkDenied + " REFUSED", theme.Bad}, "unknown": {theme.MarkUnknown + " UNKNOWN", theme.Dim}}

// show lays out what is known: the verdict, the checks, what changed, the claims.
func (s *TokenPaste) show() {
	defer s.detail.ShowCursor()
	switch {
	case s.err != nil:
		f := s.host.Env().Explain(s.err)
		s.detail.Set(widget.Section{Title: theme.MarkUnknown + " It cannot be told whether the token is taken", Fields: []widget.Field{
			{Label: "why", Value: f.Why, Tone: theme.Bad}, {Label: "what to do", Value: f.Hint}}})
		return
	case !s.known && s.job.Busy():
		s.detail.Set(widget.Section{Title: "holding it against the realm…"})
		return
	case !s.known:
		s.detail.Set(widget.Section{Title: "No token yet", Note: "p pastes one"})
		return
	}
	r := s.report
	v := tokenVerdicts[r.Verdict]
	about := widget.Section{Title: v.words, Note: strings.Join(nonEmpty(r.Kind, r.User, r.Client, r.Realm), " · "),
		Fields: []widget.Field{{Label: "answer", Value: r.Summary, Tone: v.tone}}}
	if r.Hint != "" {
		about.Fields = append(about.Fields, widget.Field{Label: "to do", Value: r.Hint})
	}
	checks := widget.Section{Title: "Checks"}
	for i, c := range r.Checks {
		mark, tone := loginMark(c.State)
		text := orWord(c.Evidence, c.Code.Words())
		if c.Needs != "" {
			text += "; our account lacks " + c.Needs
		}
		checks.Fields = append(checks.Fields, widget.Field{Label: string(c.Code), Value: mark + " " + text, Tone: toneIf(c.State == login.Fail, tone), Key: fmt.Sprint("check ", i)})
	}
	sections := []widget.Section{about, checks}
	if len(r.Since) > 0 {
		since := widget.Section{Title: "The next token would say otherwise", Note: "log in again to get it"}
		for _, c := range r.Since {
			since.Fields = append(since.Fields, widget.Field{Label: claimLabel(c.Path), Value: orWord(c.Then, "not there") + " → " + orWord(c.Now, "not there")})
		}
		sections = append(sections, since)
	}
	s.detail.Set(append(sections, claimSection("Claims", r.Claims), claimSection("Header", r.Header))...)
}

func claimSection(title string, claims []token.Claim) widget.Section {
	out := widget.Section{Title: title}
	for _, c := range claims {
		out.Fields = append(out.Fields, widget.Field{Label: claimLabel(c.Path), Value: c.Value, Note: c.Means, Key: title + c.Path})
	}
	return out
}

func nonEmpty(words ...string) []string {
	var out []string
	for _, w := range words {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}
