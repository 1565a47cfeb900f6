package opl

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"members", "owners", "viewers", "view", "edit"}
	for in, want := range map[string]string{
		"member": "members", "Viewers": "viewers", "viewer": "viewers", "vew": "view",
		"zzzzzz": "", "owner": "owners", "members": "", "": "", "e": "",
	} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
