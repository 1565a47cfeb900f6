package screens_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/clients/kratos"
	"gatehouse/clients/transport"
	"gatehouse/tui"
	"gatehouse/tui/screens"
	"gatehouse/tui/tuitest"
)

// realList opens the list of identities as the console does.
func (r *identReal) list(spec screens.IdentitySpec, w, h int) *tuitest.Term {
	k := spec.Kratos.(*kratos.Client)
	return r.open(screens.NewIdentities(screens.IdentitiesSpec{Kratos: k, Write: k, Edit: k, Forms: k, List: k.Fetch(kratos.Query{WithCredentials: true}),
		Open: func(id string) tui.Screen { return screens.NewIdentity(spec, id) }}), w, h)
}

// TestRealIdentityBulk marks three people and writes to all of them.
func TestRealIdentityBulk(t *testing.T) {
	r := newIdentReal(t)
	var ids []string
	var before []map[string]any
	for i := range 3 {
		id := r.staff(fmt.Sprint("Bulk", i))
		ids, before = append(ids, id), append(before, r.raw(id))
	}
	s := r.list(r.spec(), 120, 40)
	s.Want("identities")
	s.Press("/")
	s.Type("real" + r.tag + " state:active created>2026-01-01 verified:no")
	s.Press("enter")
	s.Want("3 match")
	s.Press("ctrl+a")
	s.Want("3 marked")

	s.Press("M")
	s.Want("Set the metadata of 3 people", "set these keys")
	identFill(s, "JSON", `{"team":"blue","theme":null}`)
	s.Press("ctrl+s")
	s.Want("Set the metadata of 3 people?", `these keys of metadata_public: {"team":"blue","theme":null}; others stay`)
	s.Settle()
	// The question opened by itself, so that it takes no answer for a moment.
	for end := time.Now().Add(time.Minute); !strings.Contains(s.Screen(), "3 people set") && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if strings.Contains(s.Screen(), "y set") {
			s.Press("y")
		}
	}
	s.Want("3 people set", "3 of 3 set")
	for i, id := range ids {
		r.wantChanged(before[i], id, `/metadata_public/team = "blue"`, "/metadata_public/theme = null")
	}
	s.Press("esc")
	r.write(s, "u", "Undo: set 3 people?", "3 people as before")
	for i, id := range ids {
		r.wantChanged(before[i], id)
	}
	s.Press("esc")
	s.Want("3 marked")

	r.write(s, "V", "Mark the addresses as verified?", "3 people verified")
	for _, id := range ids {
		if w, _ := r.identity(id); len(w.Addresses) != 1 || !w.Addresses[0].Verified {
			t.Errorf("%s is not verified: %+v", id, w.Addresses)
		}
	}
	s.Press("esc", "esc", "esc") // the bulk screen, the filter, the marks
	s.Press("/")
	s.Type("real" + r.tag)
	s.Press("enter", "ctrl+a")
	s.Want("3 match", "3 marked")
	r.write(s, "D", "Delete 3 people?", "3 people deleted")
	for _, id := range ids {
		if _, status := r.identity(id); status != 404 {
			t.Errorf("%s is still there: %d", id, status)
		}
	}
}

// TestRealIdentityMessages lets Kratos send a code to somebody and finds the message,
// and why it did not arrive, in the console.
func TestRealIdentityMessages(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Mia")
	var flow struct{ ID string }
	r.must(200, "GET", r.info.PublicURL+"/self-service/recovery/api", nil, &flow)
	r.must(200, "POST", r.info.PublicURL+"/self-service/recovery?flow="+flow.ID, map[string]string{"method": "code", "email": email}, nil)
	var sent []struct{ ID, Body string }
	r.must(200, "GET", r.info.AdminURL+"/admin/courier/messages?recipient="+url.QueryEscape(email), nil, &sent)
	if len(sent) != 1 {
		t.Fatalf("%d messages to %s", len(sent), email)
	}
	spec := r.spec()
	k := spec.Kratos.(*kratos.Client)
	spec.Courier = k
	spec.Links.Messages = func(to string) tui.Screen { return screens.NewMessages(screens.MessagesSpec{Kratos: k, Recipient: to}) }
	s := r.open(screens.NewIdentity(spec, id), 120, 60)
	s.Want("Messages", "recovery code", "all messages to "+email)
	code := regexp.MustCompile(`\b\d{6}\b`).FindString(sent[0].Body)
	hidden := func() {
		t.Helper()
		if code != "" {
			s.WantNot(code)
		}
	}
	hidden()
	identTo(s, "all messages to")
	s.Press("enter")
	s.Want("messages to "+email, "recovery code")
	hidden()
	s.Press("enter")
	s.Want("recovery code to "+email, "Attempts", "hidden: it may hold a code")
	hidden()
	s.Press("b")
	if code != "" {
		s.Want(code)
	} else {
		s.Want("only when it runs with --dev")
	}
	s.Press("b")
	s.Want("hidden: it may hold a code")
	hidden()
}

// identCutter passes everything on to the real Kratos and, while it is told to, throws
// the answers of writes away.
func (r *identReal) cutter() (admin string, cut *atomic.Bool) {
	r.t.Helper()
	to, err := url.Parse(r.info.AdminURL)
	if err != nil {
		r.t.Fatal(err)
	}
	cut = new(atomic.Bool)
	proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }, ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ModifyResponse: func(resp *http.Response) error {
			if resp.Request.Method != "GET" && cut.Load() {
				return fmt.Errorf("cut")
			}
			return nil
		}}
	srv := httptest.NewServer(proxy)
	r.t.Cleanup(srv.Close)
	return srv.URL, cut
}

// A write whose answer is lost is looked up, and told as what became of it.
func TestRealIdentityWriteCut(t *testing.T) {
	r := newIdentReal(t)
	id := r.staff("Cut")
	before := r.raw(id)
	admin, cut := r.cutter()
	k, err := kratos.New(kratos.Options{AdminURL: admin, PublicURL: r.info.PublicURL, Admin: transport.Options{Timeout: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	spec := screens.IdentitySpec{Kratos: k, Write: k, Edit: k, Recover: k, Forms: k}
	s := r.open(screens.NewIdentity(spec, id), 120, 60)
	s.Want("Cut Real"+r.tag, "no sessions")
	s.Press("e")
	s.Want("Edit Cut")
	identFill(s, "City", "Graz")
	s.Settle()
	cut.Store(true)
	s.Press("ctrl+s")
	s.Want("traits/address/city: Wien → Graz")
	s.Press("y")
	s.Want("the answer was lost, but it was written: it was looked up")
	cut.Store(false)
	r.wantChanged(before, id, `/traits/address/city = "Graz"`)
	r.write(s, "u", "Undo: edit Cut", "undone: edit Cut")
	r.wantChanged(before, id)

	list := r.list(spec, 120, 60)
	list.Want("identities")
	list.Press("n")
	list.Want("A new identity")
	email := "cutnew-" + r.tag + "@ident.example"
	identFill(list, "E-mail", email)
	list.Settle()
	cut.Store(true)
	list.Press("ctrl+s")
	list.Want("Create this identity?")
	list.Press("y")
	list.Want("the answer was lost, but it was made: it was looked up")
	cut.Store(false)
	var found []identWire
	r.must(200, "GET", r.info.AdminURL+"/admin/identities?credentials_identifier="+email, nil, &found)
	for _, f := range found {
		t.Cleanup(func() { r.call("DELETE", r.info.AdminURL+"/admin/identities/"+f.ID, nil, nil) })
	}
	if len(found) != 1 {
		t.Fatalf("%d identities were made", len(found))
	}
}

// TestRealIdentityEndsTheOthers ends all sessions but one.
func TestRealIdentityEndsTheOthers(t *testing.T) {
	r := newIdentReal(t)
	id, email := r.person("Oli")
	tokens := []string{r.login(email), r.login(email), r.login(email)}
	s := r.open(screens.NewIdentity(r.spec(), id), 110, 60)
	s.Want("Oli", "3 sessions, last")
	s.Press("O")
	s.Want("select the session that stays first")
	identTo(s, "✓ active   signed in")
	r.write(s, "O", "End the other 2 sessions", "2 other sessions ended")
	r.until("one session is left", func() bool {
		var in int
		for _, tok := range tokens {
			if r.whoami(tok) == 200 {
				in++
			}
		}
		_, active := r.sessions(id)
		return in == 1 && active == 1
	})
}
