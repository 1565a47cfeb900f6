package cmd

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"github.com/spf13/cobra"

	"gatehouse/access"
	"gatehouse/access/assert"
	"gatehouse/access/lint"
	"gatehouse/access/login"
	"gatehouse/access/opl"
	"gatehouse/access/tuple"
	"gatehouse/clients/decisions"
	"gatehouse/demo/seeding"
	"gatehouse/demo/server"
	"gatehouse/stack"
	"gatehouse/stack/seed"
)

// schemaTypes are the printed types by the name that "gatehouse schema" takes.
// The value says which verbs print it.
var schemaTypes = map[string]struct {
	value any
	by    string
}{
	"config-finding":  {configFinding{}, "config validate"},
	"context":         {contextOut{}, "context ls"},
	"exam":            {exam{}, "doctor"},
	"decision":        {decisions.Decision{}, "demo decisions"},
	"demo":            {server.Listing{}, "demo serve"},
	"demo-finding":    {server.Finding{}, "demo check"},
	"demo-seeded":     {seeding.Step{}, "demo seed"},
	"demo-system":     {decisions.System{}, "demo systems"},
	"error":           {errorJSON{}, "every verb, on stderr with --json"},
	"group":           {groupOut{}, "groups list, groups get"},
	"group-change":    {groupChange{}, "groups create, rename, move, edit, delete"},
	"user-change":     {userChange{}, "users create, edit, enable, disable, unlock, require, reset-password, logout, delete; groups join, leave"},
	"identity":        {identityOut{}, "identities list, identities get"},
	"identity-change": {identityChange{}, "identities create, edit, suspend, activate, delete, import"},
	"identity-export": {identityExport{}, "identities export"},
	"message":         {messageOut{}, "identities messages"},
	"person":          {personOut{}, "person"},
	"recovery":        {recoveryOut{}, "identities recover"},
	"session":         {sessionOut{}, "identities sessions"},
	"import":          {importResult{}, "tuples import"},
	"keycloak-step":   {keycloakStep{}, "keycloak setup, keycloak check"},
	"finding":         {lint.Finding{}, "lint"},
	"lint-code":       {lint.About{}, "lint --codes"},
	"namespace":       {namespaceOut{}, "namespaces"},
	"opl-format":      {formatOut{}, "opl fmt"},
	"opl-graph":       {opl.Graph{}, "opl graph"},
	"opl-problem":     {oplProblem{}, "opl check"},
	"role":            {roleOut{}, "roles list"},
	"role-change":     {roleChange{}, "roles grant, roles revoke"},
	"role-detail":     {roleDetail{}, "roles get"},
	"role-edit":       {roleEdit{}, "roles create, edit, delete, composites"},
	"role-holder":     {roleHolderOut{}, "roles holders"},
	"role-paths":      {rolePathsOut{}, "roles paths"},
	"seeded":          {seed.Part{}, "stack seed"},
	"stack":           {stack.Info{}, "stack up"},
	"stack-cache":     {stack.CacheEntry{}, "stack cache"},
	"stack-status":    {stack.Status{}, "stack status, stack list"},
	"test":            {testOut{}, "test"},
	"test-row":        {assert.Row{}, "test --jsonl"},
	"trace":           {access.Trace{}, "check, why"},
	"token":           {tokenInspection{}, "token inspect"},
	"token-preview":   {tokenPreview{}, "token preview"},
	"tree":            {treeOut{}, "tuples expand"},
	"tuple":           {tuple.Tuple{}, "tuples list, tuples export"},
	"tuple-change":    {tupleChange{}, "tuples add, tuples rm, tuples import --dry-run"},
	"user":            {userOut{}, "users list, users get"},
	"user-event":      {userEventOut{}, "users events"},
	"user-part":       {userPartOut{}, "users credentials, users sessions, users consents, users links"},
	"version":         {versionInfo{}, "version"},
	"what-if":         {access.WhatIf{}, "what-if"},
	"fix":             {fixResult{}, "fix apply"},

	"login-trace": {login.Trace{}, "why keycloak"},
	"login-fix":   {loginFixResult{}, "fix apply keycloak"},
	"seen-cause":  {seenCause{}, "why keycloak --saw"},

	"matrix": {matrixOut{}, "matrix"},
	"reach":  {reachOut{}, "who-can, what-can"},
}

// schemaOf is the JSON schema of a printed type. With strict it refuses fields that
// it does not name, which is how the tests use it; what users get lets them pass,
// so that a script outlives a new field.
func schemaOf(name string, strict bool) (*jsonschema.Schema, error) {
	t, ok := schemaTypes[name]
	if !ok {
		return nil, problem("invalid", "show the schema", fmt.Sprintf("there is no printed type %q", name),
			orNearest(name, slices.Sorted(maps.Keys(schemaTypes))))
	}
	r := jsonschema.Reflector{AllowAdditionalProperties: !strict, Mapper: mapSchema, Anonymous: true, Namer: schemaTypeName}
	if name == "tuple" {
		s := tupleSchema()
		s.Version = jsonschema.Version
		return finishSchema(s, name, t.by, strict), nil
	}
	r.ExpandedStruct = name != "tree" // a tree refers to itself
	s := r.Reflect(t.value)
	relax(s, s.Definitions, reflect.TypeOf(t.value), map[reflect.Type]bool{})
	if name == "tuple-change" || name == "reach" {
		body := tupleSchema()
		for p := body.Properties.Oldest(); p != nil; p = p.Next() {
			s.Properties.Set(p.Key, p.Value)
		}
		s.Required = append(s.Required, body.Required...)
		s.OneOf = body.OneOf
	}
	return finishSchema(s, name, t.by, strict), nil
}

// schemaTypeName keeps apart types of two packages that have the same name.
func schemaTypeName(t reflect.Type) string {
	if t.PkgPath() == "gatehouse/access/login" {
		return "Login" + t.Name()
	}
	return "" // its own
}

func finishSchema(s *jsonschema.Schema, name, by string, strict bool) *jsonschema.Schema {
	s.Title = "gatehouse " + name
	s.Description = "Printed by: " + by + "."
	if strict && s.Ref == "" {
		s.AdditionalProperties = jsonschema.FalseSchema
	}
	return s
}

// relax takes the fields with "omitzero" off the required ones, which the reflector
// does not know, in the type itself and in those that it is made of.
func relax(s *jsonschema.Schema, defs jsonschema.Definitions, t reflect.Type, done map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || done[t] {
		return
	}
	done[t] = true
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() {
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		if s != nil && strings.Contains(rest, "omitzero") {
			s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return r == name })
		}
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		relax(defs[inner.Name()], defs, inner, done)
	}
}

// mapSchema stands for the types whose JSON is not what their fields say.
func mapSchema(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[tuple.Tuple]():
		return tupleSchema()
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{} // anything
	}
	return nil
}

// tupleSchema describes Keto's own shape of a tuple, with the text beside it.
func tupleSchema() *jsonschema.Schema {
	text := func(desc string) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Description: desc} }
	set := jsonschema.NewProperties()
	set.Set("namespace", text(""))
	set.Set("object", text(""))
	set.Set("relation", text("Empty for the object itself."))
	p := jsonschema.NewProperties()
	p.Set("namespace", text(""))
	p.Set("object", text(""))
	p.Set("relation", text(""))
	p.Set("subject_id", text("A bare subject; else subject_set is there."))
	p.Set("subject_set", &jsonschema.Schema{Type: "object", Properties: set, Required: []string{"namespace", "object", "relation"},
		Description: "Everybody who has the relation on the object."})
	p.Set("tuple", text("namespace:object#relation@subject, for people; the fields are exact."))
	return &jsonschema.Schema{
		Type: "object", Properties: p, Required: []string{"namespace", "object", "relation", "tuple"},
		OneOf: []*jsonschema.Schema{{Required: []string{"subject_id"}}, {Required: []string{"subject_set"}}},
	}
}

func newSchemaCommand(g *globals) *cobra.Command {
	names := slices.Sorted(maps.Keys(schemaTypes))
	return &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Show the JSON schema of what the verbs print",
		Long: "Without a name it lists the printed types. With one it prints the JSON schema\n" +
			"(draft 2020-12) of one element of the output.",
		Example:           "  gatehouse schema\n  gatehouse schema identity",
		GroupID:           groupSetup,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listSchemas(g, names)
			}
			s, err := schemaOf(args[0], false)
			if err != nil {
				return err
			}
			return printSchema(g, s)
		},
	}
}

// printSchema prints a schema, which is JSON unless --yaml asks otherwise.
func printSchema(g *globals, s *jsonschema.Schema) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if g.format() == asYAML {
		b, err = encodeYAML(s)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(g.stdout, strings.TrimRight(string(b), "\n"))
	return outputError(err)
}

// schemaName is one line of "gatehouse schema".
type schemaName struct {
	Name      string `json:"name"`
	PrintedBy string `json:"printed_by"`
}

func listSchemas(g *globals, names []string) error {
	out := newRows(g, []column[schemaName]{
		{Name: "name", Text: func(s schemaName) string { return s.Name }},
		{Name: "printed_by", Text: func(s schemaName) string { return s.PrintedBy }},
	})
	for _, n := range names {
		if err := out.Add(schemaName{n, schemaTypes[n].by}); err != nil {
			return err
		}
	}
	return out.Close()
}

// orNearest suggests the name that was probably meant, or lists them all.
func orNearest(name string, names []string) string {
	if near := opl.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "there are: " + strings.Join(names, ", ")
}
