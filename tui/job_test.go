package tui_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// rig runs one screen without a terminal.
func rig(t testing.TB, p tui.Screen) *tuitest.Rig {
	return tuitest.NewRig(t, tui.New(context.Background(), console(p)), 80, 24)
}

func TestNewestRunWins(t *testing.T) {
	var job tui.Job
	first := make(chan struct{})
	var got []string
	cancelled := make(chan struct{})
	p := &page{title: "home"}
	p.actions = []tui.Action{
		act("a", "slow", func() {
			tui.Go(p, &job, time.Minute, func(ctx context.Context) (string, error) {
				<-ctx.Done()
				close(cancelled)
				<-first
				return "slow", nil
			}, func(v string, _ error) { got = append(got, v) })
		}),
		act("b", "fast", func() {
			tui.Go(p, &job, time.Minute, func(context.Context) (string, error) { return "fast", nil },
				func(v string, _ error) { got = append(got, v); p.Toast("answered") })
		}),
	}
	r := rig(t, p)
	r.Press("a", "b")
	<-cancelled
	r.Until(t, "answered")
	close(first)
	r.Rest(50 * time.Millisecond)
	if fmt.Sprint(got) != "[fast]" || job.Busy() || job.Err() != nil || job.Done().IsZero() {
		t.Errorf("got %v, busy %v, err %v", got, job.Busy(), job.Err())
	}
}

func TestAnswerForAClosedScreenIsDropped(t *testing.T) {
	release := make(chan struct{})
	var ctx context.Context
	child := &page{title: "child"}
	child.init = func(p *page) {
		ctx = p.Context()
		tui.Go(p, new(tui.Job), time.Minute, func(context.Context) (int, error) { <-release; return 0, nil },
			func(int, error) { t.Error("a closed screen was answered") })
	}
	root := &page{title: "home"}
	root.actions = []tui.Action{act("n", "next", func() { root.Push(child) }), act("p", "pop", func() { child.Pop() })}
	child.actions = root.actions
	r := rig(t, root)
	r.Press("n")
	r.Press("p")
	if ctx.Err() == nil || !child.closed {
		t.Error("closing the screen did not end its context")
	}
	close(release)
	r.Rest(50 * time.Millisecond)
}

func TestAnswerReachesACoveredScreen(t *testing.T) {
	release := make(chan struct{})
	root := &page{title: "home"}
	answered := false
	root.actions = []tui.Action{act("n", "next", func() {
		tui.Go(root, new(tui.Job), 0, func(context.Context) (int, error) { <-release; return 0, nil }, func(int, error) { answered = true })
		root.Push(&page{title: "child"})
	})}
	r := rig(t, root)
	r.Press("n")
	close(release)
	r.Rest(50 * time.Millisecond)
	if !answered {
		t.Error("the covered screen was not answered")
	}
}

func TestDeadline(t *testing.T) {
	p := &page{title: "home"}
	var job tui.Job
	p.init = func(p *page) {
		tui.Go(p, &job, 20*time.Millisecond, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
			func(_ int, err error) { p.Fail(err) })
	}
	r := rig(t, p)
	r.Until(t, "context deadline exceeded")
	if !errors.Is(job.Err(), context.DeadlineExceeded) {
		t.Errorf("the job says %v", job.Err())
	}
}

func TestWriteOutlivesItsScreenAndIsReported(t *testing.T) {
	release := make(chan error)
	var saw atomic.Bool
	var job tui.Job
	child := &page{title: "child"}
	child.actions = []tui.Action{act("w", "write", func() {
		tui.Write(child, &job, "grant admin to ben", 0, func(ctx context.Context) (int, error) {
			err := <-release
			saw.Store(ctx.Err() != nil)
			return 0, err
		}, func(int, error) { t.Error("a closed screen was answered") })
	}), act("p", "pop", func() { child.Pop() })}
	root := &page{title: "home"}
	root.actions = []tui.Action{act("n", "next", func() { root.Push(child) })}
	r := rig(t, root)
	for _, want := range []struct {
		err  error
		text string
	}{{nil, "done: grant admin to ben"}, {errors.New("the outcome is unknown"), "the outcome is unknown"}} {
		r.Press("n", "w", "w") // the second is refused while the first is on its way
		r.Press("p")
		release <- want.err
		r.Until(t, want.text)
	}
	if saw.Load() {
		t.Error("closing the screen cancelled the write")
	}
	if n := root.Env().Changes; n != 1 {
		t.Errorf("%d changes, want the one that succeeded", n)
	}
}

// tick is a message of a screen's own.
type tick struct{ n int }

func TestCommandsOfAScreenComeBackToIt(t *testing.T) {
	root := &page{title: "home"}
	release := make(chan struct{})
	one := act("n", "next", nil)
	one.Run = func() tea.Cmd {
		root.Push(&page{title: "child"})
		wait := func(n int) tea.Cmd { return func() tea.Msg { <-release; return tick{n} } }
		return tea.Batch(wait(1), nil, wait(2))
	}
	root.actions = []tui.Action{one}
	r := rig(t, root)
	r.Press("n") // by the time the ticks come, another screen is on top
	close(release)
	r.Rest(100 * time.Millisecond)
	if len(root.typed) != 2 {
		t.Errorf("the screen got %v", root.typed)
	}
}

func TestStreamDoesNotFloodTheLoop(t *testing.T) {
	const pages, perPage = 3000, 20
	p := &page{title: "home"}
	var job tui.Job
	batches, items := 0, 0
	p.init = func(p *page) {
		tui.Stream(p, &job, func(_ context.Context, emit func(tui.Page[int]) error) error {
			for i := range pages {
				if err := emit(tui.Page[int]{Items: make([]int, perPage), Next: strconv.Itoa(i), Total: pages * perPage}); err != nil {
					return err
				}
			}
			return errors.New("the end")
		}, func(b tui.Batch[int]) {
			batches++
			items += len(b.Items)
			if b.Done {
				p.Toast(fmt.Sprintf("%v at %s of %d", b.Err, b.Next, b.Total))
			}
		})
	}
	r := rig(t, p)
	r.Until(t, "the end at 2999 of 60000")
	if items != pages*perPage || batches > 100 {
		t.Errorf("%d items in %d batches", items, batches)
	}
	if job.Busy() || job.Err() == nil {
		t.Errorf("busy %v, err %v", job.Busy(), job.Err())
	}
}

func TestStreamWaitsForASlowLoop(t *testing.T) {
	p := &page{title: "home"}
	var sent atomic.Int64
	p.init = func(p *page) {
		tui.Stream(p, new(tui.Job), func(ctx context.Context, emit func(tui.Page[[256]byte]) error) error {
			for {
				if err := emit(tui.Page[[256]byte]{Items: make([][256]byte, 1000), Next: "x"}); err != nil {
					return err
				}
				sent.Add(1000)
			}
		}, func(tui.Batch[[256]byte]) {})
	}
	_ = rig(t, p) // nobody takes its messages
	before := int64(-1)
	for n := sent.Load(); n == 0 || n != before; n = sent.Load() {
		before = n
		time.Sleep(100 * time.Millisecond)
		if n > 10_000_000 {
			t.Fatalf("%d items and no end: the reader does not wait", n)
		}
	}
	// One batch may be in the message that nobody takes, one is gathered behind it,
	// and each may go over by the page that filled it.
	if limit := int64(2*tui.BatchPending + 4*1000); sent.Load() > limit {
		t.Errorf("%d items wait for a loop that is not there, more than %d", sent.Load(), limit)
	}
}

func TestCrawlEndsWhereServersGoInCircles(t *testing.T) {
	for name, next := range map[string]string{"the same cursor again": "", "no items": "more"} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			fetch := func(_ context.Context, cursor string) (tui.Page[int], error) {
				asked++
				p := tui.Page[int]{Items: []int{1}, Next: "more"}
				if cursor == "more" && next == "more" {
					p.Items = nil
				}
				return p, nil
			}
			err := tui.Crawl(fetch, "", 0)(context.Background(), func(tui.Page[int]) error { return nil })
			if err != nil || asked != 2 {
				t.Errorf("asked %d times, %v", asked, err)
			}
		})
	}
}

// clientPage is the page of a client, which has the same shape.
type clientPage[T any] struct {
	Items []T
	Next  string
	Total int
}

func TestPagesAdaptsAClient(t *testing.T) {
	list := func(context.Context, string) (clientPage[string], error) {
		return clientPage[string]{Items: []string{"a"}, Next: "n", Total: 7}, nil
	}
	p, err := tui.Pages(list)(context.Background(), "")
	if err != nil || p.Items[0] != "a" || p.Next != "n" || p.Total != 7 {
		t.Errorf("%v %v", p, err)
	}
}

// jsonCrowd answers pages of 500 people out of JSON, as a client does.
func jsonCrowd(n int) tui.Fetch[person] {
	var page []person
	for i := range 500 {
		page = append(page, person{Name: fmt.Sprintf("Person %d with a name of usual length", i), Mail: fmt.Sprintf("person%d@acme.example", i)})
	}
	body, _ := json.Marshal(page)
	return func(_ context.Context, cursor string) (tui.Page[person], error) {
		at, _ := strconv.Atoi(cursor)
		p := tui.Page[person]{Total: n, Next: strconv.Itoa(at + 500)}
		if err := json.Unmarshal(body, &p.Items); err != nil {
			return p, err
		}
		for i := range p.Items {
			p.Items[i].ID = fmt.Sprintf("8f1cb7d2-0000-4000-8000-%012d", at+i)
		}
		if at+500 >= n {
			p.Next = ""
		}
		return p, nil
	}
}

// TestAHundredThousandRowsFit holds what a list keeps of 100,000 rows against the
// promise of 150 MB; the rows themselves are about 40 MB of it.
func TestAHundredThousandRowsFit(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100,000 rows")
	}
	spec := newCrowd(0).spec()
	spec.Fetch = jsonCrowd(100_000)
	before := heap()
	r := tuitest.NewRig(t, tui.New(context.Background(), console(tui.NewList(spec))), 100, 30)
	r.Until(t, "people   100,000\n")
	after := heap()
	runtime.KeepAlive(r)
	if used := int64(after) - int64(before); used > 80<<20 {
		t.Errorf("100,000 rows take %d MB", used>>20)
	} else {
		t.Logf("100,000 rows take %d MB", used>>20)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkCrawl compares a list that shows 100,000 rows while they come with a bare
// loop over the same pages.
func BenchmarkCrawl(b *testing.B) {
	const n = 100_000
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			var all []person
			for cursor := ""; ; {
				p, _ := jsonCrowd(n)(context.Background(), cursor)
				all = append(all, p.Items...)
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			if len(all) != n {
				b.Fatal(len(all))
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			spec := newCrowd(0).spec()
			spec.Fetch = jsonCrowd(n)
			r := tuitest.NewRig(b, tui.New(context.Background(), console(tui.NewList(spec))), 100, 30)
			r.Until(b, "people   100,000\n")
		}
	})
}
