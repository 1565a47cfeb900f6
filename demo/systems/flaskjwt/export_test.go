package flaskjwt

import (
	"time"

	"gatehouse/demo/gate"
)

// App is the application for tests that change what the original's settings change.
type App struct{ *app }

// RefreshLife is how long a refresh token is good.
const RefreshLife = refreshLife

// NewApp makes the application of the first system.
func NewApp(env *gate.Env) (App, error) {
	a, err := newApp(env, "flask-jwt")
	return App{a}, err
}

// System is the system.
func (a App) System() *gate.System { return a.system() }

// Key signs tokens.
func (a App) Key() []byte { return a.key }

// Forget deletes an account.
func (a App) Forget(id int) { a.gone = map[int]bool{id: true} }

// Set changes the life of tokens and the leeway.
func (a App) Set(life, leeway time.Duration) { a.app.life, a.app.leeway = life, leeway }
