package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/access/tuple/tuplefile"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// editable is what of an identity a person may change, as JSON in an editor and in a
// file.
type editable = kratos.Document

func orJSON(raw json.RawMessage, other string) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage(other)
	}
	return raw
}

// fieldFlags are the flags that set single parts of an identity.
type fieldFlags struct {
	traits, public, admin string
	set, unset            []string
	state, schema         string
	externalID            string
	changed               func(string) bool
}

func (f *fieldFlags) addTo(c *cobra.Command) {
	c.Flags().StringVar(&f.traits, "traits", "", "all traits as a JSON object, or @`FILE`")
	c.Flags().StringArrayVar(&f.set, "trait", nil, "set one trait, `PATH=VALUE`; the path has dots (name.first), the value is JSON or else text; may be given more than once")
	c.Flags().StringArrayVar(&f.unset, "remove-trait", nil, "remove the trait with this dotted `PATH`; may be given more than once")
	c.Flags().StringVar(&f.public, "metadata-public", "", "public metadata as `JSON`, or @FILE; null removes it")
	c.Flags().StringVar(&f.admin, "metadata-admin", "", "admin metadata as `JSON`, or @FILE; null removes it")
	c.Flags().StringVar(&f.state, "state", "", "active or inactive; suspend also ends the sessions")
	c.Flags().StringVar(&f.schema, "schema", "", "`ID` of the identity schema")
	c.Flags().StringVar(&f.externalID, "external-id", "", "`ID` that another system gave; Kratos 25.4 and newer")
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "inactive"}, cobra.ShellCompDirectiveNoFileComp))
	f.changed = c.Flags().Changed
}

func (f *fieldFlags) any() bool {
	return slices.ContainsFunc([]string{"traits", "trait", "remove-trait", "metadata-public", "metadata-admin", "state", "schema", "external-id"}, f.changed)
}

// apply puts the flags over a document.
func (f *fieldFlags) apply(e *editable) error {
	for flag, to := range map[string]*json.RawMessage{"traits": &e.Traits, "metadata-public": &e.MetadataPublic, "metadata-admin": &e.MetadataAdmin} {
		if !f.changed(flag) {
			continue
		}
		raw, err := jsonOrFile(flag, map[string]string{"traits": f.traits, "metadata-public": f.public, "metadata-admin": f.admin}[flag])
		if err != nil {
			return err
		}
		*to = raw
	}
	if len(f.set)+len(f.unset) > 0 {
		traits, err := setTraits(e.Traits, f.set, f.unset)
		if err != nil {
			return err
		}
		e.Traits = traits
	}
	if f.changed("state") {
		if f.state != string(kratos.Active) && f.state != string(kratos.Inactive) {
			return usageError("--state is active or inactive, not %q", f.state)
		}
		e.State = kratos.State(f.state)
	}
	if f.changed("schema") {
		e.SchemaID = f.schema
	}
	if f.changed("external-id") {
		e.ExternalID = f.externalID
	}
	return nil
}

// jsonOrFile reads a flag that is JSON or the name of a file with it.
func jsonOrFile(flag, value string) (json.RawMessage, error) {
	raw := []byte(value)
	if name, ok := strings.CutPrefix(value, "@"); ok {
		var err error
		if raw, err = readLimited(name); err != nil {
			return nil, usageError("--%s: %v", flag, err)
		}
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, usageError("--%s is not JSON: %v", flag, err)
	}
	return bytes.TrimSpace(raw), nil
}

// readLimited reads a file that a person named, as large as one object may be.
func readLimited(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, tuplefile.MaxObject+1))
	if err == nil && len(b) > tuplefile.MaxObject {
		err = fmt.Errorf("%s is larger than %d MB", name, tuplefile.MaxObject>>20)
	}
	return b, err
}

// setTraits sets and removes single traits by their dotted paths.
func setTraits(raw json.RawMessage, set, unset []string) (json.RawMessage, error) {
	var doc any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // large numbers stay as they are
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	for _, pair := range set {
		path, value, ok := strings.Cut(pair, "=")
		if !ok || path == "" {
			return nil, usageError("--trait %q is not PATH=VALUE, such as name.first=Ann", pair)
		}
		var v any
		vd := json.NewDecoder(strings.NewReader(value))
		vd.UseNumber()
		if err := vd.Decode(&v); err != nil || vd.More() {
			v = value
		}
		var err error
		if doc, err = putAt(doc, strings.Split(path, "."), v, true); err != nil {
			return nil, usageError("--trait %s: %v", path, err)
		}
	}
	for _, path := range unset {
		var err error
		if doc, err = putAt(doc, strings.Split(path, "."), nil, false); err != nil {
			return nil, usageError("--remove-trait %s: %v", path, err)
		}
	}
	return encodeJSON(doc)
}

// putAt sets, or removes, the value at a path, and gives the document as it then is.
// An array is entered by an index, which may be one past its end to append.
func putAt(doc any, path []string, v any, set bool) (any, error) {
	if len(path) == 0 {
		return v, nil
	}
	key := path[0]
	switch at := doc.(type) {
	case nil:
		if !set {
			return nil, fmt.Errorf("there is no %q to remove", key)
		}
		return putAt(map[string]any{}, path, v, set)
	case map[string]any:
		if _, has := at[key]; !has && !set {
			return nil, fmt.Errorf("there is no %q to remove", key)
		}
		if len(path) == 1 && !set {
			delete(at, key)
			return at, nil
		}
		sub, err := putAt(at[key], path[1:], v, set)
		at[key] = sub
		return at, err
	case []any:
		n, err := strconv.Atoi(key)
		if err != nil || n < 0 || n > len(at) || n == len(at) && !set {
			return nil, fmt.Errorf("%q is not the place of one of its %d elements, counted from 0", key, len(at))
		}
		if len(path) == 1 && !set {
			return slices.Delete(at, n, n+1), nil
		}
		if n == len(at) {
			at = append(at, nil)
		}
		at[n], err = putAt(at[n], path[1:], v, set)
		return at, err
	default:
		return nil, fmt.Errorf("what stands before %q holds no further fields", key)
	}
}

type identitiesEditOptions struct {
	g      *globals
	fields fieldFlags
	file   string
	editor bool
}

func newIdentitiesEditCommand(g *globals) *cobra.Command {
	o := &identitiesEditOptions{g: g}
	c := &cobra.Command{
		Use:   "edit ID | IDENTIFIER",
		Short: "Change the traits, metadata, state or schema of an identity",
		Long: "Changes what the flags name and leaves the rest. --editor opens all of it as JSON in $VISUAL or $EDITOR;\n" +
			"--file takes such a document. What changes is printed field by field, with --dry-run without writing it.\n\n" +
			"When somebody else has changed the identity since it was read, nothing is written (exit code 2). A text\n" +
			"that the server refuses is kept, and the error names the field.",
		Example: "  gatehouse identities edit ann@acme.example --trait name.last=Smith --dry-run\n" +
			"  gatehouse identities edit ann@acme.example --editor",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !o.fields.any() && o.file == "" && !o.editor {
				return usageError("say what to change: --trait, --traits, --metadata-public, --metadata-admin, --state, --schema, --external-id, --file or --editor")
			}
			return o.run(c.Context(), args[0])
		},
		ValidArgsFunction: completeIdentities(g),
	}
	o.fields.addTo(c)
	c.Flags().StringVar(&o.file, "file", "", "read the whole document from `FILE`, or - for stdin")
	c.Flags().BoolVar(&o.editor, "editor", false, "open the whole document in $VISUAL or $EDITOR")
	c.MarkFlagsMutuallyExclusive("file", "editor")
	return c
}

func (o *identitiesEditOptions) run(ctx context.Context, name string) error {
	b, k, err := o.g.kratos(ctx)
	if err != nil {
		return err
	}
	i, err := findIdentity(ctx, k, name)
	if err != nil {
		return cannotDo(err)
	}
	want, kept, err := o.wanted(ctx, i)
	if err != nil {
		return err
	}
	err = o.write(ctx, b, k, i, want)
	if kept != "" {
		if err == nil {
			_ = os.Remove(kept)
			return nil
		}
		p := *problemOf(err)
		p.Hint = strings.TrimPrefix(p.Hint+"; your text is kept in "+kept+": correct it and use --file", "; ")
		return cannotDo(&p)
	}
	return err
}

// wanted is the identity as the person wants it. kept is the file in which the text
// of an editor stays until it was written.
func (o *identitiesEditOptions) wanted(ctx context.Context, i kratos.Identity) (e editable, kept string, err error) {
	e = kratos.DocumentOf(i)
	if o.file != "" {
		raw, err := o.g.readFileOrStdin(o.file)
		if err != nil {
			return e, "", err
		}
		if e, err = kratos.ParseDocument(raw, e); err != nil {
			return e, "", problem(clients.Invalid, "read "+o.file, err.Error(), "nothing was written")
		}
	}
	if err := o.fields.apply(&e); err != nil {
		return e, "", err
	}
	if !o.editor {
		return e, "", nil
	}
	raw, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return e, "", err
	}
	text, kept, err := o.g.editText(ctx, "identity-"+i.ID+"-*.json", escapeJSON(append(raw, '\n')))
	if err != nil {
		return e, "", err
	}
	e, err = kratos.ParseDocument(text, e)
	if err != nil {
		return e, kept, problem(clients.Invalid, "read your text", err.Error(), "it is kept in "+kept+": correct it and use --file")
	}
	return e, kept, nil
}

func (g *globals) readFileOrStdin(name string) ([]byte, error) {
	if name != "-" {
		b, err := readLimited(name)
		if err != nil {
			return nil, problem(clients.Invalid, "read "+name, err.Error(), "")
		}
		return b, nil
	}
	b, err := io.ReadAll(io.LimitReader(g.stdin, tuplefile.MaxObject+1))
	if err == nil && len(b) > tuplefile.MaxObject {
		err = fmt.Errorf("it is larger than %d MB", tuplefile.MaxObject>>20)
	}
	if err != nil {
		return nil, problem(clients.Invalid, "read stdin", err.Error(), "")
	}
	return b, nil
}

// editText lets a person edit a text in their own editor. The file is readable by
// its owner alone, and stays until the caller removes it.
func (g *globals) editText(ctx context.Context, pattern string, text []byte) (edited []byte, file string, err error) {
	const op = "open the editor"
	editor := g.getenv("VISUAL")
	if editor == "" {
		editor = g.getenv("EDITOR")
	}
	if editor == "" {
		return nil, "", problem(clients.Invalid, op, "neither VISUAL nor EDITOR is set", "set one, as in EDITOR=vi, or use --trait, --traits or --file")
	}
	f, err := os.CreateTemp("", pattern) // mode 0600
	if err != nil {
		return nil, "", err
	}
	file = f.Name()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, "", err
	}
	// The variable may carry options, and is the person's own: a shell reads it, as git does.
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = g.stdin, g.stderr, g.stderr
	if err := cmd.Run(); err != nil {
		return nil, "", problem(clients.Invalid, op, fmt.Sprintf("%s ended with: %v", editor, err), "nothing was written; your text is kept in "+file)
	}
	edited, err = readLimited(file)
	if err != nil {
		return nil, "", problem(clients.Invalid, op, err.Error(), "nothing was written")
	}
	return edited, file, nil
}

func (o *identitiesEditOptions) write(ctx context.Context, b *backends, k *kratos.Client, i kratos.Identity, want editable) error {
	before := identityOf(i)
	c := identityChange{Op: "edit", ID: i.ID, Label: i.Label(), Before: &before}
	was := kratos.DocumentOf(i)
	var err error
	if c.Changes, err = diffJSON(was, want); err != nil {
		return err
	}
	out := newLines(o.g, identityChangeColumns, identityChange.line)
	if len(c.Changes) == 0 {
		c.Outcome = outcomeUnchanged
		return firstError(out.Add(c), out.Close())
	}
	if o.g.dryRun {
		c.Outcome = outcomeWould
		return firstError(out.Add(c), out.Close())
	}
	if err := o.g.confirmProduction(ctx, b, "edit the identity", "This changes "+plural(len(c.Changes), "field", "fields")+" of "+i.Label()); err != nil {
		return err
	}
	if _, err = k.Edit(ctx, i.ID, want.Edit(i)); err != nil {
		c = c.failed(err)
		return firstError(out.Add(c), out.Close(), cannotDo(err))
	}
	c.Outcome = outcomeDone
	return firstError(out.Add(c), out.Close())
}

// diffJSON compares what two values are as JSON, field by field.
func diffJSON(before, after any) ([]fieldDiff, error) { return clients.Diff(before, after) }
