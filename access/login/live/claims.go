package live

// claims are the tasks of a round (from 3 on) that read what the checks of roles,
// claims, tokens and authorization services rest on. User and client are known by
// then, or known not to be.
func (g *gather) claims(round int) []task { return nil }
