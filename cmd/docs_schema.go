package cmd

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
)

// writeSchemaDocs writes the fields of every printed type as Markdown.
func writeSchemaDocs(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Output\n\nWritten by `make docs` from the program itself; do not edit.\n\n" +
		"With `--json` a list is one array and a single thing one object, with `--jsonl` there is one object a\n" +
		"line, `--yaml` has the same fields and `--csv` one row each. Times are RFC 3339 in UTC. The schema of a\n" +
		"type is printed by `gatehouse schema NAME`; later versions may add fields.\n\n" +
		"JSON and YAML hold the exact values: what a terminal could obey is escaped. CSV is exact too when it is\n" +
		"written to a file or a pipe; a spreadsheet may take a cell that begins with `=` for a formula.\n")
	for _, name := range slices.Sorted(maps.Keys(schemaTypes)) {
		s, err := schemaOf(name, false)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", name, s.Description)
		b.WriteString("| Field | Type | |\n|---|---|---|\n")
		if def := s.Definitions[strings.TrimPrefix(s.Ref, "#/$defs/")]; def != nil {
			def.Definitions = s.Definitions
			s = def
		}
		writeFields(&b, "", s, s.Definitions, map[*jsonschema.Schema]bool{})
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeFields writes one row a field, those of nested objects with a dotted name.
func writeFields(b *strings.Builder, prefix string, s *jsonschema.Schema, defs jsonschema.Definitions, open map[*jsonschema.Schema]bool) {
	if s.Properties == nil || open[s] {
		return
	}
	open[s] = true
	defer delete(open, s)
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		name, field := prefix+p.Key, p.Value
		inner, list := resolveSchema(field, defs)
		kind := inner.Type
		if len(inner.Enum) > 0 {
			var values []string
			for _, v := range inner.Enum {
				values = append(values, fmt.Sprint(v))
			}
			kind = strings.Join(values, ", ")
		}
		if kind == "" {
			kind = "any"
		}
		if inner.Format != "" {
			kind = inner.Format
		}
		if list {
			kind, name = "list of "+kind, name+"[]"
		}
		if !slices.Contains(s.Required, p.Key) {
			kind += ", may be absent"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, kind, cell(field.Description))
		writeFields(b, name+".", inner, defs, open)
	}
}

// resolveSchema follows references and looks into lists.
func resolveSchema(s *jsonschema.Schema, defs jsonschema.Definitions) (inner *jsonschema.Schema, list bool) {
	for {
		switch {
		case s.Ref != "":
			next := defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
			if next == nil {
				return s, list
			}
			s = next
		case s.Type == "array" && s.Items != nil:
			s, list = s.Items, true
		default:
			return s, list
		}
	}
}
