package server

import (
	"fmt"
	"net"
	"net/url"

	"gatehouse/demo/gate"
	"gatehouse/demo/provider"
)

// practised are the systems for which the practice provider can stand in.
var practised = []string{"okta-oidc", "social-fb", "social-tw"}

// strangers can be chosen at the practice provider where the demo has no people.
var strangers = []gate.Person{{Key: "ann", Name: "Ann Example", Email: "ann@example.com"}, {Key: "ben", Name: "Ben Example", Email: "ben@example.com"},
	{Key: "carol", Name: "Carol Example", Email: "carol@example.com", Note: "suspended"}}

// openProvider starts the practice provider and enters it where no other is
// configured. Whoever comes to it may be anybody, so that it runs on this machine
// only, and for a demo that only this machine reaches.
func (s *Server) openProvider(o Options, env *gate.Env) error {
	lacks := map[string]bool{"okta-oidc": env.Okta == gate.OktaSettings{}, "social-fb": env.Facebook == gate.SocialSettings{}, "social-tw": env.Twitter == gate.SocialSettings{}}
	wanted := false
	for _, id := range practised {
		wanted = wanted || lacks[id] && o.Serves(id)
	}
	if o.ProviderListen == "" || o.ProviderListen == "off" || !wanted {
		return nil
	}
	listen := o.ProviderListen
	if listen == "auto" {
		listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil || !onThisMachine(host) {
		return fmt.Errorf("--provider %q: use HOST:PORT of this machine, such as 127.0.0.1:4481", o.ProviderListen)
	}
	app, err := url.Parse(s.URL)
	if err != nil || !onThisMachine(app.Hostname()) {
		s.Notes = append(s.Notes, "the practice provider does not run: others reach the demo server on "+s.URL+", and at the provider anybody may be anybody")
		return nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("--provider: %w", err)
	}
	if len(env.People) == 0 {
		env.People = strangers
	}
	p, err := provider.New(provider.Config{URL: "http://" + l.Addr().String(), AppURL: s.URL, People: practisePeople(env.People), Now: env.Now})
	if err != nil {
		_ = l.Close()
		return err
	}
	if lacks["okta-oidc"] {
		env.Okta = gate.OktaSettings{OrgURL: p.OktaURL(), ClientID: p.Okta().ID, ClientSecret: p.Okta().Secret, APIToken: p.APIToken(), Practice: true}
	}
	if lacks["social-fb"] {
		env.Facebook = gate.SocialSettings{BaseURL: p.FacebookURL(), ID: p.Facebook().ID, Secret: p.Facebook().Secret, Practice: true}
	}
	if lacks["social-tw"] {
		env.Twitter = gate.SocialSettings{BaseURL: p.TwitterURL(), ID: p.Twitter().ID, Secret: p.Twitter().Secret, Practice: true}
	}
	s.provider = gate.HTTPServer(p.Handler())
	s.Notes = append(s.Notes, "a login provider to practise with stands in for those that are not configured: http://"+l.Addr().String())
	go func() { _ = s.provider.Serve(l) }()
	return nil
}

func (s *Server) closeProvider() error {
	if s.provider == nil {
		return nil
	}
	return s.provider.Close()
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func practisePeople(list []gate.Person) []provider.Person {
	var out []provider.Person
	for _, p := range list {
		out = append(out, provider.Person{Key: p.Key, Name: p.Name, Email: p.Email, Suspended: p.Note == "suspended"})
	}
	return out
}
