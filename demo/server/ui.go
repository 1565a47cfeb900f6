package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"

	"gatehouse/clients/decisions"
	"gatehouse/demo/gate"
	"gatehouse/demo/systems/kratosui"
)

// openUI serves Kratos' pages where Kratos sends people. With "auto" that is found
// out by asking Kratos to begin a login; that another program listens there already
// is fine, and said.
func (s *Server) openUI(ctx context.Context, o Options, own string) error {
	if o.UIListen == "" || o.UIListen == "off" || s.Env.Kratos == nil || len(o.Systems) > 0 && !slices.Contains(o.Systems, kratosui.ID) && !slices.Contains(o.Systems, "ory-home") {
		return nil
	}
	addr := o.UIListen
	if addr == "auto" {
		found, err := uiAddress(ctx, s.Env)
		if err != nil {
			s.Notes = append(s.Notes, "Kratos could not be asked where its login pages are, so that they are not served there: "+err.Error())
			return nil
		}
		if found == "" || found == own {
			return nil
		}
		addr = found
	}
	o.Listen = addr
	if err := checkListen(o); err != nil {
		return fmt.Errorf("--ui-listen: %w", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		if o.UIListen == "auto" {
			s.Notes = append(s.Notes, fmt.Sprintf("Kratos' login pages are expected on %s, where something listens already", addr))
			return nil
		}
		return fmt.Errorf("--ui-listen: %w", err)
	}
	env := *s.Env
	sys, err := kratosui.New(&env)
	if err != nil {
		_ = l.Close()
		return err
	}
	g, err := gate.New(&env, gate.Config{PublicURL: "http://" + l.Addr().String(), FormTargets: formTargets(&env), Alone: true, Ring: s.Ring}, sys)
	if err != nil {
		_ = l.Close()
		return err
	}
	env.SetPublicURL(s.URL) // where people go on to is the demo server, not this listener
	s.ui = gate.HTTPServer(g.Handler())
	s.Notes = append(s.Notes, "Kratos' login pages are on http://"+l.Addr().String())
	go func() { _ = s.ui.Serve(l) }()
	return nil
}

// uiAddress is the HOST:PORT of loopback to which Kratos sends people for a login;
// empty when that is another machine.
func uiAddress(ctx context.Context, env *gate.Env) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, env.KratosPublicURL+"/self-service/login/browser", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "text/html")
	a, err := env.Ask(decisions.Kratos, req)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil || u.Host == "" || u.Path != "/login" {
		return "", nil // its pages are below another path: those of a server that has them
	}
	if ip := net.ParseIP(u.Hostname()); u.Port() == "" || ip == nil || !ip.IsLoopback() {
		return "", nil
	}
	return u.Host, nil
}
