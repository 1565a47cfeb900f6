package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

//go:embed template.yaml
var template string

// Template is the commented file that Init writes.
func Template() string { return template }

// Init writes the template to the file that the options name, or DefaultPath, and
// returns where. An existing file is kept unless overwrite is set. The file gets
// mode 0600, its folder 0700.
func Init(o Options, overwrite bool) (string, error) {
	path := DefaultPath()
	if p, named := FindPath(o); named {
		path = p
	}
	if _, err := os.Lstat(path); err == nil && !overwrite {
		return path, &Error{File: path, Msg: "exists already and was left as it is", Hint: "use --force to replace it", Err: fs.ErrExist}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return path, fileError(path, err)
	}
	if err := writeFile(path, []byte(template), !overwrite); err != nil {
		return path, fileError(path, err)
	}
	return path, nil
}

// Use makes name the current context of the file and returns the file's path.
// Nothing else of the file changes, comments included; it is replaced in one step
// and left with mode 0600.
func Use(o Options, name string) (string, error) {
	c, err := Load(o)
	if err != nil {
		return "", err
	}
	if c.Path == "" {
		return "", &Error{Msg: "there is no file to remember it in", Hint: "run: gatehouse config init, or set GATEHOUSE_CONTEXT", Err: ErrNotConfigured}
	}
	if _, err := c.choose(name); err != nil {
		return c.Path, err
	}
	path, err := filepath.EvalSymlinks(c.Path) // a file kept elsewhere stays there
	if err != nil {
		return c.Path, fileError(c.Path, err)
	}
	data, err := readFile(path)
	if err != nil {
		return c.Path, fileError(path, err)
	}
	edited, err := setCurrent(string(data), name)
	if err != nil {
		return c.Path, &Error{File: c.Path, Msg: err.Error(), Hint: fmt.Sprintf("write \"current: %s\" into it by hand", name)}
	}
	if err := writeFile(path, []byte(edited), false); err != nil {
		return c.Path, fileError(c.Path, err)
	}
	return c.Path, nil
}

// setCurrent changes the value of the top-level key "current" in the text, or
// adds the key before the first one. The result is read again and must say what
// was wanted and nothing else new, whatever style the file is written in.
func setCurrent(text, name string) (string, error) {
	before, problems := decode([]byte(text), "", nil)
	if len(problems) > 0 {
		return "", problems[0]
	}
	edited := editCurrent(text, name)
	after, problems := decode([]byte(edited), "", nil)
	if len(problems) > 0 || after.Current != name || !slices.Equal(before.Names(), after.Names()) {
		return "", errors.New("\"current\" stands in a form that cannot be changed in place")
	}
	return edited, nil
}

func editCurrent(text, name string) string {
	lines := strings.SplitAfter(text, "\n")
	key, value := findCurrent(text)
	switch {
	case key.line == 0: // no such key: before the first one, or into an empty file
		i := max(0, firstKey(text)-1)
		return strings.Join(slices.Insert(lines, i, "current: "+name+"\n"), "")
	case value != nil && key.column == 1 && key.line <= len(lines):
		line := lines[key.line-1]
		start := strings.Index(line, ":") + 1
		old := strings.TrimSpace(value.GetToken().Origin)
		if at(value).line != key.line || old == "" || !strings.Contains(line[start:], old) {
			rest := strings.TrimLeft(line[start:], " \t\r\n") // "current:" with nothing, or a comment, after it
			if rest != "" && !strings.HasPrefix(rest, "#") {
				return text
			}
			lines[key.line-1] = line[:start] + " " + name + line[start:]
			break
		}
		lines[key.line-1] = line[:start] + strings.Replace(line[start:], old, name, 1)
	}
	return strings.Join(lines, "")
}

// findCurrent is where the key stands and the node of its value.
func findCurrent(text string) (position, ast.Node) {
	root, err := parse([]byte(text))
	if err != nil {
		return position{}, nil
	}
	m, ok := root.(ast.MapNode)
	if !ok {
		return position{}, nil
	}
	for it := m.MapRange(); it.Next(); {
		if s, ok := it.Key().(*ast.StringNode); ok && s.Value == "current" {
			return at(s), it.Value()
		}
	}
	return position{}, nil
}

// firstKey is the line of the first top-level key, 0 when there is none.
func firstKey(text string) int {
	root, err := parse([]byte(text))
	if err != nil {
		return 0
	}
	if m, ok := root.(ast.MapNode); ok {
		if it := m.MapRange(); it.Next() {
			return at(it.Key()).line
		}
	}
	return 0
}

// writeFile replaces a file in one step: a reader sees the old or the new one,
// also when the machine stops in between. With create it refuses an existing file.
func writeFile(path string, data []byte, create bool) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".gatehouse-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	if _, err = tmp.Write(data); err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if create {
		return os.Link(tmp.Name(), path) // unlike a rename, fails when somebody was faster
	}
	return os.Rename(tmp.Name(), path)
}
