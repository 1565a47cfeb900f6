package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// consider keeps the name of a failed test for a second run. Two kinds of failure
// are not worth one: a panic, and a counterexample that a random test has found,
// which names its seed and would only be hidden by other dice.
func (r *results) consider(e event, k key) {
	top, _, _ := strings.Cut(e.Test, "/")
	counter := slices.ContainsFunc(r.output[k], func(s string) bool { return strings.Contains(strings.ToLower(s), "seed") })
	switch {
	case counter || panicked(r.output[k]):
		r.hold(e.Package, top)
	case !slices.Contains(r.again[e.Package], top) && !r.held[key{e.Package, top}]:
		r.again[e.Package] = append(r.again[e.Package], top)
	}
	r.lost[key{e.Package, top}]++
}

// hold takes a test out of those that get a second run.
func (r *results) hold(pkg, top string) {
	r.held[key{pkg, top}] = true
	r.again[pkg] = slices.DeleteFunc(r.again[pkg], func(s string) bool { return s == top })
	if len(r.again[pkg]) == 0 {
		delete(r.again, pkg)
	}
}

// runAgain runs each failed test once more, alone. Tests beside four real servers
// and each other on two processors can miss a deadline that means nothing; a test
// that passes alone is told as flaky and mended later, but stops nobody's work.
func runAgain(ctx context.Context, r *results, env []string) error {
	for _, pkg := range slices.Sorted(maps.Keys(r.again)) {
		tests := r.again[pkg]
		say("once more, alone: %s %s", short(pkg), strings.Join(tests, " "))
		quoted := make([]string, len(tests))
		for i, t := range tests {
			quoted[i] = regexp.QuoteMeta(t)
		}
		second, err := goTest(ctx, []string{"-count=1", "-run", fmt.Sprintf("^(%s)$", strings.Join(quoted, "|")), pkg}, env)
		if err != nil {
			return err
		}
		r.forgive(pkg, tests, second)
	}
	return nil
}

// forgive moves the tests that passed in the second run from the failed ones to
// the flaky ones. A package that broke there is broken.
func (r *results) forgive(pkg string, tests []string, second *results) {
	r.broken = append(r.broken, second.broken...)
	r.skipped = append(r.skipped, second.skipped...)
	if len(second.broken) > 0 {
		return
	}
	for _, t := range tests {
		if second.lost[key{pkg, t}] > 0 || !second.good[key{pkg, t}] {
			continue
		}
		r.failed -= r.lost[key{pkg, t}]
		r.passed += r.lost[key{pkg, t}]
		r.flaky = append(r.flaky, short(pkg)+" "+t)
	}
}
