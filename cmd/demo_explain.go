package cmd

import (
	"bufio"
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/clients/decisions"
)

// maxHeaders bounds what is read from stdin for a request.
const maxHeaders = 64 << 10

func newDemoExplainCommand(g *globals) *cobra.Command {
	d := &demoTail{}
	q := decisions.Explain{}
	headers := ""
	c := &cobra.Command{
		Use:   "explain SYSTEM PATH",
		Short: "Say what the running demo server would decide about a request that nobody sends",
		Long: "Has the real guard of the route decide, step by step, and nothing comes of it: the page is not run, no session\n" +
			"is written, and the decision is not in the list of decisions. --as sends the name and password of a person\n" +
			"of the demo as HTTP Basic; other credentials, such as a cookie, are read from stdin with --headers -, one\n" +
			"\"Name: value\" a line, so that no secret stands among the arguments. Exit code 0: it would pass; 1: it would not;\n" +
			"2: it could not be told, also because a server that has to be asked did not answer.",
		Example: "  gatehouse demo explain ory-home /\n  gatehouse demo explain eve-roles /people --as ann\n  gatehouse demo explain kc-web /admin --headers - < headers.txt",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			q.System, q.Path = args[0], args[1]
			if !strings.HasPrefix(q.Path, "/") {
				return usageError("the path %q does not begin with /", q.Path)
			}
			if headers != "" && headers != "-" {
				return usageError("--headers is %q; use - to read them from stdin", headers)
			}
			if headers == "-" {
				var err error
				if q.Headers, err = readHeaders(g.stdin); err != nil {
					return err
				}
			}
			return d.explain(c.Context(), g, q)
		},
	}
	addSocketFlag(c, &d.socket)
	f := c.Flags()
	f.StringVar(&q.Method, "method", "GET", "`METHOD` of the request")
	f.StringVar(&q.As, "as", "", "`KEY` of a person of the demo")
	f.StringVar(&headers, "headers", "", "- reads headers from stdin")
	return c
}

func readHeaders(r io.Reader) (map[string]string, error) {
	out := map[string]string{}
	sc := bufio.NewScanner(io.LimitReader(r, maxHeaders))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usageError("stdin, line %d: write Name: value", n)
		}
		out[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return out, sc.Err()
}

func (d *demoTail) explain(ctx context.Context, g *globals, q decisions.Explain) error {
	ctx, cancel := g.deadline(ctx)
	defer cancel()
	client, err := demoClient(d.socket)
	if err != nil {
		return err
	}
	q.Method = strings.ToUpper(q.Method)
	one, err := client.Explain(ctx, q)
	if err != nil {
		return err
	}
	if err := printDecision(g, one); err != nil {
		return err
	}
	switch one.Outcome {
	case decisions.Allowed:
		return nil
	case decisions.Denied:
		return answerNo()
	}
	return &exitError{code: exitProblem}
}
