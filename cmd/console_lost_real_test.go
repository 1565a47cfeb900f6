package cmd

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"gatehouse/stack/stacktest/faultproxy"
	"gatehouse/tui"
	"gatehouse/tui/tuitest"
)

// isWrite tells the requests that change something.
func isWrite(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// flat is a text without styles, with single spaces.
func flat(s string) string { return strings.Join(strings.Fields(ansi.Strip(s)), " ") }

// A write whose answer is lost is told as unknown, never as failed, and is looked up.
func TestLostWritesAreUnknown(t *testing.T) {
	w := newWalk(t, walkStack(t))
	object := "lost-" + unique(t)
	r := tuitest.NewRig(t, w.app(t.Context(), w.console.tuplesWith("Group:"+object), func(o *tui.Options) { o.RetryAfter = 200 * time.Millisecond }), 120, 40)
	r.Await(t, "the list is read", func() bool { return strings.Contains(flat(r.View()), "No relation tuple matches") })
	t.Cleanup(func() {
		p := plain{t: t}
		p.call("DELETE", walkStack(t).Keto.WriteURL+"/admin/relation-tuples?namespace=Group&object="+object, nil)
	})
	for _, p := range w.proxies {
		p.SetFor(faultproxy.Lost, isWrite)
	}
	r.Press("a", "ctrl+u")
	for _, c := range fmt.Sprintf("Group:%s#members@zoe", object) {
		r.Send(tuitest.Key(string(c)))
	}
	r.Press("enter")
	r.Await(t, "it asks before it writes", func() bool { return strings.Contains(flat(r.View()), "+ Group:"+object) })
	r.Press("y")
	r.Await(t, "the outcome is unknown", func() bool {
		v := strings.ToLower(flat(r.View()))
		return strings.Contains(v, "may have been") || strings.Contains(v, "unknown") || strings.Contains(v, "looked up")
	})
}
