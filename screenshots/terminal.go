package main

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// terminal is the real program on a pseudo terminal whose other end is emulated.
type terminal struct {
	mu   sync.Mutex
	em   *vt.Emulator
	tty  *os.File
	cmd  *exec.Cmd
	done chan struct{}
}

// open starts the program on a screen of w by h cells.
func open(ctx context.Context, look look, w, h int, program string, args ...string) (*terminal, error) {
	t := &terminal{em: vt.NewEmulator(w, h), cmd: exec.CommandContext(ctx, program, args...), done: make(chan struct{})}
	t.em.SetDefaultBackgroundColor(look.background) // the program asks for it, and takes its light or dark theme
	t.em.SetDefaultForegroundColor(look.text)
	t.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=")
	tty, err := pty.StartWithSize(t.cmd, &pty.Winsize{Rows: uint16(h), Cols: uint16(w)})
	if err != nil {
		return nil, err
	}
	t.tty = tty
	go io.Copy(tty, t.em) //nolint:errcheck // the terminal's answers to the program's questions
	go func() {
		defer close(t.done)
		buf := make([]byte, 32<<10)
		for {
			n, err := tty.Read(buf)
			t.mu.Lock()
			t.em.Write(buf[:n]) //nolint:errcheck // it never fails
			t.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return t, nil
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.em.String()
}

// await waits until all texts are on the screen and nothing moves any more.
func (t *terminal) await(texts ...string) error {
	last, since := "", time.Now()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		screen, missing := t.text(), ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				missing = text
			}
		}
		if screen != last {
			last, since = screen, time.Now()
		}
		if missing == "" && time.Since(since) > 400*time.Millisecond {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("waited for %q; the screen is\n%s", missing, screen)
		}
	}
}

// names of keys as they are sent; anything else is sent as it is.
var names = map[string]string{"enter": "\r", "esc": "\x1b", "tab": "\t", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "space": " ", "^u": "\x15"}

// keys types: names of keys, or text. A pause after each keeps esc and what
// follows it apart.
func (t *terminal) keys(keys ...string) error {
	for _, k := range keys {
		if seq, ok := names[k]; ok {
			k = seq
		}
		if _, err := io.Copy(t.tty, bytes.NewBufferString(k)); err != nil {
			return err
		}
		time.Sleep(120 * time.Millisecond)
	}
	return nil
}

// close ends the program.
func (t *terminal) close() {
	t.cmd.Process.Kill() //nolint:errcheck // it may have ended
	t.cmd.Wait()         //nolint:errcheck // killed
	t.tty.Close()
	<-t.done
}

// look is a colour scheme of a terminal.
type look struct{ background, text color.RGBA }

var (
	dark  = look{color.RGBA{0x16, 0x18, 0x22, 0xff}, color.RGBA{0xd5, 0xd9, 0xe8, 0xff}}
	light = look{color.RGBA{0xfb, 0xfb, 0xf8, 0xff}, color.RGBA{0x22, 0x25, 0x30, 0xff}}
)
