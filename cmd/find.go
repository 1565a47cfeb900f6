package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// findOptions are those of every verb that asks a reverse question. Without a server
// the tuples are read as those of "why" are.
type findOptions struct {
	g      *globals
	why    whyOptions
	budget int
	only   string
	names  *nameBook
	model  *opl.Model
	b      *backends // nil without a server
}

// findHelp is what the help of these verbs says about how they find.
const findHelp = "\n\nKeto cannot be asked this. Candidates are found in the stored tuples and the rules of the\n" +
	"permission model, and each is put to the server: every answer is Keto's own. --budget bounds\n" +
	"the requests. With --tuples no server is asked, as with \"why\",\n" +
	"and --max-depth, --max-width, --strict and --engine stand for its settings.\n\n" +
	"Exit code 0 is some, 1 is none, and 2 means that there may be more, or that Keto had no verdict\n" +
	"about some. A list that is not complete is left unfinished, so that nobody takes it for the whole."

// addFlags adds the flags; people says that answers are subjects.
func (o *findOptions) addFlags(c *cobra.Command, people bool) {
	o.why.g = o.g
	f := c.Flags()
	f.IntVar(&o.budget, "budget", access.DefaultBudget, "send at most `N` requests; 0 is no bound")
	if people {
		f.StringVar(&o.only, "only", "", "show only `KIND` of subjects: people or sets")
		_ = c.RegisterFlagCompletionFunc("only", cobra.FixedCompletions([]string{onlyPeople, onlySets}, cobra.ShellCompDirectiveNoFileComp))
	}
	o.why.addSourceFlags(c)
}

// The kinds of subjects that --only takes.
const (
	onlyPeople = "people"
	onlySets   = "sets"
)

// wanted is what --only asks for; nil is everything.
func (o *findOptions) wanted() func(tuple.Subject) bool {
	switch o.only {
	case onlyPeople:
		return func(s tuple.Subject) bool { return o.kind(s) == kindPerson }
	case onlySets:
		return func(s tuple.Subject) bool { return o.kind(s) == kindSet }
	}
	return nil
}

// What a subject is.
const (
	kindPerson = "person"
	kindSet    = "set"    // of people
	kindObject = "object" // such as a folder, which stands for nobody
)

// kind is what a subject is. An object stands for somebody where its namespace declares
// nothing, as User in Ory's own examples.
func (o *findOptions) kind(s tuple.Subject) string {
	switch {
	case s.Set == nil:
		return kindPerson
	case s.Set.Relation != "":
		return kindSet
	}
	if n := o.model.Namespace(s.Set.Namespace); n != nil && len(n.Relations) > 0 {
		return kindObject
	}
	return kindPerson
}

// prepare makes the finder, over a server or over a file.
func (o *findOptions) prepare(ctx context.Context) (*access.Finder, error) {
	w := &o.why
	switch {
	case o.budget < 0:
		return nil, usageError("--budget must not be negative")
	case w.check() != nil:
		return nil, w.check()
	case o.only != "" && o.only != onlyPeople && o.only != onlySets:
		return nil, usageError("--only takes people or sets")
	case w.tuples == "" && (w.maxDepth > 0 || w.maxWidth > 0 || w.strict || w.engine != ""):
		return nil, usageError("--max-depth, --max-width, --strict and --engine go with --tuples: a server has settings of its own")
	}
	f, err := o.finder(ctx)
	if err != nil {
		return nil, cannotDo(err)
	}
	o.model = f.Model
	if f.Budget = o.budget; o.budget == 0 {
		f.Budget = -1
	}
	f.Progress = o.progress()
	return f, nil
}

func (o *findOptions) finder(ctx context.Context) (*access.Finder, error) {
	if o.why.tuples != "" {
		x, err := o.why.offline(ctx)
		if err != nil {
			return nil, err
		}
		at := x.Tuples.(*access.Tuples)
		o.names = &nameBook{}
		return &access.Finder{Judge: access.EvaluateEach(at, x.Model, x.Settings), Tuples: at, Model: x.Model}, nil
	}
	b, err := o.g.connect(ctx)
	if err != nil {
		return nil, err
	}
	if o.why.opl != "" && b.Context.Keto != nil {
		b.Context.Keto.OPL = o.why.opl
	}
	f, err := b.finder(ctx)
	o.b, o.names = b, &nameBook{b: b, g: o.g}
	return f, err
}

// progress says on a terminal, every thousand requests, how far it is.
func (o *findOptions) progress() func(access.Progress) {
	if !isTerminal(o.g.stderr) {
		return nil
	}
	next := 1000
	return func(p access.Progress) {
		if p.Requests >= next {
			next = p.Requests + 1000
			o.g.note("… %s", progressText(p))
		}
	}
}

// progressText is how far a search is, in words.
func progressText(p access.Progress) string {
	text := fmt.Sprintf("%s found to ask about, %s asked, %s can; %s", thousands(p.Candidates), thousands(p.Verified), thousands(p.Allowed), plural(p.Requests, "request", "requests"))
	if p.Budget > 0 {
		text += " of at most " + thousands(p.Budget)
	}
	return text
}

// finish ends the list and says what the answer is worth.
func (o *findOptions) finish(op string, out access.Outcome, err error, closed func() error, abort func()) error {
	if err != nil {
		abort()
		return cannotDo(findProblem(op, err))
	}
	for _, n := range out.Notes {
		o.g.note("note: %s", n)
	}
	if len(out.Missing) > 0 {
		abort()
		return cannotDo(problem(clients.Invalid, op, "there may be more: "+strings.Join(out.Missing, "; "), o.moreHint(out)))
	}
	if err := closed(); err != nil {
		return err
	}
	switch {
	case out.Unknown > 0:
		return cannotDo(problem(clients.Invalid, op, fmt.Sprintf("Keto had no verdict about %s", thousands(out.Unknown)), "their lines say why; gatehouse why explains one"))
	case out.Allowed == 0:
		return answerNo()
	}
	return nil
}

func (o *findOptions) moreHint(out access.Outcome) string {
	if out.Budget > 0 && out.Requests >= out.Budget {
		return "raise --budget, or ask something narrower"
	}
	return ""
}

// nameBook knows the people behind subjects, from Kratos where there is one. That it is
// not asked, or does not answer, is no error: names are an extra.
type nameBook struct {
	g     *globals
	b     *backends
	names map[string]string
	off   bool
}

// nameBookKept bounds how many names are remembered.
const nameBookKept = 20_000

// learn looks up those who are not known yet.
func (n *nameBook) learn(ctx context.Context, subjects []tuple.Subject) {
	if n.b == nil || n.off || n.b.Context.Kratos == nil || n.b.Context.Kratos.AdminURL == "" {
		return
	}
	var ask []string
	if len(n.names) > nameBookKept || n.names == nil {
		n.names = map[string]string{}
	}
	for _, s := range subjects {
		id := personID(s)
		if _, known := n.names[id]; !known && kratos.IsID(id) {
			n.names[id] = ""
			ask = append(ask, id)
		}
	}
	if len(ask) == 0 {
		return
	}
	k, err := n.b.Kratos(ctx)
	var found map[string]string
	if err == nil {
		found, err = kratosNames(ctx, k, ask)
	}
	if err != nil {
		n.off = true
		if ctx.Err() == nil {
			n.g.note("gatehouse: warning: nobody is named: %v", err)
		}
	}
	for id, name := range found {
		n.names[id] = name
	}
}

func (n *nameBook) of(s tuple.Subject) string { return n.names[personID(s)] }

// parseSet reads namespace:object#relation, or its JSON.
func parseSet(arg string) (tuple.Set, error) {
	var s tuple.Set
	if strings.HasPrefix(strings.TrimSpace(arg), "{") {
		if err := json.Unmarshal([]byte(arg), &s); err != nil {
			return s, usageError("%q is not namespace, object and relation: %v", arg, err)
		}
		return s, fullSet(arg, s)
	}
	ns, rest, _ := strings.Cut(arg, ":")
	object, relation, _ := strings.Cut(rest, "#")
	if strings.Contains(relation, "@") {
		return s, usageError("%q names a subject; give namespace:object#relation, or ask gatehouse why about the subject", arg)
	}
	s = tuple.Set{Namespace: ns, Object: object, Relation: relation}
	return s, fullSet(arg, s)
}

func fullSet(arg string, s tuple.Set) error {
	if s.Namespace == "" || s.Object == "" || s.Relation == "" {
		return usageError("%q is not namespace:object#relation", arg)
	}
	return nil
}

// parseSubject reads a bare id or a subject set, or the JSON of either, for ids that
// would be read as a set.
func parseSubject(arg string) (tuple.Subject, error) {
	if strings.HasPrefix(strings.TrimSpace(arg), "{") {
		var in struct {
			ID  *string    `json:"subject_id"`
			Set *tuple.Set `json:"subject_set"`
		}
		err := json.Unmarshal([]byte(arg), &in)
		switch {
		case err != nil:
			return tuple.Subject{}, usageError("%q is not a subject: %v", arg, err)
		case (in.ID == nil) == (in.Set == nil):
			return tuple.Subject{}, usageError("%q needs either subject_id or subject_set", arg)
		case in.Set != nil:
			return tuple.Subject{Set: in.Set}, nil
		}
		return tuple.SubjectID(*in.ID), nil
	}
	s, err := tuple.ParseSubject(arg)
	if err != nil {
		return s, usageError("%q is not a subject: %v", arg, err)
	}
	return s, nil
}
