package cmd

import (
	"errors"

	"gatehouse/clients"
)

// The exit codes that scripts rely on.
const (
	exitYes         = 0   // done, or the answer is yes
	exitNo          = 1   // the answer is no: denied, not found, a difference
	exitProblem     = 2   // could not tell, or could not do
	exitInterrupted = 130 // SIGINT or SIGTERM
)

// exitError ends a run with a code of its own. With err nil nothing more is
// printed: the answer itself was the message.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return "the answer is no"
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// answerNo ends a run with exit code 1 without a message.
func answerNo() error { return &exitError{code: exitNo} }

// answerNoAfter is answerNo unless the answer could not be printed. That nobody
// reads it does not make it a yes.
func answerNoAfter(err error) error {
	if err != nil && !errors.Is(err, errReaderGone) {
		return err
	}
	return answerNo()
}

// cannotDo gives exit code 2 to an error that would otherwise read as the answer
// "no": not to find the user of a grant is a failure, not an answer.
func cannotDo(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitProblem, err: err}
}

// exitCode is the code that err stands for, and whether err is to be printed.
// interrupted is true when a signal ended the run.
func exitCode(err error, interrupted bool) (code int, print bool) {
	var ee *exitError
	switch {
	case err == nil:
		return exitYes, false
	case interrupted:
		// Who stopped it knows that; but a write that may have happened is told.
		return exitInterrupted, !clients.Is(err, clients.Canceled)
	case errors.As(err, &ee):
		return ee.code, ee.err != nil
	case errors.Is(err, errReaderGone):
		return exitYes, false // whoever read us has seen enough, as with | head
	case clients.Is(err, clients.NotFound):
		return exitNo, true
	default:
		return exitProblem, true
	}
}
