package screens

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// traitKind is how a trait is put into a form.
type traitKind uint8

// The closed list of kinds. What is not understood is traitRaw: a field of JSON.
const (
	traitRaw traitKind = iota
	traitText
	traitNumber
	traitInteger
	traitFlag
	traitChoice
	traitList
	traitObject
)

// traitNode is one part of an identity schema as a form needs it. What the schema
// demands beyond that is left to kratos.TraitsCheck, which knows all of it.
type traitNode struct {
	key, title, about string
	kind              traitKind
	format            string
	required          bool
	choices           []traitChosen
	item              *traitNode   // of a list
	most              int          // items of a list, 0 when there is no limit
	props             []*traitNode // of an object, in the order of the schema
	more              bool         // the object may have further keys, and says so
	limits            string       // "3 to 320 characters"
}

// traitChosen is one value of an enum, and how it is written in a form.
type traitChosen struct {
	label string
	value any
}

// traitSchemaDepth is how deep a schema is followed; what lies deeper, or refers to
// itself, is a field of JSON.
const traitSchemaDepth = 8

// readTraitSchema makes the form of an identity schema. The error is that of a schema
// that is not JSON or has no traits.
func readTraitSchema(raw json.RawMessage) (*traitNode, error) {
	r := traitReader{root: raw}
	top, err := orderedObject(raw)
	if err != nil {
		return nil, fmt.Errorf("the identity schema is not a JSON object: %w", err)
	}
	props, err := orderedObject(top.get("properties"))
	if err != nil || props.get("traits") == nil {
		return nil, fmt.Errorf("the identity schema says nothing about traits")
	}
	n := r.node("traits", props.get("traits"), true, 0)
	if n.kind == traitRaw && len(bytes.TrimSpace(props.get("traits"))) > 0 {
		n.title = "traits"
	}
	return n, nil
}

// traitReader reads a schema, with the references inside it.
type traitReader struct{ root json.RawMessage }

// traitShapes are the keywords that make the shape of a value depend on more than its
// type: a form cannot follow them.
var traitShapes = []string{"oneOf", "anyOf", "allOf", "not", "if", "patternProperties", "propertyNames",
	"dependencies", "dependentSchemas", "unevaluatedProperties", "$dynamicRef", "contains", "additionalItems", "prefixItems"}

func (r traitReader) node(key string, raw json.RawMessage, required bool, depth int) *traitNode {
	n := &traitNode{key: key, required: required}
	s, err := orderedObject(raw)
	for hops := 0; err == nil && s.get("$ref") != nil; hops++ {
		about := s
		if s, err = orderedObject(r.resolve(s.get("$ref"))); hops > traitSchemaDepth {
			return n
		}
		s = append(about.without("$ref"), s...) // a title beside the reference comes first
	}
	if err != nil || depth > traitSchemaDepth {
		return n
	}
	n.title, n.about = s.text("title"), s.text("description")
	if slices.ContainsFunc(traitShapes, func(k string) bool { return s.get(k) != nil }) {
		return n
	}
	if n.readChoices(s) {
		return n
	}
	switch kind := s.kind(); kind {
	case "string":
		n.kind, n.format = traitText, s.text("format")
		n.limits = traitRange(s.get("minLength"), s.get("maxLength"), "characters")
	case "number", "integer":
		n.kind = traitNumber
		if kind == "integer" {
			n.kind = traitInteger
		}
		n.limits = traitRange(s.first("minimum", "exclusiveMinimum"), s.first("maximum", "exclusiveMaximum"), "")
	case "boolean":
		n.kind = traitFlag
	case "array":
		r.list(n, s, depth)
	case "object":
		r.object(n, s, depth)
	}
	return n
}

// readChoices takes up an enum or a constant.
func (n *traitNode) readChoices(s ordered) bool {
	var values []any
	if one := s.get("const"); one != nil {
		values = []any{decodeJSON(one)}
	} else if raw := s.get("enum"); raw != nil {
		values, _ = decodeJSON(raw).([]any)
	}
	if len(values) == 0 {
		return false
	}
	n.kind = traitChoice
	for _, v := range values {
		label, ok := v.(string)
		if again := slices.ContainsFunc(n.choices, func(c traitChosen) bool { return c.label == label }); !ok || label == "" || again || label == traitNothing {
			label = compactJSON(v)
		}
		n.choices = append(n.choices, traitChosen{label, v})
	}
	return true
}

func (r traitReader) list(n *traitNode, s ordered, depth int) {
	items := s.get("items")
	if items == nil || bytes.HasPrefix(bytes.TrimSpace(items), []byte("[")) {
		return
	}
	item := r.node("", items, false, depth+1)
	if item.kind == traitRaw && item.title == "" && item.about == "" && bytes.Equal(bytes.TrimSpace(items), []byte("true")) {
		return
	}
	n.kind, n.item = traitList, item
	n.limits = traitRange(s.get("minItems"), s.get("maxItems"), "items")
	if m, ok := decodeJSON(s.get("maxItems")).(json.Number); ok {
		if i, err := m.Int64(); err == nil && i > 0 && i < 1000 {
			n.most = int(i)
		}
	}
}

func (r traitReader) object(n *traitNode, s ordered, depth int) {
	props, err := orderedObject(s.get("properties"))
	if err != nil && s.get("properties") != nil {
		return
	}
	must := map[string]bool{}
	list, _ := decodeJSON(s.get("required")).([]any)
	for _, name := range list {
		if text, ok := name.(string); ok {
			must[text] = true
		}
	}
	n.kind = traitObject
	for _, p := range props {
		n.props = append(n.props, r.node(p.key, p.value, must[p.key], depth+1))
		delete(must, p.key)
	}
	extra := bytes.TrimSpace(s.get("additionalProperties"))
	n.more = len(must) > 0 || len(extra) > 0 && string(extra) != "false"
	if len(n.props) == 0 {
		n.kind = traitRaw // an object of which nothing is known
	}
}

// resolve follows a reference inside the schema ("#/definitions/name"); nil when it
// leads elsewhere.
func (r traitReader) resolve(ref json.RawMessage) json.RawMessage {
	path, ok := decodeJSON(ref).(string)
	if !ok || !strings.HasPrefix(path, "#/") {
		return nil
	}
	at := r.root
	for part := range strings.SplitSeq(path[2:], "/") {
		o, err := orderedObject(at)
		if err != nil {
			return nil
		}
		at = o.get(strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	return at
}

// traitRange says what a value may be: "3 to 320 characters", "at least 1".
func traitRange(low, high json.RawMessage, of string) string {
	text := ""
	a, b := strings.TrimSpace(string(low)), strings.TrimSpace(string(high))
	switch {
	case a != "" && b != "":
		text = a + " to " + b
	case a != "":
		text = "at least " + a
	case b != "":
		text = "at most " + b
	default:
		return ""
	}
	return joinWords(text, of)
}

// member is one key of an object and its value.
type member struct {
	key   string
	value json.RawMessage
}

// ordered is a JSON object with its keys in the order in which they are written: a
// form asks in the order of its schema.
type ordered []member

func orderedObject(raw json.RawMessage) (ordered, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if tok != json.Delim('{') {
		return nil, fmt.Errorf("an object was expected")
	}
	var out ordered
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var m member
		m.key, _ = key.(string)
		if err := dec.Decode(&m.value); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// get is the value of a key, nil when it is not there.
func (o ordered) get(key string) json.RawMessage {
	for _, m := range o {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

func (o ordered) first(keys ...string) json.RawMessage {
	for _, key := range keys {
		if v := o.get(key); v != nil {
			return v
		}
	}
	return nil
}

func (o ordered) without(key string) ordered {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.key == key })
}

func (o ordered) text(key string) string {
	s, _ := decodeJSON(o.get(key)).(string)
	return s
}

// kind is the type that the schema allows; of two, the one beside null. It is empty
// where there are more, and told from the keywords where none is named.
func (o ordered) kind() string {
	switch t := decodeJSON(o.get("type")).(type) {
	case string:
		return t
	case []any:
		rest := slices.DeleteFunc(t, func(v any) bool { return v == "null" })
		if len(rest) == 1 {
			s, _ := rest[0].(string)
			return s
		}
	case nil:
		if o.get("properties") != nil {
			return "object"
		}
		if o.get("items") != nil {
			return "array"
		}
	}
	return ""
}

// decodeJSON decodes a value with its numbers as they are written; nil when it is none.
func decodeJSON(raw json.RawMessage) any {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if len(raw) == 0 || dec.Decode(&v) != nil {
		return nil
	}
	return v
}
