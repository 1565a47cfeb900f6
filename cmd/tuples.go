package cmd

import (
	"github.com/spf13/cobra"

	"gatehouse/access/tuple"
)

func newTuplesCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:     "tuples",
		Aliases: []string{"tuple"},
		Short:   "List, add, remove and move relation tuples",
		Long: "Relation tuples are the facts from which Keto answers: namespace:object#relation@subject.\n" +
			"The subject is a bare id, or everybody who has a relation: namespace:object#relation.\n" +
			"A tuple whose text would be ambiguous (an id that holds a colon) is written as the\n" +
			`JSON object {"namespace","object","relation","subject_id"}.`,
		GroupID: groupData,
	}
	c.AddCommand(newTuplesListCommand(g), newTuplesAddCommand(g), newTuplesRmCommand(g),
		newTuplesImportCommand(g), newTuplesExportCommand(g), newTuplesExpandCommand(g))
	return c
}

// tupleFilter are the flags that select tuples. An empty value is a value: a
// relation may be empty, so a flag counts when it is given.
type tupleFilter struct {
	namespace, object, relation, subject string
	subjectID                            string
	query                                tuple.Query
}

// addTo puts the flags on a command.
func (f *tupleFilter) addTo(g *globals, c *cobra.Command) {
	c.Flags().StringVar(&f.namespace, "namespace", "", "only of this `NAMESPACE`")
	c.Flags().StringVar(&f.object, "object", "", "only of this `OBJECT`")
	c.Flags().StringVar(&f.relation, "relation", "", "only with this `RELATION`")
	c.Flags().StringVar(&f.subject, "subject", "", "only with this `SUBJECT`: an id, or namespace:object#relation")
	c.Flags().StringVar(&f.subjectID, "subject-id", "", "only with this `ID` as the subject, taken as it is even if it holds a colon")
	c.MarkFlagsMutuallyExclusive("subject", "subject-id")
	completeTupleFlags(g, c)
}

// read makes the query of the flags that were given.
func (f *tupleFilter) read(c *cobra.Command) error {
	given := func(name string, v *string) *string {
		if c.Flags().Changed(name) {
			return v
		}
		return nil
	}
	f.query = tuple.Query{
		Namespace: given("namespace", &f.namespace), Object: given("object", &f.object), Relation: given("relation", &f.relation),
	}
	switch {
	case c.Flags().Changed("subject-id"):
		s := tuple.SubjectID(f.subjectID)
		f.query.Subject = &s
	case c.Flags().Changed("subject"):
		s, err := tuple.ParseSubject(f.subject)
		if err != nil {
			return usageError("--subject: %v", err)
		}
		f.query.Subject = &s
	}
	return nil
}

// empty reports whether no flag was given.
func (f *tupleFilter) empty() bool {
	q := f.query
	return q.Namespace == nil && q.Object == nil && q.Relation == nil && q.Subject == nil
}
