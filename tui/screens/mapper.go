package screens

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/widget"
)

// MapperKeycloak reads and changes protocol mappers.
type MapperKeycloak interface {
	Mappers(ctx context.Context, o keycloak.MapperOwner) ([]keycloak.Mapper, error)
	Mapper(ctx context.Context, o keycloak.MapperOwner, id string) (keycloak.Mapper, error)
	CreateMapper(ctx context.Context, o keycloak.MapperOwner, n keycloak.NewMapper) (clients.Change[keycloak.Mapper], error)
	UpdateMapper(ctx context.Context, o keycloak.MapperOwner, id string, p keycloak.MapperPatch) (clients.Change[keycloak.Mapper], error)
	DeleteMapper(ctx context.Context, o keycloak.MapperOwner, id string) (clients.Change[keycloak.Mapper], error)
}

// mapperKind is a type of protocol mapper that people make often, with its settings.
type mapperKind struct {
	provider, name, help string
	keys                 []mapperKey
}

// mapperKey is one setting of a protocol mapper.
type mapperKey struct {
	key, label, help, value string
	flag, needed            bool
}

// The settings that say into which tokens a mapper puts its claim. One that is not set is
// off for the ID token, and userinfo then follows the ID token.
var (
	mapperClaim  = mapperKey{key: "claim.name", label: "claim", help: "the name in the token; a dot makes an object: address.city", needed: true}
	mapperAccess = mapperKey{key: "access.token.claim", label: "in the access token", value: "true", flag: true}
	mapperID     = mapperKey{key: "id.token.claim", label: "in the ID token", value: "true", flag: true}
	mapperInfo   = mapperKey{key: "userinfo.token.claim", label: "in userinfo", value: "true", flag: true}
	mapperType   = mapperKey{key: "jsonType.label", label: "JSON type", value: "String", help: "String, long, int, boolean or JSON"}
	mapperMany   = mapperKey{key: "multivalued", label: "several values", value: "true", flag: true}
	mapperInto   = []mapperKey{mapperAccess, mapperID, mapperInfo}
)

// mapperKinds are the types that can be made here. Any type that is there can be changed.
var mapperKinds = []mapperKind{
	{"oidc-usermodel-client-role-mapper", "client roles", "the roles of one client, or of all", append([]mapperKey{
		{key: "usermodel.clientRoleMapping.clientId", label: "client id", help: "whose roles; empty is all clients"},
		{key: "claim.name", label: "claim", value: "resource_access.${client_id}.roles", needed: true, help: "${client_id} stands for the client"}, mapperMany}, mapperInto...)},
	{"oidc-usermodel-realm-role-mapper", "realm roles", "the roles of the realm", append([]mapperKey{
		{key: "claim.name", label: "claim", value: "realm_access.roles", needed: true}, mapperMany}, mapperInto...)},
	{"oidc-usermodel-attribute-mapper", "attribute of the user", "such as a department", append([]mapperKey{
		{key: "user.attribute", label: "attribute", needed: true}, mapperClaim, mapperType, {key: "multivalued", label: "several values", value: "false", flag: true}}, mapperInto...)},
	{"oidc-group-membership-mapper", "groups", "the groups of the user", append([]mapperKey{
		{key: "claim.name", label: "claim", value: "groups", needed: true}, {key: "full.path", label: "whole path", value: "true", flag: true}}, mapperInto...)},
	{"oidc-audience-mapper", "audience", "an API that the token is meant for", []mapperKey{
		{key: "included.client.audience", label: "client id", help: "the client that stands for the API"}, {key: "included.custom.audience", label: "or any text", help: "where no client stands for it"}, mapperAccess,
		{key: "id.token.claim", label: "in the ID token", value: "false", flag: true}}},
	{"oidc-hardcoded-claim-mapper", "fixed value", "the same for everybody", append([]mapperKey{mapperClaim, {key: "claim.value", label: "value", needed: true}, mapperType}, mapperInto...)},
	{"oidc-hardcoded-role-mapper", "fixed role", "a role for everybody in these tokens", []mapperKey{{key: "role", label: "role", help: "realm role, or client.role", needed: true}}},
	{"oidc-full-name-mapper", "full name", "first and last name as the claim name", mapperInto},
}

// kindOfMapper is the type by its provider; of one that is not known only the provider.
func kindOfMapper(provider string) mapperKind {
	for _, k := range mapperKinds {
		if k.provider == provider {
			return k
		}
	}
	return mapperKind{provider: provider, name: provider}
}

// mapperPart lists protocol mappers, each line standing for one.
func mapperPart(s *sheet, title string, mappers []keycloak.Mapper) widget.Section {
	out := widget.Section{Title: title}
	sorted := slices.SortedFunc(slices.Values(mappers), func(a, b keycloak.Mapper) int { return cmp.Compare(a.Name, b.Name) })
	for _, m := range sorted {
		out.Fields = append(out.Fields, s.ref("mapper "+m.ID, m, widget.Field{Label: m.Name, Value: kindOfMapper(m.Type).name, Note: mapperWords(m)}))
	}
	if len(out.Fields) == 0 {
		out.Fields = []widget.Field{s.ref("no mapper", partRef("mapper"), widget.Field{Label: none, Value: "none; n makes one", Tone: theme.Dim})}
	}
	return out
}

// mapperWords is which claim goes into which tokens.
func mapperWords(m keycloak.Mapper) string {
	var into []string
	for _, k := range mapperInto {
		if m.Config[k.key] == "true" {
			into = append(into, strings.TrimPrefix(strings.TrimPrefix(k.label, "in the "), "in "))
		}
	}
	words := m.Config["claim.name"]
	if len(into) > 0 {
		words += " → " + strings.Join(into, ", ")
	}
	return strings.TrimSpace(words)
}

// mapperEditor makes, changes and deletes the mappers of a client or a client scope.
type mapperEditor struct {
	host  tui.Host
	job   *tui.Job
	realm MapperKeycloak
	owner keycloak.MapperOwner
	of    string // "client app"
	then  func()
}

// pick lets the type be chosen of a mapper to be made.
func (e mapperEditor) pick() {
	var choices []widget.Choice
	for _, k := range mapperKinds {
		choices = append(choices, widget.Choice{ID: k.provider, Label: k.name, Note: k.help})
	}
	e.host.Push(tui.NewPick(tui.PickSpec{Title: "new mapper", Lead: "What should it put into the tokens?", Verb: "make", Choices: choices,
		Done: func(picked []widget.Choice) {
			if len(picked) == 1 {
				e.host.Push(e.form(keycloak.Mapper{Type: picked[0].ID, Name: picked[0].Label}))
			}
		}}))
}

// unset is the choice of a switch that the server has no value for.
const unset = "not set"

// fields are the settings of a mapper: those of its type, and others that it has.
func mapperFields(m keycloak.Mapper) []mapperKey {
	keys := slices.Clone(kindOfMapper(m.Type).keys)
	for _, k := range slices.Sorted(maps.Keys(m.Config)) {
		if !slices.ContainsFunc(keys, func(have mapperKey) bool { return have.key == k }) {
			v := m.Config[k]
			keys = append(keys, mapperKey{key: k, label: k, flag: v == "true" || v == "false"})
		}
	}
	return keys
}

// form makes a mapper (one without an ID) or changes it.
func (e mapperEditor) form(m keycloak.Mapper) tui.Screen {
	keys, fresh := mapperFields(m), m.ID == ""
	title, lead := "mapper", m.Name+" · "+kindOfMapper(m.Type).name+" · "+e.of
	var fields []tui.FormField
	if fresh {
		title, lead = "new mapper", kindOfMapper(m.Type).name+" · "+e.of
		fields = append(fields, tui.FormField{Name: "name", Label: "name", Value: m.Name, Required: true, Help: "for people; it cannot be changed afterwards"})
	}
	for _, k := range keys {
		value, set := m.Config[k.key]
		if fresh {
			value = k.value
		}
		f := tui.FormField{Name: k.key, Label: k.label, Value: value, Help: k.help, Required: k.needed}
		if k.flag {
			f.Choices = []string{"true", "false"}
			if !fresh && !set {
				f.Value, f.Choices = unset, append(f.Choices, unset)
			}
		}
		fields = append(fields, f)
	}
	// changes are the settings that differ from what is there; "" removes one.
	changes := func(v map[string]string) (map[string]string, []string) {
		set, lines := map[string]string{}, []string(nil)
		for _, k := range keys {
			now := v[k.key]
			if now == unset {
				now = ""
			}
			if now != m.Config[k.key] {
				set[k.key] = now
				lines = append(lines, diffLines([3]string{k.key, m.Config[k.key], now})...)
			}
		}
		return set, lines
	}
	var done keycloak.Mapper
	return tui.NewForm(tui.FormSpec{Title: title, Lead: lead, What: "write the protocol mapper", Fields: fields,
		Review: func(v map[string]string) (tui.Question, error) {
			_, lines := changes(v)
			if fresh {
				return tui.Question{Title: "Make this protocol mapper of " + e.of + "?", Verb: "make", Lines: append([]string{"+ name: " + v["name"], "+ type: " + m.Type}, lines...)}, nil
			}
			if len(lines) == 0 {
				return tui.Question{}, fmt.Errorf("change the protocol mapper: nothing was changed; nothing to write")
			}
			return tui.Question{Title: "Change the protocol mapper " + m.Name + "?", Verb: "save", Lines: lines}, nil
		},
		Submit: func(ctx context.Context, v map[string]string) error {
			set, _ := changes(v)
			var ch clients.Change[keycloak.Mapper]
			var err error
			if fresh {
				ch, err = e.realm.CreateMapper(ctx, e.owner, keycloak.NewMapper{Name: v["name"], Type: m.Type, Config: filled(set)})
			} else {
				ch, err = e.realm.UpdateMapper(ctx, e.owner, m.ID, keycloak.MapperPatch{Config: set})
			}
			done = ch.After
			return err
		},
		Done: func(v map[string]string) {
			set, _ := changes(v)
			e.then()
			e.host.Toast(either(fresh, "made ", "changed ") + done.Name + " · u undoes it")
			if fresh {
				e.host.Undo(tui.Undo{What: "make the mapper " + done.Name, Lines: []string{"- " + done.Name}, Then: e.then,
					Run: func(ctx context.Context) error { _, err := e.realm.DeleteMapper(ctx, e.owner, done.ID); return err }})
				return
			}
			back, lines := map[string]string{}, []string(nil)
			for _, k := range slices.Sorted(maps.Keys(set)) {
				back[k] = m.Config[k]
				lines = append(lines, diffLines([3]string{k, set[k], m.Config[k]})...)
			}
			e.host.Undo(tui.Undo{What: "change the mapper " + m.Name, Lines: lines, Then: e.then, Run: func(ctx context.Context) error {
				now, err := e.realm.Mapper(ctx, e.owner, m.ID)
				for k, v := range set {
					if err == nil && now.Config[k] != v {
						err = changedSince("change the mapper "+m.Name, "the mapper")
					}
				}
				if err != nil {
					return err
				}
				_, err = e.realm.UpdateMapper(ctx, e.owner, m.ID, keycloak.MapperPatch{Config: back})
				return err
			}})
		},
	})
}

// filled leaves out what is empty.
func filled(config map[string]string) map[string]string {
	out := maps.Clone(config)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// remove deletes a mapper; taking it back makes one with the same settings.
func (e mapperEditor) remove(m keycloak.Mapper) {
	lines := []string{"- " + m.Name + " · " + m.Type}
	for _, k := range slices.Sorted(maps.Keys(m.Config)) {
		lines = append(lines, "-   "+k+": "+m.Config[k])
	}
	what := "delete the mapper " + m.Name
	deed[clients.Change[keycloak.Mapper]]{question: tui.Question{Title: "Delete the protocol mapper " + m.Name + "?", Verb: "delete", Lines: append(lines, "Undoing makes it again with the same settings, under a new id.")}, what: what,
		do: func(ctx context.Context) (clients.Change[keycloak.Mapper], error) {
			return e.realm.DeleteMapper(ctx, e.owner, m.ID)
		},
		then: func(clients.Change[keycloak.Mapper], error) { e.then() },
		done: func(clients.Change[keycloak.Mapper]) string { return "deleted " + m.Name },
		back: func(ch clients.Change[keycloak.Mapper]) *tui.Undo {
			was := ch.Before
			return &tui.Undo{What: what, Lines: []string{"+ " + was.Name + " · " + was.Type}, Then: e.then, Run: func(ctx context.Context) error {
				_, err := e.realm.CreateMapper(ctx, e.owner, keycloak.NewMapper{Name: was.Name, Protocol: was.Protocol, Type: was.Type, Config: was.Config})
				return err
			}}
		}}.ask(e.host, e.job)
}
