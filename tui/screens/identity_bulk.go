package screens

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
)

// identityBulk is what all writes to many identities have in common. They go one after
// the other: two writes side by side make a Kratos on SQLite wait for its own lock
// until one of them fails (v1.3.1; 40 people took 1 s one by one, and 11 s with two
// failures by fours).
func identityBulk(spec tui.BulkSpec[IdentityRow]) tui.BulkSpec[IdentityRow] {
	spec.Noun, spec.Nouns, spec.Parallel = "person", "people", 1
	spec.ID = func(r IdentityRow) string { return r.ID }
	spec.Name = identityWho
	return spec
}

// bulk is the operation on many people.
func (op identityOp) bulk(l *tui.List[IdentityRow], k IdentityWriter, rows []IdentityRow) tui.BulkSpec[IdentityRow] {
	n := 0
	for _, r := range rows {
		if op.why(r) == "" {
			n++
		}
	}
	spec := identityBulk(tui.BulkSpec[IdentityRow]{Title: op.verb + " people", Verb: op.verb, Done: op.done, Rows: rows, Why: op.why,
		Ask: fmt.Sprintf(op.ask, fmt.Sprint(n)+" people"), Writes: op.writes, Mind: op.mind, Danger: op.danger()})
	if op.back != "" {
		spec.UndoWrites = "state = " + string(op.back)
		if op.verb == identitySuspend.verb {
			spec.UndoWrites += "; sessions that were ended do not come back"
		}
	}
	spec.Do = func(ctx context.Context, r IdentityRow) (tui.BulkResult, error) {
		o := op.run(ctx, k, r.ID)
		res := tui.BulkResult{Note: op.outcomeNote(o)}
		if o.after.ID != "" {
			after := o.after
			res.Apply = func() { l.Put(identityRow(after)) }
			if op.back != "" {
				res.Undo = func(ctx context.Context) error {
					_, err := k.Edit(ctx, after.ID, kratos.Edit{State: op.back, Base: &after})
					return err
				}
			}
		}
		return res, o.err
	}
	return spec
}

// outcomeNote says what became of the sessions of one person.
func (op identityOp) outcomeNote(o identityOutcome) string {
	switch {
	case o.revived > 0:
		return countVerb(o.revived, "session works", "sessions work") + " again"
	case op.verb == identityActivate.verb:
		return ""
	}
	return count(max(o.ended.Total, len(o.ended.Sessions)), "session") + " ended"
}

// identityBulkActions are the writes to the marked people beside those to their state.
func identityBulkActions(spec IdentitiesSpec, l *tui.List[IdentityRow]) []tui.Action {
	acts := []tui.Action{
		{Name: "mark verified", Keys: []string{"V"}, Mutates: true, Why: l.NeedRow, Help: "Mark all addresses of the selected people as verified.",
			Run: tui.Do(func() { tui.Bulk(l, bulkVerify(l, spec.Kratos.Get, spec.Edit, l.Selected())) })},
		{Name: "delete", Keys: []string{"D"}, Mutates: true, Danger: true, Why: l.NeedRow, Help: "Delete the selected identities with their credentials and sessions, for good.",
			Run: tui.Do(func() { tui.Bulk(l, bulkDelete(l, spec.Edit, l.Selected())) })},
	}
	if spec.Forms != nil {
		acts = append(acts, tui.Action{Name: "set metadata", Keys: []string{"M"}, Mutates: true, Why: l.NeedRow, Help: "Set the public or the admin metadata of the selected people.",
			Run: tui.Do(func() { l.Push(metadataForm(spec.Forms, l, l.Selected())) })})
	}
	return acts
}

func bulkDelete(l *tui.List[IdentityRow], k IdentityEditor, rows []IdentityRow) tui.BulkSpec[IdentityRow] {
	return identityBulk(tui.BulkSpec[IdentityRow]{Title: "delete people", Verb: "delete", Done: "deleted", Rows: rows, Danger: true,
		Ask: "Delete " + identityPeople(rows) + "?", Writes: "the identity, its credentials and its sessions are deleted",
		Mind: []string{"Relation tuples in Keto and accounts in Keycloak stay; whoever gets one of the names inherits the tuples."},
		Do: func(ctx context.Context, r IdentityRow) (tui.BulkResult, error) {
			if _, err := k.Delete(ctx, r.ID); err != nil {
				return tui.BulkResult{}, err
			}
			return tui.BulkResult{Apply: func() { l.Remove(r.ID) }}, nil
		}})
}

func bulkVerify(l *tui.List[IdentityRow], read func(context.Context, string) (kratos.Identity, error), k IdentityEditor, rows []IdentityRow) tui.BulkSpec[IdentityRow] {
	why := func(r IdentityRow) string {
		switch {
		case r.Addresses == 0:
			return "has no address that could be verified"
		case r.Verified == r.Addresses:
			return "is verified already"
		}
		return ""
	}
	return identityBulk(tui.BulkSpec[IdentityRow]{Title: "mark people verified", Verb: "mark", Done: "verified", Rows: rows, Why: why,
		Ask: "Mark the addresses as verified?", Writes: "verified = true for every address", UndoWrites: "verified = false for the addresses that were marked",
		Mind: []string{"This says that somebody made sure whose addresses they are. No mail is sent."},
		Do:   func(ctx context.Context, r IdentityRow) (tui.BulkResult, error) { return verifyAll(ctx, l, read, k, r) }})
}

// verifyAll marks what is not verified, one address after the other.
func verifyAll(ctx context.Context, l *tui.List[IdentityRow], read func(context.Context, string) (kratos.Identity, error), k IdentityEditor, r IdentityRow) (tui.BulkResult, error) {
	var res tui.BulkResult
	now, err := read(ctx, r.ID)
	if err != nil {
		return res, err
	}
	var marked []string
	for _, a := range now.Addresses {
		if a.Verified {
			continue
		}
		c, err := k.MarkVerified(ctx, r.ID, a.Value, true)
		if err != nil {
			return res, err
		}
		marked, now = append(marked, a.Value), c.After
	}
	after := now
	res.Note, res.Apply = strings.Join(marked, ", "), func() { l.Put(identityRow(after)) }
	if len(marked) > 0 {
		res.Undo = func(ctx context.Context) error {
			for _, a := range marked {
				if _, err := k.MarkVerified(ctx, r.ID, a, false); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return res, nil
}

// The ways to set metadata.
const (
	metadataMerge   = "set these keys"
	metadataReplace = "replace all"
)

// metadataForm asks for the metadata that many people get.
func metadataForm(k IdentityForms, l *tui.List[IdentityRow], rows []IdentityRow) tui.Screen {
	return tui.NewForm(tui.FormSpec{Title: "metadata", Asks: true, Lead: "Set the metadata of " + identityPeople(rows) + "; the next question shows what is written", What: "set metadata",
		Fields: []tui.FormField{
			{Name: "which", Label: "which", Choices: []string{"public", "admin"}, Value: "public", Help: "the person and applications can read public metadata, only administrators admin metadata"},
			{Name: "how", Label: "how", Choices: []string{metadataMerge, metadataReplace}, Value: metadataMerge, Help: "keys that are not named stay with the first, and go with the second; null takes a key away"},
			{Name: "value", Label: "JSON", JSON: true, Required: true, Placeholder: `{"team": "blue"}`, Check: checkMetadata},
		},
		Submit: func(_ context.Context, v map[string]string) error { // the question comes next
			if e := checkJSONObject(v["value"]); v["how"] == metadataMerge && e != "" {
				return &clients.Problem{Kind: clients.Invalid, Op: "set metadata", Reason: "the JSON " + e, Hint: "write an object, such as {\"team\": \"blue\"}"}
			}
			return nil
		},
		Done: func(v map[string]string) {
			tui.Bulk(l, bulkMetadata(l, k, rows, v["which"] == "admin", v["how"] == metadataMerge, json.RawMessage(v["value"])))
		},
	})
}

func bulkMetadata(l *tui.List[IdentityRow], k IdentityForms, rows []IdentityRow, admin, merge bool, value json.RawMessage) tui.BulkSpec[IdentityRow] {
	which := "metadata_public"
	if admin {
		which = "metadata_admin"
	}
	writes := which + " = " + tui.CompactJSON(string(value))
	if merge {
		writes = "these keys of " + which + ": " + tui.CompactJSON(string(value)) + "; others stay"
	}
	return identityBulk(tui.BulkSpec[IdentityRow]{Title: "set metadata", Verb: "set", Done: "set", Rows: rows, Ask: "Set the metadata of " + identityPeople(rows) + "?",
		Writes: writes, UndoWrites: which + " as it was before",
		Do: func(ctx context.Context, r IdentityRow) (tui.BulkResult, error) {
			base, err := k.Get(ctx, r.ID)
			if err != nil {
				return tui.BulkResult{}, err
			}
			want := kratos.DocumentOf(base)
			part := &want.MetadataPublic
			if admin {
				part = &want.MetadataAdmin
			}
			if *part = value; merge {
				if *part, err = mergedMetadata(r, kratos.DocumentOf(base), admin, value); err != nil {
					return tui.BulkResult{}, err
				}
			}
			if lines, err := documentLines(kratos.DocumentOf(base), want); err == nil && len(lines) == 0 {
				return tui.BulkResult{Note: "as it was"}, nil
			}
			ch, err := k.Edit(ctx, r.ID, want.Edit(base))
			if err != nil {
				return tui.BulkResult{}, err
			}
			return tui.BulkResult{Apply: func() { l.Put(identityRow(ch.After)) }, Undo: func(ctx context.Context) error {
				_, err := k.Edit(ctx, r.ID, kratos.DocumentOf(ch.Before).Edit(ch.After))
				return err
			}}, nil
		}})
}

// mergedMetadata sets keys of the metadata that are there; null takes a key away.
func mergedMetadata(r IdentityRow, d kratos.Document, admin bool, value json.RawMessage) (json.RawMessage, error) {
	has := d.MetadataPublic
	if admin {
		has = d.MetadataAdmin
	}
	now := decodeJSON(has)
	obj, ok := now.(map[string]any)
	if !ok && now != nil {
		return nil, &clients.Problem{Kind: clients.Invalid, Op: "set metadata", Reason: "the metadata of " + r.title() + " is no JSON object", Hint: "replace all of it, or edit it alone"}
	}
	if obj == nil {
		obj = map[string]any{}
	}
	keys, _ := decodeJSON(value).(map[string]any)
	for key, v := range keys {
		if v == nil {
			delete(obj, key)
		} else {
			obj[key] = v
		}
	}
	return encodePlain(obj)
}
