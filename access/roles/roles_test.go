package roles_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/access/roles"
)

// drawn makes a graph from lines "user ann > group /staff > realm role employee": every
// step is added, every neighbouring pair linked. Names serve as ids.
func drawn(t *testing.T, lines ...string) *roles.Graph {
	t.Helper()
	g := roles.NewGraph()
	for _, line := range lines {
		last := ""
		for text := range strings.SplitSeq(line, " > ") {
			s := parse(text)
			g.Add(s)
			if last != "" {
				g.Link(last, s.ID)
			}
			last = s.ID
		}
	}
	return g
}

func parse(text string) roles.Step {
	for _, k := range []roles.Kind{roles.ServiceAccount, roles.User, roles.Group, roles.RealmRole, roles.ClientRole, roles.ClientScope, roles.Client} {
		name, ok := strings.CutPrefix(text, string(k)+" ")
		if !ok {
			continue
		}
		s := roles.Step{Kind: k, ID: name, Name: name, Default: strings.HasPrefix(name, "default-roles-")}
		if k == roles.ClientRole {
			s.Client, s.Name, _ = strings.Cut(name, ":")
		}
		return s
	}
	panic("no step: " + text)
}

func texts(paths []roles.Path) []string {
	out := []string{}
	for _, p := range paths {
		out = append(out, p.String())
	}
	return out
}

func TestWays(t *testing.T) {
	for _, c := range []struct {
		name, from, role string
		graph, want      []string
	}{
		{"the way of the tutorial", "ann", "flaskClient:admin",
			[]string{"user ann > group /staff/eng > group /staff > realm role employee > client role flaskClient:admin"},
			[]string{"user ann > group /staff/eng > group /staff > realm role employee > client role flaskClient:admin"}},
		{"direct comes first and the group is told all the same", "ann", "employee",
			[]string{"user ann > realm role employee", "user ann > group /staff > realm role employee"},
			[]string{"user ann > realm role employee", "user ann > group /staff > realm role employee"}},
		{"two groups beneath one are two ways", "ann", "employee",
			[]string{"user ann > group /s/a > group /s > realm role employee", "user ann > group /s/b > group /s"},
			[]string{"user ann > group /s/a > group /s > realm role employee", "user ann > group /s/b > group /s > realm role employee"}},
		{"a member of a group and of the one above", "ann", "employee",
			[]string{"user ann > group /s/a > group /s > realm role employee", "user ann > group /s"},
			[]string{"user ann > group /s > realm role employee", "user ann > group /s/a > group /s > realm role employee"}},
		{"a diamond of composites", "ann", "d",
			[]string{"user ann > realm role a > realm role b > realm role d", "realm role a > realm role c > realm role d"},
			[]string{"user ann > realm role a > realm role b > realm role d", "user ann > realm role a > realm role c > realm role d"}},
		{"a longer way beside a shorter one from the same mapping is not told", "ann", "d",
			[]string{"user ann > realm role a > realm role d", "realm role a > realm role b > realm role d"},
			[]string{"user ann > realm role a > realm role d"}},
		{"but one from another mapping is", "ann", "d",
			[]string{"user ann > realm role a > realm role d", "user ann > realm role b > realm role a"},
			[]string{"user ann > realm role a > realm role d", "user ann > realm role b > realm role a > realm role d"}},
		{"cycles and a role in itself", "ann", "a",
			[]string{"user ann > realm role b > realm role a > realm role b", "realm role a > realm role a"},
			[]string{"user ann > realm role b > realm role a"}},
		{"default roles", "ann", "account:view-profile",
			[]string{"user ann > realm role default-roles-x > client role account:manage-account > client role account:view-profile"},
			[]string{"user ann > realm role default-roles-x > client role account:manage-account > client role account:view-profile"}},
		{"the scope of a client", "app", "auditor",
			[]string{"client app > client scope reports > realm role boss > realm role auditor", "client app > realm role auditor"},
			[]string{"client app > realm role auditor", "client app > client scope reports > realm role boss > realm role auditor"}},
		{"what a role contains", "a", "c",
			[]string{"realm role a > realm role b > realm role c", "realm role c > realm role a"},
			[]string{"realm role a > realm role b > realm role c"}},
		{"not held", "ann", "b", []string{"user ann > realm role a", "realm role b"}, []string{}},
	} {
		h := drawn(t, c.graph...).Ways(c.from, c.role, 0)
		if got := texts(h.Paths); !slices.Equal(got, c.want) || h.Count != len(c.want) {
			t.Errorf("%s: %d ways\n got %q\nwant %q", c.name, h.Count, got, c.want)
		}
		if direct := len(c.want) > 0 && c.from != "a" && strings.Count(c.want[0], ">") == 1; h.Direct != direct {
			t.Errorf("%s: direct is %v", c.name, h.Direct)
		}
	}
}

// TestWaysAreBounded builds a ladder of composites in which a role is reached in 2^40 ways.
func TestWaysAreBounded(t *testing.T) {
	var lines []string
	for i := range 40 {
		for _, side := range "lr" {
			lines = append(lines, fmt.Sprintf("realm role n%d > realm role %c%d > realm role n%d", i, side, i, i+1))
		}
	}
	g := drawn(t, append(lines, "user ann > realm role n0")...)
	h := g.Ways("ann", "n40", 7)
	if len(h.Paths) != 7 || h.Count != roles.MaxCount || h.More() != roles.MaxCount-7 {
		t.Fatalf("%d paths of %d", len(h.Paths), h.Count)
	}
	if h = g.Ways("ann", "n3", 7); len(h.Paths) != 7 || h.Count != 8 || h.More() != 1 {
		t.Errorf("%d paths of %d, want 7 of 8", len(h.Paths), h.Count)
	}
	seen := map[string]bool{}
	for _, p := range texts(h.Paths) {
		if seen[p] {
			t.Errorf("twice: %s", p)
		}
		seen[p] = true
	}
}

// random draws users, a forest of groups, and composites with cycles.
func random(r *rand.Rand) *roles.Graph {
	g := roles.NewGraph()
	pick := func(kind roles.Kind, n int) string { return fmt.Sprintf("%c%d", kind[0], r.IntN(n)) }
	groups, all := 1+r.IntN(8), 2+r.IntN(8)
	g.Add(roles.Step{Kind: roles.User, ID: "ann", Name: "ann"})
	for i := range groups {
		id := fmt.Sprintf("g%d", i)
		g.Add(roles.Step{Kind: roles.Group, ID: id, Name: id})
		if i > 0 && r.IntN(3) > 0 {
			g.Link(id, fmt.Sprintf("g%d", r.IntN(i)))
		}
	}
	for i := range all {
		g.Add(roles.Step{Kind: roles.RealmRole, ID: fmt.Sprintf("r%d", i), Name: fmt.Sprintf("r%d", i)})
	}
	for range r.IntN(4) {
		g.Link("ann", pick(roles.Group, groups))
	}
	for range r.IntN(3) {
		g.Link("ann", pick(roles.RealmRole, all))
	}
	for range r.IntN(6) {
		g.Link(pick(roles.Group, groups), pick(roles.RealmRole, all))
	}
	for range r.IntN(14) {
		g.Link(pick(roles.RealmRole, all), pick(roles.RealmRole, all))
	}
	return g
}

// slow finds the ways by walking every way without a node twice, and then keeps the
// shortest of those that have the same beginning up to the first role.
func slow(g *roles.Graph, role string) []string {
	found := map[string][]string{} // beginning → ways
	best := map[string]int{}
	var walk func(way []string, begin string)
	walk = func(way []string, begin string) {
		last := way[len(way)-1]
		s, _ := g.Step(last)
		if s.Kind.IsRole() && begin == "" {
			begin = strings.Join(way, " ")
		}
		if last == role {
			switch old, ok := best[begin]; {
			case !ok || len(way) < old:
				best[begin], found[begin] = len(way), []string{strings.Join(way, " ")}
			case len(way) == old:
				found[begin] = append(found[begin], strings.Join(way, " "))
			}
			return
		}
		for _, n := range g.Next(last) {
			if !slices.Contains(way, n) {
				walk(append(slices.Clip(way), n), begin)
			}
		}
	}
	walk([]string{"ann"}, "")
	var out []string
	for _, ways := range found {
		out = append(out, ways...)
	}
	slices.Sort(out)
	return out
}

func TestWaysAgainstAllWays(t *testing.T) {
	for seed := range uint64(3000) {
		g := random(rand.New(rand.NewPCG(seed, 6)))
		p := g.Provenance("ann", 1<<20)
		held := map[string]bool{}
		for _, h := range p.Roles {
			held[h.Role.ID] = true
			var got []string
			for i, path := range h.Paths {
				var ids []string
				for _, s := range path {
					ids = append(ids, s.ID)
				}
				got = append(got, strings.Join(ids, " "))
				if i > 0 && len(path) < len(h.Paths[i-1]) {
					t.Fatalf("seed %d: %s: a longer way stands before a shorter one", seed, h.Role)
				}
			}
			slices.Sort(got)
			if want := slow(g, h.Role.ID); !slices.Equal(got, want) || h.Count != len(want) {
				t.Fatalf("seed %d: %s (%d)\n got %q\nwant %q", seed, h.Role, h.Count, got, want)
			}
		}
		for i := range 10 {
			if id := fmt.Sprintf("r%d", i); !held[id] && len(slow(g, id)) > 0 {
				t.Fatalf("seed %d: %s is held and was not found", seed, id)
			}
		}
		if reach := g.Reach("ann"); len(reach) != len(p.Roles) {
			t.Fatalf("seed %d: %d reached, %d explained", seed, len(reach), len(p.Roles))
		}
	}
}

func TestWhatIsCutIsUnknown(t *testing.T) {
	g := drawn(t, "user ann > realm role employee > realm role boss")
	g.Hide("employee", "view-clients")
	g.Hide("employee", "view-clients")
	p := g.Provenance("ann", 0)
	if _, state, _ := p.Find(roles.Ref{Name: "boss"}); state != roles.IsHeld {
		t.Errorf("boss is %s", state)
	}
	for _, ref := range []roles.Ref{{Client: "app", Name: "admin"}, {Name: "other"}} {
		if _, state, needs := p.Find(ref); state != roles.Unknown || !slices.Equal(needs, []string{"view-clients"}) {
			t.Errorf("%s is %s, needs %v", ref, state, needs)
		}
	}
	p.RealmNeeds = nil // the server gave its own full answer for realm roles
	if _, state, _ := p.Find(roles.Ref{Name: "other"}); state != roles.NotHeld {
		t.Errorf("other is %s", state)
	}
	if full := (roles.Scope{Full: true}); func() roles.State { s, _ := full.Lets(roles.Ref{Name: "x"}); return s }() != roles.IsHeld {
		t.Error("a client with full scope holds something back")
	}
	if s, _ := (roles.Scope{}).Lets(roles.Ref{Name: "x"}); s != roles.NotHeld {
		t.Errorf("an empty scope lets a role through: %s", s)
	}
}

// company is a directory over a graph, with faults.
type company struct {
	g      *roles.Graph
	ids    []string // of everything, in order
	refuse map[string]bool
	broken string
	needs  []string
}

func (c *company) Composites(_ context.Context, progress func(int, int)) (*roles.Graph, []string, error) {
	out := roles.NewGraph()
	for _, id := range c.ids {
		if s, _ := c.g.Step(id); s.Kind.IsRole() {
			out.Add(s)
		}
	}
	for _, id := range c.ids {
		if s, _ := c.g.Step(id); s.Kind.IsRole() {
			for _, n := range c.g.Next(id) {
				out.Link(id, n)
			}
		}
	}
	progress(1, 1)
	return out, c.needs, nil
}

// giving lists who gives a node and passes a test.
func (c *company) giving(to string, what string, keep func(roles.Step) bool) iter.Seq2[roles.Step, error] {
	return func(yield func(roles.Step, error) bool) {
		if c.refuse[to] {
			yield(roles.Step{}, &roles.Refused{Needs: []string{"view-users"}, Err: errors.New("403")})
			return
		}
		for _, id := range c.ids {
			s, _ := c.g.Step(id)
			if slices.Contains(c.g.Next(id), to) && keep(s) {
				if c.broken == id {
					yield(roles.Step{}, errors.New("the line is dead"))
					return
				}
				if !yield(s, nil) {
					return
				}
			}
		}
	}
}

func person(s roles.Step) bool { return s.Kind == roles.User || s.Kind == roles.ServiceAccount }
func group(s roles.Step) bool  { return s.Kind == roles.Group }

func (c *company) UsersOf(_ context.Context, s roles.Step) iter.Seq2[roles.Step, error] {
	return c.giving(s.ID, "users", person)
}
func (c *company) GroupsOf(_ context.Context, s roles.Step) iter.Seq2[roles.Step, error] {
	return c.giving(s.ID, "groups", group)
}
func (c *company) MembersOf(_ context.Context, s roles.Step) iter.Seq2[roles.Step, error] {
	return c.giving(s.ID, "members", person)
}
func (c *company) ChildrenOf(_ context.Context, s roles.Step) iter.Seq2[roles.Step, error] {
	return c.giving(s.ID, "children", group)
}

func companyOf(t *testing.T, lines ...string) *company {
	c := &company{g: drawn(t, lines...), refuse: map[string]bool{}}
	for _, line := range lines {
		for text := range strings.SplitSeq(line, " > ") {
			if id := parse(text).ID; !slices.Contains(c.ids, id) {
				c.ids = append(c.ids, id)
			}
		}
	}
	return c
}

func find(t *testing.T, c *company, role string, q roles.HoldersQuery) ([]string, roles.Holders) {
	t.Helper()
	s, _ := c.g.Step(role)
	var got []string
	out, err := roles.Find(t.Context(), c, s, q, func(h roles.Holder) error {
		got = append(got, h.Path.String())
		if h.Path[0] != h.Who || h.Direct != (len(h.Path) == 2) {
			t.Errorf("%+v", h)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, out
}

var acme = []string{
	"user ann > realm role employee > client role app:admin",
	"user ann > group /staff/eng > group /staff > realm role employee",
	"user ben > group /staff/eng",
	"service account robot > client role app:admin",
	"group /boss > client role app:admin",
	"user zoe > realm role default-roles-x > client role app:admin",
	"client role app:admin > realm role employee", // a cycle
	"group /other > realm role none",
}

func TestFind(t *testing.T) {
	c := companyOf(t, acme...)
	got, out := find(t, c, "app:admin", roles.HoldersQuery{})
	want := []string{
		"service account robot > client role app:admin",
		"group /boss > client role app:admin",
		"user ann > realm role employee > client role app:admin",
		"group /staff > realm role employee > client role app:admin",
		"group /staff/eng > group /staff > realm role employee > client role app:admin",
		"user ben > group /staff/eng > group /staff > realm role employee > client role app:admin",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if out.Users != 3 || out.Groups != 3 || out.Everyone.String() != "realm role default-roles-x > client role app:admin" || out.Repeats {
		t.Errorf("%+v", out)
	}
	if got, out = find(t, c, "app:admin", roles.HoldersQuery{Everyone: true}); !slices.Contains(got, "user zoe > realm role default-roles-x > client role app:admin") || out.Users != 4 {
		t.Errorf("everyone: %q", got)
	}
	if got, _ = find(t, c, "app:admin", roles.HoldersQuery{Direct: true}); !slices.Equal(got, want[:2]) {
		t.Errorf("direct: %q", got)
	}
	if got, out = find(t, c, "app:admin", roles.HoldersQuery{Every: true}); !slices.Contains(got, "user ann > group /staff/eng > group /staff > realm role employee > client role app:admin") || out.Users != 4 {
		t.Errorf("every way: %q", got)
	}
	if got, out = find(t, c, "default-roles-x", roles.HoldersQuery{}); len(got) != 0 || len(out.Everyone) != 1 {
		t.Errorf("the default role: %q %+v", got, out)
	}
}

func TestFindTellsWhatItCouldNotRead(t *testing.T) {
	c := companyOf(t, acme...)
	c.refuse["/staff"], c.needs = true, []string{"view-clients"}
	got, out := find(t, c, "app:admin", roles.HoldersQuery{})
	if len(out.Unread) != 1 || out.Unread[0].Name != "/staff" || !slices.Equal(out.Needs, []string{"view-clients", "view-users"}) || len(got) != 4 {
		t.Errorf("%q %+v", got, out)
	}
	c = companyOf(t, acme...)
	c.broken = "ben"
	s, _ := c.g.Step("app:admin")
	if _, err := roles.Find(t.Context(), c, s, roles.HoldersQuery{}, func(roles.Holder) error { return nil }); err == nil || err.Error() != "the line is dead" {
		t.Errorf("a broken list ends with %v", err)
	}
	stop := errors.New("enough")
	n := 0
	_, err := roles.Find(t.Context(), companyOf(t, acme...), s, roles.HoldersQuery{}, func(roles.Holder) error { n++; return stop })
	if err != stop || n != 1 {
		t.Errorf("after %d holders: %v", n, err)
	}
}

func TestFindIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{size: 1 << 40}
	_, err := roles.Find(ctx, c, roles.Step{Kind: roles.RealmRole, ID: "r", Name: "r"}, roles.HoldersQuery{Direct: true}, func(roles.Holder) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// crowd is a role with very many direct holders, each twice.
type crowd struct {
	company
	size int
}

func (c *crowd) Composites(context.Context, func(int, int)) (*roles.Graph, []string, error) {
	return roles.NewGraph(), nil, nil
}
func (c *crowd) UsersOf(ctx context.Context, s roles.Step) iter.Seq2[roles.Step, error] {
	return func(yield func(roles.Step, error) bool) {
		for i := range c.size {
			id := fmt.Sprint(i % max(1, c.size/2))
			if err := ctx.Err(); err != nil {
				yield(roles.Step{}, err)
				return
			}
			if !yield(roles.Step{Kind: roles.User, ID: id, Name: id}, nil) {
				return
			}
		}
	}
}
func (c *crowd) GroupsOf(context.Context, roles.Step) iter.Seq2[roles.Step, error] {
	return func(func(roles.Step, error) bool) {}
}

func TestFindRemembersOnlySoMany(t *testing.T) {
	step := roles.Step{Kind: roles.RealmRole, ID: "r", Name: "r"}
	for _, c := range []struct {
		size    int
		want    int
		repeats bool
	}{
		{2 * roles.MaxRemembered, roles.MaxRemembered, false},
		{2*roles.MaxRemembered + 20, roles.MaxRemembered + 20, true}, // ten come twice
	} {
		n := 0
		out, err := roles.Find(t.Context(), &crowd{size: c.size}, step, roles.HoldersQuery{}, func(roles.Holder) error { n++; return nil })
		if err != nil || n != c.want || out.Repeats != c.repeats {
			t.Errorf("of %d: %d given, repeats %v, %v", c.size, n, out.Repeats, err)
		}
	}
}
