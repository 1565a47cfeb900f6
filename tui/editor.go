package tui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui/clean"
)

// editorMax is how large a text may come back from an editor.
const editorMax = 8 << 20

// errNoEditor says what to set.
var errNoEditor = errors.New("open the editor: neither VISUAL nor EDITOR is set; set one before the console is started, as in EDITOR=vi")

// EditText lets a person edit a text in their own editor: VISUAL, else EDITOR. The
// console steps aside until the editor ends; then done gets the text on the loop, while
// the screen is open. name ends the name of the file ("identity.json"), so that the
// editor knows what it is. The file is readable by its owner alone and removed before
// done is called, whatever became of the editor; an error leaves the caller with the
// text that it had.
func EditText(h Host, name, text string, done func(text string, err error)) {
	f := h.own()
	command := editorCommand()
	if command == "" {
		done(text, errNoEditor)
		return
	}
	file, err := editorFile(name, text)
	if err != nil {
		done(text, fmt.Errorf("open the editor: %w", err))
		return
	}
	// The variable may carry options, and is the person's own: a shell reads it, as git does.
	cmd := exec.CommandContext(f.app.ctx, "sh", "-c", command+` "$1"`, "sh", file)
	f.app.start(tea.ExecProcess(cmd, func(err error) tea.Msg {
		edited, err := editorText(command, file, text, err)
		return answer{f, func(gone bool) {
			if !gone {
				done(edited, err)
			}
		}}
	}))
}

// WhyNoEditor is why EditText cannot work here; empty when it can.
func WhyNoEditor() string {
	if editorCommand() == "" {
		return "neither VISUAL nor EDITOR is set: set one before the console is started, as in EDITOR=vi"
	}
	return ""
}

func editorCommand() string {
	if c := os.Getenv("VISUAL"); c != "" {
		return c
	}
	return os.Getenv("EDITOR")
}

// editorFile writes the text into a new file that only its owner can read.
func editorFile(name, text string) (string, error) {
	file, err := os.CreateTemp("", "gatehouse-*-"+clean.FileName(name)) // mode 0600
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(file, text)
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

// editorText takes the text out of the file and removes it.
func editorText(command, file, before string, ended error) (string, error) {
	defer os.Remove(file)
	if ended != nil {
		return before, fmt.Errorf("open the editor: %s ended with: %w; nothing was changed", command, ended)
	}
	in, err := os.Open(file)
	if err != nil {
		return before, fmt.Errorf("read the edited text: %w", err)
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, editorMax+1))
	if err == nil && len(b) > editorMax {
		err = fmt.Errorf("it is larger than %d MB; nothing was changed", editorMax>>20)
	}
	if err != nil {
		return before, fmt.Errorf("read the edited text: %w", err)
	}
	return string(b), nil
}

// editAction lets the value under the focus be edited in an editor.
func (f *formScreen) editAction(busy func() string) Action {
	return Action{Name: "editor", Keys: []string{"ctrl+e"}, Footer: 5, Help: "Edit this value in your own editor (VISUAL or EDITOR): for long texts and JSON.",
		Why: func() string {
			field := f.fieldNow()
			switch {
			case busy() != "":
				return busy()
			case field == nil || len(field.Choices) > 0:
				return "this one is chosen: ← → move between the values"
			case field.Secret:
				return "a secret is not written into a file: type it here"
			}
			return WhyNoEditor()
		}, Run: Do(f.edit)}
}

func (f *formScreen) fieldNow() *FormField {
	if f.at < len(f.fields) {
		return &f.fields[f.at]
	}
	return nil
}

// edit opens the editor on the value under the focus.
func (f *formScreen) edit() {
	field := *f.fieldNow()
	name, text := lastPart(field.Name)+".txt", f.current().text()
	if field.JSON {
		name, text = lastPart(field.Name)+".json", IndentJSON(text)
	}
	EditText(f, name, text, func(edited string, err error) {
		if err != nil {
			f.Fail(err)
			return
		}
		if field.JSON {
			edited = CompactJSON(edited)
		} else {
			edited = withoutLastLine(text, edited)
		}
		f.inputs[field.Name].set(edited)
		f.changed(field.Name)
	})
}

// withoutLastLine takes off the line feed that editors put at the end of a file.
func withoutLastLine(before, after string) string {
	if n := len(after); n > 0 && after[n-1] == '\n' && (before == "" || before[len(before)-1] != '\n') {
		return after[:n-1]
	}
	return after
}
