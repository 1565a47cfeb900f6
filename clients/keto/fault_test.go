package keto_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/access/tuple"
	"gatehouse/clients"
	"gatehouse/clients/keto"
	"gatehouse/clients/transport"
)

// The tests of this file use made-up servers: for what a real one cannot be brought
// to do on demand, and for the answers of servers newer than the one that runs here.

// clientFor is a client on any URLs.
func clientFor(t *testing.T, read, write, opl string) *keto.Client {
	t.Helper()
	hc := transport.New(transport.Options{Target: "keto", Timeout: 5 * time.Second, Retries: -1})
	return must(keto.New(keto.Options{ReadURL: read, WriteURL: write, OPLURL: opl, Read: hc, Write: hc, OPL: hc}))(t)
}

// fake serves all three ports.
func fake(t *testing.T, h http.HandlerFunc) *keto.Client {
	t.Helper()
	t.Parallel()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return clientFor(t, s.URL, s.URL, s.URL)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

var (
	ann = tuple.Tuple{Namespace: "Doc", Object: "a", Relation: "viewers", Subject: tuple.SubjectID("ann")}
	doc = tuple.Query{Namespace: ptr("Doc")}
)

func TestNewRefusesBadURLs(t *testing.T) {
	hc := transport.New(transport.Options{})
	for _, u := range []string{"127.0.0.1:4466", "ftp://x", "http://", "http://a:b@x", "http://x?y=z", "http://x#y", "http://%zz"} {
		_, err := keto.New(keto.Options{ReadURL: u, Read: hc})
		if pr := problem(t, err, clients.Invalid, ""); pr.Fields[0].Path != "keto.read_url" {
			t.Errorf("%s: fields %v", u, pr.Fields)
		}
		if strings.Contains(err.Error(), "a:b") {
			t.Errorf("the password is in %q", err)
		}
	}
	_, err := keto.New(keto.Options{WriteURL: "http://x"})
	problem(t, err, clients.Invalid, "")

	c := must(keto.New(keto.Options{}))(t)
	_, err = c.List(bg, doc, "")
	problem(t, err, clients.Invalid, keto.CodeNotConfigured)
	_, err = c.Add(bg, ann)
	problem(t, err, clients.Invalid, keto.CodeNotConfigured)
	_, err = c.CheckSyntax(bg, "")
	problem(t, err, clients.Invalid, keto.CodeNotConfigured)
	_, err = c.Version(bg)
	problem(t, err, clients.Invalid, keto.CodeNotConfigured)
	if r, w, o := c.Has(); r || w || o || len(c.Health(bg)) != 0 {
		t.Error("an empty client has ports")
	}
}

// A success that is not Keto's must never be read as "no tuples" or "denied".
func TestForeignAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a login page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>log in</html>")
		},
		"other JSON":   func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{"hello":"world"}`) },
		"a JSON array": func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `[]`) },
		"null":         func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `null`) },
		"nothing":      func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, ``) },
	} {
		t.Run(name, func(t *testing.T) {
			c := fake(t, h)
			_, err := c.List(bg, doc, "")
			if !clients.Is(err, clients.Unreachable) {
				t.Errorf("list: %v", err)
			}
			_, err = c.Check(bg, ann, 0)
			if !clients.Is(err, clients.Unreachable) {
				t.Errorf("check: %v", err)
			}
			_, err = c.BatchCheck(bg, []tuple.Tuple{ann}, 0)
			if !clients.Is(err, clients.Unreachable) {
				t.Errorf("batch check: %v", err)
			}
			_, err = c.Expand(bg, tuple.Set{Namespace: "a", Object: "b", Relation: "c"}, 0)
			if !clients.Is(err, clients.Unreachable) {
				t.Errorf("expand: %v", err)
			}
			_, err = c.Version(bg)
			if !clients.Is(err, clients.Unreachable) {
				t.Errorf("version: %v", err)
			}
			if h := c.Health(bg)[0]; h.Ready || h.Err == nil {
				t.Errorf("health: %+v", h)
			}
		})
	}
}

// A 403 of a gateway is not a denial by Keto.
func TestGatewayRefusal(t *testing.T) {
	c := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "forbidden by policy", http.StatusForbidden)
	})
	_, err := c.Check(bg, ann, 0)
	if pr := problem(t, err, clients.Denied, ""); !strings.Contains(pr.Reason, "in front of Keto") {
		t.Errorf("reason %s", pr.Reason)
	}
}

// keto26 answers as a server with batch checks does.
func keto26(t *testing.T, limit int, calls *atomic.Int32) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		type question struct {
			Namespace, Object, Relation string
			SubjectID                   string `json:"subject_id"`
		}
		verdict := func(q question) (int, string) {
			switch q.Relation {
			case "deep":
				return 422, `{"error":{"code":422,"status":"Unprocessable Entity","reason":"max_depth_exceeded","message":"could not decide"}}`
			case "wide":
				return 422, `{"error":{"code":422,"reason":"max_width_exceeded","message":"could not decide"}}`
			case "nope":
				return 400, `{"error":{"code":400,"status":"Bad Request","reason":"relation \"nope\" does not exist","message":"The request was malformed or contained invalid parameters"}}`
			}
			return 200, fmt.Sprintf(`{"allowed":%v}`, q.SubjectID == "ann")
		}
		switch r.URL.Path {
		case "/relation-tuples/check/openapi":
			var q question
			json.NewDecoder(r.Body).Decode(&q)
			status, body := verdict(q)
			answer(w, status, body)
		case "/relation-tuples/batch/check":
			var in struct{ Tuples []question }
			json.NewDecoder(r.Body).Decode(&in)
			if len(in.Tuples) > limit {
				answer(w, 400, fmt.Sprintf(`{"error":{"code":400,"reason":"batch exceeds max size of %d","message":"The request was malformed or contained invalid parameters"}}`, limit))
				return
			}
			var out []string
			for _, q := range in.Tuples {
				status, body := verdict(q)
				if status != 200 {
					body = `{"allowed":false,"error":"The request was malformed or contained invalid parameters"}`
				}
				out = append(out, body)
			}
			answer(w, 200, `{"results":[`+strings.Join(out, ",")+`]}`)
		default:
			t.Errorf("unexpected %s %s", r.Method, r.URL)
		}
	}
}

func TestBatchCheckOfNewerServers(t *testing.T) {
	for _, limit := range []int{10, 4, 1} {
		t.Run(fmt.Sprint("limit ", limit), func(t *testing.T) {
			var calls atomic.Int32
			c := fake(t, keto26(t, limit, &calls))
			var qs []tuple.Tuple
			for i := range 23 {
				q := ann
				if i%2 == 1 {
					q.Subject = tuple.SubjectID("ben")
				}
				q.Relation = []string{"viewers", "viewers", "deep", "nope", "wide"}[i%5]
				qs = append(qs, q)
			}
			for i, a := range must(c.BatchCheck(bg, qs, 3))(t) {
				var code string
				if pr, ok := a.Err.(*clients.Problem); ok {
					code = pr.Code
				}
				want := map[string]string{"deep": keto.CodeMaxDepth, "wide": keto.CodeMaxWidth, "nope": keto.CodeUnknownRelation}[qs[i].Relation]
				if !a.Question.Equal(qs[i]) || code != want || a.Allowed != (want == "" && i%2 == 0) {
					t.Errorf("%d: %+v", i, a)
				}
			}
			// The size of a portion is known now.
			calls.Store(0)
			must(c.BatchCheck(bg, []tuple.Tuple{ann, ann, ann, ann}, 0))(t)
			if n, want := int(calls.Load()), (4+limit-1)/limit; n != want {
				t.Errorf("%d requests for 4 questions, want %d", n, want)
			}
		})
	}
}

func TestStrictServerThatGivesUp(t *testing.T) {
	var calls atomic.Int32
	c := fake(t, keto26(t, 10, &calls))
	for rel, code := range map[string]string{"deep": keto.CodeMaxDepth, "wide": keto.CodeMaxWidth} {
		q := ann
		q.Relation = rel
		_, err := c.Check(bg, q, 0)
		problem(t, err, clients.Invalid, code)
	}
}

// A newer server expands what was never stored to a leaf without an object.
func TestExpandOfNewerServers(t *testing.T) {
	body := `{"type":"leaf","tuple":{"namespace":"","object":"","relation":"","subject_set":{"namespace":"Doc","object":"","relation":"viewers"}}}`
	c := fake(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, body) })
	if tree := must(c.Expand(bg, tuple.Set{Namespace: "Doc", Object: "a", Relation: "viewers"}, 0))(t); tree != nil {
		t.Errorf("got %+v", tree)
	}
}

// With feature_flags.expand_rewrites the nodes of operators have no name.
func TestExpandWithRules(t *testing.T) {
	body := `{"type":"intersection","tuple":{"namespace":"","object":"","relation":"","subject_set":{"namespace":"Doc","object":"a","relation":"view"}},
		"children":[{"type":"exclusion","children":[{"type":"leaf","tuple":{"namespace":"","object":"","relation":"","subject_id":"ann"}}]}]}`
	c := fake(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, body) })
	tree := must(c.Expand(bg, tuple.Set{Namespace: "Doc", Object: "a", Relation: "view"}, 0))(t)
	if tree.Type != "intersection" || !tree.Children[0].Subject.IsZero() || tree.Children[0].Children[0].Subject.ID != "ann" {
		t.Errorf("got %+v", tree)
	}
}

// The OPL file is gone: the key is absent.
func TestNoNamespaces(t *testing.T) {
	c := fake(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, `{}`) })
	if ns := must(c.Namespaces(bg))(t); ns == nil || len(ns) != 0 {
		t.Errorf("got %v", ns)
	}
}

func TestPageTokenOfNewerServers(t *testing.T) {
	c := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 400, `{"error":{"code":400,"reason":"invalid page token","message":"The request was malformed or contained invalid parameters"}}`)
	})
	_, err := c.List(bg, doc, "old")
	problem(t, err, clients.Invalid, keto.CodePageToken)
	_, err = c.List(bg, doc, "") // without a cursor it is about something else
	problem(t, err, clients.Invalid, "")
}

// A server that goes round in circles must not hold us for ever.
func TestCircularPages(t *testing.T) {
	var calls atomic.Int32
	c := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		answer(w, 200, `{"relation_tuples":[{"namespace":"Doc","object":"a","relation":"viewers","subject_id":"ann"}],"next_page_token":"same"}`)
	})
	n := 0
	for _, err := range c.All(bg, doc) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 2 || calls.Load() != 2 {
		t.Errorf("%d tuples in %d requests", n, calls.Load())
	}
}

// A gateway that drops the query makes Keto answer with everything; nothing of that
// may be removed.
func TestDroppedQuery(t *testing.T) {
	var wrote atomic.Bool
	c := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			wrote.Store(true)
		}
		answer(w, 200, `{"relation_tuples":[{"namespace":"Doc","object":"a","relation":"viewers","subject_id":"ann"},{"namespace":"Doc","object":"b","relation":"viewers","subject_id":"ben"}],"next_page_token":""}`)
	})
	if n := must(c.Copies(bg, ann))(t); n[0] != 1 {
		t.Errorf("copies %v", n)
	}
	_, err := c.RemoveMatching(bg, keto.Exactly(ann), 2, nil)
	if !clients.Is(err, clients.Unreachable) || wrote.Load() {
		t.Errorf("error %v, wrote %v", err, wrote.Load())
	}
}

// writer is a Keto without tuples whose PATCH does what f says.
func writer(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPatch:
			f(w, r)
		case r.URL.Path == "/namespaces":
			answer(w, 200, `{"namespaces":[{"name":"Doc"}]}`)
		default:
			answer(w, 200, `{"relation_tuples":[],"next_page_token":""}`)
		}
	}
}

// A write that may have happened is never told as not happened, and the other way
// round; the answer keeps what was there before.
func TestOutcomeOfWrites(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	}
	for name, c := range map[string]struct {
		patch http.HandlerFunc
		kind  clients.Kind
		kept  bool
	}{
		"cut":             {cut, clients.UnknownOutcome, true},
		"bad gateway":     {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", 502) }, clients.UnknownOutcome, true},
		"gateway timeout": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "too slow", 504) }, clients.UnknownOutcome, true},
		"200 of a proxy":  {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) }, clients.UnknownOutcome, true},
		"not begun":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "starting", 503) }, clients.Unreachable, false},
		"refused by Keto": {func(w http.ResponseWriter, _ *http.Request) {
			answer(w, 400, `{"error":{"code":400,"message":"subject is not allowed to be nil"}}`)
		}, clients.Invalid, false},
		"a gateway's 403":  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 403) }, clients.Denied, false},
		"too many at once": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "slow down", 429) }, clients.RateLimited, false},
	} {
		t.Run(name, func(t *testing.T) {
			k := fake(t, writer(c.patch))
			a, err := k.Apply(bg, []keto.Edit{{Op: keto.Insert, Tuple: ann}})
			if !clients.Is(err, c.kind) {
				t.Fatalf("got %q (%v), want %q", clients.KindOf(err), err, c.kind)
			}
			if (len(a.Edits) == 1) != c.kept {
				t.Errorf("the answer holds %+v", a)
			}
			got, err := k.Import(bg, seq(ann), keto.ImportOptions{})
			if !clients.Is(err, c.kind) || got.Read != 0 || got.Added != 0 {
				t.Errorf("import: %+v %v", got, err)
			}
		})
	}
	t.Run("timeout", func(t *testing.T) {
		stop := make(chan struct{})
		k := fake(t, writer(func(http.ResponseWriter, *http.Request) { <-stop }))
		t.Cleanup(func() { close(stop) })
		ctx, cancel := context.WithTimeout(bg, 300*time.Millisecond)
		defer cancel()
		_, err := k.Add(ctx, ann)
		problem(t, err, clients.UnknownOutcome, "")
	})
	t.Run("nobody listens", func(t *testing.T) {
		l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
		l.Close()
		s := httptest.NewServer(writer(nil))
		t.Cleanup(s.Close)
		k := clientFor(t, s.URL, "http://"+l.Addr().String(), "")
		_, err := k.Add(bg, ann)
		problem(t, err, clients.Unreachable, "")
	})
}

func TestUnreachableTimeoutCancel(t *testing.T) {
	stop := make(chan struct{})
	c := fake(t, func(http.ResponseWriter, *http.Request) { <-stop })
	t.Cleanup(func() { close(stop) })
	ctx, cancel := context.WithTimeout(bg, 100*time.Millisecond)
	defer cancel()
	_, err := c.Check(ctx, ann, 0)
	problem(t, err, clients.Timeout, "")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not wrap the deadline", err)
	}
	ctx, cancel = context.WithCancel(bg)
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = c.List(ctx, doc, "")
	problem(t, err, clients.Canceled, "")
	_, err = c.BatchCheck(ctx, []tuple.Tuple{ann, ann}, 0)
	problem(t, err, clients.Canceled, "")
}

// The edits of one call must fit into one transaction.
func TestTooManyEdits(t *testing.T) {
	c := fake(t, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	_, err := c.Apply(bg, slices.Repeat([]keto.Edit{{Op: keto.Insert, Tuple: ann}}, keto.MaxEdits+1))
	problem(t, err, clients.Invalid, "")
	_, err = c.Apply(bg, []keto.Edit{{Op: "upsert", Tuple: ann}})
	problem(t, err, clients.Invalid, "")
	if a := must(c.Apply(bg, nil))(t); len(a.Edits) != 0 {
		t.Errorf("%+v", a)
	}
}

// A server that lives but is not ready says why.
func TestNotReady(t *testing.T) {
	c := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/version" {
			answer(w, 200, `{"version":"v9"}`)
			return
		}
		answer(w, 503, `{"errors":{"database":"cannot reach it"}}`)
	})
	for _, h := range c.Health(bg) {
		if !h.Alive || h.Ready || h.Version != "v9" || h.Err == nil || !strings.Contains(h.Err.Error(), "cannot reach it") {
			t.Errorf("%+v", h)
		}
	}
}
