package screens

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestFlattenTraits(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      []traitField
	}{
		{"nothing", ``, nil},
		{"null", `null`, nil},
		{"not JSON", `{"a":`, nil},
		{"empty object", `{}`, nil},
		{"what says who it is comes first", `{"department":"legal","name":{"last":"Okafor","first":"Ann"},"email":"a@b"}`,
			[]traitField{{"email", "a@b"}, {"name.first", "Ann"}, {"name.last", "Okafor"}, {"department", "legal"}}},
		{"numbers keep their digits", `{"n":12345678901234567890,"f":1.50}`, []traitField{{"f", "1.50"}, {"n", "12345678901234567890"}}},
		{"yes and no", `{"a":true,"b":false,"c":null,"d":""}`, []traitField{{"a", "yes"}, {"b", "no"}, {"c", "(null)"}, {"d", "(empty)"}}},
		{"plain lists are lines", `{"skills":["go","sql, plsql"],"none":[]}`, []traitField{{"none", "(an empty list)"}, {"skills", "go\nsql, plsql"}}},
		{"lists of things", `{"a":[{"b":1},2]}`, []traitField{{"a[0].b", "1"}, {"a[1]", "2"}}},
		{"empty things inside", `{"a":{}}`, []traitField{{"a", "(nothing in it)"}}},
		{"names with dots", `{"a.b":{"":1}}`, []traitField{{`"a.b".""`, "1"}}},
		{"a bare value", `"x"`, []traitField{{"", "x"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, rest := flattenTraits(json.RawMessage(c.raw))
			if !reflect.DeepEqual(got, c.want) || rest != 0 {
				t.Errorf("got %v and %d left out, want %v", got, rest, c.want)
			}
		})
	}
}

// Metadata may be as large and deep as an application likes; a screen shows a part
// of it and says how much it left out.
func TestFlattenTraitsIsBounded(t *testing.T) {
	wide := `{"k":[` + strings.Repeat(`{"a":1},`, 999) + `{"a":1}]}`
	fields, rest := flattenTraits(json.RawMessage(wide))
	if len(fields) != traitFields || rest != 1000-traitFields {
		t.Errorf("%d fields and %d left out of 1000", len(fields), rest)
	}
	deep := strings.Repeat(`{"a":`, 2000) + `1` + strings.Repeat(`}`, 2000)
	fields, _ = flattenTraits(json.RawMessage(deep))
	if len(fields) != 1 || !strings.HasPrefix(fields[0].Value, `{"a":`) {
		t.Errorf("a value of 2000 levels gave %d fields", len(fields))
	}
}
