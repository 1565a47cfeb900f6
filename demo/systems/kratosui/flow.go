package kratosui

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/tui/clean"
)

// ui is what Kratos sends for a flow (v1.3.1, as far as it is drawn).
type ui struct {
	ID string `json:"id"`
	UI struct {
		Action   string    `json:"action"`
		Method   string    `json:"method"`
		Nodes    []node    `json:"nodes"`
		Messages []message `json:"messages"`
	} `json:"ui"`
	State json.RawMessage `json:"state"`
}

type message struct {
	ID   int    `json:"id"`
	Text string `json:"text"`
	Type string `json:"type"` // "info", "error", "success"
}

type node struct {
	Type       string    `json:"type"`  // "input", "text", "img", "a", "script"
	Group      string    `json:"group"` // "default", "password", "code", "profile", …
	Messages   []message `json:"messages"`
	Attributes struct {
		Name         string `json:"name"`
		Type         string `json:"type"`
		Value        any    `json:"value"`
		Required     bool   `json:"required"`
		Disabled     bool   `json:"disabled"`
		Autocomplete string `json:"autocomplete"`
		Pattern      string `json:"pattern"`
		MaxLength    int    `json:"maxlength"`
		Href         string `json:"href"`
		Src          string `json:"src"`
		ID           string `json:"id"`
		Title        *label `json:"title"`
		Text         *label `json:"text"`
		Label        *label `json:"label"`
	} `json:"attributes"`
	Meta struct {
		Label *label `json:"label"`
	} `json:"meta"`
}

type label struct {
	Text    string          `json:"text"`
	Context json.RawMessage `json:"context"`
}

// cookies are those of the browser that Kratos needs for a flow: its session, the
// CSRF token and what carries a flow on. The rest is none of its business.
func cookies(r *http.Request) string {
	var list []string
	for _, k := range r.Cookies() {
		if strings.HasPrefix(k.Name, "csrf_token") || strings.HasPrefix(k.Name, "ory_kratos") {
			list = append(list, k.Name+"="+k.Value)
		}
	}
	return strings.Join(list, "; ")
}

// get asks Kratos for JSON with the browser's cookies. Its answers are 200, whose body
// is decoded into out, 401 (nobody is logged in), 403 (a flow of another browser), 404
// and 410 (a flow that is not there, or over); anything else is a failure.
func (a *app) get(c *gate.Call, path string, out any) (int, error) {
	req, err := http.NewRequestWithContext(c.R.Context(), http.MethodGet, a.env.KratosPublicURL+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	if ck := cookies(c.R); ck != "" {
		req.Header.Set("Cookie", ck)
	}
	name, _, _ := strings.Cut(path, "?")
	h := c.Hop("kratos."+strings.Trim(strings.ReplaceAll(name, "/", "."), "."), "pass")
	answer, err := a.env.Ask(decisions.Kratos, req)
	h.Status = answer.Status
	if err != nil {
		h.Out = "fail"
		return 0, err
	}
	switch answer.Status {
	case http.StatusOK:
		err = answer.Object(decisions.Kratos, out)
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		h.Out = "deny"
	default:
		err = gate.Malformed(decisions.Kratos, fmt.Errorf("%s answered %d", name, answer.Status))
	}
	if err != nil {
		h.Out = "fail"
	}
	return answer.Status, err
}

// show serves the page of one kind of flow. Without a flow, or with one that is over,
// Kratos begins a new one and sends the browser back here.
func (a *app) show(f flow) func(*gate.Call) {
	return func(c *gate.Call) {
		id := c.R.URL.Query().Get("flow")
		if id == "" {
			a.begin(c, f)
			return
		}
		var u ui
		status, err := a.get(c, "/self-service/"+f.name+"/flows?id="+url.QueryEscape(id), &u)
		switch {
		case err != nil:
			c.Fail(err)
		case status == http.StatusUnauthorized: // settings without a session
			c.Decide(decisions.Denied, decisions.NoCredential)
			c.Redirect(http.StatusSeeOther, c.Path("/login"))
		case status != http.StatusOK: // expired, of another browser, or made up
			c.Decide(decisions.Denied, decisions.SessionExpired)
			a.begin(c, f)
		case !a.ofKratos(u.UI.Action):
			c.Fail(gate.Malformed(decisions.Kratos, errors.New("the form of a flow does not lead to Kratos")))
		default:
			c.Page(http.StatusOK, "flow", a.page(c, f, u))
		}
	}
}

// begin has Kratos start a flow. What else the query says of it goes along.
func (a *app) begin(c *gate.Call, f flow) {
	q := url.Values{}
	for _, k := range []string{"refresh", "aal", "return_to", "code", "token"} {
		if v := c.R.URL.Query().Get(k); v != "" {
			q.Set(k, v)
		}
	}
	to := a.env.KratosPublicURL + "/self-service/" + f.name + "/browser"
	if len(q) > 0 {
		to += "?" + q.Encode()
	}
	c.Redirect(http.StatusSeeOther, to)
}

// page is a flow as it is drawn: one form for each group of nodes, so that what one
// group requires does not stop the others.
type page struct {
	Title, Lead, Action, Method string
	Messages                    []line
	Groups                      []group
	Links                       []gate.Link
	Skipped                     bool // there is something that needs scripts
}

type line struct{ Text, Class string }

type group struct {
	Name   string
	Hidden []field
	Fields []field
}

type field struct {
	ID, Name, Label, Type, Value, Autocomplete, Text, Href string
	Required, Disabled, Checked                            bool
	Image                                                  template.URL
	Messages                                               []line
}

func lines(list []message) []line {
	var out []line
	for _, m := range list {
		class := "info"
		if m.Type == "error" {
			class = "alert"
		}
		out = append(out, line{clean.Text(m.Text, 1000), class})
	}
	return out
}

func (a *app) page(c *gate.Call, f flow, u ui) page {
	p := page{Title: f.title, Lead: f.lead, Action: u.UI.Action, Method: "post", Messages: lines(u.UI.Messages)}
	var order []string
	by := map[string]*group{}
	at := func(name string) *group {
		if by[name] == nil {
			by[name] = &group{Name: name}
			order = append(order, name)
		}
		return by[name]
	}
	for i, n := range u.UI.Nodes {
		if n.Type == "script" || n.Type == "input" && n.Attributes.Type == "button" {
			p.Skipped = true
			continue
		}
		g := at(n.Group)
		fl := n.field(fmt.Sprintf("f%d", i))
		if fl.Type == "hidden" {
			g.Hidden = append(g.Hidden, fl)
		} else {
			g.Fields = append(g.Fields, fl)
		}
	}
	p.Groups = arrange(by, order)
	for _, other := range flows {
		if other.name != f.name && other.name != "settings" && other.name != "verification" && f.name != "settings" {
			p.Links = append(p.Links, gate.Link{Text: other.title, Href: c.Path("/" + other.name)})
		}
	}
	p.Links = append(p.Links, gate.Link{Text: "To the start", Href: c.Path("/")})
	return p
}

// arrange puts the nodes of the group "default", such as the CSRF token and the
// identifier, into every form that has something to submit.
func arrange(by map[string]*group, order []string) []group {
	base := by["default"]
	var out []group
	for _, name := range order {
		g := *by[name]
		if name == "default" && len(order) > 1 && !slices.ContainsFunc(g.Fields, submits) {
			continue
		}
		if base != nil && name != "default" {
			g.Hidden = append(slices.Clone(base.Hidden), g.Hidden...)
			g.Fields = append(rename(base.Fields, name), g.Fields...)
		}
		out = append(out, g)
	}
	return out
}

func submits(f field) bool { return f.Type == "submit" }

// rename gives copies of fields ids of their own: an id stands once on a page.
func rename(list []field, with string) []field {
	out := slices.DeleteFunc(slices.Clone(list), submits)
	for i := range out {
		out[i].ID += "-" + with
	}
	return out
}

func (n node) field(id string) field {
	a := n.Attributes
	f := field{ID: id, Name: a.Name, Type: a.Type, Value: text(a.Value), Autocomplete: a.Autocomplete, Required: a.Required, Disabled: a.Disabled, Messages: lines(n.Messages)}
	for _, l := range []*label{n.Meta.Label, a.Label, a.Title} {
		if l != nil && f.Label == "" {
			f.Label = clean.Line(l.Text, 200)
		}
	}
	if f.Label == "" {
		f.Label = a.Name
	}
	switch n.Type {
	case "text":
		f.Type, f.Text = "text-node", textNode(a.Text)
	case "img":
		f.Type = "img"
		// Kratos draws the picture of a TOTP secret itself, as data.
		if strings.HasPrefix(a.Src, "data:image/png;base64,") {
			f.Image = template.URL(a.Src)
		}
	case "a":
		f.Type, f.Href = "a", a.Href
	}
	switch a.Type {
	case "checkbox":
		f.Checked = a.Value == true
		f.Value = "true"
	case "password":
		f.Value = ""
	}
	return f
}

// textNode is the text of a node, or the codes in its context.
func textNode(l *label) string {
	if l == nil {
		return ""
	}
	var ctx struct {
		Secrets []struct {
			Text string `json:"text"`
		} `json:"secrets"`
	}
	if json.Unmarshal(l.Context, &ctx) == nil && len(ctx.Secrets) > 0 {
		var codes []string
		for _, s := range ctx.Secrets {
			codes = append(codes, s.Text)
		}
		return strings.Join(codes, "  ")
	}
	return l.Text
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return fmt.Sprint(v)
	case float64:
		return strings.TrimSuffix(fmt.Sprintf("%f", v), ".000000")
	}
	return ""
}
