package eve

import "gatehouse/demo/gate"

// Variant makes the system of a recorded setup that is not the usual one.
func Variant(env *gate.Env, name string) (*gate.System, error) {
	get, head := []string{"GET"}, []string{"GET", "HEAD"}
	var a *api
	var err error
	switch name {
	case "zipcodes":
		if a, err = global(env); err == nil {
			a.resources = append(a.resources, &resource{name: "zipcodes", anyone: true})
		}
	case "nobody guards":
		if a, err = global(env); err == nil {
			a.auth = open
		}
	case "resource only":
		if a, err = public(env); err == nil {
			a.public, a.publicItem = get, nil
		}
	case "HEAD listed":
		if a, err = public(env); err == nil {
			a.public, a.publicItem = head, head
		}
	case "only people":
		if a, err = perResource(env); err == nil {
			a.public, a.publicItem = nil, nil
			a.resources[0].public, a.resources[0].publicItem = get, get
			a.resources[1].public, a.resources[1].publicItem = nil, nil
		}
	case "tokens for people":
		if a, err = resourceAuth(env); err == nil {
			a.auth, a.resources[0].auth = guardBasic, guardToken
		}
	case "mixed":
		if a, err = resourceAuth(env); err == nil {
			a.resources = append(a.resources, &resource{name: "books", auth: guardBasic})
			a.auth, a.resources[0].auth, a.resources[1].auth = open, guardToken, guardHMAC
		}
	case "global roles":
		if a, err = roles(env); err == nil {
			a.resources, a.roles, a.read = two(), []string{"admin"}, []string{"reader"}
		}
	}
	if err != nil {
		return nil, err
	}
	return a.system(), nil
}
