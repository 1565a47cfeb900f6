package main

import (
	"image"
	"image/color"
	"image/draw"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/go-fonts/dejavu/dejavusansmono"
	"github.com/go-fonts/dejavu/dejavusansmonobold"
	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

const (
	fontSize = 15
	margin   = 14
)

// painter draws the cells of a terminal with the DejaVu fonts that are part of the
// program, so that a picture looks the same wherever it is drawn.
type painter struct {
	regular, bold font.Face
	w, h, base    int // of a cell, and its base line
}

func newPainter() (*painter, error) {
	face := func(ttf []byte) (font.Face, error) {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return nil, err
		}
		return opentype.NewFace(f, &opentype.FaceOptions{Size: fontSize, DPI: 72, Hinting: font.HintingFull})
	}
	regular, err := face(dejavusansmono.TTF)
	if err != nil {
		return nil, err
	}
	bold, err := face(dejavusansmonobold.TTF)
	if err != nil {
		return nil, err
	}
	advance, _ := regular.GlyphAdvance('M')
	m := regular.Metrics()
	return &painter{regular: regular, bold: bold, w: advance.Round(), h: (m.Ascent + m.Descent).Ceil() + 1, base: m.Ascent.Ceil()}, nil
}

// paint draws what is on the terminal now.
func (p *painter) paint(t *terminal, l look) image.Image {
	t.mu.Lock()
	defer t.mu.Unlock()
	cols, rows := t.em.Width(), t.em.Height()
	img := image.NewRGBA(image.Rect(0, 0, cols*p.w+2*margin, rows*p.h+2*margin))
	draw.Draw(img, img.Bounds(), image.NewUniform(l.background), image.Point{}, draw.Src)
	for y := range rows {
		for x := range cols {
			if c := t.em.CellAt(x, y); c != nil {
				p.cell(img, l, x, y, c)
			}
		}
	}
	return img
}

func (p *painter) cell(img *image.RGBA, l look, x, y int, c *uv.Cell) {
	fg, bg := color.Color(l.text), color.Color(l.background)
	if c.Style.Fg != nil {
		fg = c.Style.Fg
	}
	if c.Style.Bg != nil {
		bg = c.Style.Bg
	}
	if c.Style.Attrs&uv.AttrReverse != 0 {
		fg, bg = bg, fg
	}
	at := image.Rect(margin+x*p.w, margin+y*p.h, margin+(x+max(1, c.Width))*p.w, margin+(y+1)*p.h)
	if bg != color.Color(l.background) {
		draw.Draw(img, at, image.NewUniform(bg), image.Point{}, draw.Src)
	}
	if c.Content == "" || c.Content == " " {
		return
	}
	face := p.regular
	if c.Style.Attrs&uv.AttrBold != 0 {
		face = p.bold
	}
	d := font.Drawer{Dst: img, Src: image.NewUniform(fg), Face: face, Dot: fixed.P(at.Min.X, at.Min.Y+p.base)}
	for _, r := range c.Content {
		if _, ok := face.GlyphAdvance(r); ok { // DejaVu has no emoji: their cell stays empty
			d.DrawString(string(r))
		}
	}
}
