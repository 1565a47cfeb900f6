package login

import (
	"fmt"
	"slices"
	"strings"
)

func (b *bench) has(kind string) *Credential {
	if i := slices.IndexFunc(b.f.Credentials.Value, func(c Credential) bool { return c.Type == kind }); i >= 0 {
		return &b.f.Credentials.Value[i]
	}
	return nil
}

func (b *bench) setPassword(summary string) Fix {
	return Fix{Summary: summary, Final: true, AlsoChanges: "the old password ends, and with it a demand to change it at the next login",
		Writes: []Write{{Op: OpSetPassword, User: b.u.Username, UserID: b.u.ID, Input: "password"}}}
}

// password judges what there is to log in with, and by the events whether the last
// password was wrong; nobody can look up a password.
func password(b *bench) []Check {
	if b.u == nil || b.service() {
		return nil
	}
	if b.u.StorageID != "" && !b.f.Storage.Is() {
		return unknown(WrongPassword, "whether the directory lets the password be checked", b.f.Storage.Gap())
	}
	if !b.f.Credentials.Is() {
		return append(unknown(NoPassword, "what the user logs in with", b.f.Credentials.Gap()), wrongPassword(b)...)
	}
	if b.has("password") != nil || b.u.StorageID != "" {
		return append(pass(NoPassword, "a password is set"), wrongPassword(b)...)
	}
	b.passwordWrong = true
	if !b.f.Links.Is() {
		return unknown(NoPassword, "whether the user comes from an identity provider", b.f.Links.Gap())
	}
	if len(b.f.Links.Value) > 0 {
		return b.idpOnly()
	}
	return b.fail(NoPassword, fmt.Sprintf("%s has no password: it was never set.", b.name()), "let the person set one by the link in an e-mail",
		b.setPassword("set a password for "+b.u.Username))
}

func (b *bench) idpOnly() []Check {
	var aliases []string
	for _, l := range b.f.Links.Value {
		text := l.Provider
		if i := slices.IndexFunc(b.f.Providers.Value, func(p Provider) bool { return p.Alias == l.Provider }); i >= 0 && !b.f.Providers.Value[i].Enabled {
			text += " (which is switched off)"
		}
		aliases = append(aliases, text)
	}
	return b.fail(IDPOnlyUser, fmt.Sprintf("%s has no password here and logs in by %s.", b.name(), strings.Join(aliases, " or ")),
		"press the button of that provider on the login page", b.setPassword("give "+b.u.Username+" a password of this realm as well"))
}

// wrongPassword goes by the newest try. A lock that was lifted since, or a password set
// since, makes it old news.
func wrongPassword(b *bench) []Check {
	g, off, ok := b.eventGap()
	lock := b.f.Lock
	switch {
	case lock.Is() && b.r != nil && b.r.BruteForce && lock.Value.Failures == 0 && !lock.Value.Locked:
		return pass(WrongPassword, "no wrong password since the last login or unlock")
	case !ok && !off:
		return unknown(WrongPassword, "whether the last password was wrong", g)
	case off && lock.Is() && lock.Value.Failures > lock.Value.SecondFailures:
		return b.wrong(fmt.Sprintf("The last password for %s was wrong (%s%s).", b.name(), b.ago(lock.Value.LastFailure), from(lock.Value.LastIP)))
	case off:
		return beside(WrongPassword, "a wrong password leaves no trace: the realm keeps no events", "if the login still fails, the password is wrong: the realm keeps no events that would tell")
	}
	e := b.lastTry()
	switch {
	case e == nil || e.Error == "":
		return pass(WrongPassword, "no event tells of a wrong password since the last login")
	case e.Error == "user_temporarily_disabled" || lock.Value.Locked || b.u.PermanentlyLocked:
		return beside(WrongPassword, "while the user is locked nobody can tell whether the password is right", "")
	case e.Error != "invalid_user_credentials", b.secondFactor(*e):
		return pass(WrongPassword, "the last failed try had another reason")
	}
	if c := b.has("password"); c != nil && c.Created.After(e.Time) {
		return pass(WrongPassword, "a new password was set since the last failed try")
	}
	return b.wrong(fmt.Sprintf("The last password for %s was wrong (%s, from %s).", b.name(), b.ago(e.Time), e.IP))
}

// secondFactor reports whether the failure of an event was that of the one-time code:
// the server calls both the same.
func (b *bench) secondFactor(e Event) bool {
	if l := b.f.Lock; l.Is() && l.Value.Failures > 0 {
		return l.Value.SecondFailures >= l.Value.Failures
	}
	if b.has("otp") == nil {
		return false
	}
	return e.Details["auth_type"] != "" || e.Details["credential_type"] == "otp" || b.a.Grant == Direct
}

func (b *bench) wrong(evidence string) []Check {
	b.passwordWrong = true
	return b.fail(WrongPassword, evidence, "let the person use \"Forgot password\", or look whether Caps Lock is on",
		b.setPassword("set a new password for "+b.u.Username))
}

// otpRequired: the login page asks for a one-time code; an application that sends the
// password itself must send the code with it.
func otpRequired(b *bench) []Check {
	otp := b.has("otp")
	if b.u == nil || otp == nil || b.service() {
		return nil
	}
	remove := Fix{Summary: "take the one-time code generator away from " + b.u.Username, Weakens: true, Final: true,
		AlsoChanges: "they log in by password alone until they set up another",
		Writes:      []Write{{Op: OpRemoveCredential, User: b.u.Username, UserID: b.u.ID, Name: otp.Type, ID: otp.ID}}}
	if b.a.Grant == Direct {
		return b.fail(OTPRequired, fmt.Sprintf("%s has a one-time code generator, and the application sends no code with the password.", b.name()),
			"send the code as totp, or let the application use the login page", remove)
	}
	e := b.lastTry()
	if e != nil && e.Error == "invalid_user_credentials" && b.secondFactor(*e) {
		return b.fail(OTPRequired, fmt.Sprintf("The last one-time code of %s was wrong (%s).", b.name(), b.ago(e.Time)),
			"look at the clock of the phone: a code is good for half a minute", remove)
	}
	return pass(OTPRequired, "a page will ask %s for the one-time code", b.name())
}
