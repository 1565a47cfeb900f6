package roles

import (
	"context"
	"iter"
)

// Directory is what the search for the holders of a role reads. Sequences end with
// the first error, which they yield with the zero Step; they read page by page and
// hold one page. A *Refused error means that our account may not read this part.
type Directory interface {
	// Composites has every role that contains others, and what it contains. The rights
	// that it answers beside are missing: without them not everything was seen.
	Composites(ctx context.Context, progress func(read, of int)) (g *Graph, needs []string, err error)
	// UsersOf and GroupsOf are the users and groups that a role is mapped to directly.
	UsersOf(ctx context.Context, role Step) iter.Seq2[Step, error]
	GroupsOf(ctx context.Context, role Step) iter.Seq2[Step, error]
	// MembersOf are the direct members of a group, ChildrenOf the groups right beneath.
	MembersOf(ctx context.Context, group Step) iter.Seq2[Step, error]
	ChildrenOf(ctx context.Context, group Step) iter.Seq2[Step, error]
}

// Refused says that a part could not be read because a right is missing.
type Refused struct {
	// Needs names the rights that the part asks for.
	Needs []string
	// Err is the refusal itself.
	Err error
}

// Error is the refusal in the words of whoever refused.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap gives the refusal itself.
func (r *Refused) Unwrap() error { return r.Err }

// Holder is one who holds a role.
type Holder struct {
	// Who is a user, a service account or a group.
	Who Step `json:"who"`
	// Direct reports that Path is a mapping to the holder itself.
	Direct bool `json:"direct"`
	// Path is a shortest way from the holder to the role.
	Path Path `json:"path"`
}

// HoldersQuery says which holders are wanted.
type HoldersQuery struct {
	// Direct leaves out whoever holds the role through a group or a composite role.
	Direct bool
	// Everyone streams also those who hold the role through the realm's default role,
	// which is nearly everybody; else that is only said (Holders.Everyone).
	Everyone bool
	// Every gives somebody once for each way, not once in all.
	Every bool
	// Progress is called now and then, never from two goroutines at once; may be nil.
	Progress func(Progress)
}

// Progress says how far a search is.
type Progress struct {
	// Roles of OfRoles composite roles have been read; OfRoles is 0 until it is known.
	Roles, OfRoles int
	// Users and Groups were found so far.
	Users, Groups int
}

// Holders is what a search comes to beside the holders themselves.
type Holders struct {
	// Users and Groups is how many were given.
	Users  int `json:"users"`
	Groups int `json:"groups"`
	// Everyone is not empty when the realm's default role leads to the role, so that
	// every user who was given the default role holds it. The path begins with that role.
	Everyone Path `json:"everyone,omitempty"`
	// Needs names missing rights without which holders may have been left out.
	Needs []string `json:"needs,omitempty"`
	// Unread are the roles and groups whose holders could not be read.
	Unread []Step `json:"unread,omitempty"`
	// Repeats reports that more people came than are remembered (MaxRemembered): after
	// those, one who holds the role in several ways may have come more than once.
	Repeats bool `json:"repeats,omitempty"`
}

// MaxRemembered is how many people a search remembers, so that each comes once.
const MaxRemembered = 1 << 18
