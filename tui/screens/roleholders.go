package screens

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/access/roles"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// RoleHoldersSpec says whose holders are looked for. Name and Find are needed.
type RoleHoldersSpec struct {
	// Name is the role as people write it.
	Name string
	// Find looks for the holders, as keycloak.RoleReader.Holders does.
	Find func(ctx context.Context, q roles.HoldersQuery, emit func(roles.Holder) error) (roles.Holders, error)
	// Open makes the screen of a holder; nil where there is none.
	Open func(who roles.Step) tui.Screen
}

// RoleHolders lists everybody who holds a role, while the search goes on.
type RoleHolders struct {
	*tui.List[holderRow]
	spec  RoleHoldersSpec
	query roles.HoldersQuery

	mu     sync.Mutex
	search *holderSearch

	users, groups, read, of atomic.Int64
}

// holderRow is one line: a holder, or something to be said about the search.
type holderRow struct {
	roles.Holder
	says, why string
}

// NewRoleHolders makes the screen.
func NewRoleHolders(spec RoleHoldersSpec) *RoleHolders {
	s := &RoleHolders{spec: spec}
	text := func(of func(holderRow) string) (func(holderRow) string, func(a, b holderRow) int) {
		return of, func(a, b holderRow) int { return cmp.Compare(of(a), of(b)) }
	}
	who, byWho := text(func(r holderRow) string { return cmp.Or(r.says, r.Who.Name) })
	kind, byKind := text(func(r holderRow) string { return string(r.Who.Kind) })
	through, byThrough := text(holderThrough)
	s.List = tui.NewList(tui.Spec[holderRow]{
		Title: "holders of " + spec.Name,
		ID: func(r holderRow) string {
			if r.says != "" {
				return r.says
			}
			return r.Who.ID + " " + r.Path.String() // one may come once for each way
		},
		Columns: []tui.Column[holderRow]{
			{Title: "WHO", Width: 26, Flex: 2, Cell: who, Less: byWho},
			{Title: "KIND", Width: 15, Drop: 1, Cell: kind, Less: byKind},
			{Title: "THROUGH", Width: 34, Flex: 3, Cell: through, Less: byThrough, Tone: func(r holderRow) theme.Tone {
				if r.Direct {
					return theme.Plain
				}
				return theme.Dim
			}},
		},
		Fetch:   s.fetch,
		Actions: s.actions,
		Detail:  holderDetail,
		Value:   func(r holderRow) any { return r.Holder },
		Empty:   "Nobody holds " + spec.Name + ": it is mapped to no user and no group, and no role that contains it is.",
		Timeout: 5 * time.Minute, // until the first holder, which may be the last of many
		Cap:     20_000,          // each row holds its way
	})
	return s
}

func holderThrough(r holderRow) string {
	switch {
	case r.says != "":
		return r.why
	case r.Direct:
		return "direct"
	}
	return strings.TrimPrefix(wayWords(r.Path), "through ")
}

func holderDetail(r holderRow) []widget.Section {
	way := widget.Section{Title: "How it is held"}
	for i, step := range r.Path {
		way.Fields = append(way.Fields, widget.Field{Label: fmt.Sprint(i + 1), Value: step.String(), Key: step.ID})
	}
	return []widget.Section{{Title: cmp.Or(r.says, r.Who.String()), Fields: []widget.Field{{Label: "id", Value: r.Who.ID}}}, way}
}

func (s *RoleHolders) actions(l *tui.List[holderRow]) []tui.Action {
	toggle := func(name, key, help string, on *bool, footer int) tui.Action {
		if *on {
			name = "not " + name
		}
		return tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Run: tui.Do(func() {
			s.mu.Lock() // a search may be starting beside the loop
			*on = !*on
			s.mu.Unlock()
			l.Reload()
		})}
	}
	return []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Help: "Show every role of the holder under the cursor, and where each comes from.", Why: func() string { return s.whyNotOpen(l) }, Run: tui.Do(func() {
			row, _ := l.Current()
			l.Push(s.spec.Open(row.Who))
		})},
		toggle("direct only", "d", "List only those to whom the role itself is mapped, or everybody again.", &s.query.Direct, 2),
		toggle("everyone", "e", "List those too who hold the role through the realm's default roles, which is nearly everybody.", &s.query.Everyone, 3),
		toggle("every way", "w", "List somebody once for each mapping that leads to the role, or once in all.", &s.query.Every, 4),
	}
}

func (s *RoleHolders) whyNotOpen(l *tui.List[holderRow]) string {
	switch row, ok := l.Current(); {
	case !ok:
		return l.NeedRow()
	case row.says != "":
		return "this line is no one person: " + row.says + ": " + row.why
	case s.spec.Open == nil:
		return "nothing more is known of holders here"
	}
	return ""
}

// Status says how far the search is.
func (s *RoleHolders) Status() string {
	users, groups, read, of := s.users.Load(), s.groups.Load(), s.read.Load(), s.of.Load()
	switch {
	case users+groups > 0:
		return fmt.Sprintf("%s, %s", countPeople(users), count(int(groups), "group"))
	case of > 0 && read < of:
		return fmt.Sprintf("%d of %d composite roles read", read, of)
	}
	return ""
}

func countPeople(n int64) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// holderSearch is a search that runs between two pages of the list. It holds one page
// in hand and waits.
type holderSearch struct {
	pages chan []holderRow
	stop  context.CancelFunc
	err   error // read after pages was closed
}

// holderPage is how many rows come at once.
const holderPage = 200

// fetch starts the search with the first page and hands out what it has found. A
// search outlives the request for one page, so it ends with the screen, or when it is
// begun anew.
func (s *RoleHolders) fetch(ctx context.Context, cursor string) (tui.Page[holderRow], error) {
	s.mu.Lock()
	if cursor == "" || s.search == nil {
		if s.search != nil {
			s.search.stop()
		}
		s.search = s.begin()
	}
	search := s.search
	s.mu.Unlock()
	select {
	case rows, more := <-search.pages:
		if !more {
			return tui.Page[holderRow]{Total: -1}, search.err
		}
		return tui.Page[holderRow]{Items: rows, Next: cursor + "+", Total: -1}, nil
	case <-ctx.Done():
		return tui.Page[holderRow]{}, ctx.Err()
	}
}

// begin starts a search beside the loop.
func (s *RoleHolders) begin() *holderSearch {
	ctx, stop := context.WithCancel(s.Context())
	out := &holderSearch{pages: make(chan []holderRow, 1), stop: stop}
	for _, n := range []*atomic.Int64{&s.users, &s.groups, &s.read, &s.of} {
		n.Store(0)
	}
	q := s.query
	q.Progress = func(p roles.Progress) {
		if ctx.Err() == nil { // a search that was replaced must not count for the new one
			s.users.Store(int64(p.Users))
			s.groups.Store(int64(p.Groups))
			s.read.Store(int64(p.Roles))
			s.of.Store(int64(p.OfRoles))
		}
	}
	go func() {
		defer stop()
		defer close(out.pages)
		out.err = s.run(ctx, q, out.pages)
	}()
	return out
}

// run gathers rows into pages. The first holders are shown at once.
func (s *RoleHolders) run(ctx context.Context, q roles.HoldersQuery, pages chan<- []holderRow) error {
	var rows []holderRow
	size := 1
	send := func() error {
		if len(rows) == 0 {
			return nil
		}
		select {
		case pages <- rows:
			rows, size = nil, holderPage
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	sum, err := s.spec.Find(ctx, q, func(h roles.Holder) error {
		if rows = append(rows, holderRow{Holder: h}); len(rows) < size {
			return nil
		}
		return send()
	})
	if err == nil {
		rows = append(rows, saidOf(sum, q)...)
	}
	if serr := send(); err == nil {
		err = serr
	}
	return err
}

// saidOf are the lines that say what a search did not list, and why.
func saidOf(sum roles.Holders, q roles.HoldersQuery) []holderRow {
	var out []holderRow
	if len(sum.Everyone) > 0 && !q.Everyone {
		out = append(out, holderRow{says: "everybody", why: "the realm's default roles · e lists them", Holder: roles.Holder{Path: sum.Everyone}})
	}
	if len(sum.Needs) > 0 {
		out = append(out, holderRow{says: "? not all are visible", why: "our account lacks " + strings.Join(sum.Needs, ", ")})
	}
	if len(sum.Unread) > 0 && len(sum.Needs) == 0 {
		out = append(out, holderRow{says: "? not all could be read", why: "Keycloak cannot be asked about " + sum.Unread[0].String()})
	}
	if sum.Repeats {
		out = append(out, holderRow{says: "some may stand here twice", why: fmt.Sprintf("more than %d people hold it", roles.MaxRemembered)})
	}
	return out
}
