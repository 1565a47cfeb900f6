package transport

import (
	"context"
	"net/http"
	"strings"
)

type readKey struct{}

// AsRead marks one kind of POST as a read: a POST, made with the returned
// context, whose URL path ends in path changes nothing on the server (Keto's check
// and OPL syntax check, Keycloak's token, introspection and evaluation endpoints).
// Only the clients packages may use it. Binding the mark to a path keeps a context
// that is handed on from opening the door for another request. PUT, PATCH and
// DELETE are writes whatever the mark says.
func AsRead(ctx context.Context, path string) context.Context {
	return context.WithValue(ctx, readKey{}, path)
}

// IsWrite reports whether a request can change something on the server, which is
// what a read-only context refuses and what is never sent twice.
func IsWrite(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	case http.MethodPost:
		path, marked := req.Context().Value(readKey{}).(string)
		return !marked || path == "" || !strings.HasSuffix(req.URL.Path, path)
	default:
		return true
	}
}

// repeatable reports whether a request may be sent again although the server may
// have seen it: reads by GET and HEAD. A POST that is a read is left out, since
// some of them count (a token request feeds the brute-force detector).
func repeatable(req *http.Request) bool {
	return req.Method == "" || req.Method == http.MethodGet || req.Method == http.MethodHead
}
