package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// keycloakAdmin is the administrator of the realm master.
const keycloakAdmin = "admin"

// h2URL is Keycloak's own file database in its working folder. The options are
// those that Keycloak gives its dev-file database. With "retry" H2 opens its file again
// when it was closed by an interrupt: on a busy machine Keycloak interrupts a thread
// whose transaction takes too long, and without it the database is then closed for
// good ("The database has been closed").
const h2URL = "jdbc:h2:retry:./keycloak;NON_KEYWORDS=VALUE;DB_CLOSE_ON_EXIT=FALSE"

const h2File = "keycloak.mv.db"

// keycloakCommand runs a prepared distribution on loopback. Addresses of databases
// and all secrets go by environment; other users can read arguments.
func keycloakCommand(java, dist string, http, management int) *exec.Cmd {
	return exec.Command(java, append(javaArgs(dist), "--config-file=keycloak.conf", "start", "--optimized",
		"--http-host=127.0.0.1", "--http-port="+strconv.Itoa(http),
		"--http-management-port="+strconv.Itoa(management))...)
}

// keycloakEnv is the part of Keycloak's environment that is this stack's own.
func (k *Stack) keycloakEnv() []string {
	if k.pg == nil {
		return []string{"KC_DB_URL=" + h2URL}
	}
	env := k.pg.keycloakEnv(k.rec.Name)
	if exists(k.pendingPath()) {
		// Has an effect on an empty database alone.
		env = append(env, "KC_BOOTSTRAP_ADMIN_USERNAME="+keycloakAdmin, "KC_BOOTSTRAP_ADMIN_PASSWORD="+k.secrets.KeycloakAdmin)
	}
	return env
}

// passwordPath is the file with the administrator's password.
func (k *Stack) passwordPath() string {
	return filepath.Join(k.serverDir(Keycloak), "admin-password")
}

// pendingPath is a file that is there from before the database is made until the
// administrator's password and the keys are the stack's own. It holds the password
// that the database came with.
func (k *Stack) pendingPath() string { return filepath.Join(k.serverDir(Keycloak), "pending") }

// prepareKeycloak gives a new stack its database: a copy of the template, which
// saves the ten seconds in which Keycloak would create its tables.
func (k *Stack) prepareKeycloak(ctx context.Context, java string, p program) error {
	if err := writePrivate(k.passwordPath(), []byte(k.secrets.KeycloakAdmin+"\n")); err != nil {
		return err
	}
	dir := k.serverDir(Keycloak)
	if k.pg != nil {
		if exists(dir, "settled") || exists(k.pendingPath()) {
			return nil
		}
		return writePrivate(k.pendingPath(), nil)
	}
	if exists(dir, h2File) {
		return nil
	}
	template, err := k.build.keycloakTemplate(ctx, java, p)
	if err != nil {
		return err
	}
	pw, err := os.ReadFile(filepath.Join(template, "password"))
	if err != nil {
		return fmt.Errorf("read the template's password: %w", err)
	}
	if err := writePrivate(k.pendingPath(), pw); err != nil {
		return err
	}
	return copyPrivate(filepath.Join(template, h2File), filepath.Join(dir, h2File))
}

// copyPrivate copies a file to one of mode 0600 that is there whole or not at all.
func copyPrivate(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

// keycloakTemplate returns a folder with a database as Keycloak leaves it after
// its first start, and the administrator's password in it. It is made once on each
// machine: a template that were shipped would give all the world the same keys.
func (b *builder) keycloakTemplate(ctx context.Context, java string, p program) (string, error) {
	key := "template-" + filepath.Base(filepath.Dir(p.path))
	waiting := func() { b.say(Keycloak, "another gatehouse makes the template database already: waiting for it") }
	return b.cache.once(ctx, key, waiting, func(dir string) error {
		b.say(Keycloak, "making a template database (once on this machine; half a minute)")
		conf, err := ConfigFile("keycloak.conf")
		if err != nil {
			return err
		}
		if err := writePrivate(filepath.Join(dir, "keycloak.conf"), conf); err != nil {
			return err
		}
		pw := randomText()
		if err := writePrivate(filepath.Join(dir, "password"), []byte(pw)); err != nil {
			return err
		}
		for attempt := 1; ; attempt++ {
			err := b.firstRun(ctx, java, p.path, dir, pw, filepath.Join(b.cache.dir, "logs", key+".log"))
			if err == nil || !errors.Is(err, errPortTaken) || attempt == 3 {
				return err
			}
		}
	})
}

// firstRun starts Keycloak on an empty database in dir and stops it when it is ready.
func (b *builder) firstRun(ctx context.Context, java, dist, dir, password, logPath string) error {
	where := ports{}
	if err := where.assign(FreePorts, []Server{Keycloak}); err != nil {
		return err
	}
	log, from, err := openLog(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := keycloakCommand(java, dist, where["keycloak.http"], where["keycloak.management"])
	cmd.Dir = dir
	cmd.Env = childEnv("KC_DB_URL="+h2URL, "KC_BOOTSTRAP_ADMIN_USERNAME="+keycloakAdmin, "KC_BOOTSTRAP_ADMIN_PASSWORD="+password)
	cmd.Stdout, cmd.Stderr = log, log
	proc, err := launch(cmd)
	if err != nil {
		return err
	}
	defer proc.stop(grace(Keycloak)) // the database is whole once the process is gone
	return awaited{server: Keycloak, p: proc, ready: where.url("keycloak.management") + "/health/ready",
		ports: []int{where["keycloak.http"], where["keycloak.management"]}, limit: keycloakLimit, poll: 300 * time.Millisecond,
		log: logPath, from: from, say: b.say}.wait(ctx)
}

// settleKeycloak makes a new database the stack's own: a password that no other
// stack has, and signing keys that no other stack has. It does nothing to a
// database that was settled before, and may be interrupted anywhere.
func (k *Stack) settleKeycloak(ctx context.Context) error {
	pending, err := os.ReadFile(k.pendingPath())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if k.pg == nil {
		a := kcAdmin{base: k.url("keycloak.http")}
		if err := a.setPassword(ctx, strings.TrimSpace(string(pending)), k.secrets.KeycloakAdmin); err != nil {
			return fmt.Errorf("give the administrator a password of its own: %w", err)
		}
		if err := a.rotateKeys(ctx, k.secrets.KeycloakAdmin); err != nil {
			return fmt.Errorf("give the realm master keys of its own: %w", err)
		}
	} else if err := writePrivate(filepath.Join(k.serverDir(Keycloak), "settled"), nil); err != nil {
		return err
	}
	return os.Remove(k.pendingPath())
}
