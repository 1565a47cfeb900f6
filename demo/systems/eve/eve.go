// Package eve is a small REST API in the manner of Python-Eve, guarded in each of
// the ways that its documentation shows: one class for everything, public methods,
// settings of a resource, roles, hashed passwords, tokens, a MAC, and records that
// belong to somebody.
//
// Which of them guards a route is data: every method of every path is registered
// with its own policy, worked out once at the start.
package eve

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// The names of the guards. open must be spelled out: in Eve a resource without a
// class is open when there is no class for the whole API.
const (
	guardBasic = "basic"
	guardToken = "token"
	guardHMAC  = "hmac"
	open       = "none"
)

// resource is a collection and its items.
type resource struct {
	name string
	auth string // one of the guards; empty takes that of the API
	// public and publicItem are methods that anybody may use; nil takes those of the API.
	public, publicItem []string
	roles, read, write []string // any one of them suffices
	anyone             bool     // every name and password counts, as one example of the documentation has it
	owned              bool     // who is logged in sees their own records only
	records            *records
}

// api is the configuration of one system.
type api struct {
	env                *gate.Env
	id, title, about   string
	guard              string // in a few words
	auth               string // of everything that names none
	public, publicItem []string
	roles, read        []string // of everything that names none, home included
	resources          []*resource
	accounts           *gate.Members
	secrets            []account // tokens and keys of those who have some
	signed             bool      // the MAC covers method, path, time and nonce as well
	nonces             *nonces
	warn               []string
}

func (a *api) system() *gate.System {
	s := &gate.System{ID: a.id, Title: a.title, Guard: a.guard, Seed: "004", About: a.about, Warn: a.warn,
		Guards:    map[string]gate.Guard{guardBasic: a.basic, guardToken: a.token, guardHMAC: a.hmac},
		ErrorPage: errorPage,
	}
	home := &resource{}
	s.Routes = append(s.Routes,
		gate.Route{Method: http.MethodGet, Path: "/", Policy: a.policy(home, http.MethodGet, false), Serve: a.home},
		gate.Route{Method: http.MethodHead, Path: "/", Policy: a.homeHead(home), Serve: a.home})
	for i, r := range a.resources {
		if r.records == nil {
			r.records = newRecords(i, r.name, a.env.Now)
		}
		s.Routes = append(s.Routes, a.routes(r)...)
	}
	if a.env.Accounts == gate.Story {
		s.Routes = append(s.Routes, a.secretsRoute()...)
	}
	return s
}

func (a *api) routes(r *resource) []gate.Route {
	var out []gate.Route
	add := func(path string, item bool, serve map[string]func(*gate.Call)) {
		for _, m := range slices.Sorted(keysOf(serve)) {
			out = append(out, gate.Route{Method: m, Path: path, Policy: a.policy(r, m, item), Serve: serve[m]})
		}
	}
	list := func(c *gate.Call) { a.list(c, r) }
	add("/"+r.name, false, map[string]func(*gate.Call){
		http.MethodGet: list, http.MethodHead: list,
		http.MethodPost:   func(c *gate.Call) { a.insert(c, r) },
		http.MethodDelete: func(c *gate.Call) { a.clear(c, r) },
	})
	get := func(c *gate.Call) { a.get(c, r) }
	edit := func(c *gate.Call) { a.edit(c, r) }
	add("/"+r.name+"/{id}", true, map[string]func(*gate.Call){
		http.MethodGet: get, http.MethodHead: get, http.MethodPatch: edit, http.MethodPut: edit,
		http.MethodDelete: func(c *gate.Call) { a.remove(c, r) },
		// Eve lists POST for items, for clients that cannot send another method and name
		// it in a header; we do not obey that header.
		http.MethodPost: func(c *gate.Call) { c.Error(http.StatusMethodNotAllowed) },
	})
	return out
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// policy is what one method of a resource, or of its items, asks for. The settings
// of the resource come before those of the API.
//
// HEAD is not among the public methods when GET is, as in Eve. The roles of a
// resource hold for its items too; in Eve they do not, so that everybody can change
// every item.
func (a *api) policy(r *resource, method string, item bool) decisions.Policy {
	public := first(r.public, a.public)
	if item {
		public = first(r.publicItem, a.publicItem)
	}
	auth := r.auth
	if auth == "" {
		auth = a.auth
	}
	switch {
	case auth == open:
		return gate.Public("its authentication is set to none")
	case slices.Contains(public, method):
		return gate.Public("one of its public methods")
	}
	p := decisions.Policy{Kind: kinds[auth], Guard: auth, Methods: public}
	roles := slices.Concat(r.roles, r.verb(method))
	if len(r.roles)+len(r.read)+len(r.write) == 0 {
		roles = slices.Concat(a.roles, a.readRoles(method))
	}
	if len(roles) > 0 {
		p.Kind, p.Roles = decisions.KindRolesAny, roles
	}
	return p
}

var kinds = map[string]decisions.Kind{guardBasic: decisions.KindBasic, guardToken: decisions.KindToken, guardHMAC: decisions.KindHMAC}

// homeHead: in Eve a HEAD of the start page counts as a write.
func (a *api) homeHead(home *resource) decisions.Policy {
	p := a.policy(home, http.MethodHead, false)
	if len(a.roles) > 0 && p.Kind == decisions.KindRolesAny {
		p.Roles = a.roles
	}
	return p
}

func (r *resource) verb(method string) []string {
	if reads(method) {
		return r.read
	}
	return r.write
}

func (a *api) readRoles(method string) []string {
	if reads(method) {
		return a.read
	}
	return nil
}

func reads(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func first(of, or []string) []string {
	if of != nil {
		return of
	}
	return or
}

// errorPage answers every refusal in Eve's envelope.
func errorPage(c *gate.Call, status int) {
	if status == http.StatusUnauthorized {
		c.W.Header().Set("WWW-Authenticate", `Basic realm="eve"`)
	}
	c.W.Header().Del("Allow") // Eve does not tell
	fail(c, status, messages[status])
}

var messages = map[int]string{
	http.StatusUnauthorized:         "Please provide proper credentials",
	http.StatusForbidden:            "None of your roles may do that",
	http.StatusNotFound:             "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.",
	http.StatusMethodNotAllowed:     "The method is not allowed for the requested URL.",
	http.StatusPreconditionRequired: "To edit a document its etag must be provided using the If-Match header",
	http.StatusPreconditionFailed:   "Client and server etags don't match",
	http.StatusTooManyRequests:      "Too many failed logins",
	http.StatusServiceUnavailable:   "A server that has to be asked first gave no usable answer",
}

func fail(c *gate.Call, status int, message string) {
	if message == "" {
		message = http.StatusText(status)
	}
	o := object{{"_status", "ERR"}, {"_error", object{{"code", status}, {"message", message}}}}
	if a := c.R.Header.Get("Accept"); strings.Contains(a, "application/xml") || strings.Contains(a, "text/xml") {
		writeXML(c, status, o)
		return
	}
	write(c, status, o)
}

// writeXML answers in Eve's other form, with sorted keys. Records are JSON always.
func writeXML(c *gate.Call, status int, o object) {
	var b bytes.Buffer
	b.WriteString("<resource>")
	appendXML(&b, o)
	b.WriteString("</resource>")
	c.Bytes(status, "application/xml; charset=utf-8", b.Bytes())
}

func appendXML(b *bytes.Buffer, o object) {
	o = slices.Clone(o)
	slices.SortFunc(o, func(a, b field) int { return strings.Compare(a.key, b.key) })
	for _, f := range o {
		b.WriteString("<" + f.key + ">")
		if sub, ok := f.value.(object); ok {
			appendXML(b, sub)
		} else {
			_ = xml.EscapeText(b, []byte(fmt.Sprint(f.value))) // never fails on a buffer
		}
		b.WriteString("</" + f.key + ">")
	}
}

func (a *api) home(c *gate.Call) {
	var children []any
	for _, r := range a.resources {
		children = append(children, object{{"href", r.name}, {"title", r.name}})
	}
	write(c, http.StatusOK, object{{"_links", object{{"child", children}}}})
}

func newAPI(env *gate.Env, id, title, guard, about string, resources ...*resource) *api {
	return &api{env: env, id: id, title: title, guard: guard, about: about, resources: resources, auth: guardBasic, nonces: newNonces(env.Now)}
}

// use takes the accounts that belong to the system.
func (a *api) use(list ...gate.Person) (err error) {
	a.accounts, err = a.env.Members(list...)
	return err
}
