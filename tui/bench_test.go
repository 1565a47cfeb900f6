package tui_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// bigList is a console of n rows and six columns in a window of 200×50, all read.
func bigList(b *testing.B, n int) *tuitest.Rig {
	col := func(title string, w int, cell func(person) string) tui.Column[person] {
		return tui.Column[person]{Title: title, Width: w, Cell: cell}
	}
	root := tui.NewList(tui.Spec[person]{
		Title: "identities", ID: func(p person) string { return p.ID }, Fetch: crowdOf(n).fetch,
		Columns: []tui.Column[person]{
			col("NAME", 30, func(p person) string { return p.Name }),
			col("E-MAIL", 40, func(p person) string { return p.Mail }),
			col("STATE", 10, func(person) string { return "✓ active" }),
			col("SCHEMA", 20, func(person) string { return "person" }),
			col("CREATED", 20, func(person) string { return "2 Mar 2026" }),
			col("ID", 36, func(p person) string { return p.ID }),
		},
	})
	r := tuitest.NewRig(b, tui.New(context.Background(), tui.Options{Root: root, Context: "dev"}), 200, 50)
	r.Until(b, "identities   "+tui.Count(n)+"\n")
	return r
}

// guard fails a benchmark that takes more than three times what was promised. It is
// not run by go test: machines that are busy would make it lie.
func guard(b *testing.B, promise time.Duration) {
	b.Helper()
	if per := b.Elapsed() / time.Duration(b.N); b.N > 10 && per > 3*promise {
		b.Errorf("%v per key, promised %v", per, promise)
	}
}

// BenchmarkFrame is one key and the frame after it: under 1 ms at 100,000 rows.
func BenchmarkFrame(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := bigList(b, n)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				r.Press("down")
				r.View()
			}
			guard(b, time.Millisecond)
		})
	}
}

// BenchmarkFilterKey is one letter in the filter and the frame after it: under 5 ms
// at 100,000 rows.
func BenchmarkFilterKey(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		for name, key := range map[string]string{"in every row": "e", "in some": "9", "in none": "ÿ"} {
			b.Run(fmt.Sprint(n, " ", name), func(b *testing.B) {
				r := bigList(b, n)
				r.Press("/")
				b.ResetTimer()
				for b.Loop() {
					r.Press(key)
					r.View()
					b.StopTimer()
					r.Press("backspace")
					b.StartTimer()
				}
				guard(b, 5*time.Millisecond)
			})
		}
	}
}

// BenchmarkOverlay is a letter in the palette over a full list: under 4 ms.
func BenchmarkOverlay(b *testing.B) {
	r := bigList(b, 10_000)
	r.Press(":")
	for b.Loop() {
		r.Press("s")
		r.View()
		r.Press("backspace")
	}
	guard(b, 4*time.Millisecond)
}

// BenchmarkSort orders 100,000 rows by another column.
func BenchmarkSort(b *testing.B) {
	r := bigList(b, 100_000)
	for b.Loop() {
		r.Press("s")
		r.View()
	}
}

// crowdOf answers everything at once.
func crowdOf(n int) *crowd {
	c := newCrowd(n)
	c.page = n
	return c
}

// BenchmarkFirstFrame is everything between the start and the first frame that does
// not wait for the terminal: under 50 ms, and no network is in it.
func BenchmarkFirstFrame(b *testing.B) {
	for b.Loop() {
		a := tui.New(context.Background(), tui.Options{Root: tui.NewList(newCrowd(0).spec()), Context: "dev"})
		a.Update(tea.WindowSizeMsg{Width: 200, Height: 50})
		a.Init()
		a.View()
	}
	guard(b, 50*time.Millisecond)
}
