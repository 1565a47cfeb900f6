package opl

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFiles bounds what is read of a folder.
const maxFiles = 1000

// Fetch gets the body of an http or https URL. The reader is closed by Load, which
// reads no more of it than MaxSource.
type Fetch func(ctx context.Context, url string) (io.ReadCloser, error)

// Loaded is what Load found.
type Loaded struct {
	Model *Model
	// Errors are what Keto would refuse. As long as there is one Keto keeps the model
	// that it had before, and only writes a line to its log.
	Errors []*Error
	// Files are the names of the sources, in the order in which they were read.
	Files []string
}

// Load reads a model from where Keto reads it: a file or a folder, as a path or a
// file:// URL, an http(s):// URL, through fetch, or base64://. Of a folder every file
// is read, in its subfolders too and whatever its name ends with, and each is parsed
// alone, as Keto does: a class cannot refer to one in another file.
//
// The error is about getting the source, not about what is in it.
func Load(ctx context.Context, source string, fetch Fetch) (*Loaded, error) {
	scheme, rest, ok := strings.Cut(source, "://")
	if !ok {
		return loadPath(ctx, source)
	}
	switch strings.ToLower(scheme) {
	case "file":
		path, err := filePath(source)
		if err != nil {
			return nil, err
		}
		return loadPath(ctx, path)
	case "http", "https":
		return loadURL(ctx, source, fetch)
	case "base64":
		text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
		if err != nil {
			return nil, fmt.Errorf("cannot read the OPL source base64://…: it is not standard base64: %w", err)
		}
		if len(text) > MaxSource {
			return nil, tooLarge("base64://…")
		}
		return together(map[string]string{"base64://…": string(text)}), nil
	}
	return nil, fmt.Errorf("cannot read the OPL source: %q is neither a file nor a file, http, https or base64 URL", scheme+"://…")
}

// filePath is the path of a file URL; file://./x and file://x, which Keto takes for
// relative paths, are too.
func filePath(source string) (string, error) {
	rest := source[len("file://"):]
	path, err := url.PathUnescape(rest)
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot read the OPL source %s: %w", source, err)
	case path == "":
		return "", fmt.Errorf("cannot read the OPL source %s: it names no file", source)
	}
	return path, nil
}

func loadPath(ctx context.Context, path string) (*Loaded, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the OPL source: %w", plain(err, path))
	}
	paths := []string{path}
	switch {
	case info.IsDir():
		if paths, err = files(ctx, path); err != nil {
			return nil, err
		}
	case !info.Mode().IsRegular(): // opening a pipe would wait for ever
		return nil, fmt.Errorf("cannot read the OPL source %s: it is not a regular file", path)
	}
	texts := make(map[string]string, len(paths))
	for _, p := range paths {
		text, err := readFile(p)
		if err != nil {
			return nil, err
		}
		texts[p] = text
	}
	return together(texts), nil
}

// files are all regular files of a folder, also those that are links.
func files(ctx context.Context, folder string) ([]string, error) {
	var out []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir():
			return nil
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			return err
		}
		if len(out) == maxFiles {
			return fmt.Errorf("there are more than %d files in it", maxFiles)
		}
		out = append(out, path)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the OPL folder %s: %w", folder, plain(err, folder))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("cannot read the OPL folder %s: there are no files in it", folder)
	}
	return out, nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read the OPL source: %w", plain(err, path))
	}
	defer f.Close()
	return readAll(f, path)
}

// readAll reads up to MaxSource bytes.
func readAll(r io.Reader, name string) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSource+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot read the OPL source %s: %w", name, err)
	case len(b) > MaxSource:
		return "", tooLarge(name)
	}
	return string(b), nil
}

func tooLarge(name string) error {
	return fmt.Errorf("cannot read the OPL source %s: it is larger than %d bytes", name, MaxSource)
}

// plain leaves out what the operating system adds around its reason.
func plain(err error, path string) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", path, pe.Err)
	}
	return err
}

func loadURL(ctx context.Context, source string, fetch Fetch) (*Loaded, error) {
	u, err := url.Parse(source)
	if err != nil || u.Host == "" {
		return nil, errors.New("cannot read the OPL source: its URL cannot be read")
	}
	name := u.Redacted()
	if fetch == nil {
		return nil, fmt.Errorf("cannot read the OPL source %s: nothing is there to fetch it with", name)
	}
	body, err := fetch(ctx, source)
	if err != nil {
		return nil, fmt.Errorf("cannot read the OPL source %s: %w", name, err)
	}
	defer body.Close()
	text, err := readAll(body, name)
	if err != nil {
		return nil, err
	}
	return together(map[string]string{name: text}), nil
}

// together parses each source alone and puts the results into one model.
func together(texts map[string]string) *Loaded {
	l := &Loaded{Model: &Model{Sources: texts}}
	for name := range texts {
		l.Files = append(l.Files, name)
	}
	slices.Sort(l.Files)
	for _, name := range l.Files {
		m, errs := Parse(name, texts[name])
		l.Errors = append(l.Errors, errs...)
		l.Model.Namespaces = append(l.Model.Namespaces, m.Namespaces...)
		for _, w := range m.Warnings {
			if w.Kind != DuplicateNamespace && w.Kind != DuplicateRelation { // found again below
				l.Model.Warnings = append(l.Model.Warnings, w)
			}
		}
	}
	l.Model.index()
	return l
}
