package screens

import (
	"cmp"
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access/token"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// TokensKeycloak previews the tokens of a user.
type TokensKeycloak interface {
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	Previews(ctx context.Context, q keycloak.PreviewQuery) (keycloak.Previews, error)
}

// tokenScope is what the preview asks for: what most applications ask for. Scopes
// that a client does not have are left out by the server, and named.
const tokenScope = "openid profile email"

// NewTokens lists the clients for which a user's tokens can be previewed.
func NewTokens(realm TokensKeycloak, userID, username string) *tui.List[keycloak.Client] {
	return tui.NewList(tui.Spec[keycloak.Client]{
		Title:   "tokens of " + username + " for",
		ID:      func(c keycloak.Client) string { return c.ID },
		Columns: clientColumns(),
		Fetch:   tui.Pages(realm.Clients(keycloak.ClientQuery{})),
		Open:    func(c keycloak.Client) tui.Screen { return NewToken(realm, c, userID, username) },
		Empty:   "This realm has no client.",
	})
}

// Token shows what would stand in a user's access token, ID token and userinfo
// answer for one client.
type Token struct {
	realm            TokensKeycloak
	client           keycloak.Client
	userID, username string
	// find looks up the client and the user where only their names are known.
	find func(ctx context.Context) (keycloak.Client, keycloak.User, error)

	scope, wanted string
	previews      keycloak.Previews

	host   tui.Host
	load   tui.Job
	detail widget.Detail
	began  bool
}

// NewToken makes the screen.
func NewToken(realm TokensKeycloak, client keycloak.Client, userID, username string) *Token {
	return &Token{realm: realm, client: client, userID: userID, username: username, scope: tokenScope}
}

// NewTokenOf makes the screen for a client and a user who are looked up first; wanted is
// looked for at once (a role of the client or a claim, may be empty), scope is what the
// application asks for (empty is the usual).
func NewTokenOf(realm TokensKeycloak, clientID, username, wanted, scope string, find func(ctx context.Context) (keycloak.Client, keycloak.User, error)) *Token {
	s := NewToken(realm, keycloak.Client{ClientID: clientID}, "", username)
	s.wanted, s.scope, s.find = wanted, cmp.Or(scope, tokenScope), find
	return s
}

// Title is the crumb.
func (s *Token) Title() string { return s.client.ClientID }

// Init asks for the previews.
func (s *Token) Init(h tui.Host) tea.Cmd {
	s.host = h
	s.detail.Set(widget.Section{Title: "asking Keycloak…"})
	s.read()
	return nil
}

// Typing is never true here.
func (s *Token) Typing() bool { return false }

// Close has nothing to do: the shell cancels the job.
func (s *Token) Close() {}

// Update takes the mouse.
func (s *Token) Update(msg tea.Msg) tea.Cmd { tui.DetailMouse(&s.detail, msg, 0); return nil }

// View draws the claims.
func (s *Token) View(w, h int) string { return s.detail.View(s.host.Env().Theme, w, h) }

// Actions are reading again and the keys of the details.
func (s *Token) Actions() []tui.Action {
	return append([]tui.Action{{Name: "ask again", Keys: []string{"ctrl+r"}, Footer: 1, Help: "Ask Keycloak for the previews again.", Run: tui.Do(s.read)},
		{Name: "look for", Keys: []string{"l"}, Footer: 2, Help: "Look for a role or a claim in the three documents.", Run: tui.Do(s.ask)}},
		tui.DetailActions(s.host, &s.detail)...)
}

// tokenDocuments are the three documents, with how people call them.
var tokenDocuments = []struct {
	kind keycloak.TokenKind
	name string
}{{keycloak.AccessToken, "Access token"}, {keycloak.IDToken, "ID token"}, {keycloak.UserInfo, "Userinfo"}}

// tokenRead is what one look at the server brings.
type tokenRead struct {
	client   keycloak.Client
	user     keycloak.User
	previews keycloak.Previews
}

func (s *Token) read() {
	realm, find, scope := s.realm, s.find, s.scope
	got := tokenRead{client: s.client, user: keycloak.User{ID: s.userID, Username: s.username}}
	tui.Go(s.host, &s.load, 0, func(ctx context.Context) (tokenRead, error) {
		var err error
		if got.client.ID == "" || got.user.ID == "" {
			if got.client, got.user, err = find(ctx); err != nil {
				return got, err
			}
		}
		got.previews, err = realm.Previews(ctx, keycloak.PreviewQuery{ClientUUID: got.client.ID, UserID: got.user.ID, Scope: scope})
		return got, err
	}, func(got tokenRead, err error) {
		if err != nil {
			f := s.host.Env().Explain(err)
			s.host.Fail(err)
			if !s.began { // what was read before stays
				s.detail.Set(widget.Section{Title: "No preview", Fields: []widget.Field{{Label: "why", Value: f.Why, Tone: theme.Bad}, {Label: "what to do", Value: f.Hint}}})
			}
			return
		}
		s.began, s.previews = true, got.previews
		s.client, s.userID, s.username = got.client, got.user.ID, got.user.Username
		s.show()
	})
}

// show lays the previews out: the wanted claim first, then each document.
func (s *Token) show() {
	about := widget.Section{Title: s.username + " · " + s.client.ClientID, Note: "scope " + s.scope, Fields: []widget.Field{
		{Label: "mind", Value: "This is what the tokens would hold. It does not say that the login works.", Tone: theme.Dim}}}
	sections := []widget.Section{about}
	if s.wanted != "" {
		sections = append(sections, s.wantedSection())
	}
	for _, d := range tokenDocuments {
		sections = append(sections, tokenSection(d.name, s.previews.Of[d.kind]))
	}
	s.detail.Set(sections...)
	s.detail.ShowCursor()
}

// wantedSection says of each document whether it holds the wanted claim, and who put it
// there or left it out.
func (s *Token) wantedSection() widget.Section {
	docs := map[token.Document]map[string]any{}
	for kind, p := range s.previews.Of {
		if claims, err := token.Claims(p.Claims); err == nil {
			docs[token.Document(kind)] = claims
		}
	}
	w := token.WantedClaim(s.wanted)
	if !strings.ContainsAny(s.wanted, ".=") { // a bare word is a role of the client
		w = token.WantedRole(s.client.ClientID, s.wanted)
	}
	sec := widget.Section{Title: w.String()}
	for _, f := range w.Look(docs, tokenSources(s.previews.Mappers)) {
		field := widget.Field{Label: f.In.Name(), Value: "✗ absent", Note: f.Why, Tone: theme.Bad}
		if f.Present {
			field.Value, field.Tone = "✓ present", theme.Good
		}
		sec.Fields = append(sec.Fields, field)
	}
	return sec
}

// tokenSources are the mappers of previews in the words of package token.
func tokenSources(list []keycloak.PreviewMapper) []token.Source {
	var out []token.Source
	for _, m := range list {
		s := token.Source{Name: m.Name, Scope: m.Scope, Path: m.Path, Puts: map[token.Document]bool{}}
		for k, on := range m.Puts {
			s.Puts[token.Document(k)] = on
		}
		out = append(out, s)
	}
	return out
}

// ask lets a person say what to look for, and with which scope.
func (s *Token) ask() {
	s.host.Push(tui.NewForm(tui.FormSpec{Title: "look for", Asks: true, Lead: "Which role or claim should be in the tokens?", What: "ask for the previews",
		Fields: []tui.FormField{
			{Name: "wanted", Label: "Role or claim", Value: s.wanted, Help: "a role of the client, or a claim as groups=/staff or resource_access.other.roles=admin"},
			{Name: "scope", Label: "Scope", Value: s.scope, Help: "what the application asks for"},
		},
		Submit: func(context.Context, map[string]string) error { return nil },
		Done: func(v map[string]string) {
			s.wanted, s.scope = strings.TrimSpace(v["wanted"]), cmp.Or(strings.TrimSpace(v["scope"]), tokenScope)
			s.read()
		},
	}))
}

// tokenSection lays the claims of one preview out, those that grant something first.
func tokenSection(name string, p keycloak.Preview) widget.Section {
	sec := widget.Section{Title: name}
	if len(p.Dropped) > 0 {
		sec.Note = "without scope " + strings.Join(p.Dropped, ", ") + ", which the client does not have: a login with it fails"
	}
	if p.Warning != "" {
		sec.Fields = append(sec.Fields, widget.Field{Label: "warning", Value: p.Warning, Tone: theme.Bad})
	}
	claims, rest := flattenTraits(p.Claims)
	var fields []widget.Field
	for _, c := range claims {
		fields = append(fields, widget.Field{Label: claimLabel(c.Path), Value: c.Value})
	}
	if rest > 0 {
		fields = append(fields, widget.Field{Label: "…", Value: count(rest, "more claim")})
	}
	grants := func(f widget.Field) int {
		if strings.Contains(f.Label, "roles") || f.Label == "aud" || f.Label == "scope" {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(fields, func(a, b widget.Field) int {
		return cmp.Or(cmp.Compare(grants(a), grants(b)), cmp.Compare(a.Label, b.Label))
	})
	sec.Fields = append(sec.Fields, fields...)
	return sec
}

// claimLabel says in words where Keycloak puts roles; other claims keep their path.
func claimLabel(path string) string {
	if path == "realm_access.roles" {
		return "realm roles"
	}
	if client, ok := strings.CutPrefix(path, "resource_access."); ok {
		if client, ok = strings.CutSuffix(client, ".roles"); ok {
			return "roles of " + client
		}
	}
	return path
}
