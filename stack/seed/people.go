package seed

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/stack/story"
)

// peopleSeeder brings the identities of Kratos to what the story says.
type peopleSeeder struct {
	c  *kratos.Client
	st *story.Story
	pw *Passwords
	t  *tally
	// config is the configuration file of Kratos; see withShortSessions.
	config string
}

// run makes and repairs the identities, then their sessions, and answers their ids.
func (s *peopleSeeder) run(ctx context.Context) (map[string]string, error) {
	people := s.st.People
	s.t.begin("identities", len(people))
	ids := make([]string, len(people)) // in place, for an attempt may come twice
	index := map[string]int{}
	for i, p := range people {
		index[p.Key] = i
	}
	err := each(ctx, parallelKratos, people, func(ctx context.Context, p story.Person) error {
		id, was, err := s.ensure(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Key, err)
		}
		ids[index[p.Key]] = id
		s.t.count(was, 1)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i, p := range people {
		out[p.Key] = ids[i]
	}
	return out, s.sessions(ctx, out)
}

// ensure finds or makes one identity and repairs what differs.
func (s *peopleSeeder) ensure(ctx context.Context, p story.Person) (string, outcome, error) {
	have, found, err := s.find(ctx, p)
	if err != nil {
		return "", same, err
	}
	want, err := s.wanted(p)
	if err != nil {
		return "", same, err
	}
	if !found {
		made, err := s.c.Create(ctx, want)
		return made.ID, created, err
	}
	was, err := s.repair(ctx, p, have, want)
	return have.ID, was, err
}

// find looks a person up by e-mail. Kratos can find two identities by one login name
// (an old one may linger after a change of schema), so the traits decide.
func (s *peopleSeeder) find(ctx context.Context, p story.Person) (kratos.Identity, bool, error) {
	hits, err := s.c.FindExact(ctx, p.Email)
	if err != nil {
		return kratos.Identity{}, false, err
	}
	for _, i := range hits {
		if slices.ContainsFunc(i.Emails(), func(e string) bool { return strings.EqualFold(e, p.Email) }) {
			return i, true, nil
		}
	}
	return kratos.Identity{}, false, nil
}

// wanted is the identity that the story describes.
func (s *peopleSeeder) wanted(p story.Person) (kratos.NewIdentity, error) {
	n := kratos.NewIdentity{SchemaID: p.Schema(), State: kratos.Active}
	if !p.Active() {
		n.State = kratos.Inactive
	}
	var err error
	if n.Traits, err = json.Marshal(p.AllTraits()); err != nil {
		return n, err
	}
	for _, m := range []struct {
		dst *json.RawMessage
		src map[string]any
	}{{&n.MetadataPublic, p.MetadataPublic}, {&n.MetadataAdmin, p.MetadataAdmin}} {
		if m.src == nil {
			continue
		}
		if *m.dst, err = json.Marshal(m.src); err != nil {
			return n, err
		}
	}
	if p.IsVerified() {
		n.Verified = []kratos.Address{{Value: strings.ToLower(p.Email), Via: "email"}}
	}
	if p.HasPassword() {
		n.PasswordHash, err = hash(s.pw.Of(p.Key))
	}
	return n, err
}

// hash prepares a password for import. The passwords of the story have 130 random
// bits, so that few rounds suffice and forty people do not cost forty slow hashes;
// Kratos replaces the hash by one of its own kind at the first sign-in.
func hash(password string) (clients.Secret, error) {
	const rounds, size = 1000, 32
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, err := pbkdf2.Key(sha256.New, password, salt, rounds, size)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return clients.Secret(fmt.Sprintf("$pbkdf2-sha256$i=%d,l=%d$%s$%s", rounds, size, b64(salt), b64(key))), nil
}

func (s *peopleSeeder) repair(ctx context.Context, p story.Person, have kratos.Identity, want kratos.NewIdentity) (outcome, error) {
	was := same
	edit := kratos.Edit{}
	if have.SchemaID != want.SchemaID {
		edit.SchemaID, was = want.SchemaID, changed
	}
	for _, m := range []struct {
		dst        *json.RawMessage
		have, want json.RawMessage
	}{{&edit.Traits, have.Traits, want.Traits}, {&edit.MetadataPublic, have.MetadataPublic, want.MetadataPublic}, {&edit.MetadataAdmin, have.MetadataAdmin, want.MetadataAdmin}} {
		if m.want != nil && !sameJSON(m.have, m.want) {
			*m.dst, was = m.want, changed
		}
	}
	if was != same {
		if _, err := s.c.Edit(ctx, have.ID, edit); err != nil {
			return was, err
		}
	}
	more, err := s.setActive(ctx, have, p.Active())
	if err != nil {
		return was, err
	}
	was = max(was, more)
	for _, a := range have.Addresses {
		if strings.EqualFold(a.Value, p.Email) && a.Verified != p.IsVerified() {
			was = changed
			if _, err := s.c.MarkVerified(ctx, have.ID, a.Value, p.IsVerified()); err != nil {
				return was, err
			}
		}
	}
	if p.HasPassword() && s.pw.isFresh(p.Key) { // the identity is older than the passwords we know
		was = changed
		if _, err := s.c.SetPassword(ctx, have.ID, clients.Secret(s.pw.Of(p.Key))); err != nil {
			return was, err
		}
	}
	return was, nil
}

func (s *peopleSeeder) setActive(ctx context.Context, i kratos.Identity, active bool) (outcome, error) {
	if (i.State != kratos.Inactive) == active {
		return same, nil
	}
	var err error
	if active {
		_, err = s.c.Activate(ctx, i.ID)
	} else {
		_, err = s.c.Suspend(ctx, i.ID)
	}
	return changed, err
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if len(a) == 0 || json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	return reflect.DeepEqual(x, y)
}

// write makes a write to Kratos true, or its opposite.
func (s *peopleSeeder) write(ctx context.Context, w story.Write, fixed bool) (outcome, error) {
	p, ok := s.st.Person(w.Person)
	if !ok {
		return same, fmt.Errorf("there is nobody called %q", w.Person)
	}
	i, found, err := s.find(ctx, p)
	if err != nil || !found {
		return same, cmpMissing(err, p)
	}
	return s.setActive(ctx, i, fixed)
}

// id finds the Kratos id of a person.
func (s *peopleSeeder) id(ctx context.Context, p story.Person) (string, error) {
	i, found, err := s.find(ctx, p)
	if err != nil || !found {
		return "", cmpMissing(err, p)
	}
	return i.ID, nil
}

func cmpMissing(err error, p story.Person) error {
	if err != nil {
		return err
	}
	return &clients.Problem{Kind: clients.NotFound, Op: "find " + p.Key, Reason: "Kratos has no identity " + p.Email, Hint: "seed the story first"}
}
