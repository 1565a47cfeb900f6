package cmd

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients"
)

// reachOut is one answer of who-can or what-can.
type reachOut struct {
	Verdict access.Verdict `json:"verdict" jsonschema:"enum=allowed,enum=unknown" jsonschema_description:"Keto's own answer; unknown where it answered an error. Who is denied is not listed."`
	Kind    string         `json:"kind" jsonschema:"enum=person,enum=set,enum=object" jsonschema_description:"Whether the subject stands for somebody, is a set of people, or an object that is no person."`
	Name    string         `json:"name,omitempty" jsonschema_description:"Who the subject is in Kratos."`
	By      []string       `json:"by" jsonschema_description:"The stored tuples over which it was found, from the object to the subject; none where a rule lets in whoever it does not exclude."`
	Reason  string         `json:"reason,omitempty" jsonschema_description:"Why Keto has no verdict."`
	Tuple   tuple.Tuple    `json:"-"`
}

// MarshalJSON writes the question's own fields beside the others, in Keto's shape.
func (r reachOut) MarshalJSON() ([]byte, error) {
	type fields reachOut
	return withTuple(fields(r), r.Tuple)
}

// withTuple is the JSON of an object with the fields of a tuple behind its own.
func withTuple(fields any, t tuple.Tuple) ([]byte, error) {
	head, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	tail, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	return append(append(head[:len(head)-1], ','), tail[1:]...), nil
}

// reachColumns are those of who-can, or of what-can.
func reachColumns(g *globals, who bool) []column[reachOut] {
	by := func(r reachOut) string {
		if r.Reason != "" {
			return r.Reason
		}
		return strings.Join(r.By, " ← ")
	}
	col := func(name string, csvOnly bool, text func(reachOut) string) column[reachOut] {
		return column[reachOut]{Name: name, CSVOnly: csvOnly, Text: text}
	}
	out := []column[reachOut]{
		col("subject", !who, func(r reachOut) string { return r.Tuple.Subject.String() }),
		col("name", !who, func(r reachOut) string { return r.Name }),
		col("kind", true, func(r reachOut) string { return r.Kind }),
		col("namespace", true, func(r reachOut) string { return r.Tuple.Namespace }),
	}
	if who {
		out = append(out, col("object", true, func(r reachOut) string { return r.Tuple.Object }))
	} else {
		out = append(out, column[reachOut]{Name: "object", Text: func(r reachOut) string { return r.Tuple.Object }})
		out[3].CSVOnly = false
	}
	return append(out, col("relation", who, func(r reachOut) string { return r.Tuple.Relation }),
		col("verdict", false, func(r reachOut) string { return verdictText(g, r.Verdict) }), col("by", false, by),
		col("tuple", true, func(r reachOut) string { return tupleLine(r.Tuple) }))
}

// verdictText is a verdict with its mark, or bare where a program reads it.
func verdictText(g *globals, v access.Verdict) string {
	if g.format() == asCSV {
		return string(v)
	}
	return v.Mark() + " " + string(v)
}

// addReach prints answers as they come.
func (o *findOptions) addReach(ctx context.Context, out *rows[reachOut]) func([]access.Found) error {
	return func(found []access.Found) error {
		subjects := make([]tuple.Subject, len(found))
		for i, f := range found {
			subjects[i] = f.Question.Subject
		}
		o.names.learn(ctx, subjects)
		for _, f := range found {
			row := reachOut{Verdict: f.Verdict, Kind: o.kind(f.Question.Subject), Name: o.names.of(f.Question.Subject), By: []string{}, Reason: f.Reason, Tuple: f.Question}
			for _, t := range f.By {
				row.By = append(row.By, tupleLine(t))
			}
			if err := out.Add(row); err != nil {
				return err
			}
		}
		return nil
	}
}

func newWhoCanCommand(g *globals) *cobra.Command {
	o := &findOptions{g: g}
	c := &cobra.Command{
		Use:   "who-can NAMESPACE:OBJECT#RELATION",
		Short: "Find everybody who can do something to an object",
		Long: "It lists the people and the subject sets that have a relation or permission on an object, with\n" +
			"the stored tuples over which each was found, and people's names where there is a Kratos." + findHelp,
		Example: "  gatehouse who-can Doc:q3-report#view\n" +
			"  gatehouse who-can Doc:q3-report#view --only people --csv\n" +
			"  gatehouse who-can --opl model.ts --tuples data.tuples Doc:q3-report#view",
		GroupID: groupAsk,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			set, err := parseSet(args[0])
			if err != nil {
				return err
			}
			return o.whoCan(c.Context(), set)
		},
		ValidArgsFunction: completeTuple(g),
	}
	o.addFlags(c, true)
	return c
}

func (o *findOptions) whoCan(ctx context.Context, set tuple.Set) error {
	f, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	out := newRows(o.g, reachColumns(o.g, true)).whenEmpty("nobody has " + set.String())
	outcome, err := f.WhoCan(ctx, set, o.wanted(), o.addReach(ctx, out))
	return o.finish("find who has "+set.String(), outcome, err, out.Close, out.Abort)
}

func newWhatCanCommand(g *globals) *cobra.Command {
	o := &findOptions{g: g}
	var namespace, object, relation string
	c := &cobra.Command{
		Use:   "what-can SUBJECT",
		Short: "Find everything that somebody can do",
		Long: "SUBJECT is a bare id, or a subject set namespace:object#relation. It lists every relation and\n" +
			"permission that the subject has, on whatever object, with the stored tuples over which each\n" +
			"was found." + findHelp,
		Example: "  gatehouse what-can ann\n" +
			"  gatehouse what-can ann --namespace Doc --relation view\n" +
			"  gatehouse what-can Group:finance#members --json",
		GroupID: groupAsk,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			sub, err := parseSubject(args[0])
			if err != nil {
				return err
			}
			given := func(flag string, value *string) *string {
				if !c.Flags().Changed(flag) {
					return nil
				}
				return value
			}
			within := tuple.Query{Namespace: given("namespace", &namespace), Object: given("object", &object), Relation: given("relation", &relation)}
			return o.whatCan(c.Context(), sub, within)
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().StringVar(&namespace, "namespace", "", "only objects of the namespace `N`")
	c.Flags().StringVar(&object, "object", "", "only the object `O`")
	c.Flags().StringVar(&relation, "relation", "", "only the relation or permission `R`")
	completeTupleFlags(g, c)
	o.addFlags(c, false)
	return c
}

func (o *findOptions) whatCan(ctx context.Context, sub tuple.Subject, within tuple.Query) error {
	f, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	out := newRows(o.g, reachColumns(o.g, false)).whenEmpty(sub.String() + " can do nothing there")
	outcome, err := f.WhatCan(ctx, sub, within, o.addReach(ctx, out))
	if err == nil && outcome.Allowed == 0 {
		o.otherName(ctx, sub)
	}
	return o.finish("find what "+sub.String()+" can do", outcome, err, out.Close, out.Abort)
}

// otherName says by which id Kratos knows somebody for whom nothing was found: tuples
// may use that one.
func (o *findOptions) otherName(ctx context.Context, sub tuple.Subject) {
	if o.b == nil || o.b.Context.Kratos == nil || o.b.Context.Kratos.AdminURL == "" || sub.Set != nil {
		return
	}
	k, err := o.b.Kratos(ctx)
	if err != nil {
		return
	}
	if found, err := k.FindExact(ctx, sub.ID); err == nil && len(found) == 1 && found[0].ID != sub.ID {
		o.g.note("%s is the login name of %s, whose id is %s: try that", sub.ID, found[0].Name(), found[0].ID)
	} else if err != nil && !clients.Is(err, clients.NotFound) && !clients.Is(err, clients.Invalid) {
		o.g.note("gatehouse: warning: nobody is looked up: %v", err)
	}
}
