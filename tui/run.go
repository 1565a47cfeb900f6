package tui

import (
	"context"
	"fmt"
	"os"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"
)

// Run shows the program in the terminal until the person quits or ctx ends. Without
// a terminal on both ends it fails at once and says what to use instead.
func Run(ctx context.Context, a *App, opts ...tea.ProgramOption) error {
	if !term.IsTerminal(os.Stdin.Fd()) || !term.IsTerminal(os.Stdout.Fd()) {
		return fmt.Errorf("open the console: this is not a terminal; use a command instead (gatehouse help), or run it in a terminal")
	}
	_, err := tea.NewProgram(a, append([]tea.ProgramOption{tea.WithContext(ctx)}, opts...)...).Run()
	return err
}
