package server

import (
	"gatehouse/demo/systems/courses"
	"gatehouse/demo/systems/kcweb"
	"gatehouse/demo/systems/okta"
	"gatehouse/demo/systems/social"
)

// oidc are the systems that stand on an issuer of tokens or a login provider.
func oidc() []Entry {
	return []Entry{
		{"kc-web", kcweb.New},
		{"jwt-courses", courses.New},
		{"jwt-cors", courses.NewCORS},
		{"courses-public", courses.NewPublic},
		{"okta-oidc", okta.New},
		{"social-fb", social.NewFacebook},
		{"social-tw", social.NewTwitter},
	}
}
