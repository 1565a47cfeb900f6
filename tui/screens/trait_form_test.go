package screens

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// traitTestSchema has a trait of every shape.
const traitTestSchema = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","definitions":{"phone":{"type":"string","title":"Phone"}},"properties":{"traits":{"type":"object","properties":{
 "email":{"type":"string","format":"email","title":"E-mail","minLength":3,"maxLength":320},
 "name":{"type":"object","title":"Name","properties":{"first":{"type":"string"},"last":{"type":"string"}},"required":["first"]},
 "born":{"type":"string","format":"date"},
 "age":{"type":"integer","minimum":0,"maximum":150},
 "height":{"type":"number"},
 "on_call":{"type":"boolean"},
 "level":{"enum":["junior","senior",3,null]},
 "skills":{"type":"array","items":{"type":"string"},"maxItems":4},
 "phones":{"type":"array","items":{"type":"object","properties":{"kind":{"type":"string"},"number":{"$ref":"#/definitions/phone"}},"required":["number"]}},
 "extra":{"oneOf":[{"type":"string"},{"type":"number"}]},
 "note":{"type":["string","null"]}
},"required":["email","name"],"additionalProperties":{"type":"string"}}}}`

// open gives a form over traits, and the values as a form would begin with.
func traitOpen(t *testing.T, traits string) (*traitForm, map[string]string, []tui.FormField) {
	t.Helper()
	f := newTraitForm(kratos.Schema{ID: "test", Schema: json.RawMessage(traitTestSchema)}, json.RawMessage(traits))
	if f.why != "" {
		t.Fatal(f.why)
	}
	fields := f.fields(nil)
	values := map[string]string{}
	for _, one := range fields {
		values[one.Name] = one.Value
	}
	return f, values, fields
}

// traitBack is what the form makes of the values, with the differences to before.
func traitBack(t *testing.T, f *traitForm, before string, values map[string]string) []clients.Difference {
	t.Helper()
	got, err := f.traits(values)
	if err != nil {
		t.Fatal(err)
	}
	if before == "" {
		before = "{}"
	}
	d, err := clients.Diff(json.RawMessage(before), got)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What nobody touches comes back as it was, whatever it is and whether the schema
// knows it or not.
func TestTraitFormKeepsWhatIsNotTouched(t *testing.T) {
	for name, traits := range map[string]string{
		"nothing":           `{}`,
		"plain":             `{"email":"a@b.example","name":{"first":"Ann","last":"O"},"age":3,"height":1.50,"on_call":false,"level":"senior","skills":["go","sql"]}`,
		"empty and null":    `{"email":"","name":{},"born":null,"skills":[],"phones":[],"note":null,"level":null}`,
		"large numbers":     `{"email":"a@b","age":12345678901234567890123,"height":1.000000000000000000001,"name":{"first":""}}`,
		"wrong types":       `{"email":5,"name":"Ann","age":"three","on_call":"yes","level":"unknown","skills":"go","phones":{"a":1}}`,
		"nested":            `{"email":"a@b","name":{"first":"A","middle":"B"},"phones":[{"kind":"home","number":"1"},{},{"number":"","x":[1,{"y":null}]}]}`,
		"lists with holes":  `{"skills":["",null,"go",""],"email":"a","name":{"first":"x"}}`,
		"not in the schema": `{"email":"a","name":{"first":"x"},"zz":{"deep":[1,2,{"a/b":"~"}]},"…":1}`,
		"hidden characters": `{"email":"a\u0000b\u001b[31m","name":{"first":"two\nlines\tand a tab","last":"\ufffd\u202e"},"extra":"x"}`,
		"raw":               `{"email":"a","name":{"first":"x"},"extra":{"a":[1,2]}}`,
		"dash":              `{"email":"–","name":{"first":"–"},"note":"–","skills":["–"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			f, values, _ := traitOpen(t, traits)
			if d := traitBack(t, f, traits, values); len(d) > 0 {
				t.Errorf("it came back changed: %+v", d)
			}
		})
	}
}

func TestTraitFormFields(t *testing.T) {
	_, _, fields := traitOpen(t, `{"email":"a@b.example","skills":["go"],"odd":1}`)
	var got []string
	for _, f := range fields {
		line := f.Name + " " + f.Label
		if f.Section != "" {
			line += " [" + f.Section + "]"
		}
		if f.Required {
			line += " *"
		}
		if len(f.Choices) > 0 {
			line += " " + strings.Join(f.Choices, "|")
		}
		if f.JSON {
			line += " JSON"
		}
		if f.Value != "" {
			line += " = " + f.Value
		}
		got = append(got, line)
	}
	want := `/traits/email E-mail * = a@b.example
/traits/name/first first [Name] *
/traits/name/last last [Name]
/traits/born born
/traits/age age
/traits/height height
/traits/on_call on_call –|yes|no = –
/traits/level level –|junior|senior|3|null = –
/traits/skills/0 1 [skills] = go
/traits/skills/1 2 [skills]
/traits/phones/0/kind kind [phones › 1]
/traits/phones/0/number Phone [phones › 1]
/traits/extra extra JSON
/traits/note note
/traits/… others JSON = {"odd":1}`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("the fields are\n%s\nwant\n%s", s, want)
	}
	if h := fields[0].Help; h != "an e-mail address; 3 to 320 characters" {
		t.Errorf("help of the e-mail: %q", h)
	}
}

// Each kind of value is typed as a person types it and comes out as JSON has it.
func TestTraitFormTyped(t *testing.T) {
	before := `{"email":"a@b","name":{"first":"Ann"},"skills":["go","sql","c"],"level":"junior","age":1,"on_call":true,"phones":[{"number":"1"},{"number":"2"}],"odd":"x"}`
	for _, c := range []struct {
		name  string
		typed map[string]string
		want  string // of the differences
	}{
		{"text", map[string]string{"/traits/email": " b "}, `/email: "a@b" -> " b "`},
		{"emptied", map[string]string{"/traits/name/last": "O", "/traits/name/first": ""}, `/name/first: "Ann" -> null, /name/last: null -> "O"`},
		{"numbers", map[string]string{"/traits/age": "20", "/traits/height": "1.50"}, `/age: 1 -> 20, /height: null -> 1.50`},
		{"left out", map[string]string{"/traits/age": "", "/traits/on_call": "–", "/traits/level": "–"}, `/age: 1 -> null, /level: "junior" -> null, /on_call: true -> null`},
		{"choices", map[string]string{"/traits/on_call": "no", "/traits/level": "3"}, `/level: "junior" -> 3, /on_call: true -> false`},
		{"an item more", map[string]string{"/traits/skills/3": "rust"}, `/skills: ["go","sql","c"] -> ["go","sql","c","rust"]`},
		{"an item less", map[string]string{"/traits/skills/1": ""}, `/skills: ["go","sql","c"] -> ["go","c"]`},
		{"no item", map[string]string{"/traits/skills/0": "", "/traits/skills/1": "", "/traits/skills/2": ""}, `/skills: ["go","sql","c"] -> []`},
		{"an object more", map[string]string{"/traits/phones/2/number": "3"}, `/phones: [{"number":"1"},{"number":"2"}] -> [{"number":"1"},{"number":"2"},{"number":"3"}]`},
		{"an object less", map[string]string{"/traits/phones/0/number": ""}, `/phones: [{"number":"1"},{"number":"2"}] -> [{"number":"2"}]`},
		{"raw", map[string]string{"/traits/extra": `{"a": 1e3}`}, `/extra: null -> {"a":1e3}`},
		{"others", map[string]string{"/traits/…": `{"team":"blue"}`}, `/odd: "x" -> null, /team: null -> "blue"`},
		{"no others", map[string]string{"/traits/…": ``}, `/odd: "x" -> null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, values, _ := traitOpen(t, before)
			for k, v := range c.typed {
				values[k] = v
			}
			var got []string
			for _, d := range traitBack(t, f, before, values) {
				got = append(got, d.Field+": "+compactJSON(d.Before)+" -> "+compactJSON(d.After))
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

// A list offers one place more than it has, as far as the schema lets it.
func TestTraitFormListsGrow(t *testing.T) {
	f, values, _ := traitOpen(t, `{"email":"a","skills":["1","2"]}`)
	places := func() (n int) {
		for _, one := range f.fields(values) {
			if strings.HasPrefix(one.Name, "/traits/skills/") {
				n++
			}
		}
		return n
	}
	for i, want := range map[string]int{"": 3, "/traits/skills/2": 4} {
		if i != "" {
			values[i] = "x"
		}
		if got := places(); i == "" && got != want {
			t.Errorf("%d places, want %d", got, want)
		}
	}
	values["/traits/skills/2"], values["/traits/skills/3"] = "3", "4"
	if got := places(); got != 4 {
		t.Errorf("%d places in a list of at most 4", got)
	}
}

// Complaints stand at the field that they are about, also behind an emptied item.
func TestTraitFormComplaints(t *testing.T) {
	f, values, _ := traitOpen(t, `{"email":"a@b.example","name":{"first":"x"},"phones":[{"number":"1"},{"number":"2"}],"skills":["a"]}`)
	values["/traits/email"] = "nope"
	values["/traits/age"] = "200"
	values["/traits/phones/0/number"] = ""
	values["/traits/phones/1/number"], values["/traits/phones/1/kind"] = "", "home"
	values["/traits/height"] = "tall" // what cannot be read does not hide the rest
	got := f.complaints(values)
	delete(got, "/traits/height")
	for name, part := range map[string]string{"/traits/email": "email", "/traits/age": "150", "/traits/phones/1/number": "required"} {
		if !strings.Contains(got[name], part) {
			t.Errorf("%s: %q does not say %q (all: %v)", name, got[name], part, got)
		}
	}
	if len(got) != 3 {
		t.Errorf("complaints: %v", got)
	}
}

// What is no form comes as JSON and does no harm.
func TestTraitSchemaStrange(t *testing.T) {
	deep := strings.Repeat(`{"type":"object","properties":{"a":`, 60) + `{}` + strings.Repeat(`}}`, 60)
	for name, s := range map[string]string{
		"empty": ``, "not JSON": `{`, "a list": `[]`, "no traits": `{"properties":{}}`, "true": `{"properties":{"traits":true}}`,
		"refers to itself": `{"definitions":{"a":{"$ref":"#/definitions/a"}},"properties":{"traits":{"$ref":"#/definitions/a"}}}`,
		"a tree":           `{"definitions":{"a":{"type":"object","properties":{"kid":{"$ref":"#/definitions/a"}}}},"properties":{"traits":{"$ref":"#/definitions/a"}}}`,
		"refers away":      `{"properties":{"traits":{"$ref":"https://elsewhere.example/s.json"}}}`,
		"any of":           `{"properties":{"traits":{"anyOf":[{"type":"object"}]}}}`,
		"deep":             `{"properties":{"traits":` + deep + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			traits := `{"a":{"b":[1]},"email":"x"}`
			f := newTraitForm(kratos.Schema{ID: "s", Schema: json.RawMessage(s)}, json.RawMessage(traits))
			fields := f.fields(nil)
			if len(fields) == 0 {
				t.Fatal("there is nothing to fill in")
			}
			values := map[string]string{}
			for _, one := range fields {
				values[one.Name] = one.Value
			}
			if d := traitBack(t, f, traits, values); len(d) > 0 {
				t.Errorf("it came back changed: %+v", d)
			}
			f.complaints(values)
		})
	}
}
