package cmd

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// Every string survives YAML, and none of it reaches a terminal as a control.
func FuzzYAMLKeepsStrings(f *testing.F) {
	for _, s := range []string{"plain", "", "yes", "1e3", "null", "a: b", "# x", "\x1b[31m", "\u202etxt", "line\nline", "\u0085", "tab\t", "\U000e0041", "é😀", "'", `"\`, "- a", "{x", "\n", " lead", "trail ", "line1\n\x1b]0;x\a", "0x1f", "2020-01-01", "~", "!tag", "&a", "*a", "%", "@", "`", "|", ">"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		// What is printed has been JSON before, which makes it valid UTF-8.
		key, value = strings.ToValidUTF8(key, "\ufffd"), strings.ToValidUTF8(value, "\ufffd")
		in := []map[string]any{{"k" + key: value, "list": []any{value}}}
		b, err := encodeYAML(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range string(b) {
			if r != '\n' && (r < 0x20 || unsafeRune(r)) {
				t.Fatalf("unsafe rune %U in %q", r, b)
			}
		}
		var back []map[string]any
		if err := yaml.Unmarshal(b, &back); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if !reflect.DeepEqual(in, back) {
			t.Fatalf("%q\n got %#v\nwant %#v", b, back, in)
		}
	})
}

func TestYAMLKeepsOrderAndNumbers(t *testing.T) {
	b, err := encodeYAML(json.RawMessage(`{"z":1,"a":[9007199254740993,1.5,true,null,{}],"m":{"y":"😀","b":[]}}`))
	want := "z: 1\na:\n- 9007199254740993\n- 1.5\n- true\n- null\n- {}\nm:\n  \"y\": 😀\n  b: []\n"
	if err != nil || string(b) != want {
		t.Errorf("got %q, %v; want %q", b, err, want)
	}
}
