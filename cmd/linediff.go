package cmd

import (
	"fmt"
	"strings"
)

// lineDiff is the difference of two texts in the unified form that patch reads.
func lineDiff(name, before, after string) string {
	const context = 3
	steps := diffSteps(strings.Split(strings.TrimSuffix(before, "\n"), "\n"), strings.Split(strings.TrimSuffix(after, "\n"), "\n"))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", name, name)
	for i := 0; i < len(steps); {
		if steps[i].sign == ' ' {
			i++
			continue
		}
		from, to := max(0, i-context), i
		for same := 0; to < len(steps) && same <= 2*context; to++ {
			same++
			if steps[to].sign != ' ' {
				same = 0
			}
		}
		for to > i && steps[to-1].sign == ' ' {
			to--
		}
		to = min(len(steps), to+context)
		hunk(&b, steps[from:to], steps[:from])
		i = to
	}
	return b.String()
}

func hunk(b *strings.Builder, steps, before []diffStep) {
	a, c := 1, 1
	for _, s := range before {
		if s.sign != '+' {
			a++
		}
		if s.sign != '-' {
			c++
		}
	}
	olds, news := 0, 0
	for _, s := range steps {
		if s.sign != '+' {
			olds++
		}
		if s.sign != '-' {
			news++
		}
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", a, olds, c, news)
	for _, s := range steps {
		fmt.Fprintf(b, "%c%s\n", s.sign, s.line)
	}
}

// diffStep is a line that stays (' '), goes ('-') or comes ('+').
type diffStep struct {
	sign byte
	line string
}

// maxDiff bounds the lines that are compared with each other; beyond it all that is
// between the first and the last difference counts as changed.
const maxDiff = 16_000_000

func diffSteps(a, b []string) []diffStep {
	var out, tail []diffStep
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		out = append(out, diffStep{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append([]diffStep{{' ', a[len(a)-1]}}, tail...)
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	same := make([][]int32, len(a)+1) // the longest common rest
	if len(a)*len(b) <= maxDiff {
		for i := range same {
			same[i] = make([]int32, len(b)+1)
		}
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if a[i] == b[j] {
					same[i][j] = same[i+1][j+1] + 1
				} else {
					same[i][j] = max(same[i+1][j], same[i][j+1])
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j] && same[i] != nil:
			out = append(out, diffStep{' ', a[i]})
			i++
			j++
		case i < len(a) && (j == len(b) || same[i] == nil || same[i+1][j] >= same[i][j+1]):
			out = append(out, diffStep{'-', a[i]})
			i++
		default:
			out = append(out, diffStep{'+', b[j]})
			j++
		}
	}
	return append(out, tail...)
}
