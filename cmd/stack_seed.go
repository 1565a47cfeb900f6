package cmd

import (
	"gatehouse/stack"
)

// defaultSeed is what a stack is filled with unless told otherwise.
const defaultSeed = "none"

// prepareSeed completes the options of a stack with what the name of a seed stands for.
func prepareSeed(o *stack.Options, name string) error {
	switch name {
	case "", "none":
		return nil
	default:
		return usageError("--seed is %q; use story or none", name)
	}
}
