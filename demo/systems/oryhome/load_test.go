package oryhome_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/stack/stacktest"
)

// bench is the home page and the bare calls that it rests on, with kept connections.
type bench struct {
	client             *http.Client
	page, whoami, keto string
	cookie             string
}

func newBench(t testing.TB, clients int) (*bench, *demotest.Running, *demotest.Identity, func(bool)) {
	return newBenchWith(t, clients, nil)
}

// newBenchWith has the server use another way to its back ends.
func newBenchWith(t testing.TB, clients int, way *http.Client) (*bench, *demotest.Running, *demotest.Identity, func(bool)) {
	kratos, keto := stacktest.Kratos(t), stacktest.OwnKeto(t, demotest.AppOPL, nil)
	ann := demotest.NewIdentity(t, kratos, demotest.Unique("load"))
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: kratosUI,
		HopTimeout: 20 * time.Second, RequestTimeout: 40 * time.Second, HTTP: way, Log: slog.New(slog.DiscardHandler)}}) // as without --log
	q := url.Values{"namespace": {"app"}, "object": {"homepage"}, "relation": {"read"}, "subject_id": {ann.ID}}
	b := &bench{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients * 2}}, page: s.URL + "/",
		whoami: kratos.PublicURL + "/sessions/whoami", keto: keto.ReadURL + "/relation-tuples/check?" + q.Encode(), cookie: "ory_kratos_session=" + ann.Cookie(t)}
	demotest.Allow(t, keto, ann.ID)
	return b, s, ann, func(allow bool) {
		if allow {
			demotest.Allow(t, keto, ann.ID)
		} else {
			demotest.Deny(t, keto, ann.ID)
		}
	}
}

func (b *bench) get(u string, cookie bool) (int, error) {
	r, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		return 0, err
	}
	if cookie {
		r.Header.Set("Cookie", b.cookie)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// pair is the bare whoami and check, one after the other.
func (b *bench) pair() error {
	if s, err := b.get(b.whoami, true); err != nil || s != 200 {
		return fmt.Errorf("whoami: %d %w", s, err)
	}
	_, err := b.get(b.keto, false)
	return err
}

// BenchmarkHomeOverPair measures the home page and the bare pair in turns and reports
// the ratio of the medians: on a busy machine only that means something.
func BenchmarkHomeOverPair(b *testing.B) {
	x, _, _, _ := newBench(b, 1)
	var page, pair []time.Duration
	for b.Loop() {
		t0 := time.Now()
		if s, err := x.get(x.page, true); err != nil || s != 200 {
			b.Fatal(s, err)
		}
		t1 := time.Now()
		if err := x.pair(); err != nil {
			b.Fatal(err)
		}
		page, pair = append(page, t1.Sub(t0)), append(pair, time.Since(t1))
	}
	slices.Sort(page)
	slices.Sort(pair)
	b.ReportMetric(float64(page[len(page)/2])/float64(pair[len(pair)/2]), "x-bare-pair")
	b.ReportMetric(float64(page[len(page)/2].Microseconds())/1000, "ms-page")
	b.ReportMetric(float64(pair[len(pair)/2].Microseconds())/1000, "ms-pair")
}

// loadFor is how long GATEHOUSE_LOAD asks for, such as 30s; 0 without it.
func loadFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("GATEHOUSE_LOAD")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("GATEHOUSE_LOAD=%q: use a time such as 30s", text)
	}
	return d
}

// maxRatio is how long the page may take, as many times the bare pair.
const maxRatio = 1.15

// TestLoad has many clients ask for the page and, in turns, do the bare pair of calls
// that it rests on, while the tuple is flipped at every twentieth page: each flip is
// obeyed by the next request, and nothing is left over. GATEHOUSE_LOAD=30s runs it for
// that long with 64 clients and holds the ratio to its limit; without it the test is
// short and small and measures nothing.
func TestLoad(t *testing.T) {
	clients, flips := 8, 10
	var until time.Time
	load := loadFor(t)
	if load > 0 {
		clients, flips = 64, 0
	}
	x, s, _, flip := newBench(t, clients)
	for range clients { // fills what is kept by design: connections, the ring of decisions
		for range 1200 / clients {
			if status, err := x.get(x.page, true); err != nil || status != 200 {
				t.Fatal(status, err)
			}
			if load == 0 {
				break
			}
		}
	}
	x.client.CloseIdleConnections()
	before, heap := runtime.NumGoroutine(), heapNow()
	until = time.Now().Add(load)
	var gate sync.RWMutex // held for writing while the tuple changes
	allowed, stop := true, make(chan struct{})
	var asked, wrong atomic.Int64
	pages, pairs := make([][]time.Duration, clients), make([][]time.Duration, clients)
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for turn := n; ; turn++ {
				select {
				case <-stop:
					return
				default:
				}
				gate.RLock()
				want := map[bool]int{true: 200, false: 403}[allowed]
				var got int
				var err, pairErr error
				for step := range 2 { // in turns, so that neither always meets the rush after a flip
					t0 := time.Now()
					if (turn+step)%2 == 0 {
						got, err = x.get(x.page, true)
						pages[n] = append(pages[n], time.Since(t0))
					} else {
						pairErr = x.pair()
						pairs[n] = append(pairs[n], time.Since(t0))
					}
				}
				gate.RUnlock()
				asked.Add(1)
				if err != nil || got != want || pairErr != nil {
					wrong.Add(1)
					t.Errorf("%d, want %d: %v %v", got, want, err, pairErr)
				}
			}
		})
	}
	changed := 0
	for last := int64(0); changed < flips || time.Now().Before(until); changed++ {
		for deadline := time.Now().Add(time.Minute); asked.Load() < last+20 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		gate.Lock()
		allowed = !allowed
		flip(allowed)
		gate.Unlock()
		last = asked.Load()
	}
	close(stop)
	wg.Wait()
	x.client.CloseIdleConnections()
	s.Env.HTTP.CloseIdleConnections() // kept connections are no leak
	checkGoroutines(t, before+10)
	all, bare := slices.Concat(pages...), slices.Concat(pairs...)
	ratio, medians := float64(sum(all))/float64(sum(bare)), float64(quantile(all, 0.5))/float64(quantile(bare, 0.5))
	t.Logf("%d pages by %d clients, %d wrong, %d flips; the page takes %.3f times the bare pair (medians %.3f: %v over %v)",
		asked.Load(), clients, wrong.Load(), changed, ratio, medians, quantile(all, 0.5).Round(time.Microsecond), quantile(bare, 0.5).Round(time.Microsecond))
	if load == 0 {
		return
	}
	if ratio > maxRatio {
		t.Errorf("the page takes %.3f times the bare pair, more than %v", ratio, maxRatio)
	}
	count := len(all)
	pages, pairs, all, bare = nil, nil, nil, nil
	if grown := heapNow() - heap; grown > 16<<20 {
		t.Errorf("%d pages left %d bytes behind", count, grown)
	}
}

func heapNow() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// checkGoroutines waits until no more than most are left.
func checkGoroutines(t *testing.T, most int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > most && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > most {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines, want at most %d:\n%s", now, most, buf[:runtime.Stack(buf, true)])
	}
}

func sum(list []time.Duration) (d time.Duration) {
	for _, x := range list {
		d += x
	}
	return d
}

func quantile(list []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// hanging is a way to the back ends on which the request of one session hangs until it
// is released.
type hanging struct {
	next    http.RoundTripper
	entered chan struct{}
	release chan struct{}
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Cookie") == "ory_kratos_session=hung" {
		h.entered <- struct{}{}
		select {
		case <-h.release:
		case <-r.Context().Done():
		}
		return nil, context.Canceled
	}
	return h.next.RoundTrip(r)
}

// maxP99 is by how much the slowest requests of the others may differ while one hangs,
// in the middle of all pairs of slices: of two calm slices one is slower, too.
const maxP99 = 1.25

// TestOneHungWhoamiSlowsNobody asks with many clients in slices: in every second one a
// whoami hangs. Everybody else is answered rightly; with GATEHOUSE_LOAD the slowest
// requests of each slice are held against those of the one before it.
func TestOneHungWhoamiSlowsNobody(t *testing.T) {
	clients, slice, many := 4, 5, 6 // requests of each client in a slice
	load := loadFor(t)
	if load > 0 {
		clients, many = 64, 1<<20
	}
	h := &hanging{entered: make(chan struct{}), next: &http.Transport{MaxIdleConnsPerHost: 2 * clients}}
	x, _, _, _ := newBenchWith(t, clients, &http.Client{Transport: h, CheckRedirect: demotest.Client.CheckRedirect})
	var ratios []float64
	var calm time.Duration
	asked := 0
	until := time.Now().Add(load)
	for n := 0; n < many && (load == 0 || n%2 == 1 || time.Now().Before(until)); n++ {
		hung, ended := n%2 == 1, make(chan struct{})
		h.release = make(chan struct{})
		if hung {
			go func() {
				defer close(ended)
				r, err := http.NewRequest(http.MethodGet, x.page, nil)
				if err != nil {
					return
				}
				r.Header.Set("Cookie", "ory_kratos_session=hung")
				if resp, err := x.client.Do(r); err == nil {
					resp.Body.Close()
					if resp.StatusCode != http.StatusServiceUnavailable {
						t.Errorf("the hung request: %d", resp.StatusCode)
					}
				}
			}()
			<-h.entered
		}
		list := x.slice(t, clients, slice)
		asked += len(list)
		if p99 := quantile(list, 0.99); hung {
			ratios = append(ratios, float64(p99)/float64(calm))
		} else {
			calm = p99
		}
		close(h.release)
		if hung {
			<-ended
		}
	}
	slices.Sort(ratios)
	middle := ratios[len(ratios)/2]
	t.Logf("%d requests in %d pairs of slices: while one hangs the p99 of the others is %.2f times (in the middle of all)", asked, len(ratios), middle)
	if load > 0 && middle > maxP99 {
		t.Errorf("a hung whoami makes the others wait: their p99 is %.2f times", middle)
	}
}

// slice has each client ask some times and is how long each request took.
func (b *bench) slice(t *testing.T, clients, requests int) []time.Duration {
	list := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for range requests {
				t0 := time.Now()
				if status, err := b.get(b.page, true); err != nil || status != 200 {
					t.Errorf("%d %v", status, err)
				}
				list[n] = append(list[n], time.Since(t0))
			}
		})
	}
	wg.Wait()
	return slices.Concat(list...)
}
