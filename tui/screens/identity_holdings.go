package screens

import "gatehouse/access/person"

// IdentityKeto reads the relation tuples of a subject; *keto.Client does.
type IdentityKeto = person.Keto

// IdentityRealm looks for a person's accounts in one Keycloak realm; *keycloak.Realm does.
type IdentityRealm = person.Accounts
