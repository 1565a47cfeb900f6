package cmd

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every environment variable that the demo reads, and every flag of demo serve that
// says where it listens, stands in docs/demo.md.
func TestDemoSettingsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../docs/demo.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range []string{"demo_env.go", "demo_seed.go", "demo_oathkeeper.go"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`getenv\("([A-Z_]+)"\)`).FindAllStringSubmatch(string(src), -1) {
			n++
			if !strings.Contains(string(doc), "`"+m[1]+"`") {
				t.Errorf("docs/demo.md does not name %s, which %s reads", m[1], file)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d variables were found; the test looks at nothing", n)
	}
}
