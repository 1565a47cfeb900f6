package cmd

import (
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
