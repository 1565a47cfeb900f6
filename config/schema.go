package config

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
)

// Schema is the JSON schema of the file, made from the types that read it. An
// editor that knows it completes and checks while one types.
func Schema() ([]byte, error) {
	r := &jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, DoNotReference: false}
	s := r.Reflect(&Config{})
	s.Title = "gatehouse configuration"
	s.ID = ""
	return json.MarshalIndent(s, "", "  ")
}

// JSONSchema describes a secret to editors.
func (Secret) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Examples: []any{"env:NAME", "file:PATH", "cmd:pass show keycloak", "keyring:gatehouse/keycloak"}}
}

// JSONSchema lets true and false stand without quotes.
func (Tristate) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Enum: []any{"auto", "true", "false", true, false}}
}

// JSONSchemaExtend corrects what reflection cannot know: durations are texts with a unit.
func (Timeouts) JSONSchemaExtend(s *jsonschema.Schema) {
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		p.Value.Type, p.Value.Pattern = "string", `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	}
}

// View is the effective configuration as YAML: the file, with the environment and
// the flags laid over the context in use, and defaults filled in. References to
// secrets are shown, secrets are not.
func (c *Config) View() (string, error) {
	out := &Config{Current: c.Current, Contexts: map[string]*Context{}}
	inUse, chooseErr := c.choose("")
	for name, ctx := range c.Contexts {
		finished := ctx.clone()
		finished.finish(Options{}, c.baseDir())
		if chooseErr == nil && name == inUse {
			var err error
			if finished, err = c.Context(name); err != nil {
				return "", err
			}
		}
		out.Contexts[name] = finished
	}
	data, err := yaml.MarshalWithOptions(out, yaml.Indent(2))
	if err != nil {
		return "", fmt.Errorf("show the configuration: %w", err)
	}
	var b strings.Builder
	from := c.Path
	if from == "" {
		from = "the environment"
	}
	fmt.Fprintf(&b, "# from %s\n", from)
	if chooseErr == nil {
		fmt.Fprintf(&b, "# in use: %s\n", inUse)
	}
	return b.String() + string(data), nil
}
