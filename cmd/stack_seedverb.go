package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/stack"
	"gatehouse/stack/seed"
	"gatehouse/stack/story"
)

// stackSeed are the flags of stack seed.
type stackSeed struct {
	name   string
	many   int
	counts seed.Counts
}

// newStackSeedCommand fills a running stack again, or with many more.
func newStackSeedCommand(g *globals) *cobra.Command {
	s := &stackSeed{}
	c := &cobra.Command{
		Use:   "seed",
		Short: "Fill a running stack: with the story, or with many generated people",
		Long: "Without --many the story is seeded again: what is missing is made, what was changed is mended, and the\n" +
			"faults of solved tickets come back. With --many N the servers are filled up to N generated identities,\n" +
			"relation tuples and users, for work at scale; the other flags set each number apart. Both can be stopped\n" +
			"at any moment and run again.",
		Example: "  gatehouse stack seed\n  gatehouse stack seed --many 100000\n  gatehouse stack seed --identities 100000 --tuples 1000000",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return s.run(c.Context(), g) },
	}
	addStackName(c, &s.name)
	f := c.Flags()
	f.IntVar(&s.many, "many", 0, "fill up to `N` generated identities, relation tuples and users")
	f.IntVar(&s.counts.Identities, "identities", 0, "fill up to `N` generated identities")
	f.IntVar(&s.counts.Tuples, "tuples", 0, "fill up to `N` generated relation tuples")
	f.IntVar(&s.counts.Users, "users", 0, "fill up to `N` generated Keycloak users")
	return c
}

func (s *stackSeed) run(ctx context.Context, g *globals) error {
	if g.dryRun {
		return usageError("stack seed fills servers of its own and has nothing to try out; leave --dry-run away")
	}
	for _, n := range []int{s.many, s.counts.Identities, s.counts.Tuples, s.counts.Users} {
		if n < 0 {
			return usageError("a number of things to make cannot be negative")
		}
	}
	info, err := runningStack(ctx, s.name)
	if err != nil {
		return err
	}
	c, err := stackClients(ctx, info)
	if err != nil {
		return err
	}
	r, err := s.fill(ctx, g, info, c)
	if perr := printSeeded(g, r); err == nil {
		err = perr
	}
	return err
}

func (s *stackSeed) fill(ctx context.Context, g *globals, info stack.Info, c seed.Clients) (seed.Result, error) {
	n := s.counts
	if s.many > 0 {
		for _, of := range []*int{&n.Identities, &n.Tuples, &n.Users} {
			if *of == 0 {
				*of = s.many
			}
		}
	}
	if n != (seed.Counts{}) {
		o := seedOptions(info, func(string) {})
		o.Progress = func(step seed.Step) {
			g.note("%-10s %s: %s of %s%s", step.Part, step.What, number(step.Done), number(step.Total), perSecond(step.Rate))
		}
		return seed.Many(ctx, c, n, o)
	}
	st, err := story.Load()
	if err != nil {
		return seed.Result{}, err
	}
	return seed.Story(ctx, c, st, seedOptions(info, func(line string) { g.note("%s", line) }))
}

func perSecond(rate float64) string {
	if rate == 0 {
		return ""
	}
	return fmt.Sprintf(", %s a second", number(int(rate)))
}

// printSeeded prints what was done to each server.
func printSeeded(g *globals, r seed.Result) error {
	columns := []column[seed.Part]{
		{Name: "server", Text: func(p seed.Part) string { return p.Name }},
		{Name: "created", Text: func(p seed.Part) string { return number(p.Created) }},
		{Name: "changed", Text: func(p seed.Part) string { return number(p.Changed) }},
		{Name: "same", Text: func(p seed.Part) string { return number(p.Same) }},
		{Name: "note", Text: func(p seed.Part) string { return strings.Join(append([]string{p.Skipped}, p.Notes...), " ") }},
	}
	out := newRows(g, columns)
	for _, p := range r.Parts {
		if err := out.Add(p); err != nil {
			return err
		}
	}
	return out.Close()
}
