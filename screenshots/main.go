// Command screenshots draws the pictures of the README again: it starts real
// servers with the story in them, runs the real program on an emulated terminal,
// presses keys, and paints what is on the screen.
//
//	go run ./screenshots            all pictures
//	go run ./screenshots home check those
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"gatehouse/stack"
)

// scene is one picture: what is typed after the console has opened, and what must
// then be on the screen.
type scene struct {
	name  string
	look  look
	w, h  int
	steps []step
}

type step struct {
	keys []string
	want []string
}

// scenes are all pictures. They go through the story's first tickets.
var scenes = []scene{
	{"home", dark, 100, 24, []step{{nil, []string{"Ann cannot open the Q3 report", "in 7 namespaces", "● keycloak 26"}}}},
	{"identity", dark, 100, 34, []step{
		{[]string{"/", "ann@acme.example", "enter"}, []string{"Ann Okafor"}},
		{[]string{"enter"}, []string{"the same person in three places", "● keycloak"}}}},
	{"tuples", dark, 110, 26, []step{
		{[]string{":", "tuples Group:finance", "enter"}, []string{"members"}},
		{[]string{"a", "^u", "Group:finance#m"}, []string{"members"}}}},
	{"why", dark, 100, 32, []step{
		{[]string{"enter"}, []string{"they say", "Doc:q3-report#view@"}},
		{[]string{"w"}, []string{"DENIED", "Fixes"}},
		{[]string{"tab"}, []string{"▸ 1"}}}},
	{"check", dark, 100, 24, []step{
		{[]string{"down", "down", "down", "enter"}, []string{"they say", "Doc:payroll-june#view@"}},
		{[]string{"enter"}, []string{"DENIED"}}}},
	{"roles", dark, 110, 24, []step{
		{[]string{"down", "enter"}, []string{"role mappings"}},
		{[]string{"enter"}, []string{"THROUGH", "inherited"}}}},
	{"grant", light, 100, 24, []step{
		{[]string{"down", "enter"}, []string{"role mappings"}},
		{[]string{"enter"}, []string{"THROUGH"}},
		{[]string{"a"}, []string{"realm roles"}},
		{[]string{"learningPortal", "enter"}, []string{"should ben get"}}}},
	{"help", dark, 100, 34, []step{{[]string{":", "identities", "enter"}, []string{"identities   42"}}, {[]string{"?"}, []string{"type to search"}}}},
}

// stackName is also the name of the context in the pictures. The stack lives in a
// folder of its own, apart from the stacks of whoever draws.
const stackName = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, wanted []string) error {
	dir, err := os.MkdirTemp("", "gatehouse-screenshots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv(stack.EnvState, filepath.Join(dir, "state")); err != nil {
		return err
	}
	program := filepath.Join(dir, "gatehouse")
	if err := tool(ctx, "go", "build", "-o", program, "."); err != nil {
		return fmt.Errorf("build the program (run this in the top folder of the project): %w", err)
	}
	up := exec.CommandContext(ctx, program, "stack", "up", "--detach", "--json", "--name", stackName)
	up.Stderr = os.Stderr
	out, err := up.Output()
	if err != nil {
		return fmt.Errorf("start the servers: %w", err)
	}
	defer tool(context.WithoutCancel(ctx), program, "stack", "down", "--name", stackName, "--wipe") //nolint:errcheck // it said why
	var info struct{ Config string }
	if err := json.Unmarshal(out, &info); err != nil {
		return err
	}
	p, err := newPainter()
	if err != nil {
		return err
	}
	for _, s := range scenes {
		if len(wanted) > 0 && !slices.Contains(wanted, s.name) {
			continue
		}
		if err := s.draw(ctx, p, program, info.Config); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println("drawn", filepath.Join("screenshots", s.name+".png"))
	}
	return nil
}

func (s scene) draw(ctx context.Context, p *painter, program, config string) error {
	t, err := open(ctx, s.look, s.w, s.h, program, "--config", config)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.await("What would you like to know?", "● keycloak"); err != nil {
		return err
	}
	for _, st := range s.steps {
		if err := t.keys(st.keys...); err != nil {
			return err
		}
		if err := t.await(st.want...); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join("screenshots", s.name+".png"))
	if err != nil {
		return err
	}
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(f, p.paint(t, s.look)); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func tool(ctx context.Context, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Stderr = os.Stderr
	return c.Run()
}
