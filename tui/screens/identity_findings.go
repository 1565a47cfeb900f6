package screens

import (
	"fmt"
	"strings"

	"gatehouse/clients/kratos"
	"gatehouse/tui/theme"
)

// finding is one sentence that a support person would say on the phone.
type finding struct {
	text string
	bad  bool // it keeps the person out
}

// String is the sentence with its mark.
func (f finding) String() string {
	if f.bad {
		return theme.MarkDenied + " " + f.text
	}
	return "! " + f.text
}

// maxFindings is how many are shown; the worst come first.
const maxFindings = 4

// findings is what stands out about this person.
func (s *Identity) findings() []finding {
	var out []finding
	bad := func(format string, a ...any) { out = append(out, finding{fmt.Sprintf(format, a...), true}) }
	note := func(format string, a ...any) { out = append(out, finding{fmt.Sprintf(format, a...), false}) }
	now := s.host.Env().Now()
	if s.who.State == kratos.Inactive {
		bad("Cannot sign in: suspended %s.", sinceWords(now, s.who.StateChangedAt))
		if n := len(s.sessions.asleep); n > 0 {
			note("%s again once it is reactivated; o ends them.", countVerb(n, "session works", "sessions work"))
		}
	}
	if s.setUp != nil && s.who.ID != "" {
		if !s.setUp.FirstFactor() {
			bad("Has no password and no other sure way to sign in; c makes a recovery code.")
		}
	}
	if s.who.ID != "" && len(s.who.Credentials) == 0 {
		bad("Has no credentials, so there is no way to sign in; c makes a recovery code.")
	}
	for _, a := range s.who.Addresses {
		if !a.Verified {
			note("%s is not verified; some applications refuse it.", a.Value)
		}
	}
	for _, r := range s.accounts {
		for _, a := range r.Accounts {
			if why := accountBlocks(a, now); why != "" {
				note("Signing in to Keycloak stops at: %s.", why)
			}
		}
	}
	if names := s.heldNames(); len(names) > 1 {
		note("Known to Keto under %d names; a check uses only the one it is asked with.", len(names))
	}
	return out[:min(len(out), maxFindings)]
}

// heldNames are the names under which Keto holds something for this person.
func (s *Identity) heldNames() []string {
	var out []string
	for _, h := range s.holds {
		if len(h.Tuples) > 0 && !h.Alias.Unsafe {
			out = append(out, strings.TrimSpace(h.Alias.Subject.String()))
		}
	}
	return out
}
