package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/clients"
	"gatehouse/clients/kratos"
)

// examState is how one examination of the doctor ended.
type examState string

const (
	examOK      examState = "ok"
	examWarn    examState = "warn"    // works, but will hurt
	examFail    examState = "fail"    // does not work
	examUnknown examState = "unknown" // could not be found out
)

// exam is one thing that the doctor looked at.
type exam struct {
	Server string    `json:"server" jsonschema:"enum=config,enum=kratos,enum=keto,enum=keycloak"`
	Check  string    `json:"check" jsonschema_description:"What was looked at, such as admin port, clock, rights in LearningSoftware."`
	State  examState `json:"state" jsonschema:"enum=ok,enum=warn,enum=fail,enum=unknown"`
	Says   string    `json:"says" jsonschema_description:"What was found."`
	Do     string    `json:"do,omitempty" jsonschema_description:"What to do about it."`
	URL    string    `json:"url,omitempty"`
	// Facts stand with the check engine of Keto.
	Facts *access.Facts `json:"facts,omitempty" jsonschema_description:"Everything that was found out about Keto's check engine."`
}

func newDoctorCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Examine every server of the context, and say what to do",
		Long: "For each address of the context: whether it answers, which server and version is there, whether\n" +
			"ports are swapped, how its clock goes, what our Keycloak account may see, whether the namespaces and\n" +
			"relations of Keto are those of the permission model, and what no API tells of its check engine: its\n" +
			"generation, strict mode, depth and order of lists, found out by asking. It only reads.\n\n" +
			"Exit code 0: all is well, warnings included. 1: something does not work. 2: something could not be found out.",
		Example: "  gatehouse doctor\n  gatehouse --context prod doctor --json",
		GroupID: groupSetup,
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.runDoctor(c.Context()) },
	}
}

func (g *globals) runDoctor(ctx context.Context) error {
	b, err := g.connect(ctx)
	if err != nil {
		return err
	}
	out := newLines(g, examColumns, exam.line)
	count := map[examState]int{}
	for _, e := range b.examine(ctx) {
		count[e.State]++
		if err := out.Add(e); err != nil {
			return err
		}
	}
	// What failed because somebody stopped us says nothing about a server.
	if err := firstError(ctx.Err(), out.Close()); err != nil {
		return err
	}
	switch {
	case count[examFail] > 0:
		return answerNo()
	case count[examUnknown] > 0:
		return cannotDo(problem(clients.Unreachable, "examine the servers", "not everything could be found out", "the lines above say what, and why"))
	}
	return nil
}

var examColumns = []column[exam]{
	{Name: "server", Text: func(e exam) string { return e.Server }},
	{Name: "check", Text: func(e exam) string { return e.Check }},
	{Name: "state", Text: func(e exam) string { return string(e.State) }},
	{Name: "says", Text: func(e exam) string { return e.Says }},
	{Name: "do", Text: func(e exam) string { return e.Do }},
	{Name: "url", Text: func(e exam) string { return e.URL }, CSVOnly: true},
}

// line is an exam for people: the state as a word, so that it needs no colour.
func (e exam) line() string {
	s := fmt.Sprintf("%-7s %-8s %s: %s", e.State, e.Server, cleanLine(e.Check), cleanLine(e.Says))
	if e.Do != "" {
		s += "\n" + strings.Repeat(" ", 17) + "do: " + cleanLine(e.Do)
	}
	return s
}

// failed is the exam of something that did not answer as it should.
func failed(server, check, url string, err error) exam {
	p := problemOf(err)
	e := exam{Server: server, Check: check, State: examFail, Says: p.Reason, Do: p.Hint, URL: url}
	if e.Says == "" {
		e.Says = strings.ReplaceAll(string(p.Kind), "_", " ")
	}
	switch p.Kind {
	case clients.Canceled, clients.RateLimited:
		e.State = examUnknown
	}
	return e
}

// examine looks at everything, the servers side by side. The order is always the
// same: the configuration, Kratos, Keto, Keycloak, and the clocks last, which every
// other answer told.
func (b *backends) examine(ctx context.Context) []exam {
	parts := []func(context.Context) []exam{b.examineKratos, b.examineKeto, b.examineKeycloak}
	found := make([][]exam, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { found[i] = part(ctx) })
	}
	wg.Wait()
	out := b.examineConfig()
	out = append(out, slices.Concat(found...)...)
	return append(out, b.examineClocks()...)
}

func (b *backends) examineConfig() []exam {
	x := b.Context
	e := exam{Server: "config", Check: "context " + x.Name, State: examOK, Says: "readable"}
	switch {
	case x.Kratos == nil && x.Keto == nil && x.Keycloak == nil:
		e.State, e.Says, e.Do = examFail, "it names no server", "add one with: gatehouse config init"
	case x.ReadOnly:
		e.Says = "readable; nothing is written in it (read_only)"
	case x.Production:
		e.Says = "readable; marked as production"
	}
	return []exam{e}
}

func (b *backends) examineKratos(ctx context.Context) []exam {
	x := b.Context.Kratos
	if x == nil {
		return nil
	}
	k, err := b.Kratos(ctx)
	if err != nil {
		return []exam{failed("kratos", "settings", x.AdminURL, err)}
	}
	asks := []func() []exam{}
	if x.AdminURL != "" {
		asks = append(asks, func() []exam { return []exam{b.examineKratosAdmin(ctx, k)} })
	}
	if x.PublicURL != "" {
		asks = append(asks, func() []exam { return []exam{examineKratosPublic(ctx, k)} })
	}
	return sideBySide(asks)
}

func (b *backends) examineKratosAdmin(ctx context.Context, k *kratos.Client) exam {
	const check = "admin port"
	err := k.Ready(ctx)
	if err == nil {
		_, err = k.Identities(ctx, kratos.Query{PageSize: 1}, "")
	}
	if err != nil {
		e := failed("kratos", check, k.AdminURL(), err)
		if b.isKratosPublic(ctx, k.AdminURL()) {
			e.Says, e.Do = "this is the public port of Kratos, it administers nothing", "set kratos.admin_url to the admin port, which is 4434 unless the server says otherwise"
		}
		return e
	}
	v, err := k.Version(ctx)
	if err != nil {
		v = "which does not tell its version"
	}
	return exam{Server: "kratos", Check: check, State: examOK, Says: "Kratos " + v, URL: k.AdminURL()}
}

// isKratosPublic reports whether the port at url hands out identity schemas itself,
// which the admin port only redirects to.
func (b *backends) isKratosPublic(ctx context.Context, url string) bool {
	o, err := b.options(ctx, "kratos admin", b.Context.Kratos.Gateway, b.Context.Timeouts.Request)
	if err != nil {
		return false
	}
	o.Auth = nil // the public port would read it as somebody's session
	k, err := kratos.New(kratos.Options{PublicURL: url, Public: o})
	if err != nil {
		return false
	}
	_, err = k.Schemas(ctx)
	return err == nil
}

func examineKratosPublic(ctx context.Context, k *kratos.Client) exam {
	const check = "public port"
	if err := k.PublicReady(ctx); err != nil {
		return failed("kratos", check, k.PublicURL(), err)
	}
	schemas, err := k.Schemas(ctx)
	if err != nil {
		return failed("kratos", check, k.PublicURL(), err)
	}
	return exam{Server: "kratos", Check: check, State: examOK, Says: plural(len(schemas), "identity schema", "identity schemas"), URL: k.PublicURL()}
}

// sideBySide asks all at once and keeps the order.
func sideBySide(asks []func() []exam) []exam {
	found := make([][]exam, len(asks))
	var wg sync.WaitGroup
	for i, ask := range asks {
		wg.Go(func() { found[i] = ask() })
	}
	wg.Wait()
	return slices.Concat(found...)
}

// skewWarn is from where a clock that goes wrong hurts: tokens and one-time codes
// are issued and refused by it, and most checkers forgive no more than some seconds.
const skewWarn = 5 * time.Second

// examineClocks compares the servers' clocks with ours, from the answers so far.
func (b *backends) examineClocks() []exam {
	var out []exam
	seen := 0
	for _, c := range [][3]string{{"kratos admin", "kratos", "admin port"}, {"kratos public", "kratos", "public port"},
		{"keto read port", "keto", "read port"}, {"keto write port", "keto", "write port"}, {"keycloak", "keycloak", "server"}} {
		skew, ok := b.Log.Skew(c[0])
		if !ok {
			continue
		}
		seen++
		if skew.Abs() < skewWarn {
			continue
		}
		where := "ahead of"
		if skew < 0 {
			where = "behind"
		}
		out = append(out, exam{Server: c[1], Check: "clock of the " + c[2], State: examWarn, Do: "set both clocks by NTP, this machine's too",
			Says: fmt.Sprintf("%s %s ours: tokens and sessions will seem too old or not yet good", skew.Abs().Round(time.Second), where)})
	}
	if seen > 0 && len(out) == 0 {
		out = append(out, exam{Server: "config", Check: "clocks", State: examOK, Says: "those that the servers tell go like ours"})
	}
	return out
}
