package tui

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// ownPlaces are the places that the shell itself brings.
func (a *App) ownPlaces() []Entry {
	places := []Entry{
		{Name: "messages", Aliases: []string{"toasts"}, Help: "What was said in this session, the newest first.", Open: a.messageScreen},
	}
	if a.opts.Requests != nil {
		places = append(places, Entry{Name: "log", Aliases: []string{"requests"}, Open: a.requestScreen,
			Help: "The newest requests to the back ends, with status and time."})
	}
	return places
}

// requestRow is a request with a number of its own.
type requestRow struct {
	Request
	n int
}

// requestScreen is `:log`: what went over the wire, for whoever has to explain it.
func (a *App) requestScreen() Screen {
	text := func(get func(requestRow) string) func(requestRow) string { return get }
	return NewList(Spec[requestRow]{
		Title: "requests",
		ID:    func(r requestRow) string { return fmt.Sprint(r.At.UnixNano(), r.n) },
		Columns: []Column[requestRow]{
			{Title: "TIME", Width: 12, Cell: text(func(r requestRow) string { return r.At.Format("15:04:05.000") })},
			{Title: "SYSTEM", Width: 8, Drop: 2, Cell: text(func(r requestRow) string { return r.System })},
			{Title: "METHOD", Width: 6, Cell: text(func(r requestRow) string { return r.Method })},
			{Title: "STATUS", Width: 6, Right: true, Cell: requestStatus, Tone: requestTone,
				Less: func(a, b requestRow) int { return cmp.Compare(a.Status, b.Status) }},
			{Title: "MS", Width: 7, Right: true, Drop: 1, Cell: text(func(r requestRow) string { return millis(r.Took) }),
				Less: func(a, b requestRow) int { return cmp.Compare(a.Took, b.Took) }},
			{Title: "URL", Width: 20, Flex: 1, Cell: text(func(r requestRow) string { return r.URL })},
			{Title: "REQUEST ID", Width: 20, Drop: 3, Cell: text(func(r requestRow) string { return r.ID })},
		},
		Fetch: func(context.Context, string) (Page[requestRow], error) {
			rows := a.opts.Requests()
			page := Page[requestRow]{Total: len(rows)}
			for i := len(rows) - 1; i >= 0; i-- {
				page.Items = append(page.Items, requestRow{rows[i], i})
			}
			return page, nil
		},
		Open:   func(r requestRow) Screen { return &fieldsScreen{title: "request", sections: requestSections(r)} },
		Detail: requestSections,
		Value:  func(r requestRow) any { return r.Request },
		Empty:  "No request has been made yet.",
	})
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

func requestStatus(r requestRow) string {
	switch {
	case r.Status == 0:
		return theme.MarkDown + " –"
	case r.Status >= 400:
		return fmt.Sprintf("%s %d", theme.MarkDenied, r.Status)
	default:
		return fmt.Sprint(r.Status)
	}
}

func requestTone(r requestRow) theme.Tone {
	if r.Status == 0 || r.Status >= 400 {
		return theme.Bad
	}
	return theme.Plain
}

func requestSections(r requestRow) []widget.Section {
	fields := []widget.Field{
		{Label: "request", Value: r.Method + " " + r.URL},
		{Label: "system", Value: r.System},
		{Label: "status", Value: requestStatus(r), Tone: requestTone(r)},
		{Label: "took", Value: millis(r.Took) + " ms"},
		{Label: "at", Value: r.At.Format("2 Jan 2006 15:04:05.000 MST")},
	}
	if r.ID != "" {
		fields = append(fields, widget.Field{Label: "request id", Value: r.ID})
	}
	if r.Attempts > 1 {
		fields = append(fields, widget.Field{Label: "attempts", Value: fmt.Sprint(r.Attempts)})
	}
	if r.Err != "" {
		fields = append(fields, widget.Field{Label: "error", Value: r.Err, Tone: theme.Bad})
	}
	return []widget.Section{{Title: "Request", Fields: fields}}
}

// messageScreen is `:messages`: every toast of the session.
func (a *App) messageScreen() Screen {
	return NewList(Spec[message]{
		Title: "messages",
		ID:    func(m message) string { return fmt.Sprint(m.id) },
		Columns: []Column[message]{
			{Title: "TIME", Width: 8, Cell: func(m message) string { return m.at.Format("15:04:05") }},
			{Title: "", Width: 1, Cell: messageMark, Tone: messageTone},
			{Title: "MESSAGE", Width: 20, Flex: 1, Cell: func(m message) string { return m.text }},
		},
		Fetch: a.messagePage(),
		Open: func(m message) Screen {
			return &fieldsScreen{title: "message", sections: []widget.Section{{Fields: []widget.Field{
				{Label: "at", Value: m.at.Format("2 Jan 2006 15:04:05")}, {Label: "message", Value: m.text, Tone: messageTone(m)}}}}}
		},
		Empty: "Nothing has been said yet.",
	})
}

// messagePage is the messages at the time of the call, newest first: they belong to
// the loop and the list reads off it.
func (a *App) messagePage() Fetch[message] {
	page := Page[message]{Total: len(a.messages)}
	for i := len(a.messages) - 1; i >= 0; i-- {
		page.Items = append(page.Items, a.messages[i])
	}
	return func(context.Context, string) (Page[message], error) { return page, nil }
}

func messageMark(m message) string {
	if m.kind == noteBad {
		return theme.MarkDenied
	}
	return theme.MarkAllowed
}

func messageTone(m message) theme.Tone {
	if m.kind == noteBad {
		return theme.Bad
	}
	return theme.Plain
}
