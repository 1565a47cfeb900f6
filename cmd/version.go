package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
)

// Version is set at build time: -ldflags "-X gatehouse/cmd.Version=v1.2.3".
var Version = ""

// versionInfo is what "version" prints.
type versionInfo struct {
	Version  string `json:"version" jsonschema_description:"Of gatehouse; devel when it was not built from a release."`
	Revision string `json:"revision,omitempty" jsonschema_description:"The commit it was built from, where known."`
	Modified bool   `json:"modified,omitempty" jsonschema_description:"Built from a tree with changes on top of that commit."`
	Go       string `json:"go" jsonschema_description:"The Go version it was built with."`
	Platform string `json:"platform" jsonschema_description:"Operating system and architecture."`

	Servers []serverVersion `json:"servers,omitempty" jsonschema_description:"Only with --servers: those that the context names."`
}

// serverVersion is what one server says it is.
type serverVersion struct {
	Server  string `json:"server" jsonschema:"enum=kratos,enum=keto,enum=keycloak"`
	URL     string `json:"url"`
	Version string `json:"version" jsonschema_description:"As the server says; empty when it did not, or keeps it from our account."`
	Error   string `json:"error,omitempty" jsonschema_description:"Why it did not say."`
}

// buildVersion reads what the build left in the binary.
func buildVersion() versionInfo {
	v := versionInfo{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		if v.Version == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
			v.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Revision = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	if v.Version == "" {
		v.Version = "devel"
	}
	return v
}

func newVersionCommand(g *globals) *cobra.Command {
	servers := false
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of gatehouse, and of the servers",
		Long: "With --servers it also asks each server of the context for its version; a server that does\n" +
			"not answer makes the exit code 2.",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.runVersion(c.Context(), servers) },
	}
	c.Flags().BoolVar(&servers, "servers", false, "also ask the servers of the context")
	return c
}

func (g *globals) runVersion(ctx context.Context, servers bool) error {
	v := buildVersion()
	var err error
	if servers {
		if v.Servers, err = g.serverVersions(ctx); err != nil && v.Servers == nil {
			return err
		}
	}
	perr := printOne(g, v, versionColumns, v.print)
	return firstError(cannotDo(err), perr)
}

// serverVersions asks the servers of the context, side by side. The error is that
// of the first that did not answer; what the others said is there all the same.
func (g *globals) serverVersions(ctx context.Context) ([]serverVersion, error) {
	b, err := g.connect(ctx)
	if err != nil {
		return nil, err
	}
	out := []serverVersion{}
	var asks []func() (string, error)
	add := func(name, url string, ask func() (string, error)) {
		out, asks = append(out, serverVersion{Server: name, URL: url}), append(asks, ask)
	}
	if c := b.Context.Kratos; c != nil && c.AdminURL != "" {
		add("kratos", c.AdminURL, func() (string, error) { return versionOf(b.Kratos, (*kratos.Client).Version)(ctx) })
	}
	if c := b.Context.Keto; c != nil && c.ReadURL != "" {
		add("keto", c.ReadURL, func() (string, error) { return versionOf(b.Keto, (*keto.Client).Version)(ctx) })
	}
	if c := b.Context.Keycloak; c != nil && c.URL != "" {
		add("keycloak", c.URL, func() (string, error) {
			info, err := versionOf(b.Keycloak, (*keycloak.Server).Info)(ctx)
			return info.Version, err
		})
	}
	errs := make([]error, len(asks))
	var wg sync.WaitGroup
	for i, ask := range asks {
		wg.Go(func() { out[i].Version, errs[i] = ask() })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			out[i].Error = problemOf(err).Reason
		}
	}
	return out, firstError(errs...)
}

// versionOf joins making a client and asking it.
func versionOf[C, V any](client func(context.Context) (C, error), ask func(C, context.Context) (V, error)) func(context.Context) (V, error) {
	return func(ctx context.Context) (V, error) {
		c, err := client(ctx)
		if err != nil {
			var zero V
			return zero, err
		}
		return ask(c, ctx)
	}
}

func (v versionInfo) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "gatehouse %s (%s, %s)\n", v.Version, v.Go, v.Platform)
	for _, s := range v.Servers {
		if err == nil {
			_, err = fmt.Fprintf(w, "%-9s %s  %s\n", s.Server, cleanLine(cmp.Or(s.Version, "?")), cleanLine(strings.TrimSuffix(s.URL+": "+s.Error, ": ")))
		}
	}
	return err
}

var versionColumns = []column[versionInfo]{
	{Name: "version", Text: func(v versionInfo) string { return v.Version }},
	{Name: "revision", Text: func(v versionInfo) string { return v.Revision }},
	{Name: "go", Text: func(v versionInfo) string { return v.Go }},
	{Name: "platform", Text: func(v versionInfo) string { return v.Platform }},
}
