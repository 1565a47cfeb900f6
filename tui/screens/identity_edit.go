package screens

import (
	"context"
	"fmt"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// IdentityEditor changes single things of an identity, or deletes it.
type IdentityEditor interface {
	RevokeSession(ctx context.Context, sessionID string) (clients.Change[kratos.Session], error)
	MarkVerified(ctx context.Context, id, address string, verified bool) (clients.Change[kratos.Identity], error)
	DeleteCredential(ctx context.Context, id, kind, identifier string) (clients.Change[kratos.Identity], error)
	Delete(ctx context.Context, id string) (kratos.Identity, error)
}

// askOp suspends, reactivates or signs out.
func (s *Identity) askOp(op identityOp) {
	row, k := s.row, s.spec.Write
	s.host.Confirm(op.question([]IdentityRow{row}, func() {
		tui.Write(s.host, &s.write, op.verb+" "+row.title(), op.timeout(1), func(ctx context.Context) ([]identityOutcome, error) {
			return op.runAll(ctx, k, []IdentityRow{row})
		}, func(out []identityOutcome, err error) {
			for _, o := range out {
				if o.after.ID != "" {
					s.show(o.after)
				}
			}
			if u := op.undo(k, out, func(i kratos.Identity) { s.show(i); s.loadSessions() }); u != nil {
				s.host.Undo(*u)
			}
			s.after(err, op.report(out))
			s.loadSessions()
		})
	}))
}

// after reports a write and takes note that what is shown is as new as the server.
func (s *Identity) after(err error, done string) {
	if err != nil {
		s.host.Fail(err)
		if clients.Is(err, clients.UnknownOutcome) || clients.Is(err, clients.Conflict) {
			s.load() // only the server knows how it is now
		}
		return
	}
	s.changes = s.host.Env().Changes
	s.host.Toast(done)
}

func (s *Identity) takeName() string {
	if s.host != nil && isCredential(s.selected()) {
		return "remove"
	}
	return "end session"
}

func (s *Identity) whyNotTake() string {
	if why := s.whyNotEdit(); why != "" {
		return why
	}
	switch v := s.selected().(type) {
	case kratos.Session:
		if !v.Live(s.host.Env().Now()) && !s.sessions.asleep[v.ID] {
			return "this session is over already"
		}
		return ""
	case identityCredRef:
		return v.whyNotRemove()
	}
	return "select a session, or a way to sign in, first"
}

// whyNotRemove says which credentials Kratos never removes. Source: the admin API
// of v1.3.1 refuses password, and has no way for passkeys and one-time codes.
func (c identityCredRef) whyNotRemove() string {
	switch c.kind {
	case kratos.Password:
		return "Kratos does not remove passwords; c makes a recovery code with which a new one is set"
	case kratos.Code:
		return "a one-time code belongs to the e-mail address: change the address instead"
	case kratos.Passkey:
		return "Kratos has no way to remove passkeys for somebody"
	}
	return ""
}

func (s *Identity) askTake() {
	switch v := s.selected().(type) {
	case kratos.Session:
		s.askEndSession(v)
	case identityCredRef:
		s.askRemove(v)
	}
}

func (s *Identity) askEndSession(v kratos.Session) {
	k, now := s.spec.Edit, s.host.Env().Now()
	line := "session " + shortID(v.ID) + ", signed in " + ago(now, v.AuthenticatedAt)
	for _, d := range v.Devices {
		line = joinWords(line, "from", d.IPAddress, d.UserAgent)
		break
	}
	s.host.Confirm(tui.Question{Title: "End this session of " + s.row.title() + "?", Verb: "end", Danger: true,
		Lines: []string{line, "Whoever uses it is signed out at once, and can sign in again."},
		Yes: func() {
			tui.Write(s.host, &s.write, "end session "+shortID(v.ID), 0, func(ctx context.Context) (clients.Change[kratos.Session], error) {
				return k.RevokeSession(ctx, v.ID)
			}, func(_ clients.Change[kratos.Session], err error) {
				s.after(err, "session "+shortID(v.ID)+" ended")
				s.loadSessions()
			})
		}})
}

func (s *Identity) askRemove(c identityCredRef) {
	k, id, what := s.spec.Edit, s.id, credentialName(c.kind)
	q := tui.Question{Title: "Remove " + what + " of " + s.row.title() + "?", Verb: "remove", Danger: true,
		Lines: []string{joinWords("credential", c.kind, c.identifier)}}
	switch c.kind {
	case kratos.OIDC, kratos.SAML:
		q.Lines = append(q.Lines, "Where it is the only way to sign in, the person is locked out: make sure that there is a password.")
	case kratos.WebAuthn:
		q.Lines = append(q.Lines, "All security keys used as a second step are removed; keys without a password stay.")
	default:
		q.Lines = append(q.Lines, "The person is no longer asked for it, and can set it up anew.")
	}
	q.Yes = func() {
		tui.Write(s.host, &s.write, "remove "+what, 0, func(ctx context.Context) (clients.Change[kratos.Identity], error) {
			return k.DeleteCredential(ctx, id, c.kind, c.identifier)
		}, func(ch clients.Change[kratos.Identity], err error) {
			if ch.After.ID != "" {
				s.setUp = nil
				s.show(ch.After)
			}
			s.after(err, what+" removed")
		})
	}
	s.host.Confirm(q)
}

func (s *Identity) verifyName() string {
	if s.host != nil {
		if a, ok := s.selected().(kratos.Address); ok && a.Verified {
			return "mark unverified"
		}
	}
	return "mark verified"
}

func (s *Identity) whyNotVerify() string {
	if why := s.whyNotEdit(); why != "" {
		return why
	}
	if !isAddress(s.selected()) {
		return "select an address first"
	}
	return ""
}

func (s *Identity) askVerify() {
	a, _ := s.selected().(kratos.Address)
	word := "verified"
	if a.Verified {
		word = "not verified"
	}
	s.host.Confirm(tui.Question{Title: fmt.Sprintf("Mark %s as %s?", a.Value, word), Verb: "mark",
		Lines: []string{fmt.Sprintf("%s: verified = %t", a.Value, !a.Verified), "This says that somebody made sure whose address it is. No mail is sent."},
		Yes:   func() { s.verify(a.Value, !a.Verified, word) }})
}

func (s *Identity) verify(address string, verified bool, word string) {
	k, id := s.spec.Edit, s.id
	tui.Write(s.host, &s.write, "mark "+address+" as "+word, 0, func(ctx context.Context) (clients.Change[kratos.Identity], error) {
		return k.MarkVerified(ctx, id, address, verified)
	}, func(ch clients.Change[kratos.Identity], err error) {
		if ch.After.ID != "" {
			s.show(ch.After)
		}
		if err == nil {
			s.host.Undo(s.undoVerify(address, verified, word))
		}
		s.after(err, address+" is marked as "+word)
	})
}

// undoVerify marks the address as it was, if nobody marked it otherwise since.
func (s *Identity) undoVerify(address string, verified bool, word string) tui.Undo {
	k, r, id := s.spec.Edit, s.spec.Kratos, s.id
	var after kratos.Identity
	return tui.Undo{What: "mark " + address + " as " + word, Lines: []string{fmt.Sprintf("%s: verified = %t", address, !verified)},
		Run: func(ctx context.Context) error {
			now, err := r.Get(ctx, id)
			if err != nil {
				return err
			}
			for _, a := range now.Addresses {
				if a.Value == address && a.Verified == verified {
					c, err := k.MarkVerified(ctx, id, address, !verified)
					after = c.After
					return err
				}
			}
			return &clients.Problem{Kind: clients.Conflict, Op: "undo", Reason: address + " is no longer marked as " + word, Hint: "look at it again and decide anew"}
		},
		Then: func() { s.show(after) }}
}

// askDelete deletes the identity. The name has to be typed: it takes the sessions
// and the ways to sign in with it, and nothing brings it back.
func (s *Identity) askDelete() {
	row, k, id := s.row, s.spec.Edit, s.id
	q := tui.Question{Title: "Delete the identity of " + row.title() + "?", Verb: "delete", Danger: true, Typed: orWord(row.Email, row.title()),
		Lines: []string{identityWho(row), fmt.Sprintf("with %s, %s and all credentials", s.sessions.count(), count(len(s.who.Addresses), "address"))}}
	if n := s.tupleCount(); n > 0 {
		q.Lines = append(q.Lines, fmt.Sprintf("Its %s in Keto stay; whoever gets one of its names inherits them.", count(n, "relation tuple")))
	}
	for _, r := range s.accounts {
		if len(r.Accounts) > 0 {
			q.Lines = append(q.Lines, "The Keycloak account in "+r.Realm+" stays, and can still be used.")
		}
	}
	q.Yes = func() {
		tui.Write(s.host, &s.write, "delete the identity of "+row.title(), 0, func(ctx context.Context) (struct{}, error) {
			_, err := k.Delete(ctx, id)
			return struct{}{}, err
		}, func(_ struct{}, err error) {
			s.after(err, "the identity of "+row.title()+" is deleted")
			if err == nil {
				s.gone, s.sessions = true, identitySessions{}
				s.build()
			}
		})
	}
	s.host.Confirm(q)
}
