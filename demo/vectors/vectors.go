// Package vectors holds what the original applications answered, request by request,
// and compares answers with it. An answer that differs on purpose stands in
// demo/deviations.yaml with the reason; one that stands there and does not differ is
// a fault too.
package vectors

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"
)

//go:embed seed-vectors.jsonl
var recorded []byte

// Vector is one recorded request and its answer. Texts hold placeholders such as
// <app>, <cookie> and <session:alice> for what changes from run to run.
type Vector struct {
	System   string   `json:"system"`
	Case     string   `json:"case"`
	Original Original `json:"original"`
	Setup    string   `json:"setup"`
	Request  Request  `json:"request"`
	Response Response `json:"response"`
}

// Original says which program answered.
type Original struct {
	Lib     string `json:"lib"`
	Patched bool   `json:"patched"`
}

// Request is what was sent.
type Request struct {
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Headers Headers `json:"headers"`
	Body    *string `json:"body"`
	// Token is the decoded JWT where one was sent, with times relative to now.
	Token json.RawMessage `json:"token"`
}

// Response is what came back.
type Response struct {
	Status     int     `json:"status"`
	Headers    Headers `json:"headers"`
	Body       string  `json:"body"` // at most 500 bytes of it
	BodyLen    int     `json:"body_len"`
	BodySHA256 string  `json:"body_sha256"`
	Seconds    float64 `json:"seconds"`
}

// Headers are those of a request or an answer; most have one value.
type Headers map[string][]string

// Get is the first value of a header, empty where there is none.
func (h Headers) Get(name string) string {
	if v := h[http.CanonicalHeaderKey(name)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// UnmarshalJSON reads a text or a list of them as the values of a header.
func (h *Headers) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*h = Headers{}
	for name, v := range raw {
		var one string
		if json.Unmarshal(v, &one) == nil {
			(*h)[http.CanonicalHeaderKey(name)] = []string{one}
			continue
		}
		var many []string
		if err := json.Unmarshal(v, &many); err != nil {
			return err
		}
		(*h)[http.CanonicalHeaderKey(name)] = many
	}
	return nil
}

// All are the recorded vectors, in the order in which they were recorded.
func All() []Vector { return all() }

var all = sync.OnceValue(func() []Vector {
	list, err := Read(recorded)
	if err != nil {
		panic(err) // embedded, and read by every test
	}
	return list
})

// Read reads vectors, one JSON object a line.
func Read(b []byte) ([]Vector, error) {
	var list []Vector
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, 1<<20)
	for n := 1; sc.Scan(); n++ {
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		var v Vector
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			return nil, fmt.Errorf("vectors: line %d: %w", n, err)
		}
		list = append(list, v)
	}
	return list, sc.Err()
}

// Of are the vectors of one system.
func Of(system string) []Vector {
	var list []Vector
	for _, v := range All() {
		if v.System == system {
			list = append(list, v)
		}
	}
	return list
}

// Systems counts the vectors of each system.
func Systems() map[string]int {
	n := map[string]int{}
	for _, v := range All() {
		n[v.System]++
	}
	return n
}

// Names are the systems that have vectors, sorted.
func Names() []string {
	var names []string
	for s := range Systems() {
		names = append(names, s)
	}
	sort.Strings(names)
	return names
}

// Vars are the values that stand for placeholders, without their angle brackets:
// {"app": "127.0.0.1:4480", "session:alice": "…"}.
type Vars map[string]string

// Fill puts the values into a text that is to be sent. A placeholder without a value
// is an error: the request would mean something else.
func (v Vars) Fill(s string) (string, error) {
	var missing error
	out := placeholder.ReplaceAllStringFunc(s, func(m string) string {
		value, ok := v[strings.Trim(m, "<>")]
		if !ok {
			missing = fmt.Errorf("the placeholder %s has no value", m)
		}
		return value
	})
	return out, missing
}
