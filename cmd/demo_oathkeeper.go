package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"gatehouse/clients"
	"gatehouse/demo/gate"
	"gatehouse/stack"
)

// oathkeeperFiles is what demo oathkeeper-config prints.
type oathkeeperFiles struct {
	Config any      `json:"config" jsonschema_description:"oathkeeper.yml"`
	Rules  any      `json:"rules" jsonschema_description:"rules.json"`
	Files  []string `json:"files,omitempty" jsonschema_description:"What --dir wrote."`
}

func newDemoOathkeeperCommand(g *globals) *cobra.Command {
	var f stack.OathkeeperFiles
	var dir, subject string
	c := &cobra.Command{
		Use:   "oathkeeper-config",
		Short: "Print a working configuration of Oathkeeper in front of the demo server",
		Long: "Prints the configuration and the rules with which the real Oathkeeper stands in front of the application\n" +
			"ory-oathkeeper: sessions of Kratos, the relation app:homepage#read of Keto, and a signed proof for the\n" +
			"application. With --dir it writes oathkeeper.yml, rules.json and id_token.jwks.json (a new private key, mode\n" +
			"0600) for `oathkeeper serve -c oathkeeper.yml`; files that are there are not overwritten.",
		Example: "  gatehouse demo oathkeeper-config\n  gatehouse demo oathkeeper-config --dir oathkeeper",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := g.demoBackends(c.Context())
			if err != nil {
				return err
			}
			if b != nil && b.Context.Kratos != nil {
				f.KratosPublicURL = first(f.KratosPublicURL, g.getenv("KRATOS_EXTERNAL_API_URL"), b.Context.Kratos.PublicURL)
			}
			if b != nil && b.Context.Keto != nil {
				f.KetoReadURL = first(f.KetoReadURL, g.getenv("KETO_API_READ_URL"), b.Context.Keto.ReadURL)
			}
			f.UIURL = first(f.UIURL, g.getenv("KRATOS_UI_URL"), stack.DefaultUIURL)
			if f.Subject, err = subjectTemplate(subject); err != nil {
				return err
			}
			return g.printOathkeeper(f, dir)
		},
	}
	fl := c.Flags()
	fl.StringVar(&dir, "dir", "", "write the files into this `FOLDER`")
	fl.StringVar(&f.ProxyURL, "proxy-url", "http://127.0.0.1:8080", "`URL` on which Oathkeeper is to listen")
	fl.StringVar(&f.APIURL, "api-url", "http://127.0.0.1:4456", "`URL` of its API")
	fl.StringVar(&f.UpstreamURL, "upstream-url", "http://127.0.0.1:4480", "`URL` of the demo server")
	fl.StringVar(&f.UIURL, "ui-url", "", "`URL` of Kratos' login pages (KRATOS_UI_URL)")
	fl.StringVar(&subject, "subject", string(gate.SubjectID), "`RULE` by which a Keto subject is made: identity_id, email or seed")
	_ = c.MarkFlagDirname("dir")
	return c
}

// subjectTemplate is the subject of the question to Keto in a rule's template.
func subjectTemplate(rule string) (string, error) {
	switch gate.SubjectRule(rule) {
	case gate.SubjectID:
		return "{{ print .Subject | toJson }}", nil
	case gate.SubjectEmail:
		return "{{ .Extra.identity.traits.email | toJson }}", nil
	case gate.SubjectSeed:
		return `{{ .Extra.identity.traits.email | replace "@" "" | toJson }}`, nil
	}
	return "", usageError("--subject is %q; use identity_id, email or seed", rule)
}

func (g *globals) printOathkeeper(f stack.OathkeeperFiles, dir string) error {
	config, rules, err := stack.OathkeeperConfig(f)
	if err != nil {
		return problem(clients.Invalid, "make the configuration of Oathkeeper", err.Error(), "")
	}
	var out oathkeeperFiles
	if err := firstError(yaml.Unmarshal(config, &out.Config), json.Unmarshal(rules, &out.Rules)); err != nil {
		return err
	}
	if dir != "" && !g.dryRun {
		keys, err := stack.KeySet()
		if err != nil {
			return err
		}
		for _, file := range []struct {
			name string
			b    []byte
		}{{"oathkeeper.yml", config}, {"rules.json", rules}, {"id_token.jwks.json", keys}} {
			path := filepath.Join(dir, file.name)
			if err := writeNew(path, file.b); err != nil {
				return problem(clients.Conflict, "write "+path, err.Error(), "remove it, or choose another --dir")
			}
			out.Files = append(out.Files, path)
		}
	}
	return printOne(g, out, nil, func(w io.Writer) error {
		if dir != "" {
			for _, p := range out.Files {
				fmt.Fprintln(w, p)
			}
			return nil
		}
		_, err := fmt.Fprintf(w, "# oathkeeper.yml\n%s\n# rules.json\n%s", config, rules)
		return err
	})
}

// writeNew writes a file of mode 0600 that must not be there.
func writeNew(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return firstError(err, f.Close())
}
