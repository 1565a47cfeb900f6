package kratos

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"gatehouse/clients"
)

// TraitsCheck holds traits against one identity schema, which is read only once: a
// form asks at every key.
type TraitsCheck struct{ schema *jsonschema.Schema }

// NewTraitsCheck reads a schema. The error is that of one that cannot be read, or that
// leads to another document, which is not fetched.
func NewTraitsCheck(s Schema) (*TraitsCheck, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.Schema))
	if err != nil {
		return nil, fmt.Errorf("the identity schema %q is not JSON: %w", s.ID, err)
	}
	const here = "mem:///identity.schema.json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	c.AssertFormat()
	c.UseLoader(nowhere{}) // a schema must not make us read files or the network
	if err := c.AddResource(here, doc); err != nil {
		return nil, fmt.Errorf("the identity schema %q: %w", s.ID, err)
	}
	schema, err := c.Compile(here)
	if err != nil {
		return nil, fmt.Errorf("the identity schema %q: %w", s.ID, err)
	}
	return &TraitsCheck{schema}, nil
}

// Check gives what the schema complains about. The paths lead from the identity
// ("/traits/email"). The error is that of traits that are not JSON.
func (t *TraitsCheck) Check(traits []byte) ([]clients.Field, error) {
	if len(bytes.TrimSpace(traits)) == 0 {
		traits = []byte("{}")
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(traits))
	if err != nil {
		return nil, fmt.Errorf("the traits are not JSON: %w", err)
	}
	err = t.schema.Validate(map[string]any{"traits": value})
	if err == nil {
		return nil, nil
	}
	v, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return nil, err
	}
	return complaintsOf(v, nil), nil
}

// CheckTraits holds traits against an identity schema as Kratos does on a write, so
// that a form or a dry run can tell what would be refused. The paths lead from the
// identity ("/traits/email"). The error is that of a schema or of traits that cannot
// be read. What the server adds beyond the schema (a login name that is taken, a
// host name that it looks up) only a write finds out.
//
// Kratos validates {"traits": …} as a whole, JSON schema draft 7, with formats checked
// (v1.3, schema/validator.go).
func CheckTraits(s Schema, traits []byte) ([]clients.Field, error) {
	t, err := NewTraitsCheck(s)
	if err != nil {
		return nil, err
	}
	return t.Check(traits)
}

// nowhere refuses references that lead out of the schema.
type nowhere struct{}

// Load implements jsonschema.URLLoader.
func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, which is not read from here", url)
}

var english = message.NewPrinter(language.English)

// complaintsOf lists the leaves of a validation error, each once.
func complaintsOf(v *jsonschema.ValidationError, out []clients.Field) []clients.Field {
	for _, cause := range v.Causes {
		out = complaintsOf(cause, out)
	}
	if len(v.Causes) > 0 {
		return out
	}
	var path strings.Builder
	for _, part := range v.InstanceLocation {
		path.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	add := func(f clients.Field) {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	if r, ok := v.ErrorKind.(*kind.Required); ok {
		for _, name := range r.Missing {
			add(clients.Field{Path: path.String() + "/" + name, Message: "is required"})
		}
		return out
	}
	add(clients.Field{Path: path.String(), Message: complaintWords(v.ErrorKind)})
	return out
}

// complaintWords says in plain words what a keyword of JSON schema demands.
func complaintWords(k jsonschema.ErrorKind) string {
	number := func(r *big.Rat) string {
		if r.IsInt() {
			return r.Num().String()
		}
		return strings.TrimRight(r.FloatString(10), "0")
	}
	switch k := k.(type) {
	case *kind.Type:
		if len(k.Want) == 1 {
			if words := typeWords[k.Want[0]]; words != "" {
				return "must be " + words
			}
		}
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %d characters, and has %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %d characters, and has %d", k.Want, k.Got)
	case *kind.Minimum:
		return "must be at least " + number(k.Want)
	case *kind.Maximum:
		return "must be at most " + number(k.Want)
	case *kind.ExclusiveMinimum:
		return "must be more than " + number(k.Want)
	case *kind.ExclusiveMaximum:
		return "must be less than " + number(k.Want)
	case *kind.MultipleOf:
		return "must be a multiple of " + number(k.Want)
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %d items, and has %d", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("must have at most %d items, and has %d", k.Want, k.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("items %d and %d are the same", k.Duplicates[0]+1, k.Duplicates[1]+1)
	case *kind.AdditionalProperties:
		return "the schema does not allow " + strings.Join(k.Properties, ", ")
	case *kind.Pattern:
		return "does not match the pattern " + k.Want
	}
	return k.LocalizedString(english)
}

var typeWords = map[string]string{"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
	"array": "a list", "object": "an object", "null": "null"}
