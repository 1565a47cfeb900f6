package screens

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// traitNothing is the choice of leaving a trait out.
const traitNothing = "–"

// traitForm turns traits into the fields of a form and back. What a person did not
// touch comes back as it was, also where the form could not write it (an empty text,
// null, a key that the schema does not know).
type traitForm struct {
	root   *traitNode
	before any // the traits that were there, decoded; nil on create
	check  *kratos.TraitsCheck
	why    string // why there is no form by the schema; empty when there is
	// lenient takes what cannot be read for a text: to see what the schema says to the
	// other fields meanwhile.
	lenient bool
}

// newTraitForm makes the form of a schema. A schema that cannot be understood leaves
// one field of JSON.
func newTraitForm(s kratos.Schema, traits json.RawMessage) *traitForm {
	f := &traitForm{before: decodeJSON(traits)}
	var err error
	if f.root, err = readTraitSchema(s.Schema); err != nil {
		f.root, f.why = &traitNode{key: "traits", title: "traits", required: true}, err.Error()
		return f
	}
	if f.check, err = kratos.NewTraitsCheck(s); err != nil {
		f.why = err.Error()
	}
	return f
}

// fields are the inputs for the traits as they are in values, which also tell how many
// items each list has by now.
func (f *traitForm) fields(values map[string]string) []tui.FormField {
	var out []tui.FormField
	w := traitWalk{values: values, out: &out}
	w.node(f.root, "/traits", "", "", f.before, true)
	return out
}

// traitWalk makes the fields.
type traitWalk struct {
	values map[string]string
	out    *[]tui.FormField
}

// node adds the fields of one part of the schema. has is what is there; must says that
// it cannot be left out.
func (w traitWalk) node(n *traitNode, path, section, item string, has any, must bool) {
	kind := n.kindFor(has)
	switch kind {
	case traitObject:
		obj, _ := has.(map[string]any)
		for _, p := range n.props {
			at := section
			if p.kindFor(obj[p.key]) == traitObject || p.kindFor(obj[p.key]) == traitList {
				at = joinCrumbs(section, p.label())
			}
			w.node(p, path+"/"+escapePath(p.key), at, item, obj[p.key], must && p.required)
		}
		if others := n.others(obj); len(others) > 0 || n.more {
			w.add(w.rest(path, section, item, others))
		}
	case traitList:
		w.list(n, path, section, has)
	default:
		field := n.field(kind, path, has, must)
		field.Section, field.Item = section, item
		w.add(field)
	}
}

func (w traitWalk) add(f tui.FormField) { *w.out = append(*w.out, f) }

// list adds the items that are there or typed, and an empty one to type the next.
func (w traitWalk) list(n *traitNode, path, section string, has any) {
	items, _ := has.([]any)
	count := max(len(items), w.filled(path))
	if n.most == 0 || count < n.most {
		count++
	}
	for i := range count {
		var one any
		if i < len(items) {
			one = items[i]
		}
		at := fmt.Sprintf("%s/%d", path, i)
		under := section
		if k := n.item.kindFor(one); k == traitObject || k == traitList {
			under = joinCrumbs(section, strconv.Itoa(i+1))
		}
		from := len(*w.out)
		w.node(n.item, at, under, at, one, false)
		for k := from; k < len(*w.out); k++ {
			f := &(*w.out)[k]
			if f.Label == "" {
				f.Label = strconv.Itoa(i + 1)
			}
			if i == count-1 && i >= len(items) && f.Placeholder == "" {
				f.Placeholder = "one more"
			}
			if k == from && f.Help == "" {
				f.Help = joinSentences(n.about, n.limits)
			}
		}
	}
}

// filled is how many items of a list something was typed into, counted by the last.
func (w traitWalk) filled(path string) int {
	most := 0
	for name, value := range w.values {
		rest, ok := strings.CutPrefix(name, path+"/")
		if !ok || value == "" || value == traitNothing {
			continue
		}
		index, _, _ := strings.Cut(rest, "/")
		if i, err := strconv.Atoi(index); err == nil {
			most = max(most, i+1)
		}
	}
	return most
}

// traitRest is the last part of the name of the field for keys that the schema does
// not name; no trait is called so, because "/" is escaped in a path.
const traitRest = "/…"

func (w traitWalk) rest(path, section, item string, others map[string]any) tui.FormField {
	value := ""
	if len(others) > 0 {
		value = compactJSON(others)
	}
	return tui.FormField{Name: path + traitRest, Label: "others", Section: section, Item: item, JSON: true, Value: value,
		Help: "JSON object of what the schema does not name, such as {\"team\": \"blue\"}", Check: checkJSONObject}
}

// field is the input for one value.
func (n *traitNode) field(kind traitKind, path string, has any, must bool) tui.FormField {
	f := tui.FormField{Name: path, Label: n.label(), Required: must && kind != traitRaw && has != "", Value: n.text(kind, has)}
	var hint string
	switch kind {
	case traitText:
		hint = traitFormats[n.format]
	case traitNumber:
		hint, f.Check = "a number", checkNumber
	case traitInteger:
		hint, f.Check = "a whole number", checkInteger
	case traitFlag:
		f.Choices = []string{"yes", "no"}
	case traitChoice:
		for _, c := range n.choices {
			f.Choices = append(f.Choices, c.label)
		}
	case traitRaw:
		hint, f.JSON, f.Check = "JSON", true, checkAnyJSON
	}
	if len(f.Choices) > 0 && !(must && f.Value != traitNothing) {
		f.Choices = append([]string{traitNothing}, f.Choices...)
		if f.Value == "" {
			f.Value = traitNothing
		}
	}
	if f.Required && len(f.Choices) > 0 {
		f.Check = func(value string) string {
			if value == traitNothing {
				return "is needed"
			}
			return ""
		}
	}
	limits := n.limits
	if kind == traitRaw {
		limits = ""
	}
	f.Help = joinSentences(n.about, hint, limits)
	return f
}

// traitFormats say how a text of a format is written (JSON schema draft 7 §7.3, and
// "tel", which is Kratos' own and means E.164).
var traitFormats = map[string]string{
	"email": "an e-mail address", "tel": "a telephone number with its country, such as +49 30 123456", "uri": "an address with its scheme, such as https://example.org",
	"date": "a day, such as 2026-03-02", "date-time": "a moment, such as 2026-03-02T15:04:05Z", "time": "a time of day, such as 15:04:05Z",
	"uuid": "a UUID", "hostname": "a host name", "ipv4": "an IPv4 address", "ipv6": "an IPv6 address", "regex": "a regular expression",
}

// label is the name in the form: the title, else the key.
func (n *traitNode) label() string { return orWord(n.title, n.key) }

// kindFor is the kind of the field for the value that is there: one that does not fit
// the schema (any more) is shown as JSON, and so never lost.
func (n *traitNode) kindFor(has any) traitKind {
	fits := true
	switch has := has.(type) {
	case nil:
	case string:
		fits = n.kind == traitText
	case json.Number:
		fits = n.kind == traitNumber || n.kind == traitInteger
	case bool:
		fits = n.kind == traitFlag
	case []any:
		fits = n.kind == traitList && len(has) <= traitItems
	case map[string]any:
		fits = n.kind == traitObject
	}
	if n.kind == traitChoice {
		fits = has == nil || n.labelOf(has) != ""
	}
	if !fits {
		return traitRaw
	}
	return n.kind
}

// traitItems is how many items of a list get fields of their own; a longer list is
// one field of JSON.
const traitItems = 50

// text is a value as it is put into its field.
func (n *traitNode) text(kind traitKind, has any) string {
	switch {
	case has == nil && kind != traitChoice:
		return ""
	case kind == traitText:
		s, _ := has.(string)
		return s
	case kind == traitNumber || kind == traitInteger:
		s, _ := has.(json.Number)
		return s.String()
	case kind == traitFlag:
		if has == true {
			return "yes"
		}
		return "no"
	case kind == traitChoice:
		if has == nil {
			return ""
		}
		return n.labelOf(has)
	}
	return compactJSON(has)
}

func (n *traitNode) labelOf(v any) string {
	for _, c := range n.choices {
		if sameValue(c.value, v) {
			return c.label
		}
	}
	return ""
}

// others are the keys of an object that its schema does not name.
func (n *traitNode) others(obj map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range obj {
		if !slices.ContainsFunc(n.props, func(p *traitNode) bool { return p.key == k }) {
			out[k] = v
		}
	}
	return out
}

func checkNumber(value string) string {
	if _, ok := decodeJSON(json.RawMessage(strings.TrimSpace(value))).(json.Number); !ok || tui.JSONFault(value) != "" {
		return "is not a number; a fraction is written 1.5"
	}
	return ""
}

func checkInteger(value string) string {
	if checkNumber(value) != "" {
		return "is not a whole number"
	}
	return ""
}

func checkAnyJSON(value string) string {
	if fault := tui.JSONFault(value); fault != "" {
		return "is not JSON: " + fault
	}
	return ""
}

func checkJSONObject(value string) string {
	if e := checkAnyJSON(value); e != "" {
		return e
	}
	if _, ok := decodeJSON(json.RawMessage(value)).(map[string]any); !ok {
		return "is not a JSON object: {…}"
	}
	return ""
}

// escapePath writes a key as a part of a JSON pointer (RFC 6901 §3).
func escapePath(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

func joinCrumbs(a, b string) string {
	if a == "" {
		return b
	}
	return a + " › " + b
}

// joinSentences joins what is there: "A day, such as …; at least 3".
func joinSentences(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// traits puts the values of the fields together again. The error names the first field
// that cannot be read.
func (f *traitForm) traits(values map[string]string) (json.RawMessage, error) {
	v, _, err := f.value(f.root, "/traits", f.before, values, true)
	if err != nil {
		return nil, err
	}
	if v == nil {
		v = map[string]any{}
	}
	return encodePlain(v)
}

// value is one part of the traits, and whether it is there at all.
func (f *traitForm) value(n *traitNode, path string, has any, values map[string]string, must bool) (any, bool, error) {
	switch kind := n.kindFor(has); kind {
	case traitObject:
		return f.object(n, path, has, values, must)
	case traitList:
		return f.list(n, path, has, values)
	default:
		text, shown := values[path]
		if !shown || text == n.shownText(kind, has) {
			return has, has != nil, nil // untouched; null is kept by its parent
		}
		v, ok, err := n.parse(kind, text)
		if err != nil && f.lenient {
			return text, true, nil
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s %w", n.label(), err)
		}
		return v, ok, nil
	}
}

// shownText is what the field of a value began with.
func (n *traitNode) shownText(kind traitKind, has any) string {
	text := n.text(kind, has)
	if text == "" && (kind == traitFlag || kind == traitChoice) {
		return traitNothing
	}
	return text
}

// parse reads what was typed. Nothing typed means that the trait is left out.
func (n *traitNode) parse(kind traitKind, text string) (v any, there bool, err error) {
	if text == "" || text == traitNothing && (kind == traitFlag || kind == traitChoice) {
		return nil, false, nil
	}
	switch kind {
	case traitText:
		return text, true, nil
	case traitFlag:
		return text == "yes", true, nil
	case traitChoice:
		for _, c := range n.choices {
			if c.label == text {
				return c.value, true, nil
			}
		}
		return nil, false, fmt.Errorf("cannot be %q", text)
	case traitNumber, traitInteger:
		if e := checkNumber(text); e != "" {
			return nil, false, fmt.Errorf("%s", e)
		}
		return json.Number(strings.TrimSpace(text)), true, nil
	}
	if e := checkAnyJSON(text); e != "" {
		return nil, false, fmt.Errorf("%s", e)
	}
	return decodeJSON(json.RawMessage(text)), true, nil
}

func (f *traitForm) object(n *traitNode, path string, has any, values map[string]string, must bool) (any, bool, error) {
	before, was := has.(map[string]any)
	out := map[string]any{}
	for _, p := range n.props {
		old, had := before[p.key]
		v, there, err := f.value(p, path+"/"+escapePath(p.key), old, values, must && p.required)
		if err != nil {
			return nil, false, err
		}
		if there || had && old == nil && v == nil {
			out[p.key] = v
		}
	}
	others := n.others(before)
	if text, shown := values[path+traitRest]; shown {
		others = map[string]any{}
		if text != "" {
			if e := checkJSONObject(text); e != "" && !f.lenient {
				return nil, false, fmt.Errorf("others %s", e)
			}
			others, _ = decodeJSON(json.RawMessage(text)).(map[string]any)
		}
	}
	for k, v := range others {
		out[k] = v
	}
	// An object in which nothing is left goes away, but for one that was empty before.
	return out, len(out) > 0 || must && f.before == nil || was && len(before) == 0, nil
}

func (f *traitForm) list(n *traitNode, path string, has any, values map[string]string) (any, bool, error) {
	items, was := has.([]any)
	w := traitWalk{values: values}
	out := []any{}
	for i := range max(len(items), w.filled(path)) {
		var old any
		if i < len(items) {
			old = items[i]
		}
		v, there, err := f.value(n.item, fmt.Sprintf("%s/%d", path, i), old, values, false)
		if err != nil {
			return nil, false, err
		}
		if there || i < len(items) && old == nil && v == nil {
			out = append(out, v)
		}
	}
	return out, len(out) > 0 || was, nil
}

// complaints are what the schema says to the values, by the names of the fields. What
// no field is called after stands at the nearest one.
func (f *traitForm) complaints(values map[string]string) map[string]string {
	out := map[string]string{}
	if f.check == nil {
		return out
	}
	lenient := *f
	lenient.lenient = true
	traits, err := lenient.traits(values)
	if err != nil {
		return out
	}
	list, err := f.check.Check(traits)
	if err != nil {
		return out
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, c := range list {
		if name := nearestField(names, f.unpacked(c.Path, values)); name != "" && out[name] == "" {
			out[name] = c.Message
		}
	}
	return out
}

// unpacked leads a path of the traits back to the fields: items of a list that were
// emptied are left out of the traits, so that the numbers of those behind differ.
func (f *traitForm) unpacked(path string, values map[string]string) string {
	parts := strings.Split(path, "/")
	n, has, at := f.root, f.before, "/traits"
	for i := 2; i < len(parts) && n != nil; i++ {
		switch n.kindFor(has) {
		case traitObject:
			key := strings.NewReplacer("~1", "/", "~0", "~").Replace(parts[i])
			obj, _ := has.(map[string]any)
			has = obj[key]
			k := slices.IndexFunc(n.props, func(p *traitNode) bool { return p.key == key })
			if k < 0 {
				return at + traitRest
			}
			n, at = n.props[k], at+"/"+parts[i]
		case traitList:
			want, err := strconv.Atoi(parts[i])
			if err != nil {
				return at
			}
			items, _ := has.([]any)
			for field := 0; ; field++ {
				var old any
				if field < len(items) {
					old = items[field]
				}
				where := fmt.Sprintf("%s/%d", at, field)
				_, there, _ := f.value(n.item, where, old, values, false)
				if there {
					want--
				}
				if want < 0 || field > len(items)+1000 {
					n, has, at = n.item, old, where
					break
				}
			}
		default:
			return at
		}
	}
	return at
}

// nearestField is the field with that name, the first below it, or the one above it.
func nearestField(names []string, path string) string {
	for _, name := range names {
		if name == path {
			return name
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, path+"/") {
			return name
		}
	}
	for at := path; strings.Contains(at, "/"); at = at[:strings.LastIndexByte(at, '/')] {
		if slices.Contains(names, at) {
			return at
		}
	}
	return ""
}

// encodePlain writes JSON without escaping what HTML would need, numbers as they were.
func encodePlain(v any) (json.RawMessage, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n")), nil
}

// sameValue compares two decoded JSON values.
func sameValue(a, b any) bool { return compactJSON(a) == compactJSON(b) }
