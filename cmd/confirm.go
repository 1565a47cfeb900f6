package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gatehouse/clients"
)

// question is what has to be confirmed before a write.
type question struct {
	Op     string   // for the error: "remove relation tuples"
	What   string   // one line: "This removes 12 relation tuples."
	Sample []string // a few of the things concerned, cleaned when printed
	Answer string   // what has to be typed, such as "12"
}

// confirm asks, unless --yes has answered already. Without a terminal nobody can
// answer, so that it is refused; an error means that nothing may be written.
func (g *globals) confirm(ctx context.Context, q question) error {
	if g.yes {
		return nil
	}
	if !isTerminal(g.stdin) || !isTerminal(g.stderr) {
		return problem(clients.Denied, q.Op, strings.TrimSuffix(q.What, ".")+", and nobody is there to confirm it", "add --yes if that is what you want, or look first with --dry-run")
	}
	fmt.Fprintln(g.stderr, cleanLine(q.What))
	for _, s := range q.Sample {
		fmt.Fprintln(g.stderr, "  "+cleanLine(s))
	}
	fmt.Fprintf(g.stderr, "Type %s to go on, anything else to stop: ", q.Answer)
	line, err := readAnswer(ctx, g.stdin)
	if err != nil {
		return &clients.Problem{Kind: clients.KindOf(err), Op: q.Op, Reason: "it was not confirmed", Hint: "nothing was written", Err: err}
	}
	if strings.TrimSpace(line) != q.Answer {
		return problem(clients.Denied, q.Op, "it was not confirmed", "nothing was written")
	}
	return nil
}

// readAnswer reads one line, and gives up when the context ends; the reading
// goroutine then stays behind until the process ends, which is about to happen.
func readAnswer(ctx context.Context, r io.Reader) (string, error) {
	type answer struct {
		line string
		err  error
	}
	ch := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(r, 1000)).ReadString('\n')
		if errors.Is(err, io.EOF) && line != "" {
			err = nil
		}
		ch <- answer{line, err}
	}()
	select {
	case a := <-ch:
		return a.line, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// confirmProduction asks before any write in a context that is marked as
// production; elsewhere a write that a person typed is its own confirmation.
func (g *globals) confirmProduction(ctx context.Context, b *backends, op, what string) error {
	if !b.Context.Production {
		return nil
	}
	return g.confirm(ctx, question{Op: op, What: what + " in the production context " + b.Context.Name + ".", Answer: b.Context.Name})
}
