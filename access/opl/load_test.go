package opl_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/access/opl"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "one file.ts"), company)
	fetch := func(_ context.Context, url string) (io.ReadCloser, error) {
		if url != "https://models/company.ts" {
			return nil, errors.New("not there")
		}
		return io.NopCloser(strings.NewReader(company)), nil
	}
	for _, source := range []string{
		file,
		"file://" + file,
		"file://" + strings.ReplaceAll(file, " ", "%20"),
		"https://models/company.ts",
		"base64://" + base64.StdEncoding.EncodeToString([]byte(company)),
	} {
		l, err := opl.Load(t.Context(), source, fetch)
		if err != nil || len(l.Errors) > 0 || len(l.Files) != 1 {
			t.Errorf("%.60s: %v %+v", source, err, l)
			continue
		}
		view := l.Model.Relation("File", "view")
		if view == nil || view.Pos.File != l.Files[0] || !strings.Contains(l.Model.Line(view.Pos.File, view.Pos.Start.Line), "view:") {
			t.Errorf("%.60s: %+v", source, view)
		}
	}
	t.Chdir(dir)
	if _, err := opl.Load(t.Context(), "file://./one file.ts", nil); err != nil {
		t.Error(err)
	}
}

// Keto reads every file of a folder, parses each alone and puts all together.
func TestLoadFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.ts"), "class B implements Namespace { related: { a: A[] } }")
	write(t, filepath.Join(dir, "sub", "a.txt"), "class A implements Namespace { related: { x: A[] y: A[] } permits = { p: (ctx) => this.permits.x(ctx) && this.permits.y(ctx) || this.permits.x(ctx) } }")
	l, err := opl.Load(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Files) != 2 || l.Model.Namespace("A") == nil || l.Model.Namespace("B") == nil {
		t.Errorf("%+v", l)
	}
	if len(l.Errors) != 1 || !strings.HasSuffix(l.Errors[0].File, "b.ts") || !strings.Contains(l.Errors[0].Message, `found "A"`) {
		t.Errorf("a class of another file was found: %v", l.Errors)
	}
	if len(l.Model.Warnings) != 1 || l.Model.Warnings[0].Kind != opl.MixedOperators {
		t.Errorf("warnings %v", l.Model.Warnings)
	}
	write(t, filepath.Join(dir, "c.ts"), "class A implements Namespace {}")
	l, err = opl.Load(t.Context(), dir, nil)
	if err != nil || len(l.Model.Warnings) != 2 || l.Model.Warnings[1].Kind != opl.DuplicateNamespace {
		t.Errorf("%v %v", l.Model.Warnings, err)
	}
}

func TestLoadFails(t *testing.T) {
	dir := t.TempDir()
	big := write(t, filepath.Join(dir, "big.ts"), strings.Repeat(" ", opl.MaxSource+1))
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "linked")
	if err := os.Mkdir(link, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "gone.ts"), filepath.Join(link, "a.ts")); err != nil {
		t.Fatal(err)
	}
	endless := func(context.Context, string) (io.ReadCloser, error) { return io.NopCloser(endlessReader{}), nil }
	refused := func(context.Context, string) (io.ReadCloser, error) { return nil, errors.New("connection refused") }
	for _, c := range []struct {
		source string
		fetch  opl.Fetch
		want   string
	}{
		{filepath.Join(dir, "none.ts"), nil, "none.ts: no such file"},
		{"file://", nil, "names no file"},
		{"file://%zz", nil, "%zz"},
		{empty, nil, "no files in it"},
		{big, nil, "larger than"},
		{link, nil, "no such file"},
		{"/dev/null", nil, "not a regular file"},
		{"ftp://x/y", nil, `"ftp://…" is neither`},
		{"base64://%%%", nil, "not standard base64"},
		{"base64://" + base64.StdEncoding.EncodeToString(make([]byte, opl.MaxSource+1)), nil, "larger than"},
		{"https://x/y", nil, "nothing is there to fetch it with"},
		{"https://", endless, "cannot be read"},
		{"https://x/y", endless, "larger than"},
		{"https://me:secret@x/y", refused, "connection refused"},
	} {
		_, err := opl.Load(t.Context(), c.source, c.fetch)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.40s: %v, want %s", c.source, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := opl.Load(ctx, dir, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

type endlessReader struct{}

func (endlessReader) Read(p []byte) (int, error) { return len(p), nil }
