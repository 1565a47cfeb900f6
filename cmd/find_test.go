package cmd

import (
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/stack/stacktest"
	"gatehouse/stack/story"
)

// reached is what who-can and what-can print, as a script reads it.
type reached struct {
	Verdict, Kind, Name, Tuple, Reason string
	By                                 []string
}

// findFiles are the flags that name a model and tuples.
func findFiles(t testing.TB) []string { return whyFiles(t)[1:] }

func reachedBy(t testing.TB, r ran) []string {
	t.Helper()
	var out []string
	for _, a := range decode[[]reached](t, "reach", r) {
		out = append(out, a.Verdict+" "+a.Tuple)
	}
	slices.Sort(out)
	return out
}

// No server is needed: each question has its answers and its exit code.
func TestFindWithoutAServer(t *testing.T) {
	files := findFiles(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"who-can", "Doc:q3#view"}, exitYes, "allowed Doc:q3#view@Group:g#members, allowed Doc:q3#view@ben"},
		{[]string{"who-can", "Doc:q3#view", "--only", "people"}, exitYes, "allowed Doc:q3#view@ben"},
		{[]string{"who-can", "Doc:q3#view", "--only", "sets"}, exitYes, "allowed Doc:q3#view@Group:g#members"},
		{[]string{"who-can", "Doc:q3#edit"}, exitNo, ""},
		{[]string{"who-can", "Doc:q3#view", "--max-depth", "1"}, exitNo, ""},
		{[]string{"what-can", "carl"}, exitYes, "allowed Folder:f#view@carl, allowed Folder:f#viewers@carl"},
		{[]string{"what-can", "carl", "--namespace", "Folder", "--relation", "view"}, exitYes, "allowed Folder:f#view@carl"},
		{[]string{"what-can", "carl", "--namespace", "Doc"}, exitNo, ""},
		{[]string{"what-can", "Group:g#members", "--namespace", "Doc", "--relation", "view"}, exitYes, "allowed Doc:q3#view@Group:g#members"},
		{[]string{"what-can", `{"subject_id":"carl"}`, "--relation", "view"}, exitYes, "allowed Folder:f#view@carl"},
		{[]string{"who-can", `{"namespace":"Doc","object":"q3","relation":"blocked"}`}, exitYes, "allowed Doc:q3#blocked@dana"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			args := append(c.args[:len(c.args):len(c.args)], files...)
			if got := strings.Join(reachedBy(t, gatehouse(t, nil, append(args, "--json")...).want(t, c.code)), ", "); got != c.want {
				t.Errorf("found %s, want %s", got, c.want)
			}
			for _, form := range []string{"--jsonl", "--yaml", "--csv", "--quiet"} {
				if out := gatehouse(t, nil, append(args, form)...).want(t, c.code).stdout; (c.want != "") != strings.Contains(out, "allowed") {
					t.Errorf("%s: %q", form, out)
				}
			}
		})
	}
}

// Plain text says over which tuples somebody was found.
func TestWhoCanSaysHow(t *testing.T) {
	text := gatehouse(t, nil, append([]string{"who-can", "Doc:q3#view"}, findFiles(t)...)...).want(t, exitYes).stdout
	if !strings.Contains(text, "✓ allowed  Doc:q3#viewers@Group:g#members ← Group:g#members@ben") {
		t.Error(text)
	}
	r := gatehouse(t, nil, append([]string{"who-can", "Doc:q3#edit"}, findFiles(t)...)...).want(t, exitNo)
	if !strings.Contains(r.stderr, "nobody has Doc:q3#edit") {
		t.Error(r.stderr)
	}
	// A tuple that makes Keto answer an error is told.
	r = gatehouse(t, nil, append([]string{"who-can", "Doc:bad#view"}, findFiles(t)...)...).want(t, exitYes)
	if !strings.Contains(r.stderr, "Doc:bad#viewers@Group:g#member names a relation that Group does not declare") {
		t.Error(r.stderr)
	}
}

func TestMatrixWithoutAServer(t *testing.T) {
	files := findFiles(t)
	r := gatehouse(t, nil, append([]string{"matrix", "--object", "Doc:q3", "--object", "Folder:f", "--json"}, files...)...).want(t, exitYes)
	type line struct {
		Subject, Namespace, Object string
		Verdicts                   map[string]access.Verdict
	}
	verdicts := map[string]access.Verdict{}
	for _, l := range decode[[]line](t, "matrix", r) {
		for rel, v := range l.Verdicts {
			verdicts[l.Namespace+":"+l.Object+"#"+rel+"@"+l.Subject] = v
		}
	}
	for q, v := range verdicts { // each cell is what why says
		code := map[access.Verdict]int{access.Allowed: exitYes, access.Denied: exitNo, access.Unknown: exitProblem}[v]
		gatehouse(t, nil, append(append([]string{"why"}, files...), q)...).want(t, code)
	}
	if verdicts["Doc:q3#view@ben"] != access.Allowed || verdicts["Folder:f#edit@carl"] != access.Denied {
		t.Error(verdicts)
	}
	out := gatehouse(t, nil, append([]string{"matrix", "--object", "Doc:q3", "--relation", "view", "--relation", "edit", "--subject", "ben", "--subject", "ann", "--csv"}, files...)...).want(t, exitYes).stdout
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 3 || strings.Join(rows[1], ",") != "ben,,Doc:q3,allowed,denied" || strings.Join(rows[2], ",") != "ann,,Doc:q3,denied,denied" {
		t.Errorf("%v, %v", rows, err)
	}
	gatehouse(t, nil, append([]string{"matrix", "--object", "Doc:q3", "--subject", "ann"}, files...)...).want(t, exitNo)
	everybody := gatehouse(t, nil, append([]string{"matrix", "--object", "Doc:q3", "--everybody", "--only", "people", "--jsonl"}, files...)...).want(t, exitYes).stdout
	if n := strings.Count(everybody, "\n"); n != 4 { // ben, dana, carl, and f, which is written as a bare id
		t.Errorf("%d lines: %s", n, everybody)
	}
}

func TestFindUsage(t *testing.T) {
	files := findFiles(t)
	for name, args := range map[string][]string{
		"a whole tuple":           append([]string{"who-can", "Doc:q3#view@ann"}, files...),
		"no relation":             append([]string{"who-can", "Doc:q3"}, files...),
		"a relation that is none": append([]string{"who-can", "Doc:q3#vieww"}, files...),
		"a namespace that is not": append([]string{"what-can", "ann", "--namespace", "doc"}, files...),
		"half a JSON":             append([]string{"what-can", `{"subject_id"`}, files...),
		"two subjects":            append([]string{"what-can", `{"subject_id":"a","subject_set":{"namespace":"a","object":"b","relation":"c"}}`}, files...),
		"no subject":              append([]string{"what-can", ""}, files...),
		"no object":               append([]string{"matrix"}, files...),
		"no such object":          append([]string{"matrix", "--object", "Doc"}, files...),
		"an unknown kind":         append([]string{"who-can", "Doc:q3#view", "--only", "robots"}, files...),
		"a negative budget":       append([]string{"who-can", "Doc:q3#view", "--budget", "-1"}, files...),
		"an unknown engine":       append([]string{"who-can", "Doc:q3#view", "--engine", "old"}, files...),
		"no such tuples":          {"who-can", "Doc:q3#view", "--tuples", filepath.Join(t.TempDir(), "none")},
		"a server's settings":     {"who-can", "Doc:q3#view", "--strict"},
		"nobody to be asked":      {"who-can", "Doc:q3#view"},
	} {
		t.Run(name, func(t *testing.T) {
			if f := gatehouse(t, nil, append(args, "--json")...).want(t, exitProblem).failure(t); f.Reason == "" {
				t.Errorf("no reason: %+v", f)
			}
		})
	}
}

// A search that may not cost enough says so, leaves its list unfinished, and is no "none".
func TestFindKeepsToItsBudget(t *testing.T) {
	f := newFakeKeto(t, "Doc:a#viewers@ann", "Doc:a#viewers@ben", "Doc:a#viewers@cy")
	model := whyFiles(t)[2]
	r := gatehouse(t, f.env(), "who-can", "Doc:a#viewers", "--opl", model, "--budget", "3", "--json").want(t, exitProblem)
	if e := r.failure(t); !strings.Contains(e.Reason, "the budget of 3 requests is spent") || !strings.Contains(e.Hint, "--budget") {
		t.Errorf("%+v", e)
	}
	if json.Valid([]byte(r.stdout)) {
		t.Errorf("a part looks like the whole: %s", r.stdout)
	}
	all := gatehouse(t, f.env(), "who-can", "Doc:a#viewers", "--opl", model, "--budget", "0", "--json").want(t, exitYes)
	if n := len(decode[[]reached](t, "reach", all)); n != 3 {
		t.Errorf("%d found: %s", n, all.stdout)
	}
	// A Keto without rules needs no model for the answer to be whole.
	r = gatehouse(t, f.env(), "who-can", "Doc:a#viewers", "--jsonl").want(t, exitYes)
	if strings.Count(r.stdout, "\n") != 3 || r.stderr != "" {
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}
	f.Close()
	if e := gatehouse(t, f.env(), "what-can", "ann", "--json").want(t, exitProblem).failure(t); e.Kind != "unreachable" {
		t.Errorf("%+v", e)
	}
}

// On a real Keto, with people of a real Kratos: names stand beside ids, and a rule that
// lets in whoever it does not exclude is tried on everybody.
func TestFindOnRealServers(t *testing.T) {
	model := story.Model() + "\nclass Wiki implements Namespace {\n  related: { banned: User[] }\n  permits = { read: (ctx: Context): boolean => !this.related.banned.includes(ctx.subject) }\n}\n"
	kratos, info := stacktest.Kratos(t), stacktest.OwnKeto(t, model, map[string]any{"log.level": "error"})
	mail := uniq("find-") + "@acme.example"
	var who struct {
		ID string `json:"id"`
	}
	body := map[string]any{"schema_id": "default", "traits": map[string]any{"email": mail, "name": map[string]any{"first": "Ada", "last": "Find"}}}
	if code := plainHTTP(t, "POST", kratos.AdminURL+"/admin/identities", "", body, &who); code != 201 {
		t.Fatalf("make an identity: %d", code)
	}
	t.Cleanup(func() { plainHTTP(t, "DELETE", kratos.AdminURL+"/admin/identities/"+who.ID, "", nil, nil) })
	env := []string{"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + info.OPL,
		"GATEHOUSE_KRATOS_ADMIN_URL=" + kratos.AdminURL}
	gatehouse(t, env, "tuples", "add", "Doc:q3#viewers@Group:g#members", "Group:g#members@"+who.ID, "Doc:q3#blocked@ben", "Group:g#members@ben", "Wiki:home#banned@ben").want(t, exitYes)

	var names []string
	for _, a := range decode[[]reached](t, "reach", gatehouse(t, env, "who-can", "Doc:q3#view", "--json").want(t, exitYes)) {
		names = append(names, a.Kind+" "+a.Name)
	}
	if strings.Join(names, ", ") != "set , person Ada Find" {
		t.Errorf("found %q", names)
	}
	r := gatehouse(t, env, "who-can", "Wiki:home#read", "--json").want(t, exitYes)
	if got := reachedBy(t, r); !slices.Contains(got, "allowed Wiki:home#read@"+who.ID) || slices.Contains(got, "allowed Wiki:home#read@ben") || !strings.Contains(r.stderr, "not excluded") {
		t.Errorf("found %q; %s", got, r.stderr)
	}
	got := reachedBy(t, gatehouse(t, env, "what-can", who.ID, "--relation", "view", "--json").want(t, exitYes))
	if strings.Join(got, " ") != "allowed Doc:q3#view@"+who.ID {
		t.Errorf("found %q", got)
	}
	if r := gatehouse(t, env, "what-can", mail, "--namespace", "Doc").want(t, exitNo); !strings.Contains(r.stderr, who.ID) || !strings.Contains(r.stderr, "Ada Find") {
		t.Errorf("the other name is not told: %s", r.stderr)
	}
	m := gatehouse(t, env, "matrix", "--object", "Doc:q3", "--only", "people", "--csv").want(t, exitYes).stdout
	if !strings.Contains(m, who.ID+",Ada Find,Doc:q3,allowed,allowed,denied,denied,denied") {
		t.Error(m)
	}
	q := tuple.Tuple{Namespace: "Doc", Object: "q3", Relation: "view", Subject: tuple.SubjectID(who.ID)}
	gatehouse(t, env, "check", q.String()).want(t, exitYes)
}
