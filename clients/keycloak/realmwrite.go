package keycloak

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"gatehouse/clients"
)

// NewRealm is a realm to be made; it is enabled unless Disabled is set.
type NewRealm struct {
	Name, DisplayName string
	Disabled          bool
}

// CreateRealm makes an empty realm.
func (s *Server) CreateRealm(ctx context.Context, n NewRealm) (clients.Change[RealmSettings], error) {
	if !addressable(n.Name) {
		return clients.Change[RealmSettings]{}, refuse("create the realm", fmt.Sprintf("a realm named %q could not be addressed afterwards", n.Name), "choose another name")
	}
	body := map[string]any{"realm": n.Name, "enabled": !n.Disabled}
	if n.DisplayName != "" {
		body["displayName"] = n.DisplayName
	}
	return s.makeRealm(ctx, n.Name, body, RealmSettings{Name: n.Name, DisplayName: n.DisplayName, Enabled: triOf(!n.Disabled)})
}

// ImportRealm makes a realm from a whole RealmRepresentation with its clients,
// users, roles and groups. The server makes users without "enabled" disabled, so
// each must say it.
func (s *Server) ImportRealm(ctx context.Context, realm json.RawMessage) (clients.Change[RealmSettings], error) {
	const op = "import the realm"
	var w struct {
		wireRealm
		Users []importedUser `json:"users"`
	}
	if err := json.Unmarshal(realm, &w); err != nil {
		return clients.Change[RealmSettings]{}, refuse(op, "it is not the JSON of a realm: "+err.Error(), "")
	}
	if !addressable(w.Realm) {
		return clients.Change[RealmSettings]{}, refuse(op, fmt.Sprintf("the realm's name is %q", w.Realm), `give it in "realm"`)
	}
	if fields := undecided(w.Users); len(fields) > 0 {
		return clients.Change[RealmSettings]{}, undecidedProblem(op, fields)
	}
	return s.makeRealm(ctx, w.Realm, realm, w.wireRealm.neutral())
}

func (s *Server) makeRealm(ctx context.Context, name string, body any, known RealmSettings) (clients.Change[RealmSettings], error) {
	_, err := s.do(ctx, call{op: "create the realm " + name, needs: "create-realm of the realm master", method: http.MethodPost,
		path: []string{"admin", "realms"}, body: body}, nil)
	if err != nil {
		return clients.Change[RealmSettings]{}, err
	}
	r := s.Realm(name)
	r.state.forget() // a realm of that name may have been here before
	return clients.Change[RealmSettings]{After: readBack(ctx, known, r.Settings)}, nil
}

// UpdateRealm changes settings, named as in RealmRepresentation ("verifyEmail"); the
// server leaves alone what is not named. A new name is refused: it would change
// every address and the issuer of every token.
func (r *Realm) UpdateRealm(ctx context.Context, settings map[string]any) (clients.Change[RealmSettings], error) {
	const op = "change the settings"
	for _, key := range []string{"realm", "id"} {
		if _, ok := settings[key]; ok {
			return clients.Change[RealmSettings]{}, r.refuse(op, fmt.Sprintf("%q cannot be changed here", key), "")
		}
	}
	if len(settings) == 0 {
		return clients.Change[RealmSettings]{}, r.refuse(op, "there is nothing to change", "")
	}
	return change(ctx, r.Settings, func(before RealmSettings) (RealmSettings, error) {
		_, err := r.s.do(ctx, r.put(op, "manage-realm", settings), nil)
		return before, err
	})
}

// DeleteRealm deletes the realm with all in it. The realm master is refused.
func (r *Realm) DeleteRealm(ctx context.Context) (clients.Change[RealmSettings], error) {
	const op = "delete the realm"
	if r.name == "master" {
		return clients.Change[RealmSettings]{}, r.refuse(op, "the realm master holds the administrators of the whole server", "")
	}
	ch, err := removed(ctx, r.Settings, func() error {
		_, err := r.s.do(ctx, r.del(op, "manage-realm"), nil)
		return err
	})
	if err == nil {
		r.state.forget()
	}
	return ch, err
}
