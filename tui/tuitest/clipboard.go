package tuitest

import (
	"bytes"
	"encoding/base64"
)

// osc52 begins the sequence that sets the clipboard of a terminal.
var osc52 = []byte("\x1b]52;c;")

// clipboard watches the output for OSC 52.
type clipboard struct {
	open []byte // the beginning of a sequence whose end has not come yet
	text string
}

func (c *clipboard) watch(b []byte) {
	b = append(c.open, b...)
	c.open = nil
	for {
		i := bytes.Index(b, osc52)
		if i < 0 {
			c.open = bytes.Clone(b[max(0, len(b)-len(osc52)+1):]) // it may have begun
			return
		}
		b = b[i:]
		end := bytes.IndexAny(b[len(osc52):], "\x07\x1b")
		if end < 0 {
			c.open = bytes.Clone(b)
			return
		}
		if text, err := base64.StdEncoding.DecodeString(string(b[len(osc52) : len(osc52)+end])); err == nil {
			c.text = string(text)
		}
		b = b[len(osc52)+end:]
	}
}
