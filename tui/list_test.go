package tui_test

import (
	"context"
	"fmt"
	"testing"

	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

type person struct{ ID, Name, Mail string }

func people(n int) tui.Fetch[person] {
	return func(_ context.Context, cursor string) (tui.Page[person], error) {
		p := tui.Page[person]{Total: n}
		for i := range n {
			p.Items = append(p.Items, person{fmt.Sprint(i), fmt.Sprintf("Person %d", i), fmt.Sprintf("person%d@acme.example", i)})
		}
		return p, nil
	}
}

func TestListShows(t *testing.T) {
	s := tuitest.Open(t, tui.New(context.Background(), tui.Options{Root: tui.NewList(tui.Spec[person]{
		Title: "people", ID: func(p person) string { return p.ID }, Fetch: people(5),
		Columns: []tui.Column[person]{{Title: "NAME", Width: 10, Cell: func(p person) string { return p.Name }}},
	})}))
	s.Want("people", "▸", "Person 4")
}
