package seeding

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/stack/story"
)

// WebClientID is the client of the web application where nothing else is said.
const WebClientID = "flaskClient"

// AdminRole is the role of that client that its page /admin asks for.
const AdminRole = "admin"

// LoginScope is the scope parameter with which the web application logs people in.
const LoginScope = "openid profile email roles"

// webPerson is somebody of the accounts "seeds" in Keycloak.
type webPerson struct {
	name, email string
	roles       []string
}

// webPeople are those with whom the answers of the web application were recorded.
var webPeople = []webPerson{
	{"alice", "alice@example.com", []string{"admin", "user"}},
	{"bob", "bob@example.com", nil},
	{"carol", "carol@example.com", []string{"user"}},
	{"noemail", "", nil},
}

// WayBack are the addresses to which Keycloak must be allowed to send a browser back
// from a login and from a logout of the web application: below its prefix, and at /
// for a server that serves nothing else.
//
// On this machine they are without a port, which stands for every port (RFC 8252,
// section 7.3; Keycloak does so for http://127.0.0.1, http://localhost and http://[::1],
// and for the addresses after a logout too): a demo server on another port needs no
// new ones.
func WayBack(appURL string) (login, logout []string, err error) {
	u, err := url.Parse(appURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, nil, fmt.Errorf("the address of the demo server %q is not one of http or https", appURL)
	}
	base := u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")
	if h := u.Hostname(); u.Scheme == "http" && (h == "127.0.0.1" || h == "localhost" || h == "::1") {
		base = "http://" + strings.TrimSuffix(strings.TrimSuffix(u.Host, u.Port()), ":") + strings.TrimSuffix(u.Path, "/")
	}
	for _, prefix := range []string{"/s/kc-web", ""} {
		login = append(login, base+prefix+"/oauth/login/callback")
		logout = append(logout, base+prefix+"/")
	}
	return login, logout, nil
}

// logoutAttribute holds the addresses after a logout, with "##" between them; "+"
// stands for all redirect addresses, "-" for none.
const logoutAttribute = "post.logout.redirect.uris"

// LogoutURIs are the addresses to which a client lets browsers go after a logout.
func LogoutURIs(c keycloak.Client) []string {
	return strings.FieldsFunc(strings.ReplaceAll(c.Attributes[logoutAttribute], "##", "\n"), func(r rune) bool { return r == '\n' })
}

// webApp seeds the Keycloak part: the client of the web application, where it may send
// people, its role, and the mapper that writes roles into the ID token.
type webApp struct {
	c      Clients
	r      *keycloak.Realm
	client keycloak.Client
	tell   func(Step)
}

// App makes what the web application needs of Keycloak and leaves all people alone.
func App(ctx context.Context, c Clients, tell func(Step)) error {
	_, err := seedApp(ctx, c, false, tell)
	return err
}

// seedKeycloak is the Keycloak part of the accounts "seeds".
func seedKeycloak(ctx context.Context, c Clients, tell func(Step)) error {
	w, err := seedApp(ctx, c, true, tell)
	if err != nil || w == nil {
		return err
	}
	return w.people(ctx)
}

func seedApp(ctx context.Context, c Clients, seeds bool, tell func(Step)) (*webApp, error) {
	if c.Keycloak == nil || c.Realm == "" {
		return nil, nil
	}
	if c.ClientID == "" {
		c.ClientID = WebClientID
	}
	w := &webApp{c: c, r: c.Keycloak.Realm(c.Realm), tell: tell}
	there, err := w.realm(ctx)
	if err != nil || !there {
		return nil, err
	}
	if there, err = w.webClient(ctx); err != nil || !there {
		return nil, err
	}
	names := []string{AdminRole}
	if seeds {
		names = append(names, "user")
	}
	for _, name := range names {
		if err := w.role(ctx, name); err != nil {
			return nil, err
		}
	}
	return w, w.mapper(ctx, seeds)
}

func (w *webApp) say(out Outcome, note, format string, args ...any) {
	w.tell(Step{Server: "keycloak", What: fmt.Sprintf(format, args...), Outcome: out, Note: note})
}

// make tells a thing that is not there, and makes it unless this is a dry run.
func (w *webApp) make(what string, f func() error) (bool, error) {
	if w.c.DryRun {
		w.say(Missing, "", "%s", what)
		return false, nil
	}
	if err := f(); err != nil && !clients.Is(err, clients.Conflict) {
		return false, err
	}
	w.say(Made, "", "%s", what)
	return true, nil
}

func (w *webApp) realm(ctx context.Context) (bool, error) {
	_, err := w.r.Settings(ctx)
	if !clients.Is(err, clients.NotFound) {
		return err == nil, err
	}
	return w.make("realm "+w.c.Realm, func() error {
		_, err := w.c.Keycloak.CreateRealm(ctx, keycloak.NewRealm{Name: w.c.Realm})
		return err
	})
}

// webClient makes the client, or brings the one that is there to what the application needs.
func (w *webApp) webClient(ctx context.Context) (bool, error) {
	login, logout, err := WayBack(w.c.AppURL)
	if err != nil {
		return false, err
	}
	w.client, err = w.r.ClientByClientID(ctx, w.c.ClientID)
	if clients.Is(err, clients.NotFound) {
		made, err := w.make("client "+w.c.ClientID, func() error {
			_, err := w.r.CreateClient(ctx, keycloak.NewClient{ClientID: w.c.ClientID, Name: "Web application of the demo", RedirectURIs: login,
				Attributes: map[string]string{logoutAttribute: strings.Join(logout, "##")}})
			return err
		})
		if err == nil && made {
			w.client, err = w.r.ClientByClientID(ctx, w.c.ClientID)
		}
		return made, err
	}
	if err != nil {
		return false, err
	}
	patch, what := repair(w.client, login, logout)
	if len(what) == 0 {
		w.say(Same, "", "client %s", w.c.ClientID)
		return true, nil
	}
	if w.c.DryRun {
		w.say(Differs, "", "client %s: %s", w.c.ClientID, strings.Join(what, ", "))
		return true, nil
	}
	done, err := w.r.UpdateClient(ctx, w.client.ID, patch)
	if err != nil {
		return false, err
	}
	w.client = done.After
	w.say(Changed, "", "client %s: %s", w.c.ClientID, strings.Join(what, ", "))
	return true, nil
}

// repair is how a client differs from what the application needs, in words too. What
// others entered stays.
func repair(c keycloak.Client, login, logout []string) (p keycloak.ClientPatch, what []string) {
	flag := func(dst **bool, have, want bool, words string) {
		if have != want {
			*dst, what = &want, append(what, words)
		}
	}
	flag(&p.Enabled, c.Enabled, true, "enabled")
	flag(&p.Public, c.Public, false, "has a secret")
	flag(&p.BearerOnly, c.BearerOnly, false, "logs people in")
	flag(&p.StandardFlow, c.StandardFlow, true, "standard flow")
	if uris := added(c.RedirectURIs, login); len(uris) > len(c.RedirectURIs) {
		p.RedirectURIs = &uris
		what = append(what, "redirect addresses "+strings.Join(uris[len(c.RedirectURIs):], " "))
	}
	have := LogoutURIs(c)
	if slices.Contains(have, "+") { // every redirect address; our start page is none
		have = append(slices.DeleteFunc(slices.Clone(have), func(s string) bool { return s == "+" }), c.RedirectURIs...)
	}
	have = slices.DeleteFunc(have, func(s string) bool { return s == "-" })
	if uris := added(have, logout); len(uris) > len(have) {
		p.Attributes = map[string]string{logoutAttribute: strings.Join(uris, "##")}
		what = append(what, "addresses after a logout "+strings.Join(uris[len(have):], " "))
	}
	return p, what
}

func added(have, want []string) []string {
	out := slices.Clone(have)
	for _, u := range want {
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

func (w *webApp) role(ctx context.Context, name string) error {
	_, err := w.r.RoleByName(ctx, keycloak.OfClient(w.client.ID), name)
	switch {
	case clients.Is(err, clients.NotFound):
		_, err = w.make("role "+name+" of "+w.c.ClientID, func() error {
			_, err := w.r.CreateRole(ctx, keycloak.OfClient(w.client.ID), keycloak.NewRole{Name: name})
			return err
		})
	case err == nil:
		w.say(Same, "", "role %s of %s", name, w.c.ClientID)
	}
	return err
}

// RolesMapper is the mapper in effect for a client that writes its roles into the ID
// token, where the application looks; found is false when there is none.
func RolesMapper(ctx context.Context, r *keycloak.Realm, c keycloak.Client) (m keycloak.Mapper, found bool, err error) {
	list, err := clientRoleMappers(ctx, r, c)
	for _, m := range list {
		if m.Config["id.token.claim"] == "true" {
			return m.Mapper, true, nil
		}
	}
	return keycloak.Mapper{}, false, err
}

// ownedMapper is a mapper and whose it is.
type ownedMapper struct {
	keycloak.Mapper
	owner keycloak.MapperOwner
	scope string
}

// clientRoleMappers are the mappers in effect that write the roles of the client to
// where the application looks, into whatever token.
func clientRoleMappers(ctx context.Context, r *keycloak.Realm, c keycloak.Client) ([]ownedMapper, error) {
	effective, err := r.EffectiveMappers(ctx, c.ID, LoginScope)
	if err != nil {
		return nil, err
	}
	var out []ownedMapper
	for _, e := range effective {
		if e.Type != "oidc-usermodel-client-role-mapper" {
			continue
		}
		m, err := r.Mapper(ctx, e.Owner, e.ID)
		if err != nil {
			return nil, err
		}
		claim := m.Config["claim.name"]
		only := m.Config["usermodel.clientRoleMapping.clientId"]
		if (claim == "resource_access.${client_id}.roles" || claim == "resource_access."+c.ClientID+".roles") && (only == "" || only == c.ClientID) {
			out = append(out, ownedMapper{m, e.Owner, e.Scope})
		}
	}
	return out, nil
}

// mapper sees to it that the roles of the client stand in its ID tokens. In the
// story's realm it is the fault of a ticket that they do not: there the story's own
// mapper is changed for the accounts "seeds" (gatehouse stack seed brings the fault
// back), and left alone for the story's.
func (w *webApp) mapper(ctx context.Context, seeds bool) error {
	what := "mapper of the roles of " + w.c.ClientID + " into the ID token"
	_, found, err := RolesMapper(ctx, w.r, w.client)
	if err != nil {
		return err
	}
	if found {
		w.say(Same, "", "%s", what)
		return nil
	}
	ticket, err := w.storyTicket(ctx)
	switch {
	case err != nil:
		return err
	case ticket != "" && !seeds:
		w.say(Kept, "nobody is an admin until it is there: it is the fault of the ticket "+ticket+", and "+
			"gatehouse why keycloak explains it", "no %s", what)
		return nil
	case ticket != "":
		return w.changeMapper(ctx, what, ticket)
	}
	_, err = w.make(what, func() error {
		_, err := w.r.CreateMapper(ctx, keycloak.MappersOfClient(w.client.ID), keycloak.NewMapper{Name: "client roles in the ID token",
			Type: "oidc-usermodel-client-role-mapper", Config: map[string]string{"claim.name": "resource_access.${client_id}.roles",
				"usermodel.clientRoleMapping.clientId": w.c.ClientID, "multivalued": "true", "jsonType.label": "String",
				"id.token.claim": "true", "userinfo.token.claim": "true", "access.token.claim": "false"}})
		return err
	})
	return err
}

// changeMapper has the mapper of the client scope write into the ID token too, as the
// second seed document says.
func (w *webApp) changeMapper(ctx context.Context, what, ticket string) error {
	list, err := clientRoleMappers(ctx, w.r, w.client)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("the realm has no mapper of client roles to change")
	}
	note := "it solves the ticket " + ticket + " of the story; gatehouse stack seed brings the fault back"
	if w.c.DryRun {
		w.say(Differs, note, "%s", what)
		return nil
	}
	_, err = w.r.UpdateMapper(ctx, list[0].owner, list[0].ID, keycloak.MapperPatch{Config: map[string]string{"id.token.claim": "true", "userinfo.token.claim": "true"}})
	if err == nil {
		w.say(Changed, note, "%s", what)
	}
	return err
}

// storyTicket is the story's ticket about this mapper, when this is the story's realm.
func (w *webApp) storyTicket(ctx context.Context) (string, error) {
	st, err := story.Load()
	if err != nil {
		return "", err
	}
	if w.c.ClientID != WebClientID {
		return "", nil
	}
	for _, c := range st.Keycloak.Clients {
		_, err := w.r.ClientByClientID(ctx, c.ClientID)
		if clients.Is(err, clients.NotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
	}
	for _, t := range st.Tickets {
		for _, f := range t.Fix {
			if f.Op == story.OpSetMapper {
				return t.ID, nil
			}
		}
	}
	return "", nil
}

// people makes those of the accounts "seeds", with their roles.
func (w *webApp) people(ctx context.Context) error {
	for _, p := range webPeople {
		u, err := w.r.UserByUsername(ctx, p.name)
		switch {
		case clients.Is(err, clients.NotFound):
			made, err := w.make("user "+p.name, func() error {
				_, err := w.r.CreateUser(ctx, keycloak.NewUser{Username: p.name, Email: p.email, FirstName: strings.ToUpper(p.name[:1]) + p.name[1:],
					LastName: "Demo", EmailVerified: true, Password: Password})
				return err
			})
			if err != nil {
				return err
			}
			if !made {
				continue
			}
			if u, err = w.r.UserByUsername(ctx, p.name); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			w.say(Same, "", "user %s", p.name)
		}
		if err := w.grant(ctx, u, p.roles); err != nil {
			return err
		}
	}
	return nil
}

func (w *webApp) grant(ctx context.Context, u keycloak.User, names []string) error {
	if len(names) == 0 {
		return nil
	}
	have, err := w.r.DirectRoles(ctx, keycloak.OfUser(u.ID), keycloak.OfClient(w.client.ID))
	if err != nil {
		return err
	}
	for _, name := range names {
		what := fmt.Sprintf("role mapping %s of %s for %s", name, w.c.ClientID, u.Username)
		if slices.ContainsFunc(have, func(r keycloak.Role) bool { return r.Name == name }) {
			w.say(Same, "", "%s", what)
			continue
		}
		if _, err := w.make(what, func() error {
			r, err := w.r.RoleByName(ctx, keycloak.OfClient(w.client.ID), name)
			if err != nil {
				return err
			}
			_, err = w.r.Grant(ctx, keycloak.OfUser(u.ID), r)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
