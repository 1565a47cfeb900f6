package eve

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
)

// maxRecords bounds what visitors of the demo can store in one resource.
const maxRecords = 1000

// object is a JSON object whose keys keep their order.
type object []field

type field struct {
	key   string
	value any
}

// MarshalJSON writes it as Python's json does, with blanks, so that a text that was
// recorded can be compared.
func (o object) append(b *bytes.Buffer) {
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteString(", ")
		}
		appendValue(b, f.key)
		b.WriteString(": ")
		appendValue(b, f.value)
	}
	b.WriteByte('}')
}

func appendValue(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case object:
		v.append(b)
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			appendValue(b, e)
		}
		b.WriteByte(']')
	default:
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(v)       // texts and numbers always can be
		b.Truncate(b.Len() - 1) // the line break
	}
}

func write(c *gate.Call, status int, v object) {
	var b bytes.Buffer
	v.append(&b)
	c.Bytes(status, "application/json", b.Bytes())
}

// record is one item.
type record struct {
	id, name, etag   string
	owner            string
	created, updated time.Time
}

type records struct {
	name string
	now  func() time.Time
	mu   sync.RWMutex
	list []record
}

// firstID is the id of the record that each resource begins with.
func firstID(name string, i int) string {
	places := map[string]int{"people": 1, "invoices": 2, "books": 3, "zipcodes": 4, "open": 5, "mix": 6}
	n, ok := places[name]
	if !ok {
		n = 10 + i
	}
	return fmt.Sprintf("5f%022x", n)
}

func newRecords(i int, name string, now func() time.Time) *records {
	at := now()
	return &records{name: name, now: now, list: []record{{id: firstID(name, i), name: name + "-1", etag: "etag1", created: at, updated: at}}}
}

func newID() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// tag changes with every write; it is opaque to a client.
func tag(r record) string {
	s := sha1.Sum([]byte(r.id + "\x00" + r.name + "\x00" + r.updated.String()))
	return hex.EncodeToString(s[:])
}

// title is what Eve calls one item: invoices become Invoice.
func title(name string) string {
	one := strings.TrimSuffix(name, "s")
	return strings.ToUpper(one[:1]) + one[1:]
}

func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

func (r *resource) self(id string) object {
	return object{{"title", title(r.name)}, {"href", r.name + "/" + id}}
}

func (r *resource) item(x record, links object) object {
	o := object{{"name", x.name}, {"_updated", httpDate(x.updated)}, {"_created", httpDate(x.created)}, {"_etag", x.etag}, {"_id", x.id}}
	return append(o, field{"_links", append(object{{"self", r.self(x.id)}}, links...)})
}

// receipt is the answer to a write.
func (r *resource) receipt(x record) object {
	return object{{"_updated", httpDate(x.updated)}, {"_created", httpDate(x.created)}, {"_etag", x.etag}, {"_id", x.id},
		{"_links", object{{"self", r.self(x.id)}}}, {"_status", "OK"}}
}

// seen are the records that a caller may see.
func (r *resource) seen(c *gate.Call) []record {
	r.records.mu.RLock()
	defer r.records.mu.RUnlock()
	out := slices.Clone(r.records.list)
	if who := c.Subject().User; r.owned && who != "" {
		out = slices.DeleteFunc(out, func(x record) bool { return x.owner != who })
	}
	return out
}

const pageSize = 25

func (a *api) list(c *gate.Call, r *resource) {
	all := r.seen(c)
	page := max(1, atoi(c.R.URL.Query().Get("page"), 1))
	size := min(max(1, atoi(c.R.URL.Query().Get("max_results"), pageSize)), 2*pageSize)
	some := all[min((page-1)*size, len(all)):min(page*size, len(all))]
	items := []any{}
	var latest time.Time
	for _, x := range some {
		items = append(items, r.item(x, nil))
		if x.updated.After(latest) {
			latest = x.updated
		}
	}
	if !latest.IsZero() {
		c.W.Header().Set("Last-Modified", httpDate(latest))
	}
	write(c, http.StatusOK, object{{"_items", items},
		{"_links", object{{"parent", object{{"title", "home"}, {"href", "/"}}}, {"self", object{{"title", r.name}, {"href", r.name}}}}},
		{"_meta", object{{"page", page}, {"max_results", size}, {"total", len(all)}}}})
}

// atoi reads a number of a query; anything else, and a page that nobody can mean, is or.
func atoi(s string, or int) int {
	if n, err := strconv.Atoi(s); err == nil && n < 1_000_000 {
		return n
	}
	return or
}

// find is the record that the path names, as far as the caller may see it. One that
// belongs to somebody else is not found: that it exists is not told either.
func (a *api) find(c *gate.Call, r *resource) (record, bool) {
	id := c.R.PathValue("id")
	all := r.seen(c)
	if i := slices.IndexFunc(all, func(x record) bool { return x.id == id }); i >= 0 {
		return all[i], true
	}
	h := c.Hop("record", "deny")
	why := decisions.NotFound
	if r.owned {
		h.Rule, why = "not the owner's, or not there", decisions.NotOwner
	}
	c.Decide(decisions.Denied, why)
	c.Error(http.StatusNotFound)
	return record{}, false
}

func (a *api) get(c *gate.Call, r *resource) {
	x, ok := a.find(c, r)
	if !ok {
		return
	}
	c.W.Header().Set("Etag", strconv.Quote(x.etag))
	c.W.Header().Set("Last-Modified", httpDate(x.updated))
	write(c, http.StatusOK, r.item(x, object{{"parent", object{{"title", "home"}, {"href", "/"}}}, {"collection", object{{"title", r.name}, {"href", r.name}}}}))
}

// body reads a record as it was sent; without success it has answered.
func body(c *gate.Call) (name string, ok bool) {
	raw, err := io.ReadAll(c.R.Body)
	if err != nil {
		c.Decide(decisions.Denied, decisions.TooLarge)
		c.Error(http.StatusRequestEntityTooLarge)
		return "", false
	}
	var in map[string]any
	if json.Unmarshal(raw, &in) != nil || in == nil {
		c.Decide(decisions.Denied, decisions.BadRequest)
		c.Error(http.StatusBadRequest)
		return "", false
	}
	issues := object{}
	for _, k := range slices.Sorted(keysOf(in)) {
		if k != "name" {
			issues = append(issues, field{k, "unknown field"})
		}
	}
	name, text := in["name"].(string)
	if _, has := in["name"]; has && !text {
		issues = append(issues, field{"name", "must be of string type"})
	}
	if len(issues) > 0 {
		c.Decide(decisions.Denied, decisions.BadRequest)
		write(c, http.StatusUnprocessableEntity, object{{"_status", "ERR"}, {"_issues", issues},
			{"_error", object{{"code", http.StatusUnprocessableEntity}, {"message", "Insertion failure: 1 document(s) contain(s) error(s)"}}}})
		return "", false
	}
	return name, true
}

func (a *api) insert(c *gate.Call, r *resource) {
	name, ok := body(c)
	if !ok {
		return
	}
	at := r.records.now()
	x := record{id: newID(), name: name, owner: c.Subject().User, created: at, updated: at}
	x.etag = tag(x)
	r.records.mu.Lock()
	full := len(r.records.list) >= maxRecords
	if !full {
		r.records.list = append(r.records.list, x)
	}
	r.records.mu.Unlock()
	if full {
		fail(c, http.StatusInsufficientStorage, "The demo keeps no more records; delete some")
		return
	}
	c.W.Header().Set("Location", c.URL("/"+r.name+"/"+x.id))
	write(c, http.StatusCreated, r.receipt(x))
}

// clear removes all records that the caller may see.
func (a *api) clear(c *gate.Call, r *resource) {
	gone := r.seen(c)
	r.records.mu.Lock()
	r.records.list = slices.DeleteFunc(r.records.list, func(x record) bool {
		return slices.ContainsFunc(gone, func(g record) bool { return g.id == x.id })
	})
	r.records.mu.Unlock()
	nothing(c)
}

func nothing(c *gate.Call) {
	c.W.Header().Set("Content-Type", "application/json")
	c.W.WriteHeader(http.StatusNoContent)
}

// matches asks for the entity tag that every change of an item needs: it makes sure
// that nobody else's change is lost.
func matches(c *gate.Call, x record) bool {
	sent := strings.Trim(c.R.Header.Get("If-Match"), `"`)
	switch sent {
	case "":
		c.Error(http.StatusPreconditionRequired)
	case x.etag:
		return true
	default:
		c.Error(http.StatusPreconditionFailed)
	}
	return false
}

func (a *api) edit(c *gate.Call, r *resource) {
	x, ok := a.find(c, r)
	if !ok || !matches(c, x) {
		return
	}
	name, ok := body(c)
	if !ok {
		return
	}
	was := x.etag
	x.name, x.updated = name, r.records.now()
	x.etag = tag(x)
	if !r.records.replace(x, was) {
		c.Error(http.StatusPreconditionFailed)
		return
	}
	c.W.Header().Set("Etag", strconv.Quote(x.etag))
	write(c, http.StatusOK, r.receipt(x))
}

// replace writes a record back unless another change came between.
func (s *records) replace(x record, was string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(o record) bool { return o.id == x.id && o.etag == was })
	if i >= 0 {
		s.list[i] = x
	}
	return i >= 0
}

func (a *api) remove(c *gate.Call, r *resource) {
	x, ok := a.find(c, r)
	if !ok || !matches(c, x) {
		return
	}
	r.records.mu.Lock()
	r.records.list = slices.DeleteFunc(r.records.list, func(o record) bool { return o.id == x.id })
	r.records.mu.Unlock()
	nothing(c)
}
