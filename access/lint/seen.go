package lint

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// seen remembers tuples and names by their hash, so that a million of them cost some
// megabytes. The seed is new in each run, so nobody can choose names that collide.
type seen struct {
	seed   maphash.Seed
	once   map[uint64]struct{}
	twice  map[uint64]struct{}
	spelt  map[uint64]string // names by their folded form
	said   map[string]bool   // names whose twin was told
	forms  map[[2]string]*forms
	missed bool // copies were not looked for to the end
	full   bool // names were not looked at to the end
}

// forms counts how people are named on one relation.
type forms struct {
	ids, objects int
	example      tuple.Tuple // of an object
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), once: map[uint64]struct{}{}, twice: map[uint64]struct{}{}, spelt: map[uint64]string{},
		said: map[string]bool{}, forms: map[[2]string]*forms{}}
}

// copies is 1 for a tuple that is new, 2 for the first copy of one, and more after it.
func (s *seen) copies(t tuple.Tuple) int {
	h := maphash.String(s.seed, t.Key())
	if _, ok := s.once[h]; !ok {
		if len(s.once) == maxRemembered {
			s.missed = true
			return 1
		}
		s.once[h] = struct{}{}
		return 1
	}
	if _, ok := s.twice[h]; ok {
		return 3
	}
	s.twice[h] = struct{}{}
	return 2
}

// names looks for names that differ in case only, and counts how people are named.
func (s *seen) names(t tuple.Tuple) []Finding {
	var out []Finding
	out = append(out, s.name(t, t.Namespace+":"+t.Object)...)
	k := [2]string{t.Namespace, t.Relation}
	f := s.forms[k]
	if f == nil {
		if len(s.forms) == maxNames {
			return out
		}
		f = &forms{}
		s.forms[k] = f
	}
	switch set := t.Subject.Set; {
	case set == nil:
		f.ids++
		return append(out, s.name(t, t.Subject.ID)...)
	case set.Relation == "":
		f.objects++
		f.example = t
	}
	return append(out, s.name(t, t.Subject.Set.Namespace+":"+t.Subject.Set.Object)...)
}

func (s *seen) name(t tuple.Tuple, name string) []Finding {
	folded := strings.ToLower(name)
	h := maphash.String(s.seed, folded)
	before, ok := s.spelt[h]
	switch {
	case !ok && len(s.spelt) == maxNames:
		s.full = true
		return nil
	case !ok:
		s.spelt[h] = name
		return nil
	case before == name || strings.ToLower(before) != folded || s.said[name] || len(s.said) == maxListed:
		return nil
	}
	s.said[name] = true
	return []Finding{about(CaseTwin, t, fmt.Sprintf("%q and %q differ in upper and lower case only.", before, name))}
}

// end tells where people are named in both ways. Where a relation is only traversed
// they are not people; that is left to others.
func (s *seen) end() []Finding {
	var out []Finding
	for k, f := range s.forms {
		if f.ids > 0 && f.objects > 0 {
			finding := newFinding(MixedSubjectForms, k[0]+"#"+k[1], fmt.Sprintf("On %s#%s %s as a bare id and %s as an object, such as %s.", k[0], k[1],
				named(f.ids), named(f.objects), f.example.Subject))
			out = append(out, finding)
		}
	}
	slices.SortFunc(out, func(a, b Finding) int { return strings.Compare(a.Where, b.Where) })
	return out
}

func named(n int) string {
	if n == 1 {
		return "1 subject is named"
	}
	return fmt.Sprintf("%d are named", n)
}

// people leaves out what is about objects.
func people(m *opl.Model, list []Finding) []Finding {
	return slices.DeleteFunc(list, func(f Finding) bool {
		ns, rel, _ := strings.Cut(f.Where, "#")
		n := m.Namespace(ns)
		if n == nil {
			return false
		}
		traversed, _ := uses(n, rel)
		return traversed
	})
}

func (s *seen) unread() []string {
	var out []string
	if s.missed {
		out = append(out, fmt.Sprintf("copies were looked for among the first %d tuples", maxRemembered))
	}
	if s.full {
		out = append(out, fmt.Sprintf("names that differ in case only were looked for among the first %d names", maxNames))
	}
	return out
}
