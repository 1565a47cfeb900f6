package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
	"gatehouse/clients/keto"
	"gatehouse/clients/keycloak"
)

// The states of a Finding. What could not be read is unknown and never fine.
const (
	Fine    = "ok"
	Lacking = "lacking"
	Unknown = "unknown"
)

// Finding is one thing that the demo needs of a server.
type Finding struct {
	Server string `json:"server"`
	State  string `json:"state" jsonschema:"enum=ok,enum=lacking,enum=unknown"`
	What   string `json:"what" jsonschema_description:"What was found."`
	Do     string `json:"do" jsonschema_description:"What to do about it; empty where all is well."`
}

// CheckClients are the administrators' clients for what the public listeners do not
// tell; any may be nil.
type CheckClients struct {
	Keto     *keto.Client
	Keycloak *keycloak.Server
	Realm    string
}

type checker struct {
	ctx  context.Context
	o    Options
	k    CheckClients
	list []Finding
}

func (c *checker) add(server, state, what, do string) {
	c.list = append(c.list, Finding{server, state, what, do})
}

// Check says what the servers lack for a demo with these options. It writes nothing.
func Check(ctx context.Context, o Options, k CheckClients) ([]Finding, error) {
	if err := o.Env.Complete(nil); err != nil {
		return nil, err
	}
	c := &checker{ctx: ctx, o: o, k: k}
	c.kratos()
	c.keto()
	c.oathkeeper()
	c.keycloak()
	return c.list, nil
}

// ask sends a GET and reads JSON where it is some.
func (c *checker) ask(u decisions.Upstream, raw string, out any) (status int, location string, err error) {
	req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, raw, nil)
	if err != nil {
		return 0, "", err
	}
	a, err := c.o.Env.Ask(u, req)
	if err != nil {
		return 0, "", err
	}
	if out != nil && a.Status == http.StatusOK {
		err = json.Unmarshal(a.Body, out)
	}
	return a.Status, a.Header.Get("Location"), err
}

func (c *checker) kratos() {
	e := &c.o.Env
	if e.KratosPublicURL == "" {
		c.add("kratos", Lacking, "the context names no public listener", "set kratos.public_url, or KRATOS_EXTERNAL_API_URL")
		return
	}
	status, _, err := c.ask(decisions.Kratos, e.KratosPublicURL+"/sessions/whoami", nil)
	switch {
	case err != nil:
		c.add("kratos", Unknown, "it does not answer on "+e.KratosPublicURL, "start it, or correct the address")
		return
	case status != http.StatusUnauthorized:
		c.add("kratos", Lacking, fmt.Sprintf("whoami without a session answers %d where Kratos answers 401", status), "is this Kratos' public listener?")
		return
	}
	c.add("kratos", Fine, "it answers on "+e.KratosPublicURL, "")
	status, location, err := c.ask(decisions.Kratos, e.KratosPublicURL+"/self-service/login/browser", nil)
	u, perr := url.Parse(location)
	switch {
	case err != nil || perr != nil:
		c.add("kratos", Unknown, "where its login pages are could not be read", "")
	case status != http.StatusSeeOther && status != http.StatusFound:
		c.add("kratos", Lacking, fmt.Sprintf("a login in the browser answers %d and no redirect", status), "set selfservice.flows.login.ui_url")
	default:
		c.loginPages(u)
	}
}

func (c *checker) loginPages(u *url.URL) {
	base := u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/login")
	if want := c.o.Env.KratosUIURL; base == want {
		c.add("kratos", Fine, "it sends people to the login pages on "+base, "")
	} else {
		c.add("kratos", Lacking, fmt.Sprintf("it sends people to the login pages on %s, the demo to those on %s", base, want),
			"use --ui-url "+base+", or set selfservice.flows.*.ui_url")
	}
	public, err := url.Parse(c.o.Env.KratosPublicURL)
	if err == nil && public.Hostname() != u.Hostname() {
		c.add("kratos", Lacking, fmt.Sprintf("Kratos is on %s and its login pages on %s: its cookies do not reach them", public.Hostname(), u.Hostname()), "use the same host name for both")
	}
}

func (c *checker) keto() {
	e := &c.o.Env
	if e.KetoReadURL == "" {
		c.add("keto", Lacking, "the context names no read listener", "set keto.read_url, or KETO_API_READ_URL")
		return
	}
	status, _, err := c.ask(decisions.Keto, e.KetoReadURL+"/relation-tuples/check?namespace=app&object=homepage&relation=read&subject_id=nobody", nil)
	switch {
	case err != nil:
		c.add("keto", Unknown, "it does not answer on "+e.KetoReadURL, "start it, or correct the address")
		return
	case status == http.StatusNotFound:
		c.add("keto", Lacking, "it does not know /relation-tuples/check", "Keto 0.8 or newer is needed")
		return
	case status != http.StatusOK && status != http.StatusForbidden:
		c.add("keto", Lacking, fmt.Sprintf("a check answers %d", status), "does the model have a namespace app with a relation read?")
		return
	}
	c.add("keto", Fine, "it answers checks on "+e.KetoReadURL, "")
	if c.k.Keto == nil {
		return
	}
	// A check in a namespace that is not there is denied without a word, so that it has to be looked for.
	names, err := c.k.Keto.Namespaces(c.ctx)
	switch {
	case err != nil:
		c.add("keto", Unknown, "its namespaces could not be read: "+err.Error(), "")
	case !slices.Contains(names, "app"):
		c.add("keto", Lacking, "there is no namespace app, and Keto denies what it does not know without saying so", "add class app with related: { read: … } to the model")
	default:
		c.add("keto", Fine, "it has the namespace app", "")
	}
}

func (c *checker) oathkeeper() {
	e := &c.o.Env
	if e.OathkeeperAPIURL == "" {
		c.add("oathkeeper", Lacking, "no Oathkeeper is named", "set --oathkeeper-url and --oathkeeper-api; gatehouse demo oathkeeper-config prints a configuration")
		return
	}
	var keys struct {
		Keys []json.RawMessage `json:"keys"`
	}
	status, _, err := c.ask(decisions.JWKS, e.OathkeeperAPIURL+"/.well-known/jwks.json", &keys)
	switch {
	case err != nil:
		c.add("oathkeeper", Unknown, "its API does not answer on "+e.OathkeeperAPIURL, "start it, or correct the address")
		return
	case status != http.StatusOK || len(keys.Keys) == 0:
		c.add("oathkeeper", Lacking, "it publishes no key for its proof", "enable the id_token mutator")
	default:
		c.add("oathkeeper", Fine, "it publishes the key of its proof", "")
	}
	var rules []struct {
		Mutators []struct {
			Handler string `json:"handler"`
		} `json:"mutators"`
		Match struct {
			URL string `json:"url"`
		} `json:"match"`
	}
	if status, _, err = c.ask(decisions.JWKS, e.OathkeeperAPIURL+"/rules?limit=500", &rules); err != nil || status != http.StatusOK {
		c.add("oathkeeper", Unknown, "its rules could not be read", "")
		return
	}
	for _, r := range rules {
		if strings.HasSuffix(r.Match.URL, "/oathkeeper") {
			for _, m := range r.Mutators {
				if m.Handler == "id_token" {
					c.add("oathkeeper", Fine, "it has a rule for /oathkeeper that signs a proof", "")
					return
				}
			}
			c.add("oathkeeper", Lacking, "its rule for /oathkeeper signs no proof: what the client sends passes through", "use the mutators header and id_token")
			return
		}
	}
	c.add("oathkeeper", Lacking, "it has no rule for /oathkeeper", "gatehouse demo oathkeeper-config prints the rules")
}

func (c *checker) keycloak() {
	e := &c.o.Env
	if e.KeycloakURL == "" || e.Realm == "" {
		c.add("keycloak", Lacking, "the context names no Keycloak with a realm", "set keycloak.url and keycloak.realms")
		return
	}
	var d struct {
		Issuer string `json:"issuer"`
	}
	issuer := e.KeycloakURL + "/realms/" + url.PathEscape(e.Realm)
	status, _, err := c.ask(decisions.OIDC, issuer+"/.well-known/openid-configuration", &d)
	switch {
	case err != nil:
		c.add("keycloak", Unknown, "it does not answer on "+e.KeycloakURL, "start it, or correct the address")
		return
	case status != http.StatusOK:
		c.add("keycloak", Lacking, "there is no realm "+e.Realm, "gatehouse demo seed makes what is needed")
		return
	case d.Issuer != issuer:
		c.add("keycloak", Lacking, fmt.Sprintf("it calls itself %s and is reached as %s: tokens would be refused", d.Issuer, issuer), "use the same address for both, or set Keycloak's hostname")
		return
	}
	c.add("keycloak", Fine, "the realm "+e.Realm+" is there", "")
	if c.k.Keycloak != nil {
		c.webClient()
	}
}
