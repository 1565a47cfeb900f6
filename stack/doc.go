// Package stack runs the real servers that gatehouse works on - Ory Kratos, Ory
// Keto, Keycloak and Ory Oathkeeper - as ordinary processes on loopback, without
// containers. It builds them from lock files that are part of the binary, keeps
// the outputs in the user's cache folder, and supervises the processes so that
// none outlives its supervisor.
package stack
