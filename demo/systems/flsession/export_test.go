package flsession

import "gatehouse/demo/gate"

// Variant makes the system with the settings of a recorded setup.
func Variant(env *gate.Env, id string, loginView bool, protect string, timeout bool, o gate.SessionOptions) (*gate.System, error) {
	a, err := newApp(env, id, settings{loginView, protection(protect), timeout})
	if err != nil {
		return nil, err
	}
	return a.system(o), nil
}
