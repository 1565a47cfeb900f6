package access_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
)

// ketoVersion is how a version of Keto differs from the others.
type ketoVersion struct {
	name     string
	engine   opl.Engine
	batch    bool // POST /relation-tuples/batch/check
	cap      int  // of page_size, 0 for none
	sorted   bool // lists by object and relation, subject sets first
	badToken int  // the status of a page token that it does not know
	bound    bool // page tokens are good for one filter only
}

var ketoVersions = []ketoVersion{
	{"v0.13", opl.Classic, false, 0, false, 500, false},
	{"v0.14", opl.Classic, true, 0, false, 500, false},
	{"v25.4", opl.Classic, true, 500, false, 400, true},
	{"v26.2", opl.Classic, true, 500, true, 400, true},
	{"after v26.2", opl.New, true, 500, true, 400, true},
}

// fakeVersion is a Keto that behaves as its version does. It stands for the servers that
// cannot be built here; what it does was seen of them.
type fakeVersion struct {
	ketoVersion
	m    *opl.Model
	rows []tuple.Tuple // as they are stored
	set  access.Settings
}

func (f *fakeVersion) client(t testing.TB) *keto.Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /relation-tuples", f.list)
	mux.HandleFunc("POST /relation-tuples/check/openapi", f.check)
	mux.HandleFunc("GET /namespaces", f.namespaces)
	if f.batch {
		mux.HandleFunc("POST /relation-tuples/batch/check", f.batchCheck)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	c, err := keto.New(keto.Options{ReadURL: s.URL, Read: transport.New(transport.Options{Target: "keto", Timeout: 30 * time.Second})})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, reason string) {
	reply(w, status, map[string]any{"error": map[string]any{"code": status, "status": http.StatusText(status), "reason": reason, "message": "The request was malformed or contained invalid parameters"}})
}

func (f *fakeVersion) namespaces(w http.ResponseWriter, _ *http.Request) {
	var out []map[string]string
	for _, n := range f.m.NamespaceNames() {
		out = append(out, map[string]string{"name": n})
	}
	rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	reply(w, 200, map[string]any{"namespaces": out})
}

// list answers a list, page by page.
func (f *fakeVersion) list(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	var q tuple.Query
	for name, part := range map[string]**string{"namespace": &q.Namespace, "object": &q.Object, "relation": &q.Relation} {
		if v.Has(name) {
			text := v.Get(name)
			*part = &text
		}
	}
	if v.Has("subject_id") {
		s := tuple.SubjectID(v.Get("subject_id"))
		q.Subject = &s
	} else if v.Has("subject_set.namespace") {
		s := tuple.SubjectSet(v.Get("subject_set.namespace"), v.Get("subject_set.object"), v.Get("subject_set.relation"))
		q.Subject = &s
	}
	if q.Namespace != nil && f.m.Namespace(*q.Namespace) == nil {
		refuse(w, 404, "Unknown namespace with name "+*q.Namespace)
		return
	}
	all := f.ordered(q)
	size, _ := strconv.Atoi(v.Get("page_size"))
	if size <= 0 {
		size = 100
	}
	if f.cap > 0 {
		size = min(size, f.cap)
	}
	token := v.Get("page_token")
	v.Del("page_token")
	v.Del("page_size")
	filter := ""
	if f.bound {
		filter = v.Encode()
	}
	from, ok := 0, true
	if token != "" {
		var text, rest string
		text, rest, ok = strings.Cut(token, "|")
		n, err := strconv.Atoi(text)
		from, ok = n, ok && err == nil && rest == filter && n <= len(all)
	}
	if !ok {
		refuse(w, f.badToken, "uuid: incorrect UUID length in the page token")
		return
	}
	page, next := all[from:min(from+size, len(all))], ""
	if from+size < len(all) {
		next = fmt.Sprintf("%d|%s", from+size, filter)
	}
	reply(w, 200, map[string]any{"relation_tuples": page, "next_page_token": next})
}

// ordered is what a query selects. The newer order holds for the filters that name no
// more than namespace, object and relation, each with the one before it.
func (f *fakeVersion) ordered(q tuple.Query) []tuple.Tuple {
	all := []tuple.Tuple{}
	for _, t := range f.rows {
		if q.Matches(t) {
			all = append(all, t)
		}
	}
	if !f.sorted || q.Subject != nil || q.Object != nil && q.Namespace == nil || q.Relation != nil && q.Object == nil {
		return all
	}
	key := func(t tuple.Tuple) string {
		return t.Namespace + "\x00" + t.Object + "\x00" + t.Relation + "\x00" + t.Subject.ID
	}
	slices.SortStableFunc(all, func(a, b tuple.Tuple) int {
		return cmp.Or(strings.Compare(key(a), key(b)), strings.Compare(a.Subject.String(), b.Subject.String()))
	})
	return all
}

// decide is the engine of the version.
func (f *fakeVersion) decide(r *http.Request, t tuple.Tuple) (access.Verdict, error) {
	depth, _ := strconv.Atoi(r.URL.Query().Get("max-depth"))
	if f.engine == opl.New {
		return (&newEngine{f.m, f.rows, f.set}).check(t, depth)
	}
	d := access.Evaluate(r.Context(), access.NewTuples(f.rows), f.m, f.set, t, depth)
	if d.Verdict == access.Unknown {
		return d.Verdict, errNoRelation
	}
	return d.Verdict, nil
}

func (f *fakeVersion) check(w http.ResponseWriter, r *http.Request) {
	var t tuple.Tuple
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil {
		refuse(w, 400, err.Error())
		return
	}
	switch v, err := f.decide(r, t); {
	case err != nil:
		refuse(w, 400, `relation "`+t.Relation+`" does not exist`)
	case v == access.Unknown:
		refuse(w, 422, "max_depth_exceeded")
	default:
		reply(w, 200, map[string]bool{"allowed": v == access.Allowed})
	}
}

func (f *fakeVersion) batchCheck(w http.ResponseWriter, r *http.Request) {
	var in struct{ Tuples []tuple.Tuple }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, 400, err.Error())
		return
	}
	if len(in.Tuples) > 10 {
		refuse(w, 400, "batch exceeds max size of 10")
		return
	}
	out := []map[string]any{}
	for _, t := range in.Tuples {
		v, err := f.decide(r, t)
		one := map[string]any{"allowed": v == access.Allowed}
		if err != nil || v == access.Unknown {
			one["error"] = "The request was malformed or contained invalid parameters"
		}
		out = append(out, one)
	}
	reply(w, 200, map[string]any{"results": out})
}

// What differs between the versions is found out from their answers, and their decisions
// are explained under what was found, although nobody told.
func TestEveryVersionIsRecognised(t *testing.T) {
	m := parseModel(t, depthModel)
	for _, version := range ketoVersions {
		for _, strict := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s strict %v", version.name, strict), func(t *testing.T) {
				rows := parseTuples(t, factTuples()...)
				rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
				f := &fakeVersion{version, m, rows, access.Settings{Engine: version.engine, MaxDepth: 7, MaxWidth: 100, Strict: strict}}
				c := f.client(t)
				p := &access.Prober{Server: c, Tuples: c, Namespaces: c, Model: m, Code: code, Batch: c.BatchLimit}
				facts, err := p.Facts(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				batch, order := -1, access.OrderStored
				if version.batch {
					batch = 10
				}
				if version.sorted {
					order = access.OrderSorted
				}
				if facts.Engine != version.engine || facts.Strict == nil || *facts.Strict != strict || facts.Batch != batch || facts.Order != order || facts.MaxDepth != 7 {
					t.Errorf("%s", mustJSON(facts))
				}
				x := &access.Explainer{Server: c, Tuples: c, Model: m, Refused: func(err error) bool { return code(err) != "" }, Prober: p, GuessEngine: true, GuessStrict: true, Settings: access.Settings{MaxDepth: 7}}
				for _, q := range []string{"Doc:p#view@carl", "Doc:d#view@ann", "Doc:d#open@ann", "Doc:s#view@ben", "Doc:s#veiw@ben"} {
					tr, err := x.Explain(t.Context(), access.Asking{Question: parseTuples(t, q)[0]})
					if err != nil || tr.Agrees == nil || !*tr.Agrees || tr.Summary == "" {
						t.Errorf("%s: %+v, %v", q, tr, err)
					}
				}
			})
		}
	}
}

// The newer engine decides as its second implementation does, over random worlds, and
// is explained over HTTP, with lists that come in another order than the engine's.
func TestDecidesAsTheNewerEngineDoes(t *testing.T) {
	seed := fromEnv(envSeed, uint64(time.Now().UnixNano()))
	worlds := int(max(3000, fromEnv(envDecisions, 0)/4)) / perWorld
	var sum tally
	for i := range worlds {
		set := settingsFor(seed, i)
		set.Engine = opl.New
		w := newWorld(t, seed+uint64(i), "")
		w.rows = w.gen.tuples(30 + w.gen.IntN(30))
		f := &fakeVersion{ketoVersions[len(ketoVersions)-1], w.m, w.rows, set}
		w.ts = access.NewTuples(w.rows)
		c := f.client(t)
		for n := range perWorld {
			q, depth := w.gen.question(), w.gen.IntN(10)
			ours := access.Evaluate(t.Context(), w.ts, w.m, set, q, depth)
			if ours.Root.Find(func(n *access.Node) bool { return n.Cut == access.CutSteps }) != nil {
				continue
			}
			theirs, _ := (&newEngine{w.m, w.rows, set}).check(q, depth)
			sum.count(theirs)
			if ours.Verdict != theirs {
				t.Fatalf("seed %d, world %d: %s with depth %d, %+v: %s, and the second implementation says %s\n%s", seed, i, q, depth, set, ours.Verdict, theirs, w.src)
			}
			if n%15 > 0 {
				continue
			}
			x := &access.Explainer{Server: c, Tuples: c, Model: w.m, Settings: set, Refused: func(err error) bool { return code(err) != "" }, Prober: &access.Prober{Server: c, Tuples: c, Namespaces: c, Model: w.m, Code: code, Settings: set}}
			tr, err := x.Explain(t.Context(), access.Asking{Question: q, MaxDepth: depth})
			if err != nil || tr.Agrees == nil || !*tr.Agrees {
				t.Fatalf("seed %d, world %d: %s with depth %d, %+v: %s %s, %v", seed, i, q, depth, set, tr.Summary, tr.Hint, err)
			}
			sum.explained++
		}
	}
	t.Logf("seed %d: %v", seed, sum)
}
