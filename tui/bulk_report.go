package tui

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"gatehouse/tui/clean"
)

// bulkLine is one line of the report of a Bulk, and a row of its export.
type bulkLine struct {
	Time    *time.Time `json:"time,omitempty"`
	Action  string     `json:"action"`
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Outcome string     `json:"outcome"` // done failed unknown not_sent left_out waiting working
	Kind    string     `json:"kind,omitempty"`
	What    string     `json:"what,omitempty"`
	Why     string     `json:"why,omitempty"`
	Hint    string     `json:"hint,omitempty"`
}

var bulkOutcomes = [bulkDone + 1]string{bulkFailed: "failed", bulkUnknown: "unknown", bulkUnsent: "not_sent",
	bulkWorking: "working", bulkWaiting: "waiting", bulkLeft: "left_out", bulkDone: "done"}

func (b *bulk[T]) line(r bulkRow[T]) bulkLine {
	l := bulkLine{Action: b.spec.Verb, ID: b.spec.ID(r.row), Name: b.spec.Name(r.row), Outcome: bulkOutcomes[r.state]}
	if !r.ended.IsZero() {
		at := r.ended.UTC()
		l.Time = &at
	}
	switch r.state {
	case bulkFailed, bulkUnknown:
		l.Kind, l.What, l.Why, l.Hint = r.fail.Kind, r.fail.What, r.fail.Why, r.fail.Hint
	default:
		l.Why = r.what()
	}
	return l
}

// report writes the rows that are not done into a file of JSON lines.
func (b *bulk[T]) report() {
	var lines []bulkLine
	for _, r := range b.rows {
		if r.state <= bulkUnsent {
			lines = append(lines, b.line(r))
		}
	}
	name := clean.FileName(fmt.Sprintf("gatehouse-%s-failed-%s.jsonl", b.spec.Title, b.Env().Now().Format("20060102-150405")))
	saveThen(b, &b.save, "report", counted(len(lines), "line"), name, func(w io.Writer) error {
		var out bytes.Buffer
		for _, l := range lines {
			one, err := marshal(l)
			if err != nil {
				return err
			}
			escapeHidden(&out, one)
			out.WriteByte('\n')
		}
		_, err := w.Write(out.Bytes())
		return err
	}, func() { b.saved = true })
}
