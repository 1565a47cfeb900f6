package tuple

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Tuple{
		"Doc:a#view@ann":                 {"Doc", "a", "view", SubjectID("ann")},
		"Doc:a#view@(ann)":               {"Doc", "a", "view", SubjectID("ann")},
		"Doc:a#view@ann@acme.example":    {"Doc", "a", "view", SubjectID("ann@acme.example")},
		"Doc:a#view@Group:g#members":     {"Doc", "a", "view", SubjectSet("Group", "g", "members")},
		"Doc:a#view@(Group:g#members)":   {"Doc", "a", "view", SubjectSet("Group", "g", "members")},
		"Doc:a#parents@Folder:2026#":     {"Doc", "a", "parents", SubjectSet("Folder", "2026", "")},
		"Doc:a#parents@Folder:2026":      {"Doc", "a", "parents", SubjectSet("Folder", "2026", "")},
		"Doc:x:y#view@ann":               {"Doc", "x:y", "view", SubjectID("ann")},
		"Doc:a#view@f:123:ann":           {"Doc", "a", "view", SubjectSet("f", "123:ann", "")},
		"Doc:Ünï/1 2#view@ann":           {"Doc", "Ünï/1 2", "view", SubjectID("ann")},
		"Doc:a#view@Group:g#members#odd": {"Doc", "a", "view", SubjectSet("Group", "g", "members#odd")},
	} {
		got, err := Parse(text)
		if err != nil || !got.Equal(want) {
			t.Errorf("Parse(%q) = %#v, %v; want %#v", text, got, err, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, at := range map[string]int{
		"": 0, "Doc": 3, "Doc:a": 5, "Doc:a#view": 10, ":a#view@x": 0, "Doc:#view@x": 4, "Doc:a#@x": 6, "Doc:a#view@": 11, "Doc:a#view@()": 11, "Doc:a#view@:g#m": 11,
	} {
		_, err := Parse(text)
		var se *SyntaxError
		if !errors.As(err, &se) || se.Offset != at {
			t.Errorf("Parse(%q): %v, offset %+v, want %d", text, err, se, at)
		} else if !strings.Contains(err.Error(), "namespace:object#relation@subject") {
			t.Errorf("%q does not say how to write it: %v", text, err)
		}
	}
}

func TestAmbiguous(t *testing.T) {
	for _, tt := range []Tuple{
		{"Doc", "a", "view", SubjectID("f:123:ann")},
		{"Doc", "a#b", "view", SubjectID("ann")},
		{"Doc", "a", "", SubjectID("ann")},
		{"Doc", "a", "view", SubjectID("(ann)")},
	} {
		if !tt.Ambiguous() {
			t.Errorf("%s reads back as another tuple, but is not told to", tt)
		}
		if b, err := json.Marshal(tt); err != nil {
			t.Error(err)
		} else if back := (Tuple{}); json.Unmarshal(b, &back) != nil || !back.Equal(tt) {
			t.Errorf("JSON lost %s: %s", tt, b)
		}
	}
	if (Tuple{"Doc", "a", "view", SubjectSet("Group", "g", "")}).Ambiguous() {
		t.Error("a set without a relation is clear")
	}
}

func TestJSON(t *testing.T) {
	b, _ := json.Marshal(Tuple{"Doc", "a", "view", SubjectID("ann")})
	if string(b) != `{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann","tuple":"Doc:a#view@ann"}` {
		t.Error(string(b))
	}
	b, _ = json.Marshal(Tuple{"Doc", "a", "view", SubjectSet("Group", "g", "members")})
	if string(b) != `{"namespace":"Doc","object":"a","relation":"view","subject_set":{"namespace":"Group","object":"g","relation":"members"},"tuple":"Doc:a#view@Group:g#members"}` {
		t.Error(string(b))
	}
	for _, bad := range []string{
		`{"namespace":"Doc","object":"a","relation":"view"}`,
		`{"namespace":"Doc","object":"a","relation":"view","subjectid":"ann"}`,
		`{"namespace":"Doc","object":"a","relation":"view","subject_id":"x","subject_set":{"namespace":"G","object":"g","relation":""}}`,
		`[]`,
	} {
		if err := json.Unmarshal([]byte(bad), new(Tuple)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestQuery(t *testing.T) {
	s := func(v string) *string { return &v }
	ann, set := SubjectID("Group:g#members"), SubjectSet("Group", "g", "members")
	tt := Tuple{"Doc", "a", "view", set}
	for i, c := range []struct {
		q    Query
		want bool
	}{
		{Query{}, true}, {Query{Namespace: s("Doc")}, true}, {Query{Namespace: s("doc")}, false}, {Query{Object: s("a"), Relation: s("view")}, true},
		{Query{Subject: &set}, true}, {Query{Subject: &ann}, false}, {Query{Relation: s("")}, false},
	} {
		if c.q.Matches(tt) != c.want {
			t.Errorf("case %d", i)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Doc:a#view@Group:g#members")
	f.Add("Doc:a#view@(ann)")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text)
		if err != nil {
			return
		}
		if back, err := Parse(got.String()); !got.Ambiguous() && (err != nil || !back.Equal(got)) {
			t.Fatalf("%q -> %#v -> %#v, %v", text, got, back, err)
		}
	})
}
