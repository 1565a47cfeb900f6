package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access"
	"gatehouse/clients/keto"
	"gatehouse/tui"
)

func (s *Why) whyNoFixes() string {
	switch t := s.answer.trace; {
	case !s.asked:
		return "there is no answer yet"
	case len(t.Fixes) > 0:
		return ""
	case t.Verdict == access.Allowed:
		return "it is allowed: there is nothing to fix"
	default:
		return "no small change was found that would allow it"
	}
}

func (s *Why) whyNoFix() string {
	if why := s.whyNoFixes(); why != "" {
		return why
	}
	if s.spec.Keto == nil {
		return "nothing can be written here"
	}
	if s.err != nil {
		return "these fixes are of an older answer; ask again first (r)"
	}
	return ""
}

// apply shows the fix under the cursor and writes it.
func (s *Why) apply() {
	fix := s.answer.trace.Fixes[s.fix]
	q := tui.Question{Title: "Apply this fix?", Lines: s.writeLines(fix.Writes), Verb: "apply"}
	if also := fix.Words(); also != "" {
		q.Lines = append(q.Lines, "It "+also+".")
	}
	if fix.Unblocks {
		q.Lines = append(q.Lines, "This removes what was meant to deny.")
	}
	s.confirmWrites(q, "fix "+s.answer.trace.Question, fix.Writes)
}

// writeLines are exactly what is written, and who the ids are.
func (s *Why) writeLines(writes []access.Write) []string {
	var lines, who []string
	for _, w := range writes {
		sign := "+ "
		if w.Op == access.OpRemove {
			sign = "- "
		}
		text := w.What().String()
		lines = append(lines, sign+text)
		for _, id := range uuidIn.FindAllString(text, -1) {
			if name := s.spec.Names.Name(id); name != "" && !slices.Contains(who, id+" is "+name) {
				who = append(who, id+" is "+name)
			}
		}
	}
	return append(lines, who...)
}

// confirmWrites asks, writes in one transaction, asks the question again, and offers the
// way back. The question decides the order of keys: y right after it is all it takes.
func (s *Why) confirmWrites(q tui.Question, what string, writes []access.Write) {
	s.host.Confirm(writing(s.host, s.spec.Keto, &s.write, q, what, writes, s.ask, s.suppose.clear))
}

// writing is the question with the answer yes: to write in one transaction and offer the
// way back. again looks at what is there now, after the write and after it was taken
// back; written follows a write that was done.
func writing(h tui.Host, k WhyKeto, job *tui.Job, q tui.Question, what string, writes []access.Write, again, written func()) tui.Question {
	edits := make([]keto.Edit, len(writes))
	for i, w := range writes {
		edits[i] = keto.Edit{Op: keto.Insert, Tuple: w.What()}
		if w.Op == access.OpRemove {
			edits[i].Op = keto.Delete
		}
	}
	q.Yes = func() {
		tui.Write(h, job, what, 0, func(ctx context.Context) (keto.Applied, error) { return k.Apply(ctx, edits) },
			func(done keto.Applied, err error) {
				again()
				if err != nil {
					h.Fail(err)
					return
				}
				written()
				h.Toast(fmt.Sprintf("applied: %s · u undoes it", count(done.Changed(), "change")))
				if done.Changed() == 0 {
					h.Toast("it was like that already: nothing was written")
					return
				}
				h.Undo(tui.Undo{What: what, Lines: undoLines(done), Then: again,
					Run: func(ctx context.Context) error { _, err := k.Undo(ctx, done); return err }})
			})
	}
	return q
}

// undoLines say what taking a write back writes.
func undoLines(done keto.Applied) []string {
	lines := make([]string, 0, len(done.Edits))
	for _, e := range done.Edits {
		switch {
		case !e.Changed():
		case e.Op == keto.Insert:
			lines = append(lines, "- "+e.Tuple.String())
		default:
			lines = append(lines, "+ "+e.Tuple.String())
		}
	}
	return lines
}

// fixWrites are the writes of a fix as text; what they do besides stands beside it.
func fixWrites(f access.Fix, names *People) string {
	var words []string
	for _, w := range f.Writes {
		words = append(words, string(w.Op)+" "+namesOnly(w.What().String(), names))
	}
	return strings.Join(words, ", ")
}
