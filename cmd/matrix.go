package cmd

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/tuple"
)

// matrixOut is one line of a matrix: what one subject can do with one object.
type matrixOut struct {
	SubjectID  *string                   `json:"subject_id,omitempty" jsonschema_description:"A bare subject; else subject_set is there."`
	SubjectSet *tuple.Set                `json:"subject_set,omitempty"`
	Subject    string                    `json:"subject" jsonschema_description:"The subject as text, for people."`
	Name       string                    `json:"name,omitempty" jsonschema_description:"Who the subject is in Kratos."`
	Namespace  string                    `json:"namespace"`
	Object     string                    `json:"object"`
	Verdicts   map[string]access.Verdict `json:"verdicts" jsonschema_description:"Keto's own answer, by relation or permission."`
	Reasons    map[string]string         `json:"reasons,omitempty" jsonschema_description:"Why Keto has no verdict, by relation or permission."`
}

type matrixOptions struct {
	findOptions
	objects, subjects, relations []string
	everybody                    bool
}

func newMatrixCommand(g *globals) *cobra.Command {
	o := &matrixOptions{findOptions: findOptions{g: g}}
	c := &cobra.Command{
		Use:   "matrix --object NAMESPACE:OBJECT",
		Short: "Show who can do what with some objects",
		Long: "A line for each subject and object, with the answer to every permission of the object, or to\n" +
			"the relations that --relation names. Without --subject the lines are those who can do at least\n" +
			"one of it. As CSV it is a sheet for an audit." + findHelp,
		Example: "  gatehouse matrix --object Doc:q3-report\n" +
			"  gatehouse matrix --object Doc:q3-report --object Doc:roadmap --relation view --relation edit --csv\n" +
			"  gatehouse matrix --object Doc:q3-report --subject ann --subject ben\n" +
			"  gatehouse matrix --opl model.ts --tuples data.tuples --object Doc:q3-report",
		GroupID: groupAsk,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := c.Flags()
	f.StringArrayVar(&o.objects, "object", nil, "the object `NAMESPACE:OBJECT`; may be repeated")
	f.StringArrayVar(&o.subjects, "subject", nil, "the `SUBJECT` of a line; may be repeated")
	f.StringArrayVar(&o.relations, "relation", nil, "ask about the relation or permission `R`; may be repeated")
	f.BoolVar(&o.everybody, "everybody", false, "a line for everybody who is known, also for those who can do nothing")
	c.MarkFlagsMutuallyExclusive("subject", "everybody")
	_ = c.RegisterFlagCompletionFunc("object", completeTuple(g))
	_ = c.RegisterFlagCompletionFunc("subject", cobra.NoFileCompletions)
	o.addFlags(c, true)
	return c
}

func (o *matrixOptions) run(ctx context.Context) error {
	if len(o.objects) == 0 {
		return usageError("name at least one --object NAMESPACE:OBJECT")
	}
	spec := access.MatrixSpec{Everybody: o.everybody, Only: o.wanted()}
	for _, s := range o.subjects {
		sub, err := parseSubject(s)
		if err != nil {
			return err
		}
		spec.Subjects = append(spec.Subjects, sub)
	}
	f, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	if spec.Columns, err = o.columns(ctx, f); err != nil {
		return cannotDo(findProblem("make the matrix", err))
	}
	out := newRows(o.g, matrixColumns(o.g, spec.Columns)).whenEmpty("nobody can do any of it")
	outcome, err := f.Matrix(ctx, spec, func(some []access.MatrixRow) error {
		subjects := make([]tuple.Subject, len(some))
		for i, r := range some {
			subjects[i] = r.Subject
		}
		o.names.learn(ctx, subjects)
		for _, r := range some {
			for _, line := range o.lines(spec.Columns, r) {
				if err := out.Add(line); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return o.finish("make the matrix", outcome, err, out.Close, out.Abort)
}

// columns are the questions: the same relations on each object, or what each declares.
func (o *matrixOptions) columns(ctx context.Context, f *access.Finder) ([]tuple.Set, error) {
	var out []tuple.Set
	for _, text := range o.objects {
		namespace, object, err := parseObject(text)
		if err != nil {
			return nil, err
		}
		if len(o.relations) == 0 {
			cols, err := f.Columns(ctx, namespace, object)
			if err != nil {
				return nil, err
			}
			out = append(out, cols...)
			continue
		}
		for _, r := range o.relations {
			out = append(out, tuple.Set{Namespace: namespace, Object: object, Relation: r})
		}
	}
	if len(out) == 0 {
		return nil, usageError("nothing is known that could be asked about %s; name it with --relation", strings.Join(o.objects, ", "))
	}
	return out, nil
}

// parseObject reads namespace:object, or its JSON.
func parseObject(text string) (namespace, object string, err error) {
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		var s tuple.Set
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.Namespace == "" || s.Object == "" {
			return "", "", usageError("%q is not a namespace and an object", text)
		}
		return s.Namespace, s.Object, nil
	}
	namespace, object, ok := strings.Cut(text, ":")
	if !ok || namespace == "" || object == "" || strings.ContainsAny(object, "#@") {
		return "", "", usageError("%q is not namespace:object", text)
	}
	return namespace, object, nil
}

// lines are what one subject can do, object by object.
func (o *matrixOptions) lines(columns []tuple.Set, r access.MatrixRow) []matrixOut {
	var out []matrixOut
	at := map[[2]string]int{}
	for i, c := range columns {
		k := [2]string{c.Namespace, c.Object}
		j, ok := at[k]
		if !ok {
			j = len(out)
			at[k] = j
			line := matrixOut{Subject: r.Subject.String(), Name: o.names.of(r.Subject), Namespace: c.Namespace, Object: c.Object, Verdicts: map[string]access.Verdict{}}
			if line.SubjectSet = r.Subject.Set; line.SubjectSet == nil {
				line.SubjectID = &r.Subject.ID
			}
			out = append(out, line)
		}
		out[j].Verdicts[c.Relation] = r.Cells[i].Verdict
		if why := r.Cells[i].Reason; why != "" {
			if out[j].Reasons == nil {
				out[j].Reasons = map[string]string{}
			}
			out[j].Reasons[c.Relation] = why
		}
	}
	return out
}

// matrixColumns are those of the questions, each relation once.
func matrixColumns(g *globals, columns []tuple.Set) []column[matrixOut] {
	out := []column[matrixOut]{
		{Name: "subject", Text: func(m matrixOut) string { return m.Subject }},
		{Name: "name", Text: func(m matrixOut) string { return m.Name }},
		{Name: "object", Text: func(m matrixOut) string { return m.Namespace + ":" + m.Object }},
	}
	var names []string
	for _, c := range columns {
		if !slices.Contains(names, c.Relation) {
			names = append(names, c.Relation)
		}
	}
	for _, name := range names {
		out = append(out, column[matrixOut]{Name: name, Text: func(m matrixOut) string {
			v, ok := m.Verdicts[name]
			if !ok {
				return ""
			}
			return verdictText(g, v)
		}})
	}
	return out
}
