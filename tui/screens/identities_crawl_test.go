package screens_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/tui"
	"gatehouse/tui/screens"
	"gatehouse/tui/tuitest"
)

// The crawl of a very long list, through our client, from a server in a process of
// its own that answers as Kratos does: so neither its memory nor its own work counts
// as the console's.

const crawlMany = 100_000

// crawlServerEnv makes the test binary serve instead of testing. Its value is how
// long a page takes.
const crawlServerEnv = "GATEHOUSE_TEST_CRAWL_SERVER"

// crawlKratos is what a page of 250 takes Kratos v1.3.1 on SQLite.
const crawlKratos = 25 * time.Millisecond

// TestCrawlServer is that server; by itself it does nothing.
func TestCrawlServer(t *testing.T) {
	if os.Getenv(crawlServerEnv) == "" {
		return
	}
	delay, err := time.ParseDuration(os.Getenv(crawlServerEnv))
	if err != nil {
		t.Fatal(err)
	}
	pages := make([][]byte, 0, crawlMany/kratos.DefaultPageSize)
	for from := 0; from < crawlMany; from += kratos.DefaultPageSize {
		pages = append(pages, crawlPage(t, from))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		if r.URL.Query().Get("per_page") == "1" {
			w.Header().Set("X-Total-Count", strconv.Itoa(crawlMany))
			w.Write([]byte("[]")) //nolint:errcheck // the client would notice
			return
		}
		time.Sleep(delay)
		n, _ := strconv.Atoi(r.URL.Query().Get("page_token"))
		if n+1 < len(pages) {
			w.Header().Set("Link", fmt.Sprintf(`</admin/identities?page_size=250&page_token=0>; rel="first",</admin/identities?page_size=250&page_token=%d>; rel="next"`, n+1))
		}
		w.Write(pages[n]) //nolint:errcheck // the client would notice
	}))
	defer s.Close()
	fmt.Println("serving at", s.URL)
	bufio.NewReader(os.Stdin).ReadByte() //nolint:errcheck // until the parent closes it, however it ends
}

// crawlPage is a page as Kratos v1.3.1 writes it.
func crawlPage(t testing.TB, from int) []byte {
	type m = map[string]any
	var page []m
	for i := from; i < from+kratos.DefaultPageSize; i++ {
		id, mail := fmt.Sprintf("%08x-1111-4222-8333-%012x", i*2654435761%(1<<32), i), fmt.Sprintf("person.number%06d@acme.example", i)
		page = append(page, m{"id": id, "schema_id": "staff", "schema_url": "http://127.0.0.1:4433/schemas/c3RhZmY", "state": "active", "state_changed_at": "2026-03-02T10:00:00.123456Z",
			"traits":               m{"email": mail, "name": m{"first": "Person", "last": fmt.Sprint("Number", i)}, "department": "engineering", "employee_number": i, "on_call": i%2 == 0},
			"verifiable_addresses": []m{{"id": id, "value": mail, "verified": true, "via": "email", "status": "completed", "verified_at": "2026-03-02T10:00:00Z", "created_at": "2026-03-02T10:00:00.123456Z", "updated_at": "2026-03-02T10:00:00.123456Z"}},
			"recovery_addresses":   []m{{"id": id, "value": mail, "via": "email", "created_at": "2026-03-02T10:00:00.123456Z", "updated_at": "2026-03-02T10:00:00.123456Z"}},
			"metadata_public":      nil, "metadata_admin": nil, "created_at": "2026-03-02T10:00:00.123456Z", "updated_at": "2026-03-02T10:00:00.123456Z", "organization_id": nil})
	}
	b, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// crawlClient starts the server and gives a client of it.
func crawlClient(tb testing.TB, delay time.Duration) *kratos.Client {
	tb.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrawlServer$")
	cmd.Env = append(os.Environ(), crawlServerEnv+"="+delay.String())
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		in.Close()
		cmd.Wait() //nolint:errcheck // it served
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	c, err := kratos.New(kratos.Options{AdminURL: strings.TrimSpace(strings.TrimPrefix(line, "serving at ")), Admin: transport.Options{Log: &transport.Log{}}})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// crawlList reads everybody into the list, drawn whenever something has come, and
// gives the console, which holds the rows.
func crawlList(tb testing.TB, k *kratos.Client) *tuitest.Rig {
	tb.Helper()
	app := tui.New(context.Background(), tui.Options{Context: "dev", Root: screens.NewIdentities(screens.IdentitiesSpec{Kratos: k, Write: k}), Explain: explainReal})
	r := tuitest.NewRig(tb, app, 120, 40)
	for end := time.Now().Add(5 * time.Minute); !strings.Contains(r.View(), tui.Count(crawlMany)+"\n"); r.Rest(5 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("not read in five minutes:\n%s", r.View())
		}
	}
	return r
}

// crawlBare is the same pages through the same client, thrown away.
func crawlBare(tb testing.TB, k *kratos.Client) {
	tb.Helper()
	n := 0
	for cursor := ""; ; {
		page, err := k.List(context.Background(), cursor)
		if err != nil {
			tb.Fatal(err)
		}
		n += len(page.Items)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if n != crawlMany {
		tb.Fatalf("%d of %d", n, crawlMany)
	}
}

// crawlPeak samples the heap while something runs, garbage included.
func crawlPeak(run func()) (peak uint64) {
	var stop atomic.Bool
	done := make(chan uint64)
	go func() {
		var most uint64
		for !stop.Load() {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			time.Sleep(10 * time.Millisecond)
		}
		done <- most
	}()
	run()
	stop.Store(true)
	return <-done
}

// crawlAloneEnv says that this process holds nothing but the crawl.
const crawlAloneEnv = "GATEHOUSE_TEST_CRAWL_ALONE"

// A hundred thousand people fit: what is kept, and what is used on the way there. It
// is measured in a process of its own, which holds nothing of other tests.
func TestIdentitiesCrawlMemory(t *testing.T) {
	const limit = 150 << 20
	if os.Getenv(crawlAloneEnv) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestIdentitiesCrawlMemory$", "-test.v")
		cmd.Env = append(os.Environ(), crawlAloneEnv+"=1")
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Error(err)
		}
		return
	}
	k := crawlClient(t, 0)
	var r *tuitest.Rig
	peak := crawlPeak(func() { r = crawlList(t, k) })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d identities: %d MB kept, %d MB at most on the way", crawlMany, m.HeapAlloc>>20, peak>>20)
	if peak > limit {
		t.Errorf("%d MB at most, the limit is %d", peak>>20, limit>>20)
	}
	r.Press("/")
	for _, c := range "number099999" {
		r.Press(string(c))
	}
	r.Until(t, "1 of 100,000")
}

// BenchmarkIdentitiesCrawl compares the list with a bare loop over the same pages,
// one after the other in one run, so that a busy machine slows both. The promise is
// 0.9 or more of the speed of the bare loop. "kratos" answers as slowly as a real
// one; "instant" leaves nothing but our own work, on both sides.
func BenchmarkIdentitiesCrawl(b *testing.B) {
	b.Run("kratos", func(b *testing.B) { benchCrawl(b, crawlKratos) })
	b.Run("instant", func(b *testing.B) { benchCrawl(b, 0) })
}

func benchCrawl(b *testing.B, delay time.Duration) {
	k := crawlClient(b, delay)
	var bare, list, ratio []float64
	var peak uint64
	for b.Loop() {
		start := time.Now()
		crawlBare(b, k)
		t1 := time.Since(start)
		runtime.GC()
		start = time.Now()
		var r *tuitest.Rig
		peak = max(peak, crawlPeak(func() { r = crawlList(b, k) }))
		t2 := time.Since(start)
		r.Model = nil // the rig lives until the benchmark ends, its rows need not
		runtime.GC()
		bare, list, ratio = append(bare, t1.Seconds()), append(list, t2.Seconds()), append(ratio, t1.Seconds()/t2.Seconds())
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	b.ReportMetric(crawlMany/median(bare), "bare-rows/s")
	b.ReportMetric(crawlMany/median(list), "list-rows/s")
	b.ReportMetric(median(ratio), "ratio")
	b.ReportMetric(float64(peak>>20), "peak-MB")
}
