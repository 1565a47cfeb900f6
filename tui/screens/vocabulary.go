package screens

import (
	"slices"
	"strings"
	"sync"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/tui/widget"
)

// What a Vocabulary remembers and offers at most.
const (
	vocabularyKept    = 5_000 // objects of a namespace, and subject ids
	vocabularyOffered = 50
)

// Vocabulary is what is known about the words of relation tuples: the model, once
// it is loaded, and the objects and subjects that went by. It completes what a
// person types without asking anybody. It is shared by the screens of one context
// and safe for use by several goroutines; a nil *Vocabulary knows nothing.
type Vocabulary struct {
	mu       sync.RWMutex
	model    *opl.Model
	objects  map[string]map[string]bool // by namespace
	subjects map[string]bool
}

// NewVocabulary makes an empty one.
func NewVocabulary() *Vocabulary {
	return &Vocabulary{objects: map[string]map[string]bool{}, subjects: map[string]bool{}}
}

// SetModel tells it the model.
func (v *Vocabulary) SetModel(m *opl.Model) { v.mu.Lock(); v.model = m; v.mu.Unlock() }

// Model is the model, nil while it is not known.
func (v *Vocabulary) Model() *opl.Model {
	if v == nil {
		return nil
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.model
}

// PersonNamespaces are the namespaces whose objects stand for people: those
// that declare no relations, as User in Keto's own examples.
func (v *Vocabulary) PersonNamespaces() []string {
	var out []string
	if m := v.Model(); m != nil {
		for _, n := range m.Namespaces {
			if len(n.Relations) == 0 {
				out = append(out, n.Name)
			}
		}
	}
	return out
}

// Learn remembers the objects and subjects of stored tuples.
func (v *Vocabulary) Learn(ts []tuple.Tuple) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	object := func(namespace, name string) {
		of := v.objects[namespace]
		if of == nil {
			of = map[string]bool{}
			v.objects[namespace] = of
		}
		if len(of) < vocabularyKept {
			of[name] = true
		}
	}
	for _, t := range ts {
		object(t.Namespace, t.Object)
		if s := t.Subject.Set; s != nil {
			object(s.Namespace, s.Object)
		} else if len(v.subjects) < vocabularyKept {
			v.subjects[t.Subject.ID] = true
		}
	}
}

// Complete suggests how the text of a relation tuple goes on. Permissions are
// offered only for a question, since nothing may be written on them.
func (v *Vocabulary) Complete(text string, question bool) []widget.Completion {
	if v == nil {
		return nil
	}
	var out []widget.Completion
	for _, c := range opl.Complete(v.Model(), text, len(text)) {
		if c.Kind == opl.CandPermission && !question {
			continue
		}
		value, _ := c.Apply(text)
		out = append(out, widget.Completion{Value: value, Label: c.Name, Note: strings.ReplaceAll(string(c.Kind), "_", " ") + "  " + c.Detail})
	}
	return append(out, v.seen(text)...)
}

// CompleteSet suggests how namespace:object#relation goes on.
func (v *Vocabulary) CompleteSet(text string) []widget.Completion {
	if strings.Contains(text, "@") {
		return nil
	}
	out := v.Complete(text, true)
	for i := range out {
		out[i].Value = strings.TrimSuffix(out[i].Value, "@")
	}
	return out
}

// CompleteSubject suggests how a subject goes on.
func (v *Vocabulary) CompleteSubject(text string) []widget.Completion {
	const before = "_:_#_@" // any question: its subject is what matters
	out := v.Complete(before+text, true)
	for i := range out {
		out[i].Value = strings.TrimPrefix(out[i].Value, before)
	}
	return out
}

// seen offers objects and subjects that went by.
func (v *Vocabulary) seen(text string) []widget.Completion {
	v.mu.RLock()
	defer v.mu.RUnlock()
	left, subject, inSubject := strings.Cut(text, "@")
	namespace, typed, hasObject := strings.Cut(left, ":")
	switch {
	case inSubject && !strings.ContainsAny(subject, ":#"):
		return offer(v.subjects, subject, left+"@", "", "subject id")
	case inSubject:
		namespace, typed, hasObject = strings.Cut(subject, ":")
		left += "@"
	default:
		left = ""
	}
	if !hasObject || strings.Contains(typed, "#") {
		return nil
	}
	return offer(v.objects[namespace], typed, left+namespace+":", "#", "object")
}

// offer lists the words that begin with what is typed, then those that hold it.
func offer(words map[string]bool, typed, before, after, note string) []widget.Completion {
	var begins, holds []string
	low := strings.ToLower(typed)
	for w := range words {
		switch lw := strings.ToLower(w); {
		case strings.HasPrefix(lw, low):
			begins = append(begins, w)
		case strings.Contains(lw, low):
			holds = append(holds, w)
		}
	}
	slices.Sort(begins)
	slices.Sort(holds)
	all := append(begins, holds...)
	var out []widget.Completion
	for _, w := range all[:min(len(all), vocabularyOffered)] {
		out = append(out, widget.Completion{Value: before + w + after, Label: w, Note: note})
	}
	return out
}
