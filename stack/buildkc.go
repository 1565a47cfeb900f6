package stack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// The databases that a Keycloak distribution can be made ready for. It is a build
// option of Keycloak: each needs a distribution of its own.
const (
	kcFileDB   = "dev-file"
	kcPostgres = "postgres"
)

// findKeycloak returns a distribution made ready for a database: from the folder
// named by flag, or from a kc.sh of the right version on the PATH, or downloaded.
// A distribution that is not ours is copied and never changed.
func (b *builder) findKeycloak(ctx context.Context, java, flag, db string) (program, error) {
	if flag != "" {
		src, err := filepath.Abs(flag)
		if err != nil {
			return program{}, err
		}
		version, err := distVersion(src)
		if err != nil {
			return program{}, fmt.Errorf("--keycloak-dist: %w; name the folder that holds bin, lib and version.txt", err)
		}
		return b.copiedKeycloak(ctx, java, src, version, db, "flag")
	}
	if src, ok := keycloakOnPath(); ok {
		return b.copiedKeycloak(ctx, java, src, KeycloakVersion, db, "PATH")
	}
	key := fmt.Sprintf("keycloak-%s-%s-%s", KeycloakVersion, lockHash(Keycloak), db)
	path, err := b.keycloakDist(ctx, java, key, db, b.downloadKeycloak)
	return program{path, KeycloakVersion, "built"}, err
}

// copiedKeycloak readies a copy of somebody else's distribution. The key holds
// where it is and when it last changed, so that an upgrade in place is noticed.
func (b *builder) copiedKeycloak(ctx context.Context, java, src, version, db, origin string) (program, error) {
	info, err := os.Stat(filepath.Join(src, "version.txt"))
	if err != nil {
		return program{}, err
	}
	key := fmt.Sprintf("keycloak-%s-%s-%s", version, hash([]byte(src), []byte(info.ModTime().String())), db)
	path, err := b.keycloakDist(ctx, java, key, db, func(_ context.Context, dir string) (string, error) {
		b.say(Keycloak, "copying "+src)
		dst := filepath.Join(dir, "keycloak-"+version)
		return dst, os.CopyFS(dst, os.DirFS(src))
	})
	return program{path, version, origin}, err
}

// keycloakDist returns the folder of a distribution that was made ready once. get
// puts the plain distribution under dir and returns its folder.
func (b *builder) keycloakDist(ctx context.Context, java, key, db string, get func(ctx context.Context, dir string) (string, error)) (string, error) {
	waiting := func() { b.say(Keycloak, "another gatehouse prepares the distribution already: waiting for it") }
	entry, err := b.cache.once(ctx, key, waiting, func(dir string) error {
		dist, err := get(ctx, dir)
		if err != nil {
			return err
		}
		doing := "preparing the distribution for " + db
		b.say(Keycloak, doing+" (once on this machine; half a minute)")
		cmd := exec.Command(java, append(javaArgs(dist), "build", "--health-enabled=true", "--db="+db)...)
		cmd.Env = childEnv()
		cmd.Dir = dir
		if err := b.tool(ctx, Keycloak, doing, key, cmd); err != nil {
			return err
		}
		return os.Rename(dist, filepath.Join(dir, "dist"))
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(entry, "dist"), nil
}

// downloadKeycloak lets Maven fetch and unpack the distribution: Maven checks its
// checksum, keeps it in the local repository and knows the user's mirrors.
func (b *builder) downloadKeycloak(ctx context.Context, dir string) (string, error) {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("there is no Maven on the PATH, and Keycloak %s was not fetched here before; install Maven, or unpack the distribution from https://www.keycloak.org/downloads and name its folder with --keycloak-dist", KeycloakVersion)
	}
	pom := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(pom, lockFile("keycloak.pom.xml"), 0o600); err != nil {
		return "", err
	}
	doing := "fetching " + KeycloakVersion
	b.say(Keycloak, doing+" with Maven (once on this machine; 176 MB)")
	cmd := exec.Command(mvn, "-q", "-B", "-f", pom, "initialize", "-Ddir="+dir)
	cmd.Dir = dir
	if err := b.tool(ctx, Keycloak, doing, "keycloak-fetch", cmd); err != nil {
		return "", err
	}
	dist := filepath.Join(dir, "keycloak-"+KeycloakVersion)
	if v, err := distVersion(dist); err != nil || v != KeycloakVersion {
		return "", fmt.Errorf("there is no Keycloak %s in %s after Maven ran (%v)", KeycloakVersion, dist, err)
	}
	for _, leftover := range []string{pom, filepath.Join(dir, ".markers")} {
		if err := os.RemoveAll(leftover); err != nil {
			return "", err
		}
	}
	return dist, nil
}

var distVersionText = regexp.MustCompile(`(?i)version\s+(\d+\.\d+\.\d+\S*)`)

// distVersion reads the version of a distribution from its version.txt
// ("Keycloak - Version 26.7.3").
func distVersion(dist string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dist, "version.txt"))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s is no Keycloak distribution", dist)
		}
		return "", err
	}
	if m := distVersionText.FindStringSubmatch(string(b)); m != nil {
		return m[1], nil
	}
	return "", fmt.Errorf("%s/version.txt names no version", dist)
}

// keycloakOnPath finds the distribution that a kc.sh on the PATH belongs to, if
// it has exactly the version that would be fetched.
func keycloakOnPath() (string, bool) {
	sh, err := exec.LookPath("kc.sh")
	if err != nil {
		return "", false
	}
	if sh, err = filepath.EvalSymlinks(sh); err != nil {
		return "", false
	}
	dist, err := filepath.Abs(filepath.Dir(filepath.Dir(sh)))
	if err != nil {
		return "", false
	}
	v, err := distVersion(dist)
	return dist, err == nil && v == KeycloakVersion
}

// javaArgs are what stands before Keycloak's own arguments. Java is called
// directly because kc.sh stays as a shell between us and Java: killing the shell
// leaves Java running. The values are those of kc.sh, but for a small and quickly
// starting server: one garbage collector thread, the first compiler stage only.
func javaArgs(dist string) []string {
	return []string{
		"-Xms128m", "-Xmx768m", "-XX:MetaspaceSize=96M", "-XX:MaxMetaspaceSize=256m", "-Dfile.encoding=UTF-8",
		"-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
		"--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
		"--add-opens=java.base/java.security=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED",
		"-Duser.language=en", "-Duser.country=US",
		"-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
		"-Dkc.home.dir=" + dist, "-Djboss.server.config.dir=" + filepath.Join(dist, "conf"),
		"-Djava.util.logging.manager=org.jboss.logmanager.LogManager", "-Dpicocli.disable.closures=true",
		"-cp", filepath.Join(dist, "lib", "quarkus-run.jar"),
		"io.quarkus.bootstrap.runner.QuarkusEntryPoint",
	}
}
