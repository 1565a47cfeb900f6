package stack

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

//go:embed compose.yaml
var composeFile []byte

// WriteCompose writes compose.yaml and all that it names to a folder: the
// configuration files, new random secrets in .env, and signing keys. Files that
// are there stay, so that a second call does not change the secrets of a database
// that has data. It returns the paths it wrote.
//
// .env has mode 0600. The key sets have mode 0644 in a folder of mode 0700: the
// users inside the containers are others than the one who runs this.
func WriteCompose(dir string) ([]string, error) {
	files := map[string][]byte{"compose.yaml": composeFile, "story/namespaces.ts": []byte(DefaultOPL)}
	entries, err := configFiles.ReadDir("config")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		b, err := ConfigFile(e.Name())
		if err != nil {
			return nil, err
		}
		files["config/"+e.Name()] = b
	}
	for _, name := range []string{"tokenizer", "id_token"} {
		if files["secrets/"+name+".jwks.json"], err = newKeySet(); err != nil {
			return nil, err
		}
	}
	files[".env"] = fmt.Appendf(nil, "POSTGRES_PASSWORD=%s\nKRATOS_COOKIE_SECRET=%s\nKRATOS_CIPHER_SECRET=%s\nKEYCLOAK_ADMIN_PASSWORD=%s\n",
		randomText(), randomText(), randomText(), randomText())

	for _, sub := range []struct {
		name string
		mode fs.FileMode
	}{{"", 0o755}, {"config", 0o755}, {"story", 0o755}, {"secrets", 0o700}} {
		if err := os.MkdirAll(filepath.Join(dir, sub.name), sub.mode); err != nil {
			return nil, err
		}
	}
	var written []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		mode := fs.FileMode(0o644)
		if name == ".env" {
			mode = 0o600
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return written, err
		}
		_, err = f.Write(files[name])
		if err = errors.Join(err, f.Close()); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}
