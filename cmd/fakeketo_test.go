package cmd

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"

	"gatehouse/access/tuple"
)

// fakeKeto is as much of a Keto as faults are tried on: it stores tuples and can be
// told to misbehave at a write. What it does otherwise is what was seen of the
// real one; the proof on that is in real_test.go.
type fakeKeto struct {
	*httptest.Server
	mu     sync.Mutex
	stored []tuple.Tuple
	writes int
	reads  int
	// onWrite may answer the nth write itself, before or after it was carried out;
	// it returns true when it has.
	onWrite func(n int, carryOut func(), w http.ResponseWriter) bool
}

func newFakeKeto(t testing.TB, stored ...string) *fakeKeto {
	f := &fakeKeto{}
	for _, s := range stored {
		tp, err := tuple.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		f.stored = append(f.stored, tp)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /namespaces", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"namespaces": []map[string]string{{"name": "Group"}, {"name": "Doc"}, {"name": "#Doc"}}})
	})
	mux.HandleFunc("GET /relation-tuples", f.list)
	mux.HandleFunc("PATCH /admin/relation-tuples", f.patch)
	mux.HandleFunc("POST /relation-tuples/check/openapi", f.check)
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

// env is the environment of a context with this Keto alone.
func (f *fakeKeto) env(more ...string) []string {
	return append([]string{"GATEHOUSE_KETO_READ_URL=" + f.URL, "GATEHOUSE_KETO_WRITE_URL=" + f.URL}, more...)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *fakeKeto) list(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
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
	from, _ := strconv.Atoi(v.Get("page_token"))
	size, _ := strconv.Atoi(v.Get("page_size"))
	page, next := []tuple.Tuple{}, ""
	for i := from; i < len(f.stored); i++ {
		if len(page) == size {
			next = strconv.Itoa(i)
			break
		}
		if q.Matches(f.stored[i]) {
			page = append(page, f.stored[i])
		}
	}
	answer(w, 200, map[string]any{"relation_tuples": page, "next_page_token": next})
}

func (f *fakeKeto) patch(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var edits []struct {
		Action string      `json:"action"`
		Tuple  tuple.Tuple `json:"relation_tuple"`
	}
	if err := json.NewDecoder(r.Body).Decode(&edits); err != nil {
		answer(w, 400, map[string]any{"error": map[string]any{"code": 400, "message": err.Error()}})
		return
	}
	carryOut := func() {
		for _, e := range edits {
			if e.Action == "insert" {
				f.stored = append(f.stored, e.Tuple)
			} else {
				f.stored = slices.DeleteFunc(f.stored, e.Tuple.Equal)
			}
		}
	}
	f.writes++
	if f.onWrite != nil && f.onWrite(f.writes, carryOut, w) {
		return
	}
	carryOut()
	w.WriteHeader(204)
}

func (f *fakeKeto) check(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var q tuple.Tuple
	err := json.NewDecoder(r.Body).Decode(&q)
	answer(w, 200, map[string]bool{"allowed": err == nil && slices.ContainsFunc(f.stored, q.Equal)})
}

// texts are the stored tuples, sorted.
func (f *fakeKeto) texts() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []string{}
	for _, t := range f.stored {
		out = append(out, t.String())
	}
	slices.Sort(out)
	return out
}

// cut drops the connection without an answer.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }
