package screens

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// IdentitySchemas reads identity schemas, which live on the public port of Kratos.
type IdentitySchemas interface {
	Schemas(ctx context.Context) ([]kratos.Schema, error)
}

// IdentityForms is what the forms of identities need.
type IdentityForms interface {
	IdentitySchemas
	Get(ctx context.Context, id string) (kratos.Identity, error)
	FindExact(ctx context.Context, identifier string) ([]kratos.Identity, error)
	Create(ctx context.Context, n kratos.NewIdentity) (kratos.Identity, error)
	Edit(ctx context.Context, id string, e kratos.Edit) (clients.Change[kratos.Identity], error)
	Delete(ctx context.Context, id string) (kratos.Identity, error)
}

// Names of the fields of an identity's form that are not traits. They are the paths in
// which Kratos complains.
const (
	fieldSchema   = "/schema_id"
	fieldState    = "/state"
	fieldPassword = "/credentials/password"
	fieldPublic   = "/metadata_public"
	fieldAdmin    = "/metadata_admin"
	fieldExternal = "/external_id"
)

// identityForm is the form that creates or edits an identity.
type identityForm struct {
	k       IdentityForms
	host    tui.Host // of the screen below the form
	schemas []kratos.Schema
	noRead  error           // why the schemas could not be read
	base    kratos.Identity // as it was when the form was opened; without an ID on create
	done    func(kratos.Identity, string)
	forms   map[string]*traitForm
	values  map[string]string // as they were when saving was tried
	want    kratos.Document
	made    kratos.Identity // what a successful save left
	before  kratos.Identity // what it replaced
	note    string          // what there is to say about the save beside its success
}

// openIdentityForm reads the schemas, and the identity afresh, and pushes the form. id
// is empty to create one. done is told what was saved, and how to say it.
func openIdentityForm(h tui.Host, job *tui.Job, k IdentityForms, id string, done func(kratos.Identity, string)) {
	type read struct {
		base    kratos.Identity
		schemas []kratos.Schema
		no      error
	}
	tui.Go(h, job, identityTimeout, func(ctx context.Context) (read, error) {
		var r read
		r.schemas, r.no = k.Schemas(ctx)
		if id == "" {
			return r, ctx.Err()
		}
		var err error
		r.base, err = k.Get(ctx, id)
		return r, err
	}, func(r read, err error) {
		if err != nil {
			h.Fail(err)
			return
		}
		f := &identityForm{k: k, host: h, schemas: r.schemas, noRead: r.no, base: r.base, done: done, forms: map[string]*traitForm{}}
		h.Push(tui.NewForm(f.spec()))
	})
}

// creates is whether the form makes a new identity.
func (f *identityForm) creates() bool { return f.base.ID == "" }

func (f *identityForm) spec() tui.FormSpec {
	s := tui.FormSpec{Title: "edit", Lead: "Edit " + identityWho(identityRow(f.base)), What: "edit " + identityRow(f.base).title(),
		Shape: f.fields, Check: f.complaints, Review: f.review, Submit: f.submit, Refused: f.refused,
		Done: func(map[string]string) { f.saved() }}
	if f.creates() {
		s.Title, s.Lead, s.What = "new identity", "A new identity", "create the identity"
	}
	if why := f.whyRaw(f.schemaOf(nil)); why != "" {
		s.Lead += ". Its traits are JSON here: " + why
	}
	return s
}

// whyRaw is why there is no form by the schema.
func (f *identityForm) whyRaw(id string) string {
	if f.noRead != nil {
		return f.host.Env().Explain(f.noRead).String()
	}
	return f.form(id).why
}

// schemaOf is the schema that is chosen.
func (f *identityForm) schemaOf(values map[string]string) string {
	if id := values[fieldSchema]; id != "" {
		return id
	}
	if f.base.SchemaID != "" {
		return f.base.SchemaID
	}
	if len(f.schemas) > 0 {
		return f.schemas[0].ID
	}
	return ""
}

// form is the form of a schema, made once.
func (f *identityForm) form(id string) *traitForm {
	if t := f.forms[id]; t != nil {
		return t
	}
	s := kratos.Schema{ID: id}
	if i := slices.IndexFunc(f.schemas, func(s kratos.Schema) bool { return s.ID == id }); i >= 0 {
		s = f.schemas[i]
	}
	t := newTraitForm(s, f.base.Traits)
	f.forms[id] = t
	return t
}

// fields are those of the schema that is chosen, and what every identity has.
func (f *identityForm) fields(values map[string]string) []tui.FormField {
	id := f.schemaOf(values)
	var out []tui.FormField
	schema := f.schemaField()
	choose := len(schema.Choices) > 1 || f.noRead != nil && f.creates()
	if choose && f.creates() { // it decides what comes
		out = append(out, schema)
	}
	traits := f.form(id).fields(values)
	for i := range traits {
		if traits[i].Section == "" {
			traits[i].Section = "Traits"
		}
	}
	out = append(append(out, traits...), f.accountFields()...)
	if choose && !f.creates() {
		out = append(out, schema)
	}
	return out
}

func (f *identityForm) schemaField() tui.FormField {
	s := tui.FormField{Name: fieldSchema, Label: "schema", Section: "Account", Value: f.schemaOf(nil), Help: "which traits there are; what was typed is kept when another one is looked at"}
	for _, one := range f.schemas {
		s.Choices = append(s.Choices, one.ID)
	}
	if !f.creates() {
		s.Help = "another schema has other traits; Kratos keeps login names of the old one that still sign in"
		if !slices.Contains(s.Choices, f.base.SchemaID) {
			s.Choices = append(s.Choices, f.base.SchemaID)
		}
	}
	if f.noRead != nil {
		s.Choices, s.Value, s.Help = nil, "", "the id of the identity schema; empty takes the server's default"
	}
	return s
}

func (f *identityForm) accountFields() []tui.FormField {
	state := tui.FormField{Name: fieldState, Label: "state", Section: "Access", Choices: []string{string(kratos.Active), string(kratos.Inactive)}, Value: string(kratos.Active),
		Help: "inactive may not sign in; sessions are not ended by this, but by suspending"}
	if f.base.State != "" {
		state.Value = string(f.base.State)
	}
	out := []tui.FormField{state}
	if f.creates() {
		out = append(out, tui.FormField{Name: fieldPassword, Label: "password", Section: "Access", Secret: true, Placeholder: "none", Check: checkPassword,
			Help: "may stay empty: then the person signs in with a recovery code first, and sets one"})
	}
	if f.base.ExternalID != "" {
		out = append(out, tui.FormField{Name: fieldExternal, Label: "external id", Section: "Access", Value: f.base.ExternalID, Help: "the id that another system gave"})
	}
	for _, m := range []struct {
		name, label, help string
		raw               json.RawMessage
	}{{fieldPublic, "public", "JSON that the person and applications can read", f.base.MetadataPublic}, {fieldAdmin, "admin", "JSON that only administrators can read", f.base.MetadataAdmin}} {
		out = append(out, tui.FormField{Name: m.name, Label: m.label, Section: "Metadata", JSON: true, Value: tui.CompactJSON(string(m.raw)), Check: checkMetadata, Help: m.help})
	}
	return out
}

func checkPassword(value string) string {
	if n := len([]rune(value)); n < kratos.MinPasswordLength {
		return fmt.Sprintf("must have at least %d characters", kratos.MinPasswordLength)
	}
	return ""
}

// checkMetadata refuses what Kratos could not read back: see kratos.Edit.
func checkMetadata(value string) string {
	if e := checkAnyJSON(value); e != "" {
		return e
	}
	if _, number := decodeJSON(json.RawMessage(value)).(json.Number); number {
		return "must not be a bare number: put it into an object"
	}
	return ""
}

func (f *identityForm) complaints(values map[string]string) map[string]string {
	return f.form(f.schemaOf(values)).complaints(values)
}

// document is what the values say.
func (f *identityForm) document(values map[string]string) (kratos.Document, error) {
	d := kratos.DocumentOf(f.base)
	var err error
	if d.Traits, err = f.form(f.schemaOf(values)).traits(values); err != nil {
		return d, &clients.Problem{Kind: clients.Invalid, Op: "read the form", Reason: err.Error(), Hint: "correct the field"}
	}
	d.SchemaID, d.State = f.schemaOf(values), kratos.State(values[fieldState])
	if f.base.ExternalID != "" {
		d.ExternalID = values[fieldExternal]
	}
	for name, to := range map[string]*json.RawMessage{fieldPublic: &d.MetadataPublic, fieldAdmin: &d.MetadataAdmin} {
		if *to = json.RawMessage(values[name]); len(*to) == 0 {
			*to = json.RawMessage("null")
		}
	}
	return d, nil
}

// review shows what would be written: field by field what changes, or all that is new.
func (f *identityForm) review(values map[string]string) (tui.Question, error) {
	d, err := f.document(values)
	if err != nil {
		return tui.Question{}, err
	}
	f.values, f.want = values, d
	if f.creates() {
		q := tui.Question{Title: "Create this identity?", Verb: "create", Lines: []string{"schema_id = " + orWord(d.SchemaID, "the server's default"), "state = " + string(d.State)}}
		fields, _ := flattenTraits(d.Traits)
		for _, t := range fields {
			q.Lines = append(q.Lines, "traits."+t.Path+" = "+strings.ReplaceAll(t.Value, "\n", ", "))
		}
		if values[fieldPassword] != "" {
			q.Lines = append(q.Lines, "a password, hidden")
		} else {
			q.Lines = append(q.Lines, "no password")
		}
		for name, raw := range map[string]json.RawMessage{"metadata_public": d.MetadataPublic, "metadata_admin": d.MetadataAdmin} {
			if string(raw) != "null" {
				q.Lines = append(q.Lines, name+" = "+string(raw))
			}
		}
		slices.Sort(q.Lines[2:])
		return q, nil
	}
	return reviewDocument(f.base, d)
}

// reviewDocument is the question before an identity is changed; an error when nothing is.
func reviewDocument(base kratos.Identity, want kratos.Document) (tui.Question, error) {
	lines, err := documentLines(kratos.DocumentOf(base), want)
	if err != nil {
		return tui.Question{}, err
	}
	if len(lines) == 0 {
		return tui.Question{}, &clients.Problem{Kind: clients.Invalid, Op: "save", Reason: "nothing was changed", Hint: "esc goes back"}
	}
	q := tui.Question{Title: "Change " + identityWho(identityRow(base)) + "?", Verb: "save", Lines: lines}
	if want.SchemaID != base.SchemaID {
		q.Lines = append(q.Lines, "Login names of the old schema may stay behind and still sign in: look at the ways to sign in afterwards.")
	}
	if want.State == kratos.Inactive && base.State != kratos.Inactive {
		q.Lines = append(q.Lines, "Sessions are refused while it is inactive, and work again after; d on the person ends them too.")
	}
	return q, nil
}

// documentLines are the differences, a line for each: "traits/name/last: Okafor → Smith".
func documentLines(was, want kratos.Document) ([]string, error) {
	diff, err := clients.Diff(was, want)
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(diff))
	for i, d := range diff {
		lines[i] = strings.TrimPrefix(d.Field, "/") + ": " + shortJSON(d.Before) + " → " + shortJSON(d.After)
	}
	return lines, nil
}

// shortJSON is a value in a line of a question: texts without quotes where that is clear.
func shortJSON(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		if v != "" && strings.TrimSpace(v) == v && v != "nothing" {
			return v
		}
	}
	return compactJSON(v)
}

// submit writes, off the loop.
func (f *identityForm) submit(ctx context.Context, values map[string]string) error {
	var err error
	if f.creates() {
		f.made, f.note, err = f.create(ctx, values)
		return err
	}
	var ch clients.Change[kratos.Identity]
	ch, f.note, err = saveDocument(ctx, f.k, f.base, f.want)
	f.before, f.made = ch.Before, ch.After
	return err
}

func (f *identityForm) create(ctx context.Context, values map[string]string) (kratos.Identity, string, error) {
	n := kratos.NewIdentity{SchemaID: f.want.SchemaID, Traits: f.want.Traits, State: f.want.State, Password: clients.Secret(values[fieldPassword])}
	for raw, to := range map[*json.RawMessage]*json.RawMessage{&f.want.MetadataPublic: &n.MetadataPublic, &f.want.MetadataAdmin: &n.MetadataAdmin} {
		if string(*raw) != "null" {
			*to = *raw
		}
	}
	made, err := f.k.Create(ctx, n)
	if !clients.Is(err, clients.UnknownOutcome) {
		return made, "", err
	}
	// The answer was lost. Whoever has the login name now was probably made by it.
	name := kratos.Identity{Traits: n.Traits}.Emails()
	who := orWord(strings.Join(name, ""), kratos.Identity{Traits: n.Traits}.Username())
	if len(name) > 0 {
		who = name[0]
	}
	look, cancel := afterwards(ctx)
	defer cancel()
	found, lookErr := f.k.FindExact(look, who)
	p := problemCopy(err)
	switch {
	case who == "" || lookErr != nil:
		p.Hint = "it could not be looked up: search for it before you do it again"
	case len(found) == 0:
		p.Hint = "looked up: nobody has the login name " + who + " yet, so it probably was not made; saving again is safe, because a login name is taken only once"
	case sameTraits(found[0].Traits, n.Traits):
		return found[0], "the answer was lost, but it was made: it was looked up", nil
	default:
		p.Hint = "looked up: " + who + " belongs to an identity with other traits (" + shortID(found[0].ID) + ")"
	}
	return made, "", p
}

func sameTraits(a, b json.RawMessage) bool {
	d, err := clients.Diff(a, b)
	return err == nil && len(d) == 0
}

// afterwards is the time to look something up after a request was cut: that of the
// request may be over.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

// problemCopy is a problem of one's own to change.
func problemCopy(err error) *clients.Problem {
	if p, ok := errors.AsType[*clients.Problem](err); ok {
		c := *p
		return &c
	}
	return &clients.Problem{Kind: clients.KindOf(err), Reason: err.Error(), Err: err}
}

// changedMeanwhile is the refusal of a save because the identity is no longer as it was
// when it was opened.
type changedMeanwhile struct{ now kratos.Identity }

func (c *changedMeanwhile) Error() string {
	return "edit the identity: it was changed on the server since it was opened; choose what to keep"
}

// saveDocument writes a document over an identity that must still be as it was. note is
// what there is to say beside the success.
func saveDocument(ctx context.Context, k IdentityForms, base kratos.Identity, want kratos.Document) (ch clients.Change[kratos.Identity], note string, err error) {
	ch, err = k.Edit(ctx, base.ID, want.Edit(base))
	if err == nil {
		return ch, "", nil
	}
	look, cancel := afterwards(ctx)
	defer cancel()
	switch {
	case clients.Is(err, clients.Conflict):
		now, lookErr := k.Get(look, base.ID)
		if lines, diffErr := documentLines(kratos.DocumentOf(base), kratos.DocumentOf(now)); lookErr == nil && diffErr == nil && len(lines) > 0 {
			return ch, "", &changedMeanwhile{now}
		}
	case clients.Is(err, clients.UnknownOutcome):
		p := problemCopy(err)
		now, lookErr := k.Get(look, base.ID)
		left, diffErr := documentLines(kratos.DocumentOf(now), want)
		switch {
		case lookErr != nil || diffErr != nil:
			p.Hint = "it could not be looked up: look at the identity before you save again"
		case len(left) == 0:
			return clients.Change[kratos.Identity]{Before: base, After: now}, "the answer was lost, but it was written: it was looked up", nil
		default:
			p.Hint = "looked up: it is not written (yet); saving again is safe"
		}
		return ch, "", p
	}
	return ch, "", err
}

// refused takes over when the identity changed meanwhile.
func (f *identityForm) refused(form tui.Host, err error) bool {
	c, ok := errors.AsType[*changedMeanwhile](err)
	if !ok {
		return false
	}
	form.Push(newIdentityConflict(f.k, f.base, c.now, f.want, func(ch clients.Change[kratos.Identity], note string) {
		f.before, f.made, f.note = ch.Before, ch.After, note
		form.Pop()
		f.saved()
	}))
	return true
}

// saved registers the way back and tells whoever opened the form.
func (f *identityForm) saved() {
	row := identityRow(f.made)
	words := "saved " + row.title()
	lines, err := documentLines(kratos.DocumentOf(f.before), kratos.DocumentOf(f.made))
	switch {
	case f.creates():
		words = row.title() + " was created"
		f.host.Undo(undoCreate(f.k, f.made))
	case err == nil && len(lines) == 0: // theirs was kept
		words = row.title()
	default:
		f.host.Undo(undoEdit(f.k, f.before, f.made, func(i kratos.Identity) { f.done(i, "") }))
	}
	if f.note != "" {
		words += "; " + f.note
	}
	f.done(f.made, words)
}

// undoCreate deletes the identity that was made, if it is still as it was made.
func undoCreate(k IdentityForms, made kratos.Identity) tui.Undo {
	return tui.Undo{What: "create " + identityRow(made).title(),
		Lines: []string{"delete " + identityWho(identityRow(made)) + " with its credentials and sessions"},
		Run: func(ctx context.Context) error {
			now, err := k.Get(ctx, made.ID)
			if err != nil {
				return err
			}
			lines, err := documentLines(kratos.DocumentOf(made), kratos.DocumentOf(now))
			if err == nil && len(lines) > 0 {
				err = &clients.Problem{Kind: clients.Conflict, Op: "undo", Reason: "it was changed since it was created", Hint: "look at it, and delete it there if that is right"}
			}
			if err != nil {
				return err
			}
			_, err = k.Delete(ctx, made.ID)
			return err
		}}
}

// undoEdit writes back what an edit replaced, if nothing was changed since.
func undoEdit(k IdentityForms, before, after kratos.Identity, then func(kratos.Identity)) tui.Undo {
	lines, err := documentLines(kratos.DocumentOf(after), kratos.DocumentOf(before))
	if err != nil {
		lines = []string{err.Error()}
	}
	var now kratos.Identity
	return tui.Undo{What: "edit " + identityRow(after).title(), Lines: lines,
		Run: func(ctx context.Context) error {
			ch, err := k.Edit(ctx, before.ID, kratos.DocumentOf(before).Edit(after))
			now = ch.After
			return err
		},
		Then: func() { then(now) }}
}
