package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"gatehouse/clients"
	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/seed"
	"gatehouse/stack/story"
)

// defaultSeed is what a stack is filled with unless told otherwise.
const defaultSeed = "story"

// seedTimeout is the deadline of one request while a stack is filled.
const seedTimeout = 90 * time.Second

// prepareSeed completes the options of a stack with what the name of a seed stands for.
func prepareSeed(o *stack.Options, name string) error {
	switch name {
	case "", "none":
		return nil
	case "story":
		st, err := story.Load()
		if err != nil {
			return err
		}
		o.Realm, o.Seed = st.Keycloak.Name, seedStory
		return nil
	default:
		return usageError("--seed is %q; use story or none", name)
	}
}

// stackClients are the clients of a running stack, made as for any other context.
func stackClients(ctx context.Context, info stack.Info) (seed.Clients, error) {
	var c seed.Clients
	conf, err := config.Load(config.Options{Path: info.Config})
	if err != nil {
		return c, configProblem(err)
	}
	chosen, err := conf.Context(info.Name)
	if err != nil {
		return c, configProblem(err)
	}
	// Filling is done while the servers are still warming up, on a machine that may be
	// busy: patience costs nothing here, and a write that was cut is hard to judge.
	chosen.Timeouts.Request, chosen.Timeouts.Write = seedTimeout, seedTimeout
	b := newBackends(chosen)
	if info.Kratos.Missing == "" {
		if c.Kratos, err = b.Kratos(ctx); err != nil {
			return c, err
		}
	}
	if info.Keto.Missing == "" {
		if c.Keto, err = b.Keto(ctx); err != nil {
			return c, err
		}
	}
	if info.Keycloak.Missing == "" {
		if c.Keycloak, err = b.Keycloak(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// seedOptions say where a stack keeps what seeding needs to remember.
func seedOptions(info stack.Info, progress func(string)) seed.Options {
	said := map[string]string{}
	o := seed.Options{PasswordFile: filepath.Join(info.Dir, "people.json"), Progress: func(s seed.Step) {
		if said[s.Part] == s.What { // one line for each thing that is begun
			return
		}
		said[s.Part] = s.What
		if s.Total > 0 {
			progress(fmt.Sprintf("filling %s: %s (%d)", s.Part, s.What, s.Total))
			return
		}
		progress(fmt.Sprintf("filling %s: %s", s.Part, s.What))
	}}
	if info.Kratos.Missing == "" {
		o.KratosConfig = filepath.Join(info.Dir, "kratos", "kratos.yml")
	}
	return o
}

// seedStory fills a stack with the story.
func seedStory(ctx context.Context, info stack.Info, progress func(string)) error {
	st, err := story.Load()
	if err != nil {
		return err
	}
	c, err := stackClients(ctx, info)
	if err != nil {
		return err
	}
	r, err := seed.Story(ctx, c, st, seedOptions(info, progress))
	if err != nil {
		return err
	}
	for _, p := range r.Parts {
		if p.Skipped != "" {
			progress(fmt.Sprintf("filled %s: nothing: %s", p.Name, p.Skipped))
			continue
		}
		progress(fmt.Sprintf("filled %s: %d made, %d mended, %d as they should be", p.Name, p.Created, p.Changed, p.Same))
		for _, n := range p.Notes {
			progress("  " + n)
		}
	}
	return nil
}

// runningStack is the description of a stack that runs.
func runningStack(ctx context.Context, name string) (stack.Info, error) {
	s, err := stack.Load(ctx, name)
	if err != nil {
		return stack.Info{}, stackFailed("find the stack", err)
	}
	if !s.Running() {
		return stack.Info{}, &clients.Problem{Kind: clients.Unreachable, Op: "find the stack " + name, Reason: "it does not run", Hint: "start it: gatehouse stack up --name " + name}
	}
	return s.Info, nil
}
