package token

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Document is one of the three places in which an application finds claims.
type Document string

// The documents, in the order in which they are shown.
const (
	InAccess   Document = "access"
	InID       Document = "id"
	InUserInfo Document = "userinfo"
)

// Documents are all three.
var Documents = []Document{InAccess, InID, InUserInfo}

// Name is how people call the document.
func (d Document) Name() string {
	switch d {
	case InID:
		return "ID token"
	case InUserInfo:
		return "userinfo"
	}
	return "access token"
}

// Source is a mapper of the server, which puts a claim into some documents.
type Source struct {
	// Name and Scope name it: a mapper of a client scope, or of the client (Scope empty).
	Name, Scope string
	// Path is where it writes; a part "*" stands for any client.
	Path []string
	// Puts says into which documents it writes.
	Puts map[Document]bool
}

// String is the mapper as sentences name it.
func (s Source) String() string {
	if s.Scope == "" {
		return fmt.Sprintf("mapper %q of the client", s.Name)
	}
	return fmt.Sprintf("mapper %q of client scope %q", s.Name, s.Scope)
}

// covers reports whether the mapper writes to a path, or to something that holds it.
func (s Source) covers(path []string) bool {
	if len(s.Path) == 0 || len(s.Path) > len(path) {
		return false
	}
	for i, part := range s.Path {
		if part != "*" && part != path[i] {
			return false
		}
	}
	return true
}

// Row is one claim in the three documents side by side.
type Row struct {
	Path string `json:"path"`
	// Values are what the documents that have the claim say; one that is not in it has
	// not.
	Values map[Document]string `json:"values"`
	// By are the mappers that write this claim; none where Keycloak itself does.
	By []string `json:"by,omitempty"`
	// LeftOut says, of each document without the claim, why.
	LeftOut map[Document]string `json:"left_out,omitempty"`
	// Differs: the documents do not say the same.
	Differs bool `json:"differs,omitempty"`
}

// passing are claims that differ from token to token and say nothing about access.
var passing = []string{"jti", "exp", "iat", "nbf", "auth_time", "at_hash", "sid", "session_state", "nonce", "c_hash"}

// Compare puts the claims of the documents side by side, those that grant something
// first. now is for the times.
func Compare(docs map[Document]map[string]any, sources []Source, now time.Time) []Row {
	rows := map[string]*Row{}
	for d, claims := range docs {
		for _, c := range Explain(claims, now) {
			if rows[c.Path] == nil {
				rows[c.Path] = &Row{Path: c.Path, Values: map[Document]string{}}
			}
			rows[c.Path].Values[d] = c.Value
		}
	}
	var out []Row
	for _, r := range rows {
		r.fill(docs, sources)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(rank(a.Path), rank(b.Path)), cmp.Compare(a.Path, b.Path))
	})
	return out
}

// rank puts first what grants something, and last what changes with each token.
func rank(path string) int {
	switch {
	case strings.HasSuffix(path, "roles") || path == "aud" || path == "scope" || path == "groups":
		return 0
	case slices.Contains(passing, path):
		return 2
	}
	return 1
}

// fill finds out who writes the claim, and who left it out.
func (r *Row) fill(docs map[Document]map[string]any, sources []Source) {
	path := split(r.Path)
	var writers []Source
	for _, s := range sources {
		if s.covers(path) {
			writers = append(writers, s)
			r.By = append(r.By, s.String())
		}
	}
	first := ""
	for d := range docs {
		v, has := r.Values[d]
		if !has {
			if r.LeftOut == nil {
				r.LeftOut = map[Document]string{}
			}
			r.LeftOut[d], r.Differs = whyNot(d, writers), true
			continue
		}
		if first == "" {
			first = v
		}
		r.Differs = r.Differs || v != first && !slices.Contains(passing, r.Path)
	}
	if slices.Contains(passing, r.Path) {
		r.Differs = false
	}
}

// whyNot says why a document lacks a claim.
func whyNot(d Document, writers []Source) string {
	if len(writers) == 0 {
		return "Keycloak itself does not put it there"
	}
	var off []string
	for _, s := range writers {
		if s.Puts[d] {
			return s.String() + " has nothing to say for this user"
		}
		off = append(off, s.String())
	}
	return "switched off in " + strings.Join(off, " and ")
}

// split undoes the joining of a path. A clientId may hold dots; it stands between
// "resource_access." and ".roles".
func split(path string) []string {
	if rest, ok := strings.CutPrefix(path, "resource_access."); ok {
		if client, ok := strings.CutSuffix(rest, ".roles"); ok {
			return []string{"resource_access", client, "roles"}
		}
	}
	return strings.Split(path, ".")
}

// Wanted is the claim that somebody looks for.
type Wanted struct {
	// Path is where it stands, Value what the list there must hold; empty is that it is
	// there at all.
	Path  []string
	Value string
}

// WantedRole is the claim of a role where Keycloak's own mappers put it; client is empty
// for a role of the realm.
func WantedRole(client, role string) Wanted {
	if client == "" {
		return Wanted{Path: []string{"realm_access", "roles"}, Value: role}
	}
	return Wanted{Path: []string{"resource_access", client, "roles"}, Value: role}
}

// WantedClaim reads "path" or "path=value".
func WantedClaim(text string) Wanted {
	path, value, _ := strings.Cut(text, "=")
	return Wanted{Path: split(path), Value: value}
}

// String is the claim as it is written: "groups=/staff".
func (w Wanted) String() string {
	out := strings.Join(w.Path, ".")
	if w.Value != "" {
		out += "=" + w.Value
	}
	return out
}

// In reports whether the claims have it.
func (w Wanted) In(claims map[string]any) bool {
	var at any = claims
	for _, part := range w.Path {
		m, _ := at.(map[string]any)
		v, ok := m[part]
		if !ok {
			return false
		}
		at = v
	}
	return w.Value == "" || slices.Contains(texts(at), w.Value) || fmt.Sprint(at) == w.Value
}

// Found is what became of a wanted claim in one document.
type Found struct {
	In      Document `json:"in"`
	Present bool     `json:"present"`
	// Why names the mapper that put it there, or that left it out.
	Why string `json:"why"`
}

// Look finds a wanted claim in each document, with who put it there or left it out.
func (w Wanted) Look(docs map[Document]map[string]any, sources []Source) []Found {
	var writers []Source
	for _, s := range sources {
		if s.covers(w.Path) {
			writers = append(writers, s)
		}
	}
	var out []Found
	for _, d := range Documents {
		claims, read := docs[d]
		if !read {
			continue
		}
		f := Found{In: d, Present: w.In(claims)}
		if f.Why = w.why(d, writers, f.Present); f.Why == "" {
			f.Why = "by Keycloak itself"
		}
		out = append(out, f)
	}
	return out
}

func (w Wanted) why(d Document, writers []Source, present bool) string {
	var writing []string
	for _, s := range writers {
		if s.Puts[d] {
			writing = append(writing, s.String())
		}
	}
	switch {
	case present && len(writing) > 0:
		return "by " + strings.Join(writing, " and ")
	case present:
		return ""
	case len(writers) == 0:
		return "no mapper in effect writes it"
	case len(writing) > 0:
		return strings.Join(writing, " and ") + " writes there, and not this: the user does not have it, or it is out of the client's scope"
	}
	return whyNot(d, writers)
}
