package screens

import (
	"context"
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// whySuppose are changes that are taken as made, with the answer that they would give.
type whySuppose struct {
	input  *widget.Input
	notice string
	writes []access.Write
	// result is the answer, once answered; answer is its lines.
	result   access.WhatIf
	answer   whyAnswer
	answered bool
	err      error
	job      tui.Job
}

// on is true while anything is supposed.
func (p *whySuppose) on() bool { return len(p.writes) > 0 }

func (p *whySuppose) clear() {
	p.writes, p.answered, p.err, p.notice = nil, false, nil, ""
	p.result, p.answer = access.WhatIf{}, whyAnswer{}
}

// supposeActions are those of what if.
func (s *Why) supposeActions() []tui.Action {
	if s.spec.WhatIf == nil {
		return nil
	}
	acts := []tui.Action{{Name: "what if", Keys: []string{"x"}, Footer: 3, Help: "Suppose that a tuple is added or taken away, and see the answer at once. Nothing is written.", Why: s.needAnswer, Run: tui.Do(s.startSupposing)}}
	if !s.suppose.on() {
		return acts
	}
	return append(acts,
		tui.Action{Name: "apply these", Keys: []string{"a"}, Footer: 1, Mutates: true, Help: "Write the supposed changes, after showing them, and ask again.", Why: s.whyNoWrites, Run: tui.Do(s.applySupposed)},
		tui.Action{Name: "drop the last", Keys: []string{"d", "backspace"}, Footer: 2, Help: "Take the last supposed change back.", Run: tui.Do(s.dropSupposed)})
}

func (s *Why) whyNoWrites() string {
	if s.spec.Keto == nil {
		return "nothing can be written here"
	}
	return ""
}

// startSupposing opens the line, beginning with what the step under the cursor suggests:
// to take away the tuple that leads there, or to add the one that is missing.
func (s *Why) startSupposing() {
	s.suppose.notice = ""
	s.suppose.input.SetValue(s.suggested())
	s.suppose.input.Focus()
}

func (s *Why) suggested() string {
	step := s.step()
	if step == nil {
		return "+"
	}
	if step.Tuple != "" && step.Verdict == access.Allowed {
		return "-" + step.Tuple
	}
	left, _, _ := strings.Cut(step.Label, "@")
	t, err := tuple.Parse(left + "@" + s.q.Subject.String())
	if err != nil || s.spec.CanWrite != nil && s.spec.CanWrite(t) != nil {
		return "+"
	}
	return "+" + t.String()
}

// completeSupposed completes the tuple behind the sign.
func (s *Why) completeSupposed(text string) []widget.Completion {
	if s.spec.Complete == nil {
		return nil
	}
	sign, rest := "", text
	if text != "" && (text[0] == '+' || text[0] == '-') {
		sign, rest = text[:1], strings.TrimLeft(text[1:], " ")
	}
	var out []widget.Completion
	for _, c := range s.spec.Complete(rest) {
		c.Value = sign + c.Value
		out = append(out, c)
	}
	return out
}

// enterSupposed takes the typed change.
func (s *Why) enterSupposed() {
	if s.suppose.input.Update(enterKey) != widget.Accepted {
		return
	}
	text := strings.TrimSpace(s.suppose.input.Value())
	op := access.OpAdd
	if strings.HasPrefix(text, "-") {
		op = access.OpRemove
	}
	text = strings.TrimSpace(strings.TrimLeft(text, "+-"))
	if text == "" {
		s.suppose.input.Blur()
		return
	}
	t, err := tuple.Parse(text)
	if err == nil && op == access.OpAdd && s.spec.CanWrite != nil {
		err = s.spec.CanWrite(t)
	}
	if err != nil {
		s.suppose.notice = err.Error()
		return
	}
	for i, w := range s.suppose.writes {
		if w.What().Equal(t) { // the newest wins; adding what was taken away takes it back
			s.suppose.writes = append(s.suppose.writes[:i:i], s.suppose.writes[i+1:]...)
			break
		}
	}
	s.suppose.writes = append(s.suppose.writes, access.NewWrite(op, t))
	s.suppose.input.Blur()
	s.fixes = false
	s.work()
}

func (s *Why) dropSupposed() {
	s.suppose.writes = s.suppose.writes[:len(s.suppose.writes)-1]
	if !s.suppose.on() {
		s.endSupposing()
		return
	}
	s.work()
}

// endSupposing shows the answer as it is.
func (s *Why) endSupposing() {
	s.suppose.clear()
	s.draw()
}

// work works out the answer with what is supposed.
func (s *Why) work() {
	whatIf, q, writes, names := s.spec.WhatIf, s.q, append([]access.Write(nil), s.suppose.writes...), s.spec.Names
	type answer struct {
		result access.WhatIf
		drawn  whyAnswer
		err    error
	}
	tui.Go(s.host, &s.suppose.job, whyTimeout, func(ctx context.Context) (answer, error) {
		w, err := whatIf(ctx, q, writes)
		return answer{w, drawAnswer(w.Trace, err, names), err}, nil
	}, func(a answer, _ error) {
		switch {
		case clients.Is(a.err, clients.Canceled) || !s.suppose.on():
		case a.err != nil:
			s.suppose.err, s.suppose.answered = a.err, false
			s.draw()
		default:
			s.suppose.err, s.suppose.answered = nil, true
			s.suppose.result, s.suppose.answer = a.result, a.drawn
			s.draw()
		}
	})
}

// applySupposed turns what was supposed into a write.
func (s *Why) applySupposed() {
	s.confirmWrites(tui.Question{Title: "Write these changes?", Lines: s.writeLines(s.suppose.writes), Verb: "write"}, "change "+s.q.String(), s.suppose.writes)
}
