package seed

import (
	"fmt"
	"strconv"
	"strings"
)

// Generated people are numbered from 1, and everything about them follows from the
// number, so that seeding can stop anywhere and go on later.

// manyDomain is where generated people have their e-mail; RFC 2606 keeps it free.
const manyDomain = "many.example"

// DefaultPrefix begins the user names and object names of generated data.
const DefaultPrefix = "many-"

// namer names generated people and things by their prefix.
type namer string

func (o Options) namer() namer {
	if o.Prefix == "" {
		return DefaultPrefix
	}
	return namer(o.Prefix)
}

var (
	firstNames = strings.Fields("Ada Amir Anouk Aylin Bruno Carmen Chen Dalia Diego Elif Emeka Enzo Fatima Finn Freya Hana Hiro Ines Ivan Jana Jomo Kaito Lara Lena Liam Luca Maja Malik Mateo Mei Mila Nadia Nia Noah Olga Omar Paula Priya Rafael Rania Rui Sana Sven Tara Teo Uma Vera Wanjiru Yara Zane")
	lastNames  = strings.Fields("Abara Andersen Bauer Becker Castro Cohen Costa Demir Diaz Dubois Eriksen Farah Ferrari Fischer Garcia Haddad Hansen Hoffmann Ibrahim Ito Jensen Kaya Keller Kim Kovacs Larsen Lopez Mbeki Meyer Moreau Mori Nguyen Novak Okafor Oliveira Park Patel Petrov Popescu Rossi Santos Sato Schmidt Silva Singh Tanaka Torres Vogel Weber Yilmaz")
)

// generated is person number i, from 1.
type generated int

func (n namer) username(g generated) string { return fmt.Sprintf("%s%07d", string(n), int(g)) }
func (n namer) email(g generated) string    { return n.username(g) + "@" + manyDomain }

func (g generated) first() string { return firstNames[int(g)%len(firstNames)] }

// last moves one step on for every round through the first names, so that a pair of
// names comes again only after all the others.
func (g generated) last() string {
	return lastNames[(int(g)+int(g)/len(firstNames))%len(lastNames)]
}

// active and verified leave out one person in fifty and in ten.
func (g generated) active() bool   { return int(g)%50 != 0 }
func (g generated) verified() bool { return int(g)%10 != 0 }

// numberOf reads the number out of a user name or an e-mail of a generated person.
func (n namer) numberOf(name string) (generated, bool) {
	digits, ok := strings.CutPrefix(name, string(n))
	digits, _, _ = strings.Cut(digits, "@")
	i, err := strconv.Atoi(digits)
	return generated(i), ok && err == nil && i > 0
}

// groupSize is how many generated people are in one group.
const groupSize = 500

// group is the name of the group that person g is in.
func (n namer) group(g generated) string {
	return fmt.Sprintf("%s%05d", string(n), (int(g)-1)/groupSize)
}

// document is what person g may view in round i. A document for each hundred people
// and round keeps relations small.
func (n namer) document(i int, g generated) string {
	return fmt.Sprintf("%s%05d-%07d", string(n), i, (int(g)-1)/100)
}

// numbers is a set of generated people in a bit each.
type numbers struct {
	bits []uint64
	n    int
}

func (s *numbers) add(g generated) {
	i := int(g)
	for len(s.bits) <= i/64 {
		s.bits = append(s.bits, make([]uint64, len(s.bits)+1024)...)
	}
	if s.bits[i/64]&(1<<(i%64)) == 0 {
		s.bits[i/64] |= 1 << (i % 64)
		s.n++
	}
}

func (s *numbers) has(g generated) bool {
	i := int(g)
	return i/64 < len(s.bits) && s.bits[i/64]&(1<<(i%64)) != 0
}
