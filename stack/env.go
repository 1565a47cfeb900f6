package stack

// Variable is one environment variable.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Env lists the variables by which programs find the servers, without those of
// servers that do not run. No value is a secret.
func (i Info) Env() []Variable {
	all := []Variable{
		{"GATEHOUSE_CONFIG", i.Config},
		{"KRATOS_PUBLIC_URL", i.Kratos.PublicURL},
		{"KRATOS_ADMIN_URL", i.Kratos.AdminURL},
		{"KETO_READ_URL", i.Keto.ReadURL},
		{"KETO_WRITE_URL", i.Keto.WriteURL},
		{"KETO_OPL_URL", i.Keto.OPLURL},
		{"KETO_OPL", i.Keto.OPL},
		{"KEYCLOAK_URL", i.Keycloak.URL},
		{"KEYCLOAK_REALM", i.Keycloak.Realm},
		{"KEYCLOAK_ADMIN_USERNAME", i.Keycloak.AdminUsername},
		{"KEYCLOAK_ADMIN_PASSWORD_FILE", i.Keycloak.AdminPasswordFile},
		{"OATHKEEPER_PROXY_URL", i.Oathkeeper.ProxyURL},
		{"OATHKEEPER_API_URL", i.Oathkeeper.APIURL},
	}
	var set []Variable
	for _, v := range all {
		if v.Value != "" {
			set = append(set, v)
		}
	}
	return set
}
