package keycloak

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"gatehouse/clients"
)

// Profile is the user profile of a realm: which attributes users have, who must
// fill them and who may change them.
type Profile struct {
	Attributes []ProfileAttribute `json:"attributes"`
	// Unmanaged says what becomes of attributes that the profile does not name: empty
	// (dropped), ENABLED, ADMIN_EDIT or ADMIN_VIEW (kept, but not taken).
	Unmanaged string          `json:"unmanaged,omitempty"`
	Raw       json.RawMessage `json:"-"`
}

// ProfileAttribute is one attribute of the user profile.
type ProfileAttribute struct {
	Name        string `json:"name"`
	DisplayName string `json:"display_name,omitempty"`
	Multivalued bool   `json:"multivalued,omitempty"`
	// RequiredRoles ("user", "admin") and RequiredScopes say when it must be filled;
	// Required is set when it must be at all, so that both empty means "always".
	Required       bool     `json:"required,omitempty"`
	RequiredRoles  []string `json:"required_roles,omitempty"`
	RequiredScopes []string `json:"required_scopes,omitempty"`
	// EditRoles and ViewRoles are "user" and "admin".
	EditRoles []string `json:"edit_roles,omitempty"`
	ViewRoles []string `json:"view_roles,omitempty"`
}

// Takes reports whether an administrator can give users an attribute of this name.
func (p Profile) Takes(attribute string) bool {
	if p.Unmanaged == "ENABLED" || p.Unmanaged == "ADMIN_EDIT" {
		return true
	}
	i := slices.IndexFunc(p.Attributes, func(a ProfileAttribute) bool { return strings.EqualFold(a.Name, attribute) })
	return i >= 0 && slices.Contains(p.Attributes[i].EditRoles, "admin")
}

func (p *Profile) keep(b json.RawMessage) { p.Raw = b }

type wireProfile struct {
	Attributes []struct {
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
		Multivalued bool   `json:"multivalued"`
		Required    *struct {
			Roles  []string `json:"roles"`
			Scopes []string `json:"scopes"`
		} `json:"required"`
		Permissions struct {
			View []string `json:"view"`
			Edit []string `json:"edit"`
		} `json:"permissions"`
	} `json:"attributes"`
	UnmanagedAttributePolicy string `json:"unmanagedAttributePolicy"`
}

func (w wireProfile) neutral() Profile {
	p := Profile{Unmanaged: w.UnmanagedAttributePolicy}
	for _, a := range w.Attributes {
		n := ProfileAttribute{Name: a.Name, DisplayName: a.DisplayName, Multivalued: a.Multivalued, EditRoles: a.Permissions.Edit, ViewRoles: a.Permissions.View}
		if a.Required != nil {
			n.Required, n.RequiredRoles, n.RequiredScopes = true, a.Required.Roles, a.Required.Scopes
		}
		p.Attributes = append(p.Attributes, n)
	}
	return p
}

// Profile reads the user profile.
func (r *Realm) Profile(ctx context.Context) (Profile, error) {
	return one[wireProfile](ctx, r.s, r.get("read the user profile", "view-users or view-realm", "users", "profile"))
}

// SetProfile replaces the user profile by a whole one in the server's own JSON, as
// Raw holds it. Anything but an object with attributes is refused: an empty body
// deletes the profile and can lock administrators out.
func (r *Realm) SetProfile(ctx context.Context, profile json.RawMessage) (clients.Change[Profile], error) {
	const op = "replace the user profile"
	var w wireProfile
	if err := json.Unmarshal(profile, &w); err != nil || len(w.Attributes) == 0 {
		return clients.Change[Profile]{}, r.refuse(op, "the new profile has no attributes", "give the whole profile, with username and email in it")
	}
	return change(ctx, r.Profile, func(Profile) (Profile, error) {
		_, err := r.s.do(ctx, r.put(op, "manage-realm", profile, "users", "profile"), nil)
		expect := w.neutral()
		expect.keep(profile)
		return expect, err
	})
}

// IdentityProvider is an outside service that users can log in with.
type IdentityProvider struct {
	Alias       string `json:"alias"`
	DisplayName string `json:"display_name,omitempty"`
	Type        string `json:"type"`
	Enabled     bool   `json:"enabled"`
}

type wireProvider struct {
	Alias       string `json:"alias"`
	DisplayName string `json:"displayName"`
	ProviderID  string `json:"providerId"`
	Enabled     bool   `json:"enabled"`
}

func (w wireProvider) neutral() IdentityProvider {
	return IdentityProvider{Alias: w.Alias, DisplayName: w.DisplayName, Type: w.ProviderID, Enabled: w.Enabled}
}

// IdentityProviders lists the identity providers of the realm.
func (r *Realm) IdentityProviders(ctx context.Context) ([]IdentityProvider, error) {
	return collect(ctx, paged[wireProvider](r.s, r.get("list identity providers", "view-identity-providers", "identity-provider", "instances"), 0))
}
