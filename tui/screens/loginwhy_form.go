package screens

import (
	"cmp"
	"context"
	"strings"

	"gatehouse/access/login"
	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/tui"
	"gatehouse/tui/widget"
)

// realmRole marks a role of the realm in the form.
const realmRole = "realm:"

// loginWords are the names of the realm that complete the form, as they were looked up
// for each field. Only the loop touches them.
type loginWords struct {
	found map[string][]string
	texts map[string]string
	jobs  map[string]*tui.Job
	draft login.Asked // what is typed so far, for names that hang on others
}

// edit lets the question be filled in.
func (s *LoginWhy) edit() {
	a := s.a
	s.words = loginWords{found: map[string][]string{}, texts: map[string]string{}, jobs: map[string]*tui.Job{}, draft: a}
	for _, field := range []string{"realm", "user", "client", "role"} {
		s.lookUp(field, "")
	}
	role := a.Role
	switch {
	case a.RealmRole != "":
		role = realmRole + a.RealmRole
	case a.RoleClient != "" && a.RoleClient != a.Client:
		role = a.RoleClient + ":" + a.Role
	}
	s.host.Push(tui.NewForm(tui.FormSpec{Title: "why login", Asks: true, Lead: "Why does somebody not get in, or not get a role?", What: "explain the login",
		Fields: []tui.FormField{
			{Name: "realm", Label: "Realm", Value: a.Realm, Required: true, Complete: s.completer("realm")},
			{Name: "user", Label: "User", Value: a.User, Complete: s.completer("user"), Help: "what the person types into the login form: a username or an e-mail"},
			{Name: "client", Label: "Client", Value: a.Client, Required: true, Complete: s.completer("client"), Help: "the clientId that the application uses"},
			{Name: "role", Label: "Role", Value: role, Complete: s.completer("role"), Help: "a role of the client; realm:NAME is one of the realm, other:NAME one of another client; empty asks about the login"},
			{Name: "token", Label: "Looks in", Value: cmp.Or(string(a.Token), string(login.Access)), Choices: []string{string(login.Access), string(login.ID), string(login.UserInfo)}, Help: "the document in which the application looks for the role"},
			{Name: "grant", Label: "Way in", Value: cmp.Or(string(a.Grant), string(login.Browser)), Choices: []string{string(login.Browser), string(login.Direct), string(login.Service)}, Help: "the login page, the password sent by the application, or the application's own account"},
			{Name: "scope", Label: "Scope", Value: a.Scope, Help: "what the application asks for; empty is openid"},
			{Name: "resource", Label: "Resource", Value: resourceText(a), Check: resourceCheck, Help: "RESOURCE or RESOURCE#SCOPE asks the authorization services of the client in place of a role; may stay empty"},
			{Name: "redirect", Label: "Redirect URI", Value: a.RedirectURI, Help: "where the application wants the browser sent back to; may stay empty"},
			{Name: "origin", Label: "Origin", Value: a.Origin, Help: "of a browser application that asks for its tokens itself, as https://app.example; may stay empty"},
			{Name: "pasted", Label: "Token", Value: a.PastedToken, Secret: true, Check: pastedCheck, Help: "a token that was refused: paste it; it is not shown, and kept nowhere but in this question"},
		},
		Submit: func(_ context.Context, v map[string]string) error {
			if wrong := typedLogin(a, v).Check(); wrong != "" {
				return &clients.Problem{Kind: clients.Invalid, Op: "explain the login", Reason: wrong, Hint: "fill it in and ask again"}
			}
			return nil
		},
		Done: func(v map[string]string) {
			s.a, s.asked, s.trace, s.err = typedLogin(a, v), false, login.Trace{}, nil
			s.all, s.fixes, s.fix = false, false, 0
			s.tree = widget.Tree{}
			s.ask()
		},
	}))
}

// typedLogin is the question as it stands in the form; what the form does not have
// stays as it was.
func typedLogin(a login.Asked, v map[string]string) login.Asked {
	of := func(name string) string { return strings.TrimSpace(v[name]) }
	a.Realm, a.User, a.Client, a.Scope, a.RedirectURI = of("realm"), of("user"), of("client"), of("scope"), of("redirect")
	a.Token, a.Grant = login.Token(of("token")), login.Grant(of("grant"))
	a.Origin, a.PastedToken = of("origin"), of("pasted")
	a.Resource, a.ResourceScope, _ = strings.Cut(of("resource"), "#")
	a.Role, a.RoleClient, a.RealmRole = of("role"), "", ""
	if name, ok := strings.CutPrefix(a.Role, realmRole); ok {
		a.Role, a.RealmRole = "", name
	} else if i := strings.LastIndexByte(a.Role, ':'); i > 0 {
		a.RoleClient, a.Role = a.Role[:i], a.Role[i+1:]
	}
	return a
}

// resourceText is a resource and a scope as the form has them.
func resourceText(a login.Asked) string {
	if a.ResourceScope == "" {
		return a.Resource
	}
	return a.Resource + "#" + a.ResourceScope
}

func resourceCheck(text string) string {
	if strings.HasPrefix(strings.TrimSpace(text), "#") {
		return "the resource is missing before the #"
	}
	return ""
}

// pastedCheck says what is wrong with a pasted token without repeating any of it.
func pastedCheck(text string) string {
	if _, err := token.Parse(text); err != nil {
		return err.Error()
	}
	return ""
}

// completer gives the names that were found for a field and looks up more meanwhile.
func (s *LoginWhy) completer(field string) func(string) []widget.Completion {
	if s.spec.Complete == nil {
		return nil
	}
	return func(text string) []widget.Completion {
		switch field {
		case "realm":
			s.words.draft.Realm = text
		case "client":
			s.words.draft.Client = text
		}
		s.lookUp(field, text)
		var out []widget.Completion
		for _, name := range s.words.found[field] {
			if strings.Contains(strings.ToLower(name), strings.ToLower(text)) {
				out = append(out, widget.Completion{Value: name, Label: name})
			}
		}
		return out
	}
}

// lookUp asks the realm for names; without an answer there are fewer suggestions, and
// that is all.
func (s *LoginWhy) lookUp(field, text string) {
	key := s.words.draft.Realm + " " + text
	if field == "role" { // they are few: all those of the realm and of the client
		key, text = s.words.draft.Realm+" "+s.words.draft.Client, ""
	}
	if was, ok := s.words.texts[field]; s.spec.Complete == nil || ok && was == key {
		return
	}
	s.words.texts[field] = key
	if s.words.jobs[field] == nil {
		s.words.jobs[field] = new(tui.Job)
	}
	complete, a := s.spec.Complete, s.words.draft
	tui.Go(s.host, s.words.jobs[field], 0, func(ctx context.Context) ([]string, error) { return complete(ctx, a, field, text) },
		func(names []string, err error) {
			if err == nil {
				s.words.found[field] = names
			}
		})
}
