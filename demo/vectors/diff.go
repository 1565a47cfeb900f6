package vectors

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
)

var placeholder = regexp.MustCompile(`<[a-z][a-z0-9_-]*(?::[A-Za-z0-9_.@-]+)?>`)

// Answer is what our server said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// The parts of an answer that are compared. HTML pages are not: they are ours.
const (
	Status = "status"
	Body   = "body"
)

// headers that a client acts on. Set-Cookie is compared by what it does, see cookies.
var headers = []string{"Content-Type", "Location", "Www-Authenticate", "Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Headers", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers", "Access-Control-Allow-Private-Network", "Last-Modified", "Etag"}

// Difference is one part in which an answer is not what was recorded.
type Difference struct {
	Part      string // Status, Body, or the name of a header in small letters
	Want, Got string
}

func (d Difference) String() string { return fmt.Sprintf("%s: want %q, got %q", d.Part, d.Want, d.Got) }

// Diff compares an answer with a vector. base is the URL of our server, against
// which a relative Location is read. A placeholder of the recording that has a value
// in vars must be that value; one that has none matches anything.
func Diff(v Vector, a Answer, base string, vars Vars) []Difference {
	var out []Difference
	if v.Response.Status != a.Status {
		out = append(out, Difference{Status, fmt.Sprint(v.Response.Status), fmt.Sprint(a.Status)})
	}
	for _, name := range headers {
		want, got := strings.Join(v.Response.Headers[name], ", "), strings.Join(a.Header.Values(name), ", ")
		if name == "Location" && got != "" {
			got = absolute(base, got)
		}
		if name == "Location" && want != "" && strings.HasPrefix(want, "/") {
			want = "http://<app>" + want
		}
		if !vars.match(want, got) && !sameURL(name, want, got, vars) {
			out = append(out, Difference{strings.ToLower(name), want, got})
		}
	}
	if d, ok := cookies(v.Response.Headers["Set-Cookie"], a.Header, vars); !ok {
		out = append(out, d)
	}
	if d, ok := body(v, a, vars); !ok {
		out = append(out, d)
	}
	return out
}

// match compares a recorded text with one of ours.
func (v Vars) match(want, got string) bool {
	if want == got {
		return true
	}
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	at := 0
	for _, m := range placeholder.FindAllStringIndex(want, -1) {
		re.WriteString(regexp.QuoteMeta(want[at:m[0]]))
		name := want[m[0]+1 : m[1]-1]
		if value, ok := v[name]; ok {
			re.WriteString(regexp.QuoteMeta(value))
		} else {
			re.WriteString(`.+?`)
		}
		at = m[1]
	}
	re.WriteString(regexp.QuoteMeta(want[at:]) + `\z`)
	return regexp.MustCompile(re.String()).MatchString(got)
}

// sameURL compares two Locations whose query says the same in another order. What
// only ours has (PKCE, a nonce) is no difference: the recorded parameters are what counts.
func sameURL(name, want, got string, vars Vars) bool {
	if name != "Location" || want == "" || got == "" {
		return false
	}
	wp, wq, _ := strings.Cut(want, "?")
	gp, gq, _ := strings.Cut(got, "?")
	if !vars.match(wp, gp) {
		return false
	}
	g, err := url.ParseQuery(gq)
	if err != nil {
		return false
	}
	for _, pair := range strings.Split(wq, "&") {
		k, v, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(v)
		if err != nil || !slices.ContainsFunc(g[k], func(have string) bool { return vars.match(plain, have) || vars.match(v, url.QueryEscape(have)) }) {
			return pair == ""
		}
		g.Del(k)
	}
	for k := range g {
		if k != "nonce" && k != "code_challenge" && k != "code_challenge_method" {
			return false
		}
	}
	return true
}

func absolute(base, location string) string {
	b, err := url.Parse(base)
	if err != nil {
		return location
	}
	u, err := b.Parse(location)
	if err != nil {
		return location
	}
	return u.String()
}

// cookies compares what is done with which cookies: set, or removed. The name of our
// session cookie is another ("session" in the recordings), and its attributes are
// stricter; both are said once in the documentation and are no difference here.
func cookies(want []string, have http.Header, vars Vars) (Difference, bool) {
	w, g := effects(want), effects(have.Values("Set-Cookie"))
	return Difference{"set-cookie", strings.Join(w, ", "), strings.Join(g, ", ")}, slices.Equal(w, g)
}

func effects(list []string) []string {
	out := map[string]bool{}
	for _, line := range list {
		name, rest, _ := strings.Cut(line, "=")
		value, attrs, _ := strings.Cut(rest, ";")
		low := strings.ToLower(attrs)
		what := "sets "
		if value == "" || value == `""` || strings.Contains(low, "max-age=0") || strings.Contains(low, "01 jan 1970") || strings.Contains(low, "01-jan-1970") {
			what = "removes "
		}
		bare := strings.TrimPrefix(name, "__Host-")
		if strings.HasPrefix(bare, "gh_") {
			bare = "session"
			if i := strings.Index(name, "."); i >= 0 { // a second cookie of a system: __Host-gh_<id>.<name>
				bare = name[i+1:]
			}
		}
		out[what+bare] = true
	}
	var names []string
	for n := range out {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// body compares JSON as values and plain text as it is; pages are not compared.
func body(v Vector, a Answer, vars Vars) (Difference, bool) {
	want := v.Response.Body
	if v.Request.Method == http.MethodHead {
		return Difference{Body, "", string(a.Body)}, len(a.Body) == 0
	}
	kind := strings.Join(v.Response.Headers["Content-Type"], "")
	d := Difference{Body, want, string(a.Body)}
	switch {
	case strings.HasPrefix(kind, "text/html"):
		return d, true
	case strings.Contains(kind, "json"):
		return d, sameJSON(v, a, vars)
	default:
		return d, vars.match(strings.TrimSpace(want), strings.TrimSpace(string(a.Body)))
	}
}

func sameJSON(v Vector, a Answer, vars Vars) bool {
	var w, g any
	if cut := json.Unmarshal([]byte(v.Response.Body), &w) != nil && len(v.Response.Body) >= 400; v.Response.BodyLen > 0 || cut { // what is there must be the beginning
		want := v.Response.Body[:min(len(v.Response.Body), 400)]
		if i := strings.LastIndexByte(want, '<'); i >= 0 && !strings.Contains(want[i:], ">") {
			want = want[:i] // a placeholder that was cut
		}
		return v.Response.BodySHA256 == sum(a.Body) || vars.match(want+"<rest>", string(a.Body)+" ")
	}
	if json.Unmarshal([]byte(v.Response.Body), &w) != nil {
		return vars.match(strings.TrimSpace(v.Response.Body), strings.TrimSpace(string(a.Body)))
	}
	if json.Unmarshal(a.Body, &g) != nil {
		return false
	}
	return vars.same(w, g)
}

func (v Vars) same(w, g any) bool {
	switch w := w.(type) {
	case string:
		s, ok := g.(string)
		return ok && v.match(w, s)
	case []any:
		l, ok := g.([]any)
		return ok && len(l) == len(w) && !slices.ContainsFunc(indexes(w), func(i int) bool { return !v.same(w[i], l[i]) })
	case map[string]any:
		m, ok := g.(map[string]any)
		if !ok || len(m) != len(w) {
			return false
		}
		for k := range w {
			if have, ok := m[k]; !ok || !v.same(w[k], have) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(w, g)
}

func indexes[T any](l []T) []int {
	out := make([]int, len(l))
	for i := range l {
		out[i] = i
	}
	return out
}
