package gate

import (
	"gatehouse/clients/decisions"
)

// KratosSession reads the Kratos session of a call. ok is false where there is none
// that counts; v then says why: NoCredential where no cookie was sent (the caller
// decides where to send the browser), else a refusal.
//
// Where the cookie is there twice the first counts, as in the original.
func KratosSession(c *Call) (id Identity, v Verdict, ok bool) {
	cookie, sent := c.Cookie(KratosCookie)
	if !sent {
		c.Credential("cookie", "")
		return Identity{}, Verdict{Reason: decisions.NoCredential, Status: 401}, false
	}
	if cookie == "" {
		c.Credential("cookie", "")
		return Identity{}, Refuse(403, decisions.SessionInvalid), false
	}
	c.Credential("cookie", cookie)
	id, err := c.Env.Kratos.Whoami(c, cookie)
	if err != nil {
		return Identity{}, SessionVerdict(err), false
	}
	c.Identity = id
	return id, Verdict{}, true
}

// KratosWhoIs tells whose Kratos session the browser has, for the index page.
func KratosWhoIs(c *Call) string {
	if cookie, sent := c.Cookie(KratosCookie); !sent || cookie == "" || c.Env.Kratos == nil {
		return ""
	}
	id, _, ok := KratosSession(c)
	if !ok {
		return ""
	}
	if id.Email != "" {
		return id.Email
	}
	return id.ID
}
