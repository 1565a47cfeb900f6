package login

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// place is where in a flow a step comes.
type place int

// The places: a step that denies before the account is known hides what is wrong with
// it, one behind the password shows it.
const (
	afterPassword place = iota
	beforePassword
	beforeUser
)

// flowPlace is where in the flow the step stands that denies, or that counts sessions.
func (b *bench) flowPlace() place {
	w := b.walked()
	switch {
	case w.deny != nil:
		return w.denyAt
	case w.limit != nil:
		return w.limitAt
	}
	return afterPassword
}

// walk is what was met on the way through a flow.
type walk struct {
	b              *bench
	user, password bool
	unsure         bool
	deny, limit    *FlowStep
	denyAt         place
	limitAt        place
	denySure       bool
}

// walked goes through the flow as the server does, up to the step that denies.
func (b *bench) walked() *walk {
	w := &walk{b: b}
	if b.f.Flow.Is() {
		w.level(b.f.Flow.Value.Steps)
	}
	return w
}

// level goes through the steps of one level; those of a sub-flow follow it one deeper.
func (w *walk) level(steps []FlowStep) {
	if len(steps) == 0 {
		return
	}
	depth := steps[0].Level
	required := slices.ContainsFunc(steps, func(s FlowStep) bool { return s.Level == depth && mustRun(s) })
	for i := 0; i < len(steps); {
		s := steps[i]
		end := i + 1
		for end < len(steps) && steps[end].Level > depth {
			end++
		}
		if s.Requirement != "DISABLED" && (!required || mustRun(s)) {
			w.step(s, steps[i+1:end])
		}
		i = end
	}
}

func mustRun(s FlowStep) bool { return s.Requirement == "REQUIRED" || s.Requirement == "CONDITIONAL" }

func (w *walk) step(s FlowStep, below []FlowStep) {
	before := w.unsure
	if s.Requirement == "CONDITIONAL" {
		yes, known := w.conditions(below)
		if known && !yes {
			return
		}
		w.unsure = w.unsure || !known
	}
	switch s.Provider {
	case "auth-username-password-form":
		w.user, w.password = true, true
	case "auth-username-form", "direct-grant-validate-username":
		w.user = true
	case "auth-password-form", "direct-grant-validate-password":
		w.password = true
	case "deny-access-authenticator":
		if w.deny == nil {
			w.deny, w.denyAt, w.denySure = &s, w.place(), !w.unsure
		}
	case "user-session-limits":
		if w.limit == nil {
			w.limit, w.limitAt = &s, w.place()
		}
	}
	w.level(below)
	w.unsure = before
}

func (w *walk) place() place {
	switch {
	case w.password:
		return afterPassword
	case w.user:
		return beforePassword
	}
	return beforeUser
}

// conditions holds the conditions of a conditional sub-flow against the account.
func (w *walk) conditions(below []FlowStep) (yes, known bool) {
	yes, known = true, true
	for _, s := range below {
		if s.Level != below[0].Level || !strings.HasPrefix(s.Provider, "condition") || s.Requirement == "DISABLED" {
			continue
		}
		y, k := w.b.flowCondition(s)
		if k && !y {
			return false, true
		}
		known = known && k
	}
	return yes, known
}

// flowCondition knows the condition on a role; the others are not worked out.
func (b *bench) flowCondition(s FlowStep) (yes, known bool) {
	if s.Provider != "conditional-user-role" || !b.f.Roles.Is() {
		return false, false
	}
	wanted := s.Config["condUserRole"]
	yes = slices.ContainsFunc(b.f.Roles.Value, func(r Role) bool {
		return wanted == cmp.Or(r.Client+".", ".")+r.Name || r.Client == "" && wanted == r.Name
	})
	return yes != (s.Config["negate"] == "true"), true
}

func flowDenies(b *bench) []Check {
	switch {
	case b.f.Flow.State == NotAsked && b.r == nil && b.c == nil:
		return nil
	case !b.f.Flow.Is():
		return unknown(FlowDenies, "the authentication flow", b.f.Flow.Gap())
	}
	w, f := b.walked(), b.f.Flow.Value
	whose := "the realm's"
	if f.Override {
		whose = "the client's own"
	}
	switch {
	case b.c == nil && !b.f.Client.Is(): // it may have a flow of its own
		return unknown(FlowDenies, "the flow that the client "+b.a.Client+" takes", b.f.Client.Gap())
	case w.deny == nil:
		return pass(FlowDenies, "%s flow %q denies nobody by itself", whose, f.Alias)
	case !w.denySure && !b.deniedByFlow():
		return beside(FlowDenies, fmt.Sprintf("%s flow %q denies some people, under a condition that was not worked out", whose, f.Alias), "")
	}
	var fixes []Fix
	if f.Override {
		fixes = append(fixes, Fix{Summary: fmt.Sprintf("let %s use the realm's flow", b.c.ClientID), Weakens: true,
			Writes:      []Write{{Op: OpClearFlow, Client: b.c.ClientID, Name: binding(b.a.Grant)}},
			AlsoChanges: "whatever else the client's own flow demands is not demanded any more"})
	}
	return b.fail(FlowDenies, fmt.Sprintf("In %s flow %q the step %q denies the login.", whose, f.Alias, w.deny.Name),
		"see the conditions of that flow", fixes...)
}

// deniedByFlow reports whether the last try was ended by such a step.
func (b *bench) deniedByFlow() bool {
	e := b.lastOfClient("LOGIN", "LOGIN_ERROR")
	return e != nil && e.Error == "access_denied"
}

func binding(g Grant) string {
	if g == Direct {
		return "direct_grant"
	}
	return "browser"
}

// sessionLimit: a step of the flow may count the sessions of the user.
func sessionLimit(b *bench) []Check {
	w := b.walked()
	if w.limit == nil || b.u == nil {
		return nil
	}
	if !b.f.Sessions.Is() {
		return unknown(SessionLimit, "the sessions of the user", b.f.Sessions.Gap())
	}
	cfg := w.limit.Config
	all, ours := len(b.f.Sessions.Value), 0
	for _, s := range b.f.Sessions.Value {
		if b.c != nil && slices.Contains(s.Clients, b.c.ClientID) {
			ours++
		}
	}
	limit := func(key string, n int) bool {
		max, err := strconv.Atoi(cfg[key])
		return err == nil && max > 0 && n >= max
	}
	full := limit("userRealmLimit", all) || limit("userClientLimit", ours)
	switch {
	case !full:
		return pass(SessionLimit, "%s has room for another session", b.name())
	case strings.Contains(strings.ToLower(cfg["behavior"]), "terminate"):
		return pass(SessionLimit, "the oldest session will be ended to make room")
	}
	return b.fail(SessionLimit, fmt.Sprintf("%s has %s open, and the flow allows no more.", b.name(), plural(all, "session")), "log out where it is not needed",
		Fix{Summary: "end the sessions of " + b.u.Username, Final: true, AlsoChanges: "they are logged out everywhere",
			Writes: []Write{{Op: OpEndSessions, User: b.u.Username, UserID: b.u.ID}}})
}
