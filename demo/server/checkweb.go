package server

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"gatehouse/access/roles"
	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/demo/seeding"
)

// seedAdvice makes what the web application needs of Keycloak, and no people.
func (c *checker) seedAdvice() string {
	return "gatehouse demo seed --accounts story --app-url " + c.publicURL()
}

func (c *checker) publicURL() string { return c.o.BaseURL() }

// webClient looks at the client of the web application, step by step in the order in
// which a login would meet them.
func (c *checker) webClient() {
	e := &c.o.Env
	realm := c.k.Keycloak.Realm(e.Realm)
	cl, err := realm.ClientByClientID(c.ctx, e.ClientID)
	switch {
	case clients.Is(err, clients.NotFound):
		c.add("keycloak", Lacking, "there is no client "+e.ClientID, c.seedAdvice())
		return
	case err != nil:
		c.add("keycloak", Unknown, "the client "+e.ClientID+" could not be read: "+err.Error(), "use an account that may view clients")
		return
	}
	c.clientKind(cl)
	c.wayBack(cl)
	c.rolesMapper(realm, cl)
	c.adminRole(realm, cl)
}

// clientKind looks for what would stop every login.
func (c *checker) clientKind(cl keycloak.Client) {
	var bad []string
	for what, is := range map[string]bool{"it is disabled": !cl.Enabled, "it is public and has no secret": cl.Public,
		"it only takes tokens (bearer-only)": cl.BearerOnly, "its standard flow is off": !cl.StandardFlow} {
		if is {
			bad = append(bad, what)
		}
	}
	slices.Sort(bad)
	switch {
	case len(bad) > 0:
		c.add("keycloak", Lacking, "nobody can log in with the client "+cl.ClientID+": "+strings.Join(bad, ", "), c.seedAdvice())
	case c.o.Env.ClientSecret == "":
		c.add("keycloak", Unknown, "the client "+cl.ClientID+" is there, but its secret could not be read", "set OIDC_CLIENT_SECRET")
	default:
		c.add("keycloak", Fine, "the client "+cl.ClientID+" is there, with a secret and the standard flow", "")
	}
}

// wayBack looks whether Keycloak may send browsers back: after a login and after a logout.
func (c *checker) wayBack(cl keycloak.Client) {
	prefix := "/s/kc-web"
	if len(c.o.Systems) == 1 {
		prefix = ""
	}
	for _, w := range []struct {
		what, path string
		have       []string
	}{
		{"after a login", "/oauth/login/callback", cl.RedirectURIs},
		{"after a logout", "/", logoutURIs(cl)},
	} {
		want := c.publicURL() + prefix + w.path
		if i := slices.IndexFunc(w.have, func(have string) bool { return sendsTo(have, want, cl.RootURL) }); i >= 0 {
			c.add("keycloak", Fine, w.what+" it may send people back to "+want, "")
		} else {
			c.add("keycloak", Lacking, fmt.Sprintf("%s it may not send people back to %s", w.what, want), c.seedAdvice())
		}
	}
}

// logoutURIs are the addresses after a logout; "+" stands for all redirect addresses.
func logoutURIs(cl keycloak.Client) []string {
	list := seeding.LogoutURIs(cl)
	if slices.Contains(list, "+") {
		list = append(list, cl.RedirectURIs...)
	}
	return list
}

// sendsTo reports whether Keycloak takes want where have is entered: the same, one
// that ends in "*", or one of loopback without a port, which stands for every port.
func sendsTo(have, want, root string) bool {
	if strings.HasPrefix(have, "/") {
		have = strings.TrimSuffix(root, "/") + have
	}
	if have == want || strings.HasSuffix(have, "*") && !strings.ContainsAny(have, "?") && strings.HasPrefix(want, strings.TrimSuffix(have, "*")) {
		return true
	}
	u, err := url.Parse(want)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return false
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return false
	}
	u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	return have == u.String()
}

// rolesMapper looks whether roles reach the ID token, where the application looks.
func (c *checker) rolesMapper(realm *keycloak.Realm, cl keycloak.Client) {
	m, found, err := seeding.RolesMapper(c.ctx, realm, cl)
	switch {
	case err != nil:
		c.add("keycloak", Unknown, "whether roles are written into the ID token could not be read: "+err.Error(), "")
	case found:
		c.add("keycloak", Fine, fmt.Sprintf("the mapper %q writes the client's roles into the ID token", m.Name), "")
	default:
		c.add("keycloak", Lacking, "no mapper writes the client's roles into the ID token: whoever logs in has none, and /admin lets nobody in",
			"switch on \"Add to ID token\" at the mapper \"client roles\" of the client scope roles, or "+c.seedAdvice())
	}
}

// adminRole looks whether the role that /admin asks for is there, and held by somebody.
func (c *checker) adminRole(realm *keycloak.Realm, cl keycloak.Client) {
	role, err := realm.RoleByName(c.ctx, keycloak.OfClient(cl.ID), seeding.AdminRole)
	switch {
	case clients.Is(err, clients.NotFound):
		c.add("keycloak", Lacking, "the client has no role "+seeding.AdminRole+", which /admin asks for", c.seedAdvice())
		return
	case err != nil:
		c.add("keycloak", Unknown, "the roles of the client could not be read: "+err.Error(), "")
		return
	}
	held, err := c.held(realm, role)
	switch {
	case err != nil:
		c.add("keycloak", Unknown, "who has the role "+seeding.AdminRole+" could not be read: "+err.Error(), "")
	case held == "":
		c.add("keycloak", Lacking, "nobody has the role "+seeding.AdminRole+" of the client, so that /admin lets nobody in",
			fmt.Sprintf("gatehouse roles grant --realm %s --user NAME --client %s --role %s", c.o.Env.Realm, cl.ClientID, seeding.AdminRole))
	default:
		c.add("keycloak", Fine, "the role "+seeding.AdminRole+" is held: "+held, "")
	}
}

// errEnough ends a search that has found somebody.
var errEnough = errors.New("enough")

// held says who has a role, through whatever way; empty is nobody.
func (c *checker) held(realm *keycloak.Realm, role keycloak.Role) (string, error) {
	who := ""
	sum, err := realm.RoleReader().Holders(c.ctx, role, roles.HoldersQuery{}, func(h roles.Holder) error {
		if h.Who.Kind != roles.User {
			return nil
		}
		who = "by " + h.Who.Name + ", for one"
		return errEnough
	})
	if errors.Is(err, errEnough) {
		return who, nil
	}
	switch {
	case err != nil:
		return "", err
	case len(sum.Everyone) > 0:
		return "by everybody, through the realm's default roles", nil
	case len(sum.Needs) > 0 || len(sum.Unread) > 0:
		return "", errors.New("not everything could be read; needed: " + strings.Join(sum.Needs, ", "))
	}
	return "", nil
}
