package login

import (
	"fmt"
	"strings"
)

// userKnown: the name leads to an account. By name alone, "is not there" and "may not
// be seen" look the same; the facts tell them apart.
func userKnown(b *bench) []Check {
	typed := b.a.User
	switch {
	case b.a.Grant == Service:
		return nil
	case !b.f.User.Is():
		return unknown(UserUnknown, "the account "+typed, b.f.User.Gap())
	case b.u != nil && b.a.Grant == Direct && strings.TrimSpace(typed) != typed:
		return b.fail(UserUnknown, fmt.Sprintf("The application sends %q, with a blank; there is only %q.", typed, strings.TrimSpace(typed)), "send the name without the blank")
	case b.u != nil:
		return append(pass(UserUnknown, "%s is the account %s", typed, b.u.Username), b.emailLogin()...)
	case !b.f.ByEmail.Is():
		return unknown(EmailLoginOff, "whether the e-mail belongs to an account", b.f.ByEmail.Gap())
	case len(b.f.ByEmail.Value) > 0:
		return b.emailUseless()
	}
	return b.fail(UserUnknown, fmt.Sprintf("The realm has no user %q.", typed), join(near(b.f.NearUsers), "ask for the exact name, and for the e-mail; look for similar ones with: gatehouse users list --search"),
		Fix{Summary: "make a user " + typed, Writes: []Write{{Op: OpCreateUser, User: strings.TrimSpace(typed), Input: "password"}}, Final: false,
			AlsoChanges: "the user gets the default roles of the realm"})
}

// near asks for the names that were probably meant.
func near(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(names, " or ") + "?"
}

// emailLogin is judged where the typed name is an e-mail address.
func (b *bench) emailLogin() []Check {
	if !strings.Contains(b.a.User, "@") || strings.EqualFold(b.u.Username, strings.TrimSpace(b.a.User)) {
		return nil
	}
	return pass(EmailLoginOff, "the realm allows logins by e-mail")
}

func (b *bench) emailUseless() []Check {
	u := b.f.ByEmail.Value[0]
	if b.r == nil {
		return unknown(EmailLoginOff, "whether the realm allows logins by e-mail", b.f.Realm.Gap())
	}
	if b.r.DuplicateEmails {
		return b.fail(EmailLoginOff, fmt.Sprintf("Several accounts may share an e-mail in this realm, so nobody can log in by it; %s is the e-mail of %s.", b.a.User, names(b.f.ByEmail.Value)),
			"log in as "+u.Username)
	}
	return b.fail(EmailLoginOff, fmt.Sprintf("%s belongs to %s, but the realm does not allow logins by e-mail.", b.a.User, u.Username), "log in as "+u.Username,
		Fix{Summary: "allow logins by e-mail", Writes: []Write{{Op: OpSetRealm, Name: "loginWithEmailAllowed", Value: "true"}}, AlsoChanges: "everybody of the realm can log in by e-mail"})
}

func names(list []User) string {
	var out []string
	for _, u := range list {
		out = append(out, u.Username)
	}
	return strings.Join(out, " and ")
}

// servicePrefix begins the names of service accounts; the server tells them from people
// in no other way.
const servicePrefix = "service-account-"

// service reports whether the account is a client's, or may be one for all we see: then
// what holds for people says nothing about it.
func (b *bench) service() bool {
	return strings.HasPrefix(b.u.Username, servicePrefix) && (!b.f.ServiceOf.Is() || b.f.ServiceOf.Value != "")
}

// serviceAccountUser: the account of a client is for the client alone.
func serviceAccountUser(b *bench) []Check {
	if b.u == nil || !strings.HasPrefix(b.u.Username, servicePrefix) {
		return nil
	}
	switch {
	case !b.f.ServiceOf.Is():
		return unknown(ServiceAccountUser, "whose service account "+b.u.Username+" is", b.f.ServiceOf.Gap())
	case b.f.ServiceOf.Value == "":
		return pass(ServiceAccountUser, "the account is a person's, in spite of its name")
	}
	return b.fail(ServiceAccountUser, fmt.Sprintf("%s is the service account of the client %s; nobody can log in as it.", b.u.Username, b.f.ServiceOf.Value),
		"the client logs in as it by its own credentials (grant client_credentials)")
}

// federation: the account lives in a directory. While that is off or away the server
// shows the account as disabled, although nobody disabled it.
func federation(b *bench) []Check {
	if b.u == nil || b.u.StorageID == "" {
		return nil
	}
	switch s := b.f.Storage.Value; {
	case !b.f.Storage.Is():
		out := unknown(FederationOff, "the directory that the account comes from", b.f.Storage.Gap())
		return append(out, unknown(FederationUnreachable, "whether the directory answers", b.f.Storage.Gap())...)
	case s == nil:
		return b.fail(FederationOff, fmt.Sprintf("%s comes from a directory that the realm does not have any more.", b.name()), "make the account anew, or the directory")
	case !s.Enabled:
		return b.fail(FederationOff, fmt.Sprintf("%s comes from the directory %q, which is switched off.", b.name(), s.Name), "",
			Fix{Summary: "switch on the directory " + s.Name, Writes: []Write{{Op: OpEnableStorage, ID: s.ID, Name: s.Name}}, AlsoChanges: "everybody of that directory can log in again"})
	case s.Reachable != nil && !*s.Reachable, s.Reachable == nil && !b.u.Enabled:
		return append(pass(FederationOff, "the directory %s is switched on", s.Name), b.unreachable(s)...)
	}
	return append(pass(FederationOff, "the directory %s is switched on", b.f.Storage.Value.Name), pass(FederationUnreachable, "the directory answers")...)
}

func (b *bench) unreachable(s *Storage) []Check {
	evidence := fmt.Sprintf("%s comes from the directory %q at %s, which does not answer.", b.name(), s.Name, s.URL)
	if s.Reachable == nil {
		evidence = fmt.Sprintf("%s comes from the directory %q at %s, and shows as disabled although the directory is on: it does not answer.", b.name(), s.Name, s.URL)
	}
	return b.fail(FederationUnreachable, evidence, "see that the directory runs and that Keycloak reaches it; users that are kept in the realm itself can still log in")
}

// userDisabled: a person disabled the account.
func userDisabled(b *bench) []Check {
	switch {
	case b.u == nil || b.service() || b.u.StorageID != "" && !b.u.Enabled || b.u.PermanentlyLocked:
		return nil
	case b.u.Enabled:
		return pass(UserDisabled, "the account is enabled")
	}
	return b.fail(UserDisabled, fmt.Sprintf("The account of %s is disabled by an administrator.", b.name()), "find out why before you enable it",
		Fix{Summary: "enable " + b.u.Username, Writes: []Write{{Op: OpEnableUser, User: b.u.Username, UserID: b.u.ID}}})
}

// locks judges the three kinds of lock, which the person cannot tell from a wrong
// password.
func locks(b *bench) []Check {
	if b.u == nil || b.service() {
		return nil
	}
	unlock := Fix{Summary: "unlock " + b.u.Username, Writes: []Write{{Op: OpUnlock, User: b.u.Username, UserID: b.u.ID}}, AlsoChanges: "the count of failures starts anew", Final: true}
	if b.u.PermanentlyLocked {
		return b.fail(LockedPermanently, fmt.Sprintf("%s is locked for good after too many wrong passwords; only an administrator can undo it.", b.name()),
			"make sure that it was the person who tried", unlock)
	}
	out := pass(LockedPermanently, "not locked for good")
	if !b.f.Lock.Is() {
		return append(out, unknown(LockedTemporarily, "the failed tries of the user", b.f.Lock.Gap())...)
	}
	l := b.f.Lock.Value
	if !l.Locked || l.Permanent || !l.Until.After(b.f.Now) {
		return append(out, pass(LockedTemporarily, "not locked now%s", failuresWords(l))...)
	}
	if l.TemporaryLocks == 0 && (b.r == nil || l.Failures < b.r.FailureFactor) {
		return append(out, b.fail(LockedQuickLogin, fmt.Sprintf("%s is locked for %s: two tries came too quickly one after the other%s.", b.name(), b.left(l.Until), b.quickWords()),
			"wait, or unlock; a program that retries by itself may be the one that tries", unlock)...)
	}
	return append(out, b.fail(LockedTemporarily, fmt.Sprintf("%s is locked for another %s after %s%s.", b.name(), b.left(l.Until), plural(l.Failures, "wrong password"), from(l.LastIP)),
		"wait, or unlock; then set a new password if the old one is forgotten", unlock)...)
}

func failuresWords(l Lock) string {
	if l.Failures == 0 {
		return ""
	}
	return ", after " + count(l.Failures, "failed try", "failed tries")
}

func (b *bench) quickWords() string {
	if b.r == nil || b.r.QuickLoginCheck == 0 {
		return ""
	}
	return fmt.Sprintf(" (within %v)", b.r.QuickLoginCheck)
}

func from(ip string) string {
	if ip == "" {
		return ""
	}
	return " from " + ip
}
