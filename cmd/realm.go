package cmd

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// addRealmFlag puts --realm on a command.
func addRealmFlag(g *globals, c *cobra.Command, realm *string) {
	c.Flags().StringVar(realm, "realm", "", "the `REALM`; may be left out where there is only one")
	_ = c.RegisterFlagCompletionFunc("realm", completer(g, func(ctx context.Context, b *backends, _ *cobra.Command, _ string) ([]string, cobra.ShellCompDirective) {
		if k := b.Context.Keycloak; k != nil && len(k.Realms) > 0 {
			return k.Realms, cobra.ShellCompDirectiveNoFileComp
		}
		names, _ := serverRealms(ctx, b)
		return names, cobra.ShellCompDirectiveNoFileComp
	}))
}

// Realm is the realm of that name, or without a name the only one there is: that
// of the context, or of the server beside the one for administrators.
func (b *backends) Realm(ctx context.Context, name string) (*keycloak.Realm, error) {
	s, err := b.Keycloak(ctx)
	if err != nil {
		return nil, err
	}
	if name != "" {
		return s.Realm(name), nil
	}
	names := b.Context.Keycloak.Realms
	if len(names) == 0 {
		if names, err = serverRealms(ctx, b); err != nil {
			return nil, err
		}
	}
	if len(names) == 1 {
		return s.Realm(names[0]), nil
	}
	return nil, problem(clients.Invalid, "choose a realm", "there are several: "+strings.Join(names, ", "), "name one with --realm")
}

// realm connects and finds a realm, for verbs that need no more.
func (g *globals) realm(ctx context.Context, name string) (*keycloak.Realm, error) {
	b, err := g.connect(ctx)
	if err != nil {
		return nil, err
	}
	return b.Realm(ctx, name)
}

// serverRealms are the realms that our account sees. The administrators' own one
// counts only when it is alone.
func serverRealms(ctx context.Context, b *backends) ([]string, error) {
	s, err := b.Keycloak(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.Realms(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range all {
		if r.Name != "master" || len(all) == 1 {
			names = append(names, r.Name)
		}
	}
	if len(names) == 0 {
		return nil, problem(clients.Denied, "choose a realm", "our account sees no realm", "name one with --realm, or give the account the role view-realm")
	}
	return names, nil
}

var uuidText = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// findUser finds a user by what a person types: an id, a username, or an e-mail.
func findUser(ctx context.Context, r *keycloak.Realm, text string) (keycloak.User, error) {
	if uuidText.MatchString(text) || strings.HasPrefix(text, "f:") {
		if u, err := r.User(ctx, text); !clients.Is(err, clients.NotFound) {
			return u, err
		}
	}
	u, err := r.UserByUsername(ctx, text)
	if clients.Is(err, clients.NotFound) && strings.Contains(text, "@") {
		byMail, merr := r.UserByEmail(ctx, text)
		if !clients.Is(merr, clients.NotFound) {
			return byMail, merr
		}
	}
	if clients.Is(err, clients.NotFound) {
		return u, withHint(err, "look for similar ones with: gatehouse users list --search")
	}
	return u, err
}

// findGroup finds a group by id or by path; the slash before a top group may be
// left out.
func findGroup(ctx context.Context, r *keycloak.Realm, text string) (keycloak.Group, error) {
	if uuidText.MatchString(text) {
		if g, err := r.Group(ctx, text); !clients.Is(err, clients.NotFound) {
			return g, err
		}
	}
	if !strings.HasPrefix(text, "/") {
		text = "/" + text
	}
	g, err := r.GroupByPath(ctx, text)
	return g, withHint(err, "a group is named by its path, such as /staff/finance, or by its id")
}

// withHint adds what to do to a "not found" that does not say it.
func withHint(err error, hint string) error {
	var p *clients.Problem
	if !errors.As(err, &p) || p.Kind != clients.NotFound || p.Hint != "" || strings.HasPrefix(p.Reason, "Realm not found") {
		return err
	}
	q := *p
	q.Hint = hint
	return &q
}

// completeUsers offers usernames that begin with what is typed.
func completeUsers(g *globals) cobra.CompletionFunc {
	return completer(g, func(ctx context.Context, b *backends, c *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
		const done = cobra.ShellCompDirectiveNoFileComp
		name, _ := c.Flags().GetString("realm")
		r, err := b.Realm(ctx, name)
		if err != nil {
			return nil, done
		}
		page, err := r.Users(keycloak.UserQuery{Search: typed, Brief: true, PageSize: 50})(ctx, "")
		if err != nil {
			return nil, done
		}
		var out []string
		for _, u := range page.Items {
			out = append(out, u.Username)
		}
		return out, done
	})
}
