package cmd

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/stack/stacktest"
)

// What is tried here is tried on the real servers through whole command lines, and
// read back with plain net/http, not with our own clients.

// plainHTTP sends one request and decodes the JSON answer.
func plainHTTP(t testing.TB, method, url, bearer string, body, out any) int {
	t.Helper()
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, url, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s: %v in %q", method, url, err, raw)
		}
	}
	return resp.StatusCode
}

func uniq(prefix string) string { return prefix + strings.ToLower(rand.Text()[:10]) }

// realKeto is the running Keto with what its model allows to be written.
type realKeto struct {
	env       []string
	read      string
	namespace string // with relation: takes an id and the set below
	relation  string
	set       tuple.Set // its object is filled in by the test
	model     *opl.Model
}

func newRealKeto(t testing.TB) realKeto {
	info := stacktest.Keto(t)
	l, err := opl.Load(t.Context(), info.OPL, nil)
	if err != nil || len(l.Errors) > 0 {
		t.Fatal(err, l)
	}
	k := realKeto{read: info.ReadURL, model: l.Model, env: []string{
		"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL,
		"GATEHOUSE_KETO_OPL_URL=" + info.OPLURL, "GATEHOUSE_KETO_OPL=" + info.OPL}}
	for _, name := range l.Model.NamespaceNames() {
		for _, r := range l.Model.Namespace(name).Related() {
			for _, ty := range r.Types {
				id := tuple.Tuple{Namespace: name, Object: "o", Relation: r.Name, Subject: tuple.SubjectID("s")}
				if ty.Relation != "" && l.Model.CanBeWritten(id) == nil {
					k.namespace, k.relation, k.set = name, r.Name, tuple.Set{Namespace: ty.Namespace, Relation: ty.Relation}
				}
			}
		}
	}
	if k.namespace == "" {
		t.Fatal("the model of the running Keto has no relation that takes both an id and a set")
	}
	return k
}

// stored lists the tuples of an object, sorted, as Keto itself has them.
func (k realKeto) stored(t testing.TB, object string) []string {
	t.Helper()
	out := []string{}
	token := ""
	for {
		var page struct {
			Tuples []tuple.Tuple `json:"relation_tuples"`
			Next   string        `json:"next_page_token"`
		}
		q := url.Values{"namespace": {k.namespace}, "object": {object}, "page_size": {"500"}, "page_token": {token}}
		if token == "" {
			q.Del("page_token")
		}
		if s := plainHTTP(t, "GET", k.read+"/relation-tuples?"+q.Encode(), "", nil, &page); s != 200 {
			t.Fatalf("list: %d", s)
		}
		for _, tp := range page.Tuples {
			out = append(out, tp.String())
		}
		if token = page.Next; token == "" {
			slices.Sort(out)
			return out
		}
	}
}

func (k realKeto) wantStored(t testing.TB, object string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := k.stored(t, object); !slices.Equal(got, want) {
		t.Fatalf("stored %q, want %q", got, want)
	}
}

func TestRealTuples(t *testing.T) {
	k := newRealKeto(t)
	object, group := uniq("cmd-"), uniq("cmd-group-")
	k.set.Object = group
	ann := fmt.Sprintf("%s:%s#%s@ann", k.namespace, object, k.relation)
	set := fmt.Sprintf("%s:%s#%s@%s", k.namespace, object, k.relation, k.set)
	member := k.set.String() + "@ben"
	t.Cleanup(func() {
		gatehouse(t, k.env, "tuples", "rm", "--object", object, "--yes")
		gatehouse(t, k.env, "tuples", "rm", "--object", group, "--yes")
	})

	names := decode[[]namespaceOut](t, "namespace", gatehouse(t, k.env, "namespaces", "--json").want(t, 0))
	if !slices.ContainsFunc(names, func(n namespaceOut) bool { return n.Name == k.namespace && len(n.Relations) > 0 && n.Drift == "" }) {
		t.Errorf("namespaces %+v lack %s", names, k.namespace)
	}

	gatehouse(t, k.env, "tuples", "add", ann, "--dry-run").want(t, 0)
	k.wantStored(t, object)
	gatehouse(t, k.env, "tuples", "add", ann, "--read-only").want(t, 2)
	k.wantStored(t, object)
	gatehouse(t, k.env, "tuples", "add", ann, set, member, "--json").want(t, 0)
	k.wantStored(t, object, ann, set)
	again := decode[[]map[string]any](t, "tuple-change", gatehouse(t, k.env, "tuples", "add", ann, "--json").want(t, 0))
	if again[0]["outcome"] != "unchanged" {
		t.Errorf("adding again: %v", again)
	}
	k.wantStored(t, object, ann, set)

	for question, code := range map[string]int{ann: 0, strings.Replace(ann, "@ann", "@ben", 1): 0, strings.Replace(ann, "@ann", "@carl", 1): 1} {
		trace := decode[access.Trace](t, "trace", gatehouse(t, k.env, "check", question, "--json").want(t, code))
		if (trace.Verdict == access.Allowed) != (code == 0) || trace.Server != trace.Verdict {
			t.Errorf("%s: %+v", question, trace)
		}
	}
	gatehouse(t, k.env, "check", fmt.Sprintf("%s:%s#no-such-relation@ann", k.namespace, object)).want(t, 2)

	left := strings.TrimSuffix(ann, "@ann")
	tree := decode[map[string]any](t, "tree", gatehouse(t, k.env, "tuples", "expand", left, "--json").want(t, 0))
	if len(tree["children"].([]any)) != 2 {
		t.Errorf("tree %v", tree)
	}
	if text := gatehouse(t, k.env, "tuples", "expand", left).want(t, 0).stdout; !strings.Contains(text, "└─ ben") {
		t.Errorf("tree %q", text)
	}
	gatehouse(t, k.env, "tuples", "expand", fmt.Sprintf("%s:%s#%s", k.namespace, uniq("none-"), k.relation)).want(t, 1)

	list := decode[[]json.RawMessage](t, "tuple", gatehouse(t, k.env, "tuples", "list", "--object", object, "--json").want(t, 0))
	if len(list) != 2 {
		t.Errorf("list %s", list)
	}
	list = decode[[]json.RawMessage](t, "tuple", gatehouse(t, k.env, "tuples", "list", "--namespace", k.namespace, "--subject", k.set.String(), "--json").want(t, 0))
	if len(list) != 1 {
		t.Errorf("list by set %s", list)
	}

	gatehouse(t, k.env, "tuples", "rm", ann, "--dry-run").want(t, 0)
	k.wantStored(t, object, ann, set)
	gatehouse(t, k.env, "tuples", "rm", ann).want(t, 0)
	k.wantStored(t, object, set)
	gatehouse(t, k.env, "tuples", "rm", ann).want(t, 1)
	gatehouse(t, k.env, "tuples", "rm", "--namespace", k.namespace, "--object", object).want(t, 2)
	k.wantStored(t, object, set)
	gatehouse(t, k.env, "tuples", "rm", "--namespace", k.namespace, "--object", object, "--yes").want(t, 0)
	k.wantStored(t, object)
}

// What Keto would silently store is refused, and stored with --force.
func TestRealTupleThatCannotWork(t *testing.T) {
	k := newRealKeto(t)
	object := uniq("cmd-")
	wrong := fmt.Sprintf("%s:%s#%sx@ann", k.namespace, object, k.relation)
	r := gatehouse(t, k.env, "tuples", "add", wrong, "--json").want(t, 2)
	if e := r.failure(t); !strings.Contains(e.Hint, k.relation) {
		t.Errorf("%+v", e)
	}
	k.wantStored(t, object)
	t.Cleanup(func() { gatehouse(t, k.env, "tuples", "rm", wrong) })
	gatehouse(t, k.env, "tuples", "add", wrong, "--force").want(t, 0)
	k.wantStored(t, object, wrong)
	gatehouse(t, k.env, "tuples", "add", "No-Such-Namespace:a#b@c", "--force", "--json").want(t, 2).failure(t)
}

func TestRealImportAndExport(t *testing.T) {
	k := newRealKeto(t)
	object := uniq("cmd-import-")
	t.Cleanup(func() { gatehouse(t, k.env, "tuples", "rm", "--object", object, "--yes") })
	var in bytes.Buffer
	var want []string
	for i := range 1200 {
		tp := fmt.Sprintf("%s:%s#%s@user%04d", k.namespace, object, k.relation, i)
		want = append(want, tp)
		fmt.Fprintf(&in, "# %d\n%s\n", i, tp)
	}
	file := filepath.Join(t.TempDir(), "in.tuples")
	if err := os.WriteFile(file, in.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := gatehouse(t, k.env, "tuples", "import", file, "--dry-run").want(t, 0).stdout; strings.Count(out, "would add") != len(want) {
		t.Errorf("dry run shows %d", strings.Count(out, "would add"))
	}
	k.wantStored(t, object)
	got := decode[importResult](t, "import", gatehouse(t, k.env, "tuples", "import", file, "--json").want(t, 0))
	if got.Added != len(want) || !got.Complete {
		t.Errorf("%+v", got)
	}
	k.wantStored(t, object, want...)
	if got := decode[importResult](t, "import", gatehouseIn(t, in.String(), k.env, "tuples", "import", "-", "--json").want(t, 0)); got.Added != 0 || got.Unchanged != len(want) {
		t.Errorf("again: %+v", got)
	}
	for _, form := range []string{"", "--json", "--jsonl"} {
		args := []string{"tuples", "export", "--namespace", k.namespace, "--object", object}
		if form != "" {
			args = append(args, form)
		}
		out := gatehouse(t, k.env, args...).want(t, 0).stdout
		gatehouse(t, k.env, "tuples", "rm", "--namespace", k.namespace, "--object", object, "--yes", "--quiet").want(t, 0)
		k.wantStored(t, object)
		gatehouseIn(t, out, k.env, "tuples", "import", "-").want(t, 0)
		k.wantStored(t, object, want...)
	}
}

func TestRealIdentities(t *testing.T) {
	info := stacktest.Kratos(t)
	env := []string{"GATEHOUSE_KRATOS_ADMIN_URL=" + info.AdminURL, "GATEHOUSE_KRATOS_PUBLIC_URL=" + info.PublicURL}
	mail := uniq("cmd-") + "@example.com"
	var made struct {
		ID string `json:"id"`
	}
	body := map[string]any{"schema_id": "default", "state": "inactive", "traits": map[string]any{"email": mail, "name": map[string]string{"first": "Ann\x1b]0;x\a", "last": "عربي 😀"}},
		"credentials": map[string]any{"password": map[string]any{"config": map[string]string{"password": "a long enough pass " + mail}}}, "metadata_admin": map[string]any{"n": 9007199254740993}}
	if s := plainHTTP(t, "POST", info.AdminURL+"/admin/identities", "", body, &made); s != 201 {
		t.Fatalf("create: %d", s)
	}
	t.Cleanup(func() { plainHTTP(t, "DELETE", info.AdminURL+"/admin/identities/"+made.ID, "", nil, nil) })

	for _, name := range []string{made.ID, mail, strings.ToUpper(mail)} {
		got := decode[identityOut](t, "identity", gatehouse(t, env, "identities", "get", name, "--json").want(t, 0))
		if got.ID != made.ID || got.State != "inactive" || !bytes.Contains(got.MetadataAdmin, []byte("9007199254740993")) || len(got.Credentials) == 0 {
			t.Errorf("get %s: %+v", name, got)
		}
	}
	plain := gatehouse(t, env, "identities", "get", mail).want(t, 0).stdout
	if strings.ContainsAny(plain, "\x1b\a") || !strings.Contains(plain, mail) {
		t.Errorf("plain text %q", plain)
	}
	if strings.Contains(plain, "$2a$") || strings.Contains(plain, "hashed_password") {
		t.Errorf("a password hash is shown: %q", plain)
	}
	for _, args := range [][]string{{"--search", mail}, {"--search", mail[:8]}, {"--search", mail, "--state", "inactive"}, {"--state", "inactive"}, {}} {
		list := decode[[]identityOut](t, "identity", gatehouse(t, env, append([]string{"identities", "list", "--json"}, args...)...).want(t, 0))
		n := 0
		for _, i := range list {
			if i.ID == made.ID {
				n++
			}
		}
		if n != 1 {
			t.Errorf("list %q has it %d times among %d", args, n, len(list))
		}
	}
	if out := gatehouse(t, env, "identities", "list", "--search", mail, "--state", "active", "--json").want(t, 0).stdout; out != "[]\n" {
		t.Errorf("filtered list %q", out)
	}
	gatehouse(t, env, "identities", "get", "nobody-"+mail).want(t, 1)
	gatehouse(t, env, "identities", "get", "00000000-0000-4000-8000-000000000000").want(t, 1)
}

// A write to the real Keto whose answer is lost is looked up and told as it is.
func TestRealLostTupleAnswers(t *testing.T) {
	k := newRealKeto(t)
	target, err := url.Parse(stacktest.Keto(t).WriteURL)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		forward bool
		code    int
	}{{true, 0}, {false, 2}} {
		proxy := httptest.NewServer(losing(httputil.NewSingleHostReverseProxy(target), c.forward, func(r *http.Request) bool { return r.Method == "PATCH" }))
		t.Cleanup(proxy.Close)
		object := uniq("cmd-lost-")
		tp := fmt.Sprintf("%s:%s#%s@ann", k.namespace, object, k.relation)
		t.Cleanup(func() { gatehouse(t, k.env, "tuples", "rm", tp) })
		env := append(slices.Clone(k.env), "GATEHOUSE_KETO_WRITE_URL="+proxy.URL)
		r := gatehouse(t, env, "tuples", "add", tp, "--json").want(t, c.code)
		if c.forward {
			k.wantStored(t, object, tp)
			continue
		}
		k.wantStored(t, object)
		if e := r.failure(t); e.Kind != clients.UnknownOutcome || !strings.Contains(e.Reason, "has not happened so far") {
			t.Errorf("%+v", e)
		}
	}
}

// Pruning concerns whole namespaces, so that it is tried on a Keto of its own.
func TestRealPrune(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model.ts")
	source := "class User implements Namespace {}\nclass Doc implements Namespace { related: { viewers: User[] } }\nclass Other implements Namespace { related: { viewers: User[] } }\n"
	if err := os.WriteFile(model, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	info := stacktest.OwnKeto(t, source, nil)
	k := realKeto{read: info.ReadURL, namespace: "Doc", env: []string{
		"GATEHOUSE_KETO_READ_URL=" + info.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + info.WriteURL, "GATEHOUSE_KETO_OPL=" + model}}
	gatehouse(t, k.env, "tuples", "add", "Doc:a#viewers@ann", "Doc:a#viewers@old", "Other:a#viewers@ann").want(t, 0)
	in := "Doc:a#viewers@ann\nDoc:a#viewers@new\n"
	gatehouseIn(t, in, k.env, "tuples", "import", "-", "--prune").want(t, 2) // nobody confirmed it
	k.wantStored(t, "a", "Doc:a#viewers@ann", "Doc:a#viewers@old")
	gatehouseIn(t, in, k.env, "tuples", "import", "-", "--prune", "--dry-run").want(t, 0)
	k.wantStored(t, "a", "Doc:a#viewers@ann", "Doc:a#viewers@old")
	got := decode[importResult](t, "import", gatehouseIn(t, in, k.env, "tuples", "import", "-", "--prune", "--yes", "--json").want(t, 0))
	if got.Added != 1 || got.Removed != 1 || got.Unchanged != 1 {
		t.Errorf("%+v", got)
	}
	k.wantStored(t, "a", "Doc:a#viewers@ann", "Doc:a#viewers@new")
	k.namespace = "Other"
	k.wantStored(t, "a", "Other:a#viewers@ann")
}
