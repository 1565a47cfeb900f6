// Package demo is the protected demo server: the applications of the seed documents,
// guarded for real.
//
//	gate      the frame: routes with policies as data, guards, traces, sessions, limits
//	systems/  one folder for each application
//	server    puts them together and listens
//	vectors   what the originals answered, and how answers are held against it
//	demotest  how a test starts a server and replays the vectors
//	tour      the story as text
package demo

import _ "embed"

// Deviations is the table of every recorded answer that ours differs from on purpose.
//
//go:embed deviations.yaml
var Deviations []byte
