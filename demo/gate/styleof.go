package gate

// Style is the style sheet of every page, for pages that are not gate's.
func Style() []byte { return style }
