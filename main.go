// Command gatehouse is a terminal console for identity and access: one program
// over Ory Kratos, Ory Keto and Keycloak.
package main

import (
	"context"
	"os"

	"gatehouse/cmd"
)

func main() { os.Exit(cmd.Main(context.Background(), os.Args[1:], cmd.OSWorld())) }
