package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// whyData are tuples that fit the story's model.
const whyData = `Doc:q3#viewers@Group:g#members
Group:g#members@ben
Doc:q3#blocked@dana
Group:g#members@dana
Doc:run#parents@f
Folder:f#viewers@carl
Doc:bad#viewers@Group:g#member
`

// whyFiles writes the model and the tuples and returns the flags that name them.
func whyFiles(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	model, data := filepath.Join(dir, "model.ts"), filepath.Join(dir, "data.tuples")
	for path, text := range map[string]string{model: story.Model(), data: whyData} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"why", "--opl", model, "--tuples", data}
}

// No server is needed to try a model: each answer has its exit code, its cause and a
// proof that names rule and tuple.
func TestWhyWithoutAServer(t *testing.T) {
	base := whyFiles(t)
	for _, c := range []struct {
		question string
		flags    []string
		code     int
		cause    string
		says     []string // in the plain text
	}{
		{"Doc:q3#view@ben", nil, exitYes, "", []string{"✓ allowed", "Group:g#members@ben", "model.ts:61"}},
		{"Doc:q3#view@ann", nil, exitNo, access.CauseMissingTuple, []string{"✗ denied", "ann is not in Group:g#members", "nobody"}},
		{"Doc:q3#view@dana", nil, exitNo, access.CauseBlocked, []string{"because of a block", "dana is in Doc:q3#blocked"}},
		{"Doc:run#view@carl", nil, exitNo, access.CauseParent, []string{`bare id "f"`, "Doc:run#parents@Folder:f#"}},
		{"Doc:bad#view@ben", nil, exitProblem, access.CauseUnknownRelation, []string{"? unknown", "Doc:bad#viewers@Group:g#members"}},
		{"Doc:q3#view@ben", []string{"--max-depth", "2"}, exitNo, access.CauseDepth, []string{"Keto stops after 2"}},
		{"Doc:q3#view@ben", []string{"--strict", "--engine", "new"}, exitYes, "", nil},
	} {
		t.Run(c.question+strings.Join(c.flags, ""), func(t *testing.T) {
			args := append(append(base[:len(base):len(base)], c.flags...), c.question)
			text := gatehouse(t, nil, args...).want(t, c.code).stdout
			for _, s := range c.says {
				if !strings.Contains(text, s) {
					t.Errorf("%q is not in\n%s", s, text)
				}
			}
			tr := decode[access.Trace](t, "trace", gatehouse(t, nil, append(args, "--json", "--full")...).want(t, c.code))
			if tr.Cause != c.cause || tr.Server != access.NotAsked || tr.Proof == nil || tr.Tree == nil || tr.Requests != 0 {
				t.Errorf("cause %q, server %s, %d requests: %s", tr.Cause, tr.Server, tr.Requests, tr.Summary)
			}
		})
	}
}

// One line of JSON comes for each question; a line that is none is named.
func TestWhyBatch(t *testing.T) {
	args := append(whyFiles(t), "--batch", "-")
	r := gatehouseIn(t, "Doc:q3#view@ben\n\nDoc:q3#view@ann\n", nil, args...).want(t, exitYes)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	if len(lines) != 2 {
		t.Fatalf("2 questions, %d answers: %s", len(lines), r.stdout)
	}
	for i, want := range []access.Verdict{access.Allowed, access.Denied} {
		validate(t, "trace", lines[i])
		var tr access.Trace
		if err := json.Unmarshal([]byte(lines[i]), &tr); err != nil || tr.Verdict != want {
			t.Errorf("line %d: %s, %v", i, tr.Verdict, err)
		}
	}
	gatehouseIn(t, "Doc:bad#view@ben\n", nil, args...).want(t, exitProblem)
	r = gatehouseIn(t, "Doc:q3#view@ben\nnonsense\n", nil, args...).want(t, exitProblem)
	if strings.Count(r.stdout, "\n") != 1 || !strings.Contains(r.stderr, "line 2") {
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}
}

func TestWhyUsage(t *testing.T) {
	base := whyFiles(t)
	for name, args := range map[string][]string{
		"no question":         base,
		"two ways to ask":     append(base[:5:5], "--batch", "-", "Doc:a#view@ann"),
		"no tuple":            append(base[:5:5], "ann"),
		"a negative depth":    append(base[:5:5], "--max-depth", "-1", "Doc:a#view@ann"),
		"an unknown engine":   append(base[:5:5], "--engine", "old", "Doc:a#view@ann"),
		"a file for batch":    append(base[:5:5], "--batch", "questions"),
		"no such tuples":      {"why", "--tuples", filepath.Join(t.TempDir(), "none"), "Doc:a#view@ann"},
		"no such model":       {"why", "--opl", "none.ts", "--tuples", base[4], "Doc:a#view@ann"},
		"nobody to be asked":  {"why", "Doc:a#view@ann"},
		"a model that is not": {"why", "--opl", base[4], "--tuples", base[2], "Doc:a#view@ann"},
	} {
		t.Run(name, func(t *testing.T) {
			if f := gatehouse(t, nil, append(args, "--json")...).want(t, exitProblem).failure(t); f.Reason == "" {
				t.Errorf("no reason: %+v", f)
			}
		})
	}
}

// On a real Keto each ticket of the story has the verdict of the server, an
// explanation that agrees, and its cause.
func TestWhyOnARealKeto(t *testing.T) {
	info := stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	s, err := story.Load()
	if err != nil {
		t.Fatal(err)
	}
	id := func(key string) (string, error) { return "id-of-" + key, nil }
	var all []string
	for _, text := range s.Tuples {
		tt, err := s.Tuple(text, id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, tt.String())
	}
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + info.OPL}
	gatehouseIn(t, strings.Join(all, "\n"), env, "tuples", "import", "-", "--force").want(t, exitYes)
	for _, ticket := range s.Tickets {
		if ticket.Question.Tuple == "" || ticket.Cause.Code == "subject_alias" { // that one needs a Kratos
			continue
		}
		q, err := s.Tuple(ticket.Question.Tuple, id)
		if err != nil {
			t.Fatal(err)
		}
		code := map[story.Verdict]int{story.Denied: exitNo, story.Unknown: exitProblem}[ticket.Verdict]
		tr := decode[access.Trace](t, "trace", gatehouse(t, env, "why", q.String(), "--json").want(t, code))
		if tr.Cause != ticket.Cause.Code || string(tr.Server) != string(ticket.Verdict) || tr.Agrees == nil || !*tr.Agrees {
			t.Errorf("%s: %s because of %q: %s", ticket.ID, tr.Server, tr.Cause, tr.Summary)
		}
	}
	// Without the model nothing is claimed that is not known.
	tr := decode[access.Trace](t, "trace", gatehouse(t, env[:2], "why", "Doc:first-day#view@id-of-grace", "--json").want(t, exitYes))
	if tr.Cause != access.CauseModelUnknown || tr.Explained != access.Unknown {
		t.Errorf("without the model: %+v", tr)
	}
	if tr = decode[access.Trace](t, "trace", gatehouse(t, env[:2], "why", "Nope:a#view@ann", "--json").want(t, exitNo)); tr.Server != access.Denied {
		t.Errorf("an unknown namespace: %+v", tr)
	}
}

// Who asks is looked up in Kratos: the tuples name her by her e-mail, the check asks
// for her id, and that is said, with her name.
func TestWhyKnowsThePersonInKratos(t *testing.T) {
	kratos, info := stacktest.Kratos(t), stacktest.OwnKeto(t, story.Model(), map[string]any{"log.level": "error"})
	mail := uniq("why-") + "@acme.example"
	var who struct {
		ID string `json:"id"`
	}
	body := map[string]any{"schema_id": "default", "traits": map[string]any{"email": mail, "name": map[string]any{"first": "Ada", "last": "Why"}}}
	if code := plainHTTP(t, "POST", kratos.AdminURL+"/admin/identities", "", body, &who); code != 201 {
		t.Fatalf("make an identity: %d", code)
	}
	t.Cleanup(func() { plainHTTP(t, "DELETE", kratos.AdminURL+"/admin/identities/"+who.ID, "", nil, nil) })
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + info.OPL,
		"GATEHOUSE_KRATOS_ADMIN_URL=" + kratos.AdminURL}
	gatehouse(t, env, "tuples", "add", "Doc:q3#viewers@Group:g#members", "Group:g#members@"+mail).want(t, exitYes)
	for subject, cause := range map[string]string{who.ID: access.CauseAlias, mail: "", strings.ToUpper(mail): access.CauseAlias} {
		code := exitNo
		if cause == "" {
			code = exitYes
		}
		tr := decode[access.Trace](t, "trace", gatehouse(t, env, "why", "Doc:q3#view@"+subject, "--json").want(t, code))
		if tr.Cause != cause || tr.Agrees == nil || !*tr.Agrees || cause != "" && (!strings.Contains(tr.Summary, mail) || !strings.Contains(tr.Summary, "Group:g#members")) {
			t.Errorf("%s: %s because of %q: %s", subject, tr.Verdict, tr.Cause, tr.Summary)
		}
		if subject == who.ID && !strings.Contains(tr.Summary, "Ada Why") {
			t.Errorf("it does not say who: %s", tr.Summary)
		}
	}
}
