package cmd

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"gatehouse/access/login"
	"gatehouse/access/login/live"
	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
	"gatehouse/clients/kratos"
	"gatehouse/config"
	"gatehouse/tui"
	"gatehouse/tui/screens"
	"gatehouse/tui/widget"
)

// console is the terminal console over the back ends of one context. A back end
// that cannot be used leaves its client nil and says why.
type console struct {
	b        *backends
	kratos   *kratos.Client
	keto     *keto.Client
	keycloak *keycloak.Server
	off      map[string]string // why a back end cannot be used, by its name

	// logins explain logins, by realm; they remember what no server tells, such as when
	// the secret of a client was set from here.
	logins  map[string]*live.Explainer
	loginMu sync.Mutex

	words   *screens.Vocabulary
	people  *screens.People
	tickets []screens.Ticket

	// demoSocket is where the demo server of this process tells its decisions; empty
	// looks for the one that runs.
	demoSocket string

	asked []string // questions, for the history
	lines []string // what was entered in the palette, for the history
	// columns chosen for lists, by context and kind of list
	columns map[string]map[string][]string
	all     []screens.ContextRow
	next    string // the context to go on with; empty ends the program
}

// runConsole opens the console of the chosen context.
func (g *globals) runConsole(ctx context.Context) error {
	if !g.forReader() && (!isTerminal(g.stdin) || !isTerminal(g.stdout)) {
		return problem(clients.Invalid, "open the console", "this is not a terminal", "use a command instead (gatehouse --help lists them), or --plain for lines instead of a screen")
	}
	for {
		b, err := g.connect(ctx)
		if err != nil {
			return err
		}
		c := newConsole(ctx, b)
		if err := c.run(ctx, g); err != nil || c.next == "" {
			return err
		}
		g.contextName = c.next
	}
}

// forReader is whether the console is for a screen reader: by --plain, by
// GATEHOUSE_SCREEN_READER, or by screen_reader in the configuration.
func (g *globals) forReader() bool {
	if v := g.getenv("GATEHOUSE_SCREEN_READER"); v != "" && v != "0" && v != "no" && v != "false" {
		return true
	}
	if g.plain {
		return true
	}
	conf, err := config.Load(g.configOptions())
	return err == nil && conf.ScreenReader
}

// newConsole prepares the clients, side by side. Nothing is sent to a server, but
// secrets are read, which may ask a keyring.
func newConsole(ctx context.Context, b *backends) *console {
	c := &console{b: b, off: map[string]string{}, words: screens.NewVocabulary()}
	var wg sync.WaitGroup
	var mu sync.Mutex
	try := func(name string, connect func() error) {
		wg.Go(func() {
			if err := connect(); err != nil {
				mu.Lock()
				c.off[name] = offReason(err)
				mu.Unlock()
			}
		})
	}
	try("kratos", func() (err error) { c.kratos, err = b.Kratos(ctx); return err })
	try("keto", func() (err error) { c.keto, err = b.Keto(ctx); return err })
	try("keycloak", func() (err error) { c.keycloak, err = b.Keycloak(ctx); return err })
	try("model", func() error { return c.loadModel(ctx) })
	wg.Wait()
	c.people = screens.NewPeople(nil)
	if c.kratos != nil {
		c.people = screens.NewPeople(c.names)
	}
	c.tickets = c.storyTickets()
	return c
}

// loadModel reads the model where that takes no network; a model behind a URL is
// read once the console is open.
func (c *console) loadModel(ctx context.Context) error {
	if k := c.b.Context.Keto; k == nil || strings.HasPrefix(k.OPL, "http://") || strings.HasPrefix(k.OPL, "https://") {
		return nil
	}
	m, err := c.b.Model(ctx)
	c.words.SetModel(m)
	return err
}

func offReason(err error) string {
	p := problemOf(err)
	if p.Hint == "" {
		return p.Reason
	}
	return p.Reason + ": " + p.Hint
}

// run shows the console until the person quits.
func (c *console) run(ctx context.Context, g *globals) error {
	past := readHistory(g)
	c.asked, c.lines, c.columns, c.all = past.Questions, past.Palette, past.Columns, g.contextRows(c.b)
	var err error
	if g.forReader() {
		err = tui.RunPlain(ctx, c.app(ctx, g), g.stdin, g.stdout)
	} else {
		err = tui.Run(ctx, c.app(ctx, g))
	}
	writeHistory(g, history{Palette: c.lines, Questions: c.asked, Columns: c.columns})
	return err
}

// contextRows are the contexts to switch between.
func (g *globals) contextRows(b *backends) []screens.ContextRow {
	conf, err := config.Load(g.configOptions())
	if err != nil {
		return nil // the console runs: then the one in use is all there is to say
	}
	var out []screens.ContextRow
	for _, name := range conf.Names() {
		r := contextRow(conf, name, b.Context.Name)
		out = append(out, screens.ContextRow{Name: r.Name, Description: r.Description, BackEnds: strings.Join(r.BackEnds, " "), InUse: r.InUse, Production: r.Production, ReadOnly: r.ReadOnly})
	}
	return out
}

// app builds the shell with everything in it.
func (c *console) app(ctx context.Context, g *globals) *tui.App {
	x := c.b.Context
	return tui.New(ctx, tui.Options{
		Root: screens.NewHome(c.home()), Context: x.Name, Colour: x.Colour, ReadOnly: c.b.readOnly, Production: x.Production,
		Palette: c.palette(), Health: c.probes(), Requests: c.requests, Explain: explainFailure, Clock: g.now, RetryAfter: 3 * time.Second,
		Columns: func(list string) []string { return c.columns[x.Name][list] }, KeepColumns: c.keepColumns,
		History: c.lines, Remember: func(line string) { c.lines = append(c.lines, line) },
	})
}

// keepColumns remembers the columns chosen for a kind of list in this context.
func (c *console) keepColumns(list string, titles []string) {
	name := c.b.Context.Name
	if c.columns == nil {
		c.columns = map[string]map[string][]string{}
	}
	if c.columns[name] == nil {
		c.columns[name] = map[string][]string{}
	}
	c.columns[name][list] = titles
}

// explainFailure tells the shell in words what an error of a client means.
func explainFailure(err error) tui.Failure {
	p := problemOf(err)
	f := tui.Failure{Kind: string(p.Kind), What: p.Op, Why: p.Reason, Hint: p.Hint}
	if f.Why == "" {
		f.Why = strings.ReplaceAll(string(p.Kind), "_", " ")
	}
	if p.Kind == clients.UnknownOutcome && f.Hint == "" {
		f.Hint = "it may have been written: look before you do it again"
	}
	for _, field := range p.Fields {
		if f.Fields == nil {
			f.Fields = map[string]string{}
		}
		f.Fields[field.Path] = field.Message
	}
	return f
}

// requests are the lines of the request log.
func (c *console) requests() []tui.Request {
	entries := c.b.Log.Entries()
	out := make([]tui.Request, len(entries))
	for i, e := range entries {
		out[i] = tui.Request{At: e.Time, System: e.Target, Method: e.Method, URL: e.URL, Status: e.Status, Took: e.Took, ID: e.RequestID, Err: e.Error, Attempts: e.Attempt}
	}
	return out
}

// probes ask each configured back end how it is.
func (c *console) probes() []tui.Probe {
	up := func(version string) tui.Health {
		return tui.Health{State: tui.StateUp, Version: strings.TrimPrefix(version, "v")}
	}
	down := func(err error) tui.Health { return tui.Health{State: tui.StateDown, Why: offReason(err)} }
	probe := func(name string, there bool, check func(context.Context) tui.Health) tui.Probe {
		if !there {
			check = func(context.Context) tui.Health { return tui.Health{State: tui.StateOff, Why: c.off[name]} }
		}
		return tui.Probe{Name: name, Check: check}
	}
	return []tui.Probe{
		probe("kratos", c.kratos != nil, func(ctx context.Context) tui.Health {
			if err := c.kratos.Ready(ctx); err != nil {
				return down(err)
			}
			v, _ := c.kratos.Version(ctx) // ready, whatever it says of itself
			return up(v)
		}),
		probe("keto", c.keto != nil, func(ctx context.Context) tui.Health {
			version := ""
			for _, h := range c.keto.Health(ctx) {
				if h.Err != nil {
					return down(h.Err)
				}
				version = h.Version
			}
			return up(version)
		}),
		probe("keycloak", c.keycloak != nil, func(ctx context.Context) tui.Health {
			i, err := c.keycloak.Info(ctx)
			if err != nil {
				return down(err)
			}
			return up(i.Version)
		}),
	}
}

// palette is where `:` goes.
func (c *console) palette() []tui.Entry {
	out := []tui.Entry{{Name: "contexts", Aliases: []string{"context", "ctx"}, Help: "switch to another context of the configuration",
		Open: func() tui.Screen { return screens.NewContexts(c.all, func(name string) { c.next = name }) }}}
	out = append(out, tui.Entry{Name: "decisions", Aliases: []string{"demo", "live"}, Help: "what the running demo server decides, as it happens", Open: c.decisions})
	out = append(out, c.personEntry())
	if c.kratos != nil {
		out = append(out, tui.Entry{Name: "identities", Aliases: []string{"id", "people"}, Help: "who somebody is (Kratos)",
			Open: c.identities, OpenWith: c.findPeople},
			tui.Entry{Name: "courier", Aliases: []string{"mail", "sms"}, Help: "the mails and SMS that Kratos sends, and why they did not arrive; give an address",
				Open: func() tui.Screen { return c.messages("") }, OpenWith: c.messages})
	}
	if c.keto != nil {
		out = append(out,
			tui.Entry{Name: "tuples", Aliases: []string{"t", "relations"}, Help: "relation tuples (Keto)",
				Open: func() tui.Screen { return c.tuples(tuple.Query{}) }, OpenWith: c.tuplesWith},
			tui.Entry{Name: "check", Aliases: []string{"ask", "may"}, Help: "may somebody do something? (Keto)",
				Open: func() tui.Screen { return c.check("") }, OpenWith: c.check},
			tui.Entry{Name: "why", Help: "why Keto answers a question as it does; give the question",
				Open: func() tui.Screen { return c.whyWith("") }, OpenWith: c.whyWith},
			tui.Entry{Name: "lints", Aliases: []string{"lint", "problems"}, Help: "what is wrong with the permission model and the tuples (Keto)", Open: c.lints},
			tui.Entry{Name: "model", Aliases: []string{"opl", "rules"}, Help: "the permission model, as text and as a tree (Keto)", Open: c.model})
	}
	if c.keto != nil {
		out = append(out, c.findEntries()...)
	}
	if c.keycloak != nil {
		out = append(out,
			tui.Entry{Name: "realms", Aliases: []string{"realm"}, Help: "the realms of Keycloak: settings, users, groups, roles, clients; give a realm to open it", Open: func() tui.Screen { return screens.NewRealms(c.keycloak, c.realm) }, OpenWith: c.realm},
			tui.Entry{Name: "users", Aliases: []string{"u"}, Help: "users and their role mappings (Keycloak); give a realm when there are several",
				Open: c.anyUsers, OpenWith: c.users},
			tui.Entry{Name: "groups", Aliases: []string{"g", "group"}, Help: "the groups of a realm as a tree, their roles and members (Keycloak); give a realm when there are several",
				Open: c.anyGroups, OpenWith: c.groups},
			tui.Entry{Name: "roles", Help: "the roles of a realm and its clients, and who holds each (Keycloak); give a realm when there are several",
				Open: c.anyRoles, OpenWith: c.rolesAt},
			tui.Entry{Name: "clients", Aliases: []string{"c", "client", "applications"}, Help: "the clients of a realm, their flows, scopes and mappers (Keycloak); give a realm when there are several",
				Open: c.anyClients, OpenWith: c.clients},
			tui.Entry{Name: "client check", Aliases: []string{"setup"}, Help: "what is missing before an application finds the roles of its users (Keycloak); give the clientId",
				Open: c.anyClientCheck, OpenWith: c.clientCheckWith},
			tui.Entry{Name: "paths", Aliases: []string{"where", "provenance"}, Help: "where every role of a user comes from (Keycloak); give the user",
				Open: c.anyUsers, OpenWith: c.pathsWith},
			tui.Entry{Name: "why login", Aliases: []string{"login", "locked out"}, Help: "why somebody does not get into an application, or does not get a role (Keycloak); give the user and the client",
				Open: func() tui.Screen { return c.whyLogin(login.Asked{}) }, OpenWith: c.whyLoginWith},
			tui.Entry{Name: "token", Aliases: []string{"jwt", "inspect"}, Help: "take a token apart that was pasted, and say whether and why it is refused (Keycloak)",
				Open: func() tui.Screen { return c.pasteToken(login.Asked{}) }})
	}
	return out
}

// home is what the first screen is made of.
func (c *console) home() screens.HomeSpec {
	spec := screens.HomeSpec{Places: c.places(), Tickets: c.tickets, OpenTicket: c.ticket, Complete: c.completeQuestion, Words: c.words,
		History: c.asked, Remember: func(line string) { c.asked = append(c.asked, line) }}
	if c.kratos != nil || c.keycloak != nil {
		spec.People, spec.Person = c.peopleNamed, c.person
	}
	if c.keto != nil {
		spec.Check, spec.WhoCan, spec.Tuples = c.check, c.whoCan, c.tuples
	}
	if c.keycloak != nil {
		spec.WhyLogin = func(user, client string) tui.Screen { return c.whyLoginWith(user + " " + client) }
	}
	if c.kratos != nil {
		spec.Find = c.findPeople
	}
	return spec
}

func (c *console) places() []screens.HomePlace {
	place := func(name, system string, there bool, open func() tui.Screen, count func(context.Context) (string, string, error)) screens.HomePlace {
		if !there {
			return screens.HomePlace{Name: name, Off: c.off[system]}
		}
		return screens.HomePlace{Name: name, Open: open, Count: count}
	}
	out := []screens.HomePlace{
		place("identities", "kratos", c.kratos != nil, c.identities, func(ctx context.Context) (string, string, error) {
			n, err := c.kratos.Count(ctx)
			return number(n), "", err
		}),
		place("relation tuples", "keto", c.keto != nil, func() tui.Screen { return c.tuples(tuple.Query{}) }, c.countTuples),
	}
	realms := c.realms()
	if c.keycloak == nil || len(realms) == 0 {
		return append(append(out, place("realms", "keycloak", c.keycloak != nil, func() tui.Screen { return screens.NewRealms(c.keycloak, c.realm) }, nil)), c.demoPlace()...)
	}
	for _, realm := range realms {
		out = append(out, place("users", "keycloak", true, func() tui.Screen { return c.users(realm) }, func(ctx context.Context) (string, string, error) {
			n, err := c.keycloak.Realm(realm).CountUsers(ctx, keycloak.UserQuery{})
			return number(n), "in " + realm, err
		}))
	}
	return append(out, c.demoPlace()...)
}

// realms are those that the context names.
func (c *console) realms() []string {
	if k := c.b.Context.Keycloak; k != nil {
		return k.Realms
	}
	return nil
}

// countedPages bounds how much is read to count relation tuples: Keto has no count.
const countedPages = 6

func (c *console) countTuples(ctx context.Context) (n, note string, err error) {
	names, err := c.keto.Namespaces(ctx)
	if err != nil {
		return "", "", err
	}
	total, cursor := 0, ""
	for range countedPages {
		page, err := c.keto.ListN(ctx, tuple.Query{}, cursor, keto.MaxPage)
		if err != nil {
			return "", "", err
		}
		c.words.Learn(page.Items)
		total += len(page.Items)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	n = number(total)
	if cursor != "" {
		n = "over " + n
	}
	if len(names) == 1 {
		return n, "in 1 namespace", nil
	}
	return n, fmt.Sprintf("in %d namespaces", len(names)), nil
}

// number is n with thin groups of three digits: 12,000.
func number(n int) string {
	if n < 0 {
		return "?"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// names looks up the people behind ids.
func (c *console) names(ctx context.Context, ids []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return kratosNames(ctx, c.kratos, ids)
}

// completeQuestion suggests how a question goes on.
func (c *console) completeQuestion(text string) []widget.Completion {
	return c.words.Complete(text, true)
}
