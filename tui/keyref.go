package tui

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// KeyReference writes the keys of screens as Markdown: first those that work
// everywhere, then what is common to lists and details, then each screen. The
// screens need not have been started. It is made from the same actions that the
// program dispatches, so it cannot be out of date.
func KeyReference(w io.Writer, screens ...Screen) error {
	out := bufio.NewWriter(w)
	reserved, rest := New(context.Background(), Options{}).globals()
	sheet(out, everywhere, append(reserved, rest...))
	shared := map[string][]Action{}
	own := make([][]Action, len(screens))
	for i, s := range screens {
		for _, act := range s.Actions() {
			if !slices.Contains(sharedGroups, act.Group) {
				own[i] = append(own[i], act)
			} else if !slices.ContainsFunc(shared[act.Group], func(o Action) bool { return o.Name == act.Name && slices.Equal(o.Keys, act.Keys) }) {
				shared[act.Group] = append(shared[act.Group], act)
			}
		}
	}
	for _, group := range sharedGroups {
		sheet(out, group, shared[group])
	}
	for i, s := range screens {
		sheet(out, s.Title(), own[i])
	}
	return out.Flush()
}

// sharedGroups are the headings under which many screens have the same actions.
var sharedGroups = []string{groupMove, groupList, groupDetail}

// sheet writes one table. What fails is told by Flush.
func sheet(w io.Writer, title string, acts []Action) {
	if len(acts) == 0 {
		return
	}
	fmt.Fprintf(w, "## %s\n\n| Key | Action | |\n|---|---|---|\n", strings.ToUpper(title[:1])+title[1:])
	for _, act := range acts {
		keys := make([]string, len(act.Keys))
		for i, k := range act.Keys {
			keys[i] = "`" + KeyName(k) + "`"
		}
		if len(keys) == 0 {
			keys = []string{"`:`"}
		}
		help := act.Help
		if act.Danger {
			help += " **Cannot be undone.**"
		} else if act.Mutates {
			help += " *Writes.*"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", strings.Join(keys, " "), act.Name, strings.ReplaceAll(help, "|", `\|`))
	}
	fmt.Fprintln(w)
}
