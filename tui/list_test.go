package tui_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"gatehouse/tui"
	"gatehouse/tui/theme"
	"gatehouse/tui/tuitest"
	"gatehouse/tui/widget"
)

func TestListStreamsAndSaysHowFarItIs(t *testing.T) {
	c := newCrowd(1000)
	c.gate = make(chan struct{})
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("people   100 of about 1,000 read ▓░░░░░░░░░", "▸  Person 0")
	for range 4 {
		c.gate <- struct{}{}
	}
	s.Want("500 of about 1,000 read ▓▓▓▓▓░░░░░")
	s.Press("end")
	s.Want("▸  Person 499")
	for range 5 {
		c.gate <- struct{}{}
	}
	s.Want("people   1,000\n")
	s.WantNot("read")
	s.Want("▸  Person 499") // reading on moved nothing
}

func TestListWithoutATotal(t *testing.T) {
	c := newCrowd(300)
	c.total, c.gate = false, make(chan struct{})
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("people   100 read\n")
	close(c.gate)
	s.Want("people   300\n")
}

func TestEscStopsReadingAndMReadsOn(t *testing.T) {
	c := newCrowd(1000)
	c.gate = make(chan struct{})
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("100 of about 1,000")
	s.Press("esc")
	s.Want("stopped: m reads on")
	c.set(func() {
		if c.cancel != 1 {
			t.Errorf("%d requests were cancelled, want the one that was waiting", c.cancel)
		}
	})
	close(c.gate)
	s.Press("m")
	s.Want("people   1,000\n")
	s.Press("m")
	s.Want("everything has been read")
}

func TestFilter(t *testing.T) {
	s := open(t, console(tui.NewList(newCrowd(500).spec())))
	s.Want("people   500\n")
	s.Type("/PERSON49")
	s.Want("/PERSON49", "11 of 500", "Person 490")
	s.Press("down", "enter")
	s.Want(`500   11 match "PERSON49"`, "▸  Person 490")
	s.Press("/")
	s.Type(" !person499 e-mail:9@")
	s.Want("1 of 500", "Person 49 ")
	s.Press("esc")
	s.Want("people   500\n", "▸  Person 49 ") // the cursor stayed on its row
	s.Type("/nobody")
	s.Want(`Nothing matches "nobody" among the 500 that have been read.`)
}

func TestTheKeyThatOpensTheFilterIsNotInIt(t *testing.T) {
	s := open(t, console(tui.NewList(newCrowd(5).spec())))
	s.Want("people   5\n")
	s.Press("/")
	s.Want("/ words")
	s.Type("q?:u") // letters that are keys otherwise
	s.Want("/q?:u", "0 of 5")
}

func TestCursorAndMarksFollowTheirRows(t *testing.T) {
	c := newCrowd(50)
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("people   50\n")
	s.Press("down", "down", "space")
	s.Want("1 marked", "▸  Person 3 ", " * Person 2 ")
	s.Press("s", "S") // by name, turned round
	s.Want("NAME ↓", "▸  Person 3 ")
	c.set(func() { c.all = c.all[1:] }) // Person 0 is gone
	s.Press("ctrl+r")
	s.Want("people   49", "▸  Person 3 ", " * Person 2 ", "NAME ↓")
	c.set(func() { c.all = c.all[2:] }) // and the marked one
	s.Press("ctrl+r")
	s.Want("people   47")
	s.WantNot("marked")
}

func TestReloadThatFailsKeepsTheRows(t *testing.T) {
	c := newCrowd(20)
	o := console(tui.NewList(c.spec()))
	o.Explain = func(err error) tui.Failure {
		return tui.Failure{Kind: "unreachable", What: "list people", Why: err.Error(), Hint: "is it running?"}
	}
	s := open(t, o)
	s.Want("people   20\n")
	c.set(func() { c.err = errors.New("the server is on fire") })
	s.Press("ctrl+r")
	s.Want("✗ list people: the server is on fire; is it running?", "◌ stale since 12:00:00: the server is on fire; ^r tries again", "Person 19")
	s.Press("down")
	s.WantNot("is it running?") // the toast goes with the next key, the words about the rows stay
	s.Want("◌ stale since 12:00:00")
	c.set(func() { c.err = nil })
	s.Press("ctrl+r")
	s.WantNot("stale")
}

func TestWordsWhereThereAreNoRows(t *testing.T) {
	for name, c := range map[string]struct {
		crowd   *crowd
		explain func(error) tui.Failure
		want    []string
	}{
		"empty": {newCrowd(0), nil, []string{"Nobody yet. n makes somebody."}},
		"error": {&crowd{err: errors.New("boom")}, func(error) tui.Failure {
			return tui.Failure{Kind: "denied", What: "list people", Why: "this account may not", Hint: "log in as somebody else"}
		}, []string{"✗ list people: this account may not", "log in as somebody else", "^r tries again; :log shows the request"}},
		"offline": {&crowd{err: errors.New("boom")}, func(error) tui.Failure {
			return tui.Failure{Kind: "unreachable", What: "list people", Why: "nobody answers"}
		}, []string{"○ list people: nobody answers", "^r tries again"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := console(tui.NewList(c.crowd.spec()))
			o.Explain = c.explain
			s := open(t, o)
			s.Want(c.want...)
		})
	}
}

func TestFailureInTheMiddleKeepsWhatWasRead(t *testing.T) {
	c := newCrowd(500)
	c.err, c.errAt = errors.New("cut off"), 300
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("300 of about 500 read", "cut off")
	c.set(func() { c.err = nil })
	s.Press("m")
	s.Want("people   500\n")
	c.set(func() {
		if c.asked != 6 {
			t.Errorf("%d pages were asked for, want 3, the failed one, and 2 more", c.asked)
		}
	})
}

func TestSearchAsksTheServerAndComesBack(t *testing.T) {
	c := newCrowd(1000)
	c.gate = make(chan struct{})
	spec := c.spec()
	spec.Search, spec.SearchHint = c.search, "name"
	s := open(t, console(tui.NewList(spec)))
	s.Want("100 of about 1,000")
	s.Press("down", "f")
	s.Type("Person 99")
	s.Press("enter")
	s.Want(`people   found for "Person 99"   11`, "Person 999")
	s.Press("f", "ctrl+u")
	s.Type("zzz")
	s.Press("enter")
	s.Want(`The server finds nothing for "zzz".`)
	s.Press("esc")
	s.Want("100 of about 1,000", "▸  Person 1 ") // where it was
	close(c.gate)
	s.Want("people   1,000\n") // and reading goes on by itself
}

func TestSearchOnly(t *testing.T) {
	c := newCrowd(100)
	spec := c.spec()
	spec.Fetch, spec.Search, spec.SearchHint = nil, c.search, "name or e-mail"
	s := open(t, console(tui.NewList(spec)))
	s.Want("find:  name or e-mail", "f searches: the server finds them by name or e-mail.")
	s.Type("person 42")
	s.Press("enter")
	s.Want("Person 42 ")
}

func TestCapKeepsReadingButSaysSo(t *testing.T) {
	c := newCrowd(1000)
	spec := c.spec()
	spec.Cap = 250
	s := open(t, console(tui.NewList(spec)))
	s.Want("people   the first 250 of 1,000 kept\n")
	s.Press("end")
	s.Want("▸  Person 249 ")
}

func TestColumnsGoWhereThereIsNoRoom(t *testing.T) {
	s := open(t, console(tui.NewList(newCrowd(3).spec())), tuitest.Size(60, 12))
	s.Want("NAME", "E-MAIL", "ID")
	s.Resize(44, 12)
	s.WantNot(" ID")
	s.Want("E-MAIL")
	s.Resize(24, 12)
	s.WantNot("E-MAIL")
	s.Want("NAME", "Person 2")
}

func TestDetailBesideTheListWhereThereIsRoom(t *testing.T) {
	spec := newCrowd(3).spec()
	spec.Detail = func(p person) []widget.Section {
		return []widget.Section{{Title: "about " + p.Name, Fields: []widget.Field{{Label: "mail", Value: p.Mail, Tone: theme.Good}}}}
	}
	s := open(t, console(tui.NewList(spec)), tuitest.Size(160, 20))
	s.Want("│ about Person 0")
	s.Press("down")
	s.Want("│ about Person 1")
	s.Resize(159, 20)
	s.WantNot("about")
	s.Resize(200, 9)
	s.WantNot("about")
}

func TestCopyGoesToTheTerminal(t *testing.T) {
	s := open(t, console(tui.NewList(newCrowd(3).spec())))
	s.Want("Person 2")
	s.Press("down", "y")
	s.Want("copied the id")
	if got := s.Clipboard(); got != "1" {
		t.Errorf("the clipboard has %q", got)
	}
	s.Press("ctrl+a", "Y")
	s.Want("copied 3 rows")
	var rows []map[string]string
	if err := json.Unmarshal([]byte(s.Clipboard()), &rows); err != nil || len(rows) != 3 || rows[2]["e_mail"] != "person2@acme.example" {
		t.Errorf("the clipboard has %q (%v)", s.Clipboard(), err)
	}
}

func TestExportWritesWhatIsShown(t *testing.T) {
	t.Chdir(t.TempDir())
	c := newCrowd(20)
	c.all[1].Name = "=cmd|' /C calc'!A0\x1b[2J\u202e"
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("people   20\n")
	s.Type("/person1")
	s.Press("enter", "E")
	s.Want("Write 11 rows of people into a file as")
	s.Press("enter")
	s.Want("wrote 11 rows to")
	name := "gatehouse-people-20260302-120000"
	rows, err := csv.NewReader(strings.NewReader(read(t, name+".csv"))).ReadAll()
	if err != nil || len(rows) != 12 || rows[0][1] != "e_mail" || !strings.HasPrefix(rows[1][0], "'=cmd") || strings.ContainsRune(rows[1][0], 0x1b) {
		t.Errorf("the CSV file has %q (%v)", rows, err)
	}
	s.Press("E", "enter")
	s.Want("file exists") // never over another file
	s.Press("E", "down", "enter")
	s.Want(".json")
	var people []map[string]string
	text := read(t, name+".json")
	if err := json.Unmarshal([]byte(text), &people); err != nil || len(people) != 11 || people[0]["name"] != c.all[1].Name {
		t.Errorf("the JSON file has %q (%v)", text, err)
	}
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("the JSON file would harm a terminal: %q", text)
	}
	s.Press("E", "down", "down", "enter")
	s.Want(".yaml")
	if text := read(t, name+".yaml"); !strings.Contains(text, "e_mail: person1@acme.example") || strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("the YAML file has %q", text)
	}
}

// read reads an exported file, which nobody else may.
func read(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v", name, info.Mode())
	}
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestHostileRowsDoNoHarm(t *testing.T) {
	c := newCrowd(4)
	c.all[0].Name = "\x1b[2J\x1b]0;owned\x07"
	c.all[1].Name = "a\nb\r\nc"
	c.all[2].Name = strings.Repeat("x", 1<<20)
	c.all[3].Name = "أحمد 👨\u200d👩\u200d👧"
	s := open(t, console(tui.NewList(c.spec())))
	s.Want("␛[2J␛]0;owned", "a␊b␍␊c", "xxxxxxxxxxxxx…", "أحمد 👨👩👧", "people   4", "q quit")
}

func TestListIsReadAgainAfterAWrite(t *testing.T) {
	c := newCrowd(5)
	spec := c.spec()
	var job tui.Job
	spec.Open = func(person) tui.Screen {
		p := &page{title: "one"}
		p.actions = []tui.Action{act("x", "rename", func() {
			tui.Write(p, &job, "rename", 0, func(context.Context) (int, error) {
				c.set(func() { c.all[0].Name = "Renamed" })
				return 0, nil
			}, func(int, error) { p.Toast("renamed") })
		})}
		return p
	}
	s := open(t, console(tui.NewList(spec)))
	s.Want("Person 0")
	s.Press("enter", "x")
	s.Want("renamed")
	s.Press("esc")
	s.Want("▸  Renamed")
}

func TestPutAndRemove(t *testing.T) {
	c := newCrowd(5)
	spec := c.spec()
	spec.Actions = func(l *tui.List[person]) []tui.Action {
		return []tui.Action{
			act("p", "put", func() { l.Put(person{"2", "Changed", "c@x"}); l.Put(person{"9", "New", "n@x"}) }),
			act("d", "delete", func() { l.Remove("0") }),
		}
	}
	s := open(t, console(tui.NewList(spec)))
	s.Want("people   5")
	s.Type("/changed")
	s.Want("0 of 5")
	s.Press("enter", "p")
	s.Want(`people   6   1 match "changed"`, "Changed")
	s.Press("esc", "d")
	s.Want("people   5\n", "New", "▸  Person 1")
}

func TestMouseInAList(t *testing.T) {
	o := console(tui.NewList(newCrowd(200).spec()))
	o.Mouse = true
	s := open(t, o)
	s.Want("people   200\n")
	s.Click(s.Find("Person 4 "))
	s.Want("▸  Person 4 ")
	s.Click(s.Find("Person 4 "))
	s.Want("dev › Person 4", "••••••••")
	s.Click(s.Find("dev"))
	s.Want("▸  Person 4 ")
	s.Wheel(10, 10, 2)
	s.Want("▸  Person 10 ")
	s.Press("alt+m")
	s.Want("mouse off")
}

func TestEveryListSurvivesEverySize(t *testing.T) {
	tuitest.Sweep(t, func() tea.Model {
		c := newCrowd(300)
		c.all[3].Name = "漢字漢字漢字漢字漢字 👨\u200d👩\u200d👧"
		spec := c.spec()
		spec.Search = c.search
		spec.Detail = func(p person) []widget.Section {
			return []widget.Section{{Title: p.Name, Fields: []widget.Field{{Label: "mail", Value: p.Mail}}}}
		}
		return tui.New(context.Background(), console(tui.NewList(spec)))
	}, nil, []string{"/", "9"}, []string{"space", "s"}, []string{"f", "x", "enter"}, []string{"enter"}, []string{"E"})
}

func ExampleCount() {
	fmt.Println(tui.Count(7), tui.Count(1234), tui.Count(1_000_000))
	// Output: 7 1,234 1,000,000
}
