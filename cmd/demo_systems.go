package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/decisions"
	"gatehouse/demo/server"
)

func newDemoSystemsCommand(g *globals) *cobra.Command {
	d := &demoServe{}
	var socket string
	c := &cobra.Command{
		Use:   "systems",
		Short: "List the guarded applications, their routes, and what each route needs",
		Long: "Lists the systems of the running demo server. Without one that runs it lists those that `demo serve` would\n" +
			"serve over the context; the URLs are then those of its usual address.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return d.systems(c.Context(), g, socket) },
	}
	addSocketFlag(c, &socket)
	d.accounts, d.o.DebugSocket, d.o.Listen, d.uiListen = "story", "off", "127.0.0.1:0", "off"
	d.o.ProviderListen = "auto"
	return c
}

func (d *demoServe) systems(ctx context.Context, g *globals, socket string) error {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	list, err := d.running(ctx, g, socket)
	if err != nil {
		return err
	}
	out := newRows(g, []column[decisions.System]{
		{Name: "id", Text: func(s decisions.System) string { return s.ID }},
		{Name: "guard", Text: func(s decisions.System) string { return s.Guard }},
		{Name: "routes", Text: func(s decisions.System) string { return fmt.Sprint(len(s.Routes)) }},
		{Name: "url", Text: func(s decisions.System) string { return s.URL }},
		{Name: "policies", CSVOnly: true, Text: func(s decisions.System) string {
			var p []string
			for _, r := range s.Routes {
				p = append(p, r.Method+" "+r.Path+": "+r.Policy)
			}
			return strings.Join(p, "; ")
		}},
	})
	for _, s := range list {
		if err := out.Add(s); err != nil {
			return err
		}
	}
	return out.Close()
}

// running are the systems of the server that runs, or of one that would.
func (d *demoServe) running(ctx context.Context, g *globals, socket string) ([]decisions.System, error) {
	if client, err := demoClient(socket); err == nil {
		return client.Systems(ctx)
	} else if socket != "" {
		return nil, err
	}
	o, err := d.options(ctx, g)
	if err != nil {
		return nil, err
	}
	o.PublicURL = "http://127.0.0.1:4480"
	s, err := server.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for _, k := range s.Skipped {
		g.note("%s is left out: %s", k.ID, k.Why)
	}
	return s.Systems(), nil
}
