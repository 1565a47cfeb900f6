package assert

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of the JUnit form that the common readers of it (Jenkins, GitLab,
// GitHub) know.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes rows in the form that CI systems read, one suite for each group. An
// assertion that could not be told is an error there, not a failure. explain gives the
// text behind one that did not hold; it may be nil.
func JUnit(w io.Writer, rows []Row, explain func(Row) string) error {
	all := junitSuites{Name: "gatehouse test"}
	for _, r := range rows {
		name := r.File
		if r.Group != "" {
			name = r.Group
		}
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != printable(name) {
			all.Suites = append(all.Suites, junitSuite{Name: printable(name)})
		}
		suite := &all.Suites[len(all.Suites)-1]
		c := junitCase{Class: printable(name), Name: printable(r.Assertion), File: printable(r.File), Line: r.Line, Time: fmt.Sprintf("%.3f", float64(r.Millis)/1000)}
		text := ""
		if explain != nil {
			text = explain(r)
		}
		suite.Tests++
		all.Tests++
		problem := &junitProblem{Message: printable(r.Reason), Type: r.Expect, Text: printable(text)}
		switch r.Result {
		case Fail:
			c.Failure = problem
			suite.Failures++
			all.Failures++
		case Unknown:
			c.Error = problem
			suite.Errors++
			all.Errors++
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// printable leaves out what XML 1.0 has no form for, not even an escaped one.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20, 0x7f <= r && r <= 0x9f, 0xd800 <= r && r <= 0xdfff, r == 0xfffe, r == 0xffff:
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}
