package screens

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unique"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// IdentityRow is an identity as a list keeps it: a few strings, because a list may
// hold a hundred thousand of them.
type IdentityRow struct {
	ID, Name, Email, Schema string
	Suspended               bool
	Addresses, Verified     uint8 // how many there are, and how many of them are verified
	AAL                     uint8 // how sure a sign-in can be: 1, 2 with a second factor, 0 where that is not known
	Created                 time.Time
	Traits                  string // JSON
}

func identityRow(i kratos.Identity) IdentityRow {
	r := IdentityRow{ID: i.ID, Schema: unique.Make(i.SchemaID).Value(), Suspended: i.State == kratos.Inactive,
		Created: i.Created, Traits: string(i.Traits)}
	r.Name, r.Email = identityBrief(i, r.Traits)
	r.AAL = identityAAL(i.Credentials)
	for _, a := range i.Addresses {
		if r.Addresses == 255 {
			break
		}
		r.Addresses++
		if a.Verified {
			r.Verified++
		}
	}
	return r
}

// identityAAL is the highest assurance level that a person can sign in with, as far as
// the types of their credentials tell: authenticator apps and backup codes have an
// entry only once they are set up. Of security keys an entry tells nothing (kratos.md
// of v1.3.1: the schema alone makes one), so that the level is then not known.
func identityAAL(c kratos.Credentials) uint8 {
	has := func(kind string) bool { _, ok := c.Of(kind); return ok }
	switch {
	case c == nil:
		return 0
	case has(kratos.TOTP), has(kratos.LookupSecret):
		return 2
	case has(kratos.WebAuthn):
		return 0
	}
	return 1
}

func (r IdentityRow) aal() string {
	if r.AAL == 0 {
		return theme.MarkUnknown
	}
	return fmt.Sprintf("aal%d", r.AAL)
}

// stateWords and verifiedFilter are what a filter compares with.
func (r IdentityRow) stateWords() string {
	if r.Suspended {
		return "suspended inactive"
	}
	return "active"
}

func (r IdentityRow) verifiedFilter() string {
	switch {
	case r.Addresses == 0:
		return "none"
	case r.Verified == r.Addresses:
		return "yes verified"
	case r.Verified > 0:
		return "some"
	}
	return "no unverified"
}

// trait is one trait as a cell shows it, by its path; empty when it is not there.
func (r IdentityRow) trait(path string) string {
	v := decodeJSON(json.RawMessage(r.Traits))
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n < 0 || n >= len(at) {
				return ""
			}
			v = at[n]
		default:
			return ""
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		if !slices.ContainsFunc(v, nested) {
			words := make([]string, len(v))
			for i, one := range v {
				words[i] = scalar(one)
			}
			return strings.Join(words, ", ")
		}
	}
	return scalar(v)
}

// identityPages makes rows of the pages of a call.
func identityPages(list func(context.Context, string) (clients.Page[kratos.Identity], error)) tui.Fetch[IdentityRow] {
	return func(ctx context.Context, cursor string) (tui.Page[IdentityRow], error) {
		page, err := list(ctx, cursor)
		out := tui.Page[IdentityRow]{Items: make([]IdentityRow, len(page.Items)), Next: page.Next, Total: page.Total}
		for i, item := range page.Items {
			out.Items[i] = identityRow(item)
		}
		return out, err
	}
}

// identityRows reads everybody. Kratos tells how many there are only when asked
// apart; that is done beside the second page, so that the first comes at once.
func identityRows(k IdentitiesKratos, list func(context.Context, string) (clients.Page[kratos.Identity], error)) tui.Fetch[IdentityRow] {
	page := identityPages(list)
	var total atomic.Int64 // an older run may still be on its way when the list is read again
	return func(ctx context.Context, cursor string) (tui.Page[IdentityRow], error) {
		var wg sync.WaitGroup
		switch {
		case cursor == "":
			total.Store(-1)
		case total.Load() < 0:
			wg.Go(func() {
				if n, err := k.Count(ctx); err == nil { // without a total the list says only how many it has read
					total.Store(int64(n))
				}
			})
		}
		out, err := page(ctx, cursor)
		wg.Wait()
		out.Total = int(total.Load())
		return out, err
	}
}

func (r IdentityRow) state() string {
	if r.Suspended {
		return theme.MarkDenied + " suspended"
	}
	return theme.MarkAllowed + " active"
}

func (r IdentityRow) verified() string {
	switch {
	case r.Addresses == 0:
		return "" // there is nothing to verify
	case r.Verified == r.Addresses:
		return theme.MarkAllowed
	case r.Verified > 0:
		return "some"
	default:
		return none
	}
}

// sections is what stands beside the list where there is room.
func (r IdentityRow) sections() []widget.Section {
	who := widget.Section{Title: r.title(), Fields: []widget.Field{
		{Label: "state", Value: r.state(), Tone: toneIf(r.Suspended, theme.Bad)},
		{Label: "e-mail", Value: r.Email, Note: r.verifiedWords()},
		{Label: "schema", Value: r.Schema}, {Label: "created", Value: day(r.Created)}, {Label: "aal", Value: r.aal()}, {Label: "id", Value: r.ID},
	}}
	return []widget.Section{who, traitSection("Traits", json.RawMessage(r.Traits))}
}

// title is the name, or what else tells the person from others.
func (r IdentityRow) title() string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Email != "":
		return r.Email
	default:
		return shortID(r.ID)
	}
}

func (r IdentityRow) verifiedWords() string {
	switch {
	case r.Addresses == 0:
		return ""
	case r.Verified == r.Addresses:
		return theme.MarkAllowed + " verified"
	case r.Verified > 0:
		return "not all addresses verified"
	default:
		return "not verified"
	}
}

// export is what JSON and YAML hold of a row.
func (r IdentityRow) export() any {
	state := kratos.Active
	if r.Suspended {
		state = kratos.Inactive
	}
	return struct {
		ID      string          `json:"id"`
		Schema  string          `json:"schema_id"`
		State   kratos.State    `json:"state"`
		Created time.Time       `json:"created_at"`
		Traits  json.RawMessage `json:"traits"`
	}{r.ID, r.Schema, state, r.Created, json.RawMessage(r.Traits)}
}

// traitSection shows a JSON value with a line for each of its leaves.
func traitSection(title string, raw json.RawMessage) widget.Section {
	s := widget.Section{Title: title}
	fields, rest := flattenTraits(raw)
	for _, f := range fields {
		s.Fields = append(s.Fields, widget.Field{Label: f.Path, Value: f.Value})
	}
	if rest > 0 {
		s.Note = count(rest, "more value") + " not shown; export has all"
	}
	return s
}

// toneIf is a tone that is only worn when something is so.
func toneIf(on bool, tone theme.Tone) theme.Tone {
	if on {
		return tone
	}
	return theme.Plain
}

// joinWords joins what is there with single spaces.
func joinWords(words ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" }), " ")
}
