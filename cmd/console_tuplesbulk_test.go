package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/access/tuple"
	"gatehouse/stack/stacktest"
)

// Import, expand, export and removal by filter on the real Keto, with keys.
func TestConsoleManyTuples(t *testing.T) {
	info := stacktest.All(t)
	k := newRealKeto(t)
	object := uniq("bulk-")
	dir := t.TempDir()
	t.Chdir(dir)
	var lines []string
	for i := range 12 {
		lines = append(lines, tuple.Tuple{Namespace: k.namespace, Object: object, Relation: k.relation, Subject: tuple.SubjectID("u" + string(rune('a'+i)))}.String())
	}
	if err := os.WriteFile(filepath.Join(dir, "in.tuples"), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.tuples"), []byte(strings.Join(lines, "\n")+"\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		gatehouse(t, k.env, "tuples", "rm", "--namespace", k.namespace, "--object", object, "--yes")
	})
	s := consoleOver(t, info, "LearningSoftware")
	goTo(s, "tuples "+k.namespace+":"+object)
	s.Want("No relation tuple matches")
	s.Press("i")
	s.Want("The whole file is looked at")
	s.Type(filepath.Join(dir, "bad.tuples"))
	s.Press("enter")
	s.Want("line 13", "nothing was written")
	if n := len(k.stored(t, object)); n != 0 {
		t.Fatalf("%d were written", n)
	}
	s.Press("ctrl+u")
	s.Type(filepath.Join(dir, "in.tuples"))
	s.Press("enter")
	yesTyped(s, t, "y", "Import 12 relation tuples?", "… and 4 more")
	s.Want("12 of 12 relation tuples", "12 tuples read, 12 added, 0 there already")
	until(t, "imported", func() bool { return len(k.stored(t, object)) == 12 })
	undo(s, t, "- "+lines[0])
	until(t, "taken back", func() bool { return len(k.stored(t, object)) == 0 })
	s.Press("esc", "i")
	s.Want("The whole file is looked at")
	s.Type(filepath.Join(dir, "in.tuples"))
	s.Press("enter")
	yesTyped(s, t, "y", "Import 12 relation tuples?")
	until(t, "imported again", func() bool { return len(k.stored(t, object)) == 12 })
	s.Want("12 added")
	s.Press("esc")
	s.Want("u" + "a")

	s.Press("e")
	s.Want("has 12 subjects stored directly", "ul")
	s.Press("esc", "X")
	s.Want("✓ wrote 12 relation tuples to")
	files, _ := filepath.Glob(filepath.Join(dir, "gatehouse-tuples-*.jsonl"))
	if len(files) != 1 {
		t.Fatalf("files %q", files)
	}
	back := gatehouse(t, k.env, "tuples", "import", files[0], "--json").want(t, 0)
	if !strings.Contains(back.stdout, `"unchanged":12`) {
		t.Errorf("what was exported is not what is stored: %s", back.stdout)
	}

	s.Press("esc", "D")
	s.Want("What would this delete?", object)
	s.Press("enter")
	s.Want("Delete 12 relation tuples?", "selects 12 relation tuples", "… and 4 more", "u takes it back.", "type 12 to delete")
	if n := len(k.stored(t, object)); n != 12 {
		t.Errorf("%d are stored while it is asked", n)
	}
	typed(s, t, "12")
	s.Want("deleted 12 relation tuples")
	until(t, "deleted", func() bool { return len(k.stored(t, object)) == 0 })
	undo(s, t, "+ "+lines[0])
	until(t, "brought back", func() bool { return len(k.stored(t, object)) == 12 })
}
