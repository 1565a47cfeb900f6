package cmd

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/stack/stacktest"
)

// legacy are settings of a Keto without a permission model: namespaces by id and name.
func legacy(names ...string) map[string]any {
	var spaces []map[string]any
	for i, n := range names {
		spaces = append(spaces, map[string]any{"id": i + 1, "name": n})
	}
	return map[string]any{"log.level": "error", "namespaces": spaces}
}

// A real Keto with legacy namespaces has no rules, so that without any model every answer
// is explained exactly: nothing is inferred, fixes make it allow, and the questions in
// reverse find everybody.
func TestLegacyNamespacesOnTheRealKeto(t *testing.T) {
	t.Parallel()
	info := stacktest.OwnKeto(t, factsModel, legacy("Doc", "Group", "Folder"))
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL}
	gatehouse(t, env, "tuples", "add", "Doc:d#view@ann", "Doc:d#view@Group:g#members", "Group:g#members@ben", "Group:g#members@Group:h#anything", "Group:h#anything@carl",
		"Doc:d#parents@Folder:f#", "Folder:f#view@dora", "--force").want(t, exitYes)
	for question, code := range map[string]int{"Doc:d#view@ann": exitYes, "Doc:d#view@ben": exitYes, "Doc:d#view@carl": exitYes,
		"Doc:d#view@dora": exitNo, "Doc:d#edit@ann": exitNo, "Group:h#anything@ben": exitNo, "Doc:nothing#view@ann": exitNo} {
		for _, mode := range []string{"--decisive", "--full"} {
			tr := decode[access.Trace](t, "trace", gatehouse(t, env, "why", question, mode, "--json").want(t, code))
			b, err := json.Marshal(tr)
			if err != nil || tr.Basis != access.BasisLegacy || tr.Agrees == nil || !*tr.Agrees || strings.Contains(string(b), "inferred") || strings.Contains(tr.Summary, "rules") {
				t.Errorf("%s: %s %v, %v", question, b, tr.Agrees, err)
			}
			if code == exitNo && (tr.Cause != access.CauseMissingTuple || len(tr.Fixes) == 0) {
				t.Errorf("%s: %s with %d fixes: %s", question, tr.Cause, len(tr.Fixes), tr.Summary)
			}
		}
	}
	for i, n := range []string{"Doc:d#view@eve", "Group:h#anything@ben"} {
		tr := decode[access.Trace](t, "trace", gatehouse(t, env, "why", n, "--json").want(t, exitNo))
		for number := range tr.Fixes {
			r := decode[fixResult](t, "fix", gatehouse(t, env, "fix", "apply", string(rune('1'+number)), n, "--json").want(t, exitYes))
			if r.Outcome != outcomeDone || r.After.Server != access.Allowed {
				t.Fatalf("%d: fix %d: %+v", i, number+1, r)
			}
			for _, undo := range r.Undo {
				gatehouse(t, env, strings.Fields(undo)[1:]...).want(t, exitYes)
			}
		}
	}
	holders := strings.Fields(gatehouse(t, env, "who-can", "Doc:d#view", "--csv").want(t, exitYes).stdout)
	for _, who := range []string{"ann", "ben", "carl", "dora"} {
		has := slices.ContainsFunc(holders, func(line string) bool { return strings.Contains(line, who) })
		if has != (who != "dora") {
			t.Errorf("who-can: %s %v\n%s", who, has, strings.Join(holders, "\n"))
		}
	}
	reached := gatehouse(t, env, "what-can", "carl", "--csv").want(t, exitYes).stdout
	for _, want := range []string{"Doc:d", "Group:g", "Group:h"} {
		if !strings.Contains(reached, want) {
			t.Errorf("what-can misses %s:\n%s", want, reached)
		}
	}
	if f := examined(t, 0, env...)["keto check engine"]; f.Facts == nil || f.Facts.Rules == nil || *f.Facts.Rules || f.Facts.Engine != "classic" {
		t.Errorf("the doctor takes it for a Keto with rules: %+v", f.Facts)
	}
	if r := gatehouse(t, env, "matrix", "--object", "Doc:d", "--csv").want(t, exitYes); !strings.Contains(r.stdout, "ann") {
		t.Error(r.stdout)
	}
}

// Without keto.opl, of a Keto that has rules, what is stored is exact, and each line that
// rests on further questions is marked as inferred.
func TestWithoutTheModelEachInferredLineIsMarked(t *testing.T) {
	t.Parallel()
	info := stacktest.OwnKeto(t, factsModel, map[string]any{"log.level": "error"})
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL}
	gatehouse(t, env, "tuples", "add", "Doc:d#viewers@Group:g#members", "Group:g#members@ben", "Doc:e#view@ben", "--force").want(t, exitYes)
	r := gatehouse(t, env, "why", "Doc:d#view@ben").want(t, exitYes)
	if !strings.Contains(r.stdout, "probably through Doc:d#viewers") || !strings.Contains(r.stdout, "✓ Doc:d#viewers   inferred   Keto says so of this relation") {
		t.Error(r.stdout)
	}
	if r = gatehouse(t, env, "why", "Doc:e#view@ben").want(t, exitYes); strings.Contains(r.stdout, "inferred") || !strings.Contains(r.stdout, "Doc:e#view@ben") {
		t.Errorf("what is stored is inferred: %s", r.stdout)
	}
	r = gatehouse(t, env, "why", "Doc:d#view@eve").want(t, exitNo)
	if !strings.Contains(r.stdout, "inferred") || strings.Contains(r.stdout, "fix 1") || !strings.Contains(r.stdout, "keto.opl") {
		t.Errorf("a fix of rules that are not known: %s", r.stdout)
	}
	if r = gatehouse(t, env, "who-can", "Doc:d#view").want(t, exitProblem); !strings.Contains(r.stderr, "there may be more") {
		t.Error(r.stderr)
	}
}
