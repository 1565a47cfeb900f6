package screens

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/tui"
)

// Actions are what can be done about the answer.
func (s *LoginWhy) Actions() []tui.Action {
	acts := []tui.Action{
		{Name: "apply fix", Keys: []string{"enter"}, Footer: 1, Mutates: true, Help: "Carry out the fix under the cursor, after showing it, and ask again.", Why: func() string { return s.whyNoFix(s.fix) }, Run: tui.Do(func() { s.apply(s.fix) })},
		{Name: "checks or fixes", Keys: []string{"tab"}, Footer: 2, Help: "Jump between the checks and the fixes.", Why: s.whyNoFixes, Run: tui.Do(func() { s.fixes = !s.fixes })},
	}
	for i := range min(9, len(s.trace.Fixes)) {
		acts = append(acts, tui.Action{Name: fmt.Sprintf("apply fix %d", i+1), Keys: []string{fmt.Sprint(i + 1)}, Mutates: true, Help: "Carry out that fix, after showing it, and ask again.",
			Why: func() string { return s.whyNoFix(i) }, Run: tui.Do(func() { s.fix, s.fixes = i, true; s.apply(i) })})
	}
	acts = append(acts,
		tui.Action{Name: "cure all", Keys: []string{"a"}, Mutates: true, Help: "Carry out the first fix of every cause, one after the other, after showing them, and ask again.", Why: s.whyNotAll, Run: tui.Do(func() { f, _ := s.cureAll(); s.confirm(f) })},
		tui.Action{Name: s.orderName(), Keys: []string{"f"}, Footer: 4, Help: "Show every check in Keycloak's own order, or those that fail first.", Why: s.needAnswer, Run: tui.Do(func() { s.all = !s.all; s.draw() })},
		tui.Action{Name: "edit question", Keys: []string{"e"}, Footer: 5, Help: "Ask about another user, client or role, starting from this question.", Run: tui.Do(s.edit)},
		tui.Action{Name: "ask again", Keys: []string{"r", "ctrl+r"}, Footer: 6, Help: "Ask Keycloak again.", Why: s.whyNotAsk, Run: tui.Do(s.ask)})
	if s.spec.Roles != nil {
		acts = append(acts, tui.Action{Name: "role mappings", Keys: []string{"o"}, Footer: 7, Help: "Show the role mappings of the user.", Why: s.whyNoUser, Run: tui.Do(func() { s.host.Push(s.spec.Roles(s.a)) })})
	}
	if s.spec.Preview != nil {
		acts = append(acts, tui.Action{Name: "token preview", Keys: []string{"t"}, Footer: 3, Help: "Show what would stand in the user's tokens.", Why: s.whyNoUser, Run: tui.Do(func() { s.host.Push(s.spec.Preview(s.a)) })})
	}
	if s.spec.Paste != nil {
		acts = append(acts, tui.Action{Name: "paste a token", Keys: []string{"p"}, Help: "Take a token apart that the application got: what it says, and whether and why it is refused.", Run: tui.Do(func() { s.host.Push(s.spec.Paste(s.a)) })})
	}
	acts = append(acts,
		tui.Action{Name: "policies", Keys: []string{"P"}, Footer: policyFooter(s.trace), Help: "Show the decision of the authorization services as a tree of permissions and policies; the first that denies is marked.", Why: s.whyNoPolicies, Run: tui.Do(func() { s.host.Push(NewPolicyTree(s.trace)) })},
		tui.Action{Name: "copy", Keys: []string{"y"}, Footer: 8, Help: "Copy the answer in words.", Why: s.needAnswer, Run: tui.Do(func() { s.host.Copy("the answer", s.trace.Question+" "+s.trace.Summary) })},
		tui.Action{Name: "save", Keys: []string{"s"}, Help: "Write the whole explanation into a file, as why keycloak --json prints it.", Why: s.needAnswer, Run: tui.Do(func() { tui.SaveJSON(s.host, &s.file, "why-login", "the explanation", s.trace) })})
	if s.fixes {
		return append(acts,
			tui.Action{Name: "up", Keys: []string{"up", "k"}, Help: "One fix up.", Run: tui.Do(func() { s.fix = max(0, s.fix-1) })},
			tui.Action{Name: "down", Keys: []string{"down", "j"}, Help: "One fix down.", Run: tui.Do(func() { s.fix = min(len(s.trace.Fixes)-1, s.fix+1) })})
	}
	return append(acts, tui.TreeActions(&s.tree, nil)...)
}

func policyFooter(t login.Trace) int {
	if t.Proof == nil {
		return 0
	}
	return 3
}

func (s *LoginWhy) whyNoPolicies() string {
	switch {
	case !s.asked:
		return "there is no answer yet"
	case s.a.Resource == "":
		return "the question is about no resource of the authorization services; e asks about one (RESOURCE#SCOPE)"
	case s.trace.Proof == nil:
		return "the policies could not be read, or do not take part; the checks say why"
	}
	return ""
}

func (s *LoginWhy) orderName() string {
	if s.all {
		return "failing first"
	}
	return "in order"
}

func (s *LoginWhy) needAnswer() string {
	if !s.asked {
		return "there is no answer yet"
	}
	return ""
}

func (s *LoginWhy) whyNotAsk() string {
	if wrong := s.a.Check(); wrong != "" {
		return wrong + " (e)"
	}
	return ""
}

func (s *LoginWhy) whyNoUser() string {
	if s.a.User == "" {
		return "the question is about no user"
	}
	return ""
}

func (s *LoginWhy) whyNoFixes() string {
	switch t := s.trace; {
	case !s.asked:
		return "there is no answer yet"
	case s.part:
		return "the answer is not whole yet: another cause may come first"
	case len(t.Fixes) > 0:
		return ""
	case t.Verdict == access.Allowed:
		return "nothing stands in the way: there is nothing to fix"
	case t.Verdict == access.Unknown:
		return "what stands in the way is not known, so that there is nothing to fix"
	}
	return "no write cures this: " + cmp.Or(s.trace.Hint, "a person has to do it")
}

func (s *LoginWhy) whyNoFix(i int) string {
	switch why := s.whyNoFixes(); {
	case why != "":
		return why
	case s.spec.Apply == nil:
		return "nothing can be written here"
	case s.err != nil:
		return "these fixes are of an older answer; ask again first (r)"
	case s.write.Busy():
		return "a fix is being written"
	case i >= len(s.trace.Fixes) || len(s.trace.Fixes[i].Writes) == 0:
		return "a person has to do this"
	}
	return ""
}

// cureAll is one fix made of the first fix of every cause that fails, and how many
// causes it cures; those that need something typed are cured one at a time.
func (s *LoginWhy) cureAll() (login.Fix, int) {
	var out login.Fix
	var words, also []string
	for _, c := range s.trace.Checks {
		if c.State != login.Fail {
			continue
		}
		if len(c.Fixes) == 0 || len(c.Fixes[0].Writes) == 0 || len(inputsOf(c.Fixes[0])) > 0 {
			return login.Fix{}, 0
		}
		f := c.Fixes[0]
		words, out.Writes = append(words, f.Summary), append(out.Writes, f.Writes...)
		if f.AlsoChanges != "" {
			also = append(also, f.AlsoChanges)
		}
		out.Weakens, out.Final = out.Weakens || f.Weakens, out.Final || f.Final
	}
	out.Summary, out.AlsoChanges = strings.Join(words, ", then "), strings.Join(also, "; ")
	return out, len(words)
}

func (s *LoginWhy) whyNotAll() string {
	if why := s.whyNoFix(0); why != "" {
		return why
	}
	if _, n := s.cureAll(); n < 2 {
		return "there is only one cause to cure at once; enter cures it"
	}
	return ""
}

// inputsOf names what a person has to supply to a fix.
func inputsOf(f login.Fix) []string {
	var out []string
	for _, w := range f.Writes {
		if w.Input != "" && !slices.Contains(out, w.Input) {
			out = append(out, w.Input)
		}
	}
	return out
}

// apply shows a fix and carries it out; what a person has to supply is asked for first.
func (s *LoginWhy) apply(i int) {
	f := s.trace.Fixes[i]
	inputs := inputsOf(f)
	if len(inputs) == 0 {
		s.confirm(f)
		return
	}
	form := tui.FormSpec{Title: "fix", Lead: f.Summary, What: f.Summary, Review: func(map[string]string) (tui.Question, error) { return s.question(f), nil }}
	for _, name := range inputs {
		form.Fields = append(form.Fields, tui.FormField{Name: name, Label: name, Required: true, Secret: name == "password" || name == "secret"})
	}
	apply, a := s.spec.Apply, s.a
	var done LoginFixed
	form.Submit = func(ctx context.Context, v map[string]string) (err error) {
		done, err = apply(ctx, a, f, v)
		return err
	}
	form.Done = func(map[string]string) { s.fixed(f, done, nil) }
	s.host.Push(tui.NewForm(form))
}

// question says exactly what is about to be changed.
func (s *LoginWhy) question(f login.Fix) tui.Question {
	q := tui.Question{Title: "Apply this fix?", Lines: []string{f.Summary}, Verb: "apply"}
	for _, w := range f.Writes {
		q.Lines = append(q.Lines, loginWrite(w))
	}
	if f.AlsoChanges != "" {
		q.Lines = append(q.Lines, "It also changes: "+f.AlsoChanges+".")
	}
	if f.Weakens {
		q.Lines = append(q.Lines, "This takes away something that was meant to protect.")
	}
	if f.Final {
		q.Lines = append(q.Lines, "This cannot be undone.")
	}
	return q
}

// loginWrite is a write as one line: what it does, and to what.
func loginWrite(w login.Write) string {
	line := "+ " + strings.ReplaceAll(string(w.Op), "_", " ")
	role := w.Role
	if w.RoleClient != "" {
		role = w.RoleClient + ":" + role
	}
	for _, p := range [][2]string{{"user", w.User}, {"client", w.Client}, {"role", role}, {"scope", w.Scope}, {"", w.Name}, {"=", w.Value}} {
		if p[1] != "" {
			line += strings.TrimRight("  "+p[0], " ") + " " + p[1]
		}
	}
	keys := make([]string, 0, len(w.Config))
	for k := range w.Config {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		line += "  " + k + "=" + w.Config[k]
	}
	return line
}

func (s *LoginWhy) confirm(f login.Fix) {
	q, apply, a := s.question(f), s.spec.Apply, s.a
	q.Yes = func() {
		tui.Write(s.host, &s.write, f.Summary, 0, func(ctx context.Context) (LoginFixed, error) { return apply(ctx, a, f, nil) },
			func(done LoginFixed, err error) { s.fixed(f, done, err) })
	}
	s.host.Confirm(q)
}

// fixed asks again and offers the way back, also from a fix that got only half way.
func (s *LoginWhy) fixed(f login.Fix, done LoginFixed, err error) {
	s.ask()
	switch {
	case err != nil:
		s.host.Fail(err)
	case done.Changed == 0:
		s.host.Toast("it was like that already: nothing was written")
		return
	case done.Undo == nil:
		s.host.Toast("applied: " + f.Summary)
	default:
		s.host.Toast("applied: " + f.Summary + " · u undoes it")
	}
	if done.Undo != nil && done.Changed > 0 {
		s.host.Undo(tui.Undo{What: f.Summary, Lines: []string{"back to how it was before: " + f.Summary}, Run: done.Undo, Then: s.ask})
	}
}
