package cmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/demo/server"
	"gatehouse/demo/vectors"
)

// writeSystemDocs writes the demo server's systems with their routes and policies.
func writeSystemDocs(w io.Writer) error {
	list, err := server.Every()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# The systems of the demo server\n\nWritten by `make docs` from the program itself; do not edit. `gatehouse demo systems --json` prints the same of the\n" +
		"server that runs. What a route needs is the very value that its guard reads; a route that needs nothing says why.\n\n" +
		"Each is on `/s/<id>/`, and with `gatehouse demo serve --system <id>` at `/`. Addresses in the tables are the usual ones.\n\n" +
		"| System | Guarded by |\n|---|---|\n")
	for _, s := range list {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", s.ID, s.ID, cell(s.Guard))
	}
	for _, s := range list {
		fmt.Fprintf(&b, "\n## %s\n\n**%s.** %s\n\n| Route | Needs |\n|---|---|\n", s.ID, s.Title, s.About)
		for _, r := range s.Routes {
			fmt.Fprintf(&b, "| `%s %s` | %s |\n", r.Method, r.Path, cell(r.Policy.String()))
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// writeDeviationDocs writes where the demo server answers otherwise than the originals.
func writeDeviationDocs(w io.Writer) error {
	list, err := vectors.Deviations()
	if err != nil {
		return err
	}
	var b strings.Builder
	cases := map[string]int{}
	var ids []string
	for _, d := range list {
		if !slices.Contains(ids, d.System) {
			ids = append(ids, d.System)
		}
		cases[d.System] += len(d.Cases)
	}
	b.WriteString("# Where the demo server answers otherwise than the originals\n\nWritten by `make docs` from `demo/deviations.yaml`; do not edit.\n\n" +
		"The applications that the demo server replaces were run, and what they answered was recorded, request by request. The demo\n" +
		"server answers the same, but where the original crashes (500) or is unsafe. Each such answer is below; the tests replay\n" +
		"every recorded request and fail for one that differs and is not here.\n\n" +
		"Said once for all systems: session cookies have another name (`__Host-gh_<system>`), hold a random token only, and are\n" +
		"Secure, HttpOnly and SameSite=Lax; HTML pages are ours; a Location may be relative.\n\n| System | Recorded | Otherwise |\n|---|---|---|\n")
	for _, id := range ids {
		fmt.Fprintf(&b, "| [%s](#%s) | %d | %d |\n", id, id, len(vectors.Of(id)), cases[id])
	}
	for _, id := range ids {
		fmt.Fprintf(&b, "\n## %s\n\n| Requests | Status | The original | The demo server | Why |\n|---|---|---|---|---|\n", id)
		for _, d := range list {
			if d.System != id {
				continue
			}
			status := "same"
			if d.Status != 0 {
				status = fmt.Sprint(d.Status)
			}
			if len(d.Differs) > 0 {
				status += "; other " + strings.Join(d.Differs, ", ")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", strings.ReplaceAll(cell(strings.Join(d.Cases, "\x00")), "\x00", "<br>"), status, cell(d.Original), cell(d.Ours), cell(d.Why))
		}
	}
	_, err = io.WriteString(w, b.String())
	return err
}
