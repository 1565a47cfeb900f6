package tui_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

type person struct{ ID, Name, Mail string }

// crowd is a server of people: it answers page by page and can be told to wait, to
// fail, and to change.
type crowd struct {
	mu     sync.Mutex
	all    []person
	page   int
	err    error
	errAt  int           // the row from which on err is answered
	gate   chan struct{} // every page after the first takes one token, when not nil
	total  bool          // whether it tells how many there are
	asked  int
	cancel int // requests that were cancelled
}

func newCrowd(n int) *crowd {
	c := &crowd{page: 100, total: true}
	for i := range n {
		c.all = append(c.all, person{strconv.Itoa(i), fmt.Sprintf("Person %d", i), fmt.Sprintf("person%d@acme.example", i)})
	}
	return c
}

func (c *crowd) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *crowd) fetch(ctx context.Context, cursor string) (tui.Page[person], error) {
	at, _ := strconv.Atoi(cursor)
	if c.gate != nil && at > 0 {
		select {
		case <-c.gate:
		case <-ctx.Done():
			c.set(func() { c.cancel++ })
			return tui.Page[person]{}, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.err != nil && at >= c.errAt {
		return tui.Page[person]{}, c.err
	}
	end := min(at+c.page, len(c.all))
	p := tui.Page[person]{Items: append([]person(nil), c.all[at:end]...), Total: -1}
	if c.total {
		p.Total = len(c.all)
	}
	if end < len(c.all) {
		p.Next = strconv.Itoa(end)
	}
	return p, nil
}

func (c *crowd) search(_ context.Context, query, _ string) (tui.Page[person], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var p tui.Page[person]
	for _, one := range c.all {
		if strings.Contains(strings.ToLower(one.Name), strings.ToLower(query)) {
			p.Items = append(p.Items, one)
		}
	}
	p.Total = len(p.Items)
	return p, nil
}

func (c *crowd) spec() tui.Spec[person] {
	return tui.Spec[person]{
		Title: "people", ID: func(p person) string { return p.ID }, Fetch: c.fetch,
		Columns: []tui.Column[person]{
			{Title: "NAME", Width: 14, Cell: func(p person) string { return p.Name }},
			{Title: "E-MAIL", Width: 24, Flex: 1, Cell: func(p person) string { return p.Mail }},
			{Title: "ID", Width: 6, Drop: 1, Right: true, Cell: func(p person) string { return p.ID },
				Less: func(a, b person) int { x, _ := strconv.Atoi(a.ID); y, _ := strconv.Atoi(b.ID); return x - y }},
		},
		Empty: "Nobody yet. n makes somebody.",
		Open: func(p person) tui.Screen {
			return tui.NewFields(p.Name, widget.Section{Title: p.Name, Fields: []widget.Field{
				{Label: "e-mail", Value: p.Mail}, {Label: "password", Value: "hunter2", Secret: true}}})
		},
	}
}

// noon is when it is in all tests.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// console is the options of most tests.
func console(root tui.Screen) tui.Options {
	return tui.Options{Root: root, Context: "dev", Clock: func() time.Time { return noon }}
}

func open(t *testing.T, o tui.Options, opts ...tuitest.Option) *tuitest.Term {
	t.Helper()
	return tuitest.Open(t, tui.New(context.Background(), o), opts...)
}

// page is a screen whose parts a test fills in.
type page struct {
	tui.Host
	title   string
	actions []tui.Action
	init    func(*page)
	view    func(w, h int) string
	typing  bool
	typed   []string
	closed  bool
	escape  func() bool
	leave   string
	resumed int
}

func (p *page) Title() string { return p.title }
func (p *page) Typing() bool  { return p.typing }
func (p *page) Close()        { p.closed = true }
func (p *page) Leave() string { return p.leave }
func (p *page) Resume()       { p.resumed++ }
func (p *page) Escape() bool  { return p.escape != nil && p.escape() }

func (p *page) Init(h tui.Host) tea.Cmd {
	p.Host = h
	if p.init != nil {
		p.init(p)
	}
	return nil
}

func (p *page) Update(msg tea.Msg) tea.Cmd {
	p.typed = append(p.typed, fmt.Sprint(msg))
	return nil
}

func (p *page) View(w, h int) string {
	if p.view != nil {
		return p.view(w, h)
	}
	return "typed: " + strings.Join(p.typed, ",")
}

func (p *page) Actions() []tui.Action { return p.actions }

// act is an action that only needs a key and something to do.
func act(key, name string, run func()) tui.Action {
	return tui.Action{Name: name, Keys: []string{key}, Help: "Does " + name + ".", Footer: 1, Run: tui.Do(run)}
}
