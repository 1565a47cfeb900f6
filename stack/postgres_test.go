//go:build unix

package stack_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"gatehouse/stack"
	"gatehouse/stack/stacktest"
)

const pgPassword = "s3cr3t/p@ss word"

// throwAwayPostgres starts a PostgreSQL for one test and returns the URL of its
// superuser, with the password in it. Where the machine has no initdb the test is skipped.
func throwAwayPostgres(t *testing.T) string {
	t.Helper()
	bin := pgBin(t)
	dir, err := os.MkdirTemp("", "gatehouse-pg-") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	as := otherUser(t, dir)
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.SysProcAttr = as()
		cmd.Dir = dir
		return cmd
	}
	pwfile := filepath.Join(dir, "pw")
	if err := os.WriteFile(pwfile, []byte(pgPassword+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-A", "scram-sha-256", "-U", "gate", "--pwfile="+pwfile, "-N").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := stack.FreePort(t)
	server := run("postgres", "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	stop, err := stack.Launch(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	url := fmt.Sprintf("postgres://gate:s3cr3t%%2Fp%%40ss%%20word@127.0.0.1:%d/?sslmode=disable", port)
	stack.Eventually(t, slow, "PostgreSQL", func() bool {
		c, err := pgx.Connect(t.Context(), strings.Replace(url, "/?", "/postgres?", 1))
		if err != nil {
			return false
		}
		return c.Close(t.Context()) == nil
	})
	return url
}

func pgBin(t *testing.T) string {
	t.Helper()
	// Of the versions that a distribution keeps beside each other the newest.
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if p, err := exec.LookPath("initdb"); err == nil {
		found = append([]string{p}, found...)
	}
	for _, p := range slices.Backward(found) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(p), "postgres")); err == nil {
			return filepath.Dir(p)
		}
	}
	t.Skip("there is no initdb on this machine; install PostgreSQL to run the smoke suite on it")
	return ""
}

// otherUser gives the folder to a user as whom PostgreSQL agrees to run: it
// refuses to run as root.
func otherUser(t *testing.T, dir string) func() *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return func() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			t.Skip("PostgreSQL does not run as root, and there is no other user: ", err)
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return func() *syscall.SysProcAttr {
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}

// Kratos, Keto and Keycloak keep their data on PostgreSQL, in databases of their
// own, and their password to themselves.
func TestPostgres(t *testing.T) {
	stacktest.All(t)
	url := throwAwayPostgres(t)
	ownState(t)
	t.Setenv("TEST_DATABASE_URL", url)
	i := detach(t, stack.Options{Name: "pg", Database: "env:TEST_DATABASE_URL"})
	for _, s := range stack.Servers() {
		if why := i.Missing(s); why != "" {
			t.Fatalf("%s is missing: %s", s, why)
		}
	}
	d := write(t, i)
	s := status(t, "pg")
	if s.Database != "postgres" {
		t.Errorf("the database is %q", s.Database)
	}
	if got := databases(t, url); !slices.Equal(got, []string{"pg_keto", "pg_keycloak", "pg_kratos"}) {
		t.Errorf("the databases are %v", got)
	}
	private(t, i, s)
	hiddenPassword(t, s)

	// A restart needs no URL, and finds the data.
	if err := stack.Stop(t.Context(), "pg", false, func(string) {}); err != nil {
		t.Fatal(err)
	}
	i = detach(t, stack.Options{Name: "pg"})
	for _, server := range stack.Servers() {
		d.check(t, i, server)
	}
	if _, ok := keycloakToken(t, i, "s3cr3t/p@ss word"); ok {
		t.Error("the database's password opens Keycloak")
	}

	// A stack neither takes somebody's database nor moves to another one.
	execute(t, url, "CREATE DATABASE other_keto")
	_, err := stack.Up(t.Context(), stack.Options{Name: "other", With: []stack.Server{stack.Keto}, Database: url})
	if err == nil || !strings.Contains(err.Error(), "other_keto") || !strings.Contains(err.Error(), "not of this stack") || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a database of somebody else: %v", err)
	}
	detach(t, stack.Options{Name: "file", With: []stack.Server{stack.Keto}})
	if err := stack.Stop(t.Context(), "file", false, func(string) {}); err != nil {
		t.Fatal(err)
	}
	_, err = stack.Up(t.Context(), stack.Options{Name: "file", With: []stack.Server{stack.Keto}, Database: url})
	if err == nil || !strings.Contains(err.Error(), "keeps its data in another database") {
		t.Errorf("moving to another database: %v", err)
	}

	if err := stack.Stop(t.Context(), "pg", true, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if got := databases(t, url); !slices.Equal(got, []string{"other_keto"}) {
		t.Errorf("after the wipe the databases are %v", got)
	}
	// What compose.yaml runs on an empty server.
	sql, err := stack.ConfigFile("postgres-init.sql")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sql)) {
		if strings.HasPrefix(line, "CREATE") {
			execute(t, url, line)
		}
	}
	if got := databases(t, url); !slices.Equal(got, []string{"keto", "keycloak", "kratos", "other_keto"}) {
		t.Errorf("compose's databases are %v", got)
	}
}

// A database that cannot be used is one clean error without the password.
func TestPostgresErrors(t *testing.T) {
	stack.FreePort(t)
	for url, says := range map[string]string{
		"mysql://root:s3cr3t@127.0.0.1/x":                                   "no PostgreSQL URL",
		"postgres://u:s3cr3t@/x?host=/run/postgresql":                       "Unix socket",
		fmt.Sprintf("postgres://u:s3cr3t@127.0.0.1:%d/", stack.FreePort(t)): "refused",
		"postgres://u:s3cr3t@127.0.0.1:1/?sslmode=sometimes":                "sslmode",
		"env:NO_SUCH_VARIABLE":                                              "NO_SUCH_VARIABLE",
		"file:" + filepath.Join(t.TempDir(), "none"):                        "none",
		"postgres://u:s3cr3t%zz@127.0.0.1/":                                 "no PostgreSQL URL",
	} {
		_, err := stack.Up(t.Context(), stack.Options{Name: "x", Dir: filepath.Join(t.TempDir(), "s"), Unlisted: true, With: []stack.Server{stack.Keto}, Database: url})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// hiddenPassword checks that the database's password is in no process's arguments.
func hiddenPassword(t *testing.T, s stack.Status) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	for _, pid := range append([]int{s.PID}, pids(s)...) {
		args, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "cmdline"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(args), "s3cr3t") {
			t.Errorf("the password is in the arguments of process %d: %q", pid, args)
		}
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), strings.Replace(url, "/?", "/postgres?", 1))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	c := connect(t, url)
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// databases lists those that are not PostgreSQL's own.
func databases(t *testing.T, url string) []string {
	t.Helper()
	c := connect(t, url)
	defer c.Close(t.Context())
	rows, err := c.Query(t.Context(), "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}
