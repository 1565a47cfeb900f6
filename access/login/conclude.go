package login

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/access"
)

// conclude draws the verdict from the checks. One that fails denies, whatever else is
// unknown; without one, a check that rests on something unread leaves it unknown.
func conclude(t *Trace, f *Facts, a Asked) {
	first, denied := t.First()
	switch {
	case denied:
		t.deny(first)
	case slices.ContainsFunc(t.Checks, blind):
		t.leaveOpen(f, a)
	default:
		t.Verdict, t.Summary = access.Allowed, allowedSentence(f, a)
		t.Hint = besideHint(t.Checks)
	}
	t.Explained = t.Verdict
}

// blind is a check that could say no if only we saw.
func blind(c Check) bool { return c.State == Unknown && !c.Beside }

func (t *Trace) deny(first Check) {
	t.Verdict, t.Cause, t.Saw, t.Fixes = access.Denied, string(first.Code), first.Saw, first.Fixes
	t.Summary, t.Hint = first.Evidence, first.Hint
	seen := false
	for _, c := range t.Checks {
		if c.State == Fail && seen && !slices.Contains(t.Then, c.Code) {
			t.Then = append(t.Then, c.Code)
		}
		seen = seen || c.State == Fail
	}
	if needs := missingRights(before(t.Checks, first.Code)); needs != "" {
		t.Hint = join(t.Hint, "something before this may stop them too, which our account cannot see: it lacks "+needs)
	}
}

// before are the checks that come before the one of the code.
func before(checks []Check, code Code) []Check {
	i := slices.IndexFunc(checks, func(c Check) bool { return c.Code == code && c.State == Fail })
	return checks[:max(i, 0)]
}

func (t *Trace) leaveOpen(_ *Facts, a Asked) {
	t.Verdict, t.Cause = access.Unknown, string(NotVisible)
	i := slices.IndexFunc(t.Checks, blind)
	t.Summary = fmt.Sprintf("It cannot be told whether %s gets in: %s", who(a), t.Checks[i].Evidence)
	t.Hint = rightsHint(t.Checks)
}

func rightsHint(checks []Check) string {
	if needs := missingRights(checks); needs != "" {
		return "give our account " + needs + " of the client realm-management, and ask again"
	}
	return ""
}

// missingRights names the rights that unknown checks lack.
func missingRights(checks []Check) string {
	var out []string
	for _, c := range checks {
		if blind(c) && c.Needs != "" && !slices.Contains(out, c.Needs) {
			out = append(out, c.Needs)
		}
	}
	return strings.Join(out, ", ")
}

func besideHint(checks []Check) string {
	var out []string
	for _, c := range checks {
		if c.State == Unknown && c.Beside && c.Hint != "" {
			out = append(out, c.Hint)
		}
	}
	return strings.Join(out, "; ")
}

func allowedSentence(f *Facts, a Asked) string {
	name := person(f, a)
	role, has := a.WantedRole()
	switch {
	case a.Resource != "":
		return fmt.Sprintf("Yes: the policies of %s let %s use %s.", a.Client, name, a.Resource)
	case has:
		return fmt.Sprintf("Yes: %s has the role %s, and it is in the %s.", name, role, document(a.Token))
	}
	return fmt.Sprintf("Yes: nothing on the server keeps %s from logging in to %s.", name, a.Client)
}

// document is what the token is called in sentences.
func document(t Token) string {
	switch t {
	case ID:
		return "ID token"
	case UserInfo:
		return "userinfo"
	}
	return "access token"
}

// who is the person as the question names them.
func who(a Asked) string {
	if a.User == "" {
		return "the service account of " + a.Client
	}
	return a.User
}

// person is the name of the one who asks, by their account where it is known.
func person(f *Facts, a Asked) string {
	if f.User.Value != nil {
		return f.User.Value.Name()
	}
	return who(a)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
