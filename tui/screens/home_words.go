package screens

import (
	"slices"
	"strings"

	"gatehouse/access/opl"
	"gatehouse/access/tuple"
)

// sentence is "person verb thing" as it was taken apart.
type sentence struct {
	who, verb, thing string
	login            bool // the verb asks for a login to an application
}

// askingWords stand before a question and say nothing about it.
var askingWords = []string{"why", "may", "can", "can't", "cant", "cannot", "does", "doesn't", "is", "could", "should", "not"}

// verbWords are other words for permissions that models often have.
var verbWords = map[string][]string{
	"open": {"view", "read", "access"}, "see": {"view", "read"}, "read": {"view", "read"}, "view": {"view", "read"}, "access": {"access", "view"},
	"write": {"edit", "write", "update"}, "change": {"edit", "write", "update"}, "edit": {"edit", "write", "update"}, "update": {"update", "edit"},
	"remove": {"delete", "remove"}, "delete": {"delete", "remove"}, "own": {"owner", "owners"},
}

var signInWords = []string{"login", "log-in", "signin", "sign-in", "logon"}

// sentence takes "person verb thing" apart: the verb is the first word behind the person
// that is a relation or a permission of the model, or means one. Words such as "why
// can't" before it, "the", and a question mark say nothing.
func (v *Vocabulary) sentence(line string) (sentence, bool) {
	if len(line) > 500 {
		return sentence{}, false
	}
	words := strings.Fields(strings.TrimRight(line, "?!. "))
	asked := false
	for len(words) > 0 && slices.Contains(askingWords, strings.ToLower(words[0])) {
		words, asked = words[1:], true
	}
	for i := 1; i < len(words); i++ {
		low := strings.ToLower(words[i])
		if asked && (low == "not" || low == "to") {
			continue
		}
		rest := words[i+1:]
		for len(rest) > 0 && slices.Contains([]string{"the", "to", "into", "in", "of", "a"}, strings.ToLower(rest[0])) {
			rest = rest[1:]
		}
		who := strings.Join(slices.DeleteFunc(slices.Clone(words[:i]), func(w string) bool { return asked && strings.EqualFold(w, "not") }), " ")
		if slices.Contains(signInWords, low) {
			return sentence{who: who, verb: low, thing: strings.Join(rest, " "), login: true}, len(rest) > 0
		}
		if len(v.verbs(low)) > 0 {
			return sentence{who: who, verb: low, thing: strings.Join(rest, " ")}, true
		}
	}
	return sentence{}, false
}

// verbs are the relations and permissions that a word means, by namespace: those of that
// very name, else those that mean the same.
func (v *Vocabulary) verbs(word string) map[string]string {
	out := map[string]string{}
	m := v.Model()
	if m == nil {
		return out
	}
	for _, n := range m.Namespaces {
		for _, want := range append([]string{word}, verbWords[word]...) {
			at := slices.IndexFunc(n.Relations, func(r *opl.Relation) bool { return strings.EqualFold(r.Name, want) })
			if at >= 0 {
				out[n.Name] = n.Relations[at].Name
				break
			}
		}
	}
	return out
}

// things are the objects that a word can stand for and that have what the verb means: of
// that name first, then those whose names begin with it, then those that hold it.
func (v *Vocabulary) things(verb, word string) []tuple.Set {
	verbs := v.verbs(verb)
	word = strings.ReplaceAll(strings.TrimSpace(word), " ", "-")
	namespace, object, whole := strings.Cut(word, ":")
	if whole {
		if relation, ok := verbs[namespace]; ok && object != "" {
			return []tuple.Set{{Namespace: namespace, Object: object, Relation: relation}}
		}
		word = object
	}
	if word == "" || v == nil {
		return nil
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	var ranked [3][]tuple.Set
	low := strings.ToLower(word)
	for _, ns := range sortedKeys(verbs) {
		if whole && !strings.EqualFold(ns, namespace) {
			continue
		}
		for name := range v.objects[ns] {
			set, ln := tuple.Set{Namespace: ns, Object: name, Relation: verbs[ns]}, strings.ToLower(name)
			switch {
			case ln == low:
				ranked[0] = append(ranked[0], set)
			case strings.HasPrefix(ln, low):
				ranked[1] = append(ranked[1], set)
			case strings.Contains(ln, low):
				ranked[2] = append(ranked[2], set)
			}
		}
	}
	var out []tuple.Set
	for _, r := range ranked {
		slices.SortFunc(r, func(a, b tuple.Set) int {
			return strings.Compare(a.Namespace+":"+a.Object, b.Namespace+":"+b.Object)
		})
		out = append(out, r...)
	}
	return out[:min(len(out), lineThings)]
}

// knowsSubject reports whether a stored tuple holds this very subject id.
func (v *Vocabulary) knowsSubject(id string) bool {
	if v == nil {
		return false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.subjects[id]
}
