package server

import (
	"gatehouse/demo/systems/basic"
	"gatehouse/demo/systems/eve"
	"gatehouse/demo/systems/flaskjwt"
	"gatehouse/demo/systems/flsession"
	"gatehouse/demo/systems/formlogin"
)

// accounts are the systems with accounts of their own.
func accounts() []Entry {
	return []Entry{
		{"basic", basic.New},
		{"flask-jwt", flaskjwt.New},
		{"flask-jwt-refresh", flaskjwt.NewRefresh},
		{"form-login", formlogin.New},
		{"fl-session", flsession.New},
		{"fl-timeout", flsession.NewTimeout},
		{"eve-global", eve.Global},
		{"eve-public", eve.Public},
		{"eve-resource", eve.Resource},
		{"eve-resource-auth", eve.ResourceAuth},
		{"eve-roles", eve.Roles},
		{"eve-bcrypt", eve.Bcrypt},
		{"eve-token", eve.Token},
		{"eve-hmac", eve.HMAC},
		{"eve-auth-field", eve.AuthField},
	}
}
