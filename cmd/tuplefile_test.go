package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/access/tuple/tuplefile"
)

func readAll(in string) (out []string, err error) {
	r := tuplefile.NewReader(strings.NewReader(in))
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, fmt.Sprintf("%d %s", p.Line, p.Key()))
	}
}

func TestTupleReaderForms(t *testing.T) {
	const a, b = `"Doc" "a" "view" id "ann"`, `"Doc" "b" "view" set "Group" "g" "members"`
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"empty":              {"", nil},
		"comments only":      {"# nothing\n\n  // here\n", nil},
		"text":               {"# people\nDoc:a#view@ann\n\n  Doc:b#view@Group:g#members  \r\n", []string{"2 " + a, "4 " + b}},
		"text without end":   {"Doc:a#view@ann", []string{"1 " + a}},
		"byte order mark":    {"\xef\xbb\xbfDoc:a#view@ann\n", []string{"1 " + a}},
		"JSON lines":         {`{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann"}` + "\n" + `{"namespace":"Doc","object":"b","relation":"view","subject_set":{"namespace":"Group","object":"g","relation":"members"}}`, []string{"1 " + a, "2 " + b}},
		"mixed":              {"Doc:b#view@(Group:g#members)\n" + `{"namespace":"Doc","object":"a","relation":"view","subject_id":"f:1:ann"}` + "\nDoc:a#view@ann\n", []string{"1 " + b, `2 "Doc" "a" "view" id "f:1:ann"`, "3 " + a}},
		"object over lines":  {"{\n \"namespace\": \"Doc\",\n \"object\": \"a\",\n \"relation\": \"view\", \"subject_id\": \"ann\"\n}\nDoc:b#view@Group:g#members", []string{"1 " + a, "6 " + b}},
		"array":              {"\n[\n" + `{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann"},` + "\n" + `{"namespace":"Doc","object":"b","relation":"view",` + "\n" + `"subject_set":{"namespace":"Group","object":"g","relation":"members"}}` + "\n]\n", []string{"3 " + a, "4 " + b}},
		"empty array":        {" [ ] ", nil},
		"Keto's own answer":  {"{\"relation_tuples\":[\n" + `{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann"}` + "\n],\"next_page_token\":\"\"}", []string{"1 " + a}},
		"no tuples of Keto":  {`{"relation_tuples":[],"next_page_token":""}`, nil},
		"form of our output": {"[\n" + `{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann","tuple":"Doc:a#view@ann"}` + "\n]\n", []string{"2 " + a}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAll(c.in)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestTupleReaderErrorsNameTheLine(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"no relation":          {"Doc:a#view@ann\nDoc:b\n", "line 2: "},
		"no subject":           {"\n\nDoc:a#view@\n", "line 3: "},
		"broken object":        {"Doc:a#view@ann\n{\"namespace\": Doc}\n", "line 2: the JSON is broken"},
		"object without end":   {"{\"namespace\":\"Doc\",\n", "line 1: the JSON is broken"},
		"both subjects":        {`{"namespace":"Doc","object":"a","relation":"view","subject_id":"x","subject_set":{"namespace":"G","object":"g","relation":""}}`, "line 1: a relation tuple has either"},
		"empty namespace":      {`{"object":"a","relation":"view","subject_id":"x"}`, "line 1: the namespace is empty"},
		"number for an id":     {`{"namespace":"Doc","object":7,"relation":"view","subject_id":"x"}`, "line 1: "},
		"element of an array":  {"[\n" + `{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann"},` + "\n" + `{"namespace":"Doc","object":"a","relation":"view"}` + "\n]", "line 3: a relation tuple needs"},
		"string in an array":   {"[\n\"Doc:a#view@ann\"]", "line 2: is not a JSON object"},
		"array without end":    {"[\n" + `{"namespace":"Doc","object":"a","relation":"view","subject_id":"ann"}` + "\n", "line 2: the JSON array does not end"},
		"more after the array": {"[]\nDoc:a#view@ann", "line 2: there is more after"},
		"element of Keto's":    {`{"relation_tuples":[{"namespace":"Doc"}]}`, "line 1: element 1 of relation_tuples"},
		"not UTF-8":            {"Doc:a\xff#view@ann", "line 1: the object is not valid UTF-8"},
		"binary":               {strings.Repeat("x", 2<<20), "line 1: is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAll(c.in)
			var le *tuplefile.LineError
			if !errors.As(err, &le) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// Whatever a tuple holds, the line that export writes for it reads back the same.
func FuzzTupleLineRoundTrip(f *testing.F) {
	f.Add("Doc", "a", "view", "ann", "", "", false)
	f.Add("Doc", "a#b", "view", "f:1:ann", "", "", false)
	f.Add("#Doc", "a", "view", "G", "g", "", true)
	f.Add("Doc", "\x1b[31m\u202e", "vi\new", " ann ", "", "", false)
	f.Add("{", "\u2028", "\u0085", "(x:y)", "", "", false)
	f.Add("//a", "b", "c", "d\r", "", "", false)
	f.Fuzz(func(t *testing.T, ns, obj, rel, sub, sobj, srel string, set bool) {
		in := tuple.Tuple{Namespace: ns, Object: obj, Relation: rel, Subject: tuple.SubjectID(sub)}
		if set {
			in.Subject = tuple.SubjectSet(sub, sobj, srel)
		}
		if tuplefile.Check(in) != nil {
			return
		}
		line := tupleLine(in)
		if strings.ContainsAny(line, "\n\r\x1b\u202e\u0085") {
			t.Fatalf("unsafe line %q", line)
		}
		r := tuplefile.NewReader(strings.NewReader("# head\n" + line + "\n"))
		got, err := r.Next()
		if err != nil || !got.Equal(in) || got.Line != 2 {
			t.Fatalf("%q came back as %+v, %v", line, got, err)
		}
	})
}

func BenchmarkTupleReader(b *testing.B) {
	text := bytes.Repeat([]byte("Doc:quarterly-report#viewers@Group:finance#members\n"), 10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := tuplefile.NewReader(bytes.NewReader(text))
		n := 0
		for {
			if _, err := r.Next(); err != nil {
				break
			}
			n++
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}
