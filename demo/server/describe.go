package server

import (
	"errors"

	"gatehouse/demo/gate"
)

// Every is every system with its routes and policies, as they are where all servers
// have their usual addresses. Nothing is asked and nothing listens; for the documents.
func Every() ([]*gate.System, error) {
	env := gate.Env{KratosPublicURL: "http://127.0.0.1:4433", KratosUIURL: "http://127.0.0.1:4455", KetoReadURL: "http://127.0.0.1:4466",
		KeycloakURL: "http://127.0.0.1:8180", Realm: "LearningSoftware", ClientID: "flaskClient", ClientSecret: "not used",
		OathkeeperProxyURL: "http://127.0.0.1:4456", OathkeeperAPIURL: "http://127.0.0.1:4457",
		Okta:     gate.OktaSettings{OrgURL: "http://127.0.0.1:4481/okta", ClientID: "client", ClientSecret: "not used", APIToken: "not used"},
		Facebook: gate.SocialSettings{BaseURL: "http://127.0.0.1:4481/facebook", ID: "client", Secret: "not used"},
		Twitter:  gate.SocialSettings{BaseURL: "http://127.0.0.1:4481/twitter", ID: "client", Secret: "not used"}}
	if err := env.Complete(nil); err != nil {
		return nil, err
	}
	env.SetPublicURL("http://127.0.0.1:4480")
	list, skipped, err := makeSystems(&env, nil)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if s.Close != nil {
			err = errors.Join(err, s.Close())
		}
	}
	for _, k := range skipped {
		err = errors.Join(err, errors.New(k.ID+": "+k.Why))
	}
	return list, err
}
