// Package tour plays the story of the demo as text on real servers: somebody is
// looked up, a question is denied, a relation tuple and a role are given, seen to
// work, and taken back. Every step looks at what it did, and the first that did
// not happen ends the play with an error.
package tour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/stack/seed"
	"gatehouse/stack/story"
	"gatehouse/tui/clean"
)

// What the play is about: the two tickets whose cure is one write each.
const (
	ketoTicket     = "gustav-budget"
	keycloakTicket = "chloe-lost-instructor"
)

// play is one performance.
type play struct {
	w     io.Writer
	c     seed.Clients
	st    *story.Story
	undos []func(context.Context) error
}

// undoTimeout bounds the cleaning up after a play that was broken off.
const undoTimeout = 20 * time.Second

// Play performs the story and writes it to w. It needs all three servers, filled
// with the story. What it wrote is taken back, also when it fails or is broken off.
func Play(ctx context.Context, c seed.Clients, st *story.Story, w io.Writer) (err error) {
	if c.Kratos == nil || c.Keto == nil || c.Keycloak == nil {
		return errors.New("play the story: it needs Kratos, Keto and Keycloak, and not all of them run")
	}
	p := &play{w: w, c: c, st: st}
	defer func() {
		if len(p.undos) == 0 {
			return
		}
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		for _, back := range slices.Backward(p.undos) {
			err = errors.Join(err, back(undo))
		}
	}()
	for _, scene := range []func(context.Context) error{p.people, p.keto, p.keycloak} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	p.say("", "Every step above was seen to have happened, and both changes are undone.")
	return nil
}

// say writes a line; lead is a mark or a prompt.
func (p *play) say(lead, format string, args ...any) {
	fmt.Fprintln(p.w, strings.TrimRight(lead+clean.Line(fmt.Sprintf(format, args...), 0), " "))
}

// identity is the Kratos identity of one of the story's people.
func (p *play) identity(ctx context.Context, key string) (kratos.Identity, error) {
	person, ok := p.st.Person(key)
	if !ok {
		return kratos.Identity{}, fmt.Errorf("the story has no %s", key)
	}
	found, err := p.c.Kratos.FindExact(ctx, person.Email)
	if err != nil {
		return kratos.Identity{}, err
	}
	if len(found) != 1 {
		return kratos.Identity{}, fmt.Errorf("find %s: %d identities have this e-mail, 1 was expected", person.Email, len(found))
	}
	return found[0], nil
}

// people lists who is there.
func (p *play) people(ctx context.Context) error {
	n, err := p.c.Kratos.Count(ctx)
	if err != nil {
		return err
	}
	if n < len(p.st.People) {
		return fmt.Errorf("list identities: there are %d, the story has %d", n, len(p.st.People))
	}
	p.say("", "Who is there (Kratos)")
	p.say("$ ", "gatehouse identities list --limit 4")
	page, err := p.c.Kratos.List(ctx, "")
	if err != nil {
		return err
	}
	for _, i := range page.Items[:min(4, len(page.Items))] {
		p.say("  ", "%-24s %-30s %s", clean.Line(i.Name(), 24), strings.Join(i.Emails(), " "), i.State)
	}
	p.say("  ", "… %d identities in all", n)
	p.say("", "")
	return nil
}

// keto asks, is denied, adds what is missing, asks again, and takes it back.
func (p *play) keto(ctx context.Context) error {
	t, ok := p.st.Ticket(ketoTicket)
	if !ok {
		return fmt.Errorf("the story has no ticket %s", ketoTicket)
	}
	p.quote(t)
	who, err := p.identity(ctx, t.From)
	if err != nil {
		return err
	}
	id := func(string) (string, error) { return who.ID, nil }
	q, err := p.st.Tuple(t.Question.Tuple, id)
	if err != nil {
		return err
	}
	add, err := p.st.Tuple(t.Fix[0].Tuple, id)
	if err != nil {
		return err
	}
	if err := p.ask(ctx, q, who, access.Denied); err != nil {
		return err
	}
	p.say("", "The cause: %s", t.Cause.Summary)
	p.say("$ ", "gatehouse tuples add '%s'", add)
	done, err := p.c.Keto.Apply(ctx, []keto.Edit{{Op: keto.Insert, Tuple: add}})
	if err != nil {
		return err
	}
	if done.Changed() != 1 {
		return fmt.Errorf("add %s: it was there already, so the story cannot be told; seed it again: gatehouse stack seed", add)
	}
	p.undos = append(p.undos, func(ctx context.Context) error { _, err := p.c.Keto.Undo(ctx, done); return err })
	if err := p.ask(ctx, q, who, access.Allowed); err != nil {
		return err
	}
	p.say("$ ", "gatehouse tuples rm '%s'", add)
	if err := p.undo(ctx); err != nil {
		return err
	}
	if err := p.ask(ctx, q, who, access.Denied); err != nil {
		return err
	}
	p.say("", "")
	return nil
}

func (p *play) ask(ctx context.Context, q tuple.Tuple, who kratos.Identity, want access.Verdict) error {
	p.say("$ ", "gatehouse check '%s'", q)
	t, err := access.Ask(ctx, p.c.Keto, p.c.Keto, q, 0)
	if err != nil {
		return err
	}
	p.say("  ", "%s %s   %s", t.Verdict.Mark(), strings.ToUpper(string(t.Verdict)), strings.ReplaceAll(t.Summary, who.ID, who.Name()))
	if t.Verdict != want {
		return fmt.Errorf("check %s: Keto says %s, the story says %s", q, t.Verdict, want)
	}
	return nil
}

// keycloak grants a role and looks for it in the token preview.
func (p *play) keycloak(ctx context.Context) error {
	t, ok := p.st.Ticket(keycloakTicket)
	if !ok || t.Question.Keycloak == nil {
		return fmt.Errorf("the story has no ticket %s about Keycloak", keycloakTicket)
	}
	p.quote(t)
	ask := t.Question.Keycloak
	person, _ := p.st.Person(ask.User)
	realm := p.c.Keycloak.Realm(p.st.Keycloak.Name)
	user, err := realm.UserByUsername(ctx, person.Login.Username)
	if err != nil {
		return err
	}
	client, err := realm.ClientByClientID(ctx, ask.Client)
	if err != nil {
		return err
	}
	role, err := realm.RoleByName(ctx, keycloak.OfClient(client.ID), ask.Role)
	if err != nil {
		return err
	}
	look := func(want bool) error { return p.preview(ctx, realm, client, user, ask.Role, want) }
	if err := look(false); err != nil {
		return err
	}
	p.say("", "The cause: %s", t.Cause.Summary)
	p.say("$ ", "gatehouse roles grant --realm %s --user %s --client %s --role %s", realm.Name(), user.Username, client.ClientID, role.Name)
	if _, err := realm.Grant(ctx, keycloak.OfUser(user.ID), role); err != nil {
		return err
	}
	p.undos = append(p.undos, func(ctx context.Context) error {
		_, err := realm.Revoke(ctx, keycloak.OfUser(user.ID), role)
		return err
	})
	if err := look(true); err != nil {
		return err
	}
	p.say("$ ", "gatehouse roles revoke --realm %s --user %s --client %s --role %s", realm.Name(), user.Username, client.ClientID, role.Name)
	if err := p.undo(ctx); err != nil {
		return err
	}
	if err := look(false); err != nil {
		return err
	}
	p.say("", "")
	return nil
}

// preview shows the client roles that stand in the access token preview.
func (p *play) preview(ctx context.Context, realm *keycloak.Realm, client keycloak.Client, user keycloak.User, role string, want bool) error {
	pre, err := realm.Preview(ctx, keycloak.AccessToken, keycloak.PreviewQuery{ClientUUID: client.ID, UserID: user.ID, Scope: "openid"})
	if err != nil {
		return err
	}
	var claims struct {
		Access map[string]struct {
			Roles []string `json:"roles"`
		} `json:"resource_access"`
	}
	if err := json.Unmarshal(pre.Claims, &claims); err != nil {
		return fmt.Errorf("read the token preview: %w", err)
	}
	roles := claims.Access[client.ClientID].Roles
	mark := map[bool]string{true: "✓", false: "✗"}[slices.Contains(roles, role)]
	p.say("  ", "%s role %s in the access token of %s for %s   (its roles there: %s)", mark, role, user.Username, client.ClientID, orNone(roles))
	if slices.Contains(roles, role) != want {
		return fmt.Errorf("token preview of %s: role %s there is %v, the story says %v", user.Username, role, !want, want)
	}
	return nil
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

// undo takes the newest change back.
func (p *play) undo(ctx context.Context) error {
	last := len(p.undos) - 1
	back := p.undos[last]
	if err := back(ctx); err != nil {
		return err
	}
	p.undos = p.undos[:last]
	return nil
}

// quote shows what somebody wrote to support.
func (p *play) quote(t story.Ticket) {
	p.say("", "Ticket: %s", t.Title)
	for line := range strings.Lines(strings.TrimSpace(t.Text)) {
		p.say("  | ", "%s", strings.TrimSpace(line))
	}
}
