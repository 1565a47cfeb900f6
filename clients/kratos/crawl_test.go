package kratos_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// crawlSize is how many identities a crawl is measured over. GATEHOUSE_BENCH_CRAWL
// raises it; identities that are missing are made, and removed at the end.
func crawlSize() int {
	if n, err := strconv.Atoi(os.Getenv("GATEHOUSE_BENCH_CRAWL")); err == nil && n > 0 {
		return n
	}
	return 2000
}

// BenchmarkCrawl walks all identities of the real server with our client and with a
// bare loop over its pages, in turns, and reports the ratio of their speeds (1 is as
// fast as the bare loop) and the most memory that a walk of ours took.
//
//	GATEHOUSE_BENCH_CRAWL=20000 go test -run - -bench Crawl -benchtime 3x ./clients/kratos
func BenchmarkCrawl(b *testing.B) {
	w := real(b)
	populate(b, w, crawlSize())
	var bare, ours time.Duration
	var n int
	var most uint64
	bareCrawl(b, w) // warm the server
	for b.Loop() {
		start := time.Now()
		bareCrawl(b, w)
		bare += time.Since(start)
		start = time.Now()
		n, most = crawl(b, w)
		ours += time.Since(start)
	}
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-bare-speed")
	b.ReportMetric(float64(n*b.N)/ours.Seconds(), "identities/s")
	b.ReportMetric(float64(most)/(1<<20), "MB-heap")
}

// crawl walks with our client, as a list without a view does.
func crawl(t testing.TB, w *world) (n int, most uint64) {
	var m runtime.MemStats
	for i, err := range clients.Each(bg, w.Fetch(kratos.Query{PageSize: kratos.MaxPageSize})) {
		if err != nil || i.ID == "" {
			t.Fatal(i.ID, err)
		}
		if n++; n%5000 == 0 {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
	}
	runtime.ReadMemStats(&m)
	return n, max(most, m.HeapInuse)
}

// bareCrawl reads the same pages and looks at nothing but the link to the next.
func bareCrawl(t testing.TB, w *world) {
	next := "/admin/identities?page_size=500"
	for next != "" {
		resp, err := http.Get(w.admin + next)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		next = ""
		for link := range strings.SplitSeq(resp.Header.Get("Link"), ",") {
			if target, rel, _ := strings.Cut(link, ";"); strings.Contains(rel, "next") {
				next = strings.Trim(strings.TrimSpace(target), "<>")
			}
		}
	}
}

// populate makes identities until there are n.
func populate(t testing.TB, w *world, n int) {
	have, err := w.Count(bg)
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	t.Cleanup(func() {
		for _, id := range made {
			rawText(t, "DELETE", w.admin+"/admin/identities/"+id, nil)
		}
	})
	for r := range w.Import(bg, people(unique("crawl"), n-have), kratos.ImportOptions{Batch: true, Workers: 1}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		made = append(made, r.ID)
	}
}

// people are n new identities of the usual size.
func people(run string, n int) iter.Seq[kratos.NewIdentity] {
	return func(yield func(kratos.NewIdentity) bool) {
		for i := range n {
			mail := fmt.Sprintf("%s-%d@gatehouse.test", run, i)
			if !yield(kratos.NewIdentity{SchemaID: "staff", Traits: staffTraits(mail), MetadataPublic: []byte(`{"plan":"gold","locale":"en"}`)}) {
				return
			}
		}
	}
}

// TestImport: many rows, each with its outcome, with and without batches, and
// stopping half-way.
func TestImport(t *testing.T) {
	w := real(t)
	taken := w.person(kratos.NewIdentity{})
	for _, o := range []kratos.ImportOptions{{Workers: 2}, {Batch: true, Workers: 1}} {
		run := unique("imp")
		var rows []kratos.NewIdentity
		for n := range 40 {
			rows = append(rows, kratos.NewIdentity{SchemaID: "default", Traits: traits(fmt.Sprintf("%s-%d@gatehouse.test", run, n))})
		}
		rows[7].Traits, rows[9].Traits = taken.Traits, []byte(`{"email":"x"}`)
		seen := map[int]kratos.Imported{}
		for r := range w.Import(bg, func(yield func(kratos.NewIdentity) bool) {
			for _, row := range rows {
				if !yield(row) {
					return
				}
			}
		}, o) {
			if r.ID != "" {
				w.remove(r.ID)
			}
			seen[r.Index] = r
		}
		if len(seen) != 40 {
			t.Fatalf("%+v: %d outcomes", o, len(seen))
		}
		for n, r := range seen {
			switch n {
			case 7:
				kind(t, r.Err, clients.Conflict)
			case 9:
				kind(t, r.Err, clients.Invalid)
			default:
				if r.Err != nil {
					t.Fatalf("row %d: %v", n, r.Err)
				}
			}
		}
		page, err := w.FindPrefix(bg, run, "")
		if err != nil || len(page.Items) != 38 {
			t.Errorf("%+v: %d were made, %v", o, len(page.Items), err)
		}
	}
	before, given, run := len(w.log.Entries()), 0, unique("stop")
	for r := range w.Import(bg, func(yield func(kratos.NewIdentity) bool) {
		for row := range people(run, 1000) {
			if given++; !yield(row) {
				return
			}
		}
	}, kratos.ImportOptions{Workers: 2}) {
		w.remove(r.ID)
		break
	}
	page, err := w.FindPrefix(bg, run, "")
	ok(t, err)
	for _, i := range page.Items {
		w.remove(i.ID)
	}
	if given > 20 || len(w.log.Entries())-before > 60 {
		t.Errorf("%d rows were taken after the loop was broken off", given)
	}
	ctx, cancel := context.WithCancel(bg)
	cancel()
	for r := range w.Import(ctx, people(unique("x"), 3), kratos.ImportOptions{}) {
		if !clients.Is(r.Err, clients.Canceled) {
			t.Errorf("cancelled: %+v", r)
		}
	}
}
