package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
)

// clientField is one thing about a client that the form changes.
type clientField struct {
	name, label, help string
	get               func(keycloak.Client) string
	set               func(p *keycloak.ClientPatch, v string)
}

// clientFields are those of the form. Lists are typed with blanks between their entries,
// since no address has one.
var clientFields = []clientField{
	{"name", "name", "for people", func(c keycloak.Client) string { return c.Name }, func(p *keycloak.ClientPatch, v string) { p.Name = &v }},
	{"description", "description", "", func(c keycloak.Client) string { return c.Description }, func(p *keycloak.ClientPatch, v string) { p.Description = &v }},
	{"root_url", "root URL", "relative redirect URIs begin with it", func(c keycloak.Client) string { return c.RootURL }, func(p *keycloak.ClientPatch, v string) { p.RootURL = &v }},
	{"home_url", "home URL", "where a link to the application leads", func(c keycloak.Client) string { return c.BaseURL }, func(p *keycloak.ClientPatch, v string) { p.BaseURL = &v }},
	{"redirect_uris", "redirect URIs", "with blanks between them; compared letter by letter, and only a * at the end stands for anything", func(c keycloak.Client) string { return strings.Join(c.RedirectURIs, " ") }, func(p *keycloak.ClientPatch, v string) {
		l := strings.Fields(v)
		p.RedirectURIs = &l
	}},
	{"after_logout", "after a logout", "with blanks between them; empty: the redirect URIs count", func(c keycloak.Client) string { return strings.Join(postLogout(c), " ") }, func(p *keycloak.ClientPatch, v string) {
		p.Attributes = map[string]string{logoutURIs: strings.Join(strings.Fields(v), "##")}
	}},
	{"web_origins", "web origins", "with blanks between them; + stands for those of the redirect URIs", func(c keycloak.Client) string { return strings.Join(c.WebOrigins, " ") }, func(p *keycloak.ClientPatch, v string) {
		l := strings.Fields(v)
		p.WebOrigins = &l
	}},
}

// differing are the fields in which two clients differ, and the lines that say so.
func differing(was, now keycloak.Client) ([]clientField, []string) {
	var out []clientField
	var lines []string
	for _, f := range clientFields {
		if f.get(was) != f.get(now) {
			out = append(out, f)
			lines = append(lines, diffLines([3]string{f.label, f.get(was), f.get(now)})...)
		}
	}
	return out, lines
}

// editForm changes the common fields, and writes only those that were changed.
func (s *Client) editForm() tui.Screen {
	r, was := s.spec.Realm, s.client
	var done clients.Change[keycloak.Client]
	var fields []tui.FormField
	for _, f := range clientFields {
		fields = append(fields, tui.FormField{Name: f.name, Label: f.label, Help: f.help, Value: f.get(was)})
	}
	patch := func(v map[string]string) (p keycloak.ClientPatch, lines []string) {
		for _, f := range clientFields {
			now := strings.TrimSpace(v[f.name])
			if now != f.get(was) {
				f.set(&p, now)
				lines = append(lines, diffLines([3]string{f.label, f.get(was), now})...)
			}
		}
		return p, lines
	}
	return tui.NewForm(tui.FormSpec{Title: "edit", Lead: "client " + was.ClientID, What: "change the client " + was.ClientID, Fields: fields,
		Review: func(v map[string]string) (tui.Question, error) {
			_, lines := patch(v)
			if len(lines) == 0 {
				return tui.Question{}, fmt.Errorf("change the client: nothing was changed; nothing to write")
			}
			if gone := lostURIs(was.RedirectURIs, strings.Fields(v["redirect_uris"])); len(gone) > 0 {
				lines = append(lines, "Logins that come back to "+strings.Join(gone, ", ")+" are refused from then on.")
			}
			return tui.Question{Title: "Change the client " + was.ClientID + "?", Verb: "save", Lines: lines}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) (err error) {
			now, err := r.Client(ctx, was.ID)
			if err != nil {
				return err
			}
			if changed, _ := differing(was, now); len(changed) > 0 {
				return &clients.Problem{Kind: clients.Conflict, Op: "change the client " + was.ClientID, Reason: "somebody changed its " + changed[0].label + " while you typed", Hint: "nothing was written; leave the form and read the client again"}
			}
			p, _ := patch(v)
			done, err = r.UpdateClient(ctx, was.ID, p)
			return err
		},
		Done: func(map[string]string) {
			s.load()
			changed, lines := differing(done.After, done.Before)
			what := "change the client " + was.ClientID
			if len(changed) == 0 {
				s.host.Toast("the server keeps it as it was")
				return
			}
			s.host.Toast("changed " + was.ClientID + " · u undoes it")
			s.host.Undo(tui.Undo{What: what, Lines: lines, Then: s.load, Run: func(ctx context.Context) error {
				now, err := r.Client(ctx, was.ID)
				var p keycloak.ClientPatch
				for _, f := range changed {
					if err == nil && f.get(now) != f.get(done.After) {
						err = changedSince(what, "its "+f.label)
					}
					f.set(&p, f.get(done.Before))
				}
				if err != nil {
					return err
				}
				_, err = r.UpdateClient(ctx, was.ID, p)
				return err
			}})
		},
	})
}

// lostURIs are those that were there and no longer are.
func lostURIs(was, now []string) []string {
	return slices.DeleteFunc(slices.Clone(was), func(u string) bool { return slices.Contains(now, u) })
}
