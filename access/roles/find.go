package roles

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Find looks for everybody who holds a role, directly or through any way, and gives
// them to emit, those with the shortest ways first and always in the same order. It
// stops at the first error of emit, which it answers. What it remembers is groups,
// composite roles, and of people 16 bytes each, of no more than MaxRemembered.
//
// A part that our account may not read is left out and told in Holders.
func Find(ctx context.Context, d Directory, role Step, q HoldersQuery, emit func(Holder) error) (Holders, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &finder{d: d, q: q, emit: emit, groups: map[string]bool{}, people: map[[16]byte]struct{}{}}
	err := f.begin(ctx, role)
	var found []source // groups of the level before
	for steps := 1; err == nil && (len(found) > 0 || steps <= len(f.roles)); steps++ {
		found, err = f.level(ctx, append(found, f.containing(steps)...))
	}
	return f.out, err
}

// source is a role whose direct holders, or a group whose members, are to be read.
type source struct {
	of   Step
	path Path // from of to the role, both included
}

type finder struct {
	d    Directory
	q    HoldersQuery
	emit func(Holder) error

	roles  [][]source // the roles that contain the role, by the length of their paths
	groups map[string]bool
	people map[[16]byte]struct{}
	out    Holders
	at     Progress
}

// begin finds the roles that contain the role.
func (f *finder) begin(ctx context.Context, role Step) error {
	first := source{role, Path{role}}
	if f.q.Direct {
		f.roles = [][]source{{first}}
		return nil
	}
	g, needs, err := f.d.Composites(ctx, func(read, of int) {
		f.at.Roles, f.at.OfRoles = read, of
		f.tell()
	})
	if err != nil {
		return err
	}
	f.out.Needs = addNew(f.out.Needs, needs...)
	if known, ok := g.Step(role.ID); ok {
		first = source{known, Path{known}}
	}
	f.contain(g, first)
	return nil
}

// contain walks from the role to those that contain it, nearest first.
func (f *finder) contain(g *Graph, first source) {
	seen := map[string]bool{first.of.ID: true}
	for level := []source{first}; len(level) > 0; {
		f.roles = append(f.roles, f.wanted(level))
		var next []source
		for _, s := range level {
			for _, id := range g.prev[s.of.ID] {
				if seen[id] {
					continue
				}
				seen[id] = true
				step := g.steps[id]
				next = append(next, source{step, append(Path{step}, s.path...)})
			}
		}
		slices.SortFunc(next, func(a, b source) int { return a.of.compare(b.of) })
		level = next
	}
}

// wanted leaves out the default role, which nearly everybody holds, and says so.
func (f *finder) wanted(level []source) []source {
	return slices.DeleteFunc(slices.Clone(level), func(s source) bool {
		if s.of.Default && f.out.Everyone == nil {
			f.out.Everyone = s.path
		}
		return s.of.Default && !f.q.Everyone
	})
}

// containing are the roles whose paths have that many steps.
func (f *finder) containing(steps int) []source {
	if steps > len(f.roles) {
		return nil
	}
	return f.roles[steps-1]
}

const (
	ahead     = 6   // sources that are read side by side
	batchSize = 200 // steps that a source hands over at once
)

// batch is what a source found: people and groups.
type batch struct {
	steps []Step
	err   error
}

// level reads the sources of one length side by side, and gives what they find in the
// order of the sources. A source that is ahead waits with two batches in hand. The
// groups that were found are the sources of the next level.
func (f *finder) level(ctx context.Context, sources []source) ([]source, error) {
	ctx, cancel := context.WithCancel(ctx)
	var g errgroup.Group
	defer g.Wait()
	defer cancel()
	pipes := make([]chan batch, len(sources))
	start := func(i int) {
		if i >= len(sources) {
			return
		}
		pipes[i] = make(chan batch, 1)
		g.Go(func() error { f.read(ctx, sources[i], pipes[i]); return nil })
	}
	for i := range ahead {
		start(i)
	}
	var next []source
	for i, s := range sources {
		for b := range pipes[i] {
			if err := f.settle(s, b, &next); err != nil {
				return nil, err
			}
		}
		pipes[i] = nil
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start(i + ahead)
	}
	return next, nil
}

// read walks one source to its end.
func (f *finder) read(ctx context.Context, s source, out chan<- batch) {
	defer close(out)
	people, groups := f.d.UsersOf, f.d.GroupsOf
	if s.of.Kind == Group {
		people, groups = f.d.MembersOf, f.d.ChildrenOf
	}
	send := func(b batch) bool {
		select {
		case out <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	steps := make([]Step, 0, batchSize)
	for _, list := range []func(context.Context, Step) iter.Seq2[Step, error]{people, groups} {
		for step, err := range list(ctx, s.of) {
			if err != nil {
				if !send(batch{steps, err}) {
					return
				}
				steps = nil
				break
			}
			if steps = append(steps, step); len(steps) == batchSize {
				if !send(batch{steps: steps}) {
					return
				}
				steps = make([]Step, 0, batchSize)
			}
		}
	}
	if len(steps) > 0 {
		send(batch{steps: steps})
	}
}

// settle gives what a batch holds, and keeps its groups for the next level.
func (f *finder) settle(s source, b batch, next *[]source) error {
	for _, step := range b.steps {
		path := append(Path{step}, s.path...)
		if step.Kind != Group {
			if !f.fresh(step.ID) {
				continue
			}
			f.out.Users++
		} else {
			key := step.ID
			if f.q.Every {
				key += " " + path.firstRole().ID
			}
			if f.groups[key] {
				continue
			}
			f.groups[key] = true
			f.out.Groups++
			if !f.q.Direct {
				*next = append(*next, source{step, path})
			}
		}
		if err := f.emit(Holder{Who: step, Direct: len(path) == 2, Path: path}); err != nil {
			return err
		}
	}
	f.at.Users, f.at.Groups = f.out.Users, f.out.Groups
	f.tell()
	var refused *Refused
	if errors.As(b.err, &refused) {
		if !slices.Contains(f.out.Unread, s.of) { // people and groups may both be refused
			f.out.Unread = append(f.out.Unread, s.of)
		}
		f.out.Needs = addNew(f.out.Needs, refused.Needs...)
		return nil
	}
	return b.err
}

func (p Path) firstRole() Step {
	for _, s := range p {
		if s.Kind.IsRole() {
			return s
		}
	}
	return Step{}
}

// fresh reports whether somebody comes for the first time, as far as is remembered.
// Ids are hashed, since a user from a directory service has one of any length.
func (f *finder) fresh(id string) bool {
	if f.q.Every || f.q.Direct {
		return true
	}
	sum := sha256.Sum256([]byte(id))
	key := [16]byte(sum[:16])
	if _, seen := f.people[key]; seen {
		return false
	}
	if len(f.people) < MaxRemembered {
		f.people[key] = struct{}{}
	} else {
		f.out.Repeats = true
	}
	return true
}

func (f *finder) tell() {
	if f.q.Progress != nil {
		f.q.Progress(f.at)
	}
}
