package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// encodeYAML goes by way of JSON, so that names, order and omitted fields are the
// same. A string with anything in it that a terminal could obey is written in
// double quotes with escapes, which no parser takes for another value.
func encodeYAML(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("print YAML: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	ordered, err := decodeOrdered(dec)
	if err != nil {
		return nil, fmt.Errorf("print YAML: %w", err)
	}
	node, err := yaml.ValueToNode(ordered)
	if err != nil {
		return nil, fmt.Errorf("print YAML: %w", err)
	}
	ast.Walk(quoter{}, node)
	return escapeYAML([]byte(node.String() + "\n")), nil
}

// decodeOrdered reads one JSON value and keeps the order of the keys.
func decodeOrdered(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Number:
		return yamlNumber(t), nil
	case json.Delim:
		if t == '[' {
			return decodeList(dec)
		}
		return decodeObject(dec)
	}
	return tok, nil
}

func decodeList(dec *json.Decoder) (any, error) {
	out := []any{}
	for dec.More() {
		v, err := decodeOrdered(dec)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := dec.Token()
	return out, err
}

func decodeObject(dec *json.Decoder) (any, error) {
	out := yaml.MapSlice{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := decodeOrdered(dec)
		if err != nil {
			return nil, err
		}
		out = append(out, yaml.MapItem{Key: key, Value: v})
	}
	_, err := dec.Token()
	return out, err
}

// yamlNumber keeps whole numbers exact as far as YAML libraries do; a larger one stays
// a text, which at least loses no digit.
func yamlNumber(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	if f, err := n.Float64(); err == nil && strings.ContainsAny(n.String(), ".eE") {
		return f
	}
	return n.String()
}

// quoter puts the strings that need it into double quotes.
type quoter struct{}

// Visit implements ast.Visitor.
func (q quoter) Visit(n ast.Node) ast.Visitor {
	if s, ok := n.(*ast.StringNode); ok && unsafeText(s.Value) {
		s.Token.Type = token.DoubleQuoteType
	}
	if l, ok := n.(*ast.LiteralNode); ok && unsafeText(l.Value.Value) {
		l.Value.Token.Type = token.DoubleQuoteType
	}
	return q
}
