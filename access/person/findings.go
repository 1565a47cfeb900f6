package person

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Weight is how much a finding matters.
type Weight string

// The closed list of weights.
const (
	KeepsOut Weight = "keeps_out" // the person cannot get in somewhere
	Unequal  Weight = "unequal"   // the back ends do not fit together
	Worth    Weight = "worth"     // worth knowing
)

// Code names a kind of finding, for scripts.
type Code string

// The closed list of codes.
const (
	Suspended       Code = "suspended"              // inactive in Kratos
	SuspendedHere   Code = "suspended_only_there"   // suspended in one of Kratos and Keycloak, not in the other
	NoCredential    Code = "no_credential"          // no way to sign in to Kratos
	NotVerified     Code = "email_not_verified"     // an address that nobody has confirmed
	StaleIdentifier Code = "stale_identifier"       // a login name that no trait holds any more
	Disabled        Code = "account_disabled"       // in Keycloak
	Locked          Code = "account_locked"         // by brute-force detection
	MustDo          Code = "required_action"        // something to do at the next login
	NoAccount       Code = "no_account"             // in Kratos, not in Keycloak
	NoIdentity      Code = "no_identity"            // in Keycloak, not in Kratos
	EmailDiffers    Code = "email_differs"          // between Kratos and Keycloak
	NameDiffers     Code = "name_differs"           // between Kratos and Keycloak
	VerifiedDiffers Code = "email_verified_differs" // verified in one of them only
	SeveralSubjects Code = "several_subjects"       // Keto holds tuples under more than one name
	NotByID         Code = "not_by_id"              // Keto holds tuples under another name than the Kratos id only
	UnsafeSubject   Code = "unsafe_subject"         // tuples under a name that may mean somebody else
	SeveralAccounts Code = "several_accounts"       // more than one account of a realm may be theirs
)

// Finding is one thing that stands out about a person.
type Finding struct {
	Code   Code   `json:"code"`
	Weight Weight `json:"weight"`
	Text   string `json:"text"` // one sentence that a support person would say
	Do     string `json:"do"`   // what to do about it; may be empty
}

// findings says what stands out, the worst first.
func findings(h Human) []Finding {
	f := &finder{Human: h, out: []Finding{}}
	f.identity()
	for _, a := range h.Accounts {
		f.account(a)
		f.compare(a)
	}
	f.several()
	f.absent()
	f.subjects()
	order := map[Weight]int{KeepsOut: 0, Unequal: 1, Worth: 2}
	slices.SortStableFunc(f.out, func(a, b Finding) int { return order[a.Weight] - order[b.Weight] })
	return f.out
}

type finder struct {
	Human
	out []Finding
}

func (f *finder) add(c Code, w Weight, do, text string, args ...any) {
	f.out = append(f.out, Finding{c, w, fmt.Sprintf(text, args...), do})
}

func (f *finder) identity() {
	i := f.Identity
	if i == nil {
		return
	}
	if i.State == kratos.Inactive {
		f.add(Suspended, KeepsOut, "reactivate the identity", "Suspended in Kratos: every sign-in there is refused.")
	}
	if i.Credentials != nil && len(i.Credentials) == 0 {
		f.add(NoCredential, KeepsOut, "make a recovery code", "Has no credential in Kratos, so there is no way to sign in there.")
	}
	for _, a := range i.Addresses {
		if !a.Verified {
			f.add(NotVerified, Worth, "let them verify it, or mark it as verified", "The address %s is not verified in Kratos; some applications refuse it.", a.Value)
		}
	}
	for _, name := range i.StaleIdentifiers() {
		f.add(StaleIdentifier, Worth, "set the traits again, so that Kratos makes the login names anew",
			"Can still sign in to Kratos as %s, which no trait holds any more, and nobody else can take that name.", name)
	}
}

func (f *finder) account(a Account) {
	in := "in realm " + a.Realm
	switch {
	case a.Lock.Permanent || a.User.PermanentlyLocked():
		f.add(Locked, KeepsOut, "unlock the account", "Locked for good %s after too many failed logins.", in)
	case !a.User.Enabled && a.User.FederationLink != "":
		f.add(Disabled, KeepsOut, "look whether its user storage answers before enabling anything", "Disabled %s, or its user storage is away: Keycloak tells both alike.", in)
	case !a.User.Enabled:
		f.add(Disabled, KeepsOut, "enable the account", "Disabled %s: every login there is refused.", in)
	case a.Lock.Locked:
		f.add(Locked, KeepsOut, "unlock the account, or wait", "Locked %s after %d failed logins, until %s.", in, a.Lock.Failures, a.Lock.Until.UTC().Format("2006-01-02 15:04 MST"))
	}
	if len(a.User.RequiredActions) > 0 {
		f.add(MustDo, Worth, "let them log in with a browser, or clear it", "Must do this at the next login %s: %s.", in, strings.Join(a.User.RequiredActions, ", "))
	}
}

// compare holds an account against the identity.
func (f *finder) compare(a Account) {
	i := f.Identity
	if i == nil {
		return
	}
	in := "realm " + a.Realm
	suspended := i.State == kratos.Inactive
	switch {
	case suspended && a.User.Enabled:
		f.add(SuspendedHere, Unequal, "disable the account too, if the person is to be kept out", "Suspended in Kratos, but can log in to %s.", in)
	case !suspended && !a.User.Enabled && !a.User.PermanentlyLocked():
		f.add(SuspendedHere, Unequal, "suspend the identity too, if the person is to be kept out", "Disabled in %s, but can sign in to Kratos.", in)
	}
	mails := i.Emails()
	same := slices.ContainsFunc(mails, func(m string) bool { return strings.EqualFold(m, a.User.Email) })
	switch {
	case a.User.Email == "" && len(mails) > 0:
		f.add(EmailDiffers, Unequal, "give the account the address", "Has the address %s in Kratos and none in %s.", mails[0], in)
	case len(mails) > 0 && !same:
		f.add(EmailDiffers, Unequal, "correct one of the two", "Has the address %s in Kratos and %s in %s.", mails[0], a.User.Email, in)
	}
	for _, v := range i.Addresses {
		if strings.EqualFold(v.Value, a.User.Email) && v.Verified != a.User.EmailVerified {
			where := [2]string{"Kratos", in}
			if !v.Verified {
				where = [2]string{in, "Kratos"}
			}
			f.add(VerifiedDiffers, Unequal, "verify it in both", "The address %s is verified in %s and not in %s.", v.Value, where[0], where[1])
		}
	}
	// A name of one word is more often a login name than half of a person's name.
	n, an := i.Name(), accountName(a.User)
	if an != "" && strings.Contains(n, " ") && !strings.EqualFold(squeeze(n), squeeze(an)) {
		f.add(NameDiffers, Unequal, "correct one of the two", "Is called %s in Kratos and %s in %s.", n, an, in)
	}
}

// several says in which realms more than one account may be the person's.
func (f *finder) several() {
	names := map[string][]string{}
	for _, a := range f.Accounts {
		names[a.Realm] = append(names[a.Realm], a.User.Username)
	}
	for _, realm := range slices.Sorted(maps.Keys(names)) {
		if n := names[realm]; len(n) > 1 {
			f.add(SeveralAccounts, Unequal, "look whether they are the same person, and remove what is not needed",
				"Has %d accounts in realm %s that may be theirs: %s.", len(n), realm, strings.Join(n, ", "))
		}
	}
}

// accountName is the first and last name of an account; empty when it has none.
func accountName(u keycloak.User) string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

// absent says where the person is not, as far as every back end was asked.
func (f *finder) absent() {
	asked := func(server string) bool {
		return !slices.ContainsFunc(f.Missed, func(m Missed) bool { return strings.HasPrefix(m.Server, server) })
	}
	switch {
	case f.Identity != nil && len(f.Accounts) == 0 && asked("keycloak"):
		f.add(NoAccount, Unequal, "make the account, if an application of Keycloak is to know them", "Has an identity in Kratos and no account in Keycloak.")
	case f.Identity == nil && len(f.Accounts) > 0 && asked("kratos"):
		f.add(NoIdentity, Unequal, "let them register, or make the identity", "Has an account in Keycloak and no identity in Kratos.")
	}
}

func (f *finder) subjects() {
	var names []string
	for _, h := range f.Holdings {
		if len(h.Tuples) == 0 {
			continue
		}
		if h.Alias.Unsafe {
			f.add(UnsafeSubject, Worth, "write tuples for the id in place of it",
				"Keto holds tuples for %s, an address without its @, which can mean somebody else too.", h.Alias.Subject)
			continue
		}
		names = append(names, h.Alias.Subject.String())
	}
	unread := slices.ContainsFunc(f.Holdings, func(h Holding) bool { return h.Err != nil })
	if i := f.Identity; i != nil && !unread && len(names) == 1 && names[0] != i.ID {
		f.add(NotByID, Worth, "look which name the application asks with, and write the tuples for that one",
			"Keto knows them as %s only: whoever asks with their Kratos id finds nothing.", names[0])
	}
	if len(names) > 1 {
		f.add(SeveralSubjects, Unequal, "let the applications agree on one of them",
			"Keto knows them under %d names (%s); a check sees only what is held by the name it is asked with.", len(names), strings.Join(names, ", "))
	}
}
