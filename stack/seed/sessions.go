package seed

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/stack/story"
)

// sessions gives people the sessions that they should have. There is no way to make
// one but to sign in, as an application does.
func (s *peopleSeeder) sessions(ctx context.Context, ids map[string]string) error {
	var people []story.Person
	for _, p := range s.st.People {
		if p.Sessions != (story.Sessions{}) {
			people = append(people, p)
		}
	}
	s.t.begin("sessions", len(people))
	if s.c.PublicURL() == "" {
		s.t.note("nobody has a session: no public URL of Kratos is known")
		return nil
	}
	door, err := newDoor(s.c.PublicURL())
	if err != nil {
		return err
	}
	// Those who need short sessions come first, alone: meanwhile everybody's are short.
	for _, p := range people {
		if err := again(ctx, func(ctx context.Context) error { return s.expired(ctx, door, p, ids[p.Key]) }); err != nil {
			return fmt.Errorf("%s: %w", p.Key, err)
		}
	}
	return each(ctx, parallelKratos, people, func(ctx context.Context, p story.Person) error {
		was, err := s.fresh(ctx, door, p, ids[p.Key])
		if err != nil {
			return fmt.Errorf("%s: %w", p.Key, err)
		}
		s.t.count(was, 1)
		return nil
	})
}

// held counts the sessions of an identity by what became of them.
func (s *peopleSeeder) held(ctx context.Context, id string) (story.Sessions, error) {
	var n story.Sessions
	fetch := func(ctx context.Context, cursor string) (clients.Page[kratos.Session], error) {
		return s.c.IdentitySessions(ctx, id, kratos.SessionQuery{}, cursor)
	}
	now := time.Now()
	for one, err := range clients.Each(ctx, fetch) {
		switch {
		case err != nil:
			return n, err
		case one.Live(now):
			n.Active++
		case one.Expired(now):
			n.Expired++
		default:
			n.Revoked++
		}
	}
	return n, nil
}

// expired lets a person sign in while sessions are short.
func (s *peopleSeeder) expired(ctx context.Context, d *door, p story.Person, id string) error {
	if p.Sessions.Expired == 0 {
		return nil
	}
	have, err := s.held(ctx, id)
	if err != nil || have.Expired >= p.Sessions.Expired {
		return err
	}
	if s.config == "" {
		s.t.note(p.Key + " has no expired session: the configuration file of Kratos is not known")
		return nil
	}
	var ends time.Time // of the last short session
	err = withShortSessions(ctx, s.config, func(ctx context.Context) error {
		// Kratos takes up the change within a fraction of a second; sign-ins before that
		// give long sessions, which are ended again.
		deadline := time.Now().Add(10 * time.Second)
		for n := have.Expired; n < p.Sessions.Expired; {
			one, err := d.signIn(ctx, p.Email, s.pw.Of(p.Key))
			if err != nil {
				return err
			}
			if one.ExpiresAt.Sub(one.IssuedAt) <= 2*time.Second {
				n++
				ends = one.ExpiresAt
				continue
			}
			if _, err := s.c.RevokeSession(ctx, one.ID); err != nil {
				return err
			}
			if time.Now().After(deadline) {
				s.t.note(p.Key + " has no expired session: Kratos did not take up the change of " + s.config)
				return nil
			}
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || ends.IsZero() {
		return err
	}
	// Until it is over it is a live session, and who seeds again, or looks, would be right
	// to take it for one.
	return pause(ctx, time.Until(ends)+100*time.Millisecond)
}

// fresh gives a person the live and the revoked sessions that are missing.
func (s *peopleSeeder) fresh(ctx context.Context, d *door, p story.Person, id string) (outcome, error) {
	have, err := s.held(ctx, id)
	if err != nil {
		return same, err
	}
	was := same
	deadline := time.Now().Add(10 * time.Second)
	for have.Active < p.Sessions.Active || have.Revoked < p.Sessions.Revoked {
		one, err := d.signIn(ctx, p.Email, s.pw.Of(p.Key))
		if err != nil {
			return was, err
		}
		was = created
		switch short := one.ExpiresAt.Sub(one.IssuedAt) < time.Minute; {
		case short && time.Now().After(deadline):
			return was, fmt.Errorf("new sessions still end after %s", one.ExpiresAt.Sub(one.IssuedAt))
		case short: // the lifespan has only just been put back
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return was, err
			}
		case have.Revoked < p.Sessions.Revoked:
			if _, err := s.c.RevokeSession(ctx, one.ID); err != nil {
				return was, err
			}
			have.Revoked++
		default:
			have.Active++
		}
	}
	return was, nil
}

// door is the public side of Kratos, where people sign in.
type door struct{ c *transport.Caller }

func newDoor(publicURL string) (*door, error) {
	c, err := transport.NewCaller(transport.New(transport.Options{Target: "kratos public"}), publicURL, "kratos public", transport.ExplainOry)
	return &door{c}, err
}

// signIn makes a session that stays, with the flow for applications without a browser.
func (d *door) signIn(ctx context.Context, email, password string) (kratos.Session, error) {
	const op = "sign in"
	var flow struct {
		ID string `json:"id"`
	}
	if _, err := d.c.Do(ctx, transport.Request{Op: op, Path: []string{"self-service", "login", "api"}, Out: &flow}); err != nil {
		return kratos.Session{}, err
	}
	var made struct {
		Session kratos.Session `json:"session"`
	}
	_, err := d.c.Do(ctx, transport.Request{Op: op, Method: http.MethodPost, Path: []string{"self-service", "login"}, Query: url.Values{"flow": {flow.ID}},
		JSON: map[string]string{"method": "password", "identifier": email, "password": password}, Out: &made, Secrets: []string{password}})
	return made.Session, err
}
