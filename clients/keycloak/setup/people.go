package setup

import (
	"context"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

func (l *looker) lookUser(ctx context.Context, w User) (Step, error) {
	st := Step{Number: 6, Name: NameUser, Who: w.Username}
	if !l.realm {
		return l.absentUser(st, w, "there is no realm yet"), nil
	}
	u, err := l.r.UserByUsername(ctx, w.Username)
	if clients.Is(err, clients.NotFound) {
		return l.absentUser(st, w, "there is no user "+quote(w.Username)), nil
	} else if err != nil {
		l.unseen[w.Username] = clients.Is(err, clients.Denied)
		return st, err
	}
	if u, err = l.r.User(ctx, u.ID); err != nil { // a list leaves the required actions out
		return st, err
	}
	l.users[w.Username] = &u
	switch {
	case u.PermanentlyLocked():
		return st.missing(w.Username+" is locked for good after failed logins", saidWrong).byHand("unlock the user"), nil
	case !u.Enabled && u.FederationLink != "":
		return st.missing(w.Username+" comes from a user storage that is off or does not answer", saidWrong).byHand("look after the user storage"), nil
	case !u.Enabled:
		return st.missing(w.Username+" is disabled", "the login page says: Account is disabled, contact your administrator.").byHand("enable the user, if nobody switched it off on purpose"), nil
	}
	if u.FederationLink != "" {
		return st.done(w.Username + " is there, from a user storage"), nil
	}
	return l.lookAccount(ctx, st, w, u)
}

// saidWrong is what the login page says of a wrong password and of much else.
const saidWrong = "the login page says: Invalid username or password."

// lookAccount checks what a user needs to log in by name and password.
func (l *looker) lookAccount(ctx context.Context, st Step, w User, u keycloak.User) (Step, error) {
	creds, err := l.r.Credentials(ctx, u.ID)
	if err != nil {
		return st, err
	}
	if !slices.ContainsFunc(creds, func(c keycloak.Credential) bool { return c.Type == "password" }) {
		st = st.missing(w.Username+" has no password", saidWrong)
		if w.Password == "" {
			return st.byHand("set one, for example with --password-file"), nil
		}
		return st.with("set the password of "+w.Username, "", func(ctx context.Context) (func(context.Context) error, error) {
			_, err := l.r.ResetPassword(ctx, u.ID, w.Password, w.Temporary)
			return nil, err
		}), nil
	}
	if lacks := incomplete(u); len(lacks) > 0 {
		return l.completeUser(st, w, u, lacks), nil
	}
	if acts := u.RequiredActions; len(acts) > 0 && !(len(acts) == 1 && acts[0] == "UPDATE_PASSWORD" && w.Temporary) {
		return st.missing(w.Username+" has to do something first: "+strings.Join(acts, ", "), "the login page asks for it").byHand("log in once with a browser, or clear the required action"), nil
	}
	return st.done(w.Username + " is there and enabled, with a password"), nil
}

// incomplete lists what the user profile of a new realm demands of its users.
func incomplete(u keycloak.User) []string {
	var out []string
	for _, f := range []struct{ name, value string }{{"e-mail", u.Email}, {"first name", u.FirstName}, {"last name", u.LastName}} {
		if f.value == "" {
			out = append(out, f.name)
		}
	}
	return out
}

const askedProfile = "the login page asks for it, a login without a browser says: Account is not fully set up"

func (l *looker) completeUser(st Step, w User, u keycloak.User, lacks []string) Step {
	st = st.missing(w.Username+" has no "+strings.Join(lacks, ", no "), askedProfile)
	var p keycloak.UserPatch
	var what []string
	fill := func(have, want, name string, to **string) {
		if have == "" && want != "" {
			*to = &want
			what = append(what, name)
		}
	}
	fill(u.Email, w.Email, "e-mail", &p.Email)
	fill(u.FirstName, w.FirstName, "first name", &p.FirstName)
	fill(u.LastName, w.LastName, "last name", &p.LastName)
	if len(what) < len(lacks) {
		return st.byHand("give it: --user '" + w.Username + "=First Last <e-mail>'")
	}
	return st.with("set the "+strings.Join(what, ", ")+" of "+w.Username, "", func(ctx context.Context) (func(context.Context) error, error) {
		_, err := l.r.UpdateUser(ctx, u.ID, p)
		return nil, err
	})
}

func (l *looker) absentUser(st Step, w User, found string) Step {
	delete(l.users, w.Username)
	st = st.missing(found, saidWrong)
	if w.Email == "" || w.FirstName == "" || w.LastName == "" {
		return st.byHand("a user needs a name and an e-mail to log in: --user '" + w.Username + "=First Last <e-mail>'")
	}
	return st.with("make the user "+quote(w.Username)+" ("+w.FirstName+" "+w.LastName+", "+w.Email+")", "", func(ctx context.Context) (func(context.Context) error, error) {
		_, err := l.r.CreateUser(ctx, keycloak.NewUser{Username: w.Username, Email: w.Email, EmailVerified: true,
			FirstName: w.FirstName, LastName: w.LastName, Password: w.Password, TemporaryPassword: w.Temporary})
		return nil, err
	})
}

// notSeen leaves open what hangs on a user whom our account cannot see.
func notSeen(st Step, w User) Step {
	st.State, st.Found, st.Needs = Unknown, "whether "+w.Username+" is there could not be told", "view-users"
	return st
}

func (l *looker) lookGrant(ctx context.Context, st Step, w User) (Step, error) {
	st.Who = w.Username
	u := l.users[w.Username]
	names := strings.Join(l.w.Roles, ", ")
	switch {
	case l.unseen[w.Username]:
		return notSeen(st, w), nil
	case u == nil:
		return st.missing("there is no user "+quote(w.Username)+" yet", "").later("grant " + w.Username + " the role " + names), nil
	case len(l.w.Roles) == 0:
		st.State, st.Found = Skipped, "no role was named"
		return st, nil
	case len(l.roles) < len(l.w.Roles):
		return st.missing("the roles are not there yet", "").byHand("comes after step 4"), nil
	}
	held, err := l.r.Effective(ctx, keycloak.OfUser(u.ID))
	if err != nil {
		return st, err
	}
	var absent []keycloak.Role
	var missing []string
	for _, role := range l.roles {
		switch held.Has(role.ID) {
		case keycloak.No:
			absent, missing = append(absent, role), append(missing, role.Name)
		case keycloak.Unknown:
			st.State, st.Found, st.Needs = Unknown, "not all roles of "+w.Username+" are visible to our account", held.Cut.String()
			return st, nil
		}
	}
	if len(absent) == 0 {
		return st.done(w.Username + " has " + names), nil
	}
	return st.missing(w.Username+" does not have "+strings.Join(missing, ", "), "the login works, the application denies").
		with("grant "+w.Username+" the role "+strings.Join(missing, ", "), "", func(ctx context.Context) (func(context.Context) error, error) {
			_, err := l.r.Grant(ctx, keycloak.OfUser(u.ID), absent...)
			return func(ctx context.Context) error {
				_, err := l.r.Revoke(ctx, keycloak.OfUser(u.ID), absent...)
				return err
			}, err
		}), nil
}
