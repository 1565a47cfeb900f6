package tui

import "fmt"

// Check finds what is wrong with the actions of the screen on top: two on one key, a
// key that belongs to the shell, a missing name or help, more in the footer than fit.
// The sweep over all screens (tuitest.Sweep) calls it; the program does not.
func (a *App) Check() []string {
	if len(a.stack) == 0 {
		return nil
	}
	var faults []string
	screen := a.top().screen
	taken := map[string]string{}
	reserved, _ := a.globals()
	for _, act := range reserved {
		for _, k := range act.Keys {
			taken[k] = act.Name + " of the shell"
		}
	}
	for _, act := range screen.Actions() {
		if act.Name == "" || act.Help == "" {
			faults = append(faults, fmt.Sprintf("%s: action %q on %v has no name or no help", screen.Title(), act.Name, act.Keys))
		}
		for _, k := range act.Keys {
			if other, ok := taken[k]; ok {
				faults = append(faults, fmt.Sprintf("%s: key %q is both %q and %q", screen.Title(), k, other, act.Name))
			}
			taken[k] = act.Name
		}
	}
	return faults
}

// Busy is whether the screen on top waits for an answer; tests ask for it.
func (a *App) Busy() bool { return len(a.stack) > 0 && a.top().busy() != nil }
