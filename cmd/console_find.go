package cmd

import (
	"context"
	"strings"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// find is what the screens that ask in reverse are made of.
func (c *console) find() screens.FindSpec {
	return screens.FindSpec{
		Finder: func(ctx context.Context) (*access.Finder, error) { return c.b.finder(ctx) },
		Words:  c.words, People: c.people, Persons: c.findPerson(),
		Why: c.why, WhoCan: c.whoCan, WhatCan: c.whatCan, Matrix: c.matrix,
	}
}

// whoCan opens the search for everybody who can do something; the zero set is typed.
func (c *console) whoCan(of tuple.Set) tui.Screen { return screens.NewWhoCan(c.find(), of) }

// whatCan opens the search for everything that a subject can do; the zero one is typed.
func (c *console) whatCan(sub tuple.Subject) tui.Screen { return screens.NewWhatCan(c.find(), sub) }

// matrix opens the matrix of an object; an empty one is typed.
func (c *console) matrix(namespace, object string) tui.Screen {
	return screens.NewMatrix(c.find(), namespace, object)
}

// findEntries are where `:` goes to ask in reverse.
func (c *console) findEntries() []tui.Entry {
	return []tui.Entry{
		{Name: "who-can", Aliases: []string{"who"}, Help: "who can do this? give namespace:object#permission (Keto)",
			Open: func() tui.Screen { return c.whoCan(tuple.Set{}) }, OpenWith: func(text string) tui.Screen {
				set, err := parseSet(text)
				if err != nil {
					set = tuple.Set{}
				}
				return c.whoCan(set)
			}},
		{Name: "what-can", Aliases: []string{"reach"}, Help: "what can somebody do? give the subject (Keto)",
			Open: func() tui.Screen { return c.whatCan(tuple.Subject{}) }, OpenWith: func(text string) tui.Screen {
				sub, err := parseSubject(text)
				if err != nil {
					sub = tuple.Subject{}
				}
				return c.whatCan(sub)
			}},
		{Name: "matrix", Help: "who can do what with an object? give namespace:object (Keto)",
			Open: func() tui.Screen { return c.matrix("", "") }, OpenWith: func(text string) tui.Screen {
				namespace, object, err := parseObject(strings.TrimSpace(text))
				if err != nil {
					namespace, object = "", ""
				}
				return c.matrix(namespace, object)
			}},
	}
}
