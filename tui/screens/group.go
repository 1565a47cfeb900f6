package screens

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// GroupKeycloak is what the screen of one group needs of a Keycloak realm.
type GroupKeycloak interface {
	Name() string
	Group(ctx context.Context, id string) (keycloak.Group, error)
	RoleMappings(ctx context.Context, h keycloak.Holder) (keycloak.Mappings, error)
	GroupMembers(groupID string, pageSize int) clients.Fetch[keycloak.User]
	GroupChildren(groupID string, q keycloak.GroupQuery) clients.Fetch[keycloak.Group]
	AvailableRoles(ctx context.Context, h keycloak.Holder, c keycloak.Container) ([]keycloak.Role, error)
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	Users(q keycloak.UserQuery) clients.Fetch[keycloak.User]
	UpdateGroup(ctx context.Context, id string, p keycloak.GroupPatch) (clients.Change[keycloak.Group], error)
	DeleteGroup(ctx context.Context, id string) (clients.Change[keycloak.Group], error)
	MemberWriter
	RoleWriter
	Roles(c keycloak.Container, q keycloak.RoleQuery) clients.Fetch[keycloak.Role]
}

// MemberWriter lets users join and leave groups.
type MemberWriter interface {
	JoinGroup(ctx context.Context, userID, groupID string) (clients.Change[[]keycloak.Group], error)
	LeaveGroup(ctx context.Context, userID, groupID string) (clients.Change[[]keycloak.Group], error)
}

// GroupSpec says which group is shown. Realm and ID are needed.
type GroupSpec struct {
	Realm GroupKeycloak
	// ID and Path are those of the group; Path is shown until it has been read.
	ID, Path string
	// Paths shows where the group's roles come from, Effective all that it has, User a
	// member, Role a role; nil where there is none.
	Paths     func() tui.Screen
	Effective func() tui.Screen
	User      func(keycloak.User) tui.Screen
	Role      func(keycloak.Role) tui.Screen
}

// Group is one group: its attributes, its role mappings and its members.
type Group struct {
	sheet
	spec     GroupSpec
	group    keycloak.Group
	mappings keycloak.Mappings
	members  clients.Page[keycloak.User]
	look     tui.Job
}

// What a line of a group stands for, beside keycloak.Role and keycloak.User.
type (
	attributeRef string // the name of an attribute
	membersRef   struct{}
)

// membersShown is how many members stand on the screen of the group itself.
const membersShown = 50

// NewGroup makes the screen.
func NewGroup(spec GroupSpec) *Group {
	g := &Group{spec: spec}
	r, id := spec.Realm, spec.ID
	g.parts = []*sheetPart{
		{name: "Group", read: keeping(&g.group, func(ctx context.Context) (keycloak.Group, error) { return r.Group(ctx, id) }), show: g.groupParts},
		{name: "Role mappings", read: keeping(&g.mappings, func(ctx context.Context) (keycloak.Mappings, error) {
			return r.RoleMappings(ctx, keycloak.OfGroup(id))
		}), show: g.roleParts},
		{name: "Members", read: keeping(&g.members, func(ctx context.Context) (clients.Page[keycloak.User], error) {
			return r.GroupMembers(id, membersShown)(ctx, "")
		}), show: g.memberParts},
	}
	return g
}

// Title is the crumb.
func (g *Group) Title() string { return "group " + g.path() }

func (g *Group) path() string {
	if g.group.Path != "" {
		return g.group.Path
	}
	return orWord(g.spec.Path, shortID(g.spec.ID))
}

func (g *Group) groupParts() []widget.Section {
	x := g.group
	about := widget.Section{Title: "Group", Fields: []widget.Field{
		{Label: "path", Value: x.Path}, {Label: "description", Value: orWord(x.Description, none)},
		{Label: "groups in it", Value: fmt.Sprint(x.SubGroupCount)}, {Label: "id", Value: x.ID},
	}}
	return []widget.Section{about, attributePart(&g.sheet, x.Attributes)}
}

// attributePart lists attributes, each line standing for one.
func attributePart(s *sheet, attributes map[string][]string) widget.Section {
	out := widget.Section{Title: "Attributes"}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		out.Fields = append(out.Fields, s.ref("attribute "+name, attributeRef(name), widget.Field{Label: name, Value: strings.Join(attributes[name], " · ")}))
	}
	if len(out.Fields) == 0 {
		out.Note = "none; t sets one"
	}
	return out
}

// rolePart lists roles, each line standing for one.
func rolePart(s *sheet, title, key, empty string, roles []keycloak.Role, cut keycloak.Cut) widget.Section {
	out := widget.Section{Title: title}
	for _, r := range roles {
		of := "realm"
		if r.ClientRole {
			of = orWord(r.Client, shortID(r.ContainerID))
		}
		f := widget.Field{Label: of, Value: r.Name, Note: r.Description}
		if r.Composite {
			f.Note = strings.TrimSpace("composite  " + f.Note)
		}
		out.Fields = append(out.Fields, s.ref(key+" "+r.ID, r, f))
	}
	if cut.Any() {
		out.Fields = append(out.Fields, widget.Field{Label: "?", Value: "there may be more: our account lacks " + cut.String(), Key: key + " cut"})
	}
	if len(out.Fields) == 0 {
		out.Note = empty
	}
	return out
}

func (g *Group) roleParts() []widget.Section {
	return []widget.Section{rolePart(&g.sheet, "Roles mapped to it", "role", "none; a grants one. Roles of the groups above it count too: o shows them", g.mappings.All(), g.mappings.Cut)}
}

func (g *Group) memberParts() []widget.Section {
	out := widget.Section{Title: "Direct members"}
	for _, u := range g.members.Items {
		out.Fields = append(out.Fields, g.ref("member "+u.ID, u, widget.Field{Label: u.Username, Value: orWord(u.Name(), none), Note: strings.TrimSpace(u.Email + "  " + map[bool]string{true: "", false: "disabled"}[u.Enabled])}))
	}
	if g.members.Next != "" {
		out.Fields = append(out.Fields, g.ref("members", membersRef{}, widget.Field{Label: "…", Value: "there are more: L lists them all"}))
	}
	if len(out.Fields) == 0 {
		out.Note = "none; n adds one"
	}
	return []widget.Section{out}
}

// Actions are what can be done here.
func (g *Group) Actions() []tui.Action {
	here := func() string { return g.whyGone(g.parts[0]) }
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Why: g.whyNotOpen, Help: "Open the role or the member under the cursor.", Run: tui.Do(g.open)},
		{Name: "grant role", Keys: []string{"a"}, Footer: 2, Mutates: true, Why: here, Help: "Pick roles and map them to the group.", Run: tui.Do(g.grant)},
		{Name: "add member", Keys: []string{"n"}, Footer: 3, Mutates: true, Why: here, Help: "Pick users and put them into the group.", Run: tui.Do(g.pickMembers)},
		{Name: "set attribute", Keys: []string{"t"}, Footer: 4, Mutates: true, Why: here, Help: "Set an attribute; on one that is there, change it.", Run: tui.Do(g.setAttribute)},
		{Name: "take away", Keys: []string{"x", "delete"}, Footer: 5, Mutates: true, Why: g.whyNotTake, Help: "Revoke the role, remove the member, or remove the attribute under the cursor.", Run: tui.Do(g.take)},
		{Name: "edit", Keys: []string{"e"}, Footer: 6, Mutates: true, Why: here, Help: "Change name and description.", Run: tui.Do(func() { g.host.Push(g.editForm()) })},
		{Name: "members", Keys: []string{"L"}, Why: here, Help: "List all direct members.", Run: tui.Do(func() { g.host.Push(g.memberList()) })},
		{Name: "delete", Keys: []string{"D"}, Mutates: true, Danger: true, Why: here, Help: "Delete the group with all groups in it.", Run: tui.Do(func() {
			askDeleteGroup(g.host, &g.look, &g.write, g.spec.Realm, g.group, func() { g.gone = "this group was deleted" })
		})},
	}
	link := func(name, key, help string, footer int, to func() tui.Screen) {
		if to != nil {
			acts = append(acts, tui.Action{Name: name, Keys: []string{key}, Footer: footer, Help: help, Run: tui.Do(func() { g.host.Push(to()) })})
		}
	}
	link("where from", "o", "Show every role of the group, with all ways in which it has it.", 7, g.spec.Paths)
	link("effective", "r", "List every role of the group, direct and inherited.", 0, g.spec.Effective)
	return append(acts, g.keys()...)
}

func (g *Group) whyNotOpen() string {
	switch g.selected().(type) {
	case keycloak.Role:
		if g.spec.Role != nil {
			return ""
		}
	case keycloak.User:
		if g.spec.User != nil {
			return ""
		}
	case membersRef:
		return ""
	}
	return "there is nothing to open here: roles and members can be opened"
}

func (g *Group) open() {
	switch v := g.selected().(type) {
	case keycloak.Role:
		g.host.Push(g.spec.Role(v))
	case keycloak.User:
		g.host.Push(g.spec.User(v))
	case membersRef:
		g.host.Push(g.memberList())
	}
}

// grant lets roles be picked and maps them.
func (g *Group) grant() {
	r, h := g.spec.Realm, keycloak.OfGroup(g.spec.ID)
	rolePick{clients: r.Clients, title: "grant", lead: "Which roles should " + g.path() + " get?", verb: "grant", empty: g.path() + " has every role of %s already, or there are none.",
		available: func(ctx context.Context, of keycloak.Container) ([]keycloak.Role, error) {
			return r.AvailableRoles(ctx, h, of)
		},
		done: func(chosen []keycloak.Role) { g.changeRoles(false, chosen) }}.push(g.host)
}

func (g *Group) changeRoles(revoke bool, chosen []keycloak.Role) {
	also := "Everybody in this group and beneath it gets it."
	if revoke {
		also = "Everybody in this group and beneath it loses it, unless they have it another way."
	}
	roleDeed{realm: g.spec.Realm, holder: keycloak.OfGroup(g.spec.ID), name: g.path(), revoke: revoke, roles: chosen, also: []string{also}, then: g.load}.ask(g.host, &g.write)
}

func (g *Group) whyNotTake() string {
	switch g.selected().(type) {
	case keycloak.Role, keycloak.User, attributeRef:
		return g.whyGone(g.parts[0])
	}
	return "there is nothing to take away here: attributes, roles and members can be"
}

func (g *Group) take() {
	switch v := g.selected().(type) {
	case keycloak.Role:
		g.changeRoles(true, []keycloak.Role{v})
	case keycloak.User:
		askMembers(g.host, &g.write, g.spec.Realm, g.group, []keycloak.User{v}, false, g.load)
	case attributeRef:
		g.attributes().remove(string(v))
	}
}

func (g *Group) pickMembers() {
	g.host.Push(NewUserPick(g.spec.Realm, "add to "+g.path(), "add", func(users []keycloak.User) {
		askMembers(g.host, &g.write, g.spec.Realm, g.group, users, true, g.load)
	}))
}

func (g *Group) setAttribute() {
	name := ""
	if ref, ok := g.selected().(attributeRef); ok {
		name = string(ref)
	}
	g.host.Push(g.attributes().form(name))
}

// attributes is how those of the group are changed.
func (g *Group) attributes() attributeEditor {
	return attributeEditor{host: g.host, job: &g.write, of: "group " + g.path(), now: g.group.Attributes, then: g.load,
		read: func(ctx context.Context) (map[string][]string, error) {
			x, err := g.spec.Realm.Group(ctx, g.spec.ID)
			return x.Attributes, err
		},
		write: func(ctx context.Context, changes map[string][]string) error {
			_, err := g.spec.Realm.UpdateGroup(ctx, g.spec.ID, keycloak.GroupPatch{Attributes: changes})
			return err
		}}
}

// editForm changes name and description.
func (g *Group) editForm() tui.Screen {
	r, was := g.spec.Realm, g.group
	var done clients.Change[keycloak.Group]
	return tui.NewForm(tui.FormSpec{Title: "edit", Lead: "group " + was.Path, What: "change the group " + was.Path,
		Fields: []tui.FormField{{Name: "name", Label: "name", Value: was.Name, Required: true, Check: groupName}, {Name: "description", Label: "description", Value: was.Description}},
		Review: func(v map[string]string) (tui.Question, error) {
			lines := diffLines([3]string{"name", was.Name, v["name"]}, [3]string{"description", was.Description, v["description"]})
			if len(lines) == 0 {
				return tui.Question{}, fmt.Errorf("change the group: nothing was changed; nothing to write")
			}
			return tui.Question{Title: "Change the group " + was.Path + "?", Lines: lines, Verb: "save"}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) (err error) {
			name, text := v["name"], v["description"]
			p := keycloak.GroupPatch{}
			if name != was.Name {
				p.Name = &name
			}
			if text != was.Description {
				p.Description = &text
			}
			done, err = r.UpdateGroup(ctx, was.ID, p)
			return err
		},
		Done: func(map[string]string) {
			g.load()
			g.host.Toast("changed " + done.After.Path + " · u undoes it")
			g.host.Undo(tui.Undo{What: "change the group " + was.Path, Then: g.load,
				Lines: diffLines([3]string{"name", done.After.Name, done.Before.Name}, [3]string{"description", done.After.Description, done.Before.Description}),
				Run: func(ctx context.Context) error {
					now, err := r.Group(ctx, was.ID)
					if err == nil && (now.Name != done.After.Name || now.Description != done.After.Description) {
						err = changedSince("change the group "+was.Path, "the group")
					}
					if err != nil {
						return err
					}
					_, err = r.UpdateGroup(ctx, was.ID, keycloak.GroupPatch{Name: &done.Before.Name, Description: &done.Before.Description})
					return err
				}})
		},
	})
}

// diffLines are what a change takes away and puts there, for those of the values
// (label, before, after) that differ.
func diffLines(values ...[3]string) []string {
	var out []string
	for _, v := range values {
		if v[1] == v[2] {
			continue
		}
		if v[1] != "" {
			out = append(out, "- "+v[0]+": "+v[1])
		}
		if v[2] != "" {
			out = append(out, "+ "+v[0]+": "+v[2])
		}
	}
	return out
}

// changedSince is why an undo is refused.
func changedSince(what, thing string) error {
	return &clients.Problem{Kind: clients.Conflict, Op: "undo: " + what, Reason: "somebody changed " + thing + " since", Hint: "look at it as it is now and change it by hand"}
}

// askMembers puts users into a group, or takes them out.
func askMembers(h tui.Host, job *tui.Job, realm MemberWriter, g keycloak.Group, users []keycloak.User, join bool, then func()) {
	verb, sign, opposite := "add", "+", "-"
	to := " to " + g.Path
	if !join {
		verb, sign, opposite, to = "remove", "-", "+", " from "+g.Path
	}
	lines := func(sign string, users []keycloak.User) []string {
		out := make([]string, len(users))
		for i, u := range users {
			out[i] = sign + " " + g.Path + "  " + u.Username
		}
		return out
	}
	what := verb + " " + count(len(users), "member") + to
	q := tui.Question{Title: strings.ToUpper(verb[:1]) + verb[1:] + " " + count(len(users), "member") + to + "?", Verb: verb, Lines: lines(sign, users)}
	type result struct{ done []keycloak.User }
	deed[result]{question: q, what: what, timeout: bulkTimeout(len(users)),
		do: func(ctx context.Context) (result, error) {
			done, err := members(ctx, realm, g.ID, users, join)
			return result{done}, err
		},
		then: func(r result, err error) {
			then()
			if err != nil && len(r.done) > 0 { // those that were written can be taken back all the same
				h.Undo(tui.Undo{What: what, Lines: lines(opposite, r.done), Then: then, Run: func(ctx context.Context) error {
					_, err := members(ctx, realm, g.ID, r.done, !join)
					return err
				}})
			}
		},
		back: func(r result) *tui.Undo {
			if len(r.done) == 0 {
				return nil
			}
			return &tui.Undo{What: what, Lines: lines(opposite, r.done), Then: then, Run: func(ctx context.Context) error {
				done, err := members(ctx, realm, g.ID, r.done, !join)
				if err == nil && len(done) != len(r.done) {
					return changedSince(what, "the members")
				}
				return err
			}}
		},
		done: func(r result) string {
			if len(r.done) == 0 {
				return "it was so already: nothing was written"
			}
			return map[bool]string{true: "added ", false: "removed "}[join] + count(len(r.done), "member")
		}}.ask(h, job)
}

// members writes the memberships one by one and gives those that have really changed.
func members(ctx context.Context, realm MemberWriter, groupID string, users []keycloak.User, join bool) ([]keycloak.User, error) {
	var done []keycloak.User
	write := realm.JoinGroup
	if !join {
		write = realm.LeaveGroup
	}
	in := func(gs []keycloak.Group) bool {
		return slices.ContainsFunc(gs, func(x keycloak.Group) bool { return x.ID == groupID })
	}
	for i, u := range users {
		ch, err := write(ctx, u.ID, groupID)
		if err != nil {
			return done, of(err, u.Username, i)
		}
		if in(ch.Before) != in(ch.After) {
			done = append(done, u)
		}
	}
	return done, nil
}

// of says whom an error of a write to many is about, and how many came before.
func of(err error, who string, before int) error {
	var p *clients.Problem
	if !errors.As(err, &p) {
		return fmt.Errorf("%s: %w", who, err)
	}
	q := *p
	q.Reason = who + ": " + q.Reason
	if before > 0 {
		q.Reason += fmt.Sprintf("; the %d before are done", before)
	}
	return &q
}

// memberList lists all direct members.
func (g *Group) memberList() tui.Screen {
	return NewMembers(MembersSpec{Realm: g.spec.Realm, Group: g.group, User: g.spec.User})
}
