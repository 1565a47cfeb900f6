package login

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Aliases of the required actions that the server adds by itself, and their places in
// its order unless the realm says otherwise.
const (
	verifyEmail    = "VERIFY_EMAIL"
	updatePassword = "UPDATE_PASSWORD"
	verifyProfile  = "VERIFY_PROFILE"
)

var usualPriority = map[string]int{"TERMS_AND_CONDITIONS": 20, verifyEmail: 50, "UPDATE_PROFILE": 40, "CONFIGURE_TOTP": 54, updatePassword: 57,
	"delete_account": 60, verifyProfile: 100}

// pending is something that the person has to do at login.
type pending struct {
	priority int
	checks   []Check
}

// actions judges what the person has to do before they get in: the login page asks for
// it in the order of the realm's priorities, a direct grant fails with one and the same
// text for all of it.
func actions(b *bench) []Check {
	if b.u == nil || b.service() {
		return nil
	}
	var list []pending
	add := func(alias string, checks []Check) {
		list = append(list, pending{b.priority(alias), checks})
	}
	add(verifyEmail, emailUnverified(b))
	add(updatePassword, passwordExpired(b))
	for _, a := range b.u.RequiredActions {
		if checks := requiredAction(b, a); len(checks) > 0 {
			add(a, checks)
		}
	}
	add(verifyProfile, profileIncomplete(b))
	slices.SortStableFunc(list, func(x, y pending) int { return cmp.Compare(x.priority, y.priority) })
	var out []Check
	for _, p := range list {
		out = append(out, p.checks...)
	}
	if !slices.ContainsFunc(out, func(c Check) bool { return c.Code == RequiredAction }) {
		out = append(out, pass(RequiredAction, "nothing is left to do at login")...)
	}
	return out
}

func (b *bench) action(alias string) (Action, bool) {
	i := slices.IndexFunc(b.f.Actions.Value, func(a Action) bool { return a.Alias == alias })
	if i < 0 {
		return Action{}, false
	}
	return b.f.Actions.Value[i], true
}

func (b *bench) priority(alias string) int {
	if a, ok := b.action(alias); ok {
		return a.Priority
	}
	return cmp.Or(usualPriority[alias], 1000)
}

// acts reports whether an action stops this login. A direct grant is stopped by every
// entry of the account, the login page only by actions that the realm has enabled.
func (b *bench) acts(alias string, ofAccount bool) (yes, known bool) {
	if b.a.Grant == Direct && ofAccount {
		return true, true
	}
	if !b.f.Actions.Is() {
		return false, false
	}
	a, ok := b.action(alias)
	return ok && a.Enabled, true
}

func (b *bench) hasAction(alias string) bool { return slices.Contains(b.u.RequiredActions, alias) }

// emailUnverified: the realm wants verified addresses. The try itself writes the
// action into the account.
func emailUnverified(b *bench) []Check {
	switch {
	case b.r == nil:
		return unknown(EmailUnverified, "whether the realm wants verified e-mails", b.f.Realm.Gap())
	case b.u.EmailVerified:
		return pass(EmailUnverified, "the e-mail is verified")
	case !b.r.VerifyEmail:
		return pass(EmailUnverified, "the realm wants no verified e-mail")
	}
	if yes, known := b.acts(verifyEmail, b.hasAction(verifyEmail)); !known {
		return unknown(EmailUnverified, "whether the realm acts on an unverified e-mail", b.f.Actions.Gap())
	} else if !yes {
		return pass(EmailUnverified, "the action of verifying e-mails is switched off")
	}
	hint := "let the person follow the link in the e-mail"
	if !b.r.HasMail {
		hint = "the realm has no mail server, so that no link can be sent"
	}
	return b.fail(EmailUnverified, fmt.Sprintf("The e-mail of %s is not verified, and the realm wants it to be.", b.name()), hint,
		Fix{Summary: "mark the e-mail of " + b.u.Username + " as verified", AlsoChanges: "nobody proved that the address is theirs", Weakens: true,
			Writes: []Write{{Op: OpVerifyEmail, User: b.u.Username, UserID: b.u.ID}}})
}

// passwordExpired: the password is older than the policy allows. The first try writes
// the action into the account.
func passwordExpired(b *bench) []Check {
	c := b.has("password")
	switch {
	case b.r == nil:
		return unknown(PasswordExpired, "the password policy", b.f.Realm.Gap())
	case !b.f.Credentials.Is() || c == nil:
		return nil
	}
	days := policyDays(b.r.PasswordPolicy)
	if days == 0 || c.Created.Add(time.Duration(days)*24*time.Hour).After(b.f.Now) {
		return pass(PasswordExpired, "the password is young enough")
	}
	if yes, known := b.acts(updatePassword, b.hasAction(updatePassword)); known && !yes {
		return pass(PasswordExpired, "the action of updating passwords is switched off")
	}
	return b.fail(PasswordExpired, fmt.Sprintf("The password of %s is from %s, and the realm wants a new one every %s.", b.name(), c.Created.Format(time.DateOnly), plural(days, "day")),
		"log in on the login page and choose a new password", b.setPassword("set a new password for "+b.u.Username))
}

// policyDays reads the age out of a password policy
// ("length(8) and forceExpiredPasswordChange(365)"); 0 is no limit.
func policyDays(policy string) int {
	_, rest, ok := strings.Cut(policy, "forceExpiredPasswordChange(")
	if !ok {
		return 0
	}
	text, _, _ := strings.Cut(rest, ")")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 365 // the server's own default
	}
	return n
}

// requiredAction judges one entry of the account's list; none where another code tells
// it better.
func requiredAction(b *bench, alias string) []Check {
	switch {
	case alias == verifyEmail && (b.u.EmailVerified || b.r != nil && b.r.VerifyEmail):
		return nil // dropped by the server, or told by email_unverified
	case alias == updatePassword && b.expired():
		return nil
	}
	if b.r == nil && (alias == verifyEmail || alias == updatePassword) {
		// It may have been written by the realm's own rule, and then to clear it does not help.
		return unknown(RequiredAction, "whether the realm itself asks for "+actionWords(alias), b.f.Realm.Gap())
	}
	label := actionWords(alias)
	if a, ok := b.action(alias); ok && a.Name != "" {
		label = a.Name
	}
	yes, known := b.acts(alias, true)
	switch {
	case !known:
		return unknown(RequiredAction, "whether the realm acts on "+alias, b.f.Actions.Gap())
	case !yes:
		return pass(RequiredAction, "%s is pending, but the realm has it switched off", label)
	}
	hint := "let the person log in on the login page and do what it asks"
	out := b.fail(RequiredAction, fmt.Sprintf("%s has something to do first: %q.", b.name(), label), hint,
		Fix{Summary: fmt.Sprintf("take %q off the account of %s", label, b.u.Username), Weakens: true, AlsoChanges: "it is not asked for any more",
			Writes: []Write{{Op: OpClearAction, User: b.u.Username, UserID: b.u.ID, Name: alias}}})
	if b.a.Grant == Browser {
		out[0].Saw = actionPage(alias, label)
	}
	return out
}

// actionPage is what the login page says about an action, in Keycloak's own words where
// they are known.
func actionPage(alias, label string) string {
	words := map[string]string{updatePassword: "You need to change your password.", "UPDATE_PROFILE": "You need to update your user profile to activate your account.",
		verifyEmail: "You need to verify your email address to activate your account.", "CONFIGURE_TOTP": "You need to set up Mobile Authenticator to activate your account."}
	if w := words[alias]; w != "" {
		return onPage + " said: " + w
	}
	return "a page of the login asked for: " + label
}

func (b *bench) expired() bool {
	out := passwordExpired(b)
	return len(out) > 0 && out[0].State == Fail
}

func actionWords(alias string) string { return strings.ToLower(strings.ReplaceAll(alias, "_", " ")) }

// profileIncomplete: a field that the person must fill, and may edit, is empty.
func profileIncomplete(b *bench) []Check {
	if !b.f.Profile.Is() {
		return unknown(ProfileIncomplete, "the user profile of the realm", b.f.Profile.Gap())
	}
	var empty []string
	for _, f := range b.f.Profile.Value {
		if f.RequiredOfUser && f.Editable && b.u.field(f.Name) == "" {
			empty = append(empty, f.Name)
		}
	}
	if len(empty) == 0 {
		return pass(ProfileIncomplete, "the profile is complete")
	}
	if yes, known := b.acts(verifyProfile, false); !known {
		return unknown(ProfileIncomplete, "whether the realm acts on an incomplete profile", b.f.Actions.Gap())
	} else if !yes {
		return pass(ProfileIncomplete, "the profile lacks %s, but the realm does not ask for it at login", strings.Join(empty, ", "))
	}
	fix := Fix{Summary: fmt.Sprintf("fill in %s of %s", strings.Join(empty, " and "), b.u.Username)}
	for _, name := range empty {
		fix.Writes = append(fix.Writes, Write{Op: OpSetUserField, User: b.u.Username, UserID: b.u.ID, Name: name, Input: name})
	}
	return b.fail(ProfileIncomplete, fmt.Sprintf("The profile of %s lacks %s, which the realm wants filled in.", b.name(), strings.Join(empty, " and ")),
		"let the person log in on the login page and fill it in", fix)
}

// field is the value of a profile field.
func (u User) field(name string) string {
	switch name {
	case "username":
		return u.Username
	case "email":
		return u.Email
	case "firstName":
		return u.FirstName
	case "lastName":
		return u.LastName
	}
	if v := u.Attributes[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
