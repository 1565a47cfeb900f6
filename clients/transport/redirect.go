package transport

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse/clients"
)

// Redirect is a redirect that was not followed, because it leaves the server we
// were told to use or because it answers something else than a read. It is found
// in a problem with errors.As; a client that knows what its server redirects can
// turn it into better advice ("this looks like the public port").
type Redirect struct {
	Status   int      // the HTTP status of the redirect
	From, To *url.URL // without user info; To without its query, which may hold a token
}

// Error says where the redirect led.
func (r *Redirect) Error() string {
	return fmt.Sprintf("it answered with a redirect (%d) to %s", r.Status, r.To)
}

type noFollow struct{}

// NoFollow returns a context whose requests hand redirects to the caller as they
// are, neither followed nor turned into a problem.
func NoFollow(ctx context.Context) context.Context {
	return context.WithValue(ctx, noFollow{}, true)
}

// checkRedirect follows a redirect only for reads, on the same scheme, host and
// port: a back end that sends us elsewhere would take our credentials there.
func checkRedirect(next *http.Request, via []*http.Request) error {
	prev := via[len(via)-1]
	if on, _ := prev.Context().Value(noFollow{}).(bool); on {
		return http.ErrUseLastResponse
	}
	same := next.URL.Scheme == prev.URL.Scheme && next.URL.Host == prev.URL.Host
	if same && repeatable(prev) && len(via) < 5 {
		return nil
	}
	status := 0
	if next.Response != nil {
		status = next.Response.StatusCode
	}
	r := &Redirect{Status: status, From: bare(prev.URL), To: bare(next.URL)}
	return &clients.Problem{Kind: clients.Unreachable, Status: status, Reason: r.Error(),
		Hint: "check the URL of the back end: gatehouse does not follow it to another place", Err: r}
}

// bare is a URL without what may be secret.
func bare(u *url.URL) *url.URL {
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
}
