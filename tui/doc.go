// Package tui is the shell of the console: it owns the terminal, the stack of
// screens, the palette, the help, the questions, the toasts and the routing of
// messages. It imports no client; screens live in tui/screens.
package tui
