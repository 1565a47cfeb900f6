package cmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/access/opl"
)

// completeTime is how long a person who pressed Tab waits for a server.
const completeTime = 2 * time.Second

// completer makes a completion function of one that may ask servers. Completion is
// help, not a command: when anything fails it offers nothing and says nothing.
func completer(g *globals, offer func(ctx context.Context, b *backends, c *cobra.Command, typed string) ([]string, cobra.ShellCompDirective)) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		ctx := c.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completeTime)
		defer cancel()
		g.quiet = true
		b, err := g.connect(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer(ctx, b, c, typed)
	}
}

// completeContexts offers the names of the contexts.
func completeContexts(g *globals) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		g.quiet = true
		cfg, err := g.loadConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return cfg.Names(), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeTuple offers the parts of namespace:object#relation@subject that are
// names: the namespaces, and the relations and permissions where the model is known.
func completeTuple(g *globals) cobra.CompletionFunc {
	return completer(g, func(ctx context.Context, b *backends, _ *cobra.Command, typed string) ([]string, cobra.ShellCompDirective) {
		const open = cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
		if m, err := b.Model(ctx); err == nil && m != nil {
			var out []string
			for _, c := range opl.Complete(m, typed, len(typed)) {
				text, _ := c.Apply(typed)
				out = append(out, text)
			}
			return out, open
		}
		if strings.ContainsAny(typed, ":#@") {
			return nil, open // an object or an id: there may be a million
		}
		var out []string
		for _, n := range namespaceNames(ctx, b) {
			out = append(out, n+":")
		}
		return out, open
	})
}

// completeTupleFlags offers names for --namespace and --relation.
func completeTupleFlags(g *globals, c *cobra.Command) {
	const done = cobra.ShellCompDirectiveNoFileComp
	_ = c.RegisterFlagCompletionFunc("namespace", completer(g, func(ctx context.Context, b *backends, _ *cobra.Command, _ string) ([]string, cobra.ShellCompDirective) {
		return namespaceNames(ctx, b), done
	}))
	_ = c.RegisterFlagCompletionFunc("relation", completer(g, func(ctx context.Context, b *backends, c *cobra.Command, _ string) ([]string, cobra.ShellCompDirective) {
		ns, _ := c.Flags().GetString("namespace")
		return relationNames(ctx, b, ns), done
	}))
	_ = c.RegisterFlagCompletionFunc("object", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("subject-id", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("subject", completeTuple(g))
}

// namespaceNames are those of the server, or of the model when it cannot be asked.
func namespaceNames(ctx context.Context, b *backends) []string {
	if k, err := b.Keto(ctx); err == nil {
		if names, err := k.Namespaces(ctx); err == nil {
			return names
		}
	}
	m, _ := b.Model(ctx)
	return m.NamespaceNames()
}

// relationNames are the relations and permissions of a namespace, of all when it is
// empty.
func relationNames(ctx context.Context, b *backends, ns string) []string {
	m, err := b.Model(ctx)
	if err != nil || m == nil {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for _, name := range m.NamespaceNames() {
		if ns != "" && name != ns {
			continue
		}
		n := m.Namespace(name)
		for _, r := range append(n.Related(), n.Permits()...) {
			if !seen[r.Name] {
				seen[r.Name] = true
				out = append(out, r.Name)
			}
		}
	}
	return out
}
