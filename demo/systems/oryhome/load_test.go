package oryhome_test

import (
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
	kratos, keto := stacktest.Kratos(t), stacktest.OwnKeto(t, demotest.AppOPL, nil)
	ann := demotest.NewIdentity(t, kratos, demotest.Unique("load"))
	s := demotest.Start(t, server.Options{Systems: []string{"ory-home"}, Env: gate.Env{KratosPublicURL: kratos.PublicURL, KetoReadURL: keto.ReadURL, KratosUIURL: kratosUI,
		HopTimeout: 20 * time.Second, RequestTimeout: 40 * time.Second, Log: slog.New(slog.DiscardHandler)}}) // as without --log
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

// TestLoad has many clients ask while the tuple is flipped: each flip is obeyed by the
// next request, and nothing is left over. GATEHOUSE_LOAD=30s runs it for that long
// with 64 clients; without it it is short and small.
func TestLoad(t *testing.T) {
	clients, flips := 8, 10
	var until time.Time
	if d, err := time.ParseDuration(os.Getenv("GATEHOUSE_LOAD")); err == nil {
		clients, flips, until = 64, 0, time.Now().Add(d)
	}
	x, s, _, flip := newBench(t, clients)
	if status, err := x.get(x.page, true); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	x.client.CloseIdleConnections()
	before := runtime.NumGoroutine()
	var gate sync.RWMutex // held for writing while the tuple changes
	allowed, stop := true, make(chan struct{})
	var asked, wrong atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				gate.RLock()
				want := map[bool]int{true: 200, false: 403}[allowed]
				got, err := x.get(x.page, true)
				gate.RUnlock()
				asked.Add(1)
				if err != nil || got != want {
					wrong.Add(1)
					t.Errorf("%d, want %d: %v", got, want, err)
				}
			}
		})
	}
	for n, last := 0, int64(0); n < flips || time.Now().Before(until); n++ {
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
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before+2*clients+20 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if now := runtime.NumGoroutine(); now > before+2*clients+20 {
		t.Errorf("%d goroutines before, %d after", before, now)
	}
	t.Logf("%d requests by %d clients, %d wrong", asked.Load(), clients, wrong.Load())
}
