package oryoathkeeper_test

import (
	"strings"
	"testing"

	"gatehouse/demo/demotest"
	"gatehouse/demo/gate"
	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

const ui = "http://127.0.0.1:4455"

// TestVectors replays what the original and its proxy answered, through a real
// Oathkeeper with the configuration that we hand out.
func TestVectors(t *testing.T) {
	kratos := stacktest.Kratos(t)
	keto := stacktest.OwnKeto(t, demotest.AppOPL, nil)
	andrew := demotest.NewIdentity(t, kratos, demotest.Unique("andrew"))
	front := func(t *testing.T, kratosURL string) (app string, proxy string) {
		listen := demotest.FreePort(t)
		p := demotest.Oathkeeper(t, stack.OathkeeperFiles{KratosPublicURL: kratosURL, KetoReadURL: keto.ReadURL, UIURL: ui, UpstreamURL: "http://" + listen})
		s := demotest.Start(t, server.Options{Systems: []string{"ory-oathkeeper"}, Listen: listen,
			Env: gate.Env{Accounts: gate.Seeds, KratosUIURL: ui, OathkeeperProxyURL: p.ProxyURL, OathkeeperAPIURL: p.APIURL}})
		return s.URL, p.ProxyURL
	}
	app, proxy := front(t, kratos.PublicURL)
	deaf := demotest.Oathkeeper(t, stack.OathkeeperFiles{KratosPublicURL: kratos.PublicURL, UIURL: ui, UpstreamURL: "http://" + demotest.FreePort(t)}).ProxyURL
	_, blind := front(t, "http://"+demotest.FreePort(t))
	demotest.Replay(t, "ory-oathkeeper", func(t *testing.T, v *vectors.Vector) demotest.Target {
		vars := vectors.Vars{"kratos-ui": ui, "session:minkin.andrew@gmail.com": andrew.Cookie(t)}
		url := app
		switch {
		case strings.Contains(v.Case, "upstream app down"):
			url = deaf
		case strings.Contains(v.Setup, "check_session_url refused"):
			url = blind
		case strings.HasPrefix(v.Case, "proxy:"):
			url = proxy
		}
		vars["proxy-port"] = url[strings.LastIndexByte(url, ':')+1:]
		return demotest.Target{URL: url, Vars: vars}
	})
}
