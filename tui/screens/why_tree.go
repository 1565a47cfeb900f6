package screens

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// Bounds of what is open at first of a whole tree: a huge one is opened by hand.
const (
	whyOpenAll   = 2_000 // nodes
	whyOpenDepth = 6
)

// drawAnswer makes the lines of an explanation. It may take a while, so it belongs into
// a job.
func drawAnswer(t access.Trace, err error, names *People) whyAnswer {
	a := whyAnswer{trace: t, err: err}
	if t.Proof != nil {
		a.proof = (&whyDraw{names: names, open: -1}).node(t.Proof, "p", 0)
	}
	if t.Tree != nil {
		d := &whyDraw{names: names, open: -1, depth: true}
		if steps(t.Tree, whyOpenAll) >= whyOpenAll {
			d.open = whyOpenDepth
		}
		a.tree = d.node(t.Tree, "t", 0)
	}
	return a
}

// steps counts the steps, up to most.
func steps(s *access.Step, most int) int {
	n := 1
	for _, c := range s.Children {
		if n >= most {
			break
		}
		n += steps(c, most-n)
	}
	return n
}

// whyDraw turns steps into lines.
type whyDraw struct {
	names *People
	open  int  // from which depth on branches start closed; -1 never
	depth bool // whether the levels that were left are shown
}

// node is one step as a line: what was asked, what came of it, by which tuple, where the
// model says so, and what it cost.
func (d *whyDraw) node(s *access.Step, id string, depth int) *widget.Node {
	n := &widget.Node{ID: id, Mark: s.Verdict.Mark(), Tone: whyTone(s.Verdict), Label: withNames(s.Label, d.names), Open: d.open < 0 || depth < d.open, Data: s}
	if s.Skipped {
		n.Mark, n.Tone, n.Open = "·", theme.Dim, false
	}
	var notes []string
	if s.Inferred {
		notes = append(notes, "inferred")
	}
	if s.Reason != "" {
		notes = append(notes, withNames(s.Reason, d.names))
	}
	if s.Tuple != "" && s.Tuple != s.Label {
		notes = append(notes, "by "+withNames(s.Tuple, d.names))
	}
	if s.Rule != nil && s.Rule.Line > 0 {
		notes = append(notes, path.Base(s.Rule.File)+":"+strconv.Itoa(s.Rule.Line))
	}
	if s.Requests > 0 {
		notes = append(notes, count(s.Requests, "request"))
	}
	if d.depth && s.Depth > 0 && !s.Skipped {
		notes = append(notes, fmt.Sprintf("%d deep left", s.Depth))
	}
	n.Note = strings.Join(notes, " · ")
	for i, c := range s.Children {
		n.Children = append(n.Children, d.node(c, id+"."+strconv.Itoa(i), depth+1))
	}
	return n
}

func whyTone(v access.Verdict) theme.Tone {
	switch v {
	case access.Allowed:
		return theme.Good
	case access.Denied:
		return theme.Bad
	default:
		return theme.Dim
	}
}

var uuidIn = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)

// withNames puts the person's name before an id, which is cut to what tells it apart:
// "Group:finance#members@Ann Okafor (7d31…e4)".
func withNames(text string, names *People) string { return namesBut(text, names, "") }

// namesBut leaves one id as it is: that of whom a sentence calls by name already, so that
// where it has the id it is the id that is meant.
func namesBut(text string, names *People, but string) string {
	if names == nil || len(text) < 36 {
		return text
	}
	return uuidIn.ReplaceAllStringFunc(text, func(id string) string {
		if name := names.Name(id); name != "" && id != but {
			return name + " (" + shortID(id) + ")"
		}
		return id
	})
}

// namesOnly puts the person's name in the place of an id, where there is little room and
// the exact text is shown before anything is written.
func namesOnly(text string, names *People) string {
	if names == nil || len(text) < 36 {
		return text
	}
	return uuidIn.ReplaceAllStringFunc(text, func(id string) string {
		if name := names.Name(id); name != "" {
			return name
		}
		return id
	})
}

// learnNames looks up who the ids of an explanation are.
func learnNames(ctx context.Context, names *People, q tuple.Tuple, t access.Trace) {
	if names == nil {
		return
	}
	ids := []string{q.Subject.ID}
	for _, f := range t.Fixes {
		for _, w := range f.Writes {
			ids = append(ids, uuidIn.FindAllString(w.Tuple, -1)...)
		}
	}
	ids = append(ids, uuidIn.FindAllString(t.Summary+" "+t.Hint, -1)...)
	names.Learn(ctx, ids)
}
