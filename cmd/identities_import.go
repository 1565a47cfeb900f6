package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

type identitiesImportOptions struct {
	g        *globals
	path     string
	workers  int
	batch    bool
	fromLine int
	report   string
}

func newIdentitiesImportCommand(g *globals) *cobra.Command {
	o := &identitiesImportOptions{g: g}
	c := &cobra.Command{
		Use:   "import FILE | -",
		Short: "Make the identities of a file",
		Long: "Reads JSON lines or one JSON array of identities in the form that Kratos itself takes, which is also\n" +
			"what export writes: schema_id, traits, state, metadata, credentials (a password, or the hash of one),\n" +
			"verifiable_addresses. What became of each is printed as soon as it is known, in any order.\n\n" +
			"A row that is refused does not stop the others; --report keeps the refused rows in a file that can be\n" +
			"corrected and imported again. One whose answer was lost is told as unknown. Exit code 2 when not all\n" +
			"were made.\n\n" +
			"One request at a time goes out unless --workers says more: a Kratos on SQLite locks itself out otherwise.",
		Example: "  gatehouse identities import people.jsonl --report refused.jsonl\n" +
			"  gatehouse --context old identities export | gatehouse --context new identities import -",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.path = args[0]
			switch {
			case o.workers < 1 || o.workers > 16:
				return usageError("--workers is from 1 to 16")
			case o.fromLine < 1:
				return usageError("--from-line counts from 1")
			}
			return o.run(c.Context())
		},
	}
	c.Flags().IntVar(&o.workers, "workers", 1, "how many requests run side by side, up to 16")
	c.Flags().BoolVar(&o.batch, "batch", false, "send many in one request: faster, but one that is refused takes others of its request along")
	c.Flags().IntVar(&o.fromLine, "from-line", 1, "leave out what stands before line `N`")
	c.Flags().StringVar(&o.report, "report", "", "write the rows that were not made to `FILE`, as JSON lines")
	return c
}

// placedIdentity is one row of an import: what was read, and where.
type placedIdentity struct {
	line int
	raw  json.RawMessage
	new  kratos.NewIdentity
}

func (o *identitiesImportOptions) run(ctx context.Context) error {
	const op = "import identities"
	in := o.g.stdin
	if o.path != "-" {
		f, err := os.Open(o.path)
		if err != nil {
			return cannotDo(problem(clients.Invalid, op, err.Error(), "nothing was written"))
		}
		defer f.Close()
		if err := o.look(ctx, f); err != nil { // a mistake in line 9,000 must not show after 8,999 writes
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return cannotDo(problem(clients.Invalid, op, err.Error(), "nothing was written"))
		}
		in = f
	}
	b, k, err := o.g.kratos(ctx)
	if err != nil {
		return err
	}
	if o.g.dryRun {
		return o.foresee(in)
	}
	if err := o.g.confirmProduction(ctx, b, op, "This makes identities"); err != nil {
		return err
	}
	return o.write(ctx, k, in)
}

// look reads a file once through.
func (o *identitiesImportOptions) look(ctx context.Context, in io.Reader) error {
	for _, err := range readIdentities(in, o.fromLine) {
		if err := firstError(err, ctx.Err()); err != nil {
			return cannotDo(problem(kindOr(err, clients.Invalid), "import "+o.path, err.Error(), "nothing was written"))
		}
	}
	return nil
}

func (o *identitiesImportOptions) foresee(in io.Reader) error {
	out := newLines(o.g, identityChangeColumns, identityChange.line).whenEmpty("nothing to import")
	for row, err := range readIdentities(in, o.fromLine) {
		if err != nil {
			out.Abort()
			return cannotDo(problem(clients.Invalid, "import "+o.path, err.Error(), "nothing was written"))
		}
		if err := out.Add(identityChange{Op: "import", Outcome: outcomeWould, Line: row.line, Label: row.label()}); err != nil {
			return err
		}
	}
	return out.Close()
}

func (p placedIdentity) label() string {
	return kratos.Identity{Traits: p.new.Traits}.Label()
}

func (o *identitiesImportOptions) write(ctx context.Context, k *kratos.Client, in io.Reader) error {
	report, err := o.openReport()
	if err != nil {
		return err
	}
	out := newLines(o.g, identityChangeColumns, identityChange.line).whenEmpty("nothing to import")
	open := map[int]placedIdentity{} // sent, and not heard of yet
	rows := make(chan placedIdentity)
	var readErr error
	feed := func(yield func(kratos.NewIdentity) bool) {
		defer close(rows)
		for row, err := range readIdentities(in, o.fromLine) {
			if err != nil {
				readErr = err
				return
			}
			rows <- row
			if !yield(row.new) {
				return
			}
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan kratos.Imported)
	go func() {
		defer close(results)
		for r := range k.Import(ctx, feed, kratos.ImportOptions{Workers: o.workers, Batch: o.batch}) {
			results <- r
		}
	}()
	made, failed, next := 0, 0, 0
	var firstErr, outErr error
	for rows != nil || results != nil {
		select {
		case row, ok := <-rows:
			if !ok {
				rows = nil
				continue
			}
			open[next] = row
			next++
		case r, ok := <-results:
			if !ok {
				results = nil
				continue
			}
			row := open[r.Index]
			delete(open, r.Index)
			c := identityChange{Op: "import", Outcome: outcomeDone, ID: r.ID, Line: row.line, Label: row.label()}
			if r.Err != nil {
				c, failed, firstErr = c.failed(r.Err), failed+1, firstError(firstErr, r.Err)
				outErr = firstError(outErr, report.add(row, c))
			} else {
				made++
			}
			if outErr == nil {
				if outErr = out.Add(c); outErr != nil {
					cancel()
				}
			}
		}
	}
	return o.finish(out, report, made, failed, open, firstError(readErr, firstErr), outErr)
}

// finish says how it ended: what was made, what not, and where to go on.
func (o *identitiesImportOptions) finish(out *rows[identityChange], report *importReport, made, failed int, open map[int]placedIdentity, err, outErr error) error {
	outErr = firstError(outErr, report.close())
	if err == nil && len(open) == 0 {
		return firstError(outErr, out.Close())
	}
	outErr = firstError(outErr, out.Close())
	p := &clients.Problem{Kind: clients.Invalid, Op: "import identities"}
	if err != nil {
		p.Kind, p.Err = problemOf(err).Kind, err
	}
	p.Reason = fmt.Sprintf("%s made, %s not", thousands(made), thousands(failed))
	if err != nil {
		p.Reason += ": " + err.Error()
	}
	if len(open) > 0 {
		var lines []int
		for _, row := range open {
			lines = append(lines, row.line)
		}
		p.Hint = fmt.Sprintf("not sent, or not heard of, from line %d on: look, then go on with --from-line", slices.Min(lines))
	} else if report.file != nil {
		p.Hint = "the rows that were not made are in " + o.report
	}
	return firstError(cannotDo(p), outErr)
}

// importReport keeps the rows that were not made.
type importReport struct {
	file *os.File
	w    *bufio.Writer
}

func (o *identitiesImportOptions) openReport() (*importReport, error) {
	if o.report == "" {
		return &importReport{}, nil
	}
	// Rows hold what was to become passwords: for the owner's eyes alone.
	f, err := os.OpenFile(o.report, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, cannotDo(problem(clients.Invalid, "open the report", err.Error(), "name a file that does not exist yet; nothing was written"))
	}
	return &importReport{f, bufio.NewWriter(f)}, nil
}

func (r *importReport) add(row placedIdentity, _ identityChange) error {
	if r.file == nil {
		return nil
	}
	var line bytes.Buffer
	if err := json.Compact(&line, row.raw); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := r.w.Write(line.Bytes())
	return errors.Join(err, r.w.Flush())
}

func (r *importReport) close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// readIdentities yields the identities of JSON lines or of one JSON array, and stops
// at the first that cannot be read, whose error names its line.
func readIdentities(in io.Reader, from int) iter.Seq2[placedIdentity, error] {
	return func(yield func(placedIdentity, error) bool) {
		buf := bufio.NewReaderSize(in, 64<<10)
		array := beginsArray(buf)
		lines := &tuplefile.LineCounter{R: buf, Line: 1}
		dec := json.NewDecoder(lines)
		if array {
			if _, err := dec.Token(); err != nil {
				yield(placedIdentity{}, err)
				return
			}
		}
		for !array || dec.More() {
			var raw json.RawMessage
			err := dec.Decode(&raw)
			if errors.Is(err, io.EOF) && !array {
				return
			}
			line := lines.LineAt(dec.InputOffset())
			row := placedIdentity{line: line - bytes.Count(bytes.TrimSpace(raw), []byte("\n")), raw: raw}
			if err != nil {
				yield(row, &tuplefile.LineError{Line: line, Err: fmt.Errorf("the JSON is broken: %w", tuplefile.NoEOF(err))})
				return
			}
			if row.line < from {
				continue
			}
			if err := json.Unmarshal(raw, &row.new); err != nil {
				yield(row, &tuplefile.LineError{Line: row.line, Err: err})
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if _, err := dec.Token(); err != nil {
			yield(placedIdentity{}, &tuplefile.LineError{Line: lines.LineAt(dec.InputOffset()), Err: fmt.Errorf("the JSON array does not end: %w", tuplefile.NoEOF(err))})
		}
	}
}

// beginsArray looks at the first byte that is not space, and leaves the line breaks
// before it to be counted.
func beginsArray(r *bufio.Reader) bool {
	if bom, _ := r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3)
	}
	for n := 1; ; n++ {
		b, err := r.Peek(n)
		if err != nil || len(b) < n {
			return false
		}
		switch b[n-1] {
		case ' ', '\t', '\r', '\n':
		default:
			return b[n-1] == '['
		}
	}
}

// identityExport is an identity in the form that import and Kratos' own create take.
// Credentials are not in it: Kratos hands out no hash, and a link to another
// provider would let somebody in.
type identityExport struct {
	SchemaID       string          `json:"schema_id"`
	State          kratos.State    `json:"state"`
	ExternalID     string          `json:"external_id,omitempty"`
	Traits         json.RawMessage `json:"traits"`
	MetadataPublic json.RawMessage `json:"metadata_public,omitempty"`
	MetadataAdmin  json.RawMessage `json:"metadata_admin,omitempty"`
	Verified       []addressOut    `json:"verifiable_addresses,omitempty" jsonschema_description:"Those that are verified."`
}

func exportOf(i kratos.Identity) identityExport {
	e := identityExport{i.SchemaID, i.State, i.ExternalID, orJSON(i.Traits, "{}"), i.MetadataPublic, i.MetadataAdmin, nil}
	for _, a := range i.Addresses {
		if a.Verified {
			e.Verified = append(e.Verified, addressOut{Value: a.Value, Via: a.Via, Verified: &a.Verified, Status: a.Status})
		}
	}
	return e
}

func newIdentitiesExportCommand(g *globals) *cobra.Command {
	o := &identitiesListOptions{g: g}
	c := &cobra.Command{
		Use:   "export",
		Short: "Write identities so that import makes them anew",
		Long: "Writes to stdout, as they arrive: one JSON object a line, or with --json one array. import takes both,\n" +
			"and so does Kratos itself. Credentials and sessions are not in it: Kratos does not hand them out. An\n" +
			"identity made anew has another id; relation tuples that name the old one do not follow.",
		Example: "  gatehouse identities export > people.jsonl\n  gatehouse identities export --schema employee --state active",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if g.csv {
				return usageError("an export has no CSV form; use identities list --csv for a table")
			}
			if !g.json && !g.yaml {
				g.jsonl = true
			}
			return printIdentities(c.Context(), o, exportOf)
		},
	}
	c.Flags().StringVar(&o.state, "state", "", "only `STATE` identities: active or inactive")
	c.Flags().StringVar(&o.schema, "schema", "", "only identities of the schema `ID`")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "inactive"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
