package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// Actions are what can be done with the groups.
func (s *Groups) Actions() []tui.Action {
	if s.input != nil {
		return []tui.Action{{Name: "search", Keys: []string{"enter"}, Footer: 1, Help: "Let the server look for groups with this in their name.", Run: tui.Do(s.sendSearch)}}
	}
	acts := []tui.Action{{Name: s.enterName(), Keys: []string{"enter"}, Footer: 1, Why: s.whyNotOpen, Run: tui.Do(s.enter),
		Help: "Open the group under the cursor; on a line that says that there are more, read them."}}
	if s.spec.Pick == nil {
		acts = append(acts, s.writeActions()...)
	}
	acts = append(acts,
		tui.Action{Name: "find", Keys: []string{"f", "/"}, Footer: 6, Help: "Let the server look for groups by a part of their name, also in what has not been read.", Run: tui.Do(s.openSearch)},
		tui.Action{Name: "mark", Keys: []string{"space"}, Footer: 7, Why: s.whyNoGroup, Help: "Mark the group; esc unmarks all.", Run: tui.Do(s.mark)},
		tui.Action{Name: "copy", Keys: []string{"y"}, Why: s.whyNoGroup, Help: "Copy the path of the group.", Run: tui.Do(func() {
			n, _ := s.group()
			s.host.Copy("the path", n.path())
		})},
		tui.Action{Name: "copy id", Keys: []string{"i"}, Why: s.whyNoGroup, Help: "Copy the id of the group.", Run: tui.Do(func() {
			n, _ := s.group()
			s.host.Copy("the id", n.id())
		})},
		tui.Action{Name: "reload", Keys: []string{"ctrl+r"}, Group: "Move", Help: "Read again what is open.", Run: tui.Do(s.reload)},
	)
	// Space marks here, as in every list; right and left open and close.
	return append(acts, slices.DeleteFunc(tui.TreeActions(&s.shown().tree, s.load), func(a tui.Action) bool { return slices.Contains(a.Keys, "space") })...)
}

func (s *Groups) enterName() string {
	if s.spec.Pick != nil {
		return orWord(s.spec.PickFor, "pick")
	}
	return "open"
}

// writeActions change groups.
func (s *Groups) writeActions() []tui.Action {
	acts := []tui.Action{
		{Name: "new in it", Keys: []string{"n"}, Footer: 2, Mutates: true, Why: s.whyNoGroup, Help: "Make a group in the group under the cursor.", Run: tui.Do(func() {
			n, _ := s.group()
			s.host.Push(s.createForm(n))
		})},
		{Name: "new at the top", Keys: []string{"N"}, Mutates: true, Help: "Make a group at the top.", Run: tui.Do(func() { s.host.Push(s.createForm(&s.shown().root)) })},
		{Name: "rename", Keys: []string{"e"}, Footer: 4, Mutates: true, Why: s.whyNoGroup, Help: "Give the group another name.", Run: tui.Do(func() {
			n, _ := s.group()
			s.host.Push(s.renameForm(n))
		})},
		{Name: "move", Keys: []string{"m"}, Footer: 5, Mutates: true, Why: s.whyNoGroup, Help: "Take the group up; p then puts it with all in it into the group under the cursor, P at the top.", Run: tui.Do(s.takeUp)},
		{Name: "put here", Keys: []string{"p"}, Mutates: true, Footer: s.movingFooter(), Why: s.whyNotPut, Help: "Put the group that was taken up with m into the group under the cursor.", Run: tui.Do(func() {
			n, _ := s.group()
			s.askMove(n)
		})},
		{Name: "put at the top", Keys: []string{"P"}, Mutates: true, Footer: s.movingFooter(), Why: s.whyNotMoving, Help: "Put the group that was taken up with m at the top.", Run: tui.Do(func() { s.askMove(&s.shown().root) })},
		{Name: "delete", Keys: []string{"D"}, Mutates: true, Danger: true, Why: s.whyNoGroup, Help: "Delete the group with all groups in it.", Run: tui.Do(s.askDelete)},
	}
	acts = append(acts, bulkRoleActions(s.host, s.spec.Realm, func() []RoleSubject { return subjectsOfGroups(s.chosen()) }, s.whyNoGroup, func() {})...)
	if s.spec.Paths != nil {
		acts = append(acts, tui.Action{Name: "where from", Keys: []string{"o"}, Why: s.whyNoGroup, Help: "Show every role of the group and where each comes from.", Run: tui.Do(func() {
			n, _ := s.group()
			s.host.Push(s.spec.Paths(n.whole()))
		})})
	}
	return acts
}

func (s *Groups) movingFooter() int {
	if s.moving == nil {
		return 0
	}
	return 1
}

func (s *Groups) whyNoGroup() string {
	if _, ok := s.group(); !ok {
		return "no group is under the cursor"
	}
	return ""
}

func (s *Groups) whyNotOpen() string {
	if n := s.at(); n != nil && n.says != "" {
		return ""
	}
	if s.spec.Pick == nil && s.spec.Open == nil {
		return "there is nothing to open here"
	}
	return s.whyNoGroup()
}

func (s *Groups) whyNotMoving() string {
	if s.moving == nil {
		return "no group was taken up: m takes up the one under the cursor"
	}
	return ""
}

func (s *Groups) whyNotPut() string {
	if why := s.whyNotMoving(); why != "" {
		return why
	}
	n, ok := s.group()
	if !ok {
		return "no group is under the cursor; P puts it at the top"
	}
	for up := n; up != nil; up = up.up {
		if up.id() == s.moving.ID {
			return s.moving.Path + " cannot lie in itself"
		}
	}
	return ""
}

// whole is the group with its path as the tree has it.
func (n *groupNode) whole() keycloak.Group {
	g := n.group
	g.Path = n.path()
	if n.up != nil {
		g.ParentID = n.up.id()
	}
	return g
}

// enter opens, picks or reads on.
func (s *Groups) enter() {
	n := s.at()
	switch {
	case n.says != "":
		if !n.up.job.Busy() {
			s.more(s.shown(), n.up)
		}
	case s.spec.Pick != nil:
		picked := s.chosen()
		s.host.Pop()
		s.spec.Pick(picked)
	default:
		s.host.Push(s.spec.Open(n.whole()))
	}
}

// chosen are the marked groups, or the one under the cursor.
func (s *Groups) chosen() []keycloak.Group {
	var out []keycloak.Group
	for _, g := range s.marked {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b keycloak.Group) int { return strings.Compare(a.Path, b.Path) })
	if n, ok := s.group(); ok && len(out) == 0 {
		out = append(out, n.whole())
	}
	return out
}

func (s *Groups) mark() {
	n, _ := s.group()
	if _, on := s.marked[n.id()]; on {
		delete(s.marked, n.id())
	} else {
		s.marked[n.id()] = n.whole()
	}
	s.draw(s.shown())
	s.shown().tree.Move(1)
}

func (s *Groups) openSearch() {
	s.input = widget.NewInput("find: ")
	s.input.Placeholder = "a part of the name of a group"
	if s.found != nil {
		s.input.SetValue(s.found.query)
	}
}

func (s *Groups) sendSearch() {
	query := strings.TrimSpace(s.input.Value())
	s.input = nil
	if query == "" {
		s.found = nil
		return
	}
	s.search(query)
}

// groupName refuses a name that cannot be one.
func groupName(name string) string {
	if strings.TrimSpace(name) == "" {
		return "is needed"
	}
	return ""
}

// slashNote warns of a name with which paths can mean two groups.
func slashNote(name string) []string {
	if strings.Contains(name, "/") {
		return []string{"The name holds a slash: its path will read like that of a group in another one."}
	}
	return nil
}

// createForm asks for the name of a group to be made in another, or at the top.
func (s *Groups) createForm(in *groupNode) tui.Screen {
	realm, t := s.spec.Realm, s.shown()
	var made keycloak.Group
	where := "at the top of realm " + realm.Name()
	if in.up != nil {
		where = "in " + in.path()
	}
	return tui.NewForm(tui.FormSpec{Title: "new group", Lead: "A group " + where, What: "make the group",
		Fields: []tui.FormField{{Name: "name", Label: "name", Required: true, Check: groupName}},
		Review: func(v map[string]string) (tui.Question, error) {
			return tui.Question{Title: "Make this group?", Verb: "make", Lines: append([]string{"+ " + in.path() + "/" + v["name"]}, slashNote(v["name"])...)}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			done, err := realm.CreateGroup(ctx, in.id(), v["name"])
			made = done.After
			return err
		},
		Done: func(v map[string]string) {
			path := in.path() + "/" + v["name"]
			in.group.SubGroupCount++
			s.changes = s.host.Env().Changes
			s.total++
			s.refresh(t, in, &made)
			t.tree.Open(in.id())
			s.host.Toast("made " + path + " · u undoes it")
			s.host.Undo(tui.Undo{What: "make the group " + path, Lines: []string{"- " + path}, Then: s.reload,
				Run: func(ctx context.Context) error { return unmakeGroup(ctx, realm, made.ID, path) }})
		},
	})
}

// unmakeGroup deletes a group that was just made, unless something is in it by now.
func unmakeGroup(ctx context.Context, realm interface {
	GroupChildren(groupID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	GroupMembers(groupID string, pageSize int) clients.Fetch[keycloak.User]
	DeleteGroup(ctx context.Context, id string) (clients.Change[keycloak.Group], error)
}, id, path string) error {
	kids, err := realm.GroupChildren(id, keycloak.GroupQuery{Brief: true, PageSize: 1})(ctx, "")
	if err != nil {
		return err
	}
	members, err := realm.GroupMembers(id, 1)(ctx, "")
	if err != nil {
		return err
	}
	if len(kids.Items)+len(members.Items) > 0 {
		return &clients.Problem{Kind: clients.Conflict, Op: "undo: make the group " + path, Reason: "there are groups or members in it by now", Hint: "delete it with D if that is what you want"}
	}
	_, err = realm.DeleteGroup(ctx, id)
	return err
}

func (s *Groups) renameForm(n *groupNode) tui.Screen {
	realm, t, was := s.spec.Realm, s.shown(), n.group.Name
	return tui.NewForm(tui.FormSpec{Title: "rename", Lead: n.path(), What: "rename the group " + n.path(),
		Fields: []tui.FormField{{Name: "name", Label: "name", Required: true, Value: was, Check: groupName}},
		Review: func(v map[string]string) (tui.Question, error) {
			if v["name"] == was {
				return tui.Question{}, fmt.Errorf("rename %s: the name is the same as before; nothing to write", n.path())
			}
			return tui.Question{Title: "Rename this group?", Verb: "rename", Lines: append([]string{"- " + n.path(), "+ " + n.up.path() + "/" + v["name"]}, slashNote(v["name"])...)}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			name := v["name"]
			_, err := realm.UpdateGroup(ctx, n.id(), keycloak.GroupPatch{Name: &name})
			return err
		},
		Done: func(v map[string]string) {
			old := n.path()
			s.changes = s.host.Env().Changes
			n.group.Name = v["name"]
			s.refresh(t, n.up, &n.group)
			s.host.Toast("renamed to " + n.path() + " · u undoes it")
			s.host.Undo(tui.Undo{What: "rename " + old, Lines: []string{"- " + n.path(), "+ " + old}, Then: s.reload,
				Run: func(ctx context.Context) error { return renameBack(ctx, realm, n.id(), v["name"], was) }})
		},
	})
}

// groupRenamer is what it takes to rename a group back.
type groupRenamer interface {
	Group(ctx context.Context, id string) (keycloak.Group, error)
	UpdateGroup(ctx context.Context, id string, p keycloak.GroupPatch) (clients.Change[keycloak.Group], error)
}

// renameBack gives a group its old name, unless somebody else renamed it meanwhile.
func renameBack(ctx context.Context, realm groupRenamer, id, now, old string) error {
	g, err := realm.Group(ctx, id)
	if err != nil {
		return err
	}
	if g.Name != now {
		return &clients.Problem{Kind: clients.Conflict, Op: "undo: rename the group", Reason: fmt.Sprintf("it is called %q by now, not %q", g.Name, now), Hint: "rename it by hand"}
	}
	_, err = realm.UpdateGroup(ctx, id, keycloak.GroupPatch{Name: &old})
	return err
}

// takeUp notes which group is to be moved.
func (s *Groups) takeUp() {
	n, _ := s.group()
	g := n.whole()
	s.moving = &g
	s.draw(s.shown())
	s.host.Toast("taken up: " + g.Path + " · p puts it into the group under the cursor, P at the top, esc leaves it")
}

// askMove puts the group that was taken up somewhere else.
func (s *Groups) askMove(to *groupNode) {
	realm, g := s.spec.Realm, *s.moving
	path := to.path() + "/" + g.Name
	if to.id() == g.ParentID {
		s.host.Toast(g.Path + " is there already")
		return
	}
	lines := []string{"- " + g.Path, "+ " + path, "All groups in it move along.",
		"Its members lose the roles of the groups above it, and get those of the new place."}
	deed[clients.Change[keycloak.Group]]{
		question: tui.Question{Title: "Move this group?", Verb: "move", Lines: lines}, what: "move " + g.Path + " to " + path,
		do: func(ctx context.Context) (clients.Change[keycloak.Group], error) {
			return realm.MoveGroup(ctx, g.ID, to.id())
		},
		then: func(_ clients.Change[keycloak.Group], err error) {
			if err == nil {
				s.moving = nil
			}
			s.reloadAll()
		},
		back: func(clients.Change[keycloak.Group]) *tui.Undo {
			return &tui.Undo{What: "move " + g.Path, Lines: []string{"- " + path, "+ " + g.Path}, Then: s.reloadAll, Run: func(ctx context.Context) error {
				now, err := realm.Group(ctx, g.ID)
				if err == nil && now.ParentID != to.id() {
					err = &clients.Problem{Kind: clients.Conflict, Op: "undo: move " + g.Path, Reason: "somebody has moved it elsewhere by now", Hint: "move it by hand"}
				}
				if err != nil {
					return err
				}
				_, err = realm.MoveGroup(ctx, g.ID, g.ParentID)
				return err
			}}
		},
	}.ask(s.host, &s.write)
}

// reloadAll reads again what is shown, and forgets the other tree, whose lines may
// stand in another place by now.
func (s *Groups) reloadAll() {
	if s.found != nil {
		s.all = &groupTree{}
	}
	s.reload()
}

// askDelete looks first what goes with the group.
func (s *Groups) askDelete() {
	n, _ := s.group()
	g := n.whole()
	askDeleteGroup(s.host, &s.look, &s.write, s.spec.Realm, g, func() { s.total = -1; s.reloadAll() })
}

// groupDeleter is what it takes to delete a group knowingly.
type groupDeleter interface {
	GroupChildren(groupID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	GroupMembers(groupID string, pageSize int) clients.Fetch[keycloak.User]
	DeleteGroup(ctx context.Context, id string) (clients.Change[keycloak.Group], error)
}

// askDeleteGroup counts what goes with a group, asks, and deletes it.
func askDeleteGroup(h tui.Host, look, write *tui.Job, realm groupDeleter, g keycloak.Group, then func()) {
	type inside struct {
		groups, members int
		more            bool
	}
	tui.Go(h, look, sheetTimeout, func(ctx context.Context) (inside, error) {
		kids, err := realm.GroupChildren(g.ID, keycloak.GroupQuery{Brief: true})(ctx, "")
		if err != nil {
			return inside{}, err
		}
		members, err := realm.GroupMembers(g.ID, 0)(ctx, "")
		in := inside{groups: len(kids.Items), members: len(members.Items), more: kids.Next != "" || members.Next != ""}
		for _, k := range kids.Items {
			in.more = in.more || k.SubGroupCount > 0
		}
		return in, err
	}, func(in inside, err error) {
		if err != nil {
			h.Fail(err)
			return
		}
		q := tui.Question{Title: "Delete the group " + g.Path + "?", Verb: "delete", Danger: true, Lines: []string{"- " + g.Path}}
		atLeast := map[bool]string{true: "at least ", false: ""}[in.more]
		if in.groups > 0 {
			q.Lines = append(q.Lines, fmt.Sprintf("With it goes %s%s in it, with their role mappings.", atLeast, count(in.groups, "group")))
		}
		q.Lines = append(q.Lines, fmt.Sprintf("%s%s stay as users, without the roles that the group gave them.", strings.ToUpper(atLeast[:min(1, len(atLeast))])+atLeast[min(1, len(atLeast)):], count(in.members, "direct member")))
		if in.groups+in.members > 0 {
			q.Typed = g.Name
		}
		deed[clients.Change[keycloak.Group]]{question: q, what: "delete the group " + g.Path,
			do:   func(ctx context.Context) (clients.Change[keycloak.Group], error) { return realm.DeleteGroup(ctx, g.ID) },
			done: func(clients.Change[keycloak.Group]) string { return "deleted " + g.Path },
			then: func(clients.Change[keycloak.Group], error) { then() }}.ask(h, write)
	})
}
