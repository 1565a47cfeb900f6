package keycloak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse/clients"
)

// ExportPartial reads the realm as one document, without users (but service
// accounts) and with secrets masked by the server. It needs manage-realm, and with
// clients or groups and roles also the rights to those.
func (r *Realm) ExportPartial(ctx context.Context, withClients, withGroupsAndRoles bool) (json.RawMessage, error) {
	c := r.post("export the realm", "manage-realm (and view-clients, view-users)", nil, "partial-export").
		with(url.Values{"exportClients": {boolText(withClients)}, "exportGroupsAndRoles": {boolText(withGroupsAndRoles)}})
	c.read = true
	var out json.RawMessage
	_, err := r.s.do(ctx, c, &out)
	return out, err
}

// IfExists says what an import does with what is there already.
type IfExists string

// The ways to treat what exists.
const (
	ImportFail IfExists = "FAIL"
	ImportSkip IfExists = "SKIP"
	// ImportOverwrite deletes and makes anew: users and clients get new ids, clients a
	// new secret, and everything that referred to the old ids is gone. ImportPartial
	// takes it only with Confirmed set.
	ImportOverwrite IfExists = "OVERWRITE"
)

// Import is a partial import. The server checks little: it drops unknown fields,
// makes unknown realm roles, gives users no default role, and makes users without
// "enabled" disabled; the last is refused here.
type Import struct {
	Data     json.RawMessage
	IfExists IfExists
	// Confirmed says that a person has read what OVERWRITE does.
	Confirmed bool
}

// ImportResult is what became of each object.
type ImportResult struct {
	Added       int          `json:"added"`
	Skipped     int          `json:"skipped"`
	Overwritten int          `json:"overwritten"`
	Items       []ImportItem `json:"items,omitempty"`
}

// ImportItem is one object of an import.
type ImportItem struct {
	Action string `json:"action"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	ID     string `json:"id,omitempty"`
}

// ImportPartial adds objects to the realm, all or none.
func (r *Realm) ImportPartial(ctx context.Context, i Import) (ImportResult, error) {
	const op = "import into the realm"
	body, err := r.importBody(ctx, op, i)
	if err != nil {
		return ImportResult{}, err
	}
	var w wireImport
	if _, err := r.s.do(ctx, r.post(op, "manage-realm", body, "partialImport"), &w); err != nil {
		return ImportResult{}, err
	}
	return w.neutral(), nil
}

type wireImport struct {
	Added       int `json:"added"`
	Skipped     int `json:"skipped"`
	Overwritten int `json:"overwritten"`
	Results     []struct {
		Action       string `json:"action"`
		ResourceType string `json:"resourceType"`
		ResourceName string `json:"resourceName"`
		ID           string `json:"id"`
	} `json:"results"`
}

func (w wireImport) neutral() ImportResult {
	out := ImportResult{Added: w.Added, Skipped: w.Skipped, Overwritten: w.Overwritten}
	for _, i := range w.Results {
		out.Items = append(out.Items, ImportItem{Action: i.Action, Type: i.ResourceType, Name: i.ResourceName, ID: i.ID})
	}
	return out
}

// importedUser is the part of a user in an import that the server treats in a way
// nobody expects. Fields that are not named here are passed on as they are.
type importedUser struct {
	Username string   `json:"username"`
	Enabled  *bool    `json:"enabled"`
	Groups   []string `json:"groups"`
}

// importBody checks what the server does not, or fails on with 500.
func (r *Realm) importBody(ctx context.Context, op string, i Import) (map[string]json.RawMessage, error) {
	if i.IfExists == "" {
		i.IfExists = ImportFail
	}
	switch {
	case !slices.Contains([]IfExists{ImportFail, ImportSkip, ImportOverwrite}, i.IfExists):
		return nil, r.refuse(op, fmt.Sprintf("%q is no way to treat what exists", i.IfExists), "use FAIL, SKIP or OVERWRITE")
	case i.IfExists == ImportOverwrite && !i.Confirmed:
		return nil, r.refuse(op, "OVERWRITE deletes what exists and makes it anew: users and clients get new ids, clients a new secret", "confirm it, or use SKIP")
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(i.Data, &body); err != nil || body == nil {
		return nil, r.refuse(op, "the data is not a JSON object", "")
	}
	var users []importedUser
	if raw := body["users"]; raw != nil && json.Unmarshal(raw, &users) != nil {
		return nil, r.refuse(op, `"users" is not a list of users`, "")
	}
	if fields := undecided(users); len(fields) > 0 {
		return nil, undecidedProblem(op, fields)
	}
	paths, err := r.importGroups(op, body)
	if err != nil {
		return nil, err
	}
	if err := r.checkGroupPaths(ctx, op, users, paths); err != nil {
		return nil, err
	}
	body["ifResourceExists"], _ = json.Marshal(i.IfExists)
	return body, nil
}

// importGroups gives each top group its path, without which the server fails, and
// returns the paths of all groups in the import.
func (r *Realm) importGroups(op string, body map[string]json.RawMessage) ([]string, error) {
	if body["groups"] == nil {
		return nil, nil
	}
	var groups []map[string]any
	if json.Unmarshal(body["groups"], &groups) != nil {
		return nil, r.refuse(op, `"groups" is not a list of groups`, "")
	}
	var paths []string
	var walk func(above string, groups []map[string]any)
	walk = func(above string, groups []map[string]any) {
		for _, g := range groups {
			name, _ := g["name"].(string)
			path := above + "/" + name
			if _, has := g["path"].(string); !has {
				g["path"] = path
			}
			paths = append(paths, path)
			subs, _ := g["subGroups"].([]any)
			var below []map[string]any
			for _, s := range subs {
				if m, ok := s.(map[string]any); ok {
					below = append(below, m)
				}
			}
			walk(path, below)
		}
	}
	walk("", groups)
	body["groups"], _ = json.Marshal(groups)
	return paths, nil
}

// checkGroupPaths refuses users in groups that exist neither here nor there.
func (r *Realm) checkGroupPaths(ctx context.Context, op string, users []importedUser, known []string) error {
	seen := map[string]bool{}
	for _, p := range known {
		seen[p] = true
	}
	for n, u := range users {
		for _, path := range u.Groups {
			path = "/" + strings.Trim(path, "/")
			if seen[path] {
				continue
			}
			if _, err := r.GroupByPath(ctx, path); err != nil {
				if !clients.Is(err, clients.NotFound) {
					return err
				}
				p := r.refuse(op, fmt.Sprintf("user %q is to be in group %s, which does not exist", u.Username, path), "add the group to the import").(*clients.Problem)
				p.Fields = []clients.Field{{Path: fmt.Sprintf("/users/%d/groups", n), Message: path + " does not exist"}}
				return p
			}
			seen[path] = true
		}
	}
	return nil
}

// undecided lists the users that do not say whether they are enabled.
func undecided(users []importedUser) []clients.Field {
	var out []clients.Field
	for n, u := range users {
		if u.Enabled == nil {
			out = append(out, clients.Field{Path: fmt.Sprintf("/users/%d/enabled", n), Message: fmt.Sprintf("user %q does not say it", u.Username)})
		}
	}
	return out
}

func undecidedProblem(op string, fields []clients.Field) error {
	return &clients.Problem{Kind: clients.Invalid, Op: op, Fields: fields,
		Reason: fmt.Sprintf("%d users do not say whether they are enabled (the first is at %s)", len(fields), fields[0].Path),
		Hint:   `write "enabled": true or false; the server would make them disabled`}
}
