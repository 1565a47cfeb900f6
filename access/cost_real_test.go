package access_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/stack/story"
)

// envTuples is how many tuples the costs are measured on; 1000000 takes some minutes to
// store.
const envTuples = "GATEHOUSE_COST_TUPLES"

// manyTuples are so many, in the shape of a company: people in groups of 50, groups in
// departments, documents in folders, and half of all tuples in one group of everybody.
func manyTuples(n int, yield func(tuple.Tuple)) {
	id := func(i int) tuple.Subject { return tuple.SubjectID(fmt.Sprintf("p%d", i)) }
	group := func(i int) string { return fmt.Sprintf("g%d", i) }
	people := n / 8
	for i := range people {
		yield(tuple.Tuple{Namespace: "Group", Object: group(i / 50), Relation: "members", Subject: id(i)})
	}
	for i := range people/50 + 1 {
		yield(tuple.Tuple{Namespace: "Group", Object: fmt.Sprintf("dept%d", i/20), Relation: "members", Subject: tuple.SubjectSet("Group", group(i), "members")})
	}
	for i := range n / 2 {
		yield(tuple.Tuple{Namespace: "Group", Object: "everyone", Relation: "members", Subject: id(i)})
	}
	yield(tuple.Tuple{Namespace: "Doc", Object: "news", Relation: "viewers", Subject: tuple.SubjectSet("Group", "everyone", "members")})
	for i := range n / 8 {
		doc := fmt.Sprintf("d%d", i)
		yield(tuple.Tuple{Namespace: "Doc", Object: doc, Relation: "parents", Subject: tuple.SubjectSet("Folder", fmt.Sprintf("f%d", i/100), "")})
		yield(tuple.Tuple{Namespace: "Doc", Object: doc, Relation: "viewers", Subject: tuple.SubjectSet("Group", group(i/50), "members")})
		yield(tuple.Tuple{Namespace: "Doc", Object: doc, Relation: "viewers", Subject: id(i)})
	}
	for i := range n / 800 {
		yield(tuple.Tuple{Namespace: "Folder", Object: fmt.Sprintf("f%d", i), Relation: "viewers", Subject: tuple.SubjectSet("Group", fmt.Sprintf("dept%d", i%20), "members")})
	}
}

// costQuestions ask about people and documents that have something to do with each
// other, and about such that have not.
func costQuestions(n, many int) []tuple.Tuple {
	r := rand.New(rand.NewPCG(1, 2))
	var out []tuple.Tuple
	for i := range many {
		doc := r.IntN(n / 8)
		who := []int{doc, doc/50*50 + r.IntN(50), r.IntN(n / 8), n + doc}[i%4]
		q := tuple.Tuple{Namespace: "Doc", Object: fmt.Sprintf("d%d", doc), Relation: "view", Subject: tuple.SubjectID(fmt.Sprintf("p%d", who))}
		if i%20 == 19 {
			q.Object = "news"
		}
		out = append(out, q)
	}
	return out
}

// What an explanation costs beside the bare check of the same question: requests and
// round trips are bounded; times are only told.
func TestCostOfAnExplanation(t *testing.T) {
	n := int(fromEnv(envTuples, 12_000))
	settings := settingsOf(access.Settings{})
	if n > 100_000 {
		settings["dsn"] = "sqlite://" + filepath.Join(t.TempDir(), "keto.sqlite") + "?_fk=true&_journal_mode=WAL"
	}
	s := newServer(t, settings)
	m := parseModel(t, story.Model())
	s.load(t, "Marker", story.Model()+"\nclass Marker implements Namespace {}\n", nil, parseTuples(t, "Doc:x#viewers@nobody"))
	var batch []edit
	flush := func() {
		s.send(t, http.MethodPatch, s.info.WriteURL+"/admin/relation-tuples", batch)
		batch = batch[:0]
	}
	stored := 0
	manyTuples(n, func(tt tuple.Tuple) {
		stored++
		if batch = append(batch, edit{"insert", tt}); len(batch) == 500 {
			flush()
		}
	})
	if len(batch) > 0 {
		flush()
	}
	x := &access.Explainer{Server: s, Tuples: firstOf{s}, Model: m, Refused: refused, Large: &access.Large{}}
	var asked []access.Asking
	for _, q := range costQuestions(n, 400) {
		asked = append(asked, access.Asking{Question: q, Aliases: access.Person{ID: q.Subject.ID, Emails: []string{q.Subject.ID + "@acme.example"}}.Aliases()})
	}
	measure(t, x, fmt.Sprint(stored, " tuples"), asked)
}

// On the story the same bounds hold, for everybody about every document.
func TestCostOnTheStory(t *testing.T) {
	st, m, ts := loadStory(t)
	s := newServer(t, settingsOf(access.Settings{}))
	s.load(t, "Doc", story.Model(), m.NamespaceNames(), ts)
	x := &access.Explainer{Server: s, Tuples: firstOf{s}, Model: m, Refused: refused, Large: &access.Large{}}
	var asked []access.Asking
	for _, ticket := range st.Tickets {
		if ticket.Question.Tuple != "" {
			asked = append(asked, asking(t, st, ticket))
		}
	}
	subjects, objects := universe(ts)
	for _, o := range objects {
		for _, sub := range subjects {
			if o[0] == "Doc" && sub.Set == nil {
				q := tuple.Tuple{Namespace: o[0], Object: o[1], Relation: "view", Subject: sub}
				asked = append(asked, access.Asking{Question: q, Aliases: access.Person{ID: sub.ID, Emails: []string{sub.ID + "@acme.example"}}.Aliases()})
			}
		}
	}
	measure(t, x, "the story", asked)
}

// cost is what explanations took.
type cost struct {
	requests, trips []int
	ratios          []float64
	checks, whys    []time.Duration
	most            uint64 // bytes allocated for one
}

func (c cost) String() string {
	return fmt.Sprintf("%d explained; requests median %d, p99 %d; round trips median %d, p99 %d; check median %v, why median %v, p99 %v, at most %v; why is %.1f times the check in the median, %.1f at p99; at most %.1f MB allocated for one",
		len(c.requests), at(c.requests, 50), at(c.requests, 99), at(c.trips, 50), at(c.trips, 99), at(c.checks, 50), at(c.whys, 50), at(c.whys, 99), at(c.whys, 100), at(c.ratios, 50), at(c.ratios, 99), float64(c.most)/(1<<20))
}

// measure explains the questions and holds what that takes against the bounds; those that
// are denied, which takes more, are told besides.
func measure(t *testing.T, x *access.Explainer, name string, asked []access.Asking) {
	t.Helper()
	var all, denied cost
	var before, after runtime.MemStats
	for _, a := range asked {
		start := time.Now()
		if _, err := x.Server.Check(t.Context(), a.Question, 0); err != nil && !x.Refused(err) {
			t.Fatal(err)
		}
		check := time.Since(start)
		runtime.ReadMemStats(&before)
		start = time.Now()
		tr, err := x.Explain(t.Context(), a)
		why := time.Since(start)
		runtime.ReadMemStats(&after)
		if err == nil && tr.OrderDependent {
			continue // the server may say the one and the other
		}
		if err != nil || tr.Agrees == nil || !*tr.Agrees || tr.Verdict == access.Unknown && tr.Cause != access.CauseUnknownRelation {
			t.Fatalf("%s: %s, %v", a.Question, tr.Summary, err)
		}
		for _, c := range []*cost{&all, &denied} {
			if c == &denied && tr.Verdict == access.Allowed {
				continue
			}
			c.requests, c.trips = append(c.requests, tr.Requests), append(c.trips, tr.RoundTrips)
			c.ratios = append(c.ratios, float64(why)/float64(check))
			c.checks, c.whys = append(c.checks, check), append(c.whys, why)
			c.most = max(c.most, after.TotalAlloc-before.TotalAlloc)
		}
	}
	t.Logf("%s: %v", name, all)
	t.Logf("%s, denied: %v", name, denied)
	if at(all.requests, 50) >= 12 || at(all.trips, 50) >= 6 || at(all.requests, 100) > access.MaxRequests {
		t.Errorf("an explanation takes %d requests in %d round trips in the median", at(all.requests, 50), at(all.trips, 50))
	}
	if all.most > 100<<20 {
		t.Errorf("%d MB were allocated for one explanation", all.most>>20)
	}
}

// at is a percentile.
func at[T int | float64 | time.Duration](of []T, percent int) T {
	of = slices.Clone(of)
	slices.Sort(of)
	return of[min(len(of)-1, len(of)*percent/100)]
}
