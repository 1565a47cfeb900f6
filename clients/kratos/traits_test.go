package kratos_test

import (
	"encoding/json"
	"slices"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

func TestCheckTraits(t *testing.T) {
	s := kratos.Schema{ID: "x", Schema: json.RawMessage(`{"$id":"https://schemas.example/x.json","$schema":"http://json-schema.org/draft-07/schema#","type":"object",
		"properties":{"traits":{"type":"object","required":["email"],"additionalProperties":false,"properties":{
			"email":{"type":"string","format":"email","ory.sh/kratos":{"credentials":{"password":{"identifier":true}}}},
			"name":{"type":"object","required":["first"],"properties":{"first":{"type":"string","minLength":2}}},
			"age":{"type":"integer","minimum":0}}}}}`)}
	for traits, want := range map[string][]clients.Field{
		`{"email":"ann@acme.example","name":{"first":"Ann"},"age":33}`: nil,
		``:                                  {{Path: "/traits/email", Message: "is required"}},
		`{"email":"nope"}`:                  {{Path: "/traits/email", Message: "'nope' is not valid email: missing @"}},
		`{"email":"a@b.example","age":1.5}`: {{Path: "/traits/age", Message: "must be a whole number"}},
		`{"email":"a@b.example","name":{"first":"A"}}`: {{Path: "/traits/name/first", Message: "must have at least 2 characters, and has 1"}},
		`{"email":"a@b.example","name":{}}`:            {{Path: "/traits/name/first", Message: "is required"}},
	} {
		got, err := kratos.CheckTraits(s, []byte(traits))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v, want %v", traits, got, err, want)
		}
	}
	for name, c := range map[string][2]string{
		"traits that are no JSON":      {string(s.Schema), `{`},
		"a schema that is no JSON":     {`{`, `{}`},
		"a schema that leads to files": {`{"properties":{"traits":{"$ref":"file:///etc/passwd"}}}`, `{}`},
	} {
		if _, err := kratos.CheckTraits(kratos.Schema{Schema: json.RawMessage(c[0])}, []byte(c[1])); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
