package cmd

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// supportRights are what the explanation of a denial reads in a realm; without one
// of them some answers can only be "unknown" (Keycloak cuts many reads silently).
var supportRights = []string{"view-users", "view-realm", "view-clients", "view-events", "view-authorization", "view-identity-providers"}

func (b *backends) examineKeycloak(ctx context.Context) []exam {
	x := b.Context.Keycloak
	if x == nil {
		return nil
	}
	s, err := b.Keycloak(ctx)
	if err != nil {
		return []exam{failed("keycloak", "settings", x.URL, err)}
	}
	realms := x.Realms
	all, listErr := []keycloak.RealmSettings(nil), error(nil)
	if len(realms) == 0 {
		if all, listErr = s.Realms(ctx); listErr == nil {
			for _, r := range all {
				realms = append(realms, r.Name)
			}
		}
	}
	asks := []func() []exam{func() []exam { return []exam{examineKeycloakServer(ctx, s)} }}
	for _, name := range realms {
		asks = append(asks, func() []exam { return []exam{examineRealm(ctx, s, name)} })
	}
	out := sideBySide(asks)
	if listErr != nil && out[0].State == examOK {
		out = append(out, failed("keycloak", "realms", s.URL(), listErr))
	}
	return out
}

func examineKeycloakServer(ctx context.Context, s *keycloak.Server) exam {
	const check = "sign-in and version"
	info, err := s.Info(ctx)
	if err != nil {
		return failed("keycloak", check, s.URL(), err)
	}
	e := exam{Server: "keycloak", Check: check, State: examOK, Says: "Keycloak " + info.Version, URL: s.URL()}
	if info.Version == "" {
		e.Says = "Keycloak, which does not tell its version to our account"
	}
	return e
}

// examineRealm says what our account may see in a realm. To see less than all is no
// failure, but the person should know what will be "unknown" and why.
func examineRealm(ctx context.Context, s *keycloak.Server, name string) exam {
	check := "rights in " + name
	r := s.Realm(name)
	if _, err := r.Settings(ctx); err != nil {
		e := failed("keycloak", check, s.URL(), err)
		if clients.Is(err, clients.NotFound) {
			e.Says, e.Do = fmt.Sprintf("there is no realm %q", name), "realm names are case-sensitive; correct keycloak.realms"
		}
		return e
	}
	rights, err := r.Rights(ctx)
	if err != nil {
		return failed("keycloak", check, s.URL(), err)
	}
	e := exam{Server: "keycloak", Check: check, State: examOK, Says: "sees users, groups, roles, clients and events", URL: s.URL()}
	if missing := rights.Missing(supportRights...); len(missing) > 0 {
		e.State = examWarn
		e.Says = "our account lacks " + strings.Join(missing, ", ") + ": what rests on these is told as unknown"
		e.Do = "give the account these client roles of realm-management in " + name + " (of " + name + "-realm, when it lives in master)"
	}
	return e
}
