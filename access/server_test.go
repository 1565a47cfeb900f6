package access_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/access"
	"gatehouse/access/tuple"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

// server is a private Keto whose model and tuples are changed while it runs.
type server struct {
	*keto.Client
	info  stack.KetoInfo
	model string // the file that it watches
	http  *http.Client
}

func newServer(t testing.TB, settings map[string]any) *server {
	t.Helper()
	const start = "class Start implements Namespace {}\n"
	model := filepath.Join(t.TempDir(), "model.ts")
	if err := os.WriteFile(model, []byte(start), 0o600); err != nil {
		t.Fatal(err)
	}
	settings["namespaces.location"] = "file://" + model // Keto 0.13 does not notice changes of a relative path
	info := stacktest.OwnKeto(t, start, settings)
	hc := transport.New(transport.Options{Target: "keto", Timeout: 20 * time.Second})
	c, err := keto.New(keto.Options{ReadURL: info.ReadURL, WriteURL: info.WriteURL, Read: hc, Write: hc})
	if err != nil {
		t.Fatal(err)
	}
	// Keto closes a connection that was idle for some seconds, maybe just when the next
	// write goes out on it, and a write is not sent again by itself.
	fresh := &http.Transport{DisableKeepAlives: true}
	return &server{c, info, model, &http.Client{Timeout: 60 * time.Second, Transport: fresh}}
}

func (s *server) send(t testing.TB, method, url string, body any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ {
		status, answer := s.once(t, method, url, body != nil, b)
		switch {
		case status == http.StatusNoContent:
			return
		case try < 200 && (strings.Contains(answer, "locked") || strings.Contains(answer, "concurrent update")): // by what a check has left running
			time.Sleep(20 * time.Millisecond)
		default:
			t.Fatalf("%s %s: %d %s", method, url, status, answer)
		}
	}
}

func (s *server) once(t testing.TB, method, url string, hasBody bool, b []byte) (status int, answer string) {
	t.Helper()
	var body io.Reader
	if hasBody {
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.http.Do(req)
	if err != nil { // a check that still runs can hold Keto up until it cuts the connection
		return 0, "locked: " + err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, "locked: " + err.Error()
	}
	return resp.StatusCode, string(text)
}

// load gives the server another model, waits until it has it, and replaces all tuples.
func (s *server) load(t testing.TB, marker, src string, spaces []string, ts []tuple.Tuple) {
	t.Helper()
	if err := os.WriteFile(s.model, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		names, err := s.Namespaces(t.Context())
		if err == nil && strings.Contains(" "+strings.Join(names, " ")+" ", " "+marker+" ") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("Keto did not read the model: it knows %v, %v\n%s", names, err, src)
		}
	}
	for _, ns := range spaces {
		s.send(t, http.MethodDelete, s.info.WriteURL+"/admin/relation-tuples?"+url.Values{"namespace": {ns}}.Encode(), nil)
	}
	var edits []edit
	for _, tt := range ts {
		edits = append(edits, edit{"insert", tt})
	}
	s.send(t, http.MethodPatch, s.info.WriteURL+"/admin/relation-tuples", edits)
}

// rows reads everything back, in the server's order.
func (s *server) rows(t testing.TB, spaces []string) []tuple.Tuple {
	t.Helper()
	var out []tuple.Tuple
	for _, ns := range spaces {
		for tt, err := range s.All(t.Context(), tuple.Query{Namespace: &ns}) {
			if err != nil {
				t.Error(err)
				return nil
			}
			out = append(out, tt)
		}
	}
	return out
}

// stored is a Reader of everything, in the server's order.
func (s *server) stored(t testing.TB, spaces []string) *access.Tuples {
	t.Helper()
	return access.NewTuples(s.rows(t, spaces))
}

// ask is the server's verdict; the 400 of an unknown relation is Unknown.
func (s *server) ask(ctx context.Context, q tuple.Tuple, depth int) (access.Verdict, error) {
	ok, err := s.Check(ctx, q, depth)
	switch {
	case err == nil && ok:
		return access.Allowed, nil
	case err == nil:
		return access.Denied, nil
	case strings.Contains(err.Error(), "does not exist"):
		return access.Unknown, nil
	}
	return access.Unknown, err
}

// asks is how often a question is asked at most, to see whether Keto gives both answers.
const asks = 5

// flaps asks again until another answer than the first comes.
func (s *server) flaps(ctx context.Context, q tuple.Tuple, depth int, first access.Verdict) bool {
	for range asks - 1 {
		if v, err := s.ask(ctx, q, depth); err == nil && v != first {
			return true
		}
	}
	return false
}

// write carries out changes; undo turns them around.
func (s *server) write(t testing.TB, undo bool, writes ...access.Write) {
	t.Helper()
	var edits []map[string]any
	for _, w := range writes {
		action := "insert"
		if (w.Op == access.OpRemove) != undo {
			action = "delete"
		}
		edits = append(edits, map[string]any{"action": action, "relation_tuple": w.What()})
	}
	s.send(t, http.MethodPatch, s.info.WriteURL+"/admin/relation-tuples", edits)
}

// firstOf takes the beginning of a list with one request.
type firstOf struct{ *server }

func (f firstOf) First(ctx context.Context, q tuple.Query, n int) ([]tuple.Tuple, bool, error) {
	page, err := f.ListN(ctx, q, "", n)
	return page.Items, page.Next != "", err
}
