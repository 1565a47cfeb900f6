package main

import (
	"bufio"
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// walls says, for each part of the house, which other parts it may lean on. A part
// is the longest prefix listed here; its own subfolders count as the part itself.
// The test files of a part are free: a test may start a real server.
var walls = map[string][]string{
	"config":            {},
	"access/tuple":      {},
	"access/opl":        {"access", "access/tuple"},
	"access/roles":      {},
	"access":            {"access/tuple", "access/opl"},
	"access/lint":       {"access", "access/tuple", "access/opl"},
	"access/assert":     {"access", "access/lint", "access/tuple", "access/opl"},
	"access/login":      {"access", "access/roles"},
	"access/login/live": {"access", "access/login", "access/roles", "access/roles/live", "clients", "clients/transport", "clients/keycloak"},
	"access/person":     {"access", "access/tuple", "clients", "clients/kratos", "clients/keto", "clients/keycloak"},
	"clients":           {},
	"clients/transport": {"clients"},
	"clients/kratos":    {"clients", "clients/transport"},
	"clients/keto":      {"clients", "clients/transport", "access/tuple"},
	"clients/keycloak":  {"clients", "clients/transport", "access/roles"},
	"clients/decisions": {"clients"},
	"tui/clean":         {},
	"tui/theme":         {},
	"tui/widget":        {"tui/clean", "tui/theme"},
	"tui":               {"tui/clean", "tui/theme", "tui/widget"},
	"tui/tuitest":       {"tui", "tui/clean", "tui/theme", "tui/widget"},
	"tui/screens":       {"tui", "tui/clean", "tui/theme", "tui/widget", "access", "access/tuple", "access/opl", "access/roles", "access/login", "access/lint", "access/person", "clients", "clients/kratos", "clients/keto", "clients/keycloak", "clients/decisions"},
	"stack":             {"config", "tui/clean", "access", "access/tuple", "access/opl", "clients", "clients/transport", "clients/kratos", "clients/keto", "clients/keycloak"},
	"demo":              {"config", "stack", "tui/clean", "access", "access/tuple", "access/opl", "access/roles", "clients", "clients/transport", "clients/kratos", "clients/keto", "clients/keycloak", "clients/decisions"},
	"screenshots":       {"*"},
	"cmd":               {"*"},
	"docs":              {},
	"":                  {"cmd"},
}

func part(pkg string) string {
	for {
		if _, ok := walls[pkg]; ok {
			return pkg
		}
		i := strings.LastIndexByte(pkg, '/')
		if i < 0 {
			return "no part of the house: " + pkg
		}
		pkg = pkg[:i]
	}
}

// TestWalls walks the imports of every package and holds them against the house
// plan. To move a wall, change the plan in a commit of its own.
func TestWalls(t *testing.T) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", "list", "-e", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	seen := 0
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		fields := strings.Fields(sc.Text())
		from := part(strings.TrimPrefix(strings.TrimPrefix(fields[0], "gatehouse"), "/"))
		allowed := map[string]bool{from: true}
		for _, a := range walls[from] {
			allowed[a] = true
		}
		for _, imp := range fields[1:] {
			rest, ours := strings.CutPrefix(imp, "gatehouse/")
			if !ours {
				continue
			}
			seen++
			if to := part(rest); !allowed[to] && !allowed["*"] {
				t.Errorf("%s imports %s: a wall of the house stands between %q and %q", fields[0], imp, from, to)
			}
		}
	}
	if seen == 0 {
		t.Fatal("no import of ours was seen; the test looks at nothing")
	}
}
