package screens

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// TokensKeycloak previews the tokens of a user.
type TokensKeycloak interface {
	Clients(q keycloak.ClientQuery) clients.Fetch[keycloak.Client]
	Preview(ctx context.Context, kind keycloak.TokenKind, q keycloak.PreviewQuery) (keycloak.Preview, error)
}

// tokenScope is what the preview asks for: what most applications ask for. Scopes
// that a client does not have are left out by the server, and named.
const tokenScope = "openid profile email"

// NewTokens lists the clients for which a user's tokens can be previewed.
func NewTokens(realm TokensKeycloak, userID, username string) *tui.List[keycloak.Client] {
	id := func(c keycloak.Client) string { return c.ClientID }
	return tui.NewList(tui.Spec[keycloak.Client]{
		Title: "tokens of " + username + " for",
		ID:    func(c keycloak.Client) string { return c.ID },
		Columns: []tui.Column[keycloak.Client]{
			{Title: "CLIENT", Width: 26, Flex: 1, Cell: id, Less: func(a, b keycloak.Client) int { return cmp.Compare(a.ClientID, b.ClientID) }},
			{Title: "NAME", Width: 30, Flex: 2, Drop: 1, Cell: func(c keycloak.Client) string { return c.Name }},
			{Title: "STATE", Width: 10, Cell: func(c keycloak.Client) string {
				return map[bool]string{true: "✓ enabled", false: "✗ disabled"}[c.Enabled]
			}},
		},
		Fetch: func(ctx context.Context, cursor string) (tui.Page[keycloak.Client], error) {
			page, err := realm.Clients(keycloak.ClientQuery{})(ctx, cursor)
			return tui.Page[keycloak.Client](page), err
		},
		Open:  func(c keycloak.Client) tui.Screen { return NewToken(realm, c, userID, username) },
		Empty: "This realm has no client.",
	})
}

// Token shows what would stand in a user's access token, ID token and userinfo
// answer for one client.
type Token struct {
	realm            TokensKeycloak
	client           keycloak.Client
	userID, username string

	host   tui.Host
	load   tui.Job
	detail widget.Detail
	began  bool
}

// NewToken makes the screen.
func NewToken(realm TokensKeycloak, client keycloak.Client, userID, username string) *Token {
	return &Token{realm: realm, client: client, userID: userID, username: username}
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
	return append([]tui.Action{{Name: "ask again", Keys: []string{"ctrl+r"}, Footer: 1, Help: "Ask Keycloak for the previews again.", Run: tui.Do(s.read)}},
		tui.DetailActions(s.host, &s.detail)...)
}

// tokenKinds are the three documents, with how people call them.
var tokenKinds = []struct {
	kind keycloak.TokenKind
	name string
}{{keycloak.AccessToken, "Access token"}, {keycloak.IDToken, "ID token"}, {keycloak.UserInfo, "Userinfo"}}

func (s *Token) read() {
	realm, q := s.realm, keycloak.PreviewQuery{ClientUUID: s.client.ID, UserID: s.userID, Scope: tokenScope}
	tui.Go(s.host, &s.load, 0, func(ctx context.Context) ([]widget.Section, error) {
		sections, errs := make([]widget.Section, len(tokenKinds)), make([]error, len(tokenKinds))
		var wg sync.WaitGroup
		for i, k := range tokenKinds {
			wg.Go(func() {
				p, err := realm.Preview(ctx, k.kind, q)
				sections[i], errs[i] = tokenSection(k.name, p), err
			})
		}
		wg.Wait()
		return sections, errors.Join(errs...)
	}, func(sections []widget.Section, err error) {
		if err != nil {
			f := s.host.Env().Explain(err)
			s.host.Fail(err)
			if !s.began { // what was read before stays
				s.detail.Set(widget.Section{Title: "No preview", Fields: []widget.Field{{Label: "why", Value: f.Why, Tone: theme.Bad}, {Label: "what to do", Value: f.Hint}}})
			}
			return
		}
		s.began = true
		about := widget.Section{Title: s.username + " · " + s.client.ClientID, Note: "scope " + tokenScope, Fields: []widget.Field{
			{Label: "mind", Value: "This is what the tokens would hold. It does not say that the login works.", Tone: theme.Dim}}}
		s.detail.Set(append([]widget.Section{about}, sections...)...)
		s.detail.ShowCursor()
	})
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
