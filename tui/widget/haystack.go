package widget

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// haystack is the lower-case text of all rows in a few large pieces, so that one
// pass over memory finds every row that contains a word. Rows end with a zero
// byte, which no cleaned text and no query contains.
type haystack struct {
	pieces []piece
	// fixed holds the text of rows that were replaced after they were added.
	fixed map[int32]string
	rows  int
}

type piece struct {
	text  []byte
	ends  []uint32 // where each row ends in text
	first int32    // number of the first row
}

const (
	pieceBytes = 256 << 10
	rowBytes   = 4 << 10 // a row is searched by its first 4 KiB
)

// add appends the text of the next row, given as its cells.
func (h *haystack) add(cells func(yield func(string))) {
	if n := len(h.pieces); n == 0 || len(h.pieces[n-1].text) >= pieceBytes {
		h.pieces = append(h.pieces, piece{first: int32(h.rows)})
	}
	p := &h.pieces[len(h.pieces)-1]
	start := len(p.text)
	cells(func(cell string) {
		if len(p.text)-start+len(cell) < rowBytes {
			p.text = append(appendLower(p.text, cell), ' ')
		}
	})
	p.text = append(p.text, 0)
	p.ends = append(p.ends, uint32(len(p.text)))
	h.rows++
}

// fix replaces the text of a row.
func (h *haystack) fix(row int32, cells func(yield func(string))) {
	var b []byte
	cells(func(cell string) { b = append(appendLower(b, cell), ' ') })
	if h.fixed == nil {
		h.fixed = map[int32]string{}
	}
	h.fixed[row] = string(b)
}

// find marks in hits all rows from number from on that contain word, which must be
// lower case and not empty.
func (h *haystack) find(word string, from int32, hits bits) {
	needle := []byte(word)
	for i := range h.pieces {
		p := &h.pieces[i]
		if p.first+int32(len(p.ends)) <= from {
			continue
		}
		p.find(needle, max(0, from-p.first), hits)
	}
	for row, text := range h.fixed {
		if row < from {
			continue
		}
		if strings.Contains(text, word) {
			hits.set(row)
		} else {
			hits[row>>6] &^= 1 << (row & 63)
		}
	}
}

func (p *piece) find(needle []byte, row int32, hits bits) {
	pos := 0
	if row > 0 {
		pos = int(p.ends[row-1])
	}
	for pos < len(p.text) {
		i := bytes.Index(p.text[pos:], needle)
		if i < 0 {
			return
		}
		for at := uint32(pos + i); p.ends[row] <= at; row++ {
		}
		hits.set(p.first + row)
		pos = int(p.ends[row])
		row++
	}
}

// appendLower appends s in lower case.
func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return append(b, strings.ToLower(s[i:])...)
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}
