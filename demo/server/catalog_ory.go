package server

import (
	"gatehouse/demo/systems/forwardauth"
	"gatehouse/demo/systems/ketopolicy"
	"gatehouse/demo/systems/kratosui"
	"gatehouse/demo/systems/oryhome"
	"gatehouse/demo/systems/oryoathkeeper"
)

// ory are the systems that stand on Kratos, Keto and Oathkeeper.
func ory() []Entry {
	return []Entry{
		{"ory-home", oryhome.New},
		{"ory-oathkeeper", oryoathkeeper.New},
		{"oathkeeper", forwardauth.New},
		{kratosui.ID, kratosui.New},
		{"keto-policy", ketopolicy.New},
	}
}
