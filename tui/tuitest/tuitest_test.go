package tuitest

import (
	"encoding/base64"
	"testing"
)

func TestKeysAreNamedAsBubbleTeaNamesThem(t *testing.T) {
	for _, name := range []string{"a", "A", "?", ":", "/", "ä", "+", "enter", "esc", "tab", "space", "up", "pgdown", "f1", "ctrl+a", "ctrl+space", "alt+m", "shift+tab", "ctrl+shift+up"} {
		if got := Key(name).String(); got != name {
			t.Errorf("Key(%q) is %q", name, got)
		}
	}
}

func TestClipboardIsFoundHoweverItIsWritten(t *testing.T) {
	seq := "abc\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("first")) + "\x07def\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte("second")) + "\x1b\\"
	for cut := range len(seq) {
		var c clipboard
		c.watch([]byte(seq[:cut]))
		c.watch([]byte(seq[cut:]))
		if c.text != "second" {
			t.Errorf("cut at %d: %q", cut, c.text)
		}
	}
}
