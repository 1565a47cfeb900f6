package screens

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/tui"
)

// attributeEditor changes the attributes of a group or a role one by one.
type attributeEditor struct {
	host tui.Host
	job  *tui.Job
	of   string // "group /staff"
	now  map[string][]string
	read func(context.Context) (map[string][]string, error)
	// write sets attributes one by one; an empty list removes one.
	write func(context.Context, map[string][]string) error
	then  func()
}

// attributeValues are how the values of an attribute are typed: with a comma between
// them, where a backslash before a comma makes it part of the value.
func attributeValues(text string) []string {
	var out []string
	var b strings.Builder
	put := func() {
		if v := strings.TrimSpace(b.String()); v != "" {
			out = append(out, v)
		}
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == ',' || text[i+1] == '\\'):
			i++
			b.WriteByte(text[i])
		case text[i] == ',':
			put()
		default:
			b.WriteByte(text[i])
		}
	}
	put()
	return out
}

// attributeText is what attributeValues reads back.
func attributeText(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), ",", `\,`)
	}
	return strings.Join(out, ", ")
}

// form sets an attribute; name is that of one that is there, or empty.
func (a attributeEditor) form(name string) tui.Screen {
	return tui.NewForm(tui.FormSpec{Title: "attribute", Lead: "An attribute of " + a.of, What: "set an attribute of " + a.of,
		Fields: []tui.FormField{
			{Name: "name", Label: "name", Value: name, Required: true},
			{Name: "values", Label: "values", Value: attributeText(a.now[name]), Required: true, Help: `several with a comma between them; \, is a comma itself`},
		},
		Review: func(v map[string]string) (tui.Question, error) {
			key, values := strings.TrimSpace(v["name"]), attributeValues(v["values"])
			if slices.Equal(a.now[key], values) {
				return tui.Question{}, fmt.Errorf("set the attribute %s: it has these values already; nothing to write", key)
			}
			return tui.Question{Title: "Set an attribute of " + a.of + "?", Verb: "set",
				Lines: diffLines([3]string{key, strings.Join(a.now[key], " · "), strings.Join(values, " · ")})}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			return a.write(ctx, map[string][]string{strings.TrimSpace(v["name"]): attributeValues(v["values"])})
		},
		Done: func(v map[string]string) {
			key := strings.TrimSpace(v["name"])
			a.then()
			a.host.Toast("set " + key + " · u undoes it")
			a.host.Undo(a.undo("set "+key, key, attributeValues(v["values"]), a.now[key]))
		},
	})
}

// remove takes an attribute away.
func (a attributeEditor) remove(name string) {
	was := a.now[name]
	deed[struct{}]{
		question: tui.Question{Title: "Remove an attribute of " + a.of + "?", Verb: "remove", Lines: []string{"- " + name + ": " + strings.Join(was, " · ")}},
		what:     "remove the attribute " + name, done: func(struct{}) string { return "removed " + name },
		do: func(ctx context.Context) (struct{}, error) {
			return struct{}{}, a.write(ctx, map[string][]string{name: nil})
		},
		then: func(struct{}, error) { a.then() },
		back: func(struct{}) *tui.Undo { u := a.undo("remove "+name, name, nil, was); return &u },
	}.ask(a.host, a.job)
}

// undo puts an attribute back as it was, if it is still as it was left.
func (a attributeEditor) undo(what, name string, left, was []string) tui.Undo {
	return tui.Undo{What: what, Then: a.then, Lines: diffLines([3]string{name, strings.Join(left, " · "), strings.Join(was, " · ")}),
		Run: func(ctx context.Context) error {
			now, err := a.read(ctx)
			if err == nil && !slices.Equal(now[name], left) {
				err = changedSince(what, "this attribute")
			}
			if err != nil {
				return err
			}
			return a.write(ctx, map[string][]string{name: was})
		}}
}
