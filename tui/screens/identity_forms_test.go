package screens

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/kratos"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// identFormsStub adds schemas, creating and messages to the Kratos in memory.
type identFormsStub struct {
	*identKratosStub
	mail []kratos.Message
}

const identStaffSchema = `{"properties":{"traits":{"type":"object","properties":{
 "email":{"type":"string","format":"email","title":"E-mail"},
 "name":{"type":"object","title":"Name","properties":{"first":{"type":"string","title":"First name"},"last":{"type":"string","title":"Last name"}}},
 "level":{"enum":["one","two","three","four","five","six","seven","eight","nine","ten","eleven","twelve"],"title":"Level"},
 "skills":{"type":"array","title":"Skills","items":{"type":"string"}}},
 "required":["email"]}}}`

func (k *identFormsStub) Schemas(ctx context.Context) ([]kratos.Schema, error) {
	if err := k.begin(ctx, "Schemas", ""); err != nil {
		return nil, err
	}
	return []kratos.Schema{{ID: "staff", Schema: json.RawMessage(identStaffSchema)}, {ID: "guest", Schema: json.RawMessage(`{"properties":{"traits":{"type":"object","properties":{"email":{"type":"string"}}}}}`)}}, nil
}

func (k *identFormsStub) Create(ctx context.Context, n kratos.NewIdentity) (kratos.Identity, error) {
	if err := k.begin(ctx, "Create", string(n.Traits)); err != nil {
		return kratos.Identity{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	made := kratos.Identity{ID: "ffffffff-1111-4222-8333-4444555566e4", SchemaID: n.SchemaID, State: n.State, Traits: n.Traits, MetadataPublic: n.MetadataPublic, MetadataAdmin: n.MetadataAdmin, Created: identNow}
	k.people = append(k.people, made)
	return made, nil
}

func (k *identFormsStub) Messages(ctx context.Context, q kratos.MessageQuery, cursor string) (clients.Page[kratos.Message], error) {
	page := clients.Page[kratos.Message]{Total: -1}
	if err := k.begin(ctx, "Messages", string(q.Status)+q.Recipient); err != nil {
		return page, err
	}
	for _, m := range k.mail {
		if (q.Status == "" || q.Status == m.Status) && (q.Recipient == "" || strings.EqualFold(q.Recipient, m.Recipient)) {
			m.Attempts = nil
			page.Items = append(page.Items, m)
		}
	}
	return page, nil
}

func (k *identFormsStub) Message(ctx context.Context, id string) (kratos.Message, error) {
	if err := k.begin(ctx, "Message", id); err != nil {
		return kratos.Message{}, err
	}
	for _, m := range k.mail {
		if m.ID == id {
			return m, nil
		}
	}
	return kratos.Message{}, &clients.Problem{Kind: clients.NotFound, Op: "read the message", Reason: "not found"}
}

func (k *identFormsStub) MessageBody(ctx context.Context, id string) (clients.Secret, error) {
	if err := k.begin(ctx, "MessageBody", id); err != nil {
		return "", err
	}
	return "your code is 424242", nil
}

func identForms() (*identFormsStub, IdentitySpec) {
	k, kt, kc := identStubs()
	f := &identFormsStub{identKratosStub: k, mail: []kratos.Message{
		{ID: "11110000-1111-4222-8333-444455556601", Status: kratos.Abandoned, Type: "email", Recipient: "ann@acme.example", Subject: "Sign in", Template: "login_code_valid", SendCount: 2, Created: identNow.Add(-time.Hour),
			Attempts: []kratos.Dispatch{{ID: "d", Status: "failed", Error: kratos.DispatchError{Reason: "failed to send email via smtp", Message: "connection refused"}, Created: identNow.Add(-time.Hour)}}},
		{ID: "11110000-1111-4222-8333-444455556602", Status: kratos.Sent, Type: "sms", Recipient: "+4930123456", Template: "recovery_code_valid", SendCount: 1, Created: identNow.Add(-2 * time.Hour)},
	}}
	spec := identSpec(k, kt, kc)
	spec.Forms, spec.Courier = f, f
	spec.Links.Messages = func(to string) tui.Screen { return NewMessages(MessagesSpec{Kratos: f, Recipient: to}) }
	return f, spec
}

func identFormsList(f *identFormsStub, spec IdentitySpec, options ...func(*tui.Options)) *tui.App {
	return identApp(NewIdentities(IdentitiesSpec{Kratos: f, Write: f, Edit: f, Forms: f, Open: func(id string) tui.Screen { return NewIdentity(spec, id) }}), options...)
}

// The server's complaints stand beside their fields, and nothing that was typed is lost.
func TestIdentityFormServerComplaints(t *testing.T) {
	f, spec := identForms()
	f.setFail("Edit", &clients.Problem{Kind: clients.Invalid, Op: "edit the identity", Reason: "last: is too funny", Fields: []clients.Field{{Path: "/traits/name/last", Message: "is too funny"}}})
	s := identOpen(t, spec, identAnn, 100, 50, func(o *tui.Options) { o.Explain = identExplain })
	s.Want("1 session, last", "4 tuples")
	s.Press("e")
	s.Want("Edit Ann Okafor", "Last name")
	s.Press("tab", "tab", "end", "ctrl+u")
	s.Type("Ha")
	s.Press("ctrl+s")
	s.Want("traits/name/last: Okafor → Ha")
	s.Press("y")
	s.Want("✗ is too funny", "Ha")
	s.Press("esc")
	s.Want("What was typed is lost")
	s.Press("esc")
	s.Want("✗ is too funny", "Ha")
}

func identExplain(err error) tui.Failure {
	f := tui.Failure{Kind: string(clients.KindOf(err)), Why: err.Error()}
	if p, ok := errors.AsType[*clients.Problem](err); ok {
		f.What, f.Why, f.Hint, f.Fields = p.Op, p.Reason, p.Hint, map[string]string{}
		for _, one := range p.Fields {
			f.Fields[one.Path] = one.Message
		}
	}
	return f
}

// A schema that cannot be read leaves a form with the traits as JSON, and says why.
func TestIdentityFormWithoutSchemas(t *testing.T) {
	f, spec := identForms()
	f.setFail("Schemas", errKratosDown)
	s := identOpen(t, spec, identAnn, 120, 50)
	s.Want("1 session, last", "4 tuples")
	s.Press("e")
	s.Want("Its traits are JSON here", "127.0.0.1:4434; check that it runs", `"username":"ann.okafor"}`)
}

func TestMessages(t *testing.T) {
	f, spec := identForms()
	s := tuitest.Open(t, identApp(NewMessages(MessagesSpec{Kratos: f, People: func(to string) tui.Screen { return NewIdentity(spec, identAnn) }})), tuitest.Size(120, 30))
	s.Want("✗ given up", "ann@acme.example", "code to sign in", "✓ sent", "+4930123456")
	s.Press("t")
	s.Want("Show which messages?")
	s.Press("down", "enter")
	s.Want("only given up")
	s.WantNot("+4930123456")
	if f.called("Messages abandoned") != 1 {
		t.Errorf("the server was not asked for the status: %v", f.calls)
	}
	s.Press("enter")
	s.Want("Attempts", "connection refused", "hidden: it may hold a code")
	if f.called("MessageBody") > 0 {
		t.Fatal("the text was asked for although nobody wanted it")
	}
	s.WantNot("424242")
	s.Press("b")
	s.Want("your code is 424242")
	s.Press("b")
	s.WantNot("424242")
	s.Press("P")
	s.Want("Ann Okafor")
}

func TestIdentityMessagesPart(t *testing.T) {
	f, spec := identForms()
	s := identOpen(t, spec, identAnn, 100, 70)
	s.Want("Messages", "✗ given up", "code to sign in", "failed to send email via smtp; connection refused", "all messages to ann@acme.example")
	f.setFail("Messages", errKratosDown)
	s.Press("ctrl+r")
	s.Want("◌ as of", "✗ given up")
}

// Each column can be filtered by what it means, not by its letters.
func TestIdentitiesFilters(t *testing.T) {
	f, spec := identForms()
	f.people[0].Credentials = append(f.people[0].Credentials, kratos.Credential{Type: kratos.TOTP})
	s := tuitest.Open(t, identFormsList(f, spec), tuitest.Size(140, 24))
	s.Want("Ann Okafor", "Bo Okabe")
	for _, c := range []struct{ filter, has, not string }{
		{"state:inactive", "Bo Okabe", "Ann Okafor"}, {"state:active", "Ann Okafor", "Bo Okabe"}, {"state=suspended", "Bo Okabe", "Ann Okafor"},
		{"verified:no", "Bo Okabe", "Ann Okafor"}, {"verified:yes", "Ann Okafor", "Bo Okabe"}, {"!verified:yes", "Bo Okabe", "Ann Okafor"},
		{"created>2026-01-01 ann", "Ann Okafor", "Bo Okabe"}, {"created<=2026-03 state:inactive", "Bo Okabe", "Ann Okafor"},
		{"aal=aal2", "Ann Okafor", "Bo Okabe"}, {"schema=staff !state:active", "Bo Okabe", "Ann Okafor"},
	} {
		s.Press("/", "ctrl+u")
		s.Type(c.filter)
		s.Press("enter")
		s.Want("1 match", c.has)
		s.WantNot(c.not)
	}
	s.Press("/", "ctrl+u")
	s.Type("created>2026-03")
	s.Want("Nothing matches")
}

// A column of any trait is added, moved, remembered, and taken back.
func TestIdentitiesColumns(t *testing.T) {
	f, spec := identForms()
	var kept []string
	remember := func(o *tui.Options) {
		o.Columns = func(list string) []string { return kept }
		o.KeepColumns = func(list string, titles []string) {
			if list != "identities" {
				t.Errorf("kept for %q", list)
			}
			kept = titles
		}
	}
	s := tuitest.Open(t, identFormsList(f, spec, remember), tuitest.Size(120, 24))
	s.Want("Ann Okafor", "CREATED")
	s.Press("C")
	s.Want("Which columns of identities", "[✓] NAME", "[ ] AAL")
	s.Press("a")
	s.Type("no such trait")
	s.Press("enter")
	s.Want(`there is no column "no such trait"`)
	s.Press("ctrl+u")
	s.Type("name.first")
	s.Press("enter")
	s.Want("[✓] name.first")
	s.Press("K", "K", "home") // to the left
	for range 8 {
		s.Press("K")
	}
	s.Press("enter")
	s.Want("name.first      NAME")
	if len(kept) == 0 || kept[0] != "name.first" {
		t.Fatalf("remembered: %v", kept)
	}
	s.Press("/")
	s.Type("name.first=bo")
	s.Press("enter")
	s.Want("1 match", "Bo Okabe")

	again := tuitest.Open(t, identFormsList(f, spec, remember), tuitest.Size(120, 24))
	again.Want("name.first      NAME")
	again.Press("C", "r", "enter")
	again.Want("   NAME")
	again.WantNot("name.first")
}

func TestIdentityFormsSweep(t *testing.T) {
	open := func() tea.Model {
		_, spec := identForms()
		return identApp(NewIdentity(spec, identAnn))
	}
	tuitest.Sweep(t, open, []string{"e"}, []string{"e", "tab", "tab", "x", "ctrl+s"}, []string{"M"})
	list := func() tea.Model {
		f, spec := identForms()
		return identFormsList(f, spec)
	}
	tuitest.Sweep(t, list, []string{"n"}, []string{"C"}, []string{"C", "a", "x"}, []string{"ctrl+a", "V", "y"}, []string{"ctrl+a", "M"})
	mail := func() tea.Model {
		f, _ := identForms()
		f.mail[0].Subject, f.mail[0].Recipient, f.mail[0].Template = identEvil, identEvil, identEvil
		f.mail[0].Attempts[0].Error.Message = identEvil
		return identApp(NewMessages(MessagesSpec{Kratos: f}))
	}
	tuitest.Sweep(t, mail, nil, []string{"t"}, []string{"enter", "b"})
	tuitest.Sweep(t, func() tea.Model {
		f, _ := identForms()
		now := f.people[0]
		now.Traits = json.RawMessage(`{"email":"` + strings.Repeat("x", 300) + `"}`)
		mine := kratos.DocumentOf(f.people[0])
		mine.Traits = json.RawMessage(`{"email":"mine@acme.example"}`)
		return identApp(newIdentityConflict(f, f.people[0], now, mine, func(clients.Change[kratos.Identity], string) {}))
	}, nil, []string{"m"})
}

// identEvil is what nobody should be able to bring onto a screen.
const identEvil = "\x1b[31mred\x1b]52;c;YQ==\x07\u202e\u200b\x9b2J\xff"

// Hostile strings in schemas, traits and complaints do not reach the terminal.
func TestIdentityFormHostile(t *testing.T) {
	evil, _ := json.Marshal("\x1b[31m\u202e\u200b\u009b2J")
	schema := `{"properties":{"traits":{"type":"object","properties":{` + string(evil) + `:{"type":"string","title":` + string(evil) + `,"description":` + string(evil) + `},"e":{"enum":[` + string(evil) + `,"b"]}}}}}`
	form := newTraitForm(kratos.Schema{ID: "x", Schema: json.RawMessage(schema)}, json.RawMessage(`{`+string(evil)+`:`+string(evil)+`}`))
	s := tuitest.Open(t, identApp(tui.NewForm(tui.FormSpec{Title: identEvil, Lead: identEvil, Fields: form.fields(nil), Submit: func(context.Context, map[string]string) error {
		return &clients.Problem{Kind: clients.Invalid, Reason: identEvil}
	}})), tuitest.Size(100, 30))
	s.Want("esc close")
	s.Press("ctrl+s")
	s.Settle()
	for _, bad := range []string{"\u202e", "\u200b", "\u009b"} {
		if strings.Contains(s.Screen(), bad) {
			t.Errorf("%q is on the screen:\n%q", bad, s.Screen())
		}
	}
	if s.Clipboard() != "" {
		t.Error("a server wrote into the clipboard")
	}
}

func TestIdentityFormGoldens(t *testing.T) {
	for name, size := range map[string][2]int{"80x24": {80, 24}, "120x40": {120, 40}} {
		f, spec := identForms()
		s := identOpen(t, spec, identAnn, size[0], size[1])
		s.Want("4 tuples", "✓ enabled")
		s.Press("e")
		s.Want("Edit Ann Okafor")
		s.Golden("identity-edit-" + name)
		list := tuitest.Open(t, identFormsList(f, spec), tuitest.Size(size[0], size[1]))
		list.Want("Ann Okafor")
		list.Press("n")
		list.Want("A new identity")
		list.Golden("identity-new-" + name)
		list.Press("esc", "C")
		list.Want("Which columns")
		list.Golden("identities-columns-" + name)
		mail := tuitest.Open(t, identApp(NewMessages(MessagesSpec{Kratos: f})), tuitest.Size(size[0], size[1]))
		mail.Want("given up")
		mail.Golden("messages-" + name)
		mail.Press("enter")
		mail.Want("Attempts")
		mail.Golden("message-" + name)
	}
}
