package cmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/stack/stacktest"
)

// The messages to somebody are listed without their texts, which may hold codes.
func TestRealIdentitiesMessages(t *testing.T) {
	k, public := newRealKratos(t), stacktest.Kratos(t).PublicURL
	mail := fmt.Sprintf("messages-%d@ident.example", time.Now().UnixNano())
	id := k.made(t, mail)
	var flow struct{ ID string }
	plainHTTP(t, http.MethodGet, public+"/self-service/recovery/api", "", nil, &flow)
	if code := plainHTTP(t, http.MethodPost, public+"/self-service/recovery?flow="+flow.ID, "", map[string]string{"method": "code", "email": mail}, nil); code != http.StatusOK {
		t.Fatalf("the recovery answers %d", code)
	}
	var wire []struct{ ID, Body string }
	plainHTTP(t, http.MethodGet, k.admin+"/admin/courier/messages?recipient="+mail, "", nil, &wire)
	for _, args := range [][]string{{mail}, {id, "--errors"}, {"--recipient", mail}} {
		r := gatehouseIn(t, "", k.env, append([]string{"identities", "messages", "--json"}, args...)...).want(t, 0)
		var out []messageOut
		if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || len(out) != 1 || len(wire) != 1 || out[0].ID != wire[0].ID || out[0].Template != "recovery_code_valid" {
			t.Errorf("%v: %v\n%s\nthe server has %v", args, err, r.stdout, wire)
		}
		for _, code := range regexp.MustCompile(`\b\d{6}\b`).FindAllString(wire[0].Body, -1) {
			if strings.Contains(r.stdout+r.stderr, `"`+code) || strings.Contains(r.stdout, " "+code) {
				t.Errorf("%v: the code is printed", args)
			}
		}
	}
	if r := gatehouseIn(t, "", k.env, "identities", "messages", mail, "--status", "bogus"); r.code != 2 || !strings.Contains(r.stderr, "queued, processing, sent or abandoned") {
		t.Errorf("a wrong status: %d %s", r.code, r.stderr)
	}
	gatehouseIn(t, "", k.env, "identities", "messages", mail, "--recipient", mail).want(t, 2)
	if r := gatehouseIn(t, "", k.env, "identities", "messages", "--recipient", "nobody-"+mail).want(t, 0); !strings.Contains(r.stdout+r.stderr, "no messages match") {
		t.Errorf("nobody: %s%s", r.stdout, r.stderr)
	}
}
