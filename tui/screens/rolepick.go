package screens

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// rolePick lets roles be picked: first whose roles are meant, those of the realm or of a
// client, since a realm may have a thousand clients, then which.
type rolePick struct {
	clients func(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	// available reads what can be picked of one container.
	available func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error)
	// title is the crumb, lead the question, verb what Enter does.
	title, lead, verb string
	// empty says that a container, named by %s, has nothing to pick.
	empty string
	done  func([]keycloak.Role)
}

// push opens the choice of whose roles are meant.
func (p rolePick) push(h tui.Host) {
	pickContainer(h, p.clients, p.title, "show its roles", func(of keycloak.Container, name string) { p.roles(h, of, name) })
}

// pickContainer lets the realm be chosen, or one of its clients.
func pickContainer(h tui.Host, list func(keycloak.ClientQuery) clients.Fetch[keycloak.Client], title, verb string, done func(of keycloak.Container, name string)) {
	h.Push(tui.NewPick(tui.PickSpec{
		Title: title, Lead: "Roles of the realm, or of which client?", Verb: verb,
		Load: func(ctx context.Context) ([]widget.Choice, error) {
			choices := []widget.Choice{{ID: "", Label: "realm roles"}}
			for c, err := range clients.Each(ctx, list(keycloak.ClientQuery{})) {
				if err != nil {
					return choices, err
				}
				choices = append(choices, widget.Choice{ID: c.ID, Label: c.ClientID, Note: c.Name})
			}
			return choices, nil
		},
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 {
				done(keycloak.Container{ClientUUID: picked[0].ID}, picked[0].Label)
			}
		},
	}))
}

// roles opens the choice of roles of one container.
func (p rolePick) roles(h tui.Host, from keycloak.Container, name string) {
	var found sync.Map // by id; a load that was started again may still be running
	available := p.available
	h.Push(tui.NewPick(tui.PickSpec{
		Title: name, Lead: p.lead, Many: true, Verb: p.verb, Empty: fmt.Sprintf(p.empty, name),
		Load: func(ctx context.Context) ([]widget.Choice, error) {
			roles, err := available(ctx, from)
			var choices []widget.Choice
			for _, r := range roles {
				if from.ClientUUID != "" && r.Client == "" {
					r.Client = name
				}
				found.Store(r.ID, r)
				choices = append(choices, widget.Choice{ID: r.ID, Label: r.Name, Note: r.Description})
			}
			return choices, err
		},
		Done: func(picked []widget.Choice) {
			var chosen []keycloak.Role
			for _, c := range picked {
				if r, ok := found.Load(c.ID); ok {
					chosen = append(chosen, r.(keycloak.Role))
				}
			}
			if len(chosen) > 0 {
				p.done(chosen)
			}
		},
	}))
}

// roleWrite is one of Grant and Revoke of a realm.
type roleWrite func(context.Context, keycloak.Holder, ...keycloak.Role) (clients.Change[[]keycloak.Role], error)

// roleDeed grants roles to somebody or revokes them, with the way back.
type roleDeed struct {
	realm  RoleWriter
	holder keycloak.Holder
	// name is the user name or the path of the group.
	name   string
	revoke bool
	roles  []keycloak.Role
	// also is what else to know before: "Everybody in this group loses it."
	also []string
	// then reads again what is shown.
	then func()
}

func (d roleDeed) verb() (verb, sign string) {
	if d.revoke {
		return "revoke", "-"
	}
	return "grant", "+"
}

// ask asks, writes, and registers the way back, which touches only those mappings that
// the write has really changed.
func (d roleDeed) ask(h tui.Host, job *tui.Job) {
	verb, sign := d.verb()
	h.Confirm(tui.Question{
		Title: fmt.Sprintf("%s %s: %s?", strings.ToUpper(verb[:1])+verb[1:], count(len(d.roles), "role"), d.name),
		Lines: append(roleLines(sign, d.roles), d.also...), Verb: verb, Yes: func() { d.run(h, job) },
	})
}

func (d roleDeed) run(h tui.Host, job *tui.Job) {
	verb, _ := d.verb()
	do, back, opposite := roleWrite(d.realm.Grant), roleWrite(d.realm.Revoke), "-"
	if d.revoke {
		do, back, opposite = back, do, "+"
	}
	what := verb + " " + count(len(d.roles), "role") + " · " + d.name
	tui.Write(h, job, what, 0, func(ctx context.Context) (clients.Change[[]keycloak.Role], error) {
		return do(ctx, d.holder, d.roles...)
	},
		func(done clients.Change[[]keycloak.Role], err error) {
			d.then()
			changed := rolesChanged(d.roles, done)
			switch {
			case err != nil:
				h.Fail(err)
			case len(changed) == 0:
				h.Toast("it was so already: nothing was written that was not there")
			default:
				h.Toast(verb + ": " + count(len(changed), "role") + " · u undoes it")
			}
			if len(changed) == 0 {
				return
			}
			h.Undo(tui.Undo{What: what, Lines: roleLines(opposite, changed), Then: d.then,
				Run: func(ctx context.Context) error { return undoRoles(ctx, back, d.holder, changed, what) }})
		})
}

func roleLines(sign string, roles []keycloak.Role) []string {
	lines := make([]string, len(roles))
	for i, r := range roles {
		lines[i] = sign + " " + r.String()
	}
	return lines
}

// rolesChanged are those of the roles whose mapping differs before and after.
func rolesChanged(roles []keycloak.Role, c clients.Change[[]keycloak.Role]) []keycloak.Role {
	before, after := map[string]bool{}, map[string]bool{}
	for _, r := range c.Before {
		before[r.ID] = true
	}
	for _, r := range c.After {
		after[r.ID] = true
	}
	var out []keycloak.Role
	for _, r := range roles {
		if before[r.ID] != after[r.ID] {
			out = append(out, r)
		}
	}
	return out
}

// undoRoles does the opposite, and says so when somebody else was faster.
func undoRoles(ctx context.Context, back roleWrite, holder keycloak.Holder, roles []keycloak.Role, what string) error {
	done, err := back(ctx, holder, roles...)
	if err == nil && len(rolesChanged(roles, done)) != len(roles) {
		return &clients.Problem{Kind: clients.Conflict, Op: "undo: " + what, Reason: "somebody changed these role mappings since", Hint: "the list shows how they are now"}
	}
	return err
}
