package screens

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// GroupsKeycloak is what the tree of groups needs of a Keycloak realm.
type GroupsKeycloak interface {
	Name() string
	Group(ctx context.Context, id string) (keycloak.Group, error)
	Groups(q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	GroupChildren(groupID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	CountGroups(ctx context.Context, search string, top bool) (int, error)
	GroupMembers(groupID string, pageSize int) clients.Fetch[keycloak.User]
	GroupWriter
	BulkRolesKeycloak
}

// GroupWriter makes, changes and deletes groups.
type GroupWriter interface {
	CreateGroup(ctx context.Context, parentID, name string) (clients.Change[keycloak.Group], error)
	UpdateGroup(ctx context.Context, id string, p keycloak.GroupPatch) (clients.Change[keycloak.Group], error)
	MoveGroup(ctx context.Context, id, parentID string) (clients.Change[keycloak.Group], error)
	DeleteGroup(ctx context.Context, id string) (clients.Change[keycloak.Group], error)
}

// GroupsSpec says which groups are shown. Realm is needed.
type GroupsSpec struct {
	Realm GroupsKeycloak
	// Open makes the screen of a group, Paths that of where its roles come from; nil
	// where there is none.
	Open  func(g keycloak.Group) tui.Screen
	Paths func(g keycloak.Group) tui.Screen
	// Pick makes it a screen on which groups are picked: the verb of Enter, and what
	// becomes of them once the screen is closed. Nothing is written then.
	Pick    func([]keycloak.Group)
	PickFor string
}

// Groups is the tree of the groups of a realm. What is beneath a group is read when it
// is opened, page by page, so that it does not matter how many there are.
type Groups struct {
	spec GroupsSpec
	host tui.Host
	all  *groupTree
	// found is the tree that a search leads to, nil while there is none.
	found *groupTree

	input  *widget.Input // what is searched for, while it is typed
	count  tui.Job
	total  int // of all groups; -1 while it is not known
	write  tui.Job
	look   tui.Job
	marked map[string]keycloak.Group
	moving *keycloak.Group // what p and P put somewhere else

	changes int
}

// groupTree is one tree and how far it has been read.
type groupTree struct {
	query string
	tree  widget.Tree
	root  groupNode // its node is nil
}

// groupNode is what a line of the tree stands for.
type groupNode struct {
	group keycloak.Group
	up    *groupNode // nil above the top
	line  *widget.Node
	kids  []*groupNode
	job   tui.Job
	next  string // cursor of the next page of kids; empty when all are read
	read  bool   // kids are what the server has, up to next
	hits  bool   // kids are only those that lead to hits of a search
	// says makes it a line that is no group: what is being read, what is left, what failed.
	says string
}

// groupPage is how many groups come with one request.
const groupPage = 100

// NewGroups makes the screen.
func NewGroups(spec GroupsSpec) *Groups {
	return &Groups{spec: spec, all: &groupTree{}, total: -1, marked: map[string]keycloak.Group{}}
}

// Title is the crumb.
func (s *Groups) Title() string { return "groups " + s.spec.Realm.Name() }

// Init reads the groups at the top, and counts all.
func (s *Groups) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.reload()
	return nil
}

func (s *Groups) reload() {
	s.changes = s.host.Env().Changes
	if s.found != nil {
		s.search(s.found.query)
	} else {
		s.refresh(s.all, &s.all.root, nil)
		s.refreshOpen(&s.all.root)
	}
	tui.Go(s.host, &s.count, 0, func(ctx context.Context) (int, error) { return s.spec.Realm.CountGroups(ctx, "", false) },
		func(n int, err error) {
			if err == nil {
				s.total = n
			}
		})
}

// refreshOpen reads again what has been read beneath a node.
func (s *Groups) refreshOpen(n *groupNode) {
	for _, k := range n.kids {
		if k.read {
			s.refresh(s.all, k, nil)
			s.refreshOpen(k)
		}
	}
}

// Resume reads again when something was written on a screen above.
func (s *Groups) Resume() {
	if s.host.Env().Changes != s.changes {
		s.reload()
	}
}

// Typing is true while what is searched for is typed.
func (s *Groups) Typing() bool { return s.input != nil }

// Close has nothing to do: the shell cancels the jobs.
func (s *Groups) Close() {}

// shown is the tree on the screen.
func (s *Groups) shown() *groupTree {
	if s.found != nil {
		return s.found
	}
	return s.all
}

// Status says how many groups there are.
func (s *Groups) Status() string {
	if s.total < 0 {
		return ""
	}
	return tui.Count(s.total) + map[bool]string{true: " group", false: " groups"}[s.total == 1]
}

// path is where a group lies, from the tree rather than from what the server said
// before it was moved or renamed.
func (n *groupNode) path() string {
	if n == nil || n.up == nil {
		return ""
	}
	return n.up.path() + "/" + n.group.Name
}

// id is that of the group, empty for what is above the top.
func (n *groupNode) id() string { return n.group.ID }

// refresh reads the groups beneath a node again, as many as were there. extra is a group
// that is shown whether or not those pages have it, since it was just made or moved.
func (s *Groups) refresh(t *groupTree, n *groupNode, extra *keycloak.Group) {
	want := len(n.kids)
	s.fill(t, n, "", func(items []keycloak.Group, next string) bool { return next != "" && len(items) < want }, func(items []keycloak.Group) {
		n.hits = false
		n.adopt(items)
		if extra != nil && n.kid(extra.ID) == nil {
			n.kids = append(n.kids, &groupNode{group: *extra, up: n})
		}
	})
}

// more reads the next page beneath a node.
func (s *Groups) more(t *groupTree, n *groupNode) {
	cursor := n.next
	if !n.read {
		cursor = ""
	}
	s.fill(t, n, cursor, func([]keycloak.Group, string) bool { return false }, func(items []keycloak.Group) {
		if n.hits || cursor == "" {
			n.hits = false
			n.adopt(items)
			return
		}
		for _, g := range items {
			if n.kid(g.ID) == nil { // one that came twice because another was made meanwhile
				n.kids = append(n.kids, &groupNode{group: g, up: n})
			}
		}
	})
}

// fill reads pages from a cursor on while goOn says so.
func (s *Groups) fill(t *groupTree, n *groupNode, cursor string, goOn func([]keycloak.Group, string) bool, keep func([]keycloak.Group)) {
	realm, id := s.spec.Realm, n.id()
	type got struct {
		items []keycloak.Group
		next  string
	}
	tui.Go(s.host, &n.job, sheetTimeout, func(ctx context.Context) (got, error) {
		q := keycloak.GroupQuery{Brief: true, PageSize: groupPage}
		fetch := realm.Groups(q)
		if id != "" {
			fetch = realm.GroupChildren(id, q)
		}
		var out got
		for {
			page, err := fetch(ctx, cursor)
			if err != nil {
				return out, err
			}
			out.items, out.next = append(out.items, page.Items...), page.Next
			if cursor = page.Next; !goOn(out.items, out.next) {
				return out, nil
			}
		}
	}, func(g got, err error) {
		if err == nil {
			keep(g.items)
			n.next, n.read = g.next, true
		}
		s.draw(t)
	})
	s.draw(t)
}

// adopt takes up what the server has beneath a node; what was read beneath those that
// are still there stays.
func (n *groupNode) adopt(items []keycloak.Group) {
	kids := make([]*groupNode, 0, len(items))
	for _, g := range items {
		k := n.kid(g.ID)
		if k == nil {
			k = &groupNode{up: n}
		}
		k.group = g
		kids = append(kids, k)
	}
	n.kids = kids
}

func (n *groupNode) kid(id string) *groupNode {
	for _, k := range n.kids {
		if k.group.ID == id {
			return k
		}
	}
	return nil
}

// draw makes the lines of a tree.
func (s *Groups) draw(t *groupTree) {
	t.tree.Set(s.lines(t, &t.root)...)
}

func (s *Groups) lines(t *groupTree, n *groupNode) []*widget.Node {
	var out []*widget.Node
	for _, k := range n.kids {
		line := &widget.Node{ID: k.group.ID, Label: k.group.Name, Data: k, Open: t.query != "" && k.hits}
		if k.group.SubGroupCount > 0 {
			line.Note = count(k.group.SubGroupCount, "group") + " in it"
		}
		if _, on := s.marked[k.group.ID]; on {
			line.Mark, line.Tone = theme.MarkChosen, theme.Accent
		}
		if s.moving != nil && s.moving.ID == k.group.ID {
			line.Note = "to be moved: p puts it into the group under the cursor, P at the top, esc leaves it"
		}
		line.Children = s.lines(t, k)
		line.Lazy = len(line.Children) == 0 && k.group.SubGroupCount > 0
		out = append(out, line)
	}
	if says := n.rest(s.host.Env()); says != "" {
		// While it is read the line is another one, so that the cursor then stays on the
		// place and comes to stand on the first group that was read.
		line := &widget.Node{ID: fmt.Sprint("rest of ", n.id(), n.job.Busy()), Label: says, Tone: theme.Dim, Data: &groupNode{up: n, says: says}}
		out = append(out, line)
	}
	return out
}

// rest is what is to be said behind the last group beneath a node, or empty.
func (n *groupNode) rest(env *tui.Env) string {
	left := n.group.SubGroupCount - len(n.kids)
	switch err := n.job.Err(); {
	case n.up == nil && len(n.kids) == 0: // then it stands in the place of the tree
		return ""
	case n.job.Busy():
		return "reading…"
	case err != nil && !clients.Is(err, clients.Canceled):
		f := env.Explain(err)
		return theme.MarkUnknown + " not all could be read: " + f.Why + orHint(f.Hint) + " · ⏎ tries again"
	case n.hits && left > 0:
		return fmt.Sprintf("… %s here that the search did not find: ⏎ reads them", count(left, "more group"))
	case n.hits || !n.read || n.next == "":
		return ""
	case n.up != nil && left > 0:
		return fmt.Sprintf("… %s: ⏎ reads on", count(left, "more group"))
	}
	return "… there are more groups: ⏎ reads on"
}

func orHint(hint string) string {
	if hint == "" {
		return ""
	}
	return "; " + hint
}

// at is what the line under the cursor stands for, or nil.
func (s *Groups) at() *groupNode {
	line := s.shown().tree.Current()
	if line == nil {
		return nil
	}
	n, _ := line.Data.(*groupNode)
	return n
}

// group is the group under the cursor.
func (s *Groups) group() (*groupNode, bool) {
	n := s.at()
	return n, n != nil && n.says == ""
}

// load reads what is beneath a line that was opened.
func (s *Groups) load(line *widget.Node) {
	if n, ok := line.Data.(*groupNode); ok && n.says == "" && !n.job.Busy() {
		s.more(s.shown(), n)
	}
}

// search asks the server for groups whose name holds a text, wherever they are.
func (s *Groups) search(query string) {
	realm := s.spec.Realm
	t := &groupTree{query: query}
	s.found = t
	tui.Go(s.host, &t.root.job, sheetTimeout, func(ctx context.Context) ([]keycloak.Group, error) {
		var out []keycloak.Group
		for g, err := range clients.Each(ctx, realm.Groups(keycloak.GroupQuery{Search: query, Brief: true, PageSize: groupPage})) {
			if err != nil {
				return out, err
			}
			if out = append(out, g); len(out) == groupsFound {
				break
			}
		}
		return out, nil
	}, func(found []keycloak.Group, err error) {
		if err == nil {
			t.root.hang(found)
			t.root.read = true
		}
		s.draw(t)
	})
	s.draw(t)
}

// groupsFound is how many branches a search shows at most.
const groupsFound = 1_000

// hang takes up the branches that lead to the hits of a search.
func (n *groupNode) hang(found []keycloak.Group) {
	for _, g := range found {
		k := &groupNode{group: g, up: n, hits: len(g.SubGroups) > 0}
		k.hang(g.SubGroups)
		k.group.SubGroups = nil
		n.kids = append(n.kids, k)
	}
}

// Escape closes what is typed, then what is to be moved, the marks, the search.
func (s *Groups) Escape() bool {
	switch {
	case s.input != nil:
		s.input = nil
	case s.moving != nil:
		s.moving = nil
		s.host.Toast("it stays where it is")
	case len(s.marked) > 0:
		clear(s.marked)
	case s.found != nil:
		s.found = nil
		if s.host.Env().Changes != s.changes {
			s.reload()
		}
	default:
		return false
	}
	s.draw(s.shown())
	return true
}

// Update takes text while something is typed, and the mouse.
func (s *Groups) Update(msg tea.Msg) tea.Cmd {
	if s.input != nil {
		s.input.Update(msg)
		return nil
	}
	tui.TreeMouse(&s.shown().tree, msg, 1)
	return nil
}

// View is the line about the tree, and the tree.
func (s *Groups) View(w, h int) string {
	th, t := s.host.Env().Theme, s.shown()
	head := th.Dim.Render(clean.Line(s.sentence(t), w))
	if s.input != nil {
		head = s.input.View(th, w)
	}
	if t.tree.Len() == 0 {
		return strings.Join(append([]string{head}, widget.Wrap(s.empty(t), max(1, w))...), "\n")
	}
	return head + "\n" + t.tree.View(th, w, h-1)
}

// sentence says what is shown.
func (s *Groups) sentence(t *groupTree) string {
	parts := []string{"realm " + s.spec.Realm.Name()}
	if t.query != "" {
		parts = append(parts, fmt.Sprintf("groups with %q in their name, and the way to them", t.query))
	} else if s.total >= 0 {
		parts = append(parts, fmt.Sprintf("%s, read as they are opened", count(s.total, "group")))
	}
	if n := len(t.root.kids); t.query != "" && n >= groupsFound {
		parts = append(parts, fmt.Sprintf("only the first %s branches", tui.Count(n)))
	}
	if n := len(s.marked); n > 0 {
		parts = append(parts, fmt.Sprintf("%d marked", n))
	}
	if s.moving != nil {
		parts = append(parts, "moving "+s.moving.Path)
	}
	if s.stale(t) {
		parts = append(parts, theme.MarkStale+" as of "+ago(s.host.Env().Now(), t.root.job.Done()))
	}
	return strings.Join(parts, " · ")
}

func (s *Groups) stale(t *groupTree) bool {
	return t.root.job.Err() != nil && !t.root.job.Done().IsZero()
}

// empty is what stands where there are no groups.
func (s *Groups) empty(t *groupTree) string {
	err := t.root.job.Err()
	switch {
	case t.root.job.Busy():
		return "reading…"
	case err != nil:
		return theme.MarkDenied + " " + s.host.Env().Explain(err).String() + "\n^r tries again"
	case t.query != "":
		return fmt.Sprintf("No group has %q in its name. Esc goes back to all.", t.query)
	case !t.root.read:
		return "not read; ^r reads it"
	}
	return cmp.Or(map[bool]string{true: "Realm " + s.spec.Realm.Name() + " has no groups."}[s.spec.Pick != nil],
		"Realm "+s.spec.Realm.Name()+" has no groups. N makes one.")
}
