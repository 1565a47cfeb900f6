package cmd

import (
	"context"

	"gatehouse/access"
	"gatehouse/access/person"
	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// why opens the explanation of a question.
func (c *console) why(q tuple.Tuple) tui.Screen { return screens.NewWhy(c.whySpec(q, "")) }

// whyOf opens the line on which a question about a subject is typed.
func (c *console) whyOf(s tuple.Subject) tui.Screen {
	spec := c.whySpec(tuple.Tuple{}, "")
	spec.About = &s
	return screens.NewWhy(spec)
}

// whyWith opens the explanation of a typed question; what is no question yet is typed
// there to its end.
func (c *console) whyWith(question string) tui.Screen {
	q, err := tuple.Parse(question)
	if err != nil {
		return screens.NewWhy(c.whySpec(tuple.Tuple{}, question))
	}
	return c.why(q)
}

func (c *console) whySpec(q tuple.Tuple, text string) screens.WhySpec {
	spec := screens.WhySpec{Question: q, Text: text, Keto: c.keto, Tuples: c.tuples, Explain: c.explain, WhatIf: c.whatIf, Ask: c.askVerdict,
		WhoCan: c.whoCan, WhatCan: c.whatCan, Matrix: c.matrix,
		CanWrite: func(t tuple.Tuple) error { return c.words.Model().CanBeWritten(t) },
		Source: func(file string) string {
			if m := c.words.Model(); m != nil {
				return m.Sources[file]
			}
			return ""
		},
		Rule:  c.rule,
		Names: c.people, Complete: c.completeQuestion, People: c.findPerson(),
		History: c.asked, Remember: func(q string) { c.asked = append(c.asked, q) }}
	if c.kratos != nil {
		spec.Person = c.personOf
	}
	return spec
}

// explain asks Keto and works out why it answers so.
func (c *console) explain(ctx context.Context, q tuple.Tuple) (access.Trace, error) {
	x, err := c.b.explainer(ctx, c.keto, true)
	if err != nil {
		return access.Trace{Question: q.String(), Verdict: access.Unknown}, err
	}
	return x.Explain(ctx, whoAsks(ctx, c.b, q))
}

// whatIf works out the answer of after some writes.
func (c *console) whatIf(ctx context.Context, q tuple.Tuple, writes []access.Write) (access.WhatIf, error) {
	x, err := c.b.explainer(ctx, c.keto, true)
	if err != nil {
		return access.WhatIf{}, err
	}
	return x.WhatIf(ctx, whoAsks(ctx, c.b, q), writes)
}

// askVerdict asks Keto alone. That it has no verdict of its own, as on an unknown
// relation, is an answer too.
func (c *console) askVerdict(ctx context.Context, q tuple.Tuple) (access.Verdict, error) {
	t, err := access.Ask(ctx, c.keto, nil, q, 0)
	if err != nil && ketoRefused(err) {
		return access.Unknown, nil
	}
	return t.Verdict, err
}

// personOf opens the human being behind a subject.
func (c *console) personOf(s tuple.Subject) tui.Screen { return c.person(person.OfSubject(s)) }
