package cmd

import (
	"context"

	"gatehouse/access"
	"gatehouse/access/lint"
	"gatehouse/access/opl"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// lints opens what is wrong with the model and the stored tuples.
func (c *console) lints() tui.Screen {
	return screens.NewLints(screens.LintsSpec{Keto: c.keto, Tuples: c.tuples, Rule: c.rule,
		Prepare: func(ctx context.Context) (lint.Spec, error) { return c.b.lintSpec(ctx, c.kratos != nil) }})
}

// model opens the permission model.
func (c *console) model() tui.Screen { return c.modelAt(screens.Place{}) }

// rule opens the permission model at a rule.
func (c *console) rule(r access.Rule) tui.Screen { return c.modelAt(screens.PlaceOf(r)) }

func (c *console) modelAt(at screens.Place) tui.Screen {
	spec := screens.ModelSpec{At: at, Load: c.readModel, Settings: ketoSettings(c.b.Context.Keto)}
	if c.keto != nil {
		spec.Namespaces = c.keto.Namespaces
	}
	return screens.NewModel(spec)
}

// readModel reads the model anew; from then on the whole console goes by it.
func (c *console) readModel(ctx context.Context) (*opl.Loaded, error) {
	l, err := (&globals{}).loadSource(ctx, c.b, nil)
	if err == nil && len(l.Errors) == 0 {
		c.b.model.put(l.Model)
		c.words.SetModel(l.Model)
	}
	return l, err
}
