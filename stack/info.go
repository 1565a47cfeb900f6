package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Server names one of the four programs a stack is made of. The values are the
// names that flags, JSON and log files use.
type Server string

// The servers, in the order in which they are listed everywhere.
const (
	Kratos     Server = "kratos"
	Keto       Server = "keto"
	Keycloak   Server = "keycloak"
	Oathkeeper Server = "oathkeeper"
)

// Servers lists all servers in the order in which they are shown.
func Servers() []Server { return []Server{Kratos, Keto, Keycloak, Oathkeeper} }

// Info is what `gatehouse stack up --json` prints once everything is ready. It
// holds no secret: the Keycloak password is in a file that only the owner reads.
type Info struct {
	// Name is the stack's name, unique among the stacks of one user.
	Name string `json:"name"`
	// Dir is the folder with the stack's data, configs and logs.
	Dir string `json:"dir"`
	// Config is a file that `gatehouse --config` takes.
	Config string `json:"config"`
	// PID is the process that supervises the servers; they end when it ends.
	PID        int            `json:"pid"`
	Kratos     KratosInfo     `json:"kratos"`
	Keto       KetoInfo       `json:"keto"`
	Keycloak   KeycloakInfo   `json:"keycloak"`
	Oathkeeper OathkeeperInfo `json:"oathkeeper"`
}

// Absent is the part that every server's entry shares. In JSON an entry with
// Missing set is {"missing":"why, and what to do"} and nothing else.
type Absent struct {
	// Missing says in one sentence why the server does not run and what to do about it;
	// empty for a server that runs.
	Missing string `json:"missing,omitempty"`
}

// KratosInfo says where Kratos listens. URLs have no trailing slash.
type KratosInfo struct {
	Absent
	PublicURL string `json:"public_url,omitempty"`
	AdminURL  string `json:"admin_url,omitempty"`
	Version   string `json:"version,omitempty"` // as the server itself reports it
}

// KetoInfo says where Keto listens. URLs have no trailing slash.
type KetoInfo struct {
	Absent
	ReadURL  string `json:"read_url,omitempty"`
	WriteURL string `json:"write_url,omitempty"`
	OPLURL   string `json:"opl_url,omitempty"`
	// OPL is the path of the file with the namespaces. Keto watches it: a change takes effect without a restart.
	OPL     string `json:"opl,omitempty"`
	Version string `json:"version,omitempty"`
}

// KeycloakInfo says where Keycloak listens and who may administer it.
type KeycloakInfo struct {
	Absent
	URL           string `json:"url,omitempty"`
	AdminUsername string `json:"admin_username,omitempty"`
	// AdminPasswordFile is a file of mode 0600; read it with Password.
	AdminPasswordFile string `json:"admin_password_file,omitempty"`
	// Realm is the realm to look at first; "master" in a stack without the story.
	Realm   string `json:"realm,omitempty"`
	Version string `json:"version,omitempty"`
}

// Password reads the administrator's password from AdminPasswordFile.
func (k KeycloakInfo) Password() (string, error) {
	b, err := os.ReadFile(k.AdminPasswordFile)
	if err != nil {
		return "", fmt.Errorf("read the Keycloak administrator's password: %w", err)
	}
	pw := strings.TrimSpace(string(b))
	if pw == "" {
		return "", fmt.Errorf("read the Keycloak administrator's password: %s is empty", k.AdminPasswordFile)
	}
	return pw, nil
}

// OathkeeperInfo says where Oathkeeper listens.
type OathkeeperInfo struct {
	Absent
	ProxyURL string `json:"proxy_url,omitempty"`
	APIURL   string `json:"api_url,omitempty"`
	Version  string `json:"version,omitempty"`
}

// Missing answers why a server does not run; "" means that it does.
func (i Info) Missing(s Server) string {
	switch s {
	case Kratos:
		return i.Kratos.Missing
	case Keto:
		return i.Keto.Missing
	case Keycloak:
		return i.Keycloak.Missing
	case Oathkeeper:
		return i.Oathkeeper.Missing
	}
	return fmt.Sprintf("there is no server %q", s)
}

// setMissing replaces a server's entry by the reason why it does not run.
func (i *Info) setMissing(s Server, why string) {
	switch s {
	case Kratos:
		i.Kratos = KratosInfo{Absent: Absent{Missing: why}}
	case Keto:
		i.Keto = KetoInfo{Absent: Absent{Missing: why}}
	case Keycloak:
		i.Keycloak = KeycloakInfo{Absent: Absent{Missing: why}}
	case Oathkeeper:
		i.Oathkeeper = OathkeeperInfo{Absent: Absent{Missing: why}}
	}
}

// ReadInfo reads the JSON of `gatehouse stack up --json` from a file. The error
// names the file; errors.Is(err, fs.ErrNotExist) tells a missing one.
func ReadInfo(path string) (Info, error) {
	var i Info
	b, err := os.ReadFile(path)
	if err != nil {
		return i, fmt.Errorf("read the stack's description: %w", err)
	}
	if err := json.Unmarshal(b, &i); err != nil {
		return i, fmt.Errorf("read the stack's description: %s: %w", path, err)
	}
	if i.Kratos == (KratosInfo{}) && i.Keto == (KetoInfo{}) && i.Keycloak == (KeycloakInfo{}) && i.Oathkeeper == (OathkeeperInfo{}) {
		return i, fmt.Errorf("read the stack's description: %s: %w", path, errors.New("no server in it; it should be what `gatehouse stack up --json` prints"))
	}
	return i, nil
}
