package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// manyAtOnce is how many users or groups are written side by side, and manyAhead how many
// are read and written before their results are printed, in the order of the file.
const (
	manyAtOnce = 4
	manyAhead  = 32
)

// runMany grants or revokes for every user or group that a file names, one a line. One
// that fails stops no other; the exit code is 2 when any did.
func (o *rolesWriteOptions) runMany(ctx context.Context) error {
	b, err := o.g.connect(ctx)
	if err != nil {
		return err
	}
	r, err := b.Realm(ctx, o.realm)
	if err != nil {
		return err
	}
	roles, err := o.roles.find(ctx, r)
	if err != nil {
		return cannotDo(err)
	}
	in, name := io.Reader(o.g.stdin), "stdin"
	from := o.usersFrom + o.groupsFrom
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return cannotDo(problem(clients.Invalid, "read "+from, err.Error(), "nothing was written"))
		}
		defer f.Close()
		in, name = f, from
	}
	if !o.g.dryRun {
		verb := o.verb()
		if err := o.g.confirmProduction(ctx, b, strings.TrimSuffix(verb, "s")+" roles", "This "+verb+" "+plural(len(roles), "role", "roles")+" for everybody in "+name); err != nil {
			return err
		}
	}
	return o.eachOf(ctx, r, roles, in, name)
}

// eachOf reads the names and writes them in portions.
func (o *rolesWriteOptions) eachOf(ctx context.Context, r *keycloak.Realm, roles []keycloak.Role, in io.Reader, name string) error {
	out := newLines(o.g, roleChangeColumns, roleChange.line)
	lines := bufio.NewScanner(in)
	tally := manyTally{}
	var portion []string
	flush := func() error {
		err := o.portion(ctx, r, roles, portion, out, &tally)
		portion = portion[:0]
		return err
	}
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if portion = append(portion, line); len(portion) == manyAhead {
			if err := flush(); err != nil {
				out.Abort()
				return err
			}
		}
	}
	err := firstError(flush(), lines.Err())
	if err != nil {
		out.Abort()
		return cannotDo(err)
	}
	if err := out.Close(); err != nil {
		return err
	}
	return tally.verdict(o, name)
}

// manyTally counts what became of them.
type manyTally struct{ all, failed, absent int }

func (t manyTally) verdict(o *rolesWriteOptions, name string) error {
	switch {
	case t.all == 0:
		return cannotDo(problem(clients.Invalid, "read "+name, "nobody is named in it", "write one name a line"))
	case t.failed > 0:
		return cannotDo(problem(clients.Invalid, strings.TrimSuffix(o.verb(), "s")+" roles", fmt.Sprintf("%d of %d could not be done; each is told above", t.failed, t.all), "do it again with those that failed: what is done already is left alone"))
	case t.absent > 0:
		return answerNo()
	}
	return nil
}

// portion writes some side by side and prints their results in order.
func (o *rolesWriteOptions) portion(ctx context.Context, r *keycloak.Realm, roles []keycloak.Role, names []string, out *rows[roleChange], tally *manyTally) error {
	type result struct {
		changes []roleChange
		err     error
	}
	results := make([]result, len(names))
	g := errgroup.Group{}
	g.SetLimit(manyAtOnce)
	for i, name := range names {
		g.Go(func() error {
			one := *o
			one.who = subject{user: name}
			if o.groupsFrom != "" {
				one.who = subject{group: name}
			}
			if err := ctx.Err(); err != nil {
				results[i] = result{err: err}
				return nil
			}
			if err := one.who.find(ctx, r); err != nil {
				one.who.name = name
				if o.groupsFrom != "" {
					one.who.holder.Kind = keycloak.HolderGroup
				}
				results[i] = result{one.changes(r, roles, nil, func(keycloak.Role) string { return outcomeFailed }), err}
				return nil
			}
			changes, err := one.act(ctx, r, roles)
			if changes == nil {
				changes = one.changes(r, roles, nil, func(keycloak.Role) string { return outcomeFailed })
			}
			results[i] = result{changes, err}
			return nil
		})
	}
	_ = g.Wait() // what failed stands in the results
	for i, res := range results {
		if res.err != nil {
			if ctx.Err() != nil && res.changes == nil {
				return ctx.Err()
			}
			tally.failed++
			o.g.note("gatehouse: %s: %s", cleanLine(names[i]), cleanLine(problemOf(res.err).Reason))
		}
		tally.all++
		for _, c := range res.changes {
			switch {
			case c.Outcome == outcomeAbsent && res.err != nil: // it is not known what was mapped
				c.Outcome = outcomeFailed
			case c.Outcome == outcomeAbsent:
				tally.absent++
			}
			if err := out.Add(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// verb is what is done, as in "this grants".
func (o *rolesWriteOptions) verb() string {
	if o.revoke {
		return "revokes"
	}
	return "grants"
}
