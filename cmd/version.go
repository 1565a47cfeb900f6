package cmd

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set at build time: -ldflags "-X gatehouse/cmd.version=v1.2.3".
var version = ""

// versionInfo is what "version" prints.
type versionInfo struct {
	Version  string `json:"version" jsonschema_description:"Of gatehouse; devel when it was not built from a release."`
	Revision string `json:"revision,omitempty" jsonschema_description:"The commit it was built from, where known."`
	Modified bool   `json:"modified,omitempty" jsonschema_description:"Built from a tree with changes on top of that commit."`
	Go       string `json:"go" jsonschema_description:"The Go version it was built with."`
	Platform string `json:"platform" jsonschema_description:"Operating system and architecture."`
}

// buildVersion reads what the build left in the binary.
func buildVersion() versionInfo {
	v := versionInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
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
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of gatehouse",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := buildVersion()
			return printOne(g, v, versionColumns, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "gatehouse %s (%s, %s)\n", v.Version, v.Go, v.Platform)
				return err
			})
		},
	}
}

var versionColumns = []column[versionInfo]{
	{Name: "version", Text: func(v versionInfo) string { return v.Version }},
	{Name: "revision", Text: func(v versionInfo) string { return v.Revision }},
	{Name: "go", Text: func(v versionInfo) string { return v.Go }},
	{Name: "platform", Text: func(v versionInfo) string { return v.Platform }},
}
