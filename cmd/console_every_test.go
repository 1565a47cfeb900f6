package cmd

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/login"
	"gatehouse/access/person"
	"gatehouse/access/roles"
	"gatehouse/access/tuple"
	"gatehouse/clients/decisions"
	"gatehouse/clients/keycloak"
	"gatehouse/config"
	"gatehouse/stack"
	"gatehouse/stack/stacktest/faultproxy"
	"gatehouse/tui"
	"gatehouse/tui/screens"
)

// everyScreen is each screen of the console, by the function of package screens that
// makes it. TestEveryScreenIsWalked fails when one is missing here.
var everyScreen = []struct {
	made string
	open func(c *console, o walkObjects) tui.Screen
}{
	{"NewHome", func(c *console, _ walkObjects) tui.Screen { return screens.NewHome(c.home()) }},
	{"NewTicket", func(c *console, _ walkObjects) tui.Screen { return c.ticket(c.tickets[0]) }},
	{"NewContexts", func(*console, walkObjects) tui.Screen {
		return screens.NewContexts([]screens.ContextRow{{Name: "dev", InUse: true}, {Name: "prod", Production: true}}, func(string) {})
	}},
	{"NewDecisions", func(c *console, _ walkObjects) tui.Screen { return c.decisions() }},
	{"NewDecision", func(*console, walkObjects) tui.Screen {
		return screens.NewDecision(screens.DecisionsSpec{}, decisions.Decision{})
	}},
	{"NewPerson", func(c *console, o walkObjects) tui.Screen { return c.person(person.Hit{ID: o.identity}) }},
	{"NewIdentities", func(c *console, _ walkObjects) tui.Screen { return c.identities() }},
	{"NewFound", func(c *console, _ walkObjects) tui.Screen { return c.findPeople("ann") }},
	{"NewIdentity", func(c *console, o walkObjects) tui.Screen { return c.identity(o.identity) }},
	{"NewMessages", func(c *console, _ walkObjects) tui.Screen { return c.messages("") }},
	{"NewMessage", func(c *console, o walkObjects) tui.Screen {
		return screens.NewMessage(screens.MessagesSpec{Kratos: c.kratos, People: c.findPeople}, o.identity) // no message has this id
	}},
	{"NewTuples", func(c *console, _ walkObjects) tui.Screen { return c.tuples(tuple.Query{}) }},
	{"NewCheck", func(c *console, o walkObjects) tui.Screen { return c.check(o.question.String()) }},
	{"NewWhy", func(c *console, o walkObjects) tui.Screen { return c.why(o.question) }},
	{"NewLints", func(c *console, _ walkObjects) tui.Screen { return c.lints() }},
	{"NewModel", func(c *console, _ walkObjects) tui.Screen { return c.model() }},
	{"NewWhoCan", func(c *console, o walkObjects) tui.Screen {
		return c.whoCan(tuple.Set{Namespace: o.question.Namespace, Object: o.question.Object, Relation: o.question.Relation})
	}},
	{"NewWhatCan", func(c *console, o walkObjects) tui.Screen { return c.whatCan(o.question.Subject) }},
	{"NewMatrix", func(c *console, o walkObjects) tui.Screen {
		return c.matrix(o.question.Namespace, o.question.Object)
	}},
	{"NewRealms", func(c *console, _ walkObjects) tui.Screen { return screens.NewRealms(c.keycloak, c.users) }},
	{"NewUsers", func(c *console, o walkObjects) tui.Screen { return c.users(o.realm) }},
	{"NewUserRoles", func(c *console, o walkObjects) tui.Screen {
		return c.userRoles(c.keycloak.Realm(o.realm), o.user.ID, o.user.Username, o.user.Email)
	}},
	{"NewTokens", func(c *console, o walkObjects) tui.Screen {
		return screens.NewTokens(c.keycloak.Realm(o.realm), o.user.ID, o.user.Username)
	}},
	{"NewToken", func(c *console, o walkObjects) tui.Screen {
		return screens.NewToken(c.keycloak.Realm(o.realm), o.client, o.user.ID, o.user.Username)
	}},
	{"NewRoleList", func(c *console, o walkObjects) tui.Screen { return c.rolesAt(o.realm) }},
	{"NewRoleHolders", func(c *console, o walkObjects) tui.Screen {
		return c.holders(c.keycloak.Realm(o.realm), keycloak.Role{ID: o.role.ID, Name: o.role.Name})
	}},
	{"NewRolePaths", func(c *console, o walkObjects) tui.Screen {
		return c.rolePaths(c.keycloak.Realm(o.realm), roles.Step{Kind: roles.User, ID: o.user.ID, Name: o.user.Username})
	}},
	{"NewClients", func(c *console, o walkObjects) tui.Screen { return c.pickClient(o.realm) }},
	{"NewRolesOf", func(c *console, o walkObjects) tui.Screen {
		return c.rolesOf(c.keycloak.Realm(o.realm), keycloak.OfClient(o.client.ID), o.client.ClientID)
	}},
	{"NewRole", func(c *console, o walkObjects) tui.Screen { return c.role(c.keycloak.Realm(o.realm), o.role) }},
	{"NewGroups", func(c *console, o walkObjects) tui.Screen { return c.groups(o.realm) }},
	{"NewGroup", func(c *console, o walkObjects) tui.Screen {
		return c.group(c.keycloak.Realm(o.realm), o.group.ID, o.group.Path)
	}},
	{"NewMembers", func(c *console, o walkObjects) tui.Screen {
		return screens.NewMembers(screens.MembersSpec{Realm: c.keycloak.Realm(o.realm), Group: o.group})
	}},
	{"NewUserPick", func(c *console, o walkObjects) tui.Screen {
		return screens.NewUserPick(c.keycloak.Realm(o.realm), "add", "add", func([]keycloak.User) {})
	}},
	{"NewRealm", func(c *console, o walkObjects) tui.Screen { return c.realm(o.realm) }},
	{"NewClientAdmin", func(c *console, o walkObjects) tui.Screen { return c.clients(o.realm) }},
	{"NewClient", func(c *console, o walkObjects) tui.Screen { return c.client(o.realm, o.client) }},
	{"NewClientScope", func(c *console, o walkObjects) tui.Screen {
		return screens.NewClientScope(screens.ClientScopeSpec{Realm: c.keycloak.Realm(o.realm), ID: o.scope.ID, Name: o.scope.Name})
	}},
	{"NewTupleTree", func(c *console, o walkObjects) tui.Screen {
		return screens.NewTupleTree(screens.TuplesSpec{Keto: c.keto, Words: c.words, People: c.people}, tuple.Set{Namespace: "Group", Object: "finance", Relation: "members"})
	}},
	{"NewClientCheck", func(c *console, o walkObjects) tui.Screen { return c.clientCheck(o.realm, o.client.ClientID) }},
	{"NewUser", func(c *console, o walkObjects) tui.Screen {
		return c.user(c.keycloak.Realm(o.realm), o.user.ID, o.user.Username)
	}},
	{"NewUserEvents", func(c *console, o walkObjects) tui.Screen {
		return screens.NewUserEvents(c.keycloak.Realm(o.realm), o.user, false)
	}},
	{"NewTokenPaste", func(c *console, o walkObjects) tui.Screen { return c.pasteToken(login.Asked{Realm: o.realm}) }},
	{"NewTokenOf", func(c *console, o walkObjects) tui.Screen {
		return screens.NewTokenOf(c.keycloak.Realm(o.realm), o.client.ClientID, o.user.Username, "", "", func(context.Context) (keycloak.Client, keycloak.User, error) {
			return o.client, o.user, nil
		})
	}},
	{"NewPolicyTree", func(*console, walkObjects) tui.Screen {
		return screens.NewPolicyTree(login.Trace{Trace: access.Trace{Proof: &access.Step{Label: "a policy", Verdict: access.Denied}}})
	}},
	{"NewLoginWhy", func(c *console, o walkObjects) tui.Screen {
		return c.whyLogin(login.Asked{Realm: o.realm, User: o.user.Username, Client: o.client.ClientID})
	}},
}

// walkObjects are things of the story that the screens show.
type walkObjects struct {
	identity string
	question tuple.Tuple
	realm    string
	user     keycloak.User
	client   keycloak.Client
	role     keycloak.Role
	group    keycloak.Group
	scope    keycloak.ClientScope
}

// A screen that somebody adds and that is not walked fails here.
func TestEveryScreenIsWalked(t *testing.T) {
	walked := map[string]bool{}
	for _, s := range everyScreen {
		walked[s.made] = true
	}
	for _, name := range screenMakers(t) {
		if !walked[name] {
			t.Errorf("screens.%s makes a screen that is not in everyScreen: add it, so that it is walked at all sizes and under all faults", name)
		}
	}
}

// screenMakers are the exported functions of package screens that make a screen, read
// from the source.
func screenMakers(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../tui/screens/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source of screens", err)
	}
	views := map[string]bool{}
	made := map[string]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case fn.Recv != nil && fn.Name.Name == "View":
				views[typeName(fn.Recv.List[0].Type)] = true
			case fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "New") && fn.Type.Results != nil && len(fn.Type.Results.List) == 1:
				made[fn.Name.Name] = typeName(fn.Type.Results.List[0].Type)
			}
		}
	}
	var out []string
	for name, of := range made {
		if of == "tui.Screen" || of == "tui.List" || views[of] {
			out = append(out, name)
		}
	}
	return out
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.IndexExpr:
		return typeName(e.X)
	case *ast.IndexListExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return typeName(e.X) + "." + e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// walk is a console behind proxies that can spoil what the real servers answer.
type walk struct {
	console *console
	objects walkObjects
	proxies []*faultproxy.Proxy
	secrets []string
}

func (w *walk) set(m faultproxy.Mode) {
	for _, p := range w.proxies {
		p.Set(m)
	}
}

func newWalk(t *testing.T, info stack.Info) *walk {
	t.Helper()
	w := &walk{}
	front := func(url string) string {
		p := faultproxy.New(t, url)
		w.proxies = append(w.proxies, p)
		return p.URL
	}
	pass, err := info.Keycloak.Password()
	if err != nil {
		t.Fatal(err)
	}
	w.secrets = append(w.secrets, pass)
	real, err := config.Load(config.Options{Path: info.Config, Environ: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	own, err := real.Context(info.Name)
	if err != nil {
		t.Fatal(err)
	}
	w.objects.realm = own.Keycloak.Realms[0]
	file := filepath.Join(t.TempDir(), "gatehouse.yaml")
	text := fmt.Sprintf("contexts:\n  walk:\n    timeouts: {request: 4s, write: 6s}\n    kratos: {admin_url: %q, public_url: %q}\n    keto: {read_url: %q, write_url: %q, opl: %q}\n    keycloak: {url: %q, username: %q, password: env:PW, realms: [%q]}\n",
		front(info.Kratos.AdminURL), front(info.Kratos.PublicURL), front(info.Keto.ReadURL), front(info.Keto.WriteURL), info.Keto.OPL, front(info.Keycloak.URL), info.Keycloak.AdminUsername, w.objects.realm)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(config.Options{Path: file, Environ: []string{"PW=" + pass}})
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := conf.Context("walk")
	if err != nil {
		t.Fatal(err)
	}
	w.console = newConsole(t.Context(), newBackends(chosen))
	w.find(t)
	return w
}

// find looks up what the screens show.
func (w *walk) find(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, o := w.console, &w.objects
	who, err := c.kratos.FindExact(ctx, "ann@acme.example")
	if err != nil || len(who) != 1 {
		t.Fatalf("the story is not seeded: %v %d", err, len(who))
	}
	o.identity = who[0].ID
	o.question = tuple.Tuple{Namespace: "Doc", Object: "q3-report", Relation: "view", Subject: tuple.SubjectID(o.identity)}
	r := c.keycloak.Realm(o.realm)
	if o.user, err = r.UserByUsername(ctx, "ann.okafor"); err != nil {
		t.Fatal(err)
	}
	if o.client, err = r.ClientByClientID(ctx, "flaskClient"); err != nil {
		t.Fatal(err)
	}
	page, err := r.Roles(keycloak.OfRealm, keycloak.RoleQuery{})(ctx, "")
	if err != nil || len(page.Items) == 0 {
		t.Fatal(err)
	}
	o.role = page.Items[0]
	groups, err := r.Groups(keycloak.GroupQuery{})(ctx, "")
	if err != nil || len(groups.Items) == 0 {
		t.Fatal("the story has no group", err)
	}
	o.group = groups.Items[0]
	scopes, err := r.ClientScopes(ctx)
	if err != nil || len(scopes) == 0 {
		t.Fatal(err)
	}
	o.scope = scopes[0]
}

// app is the shell over one screen, as the console makes it; exported takes what is
// exported.
func (w *walk) app(ctx context.Context, root tui.Screen, change func(*tui.Options)) *tui.App {
	c := w.console
	o := tui.Options{Root: root, Context: "walk", Palette: c.palette(), Requests: c.requests, Explain: explainFailure}
	if change != nil {
		change(&o)
	}
	return tui.New(ctx, o)
}
