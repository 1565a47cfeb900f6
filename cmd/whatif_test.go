package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/access"
)

// whatIf are the flags of a what-if over the files of whyFiles.
func whatIf(t testing.TB, args ...string) []string {
	return append(append([]string{"what-if"}, whyFiles(t)[1:]...), args...)
}

func TestWhatIfWithoutAServer(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		before access.Verdict
		says   []string
	}{
		{"a grant", []string{"--add", "Group:g#members@ann", "Doc:q3#view@ann"}, exitYes, access.Denied,
			[]string{"✗ denied → ✓ allowed", "+ Group:g#members@ann", "what changes", "nothing was written"}},
		{"a revoke", []string{"--rm", "Group:g#members@ben", "Doc:q3#view@ben"}, exitNo, access.Allowed, []string{"✓ allowed → ✗ denied", "- Group:g#members@ben", "fix 1"}},
		{"several", []string{"--add", "Doc:x#viewers@ann", "--add", "Doc:x#blocked@Group:g#members", "--rm", "Doc:x#blocked@ann", "Doc:x#view@ann"}, exitYes, access.Denied,
			[]string{"Doc:x#blocked@ann is not stored"}},
		{"no difference", []string{"--add", "Doc:other#viewers@ann", "Doc:q3#view@ann"}, exitNo, access.Denied, []string{"✗ still denied"}},
		{"not provided for", []string{"--add", "Doc:q3#viewer@ann", "Doc:q3#view@ann"}, exitNo, access.Denied, []string{`did you mean "viewers"?`}},
		{"it stays an error", []string{"--add", "Doc:bad#editors@carl", "Doc:bad#view@ben"}, exitProblem, access.Unknown, []string{"? still unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := whatIf(t, c.args...)
			text := gatehouse(t, nil, args...).want(t, c.code).stdout
			for _, s := range c.says {
				if !strings.Contains(text, s) {
					t.Errorf("%q is not in\n%s", s, text)
				}
			}
			w := decode[access.WhatIf](t, "what-if", gatehouse(t, nil, append(args, "--json")...).want(t, c.code))
			if w.Before.Verdict != c.before || w.Server != access.NotAsked || w.Before.Server != access.NotAsked || w.Schema != access.Schema || w.Proof == nil || w.Tree != nil || w.Requests != 0 {
				t.Errorf("%+v", w)
			}
			if w := decode[access.WhatIf](t, "what-if", gatehouse(t, nil, append(args, "--json", "--full")...)); w.Tree == nil || w.Before.Tree == nil {
				t.Error("--full shows no whole tree")
			}
			for _, form := range []string{"--yaml", "--csv", "--jsonl"} {
				gatehouse(t, nil, append(args, form)...).want(t, c.code)
			}
		})
	}
}

func TestWhatIfAndWhyRefuseWhatMeansNothing(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{whatIf(t, "Doc:q3#view@ann"), "at least one --add or --rm"},
		{whatIf(t, "--add", "nonsense", "Doc:q3#view@ann"), `"nonsense" is not a relation tuple`},
		{whatIf(t, "--add", "Doc:q3#viewers@ann", "--rm", "Doc:q3#viewers@ann", "Doc:q3#view@ann"), "both added and removed"},
		{whatIf(t, "--add", "Doc:q3#viewers@ann", "Doc:q3#view"), "is not a relation tuple"},
		{whatIf(t, "--add", "Doc:q3#viewers@ann", "--max-depth", "-1", "Doc:q3#view@ann"), "must not be negative"},
		{append(whyFiles(t), "--decisive", "--full", "Doc:q3#view@ann"), "decisive"},
		{[]string{"fix", "apply", "0", "Doc:q3#view@ann"}, "number of a fix"},
		{[]string{"fix", "apply", "x", "Doc:q3#view@ann"}, "number of a fix"},
		{[]string{"fix", "apply", "1"}, "QUESTION or --trace"},
		{[]string{"fix", "apply", "1", "Doc:q3#view@ann", "--trace", "x"}, "QUESTION or --trace"},
		{[]string{"fix", "apply", "1", "--trace", "/nowhere/at/all"}, "/nowhere/at/all"},
		{[]string{"fix", "apply", "1", "Doc:q3#view@ann", "--tuples", "x"}, "what-if"},
	} {
		if r := gatehouse(t, nil, c.args...).want(t, exitProblem); !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%q: %q, stdout %q", c.args[:1], r.stderr, r.stdout)
		}
	}
}

// The default is the decisive view, with or without its flag.
func TestDecisiveIsTheDefault(t *testing.T) {
	base := append(whyFiles(t), "Doc:q3#view@ben", "--json")
	plain, said := gatehouse(t, nil, base...).want(t, exitYes).stdout, gatehouse(t, nil, append(base, "--decisive")...).want(t, exitYes).stdout
	cut := func(s string) string { return s[:strings.Index(s, `"ms"`)] }
	if cut(plain) != cut(said) || strings.Contains(plain, `"tree"`) {
		t.Errorf("%s\n%s", plain, said)
	}
}

// traceExample is the answer that is promised to scripts, with every field that the
// promise names.
const traceExample = `{"schema":"gatehouse.trace.v1","question":"Doc:a#view@ann","verdict":"denied",
 "server":"denied","explained":"denied","agrees":true,
 "summary":"one sentence for a support person","cause":"missing_tuple",
 "proof":{"kind":"union","label":"view","verdict":"denied","reason":"any of 3","tuple":"Doc:a#viewers@ben","rule":{"file":"model.ts","line":4,"column":9,"text":"view: …"},"children":[]},
 "near_misses":[{"kind":"alias","summary":"allowed as ann@acme.example"}],
 "fixes":[{"summary":"add Doc:a#viewers@ann","writes":[{"op":"add","tuple":"Doc:a#viewers@ann"}],"also_grants":3,"verified":true}],
 "requests":8,"round_trips":4,"ms":12}`

// The schema takes the promised answer, and what is printed has every promised field
// that it has something to say in.
func TestTheTraceIsAsPromised(t *testing.T) {
	validate(t, "trace", traceExample)
	var promised, got map[string]any
	if err := json.Unmarshal([]byte(traceExample), &promised); err != nil {
		t.Fatal(err)
	}
	r := gatehouse(t, nil, append(whyFiles(t), "Doc:q3#view@ann", "--json")...).want(t, exitNo)
	validate(t, "trace", r.stdout)
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	for name := range promised {
		if _, ok := got[name]; !ok && name != "agrees" && name != "near_misses" { // nobody was asked, and nobody has another name
			t.Errorf("%q is missing in %s", name, r.stdout)
		}
	}
	fix := got["fixes"].([]any)[0].(map[string]any)
	for _, name := range []string{"summary", "writes", "also_grants", "verified"} {
		if _, ok := fix[name]; !ok {
			t.Errorf("a fix has no %q: %v", name, fix)
		}
	}
}
