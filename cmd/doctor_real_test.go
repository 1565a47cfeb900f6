package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/stack/stacktest"
)

// examined runs the doctor and gives its findings by "server check".
func examined(t *testing.T, code int, env ...string) map[string]exam {
	t.Helper()
	var list []exam
	if err := json.Unmarshal([]byte(gatehouse(t, env, "doctor", "--json").want(t, code).stdout), &list); err != nil {
		t.Fatal(err)
	}
	out := map[string]exam{}
	for _, e := range list {
		out[e.Server+" "+e.Check] = e
	}
	return out
}

func TestRealDoctor(t *testing.T) {
	t.Parallel()
	keto, kratos, kc := stacktest.Keto(t), stacktest.Kratos(t), stacktest.Keycloak(t)
	password, err := kc.Password()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"GATEHOUSE_KRATOS_ADMIN_URL=" + kratos.AdminURL, "GATEHOUSE_KRATOS_PUBLIC_URL=" + kratos.PublicURL,
		"GATEHOUSE_KETO_READ_URL=" + keto.ReadURL, "GATEHOUSE_KETO_WRITE_URL=" + keto.WriteURL, "GATEHOUSE_KETO_OPL_URL=" + keto.OPLURL, "GATEHOUSE_KETO_OPL=" + keto.OPL,
		"GATEHOUSE_KEYCLOAK_URL=" + kc.URL, "GATEHOUSE_KEYCLOAK_USERNAME=" + kc.AdminUsername, "GATEHOUSE_KEYCLOAK_PASSWORD=" + password}

	t.Run("all is well", func(t *testing.T) {
		for name, e := range examined(t, 0, env...) {
			if e.State != examOK {
				t.Errorf("%s: %s %s", name, e.State, e.Says)
			}
		}
	})
	t.Run("swapped ports", func(t *testing.T) {
		got := examined(t, 1, "GATEHOUSE_KRATOS_ADMIN_URL="+kratos.PublicURL, "GATEHOUSE_KRATOS_PUBLIC_URL="+kratos.AdminURL,
			"GATEHOUSE_KETO_READ_URL="+keto.WriteURL, "GATEHOUSE_KETO_WRITE_URL="+keto.ReadURL)
		for name, says := range map[string]string{
			"kratos admin port": "this is the public port of Kratos", "kratos public port": "redirect",
			"keto read port": "write port", "keto write port": "this is the read port",
		} {
			if e := got[name]; e.State != examFail || !strings.Contains(e.Says, says) || e.Do == "" {
				t.Errorf("%s: %+v", name, e)
			}
		}
	})
	t.Run("another model than the server's", func(t *testing.T) {
		got := examined(t, 1, "GATEHOUSE_KETO_READ_URL="+keto.ReadURL,
			"GATEHOUSE_KETO_OPL=base64://Y2xhc3MgT25seUhlcmUgaW1wbGVtZW50cyBOYW1lc3BhY2Uge30=")
		if e := got["keto permission model"]; e.State != examFail || !strings.Contains(e.Says, "only in the model: OnlyHere") {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a clock that is an hour behind", func(t *testing.T) {
		got := examined(t, 0, "GATEHOUSE_KETO_READ_URL="+behind(t, keto.ReadURL, time.Hour), "GATEHOUSE_KETO_OPL="+keto.OPL)
		if e := got["keto clock of the read port"]; e.State != examWarn || !strings.Contains(e.Says, "1h0m0s behind") && !strings.Contains(e.Says, "59m59s behind") && !strings.Contains(e.Says, "1h0m1s behind") {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a realm that is not there", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "c.yaml")
		text := fmt.Sprintf("contexts:\n  here:\n    keycloak:\n      url: %s\n      username: %s\n      password: env:PW\n      realms: [no-such-realm]\n", kc.URL, kc.AdminUsername)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := examined(t, 1, "GATEHOUSE_CONFIG="+file, "PW="+password)
		if e := got["keycloak rights in no-such-realm"]; e.State != examFail || e.Says != `there is no realm "no-such-realm"` || e.Do == "" {
			t.Errorf("%+v", e)
		}
	})
}

// behind is a way to a server whose clock is behind by d.
func behind(t *testing.T, target string, d time.Duration) string {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(u)
	p.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(-d).UTC().Format(http.TimeFormat))
		return nil
	}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return s.URL
}
