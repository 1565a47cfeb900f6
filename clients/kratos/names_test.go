package kratos

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		traits, name, user, label string
		emails                    []string
	}{
		{`{"email":"Ann@X.org","name":{"first":"Ann","last":"Lee"}}`, "Ann Lee", "", "Ann Lee", []string{"Ann@X.org"}},
		{`{"name":"Ann","emails":["a@x.org","b@x.org","A@X.ORG"]}`, "Ann", "", "Ann", []string{"a@x.org", "b@x.org"}},
		{`{"first_name":"Ann","lastName":"Lee"}`, "Ann Lee", "", "Ann Lee", nil},
		{`{"given_name":"Ann"}`, "Ann", "", "Ann", nil},
		{`{"display_name":"Ann L."}`, "Ann L.", "", "Ann L.", nil},
		{`{"username":"ann"}`, "", "ann", "ann", nil},
		{`{"mail":{"work":"w@x.org"}}`, "", "", "w@x.org", []string{"w@x.org"}},
		{`{"email":"no address"}`, "", "", "id", nil},
		{`[]`, "", "", "id", nil},
		{`{"name":7,"email":null}`, "", "", "id", nil},
		{``, "", "", "id", nil},
	} {
		i := Identity{ID: "id", Traits: json.RawMessage(tt.traits)}
		if i.Name() != tt.name || i.Username() != tt.user || i.Label() != tt.label || !slices.Equal(i.Emails(), tt.emails) {
			t.Errorf("%s: name %q, user %q, label %q, emails %q", tt.traits, i.Name(), i.Username(), i.Label(), i.Emails())
		}
	}
	i := Identity{ID: "id", Traits: json.RawMessage(`{"email":"new@x.org","phone":"+49"}`), Addresses: []Address{{Value: "new@x.org", Via: "email"}},
		RecoveryAddresses: []RecoveryAddress{{Value: "other@x.org", Via: "email"}},
		Credentials: Credentials{{Type: Code, Identifiers: []string{"old@x.org", "+49"}}, {Type: OIDC, Identifiers: []string{"corp:1"}}, {Type: Password, Identifiers: []string{"NEW@x.org"}},
			{Type: TOTP, Identifiers: []string{"7bbee6c2-eb1f-43e6-b83e-865781ae89ab"}}}}
	if got := i.StaleIdentifiers(); !slices.Equal(got, []string{"old@x.org"}) {
		t.Errorf("stale = %q", got)
	}
	if got := i.Emails(); !slices.Equal(got, []string{"new@x.org", "other@x.org"}) {
		t.Errorf("emails = %q", got)
	}
	if got := (Identity{ID: "id", Credentials: i.Credentials}).Label(); got != "old@x.org" {
		t.Errorf("label = %q", got)
	}
	if d := (Device{}); json.Unmarshal([]byte(`{"ip_address":"[::1]:42"}`), &d) != nil || d.IPAddress != "::1" {
		t.Errorf("device %+v", d)
	}
}

// TestIdentityJSON: what is printed is read back as the same.
func TestIdentityJSON(t *testing.T) {
	var page []Identity
	if err := json.Unmarshal(samplePage(1), &page); err != nil {
		t.Fatal(err)
	}
	page[0].normal()
	page[0].Credentials = Credentials{{Type: Password, Identifiers: []string{"a"}}}
	out, err := json.Marshal(page[0])
	if err != nil {
		t.Fatal(err)
	}
	var back Identity
	if err := json.Unmarshal(out, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); string(again) != string(out) {
		t.Errorf("%s\n%s", out, again)
	}
}
