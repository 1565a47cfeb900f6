package cmd

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// fixEnv is a context over a Keto that runs the story's model.
func fixEnv(readURL, writeURL, opl string) []string {
	return []string{"GATEHOUSE_KETO_READ_URL=" + readURL, "GATEHOUSE_KETO_WRITE_URL=" + writeURL, "GATEHOUSE_KETO_OPL=" + opl}
}

// flatModel has no rules, which is what the fake Keto can decide.
func flatModel(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "flat.ts")
	text := "class User implements Namespace {}\nclass Group implements Namespace { related: { members: User[] } }\nclass Doc implements Namespace { related: { viewers: User[] } }\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// On the real Keto: the fix of each kind of denial is written in one transaction, the
// server's own answer turns, and the commands that it names take it back exactly.
func TestFixApplyOnTheRealKeto(t *testing.T) {
	info := stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	env := fixEnv(info.ReadURL, info.WriteURL, info.OPL)
	gatehouse(t, env, "tuples", "add", "Doc:q3#viewers@Group:g#members", "Group:g#members@ben", "Doc:pay#viewers@Group:g#members", "Doc:pay#blocked@Group:temps#members",
		"Group:temps#members@ben", "Doc:run#parents@f", "Folder:f#viewers@carl", "--force").want(t, exitYes)
	all := func() string { return gatehouse(t, env, "tuples", "export").want(t, exitYes).stdout }
	for _, question := range []string{"Doc:q3#view@ann", "Doc:pay#view@ben", "Doc:run#view@carl", "Doc:new#publish@ann"} {
		t.Run(question, func(t *testing.T) {
			before := all()
			n := len(decode[access.Trace](t, "trace", gatehouse(t, env, "why", question, "--json").want(t, exitNo)).Fixes)
			for i := range n {
				number := string(rune('1' + i))
				dry := decode[fixResult](t, "fix", gatehouse(t, env, "fix", "apply", number, question, "--dry-run", "--json").want(t, exitYes))
				if sorted(all()) != sorted(before) || dry.Outcome != outcomeWould || dry.After.Server != access.NotAsked {
					t.Fatalf("--dry-run: %+v", dry)
				}
				r := decode[fixResult](t, "fix", gatehouse(t, env, "fix", "apply", number, question, "--json").want(t, exitYes))
				if r.Outcome != outcomeDone || r.Before.Verdict != access.Denied || r.After.Server != access.Allowed || len(r.Undo) == 0 || r.Number != i+1 {
					t.Fatalf("fix %s: %+v", number, r)
				}
				for _, undo := range r.Undo {
					gatehouse(t, env, strings.Fields(undo)[1:]...).want(t, exitYes)
				}
				if sorted(all()) != sorted(before) {
					t.Fatalf("the undo of fix %s left\n%s\nbefore\n%s", number, all(), before)
				}
			}
		})
	}
	// A second time there is nothing to do.
	gatehouse(t, env, "fix", "apply", "1", "Doc:q3#view@ann").want(t, exitYes)
	stored := sorted(all())
	r := decode[fixResult](t, "fix", gatehouse(t, env, "fix", "apply", "1", "Doc:q3#view@ann", "--json").want(t, exitYes))
	if r.Outcome != outcomeUnchanged || len(r.Changes) != 0 || sorted(all()) != stored {
		t.Errorf("the second time: %+v", r)
	}
}

func sorted(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// What if, asked of the real server, is what comes out once it is written.
func TestWhatIfOnTheRealKeto(t *testing.T) {
	info := stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	env := fixEnv(info.ReadURL, info.WriteURL, info.OPL)
	gatehouse(t, env, "tuples", "add", "Doc:q3#viewers@Group:g#members", "Group:g#members@ben").want(t, exitYes)
	before := gatehouse(t, env, "tuples", "export").stdout
	w := decode[access.WhatIf](t, "what-if", gatehouse(t, env, "what-if", "--add", "Group:g#members@ann", "--rm", "Group:g#members@ben", "Doc:q3#view@ann", "--json").want(t, exitYes))
	if w.Before.Server != access.Denied || w.Server != access.NotAsked || !w.Changed || w.Requests == 0 {
		t.Errorf("%+v", w)
	}
	gatehouse(t, env, "what-if", "--rm", "Group:g#members@ben", "Doc:q3#view@ben").want(t, exitNo)
	if after := gatehouse(t, env, "tuples", "export").stdout; after != before {
		t.Errorf("it wrote: %s", after)
	}
	gatehouse(t, env, "tuples", "add", "Group:g#members@ann").want(t, exitYes)
	gatehouse(t, env, "check", "Doc:q3#view@ann").want(t, exitYes)
}

// A fix of a saved answer is carried out by what it writes, not by its number; when it
// is not among those of now, nothing is written and those of now are shown.
func TestFixOfASavedAnswer(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ben")
	env := append(f.env(), "GATEHOUSE_KETO_OPL="+flatModel(t))
	saved := filepath.Join(t.TempDir(), "trace.json")
	text := gatehouse(t, env, "why", "Doc:a#viewers@ann", "--json").want(t, exitNo).stdout
	if err := os.WriteFile(saved, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	other := strings.ReplaceAll(text, `"tuple":"Doc:a#viewers@ann"`, `"tuple":"Group:x#members@ann"`)
	r := gatehouseIn(t, other, env, "fix", "apply", "1", "--trace", "-").want(t, exitProblem)
	if !strings.Contains(r.stderr, "not among the fixes of now") || !strings.Contains(r.stderr, "fix 1   add Doc:a#viewers@ann") || f.writes != 0 {
		t.Errorf("%d writes: %s", f.writes, r.stderr)
	}
	for input, says := range map[string]string{"": "is not what why --json prints", "{}": "has the schema", "[1]": "is not what", strings.Replace(text, "trace.v1", "trace.v9", 1): "trace.v9"} {
		if r := gatehouseIn(t, input, env, "fix", "apply", "1", "--trace", "-").want(t, exitProblem); !strings.Contains(r.stderr, says) {
			t.Errorf("%q: %s", input, r.stderr)
		}
	}
	if r := gatehouse(t, env, "fix", "apply", "7", "--trace", saved).want(t, exitProblem); !strings.Contains(r.stderr, "no fix 7") {
		t.Error(r.stderr)
	}
	if r := gatehouse(t, env, "fix", "apply", "1", "--trace", saved).want(t, exitYes); !strings.Contains(r.stdout, "now     ✓ allowed") || !strings.Contains(r.stdout, "undo    gatehouse tuples rm Doc:a#viewers@ann") {
		t.Error(r.stdout)
	}
	gatehouse(t, env, "fix", "apply", "1", "--trace", saved).want(t, exitYes) // it is allowed already
	if f.writes != 1 {
		t.Errorf("%d writes", f.writes)
	}
}

func TestFixIsRefused(t *testing.T) {
	f := newFakeKeto(t)
	env := append(f.env(), "GATEHOUSE_KETO_OPL="+flatModel(t))
	if r := gatehouse(t, env, "fix", "apply", "2", "Doc:a#viewers@ann").want(t, exitProblem); !strings.Contains(r.stderr, "there is only 1 fix") || !strings.Contains(r.stderr, "fix 1   add") {
		t.Error(r.stderr)
	}
	if r := gatehouse(t, env, "fix", "apply", "1", "Doc:a#viewers@ann", "--read-only").want(t, exitProblem); !strings.Contains(r.stderr, "may only be read") {
		t.Error(r.stderr)
	}
	config := configFile(t, "contexts:\n  live:\n    production: true\n    keto: {read_url: \""+f.URL+"\", write_url: \""+f.URL+"\", opl: \""+flatModel(t)+"\"}\n")
	if r := gatehouse(t, nil, "fix", "apply", "1", "Doc:a#viewers@ann", "--config", config).want(t, exitProblem); !strings.Contains(r.stderr, "production context live") {
		t.Error(r.stderr)
	}
	if f.writes != 0 {
		t.Errorf("%d writes", f.writes)
	}
	gatehouse(t, nil, "fix", "apply", "1", "Doc:a#viewers@ann", "--config", config, "--yes").want(t, exitYes)
}

// An answer that is lost is never told as "not written": it is looked up.
func TestFixWhoseAnswerIsLost(t *testing.T) {
	for _, happened := range []bool{true, false} {
		f := newFakeKeto(t)
		f.onWrite = func(_ int, carryOut func(), w http.ResponseWriter) bool {
			if happened {
				carryOut()
			}
			cut(w)
			return true
		}
		env := append(f.env(), "GATEHOUSE_KETO_OPL="+flatModel(t))
		code := exitProblem
		if happened {
			code = exitYes
		}
		r := gatehouse(t, env, "fix", "apply", "1", "Doc:a#viewers@ann", "--json").want(t, code)
		got := decode[fixResult](t, "fix", r)
		switch {
		case happened && (got.Outcome != outcomeDone || !strings.Contains(r.stderr, "it did happen") || got.After.Verdict != access.Allowed):
			t.Errorf("%+v %s", got, r.stderr)
		case !happened && (got.Outcome != outcomeUnknown || !strings.Contains(r.stderr, "unknown_outcome") || got.After != nil):
			t.Errorf("%+v %s", got, r.stderr)
		}
		if f.writes != 1 {
			t.Errorf("%d writes", f.writes)
		}
	}
}

// On a terminal a production context is confirmed by its name, and the fixes are looked
// at again after that.
func TestFixInProductionIsConfirmed(t *testing.T) {
	f := newFakeKeto(t)
	config := configFile(t, "contexts:\n  live:\n    production: true\n    keto: {read_url: \""+f.URL+"\", write_url: \""+f.URL+"\", opl: \""+flatModel(t)+"\"}\n")
	args := []string{"fix", "apply", "1", "Doc:a#viewers@ann", "--config", config}
	if code, screen := onTerminal(t, nil, "Type live to go on", "no\n", args...); code != exitProblem || f.writes != 0 || !strings.Contains(screen, "+ Doc:a#viewers@ann") {
		t.Fatalf("%d, %d writes, %q", code, f.writes, screen)
	}
	if code, screen := onTerminal(t, nil, "Type live to go on", "live\n", args...); code != exitYes || f.writes != 1 {
		t.Fatalf("%d, %d writes, %q", code, f.writes, screen)
	}
}
