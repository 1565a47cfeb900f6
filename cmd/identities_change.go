package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// identityChange is what a write did, or with --dry-run would do, to one identity.
type identityChange struct {
	Op       string       `json:"op" jsonschema:"enum=create,enum=edit,enum=suspend,enum=activate,enum=delete,enum=end_sessions,enum=import"`
	Outcome  string       `json:"outcome" jsonschema:"enum=done,enum=unchanged,enum=would_do,enum=unknown,enum=failed" jsonschema_description:"done; unchanged: was so already; would_do: with --dry-run; unknown: sent, and no answer came back; failed."`
	ID       string       `json:"id,omitempty" jsonschema_description:"Empty where none was made."`
	Label    string       `json:"label,omitempty" jsonschema_description:"The best short way to say who it is."`
	Line     int          `json:"line,omitempty" jsonschema_description:"Of an import: the line on which the identity begins."`
	Sessions *int         `json:"sessions_ended,omitempty" jsonschema_description:"How many live sessions were ended, or would be."`
	Revived  int          `json:"sessions_revived,omitempty" jsonschema_description:"Of activate: sessions that work again; end them with identities sessions --revoke-all."`
	Changes  []fieldDiff  `json:"changes,omitempty" jsonschema_description:"Of edit: what differs, field by field."`
	Before   *identityOut `json:"before,omitempty" jsonschema_description:"Of edit and delete: the identity as it was."`
	Error    *errorBody   `json:"error,omitempty"`
}

// fieldDiff is one field that a write changes.
type fieldDiff = clients.Difference

var identityWords = map[string]string{
	"suspend done": "suspended", "activate done": "activated", "delete done": "deleted", "end_sessions done": "signed out", "create done": "created", "edit done": "changed", "import done": "imported",
	"suspend unchanged": "suspended already", "activate unchanged": "active already", "end_sessions unchanged": "had no session", "edit unchanged": "as it was",
	"suspend would_do": "would suspend", "activate would_do": "would activate", "delete would_do": "would delete", "end_sessions would_do": "would sign out", "create would_do": "would create", "edit would_do": "would change", "import would_do": "would import",
}

func (c identityChange) line() string {
	word := identityWords[c.Op+" "+c.Outcome]
	if word == "" {
		word = c.Outcome
	}
	s := fmt.Sprintf("%-17s %s", word, cleanLine(strings.TrimSpace(c.ID+"  "+c.Label)))
	if c.Line > 0 && c.ID == "" {
		s = fmt.Sprintf("%-17s line %d  %s", word, c.Line, cleanLine(c.Label))
	}
	if c.Sessions != nil && *c.Sessions > 0 {
		s += "  (" + plural(*c.Sessions, "session", "sessions") + " ended)"
		if c.Outcome == outcomeWould {
			s = strings.TrimSuffix(s, " ended)") + " to end)"
		}
	}
	if c.Revived > 0 {
		s += "  (" + plural(c.Revived, "session works", "sessions work") + " again)"
	}
	for _, d := range c.Changes {
		s += "\n" + strings.Repeat(" ", 18) + cleanLine(d.Field+": "+jsonWord(d.Before)+" -> "+jsonWord(d.After))
	}
	if c.Error != nil {
		s += "\n" + strings.Repeat(" ", 18) + cleanLine(c.Error.Reason)
	}
	return s
}

func jsonWord(v any) string {
	b, err := encodeJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(string(b))
}

var identityChangeColumns = []column[identityChange]{
	{Name: "op", Text: func(c identityChange) string { return c.Op }},
	{Name: "outcome", Text: func(c identityChange) string { return c.Outcome }},
	{Name: "id", Text: func(c identityChange) string { return c.ID }},
	{Name: "label", Text: func(c identityChange) string { return c.Label }},
	{Name: "line", Text: func(c identityChange) string { return numberOr(c.Line) }},
	{Name: "error", Text: func(c identityChange) string {
		if c.Error == nil {
			return ""
		}
		return c.Error.Reason
	}},
}

func numberOr(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// failed notes an error in a change: what may have happened is not told as failed.
func (c identityChange) failed(err error) identityChange {
	p := problemOf(err)
	c.Outcome = outcomeFailed
	if p.Kind == clients.UnknownOutcome {
		c.Outcome = outcomeUnknown
	}
	c.Error = &errorBody{p.Kind, p.Op, p.Target, p.Status, p.Reason, p.Hint, p.Fields}
	return c
}

// identityVerb is a write that is done to one or many identities, one after the other.
type identityVerb struct {
	g    *globals
	op   string // "suspend"
	ask  string // for the confirmation: "This deletes %s for good."
	sure bool   // always to be confirmed, not in production only
	// would says what --dry-run tells, do writes.
	would func(ctx context.Context, k *kratos.Client, i kratos.Identity) (identityChange, error)
	do    func(ctx context.Context, k *kratos.Client, i kratos.Identity) (identityChange, error)
}

// command makes the verb a command.
func (v *identityVerb) command(c *cobra.Command) *cobra.Command {
	c.Use += " ID | IDENTIFIER… | -"
	c.Long += "\n\nGive ids or login identifiers, or - to read them from stdin, one a line. They are done one after the\n" +
		"other; one that fails does not stop the others, is told, and makes the exit code 2."
	c.Args = cobra.MinimumNArgs(1)
	c.RunE = func(c *cobra.Command, args []string) error { return v.run(c.Context(), args) }
	c.ValidArgsFunction = completeIdentities(v.g)
	return c
}

func (v *identityVerb) run(ctx context.Context, args []string) error {
	args, err := v.g.namesOrStdin(args)
	if err != nil {
		return err
	}
	b, k, err := v.g.kratos(ctx)
	if err != nil {
		return err
	}
	// Everybody is found before the first write: a name that was mistyped ends it all.
	var who []kratos.Identity
	for _, name := range args {
		i, err := findIdentity(ctx, k, name)
		if err != nil {
			return cannotDo(err)
		}
		if !slices.ContainsFunc(who, func(o kratos.Identity) bool { return o.ID == i.ID }) {
			who = append(who, i)
		}
	}
	if err := v.confirm(ctx, b, who); err != nil {
		return err
	}
	return v.all(ctx, k, who)
}

func (v *identityVerb) confirm(ctx context.Context, b *backends, who []kratos.Identity) error {
	if v.g.dryRun {
		return nil
	}
	what := fmt.Sprintf(v.ask, plural(len(who), "identity", "identities"))
	if !v.sure {
		return v.g.confirmProduction(ctx, b, v.op, what)
	}
	const sample = 5
	q := question{Op: strings.ReplaceAll(v.op, "_", " "), What: what + ".", Answer: fmt.Sprint(len(who))}
	for _, i := range who[:min(sample, len(who))] {
		q.Sample = append(q.Sample, i.ID+"  "+i.Label())
	}
	if len(who) > sample {
		q.Sample = append(q.Sample, "and "+thousands(len(who)-sample)+" more")
	}
	return v.g.confirm(ctx, q)
}

// all does it to everybody. One write at a time: side by side they lock each other
// out where Kratos keeps its data in SQLite.
func (v *identityVerb) all(ctx context.Context, k *kratos.Client, who []kratos.Identity) error {
	out := newLines(v.g, identityChangeColumns, identityChange.line)
	act := v.do
	if v.g.dryRun {
		act = v.would
	}
	var firstErr error
	for _, i := range who {
		if ctx.Err() != nil {
			firstErr = firstError(firstErr, ctx.Err())
			break // what was not begun is not reported
		}
		c, err := act(ctx, k, i)
		c.Op, c.ID, c.Label = v.op, i.ID, i.Label()
		if err != nil {
			c = c.failed(err)
			firstErr = firstError(firstErr, err)
		}
		if perr := out.Add(c); perr != nil {
			return firstError(cannotDo(firstErr), perr)
		}
	}
	return firstError(out.Close(), cannotDo(firstErr))
}

// namesOrStdin is args, or the lines of stdin for a single "-".
func (g *globals) namesOrStdin(args []string) ([]string, error) {
	if len(args) != 1 || args[0] != "-" {
		return args, nil
	}
	var out []string
	in := bufio.NewScanner(io.LimitReader(g.stdin, 64<<20))
	in.Buffer(nil, tuplefile.MaxLine)
	for in.Scan() {
		if line := strings.TrimSpace(in.Text()); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	if err := in.Err(); err != nil {
		return nil, problem(clients.Invalid, "read stdin", err.Error(), "give one id or login identifier a line")
	}
	if len(out) == 0 {
		return nil, usageError("stdin names nobody: give one id or login identifier a line")
	}
	return out, nil
}

func newIdentitiesSuspendCommand(g *globals) *cobra.Command {
	v := &identityVerb{g: g, op: "suspend", ask: "This suspends %s",
		would: func(ctx context.Context, k *kratos.Client, i kratos.Identity) (identityChange, error) {
			n, err := liveSessions(ctx, k, i.ID)
			if i.State == kratos.Inactive && n == 0 {
				return identityChange{Outcome: outcomeUnchanged}, err
			}
			return identityChange{Outcome: outcomeWould, Sessions: &n}, err
		},
		do: func(ctx context.Context, k *kratos.Client, i kratos.Identity) (identityChange, error) {
			s, err := k.Suspend(ctx, i.ID)
			n := ended(s.Ended)
			c := identityChange{Outcome: outcomeDone, Sessions: &n}
			if err == nil && i.State == kratos.Inactive && n == 0 {
				c.Outcome = outcomeUnchanged
			}
			return c, err
		}}
	return v.command(&cobra.Command{
		Use: "suspend", Short: "Lock identities out: no sign-in, and every session ended",
		Long: "Sets the state to inactive and ends all sessions. Kratos itself would leave them: refused while the\n" +
			"identity is inactive, and alive again when it is active.",
		Example: "  gatehouse identities suspend ann@acme.example\n  gatehouse identities list --schema contractor --jsonl | jq -r .id | gatehouse identities suspend -",
	})
}

func newIdentitiesActivateCommand(g *globals) *cobra.Command {
	v := &identityVerb{g: g, op: "activate", ask: "This lets %s sign in again",
		would: func(_ context.Context, _ *kratos.Client, i kratos.Identity) (identityChange, error) {
			if i.State == kratos.Active {
				return identityChange{Outcome: outcomeUnchanged}, nil
			}
			return identityChange{Outcome: outcomeWould}, nil
		},
		do: func(ctx context.Context, k *kratos.Client, i kratos.Identity) (identityChange, error) {
			if i.State == kratos.Active {
				return identityChange{Outcome: outcomeUnchanged}, nil
			}
			a, err := k.Activate(ctx, i.ID)
			return identityChange{Outcome: outcomeDone, Revived: len(a.Revived)}, err
		}}
	return v.command(&cobra.Command{
		Use: "activate", Aliases: []string{"reactivate"}, Short: "Let suspended identities sign in again",
		Long:    "Sets the state to active. Sessions that were not ended while the identity was inactive work again; they are counted.",
		Example: "  gatehouse identities activate ann@acme.example",
	})
}

func newIdentitiesDeleteCommand(g *globals) *cobra.Command {
	v := &identityVerb{g: g, op: "delete", ask: "This deletes %s for good: credentials, sessions and addresses too", sure: true,
		would: func(_ context.Context, _ *kratos.Client, i kratos.Identity) (identityChange, error) {
			before := identityOf(i)
			return identityChange{Outcome: outcomeWould, Before: &before}, nil
		},
		do: func(ctx context.Context, k *kratos.Client, i kratos.Identity) (identityChange, error) {
			was, err := k.Delete(ctx, i.ID)
			if was.ID == "" {
				was = i
			}
			before := identityOf(was)
			return identityChange{Outcome: outcomeDone, Before: &before}, err
		}}
	return v.command(&cobra.Command{
		Use: "delete", Aliases: []string{"rm"}, Short: "Delete identities for good",
		Long: "Deletes identities with their credentials and sessions. It cannot be undone: an identity made anew has\n" +
			"another id, and relation tuples that name the old one stay behind. It is always confirmed, by typing how\n" +
			"many go, or with --yes. With --json what was deleted is printed whole.",
		Example: "  gatehouse identities delete ann@acme.example --dry-run\n  gatehouse identities delete 5f3c… --yes --json > gone.json",
	})
}

func ended(e kratos.Ended) int { return max(e.Total, len(e.Sessions)) }

// liveSessions counts the sessions that would be ended, up to a page of them.
func liveSessions(ctx context.Context, k *kratos.Client, id string) (int, error) {
	active := true
	page, err := k.IdentitySessions(ctx, id, kratos.SessionQuery{Active: &active, PageSize: kratos.MaxPageSize}, "")
	return len(page.Items), err
}
