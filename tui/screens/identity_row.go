package screens

import (
	"context"
	"encoding/json"
	"slices"
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
	Created                 time.Time
	Traits                  string // JSON
}

func identityRow(i kratos.Identity) IdentityRow {
	r := IdentityRow{ID: i.ID, Schema: unique.Make(i.SchemaID).Value(), Suspended: i.State == kratos.Inactive,
		Created: i.Created, Traits: string(i.Traits)}
	r.Name, r.Email = identityBrief(i, r.Traits)
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
func identityRows(k IdentitiesKratos) tui.Fetch[IdentityRow] {
	page := identityPages(k.List)
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
		{Label: "schema", Value: r.Schema}, {Label: "created", Value: day(r.Created)}, {Label: "id", Value: r.ID},
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
