package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

const (
	// secretDeadline bounds cmd: and keyring:, which may wait for a locked vault.
	secretDeadline = 10 * time.Second
	// maxSecret bounds what a reference may give; a private key fits.
	maxSecret = 64 << 10
)

// Resolve gives the value. Errors name the reference and never the value. What a
// command or the keyring answered is kept for the life of the process, because
// tokens are renewed every minute and a vault may ask a person each time; see
// Forget. Variables and files are read anew, so that a rotated secret is seen.
func (s Secret) Resolve(ctx context.Context) (string, error) {
	if s.s == nil {
		return "", errors.New("no secret is set")
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	if s.s.cached != nil {
		return *s.s.cached, nil
	}
	value, err := s.s.read(ctx)
	if err == nil && value == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", s.Reference(), err)
	}
	if s.s.scheme == "cmd" || s.s.scheme == "keyring" {
		s.s.cached = &value
	}
	return value, nil
}

// Forget drops what Resolve kept, for when the server refused the value: it may
// have been changed in the vault.
func (s Secret) Forget() {
	if s.s == nil || s.s.scheme == "env" {
		return
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.cached = nil
}

func (s *secret) read(ctx context.Context) (string, error) {
	switch s.scheme {
	case "env":
		lookup := s.lookup
		if lookup == nil {
			lookup = os.LookupEnv
		}
		value, ok := lookup(s.ref)
		if !ok {
			return "", errors.New("the variable is not set")
		}
		return value, nil
	case "file":
		return readSecretFile(expand(s.ref, s.baseDir))
	case "cmd":
		return runSecretCommand(ctx, s.ref)
	case "keyring":
		return readKeyring(ctx, s.ref)
	default:
		return s.ref, nil
	}
}

// readSecretFile reads a file that only its owner can read and that is ours (or
// root's: that is how containers mount secrets). The checks are made on the open
// file, so that it cannot be exchanged in between.
func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", errors.Unwrap(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a plain file")
	}
	if err := private(info); err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxSecret {
		return "", errors.New("the file is larger than 64 KiB")
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// runSecretCommand runs one program without a shell and takes its output. Its
// standard error is not shown: password managers print hints there that may hold
// parts of what they were asked for.
func runSecretCommand(ctx context.Context, line string) (string, error) {
	args, err := splitArgs(line)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, secretDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	out := &bounded{limit: maxSecret}
	cmd.Stdout = out
	cmd.WaitDelay = 5 * time.Second // a grandchild that keeps the pipe open must not hold us
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case out.over:
		return "", errors.New("the command printed more than 64 KiB")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", fmt.Errorf("the command did not finish within %s", secretDeadline)
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, exec.ErrWaitDelay):
		return "", errors.New("the command left something running that keeps its output open")
	case errors.As(err, &exit):
		return "", fmt.Errorf("the command failed (%s)", exit.ProcessState)
	case err != nil:
		return "", fmt.Errorf("the command could not be run: %w", err)
	}
	return strings.TrimSpace(out.buf.String()), nil
}

// bounded keeps the first limit bytes and stops the writer after them. The buffer
// is not embedded: its ReadFrom would take the output past the limit.
type bounded struct {
	buf   bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > b.limit {
		b.over = true
		return 0, errors.New("too much output")
	}
	return b.buf.Write(p)
}

// splitArgs cuts a command line at blanks, with '…' and "…" for parts that hold
// blanks and \ before a character that is meant as it is. Nothing is expanded.
func splitArgs(line string) ([]string, error) {
	var args []string
	var cur strings.Builder
	var quote rune
	open, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			cur.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, open = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				cur.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == ' ' || r == '\t' || r == '\n':
			if open {
				args = append(args, cur.String())
				cur.Reset()
				open = false
			}
		default:
			cur.WriteRune(r)
			open = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("the command has a quote that is not closed")
	}
	if open {
		args = append(args, cur.String())
	}
	if len(args) == 0 || args[0] == "" {
		return nil, errors.New("no command is named")
	}
	return args, nil
}

// readKeyring asks the system's keyring, which has no deadline of its own.
func readKeyring(ctx context.Context, ref string) (string, error) {
	i := strings.LastIndexByte(ref, '/')
	if i <= 0 || i == len(ref)-1 {
		return "", errors.New("write it as keyring:SERVICE/USER")
	}
	ctx, cancel := context.WithTimeout(ctx, secretDeadline)
	defer cancel()
	type answer struct {
		value string
		err   error
	}
	ch := make(chan answer, 1)
	go func() {
		value, err := keyring.Get(ref[:i], ref[i+1:])
		ch <- answer{value, err}
	}()
	select {
	case a := <-ch:
		if errors.Is(a.err, keyring.ErrNotFound) {
			return "", errors.New("the keyring has no such entry")
		}
		if len(a.value) > maxSecret {
			return "", errors.New("the entry is larger than 64 KiB")
		}
		return a.value, a.err
	case <-ctx.Done():
		return "", fmt.Errorf("the keyring did not answer: %w", ctx.Err())
	}
}

// expand makes a path of the configuration usable: ~/ is the home folder, and a
// relative path starts at dir.
func expand(path, dir string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if dir != "" && !filepath.IsAbs(path) {
		return filepath.Join(dir, path)
	}
	return path
}

// absolute makes a path of the environment independent of the working folder.
func absolute(path string) string {
	if path == "" || strings.Contains(path, "://") {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
