package screens

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/clean"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// RolePathsSpec says whose roles are explained. Explain and Name are needed.
type RolePathsSpec struct {
	// Name is a username, the path of a group, or the clientId of a service account.
	Name string
	// Explain reads where the roles come from.
	Explain func(ctx context.Context) (keycloak.Provenance, error)
	// Realm takes mappings away and gives them back; nil where nothing is written.
	Realm RoleWriter
	// Group opens a group that is on the way, Holders everybody who holds a role; nil
	// where there is none.
	Group   func(id, path string) tui.Screen
	Holders func(role keycloak.Role) tui.Screen
}

// rolePathsTimeout bounds one explanation with all that it reads.
const rolePathsTimeout = time.Minute

// RolePaths is the tree of every role that somebody holds: beneath each role the ways
// in which it is held, beneath each way its steps.
type RolePaths struct {
	spec  RolePathsSpec
	host  tui.Host
	found keycloak.Provenance
	err   error
	asked bool
	show  int // which roles, an index into rolePathsShown
	tree  widget.Tree
	spots map[string]spot // what a line stands for, by its id
	job   tui.Job
	write tui.Job
}

// spot is what a line of the tree stands for: a role, a way to it, or a step on the way.
type spot struct {
	held roles.Held
	path roles.Path // of a way and of a step
	step *roles.Step
}

// rolePathsShown are the choices of what the tree shows.
var rolePathsShown = []struct {
	name string
	keep func(roles.Held) bool
}{
	{"all roles", func(roles.Held) bool { return true }},
	{"without the default roles", func(h roles.Held) bool { return !onlyByDefault(h) }},
	{"direct ones", func(h roles.Held) bool { return h.Direct }},
	{"inherited ones", func(h roles.Held) bool { return !h.Direct }},
}

func onlyByDefault(h roles.Held) bool {
	for _, p := range h.Paths {
		if !p.ByDefault() {
			return false
		}
	}
	return len(h.Paths) > 0
}

// NewRolePaths makes the screen.
func NewRolePaths(spec RolePathsSpec) *RolePaths { return &RolePaths{spec: spec} }

// Title is the crumb.
func (s *RolePaths) Title() string { return "ways of " + s.spec.Name }

// Init reads.
func (s *RolePaths) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.ask()
	return nil
}

// Typing is never true here.
func (s *RolePaths) Typing() bool { return false }

// Close has nothing to do: the shell cancels the jobs.
func (s *RolePaths) Close() {}

// Resume reads again when something was written while the screen was covered.
func (s *RolePaths) Resume() {
	if s.asked && !s.job.Busy() {
		s.ask()
	}
}

// Update takes the mouse.
func (s *RolePaths) Update(msg tea.Msg) tea.Cmd {
	tui.TreeMouse(&s.tree, msg, len(s.head(s.host.Env().Theme, 80)))
	return nil
}

func (s *RolePaths) ask() {
	tui.Go(s.host, &s.job, rolePathsTimeout, s.spec.Explain, func(p keycloak.Provenance, err error) {
		if clients.Is(err, clients.Canceled) {
			return
		}
		if s.asked = true; err == nil {
			s.found = p
		}
		s.err = err
		s.draw()
	})
}

// draw turns what was found into the tree.
func (s *RolePaths) draw() {
	s.spots = map[string]spot{}
	var nodes, byDefault []*widget.Node // what everybody has comes last
	for _, h := range s.found.Roles {
		switch {
		case !rolePathsShown[s.show].keep(h):
		case onlyByDefault(h):
			byDefault = append(byDefault, s.roleNode(h))
		default:
			nodes = append(nodes, s.roleNode(h))
		}
	}
	nodes = append(nodes, byDefault...)
	for _, only := range s.found.OnlyServer {
		nodes = append(nodes, &widget.Node{ID: "server " + only.ID, Mark: "✗", Tone: theme.Bad, Label: only.Label(),
			Note: "Keycloak says that it is held, but no mapping was found that leads here"})
	}
	if needs := s.found.Needs(); len(needs) > 0 {
		nodes = append(nodes, &widget.Node{ID: notVisible, Mark: "?", Tone: theme.Dim, Label: "there may be more",
			Note: "not visible: our account lacks " + strings.Join(needs, ", ")})
	}
	s.tree.Set(nodes...)
}

// roleNode is a role with its ways beneath it.
func (s *RolePaths) roleNode(h roles.Held) *widget.Node {
	n := &widget.Node{ID: h.Role.ID, Mark: "↳", Tone: theme.Dim, Label: h.Role.Label(), Key: h.Role.ID, Note: heldNote(h)}
	if h.Direct {
		n.Mark, n.Tone = "●", theme.Good
	}
	for _, only := range s.found.OnlyOurs {
		if only.ID == h.Role.ID {
			n.Mark, n.Tone, n.Note = "✗", theme.Bad, "Keycloak's own list of effective roles does not have it · "+n.Note
		}
	}
	s.spots[n.ID] = spot{held: h}
	for i, p := range h.Paths {
		n.Children = append(n.Children, s.wayNode(h, p, fmt.Sprintf("%s/%d", n.ID, i)))
	}
	if h.More() > 0 {
		n.Children = append(n.Children, &widget.Node{ID: n.ID + "/more", Label: fmt.Sprintf("and %s more", count(h.More(), "way")), Tone: theme.Dim})
	}
	return n
}

// heldNote says in a few words how a role is held.
func heldNote(h roles.Held) string {
	if len(h.Paths) == 0 {
		return "held, in a way that our account may not see"
	}
	words := wayWords(h.Paths[0])
	if h.Count > 1 {
		words += " · and " + count(h.Count-1, "more way")
	}
	return words
}

// wayWords is a way without its ends: "direct", or "/staff/eng → /staff → employee".
func wayWords(p roles.Path) string {
	if len(p) == 2 {
		return "direct"
	}
	var steps []string
	for _, step := range p[1 : len(p)-1] {
		if step.Default {
			steps = append(steps, "default roles of the realm")
		} else {
			steps = append(steps, step.Label())
		}
	}
	return "through " + strings.Join(steps, " → ")
}

// wayNode is one way with its steps beneath it.
func (s *RolePaths) wayNode(h roles.Held, p roles.Path, id string) *widget.Node {
	n := &widget.Node{ID: id, Label: wayWords(p), Note: count(len(p)-1, "step")}
	s.spots[id] = spot{held: h, path: p}
	for i, step := range p {
		c := &widget.Node{ID: fmt.Sprintf("%s/%d", id, i), Label: step.String(), Key: step.ID}
		if step.Default {
			c.Note = "the realm's default role"
		}
		s.spots[c.ID] = spot{held: h, path: p, step: &p[i]}
		n.Children = append(n.Children, c)
	}
	return n
}

// at is what the line under the cursor stands for.
func (s *RolePaths) at() (spot, bool) {
	n := s.tree.Current()
	if n == nil {
		return spot{}, false
	}
	at, ok := s.spots[n.ID]
	return at, ok
}

// Actions are what can be done here.
func (s *RolePaths) Actions() []tui.Action {
	acts := []tui.Action{
		{Name: "open", Keys: []string{"enter"}, Footer: 1, Help: "Open the ways of a role; on a step go to the group, or to everybody who holds the role.", Why: s.whyNotOpen, Run: tui.Do(s.open)},
	}
	if s.spec.Holders != nil {
		acts = append(acts, tui.Action{Name: "holders", Keys: []string{"o"}, Footer: 2, Help: "Show everybody who holds the role under the cursor.", Why: s.whyNoHolders, Run: tui.Do(s.holders)})
	}
	if s.spec.Realm != nil {
		acts = append(acts, tui.Action{Name: "take away", Keys: []string{"x", "delete"}, Footer: 3, Mutates: true,
			Help: "Take away the mapping at which this way begins, from the user or the group that has it.", Why: s.whyNotTake, Run: tui.Do(s.take)})
	}
	next := rolePathsShown[(s.show+1)%len(rolePathsShown)].name
	acts = append(acts,
		tui.Action{Name: next, Keys: []string{"f"}, Footer: 4, Help: "Show all roles, those without the default roles, direct ones, or inherited ones.", Run: tui.Do(func() {
			s.show = (s.show + 1) % len(rolePathsShown)
			s.draw()
		})},
		tui.Action{Name: "copy", Keys: []string{"y"}, Footer: 5, Help: "Copy the way under the cursor, or all ways of the role.", Why: s.whyNoSpot, Run: tui.Do(s.copy)},
		tui.Action{Name: "read again", Keys: []string{"r", "ctrl+r"}, Footer: 6, Help: "Read again where the roles come from.", Run: tui.Do(s.ask)})
	return append(acts, tui.TreeActions(&s.tree, nil)...)
}

func (s *RolePaths) whyNoSpot() string {
	if _, ok := s.at(); !ok {
		return "this line is no role and no way to one"
	}
	return ""
}

func (s *RolePaths) whyNotOpen() string {
	at, ok := s.at()
	switch {
	case !ok:
		return s.whyNoSpot()
	case at.step == nil:
		return ""
	case at.step.Kind == roles.Group && s.spec.Group != nil, at.step.Kind.IsRole() && s.spec.Holders != nil:
		return ""
	}
	return "there is nothing to open behind this step"
}

func (s *RolePaths) open() {
	at, _ := s.at()
	switch {
	case at.step == nil:
		s.tree.Toggle()
	case at.step.Kind == roles.Group:
		s.host.Push(s.spec.Group(at.step.ID, at.step.Name))
	default:
		s.host.Push(s.spec.Holders(s.found.Known[at.step.ID]))
	}
}

func (s *RolePaths) whyNoHolders() string {
	at, ok := s.at()
	if ok && at.step != nil && !at.step.Kind.IsRole() {
		return "this step is no role"
	}
	return s.whyNoSpot()
}

func (s *RolePaths) holders() {
	at, _ := s.at()
	id := at.held.Role.ID
	if at.step != nil {
		id = at.step.ID
	}
	s.host.Push(s.spec.Holders(s.found.Known[id]))
}

func (s *RolePaths) copy() {
	at, _ := s.at()
	if at.path != nil {
		s.host.Copy("the way", at.path.String())
		return
	}
	var lines []string
	for _, p := range at.held.Paths {
		lines = append(lines, p.String())
	}
	s.host.Copy("the ways", strings.Join(lines, "\n"))
}

// mapping is where a way begins to be one: the role that is mapped, and to whom.
func mapping(p roles.Path) (to, role roles.Step) {
	for i := 1; i < len(p); i++ {
		if p[i].Kind.IsRole() {
			return p[i-1], p[i]
		}
	}
	return roles.Step{}, roles.Step{}
}

// way is the way that the cursor is on; of a role with only one way that one.
func (s *RolePaths) way() (roles.Path, string) {
	at, ok := s.at()
	switch {
	case !ok:
		return nil, s.whyNoSpot()
	case at.path != nil:
		return at.path, ""
	case len(at.held.Paths) == 1 && at.held.Count == 1:
		return at.held.Paths[0], ""
	case len(at.held.Paths) == 0:
		return nil, "the way is not visible, so that there is nothing to take away here"
	}
	return nil, fmt.Sprintf("it is held in %s: open it and choose one", count(at.held.Count, "way"))
}

func (s *RolePaths) whyNotTake() string {
	_, why := s.way()
	return why
}

// take asks, takes the mapping away, reads again, and offers the way back.
func (s *RolePaths) take() {
	p, _ := s.way()
	to, step := mapping(p)
	role, known := s.found.Known[step.ID]
	if !known {
		s.host.Fail(fmt.Errorf("take %s away: it is not known which role that is; read again with r", step.Label()))
		return
	}
	holder := keycloak.OfUser(to.ID)
	lines := []string{"- " + step.String() + " of " + to.String()}
	if to.Kind == roles.Group {
		holder = keycloak.OfGroup(to.ID)
		lines = append(lines, "Everybody in this group and beneath it loses it, not only "+s.spec.Name+".")
	}
	if step.Default {
		lines = append(lines, "With it go all roles that the realm gives to everybody.")
	}
	what := "take " + step.Label() + " from " + to.String()
	s.host.Confirm(tui.Question{Title: "Take " + step.Label() + " from " + to.String() + "?", Lines: lines, Verb: "take away", Yes: func() {
		tui.Write(s.host, &s.write, what, 0, func(ctx context.Context) (clients.Change[[]keycloak.Role], error) {
			return s.spec.Realm.Revoke(ctx, holder, role)
		}, func(done clients.Change[[]keycloak.Role], err error) {
			s.ask()
			changed := rolesChanged([]keycloak.Role{role}, done)
			if err != nil {
				s.host.Fail(err)
			} else {
				s.host.Toast("taken away: " + count(len(changed), "mapping") + " · u undoes it")
			}
			if len(changed) > 0 {
				s.host.Undo(tui.Undo{What: what, Lines: []string{"+ " + step.String() + " of " + to.String()}, Then: s.ask,
					Run: func(ctx context.Context) error { return undoRoles(ctx, s.spec.Realm.Grant, holder, changed, what) }})
			}
		})
	}})
}

// View is the sentence, and the tree below it.
func (s *RolePaths) View(w, h int) string {
	th := s.host.Env().Theme
	if !s.asked {
		return th.Dim.Render(clean.Line("… reading where the roles of "+s.spec.Name+" come from", w))
	}
	lines := s.head(th, w)
	if room := h - len(lines); room > 0 && s.tree.Len() > 0 {
		lines = append(lines, strings.Split(s.tree.View(th, w, room), "\n")...)
	}
	return strings.Join(lines[:min(len(lines), max(0, h))], "\n")
}

// head is the sentence: how many roles, and what is wrong with the answer.
func (s *RolePaths) head(th *theme.Theme, w int) []string {
	var lines []string
	if s.err != nil {
		f := s.host.Env().Explain(s.err)
		lines = append(lines, th.Bad.Render(clean.Line("? "+f.What+": "+f.Why, w)))
		for _, l := range wrapWords(f.Hint, w-2, 2) {
			lines = append(lines, th.Dim.Render(l))
		}
		if len(s.found.Roles) == 0 {
			return lines
		}
		lines = append(lines, th.Dim.Render(clean.Line("what stands below was read before", w)))
	}
	lines = append(lines, th.Strong.Render(clean.Line(s.sentence(), w)))
	if !s.found.Agrees() {
		lines = append(lines, th.Bad.Render(clean.Line("✗ this does not match Keycloak's own list of effective roles; the lines with ✗ differ", w)))
	}
	return append(lines, "")
}

func (s *RolePaths) sentence() string {
	direct, byDefault, hidden := 0, 0, 0
	for _, h := range s.found.Roles {
		switch {
		case len(h.Paths) == 0:
			hidden++
		case h.Direct && !onlyByDefault(h):
			direct++
		case onlyByDefault(h):
			byDefault++
		}
	}
	n := len(s.found.Roles)
	if n == 0 && len(s.found.Needs()) > 0 {
		return s.spec.Name + " may hold roles; our account may see none of them"
	}
	if n == 0 {
		return s.spec.Name + " holds no role at all, not even the realm's default roles"
	}
	parts := []string{fmt.Sprintf("%d direct", direct), fmt.Sprintf("%d inherited", n-direct-byDefault-hidden)}
	if byDefault > 0 {
		parts = append(parts, fmt.Sprintf("%d by the realm's default roles", byDefault))
	}
	if hidden > 0 {
		parts = append(parts, fmt.Sprintf("%d in a way that is not visible", hidden))
	}
	text := fmt.Sprintf("%s holds %s: %s", s.spec.Name, count(n, "role"), strings.Join(parts, ", "))
	if s.show > 0 {
		text += " · shown: " + rolePathsShown[s.show].name
	}
	return text
}
