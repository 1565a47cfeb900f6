package stack

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
)

// The lock files are complete: with them a build needs no tidy and changes
// nothing. They are modules of their own, whose files go:embed refuses under
// the names go.mod and go.sum, hence KIND.mod and KIND.sum.
//
//go:embed lock
var lockFiles embed.FS

// goServer is a server that is built from source with the Go tool.
type goServer struct {
	server  Server
	module  string // path of the module, and of its main package
	version string // as in the lock file
	stamp   string // the variable that holds the version; without it the server calls itself "master"
	sqlite  bool   // knows SQLite, with the build tag sqlite and a C compiler
}

var goServers = map[Server]goServer{
	Kratos:     {Kratos, "github.com/ory/kratos", "v1.3.1", "github.com/ory/kratos/driver/config.Version", true},
	Keto:       {Keto, "github.com/ory/keto", "v0.13.0-alpha.0", "github.com/ory/keto/internal/driver/config.Version", true},
	Oathkeeper: {Oathkeeper, "github.com/ory/oathkeeper", "v0.40.9", "github.com/ory/oathkeeper/x.Version", false},
}

// KeycloakVersion is the Keycloak that a stack runs unless told otherwise.
const KeycloakVersion = "26.7.3"

// Version is the version of a server that a stack builds.
func Version(s Server) string {
	if s == Keycloak {
		return KeycloakVersion
	}
	return goServers[s].version
}

// lockFile returns one embedded file; a missing one is a defect of this build.
func lockFile(name string) []byte {
	b, err := lockFiles.ReadFile("lock/" + name)
	if err != nil {
		panic(fmt.Sprintf("stack: the lock file %s is not in the binary: %v", name, err))
	}
	return b
}

// lockHash identifies what a server is built from.
func lockHash(s Server) string {
	if s == Keycloak {
		return hash(lockFile("keycloak.pom.xml"))
	}
	return hash(lockFile(string(s)+".mod"), lockFile(string(s)+".sum"))
}

// hash is a short name for contents. Each part is preceded by its length, so that
// parts cannot run into each other.
func hash(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:", len(p))
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
