package kratos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	ory "github.com/ory/kratos-client-go"

	"gatehouse/clients"
)

// LoginTest is how a sign-in with a password went. No session is left behind.
type LoginTest struct {
	OK bool
	// MessageID is Kratos' number for why it did not work, 0 when there was none. 4000006
	// means a wrong password and a wrong name alike.
	MessageID int64
	Reason    string  // the server's text
	Session   Session // the session that was made, when it worked
	// NeedsSecondFactor tells that the sign-in is only half done: the password is
	// right, and the application demands more.
	NeedsSecondFactor bool
	// Ended is false when the session could not be ended again; EndErr says why.
	Ended  bool
	EndErr error
}

// TryLogin signs in as somebody, as an application would, and ends the session at
// once. It is a write: the session is real for that moment and is seen as a
// sign-in. A refusal is an answer and no error.
func (c *Client) TryLogin(ctx context.Context, identifier string, pw clients.Secret) (LoginTest, error) {
	const op = "try to sign in"
	var t LoginTest
	if err := c.needPublic(op); err != nil {
		return t, err
	}
	if identifier == "" || pw == "" {
		return t, c.invalid(op, "a login name and a password are needed", "")
	}
	_, resp, err := c.pub.FrontendAPI.CreateNativeLoginFlow(ctx).Execute()
	flow, err := answer[struct {
		ID string `json:"id"`
	}](c.public, op, resp, err)
	if err != nil {
		return t, err
	}
	method := ory.UpdateLoginFlowWithPasswordMethod{Method: "password", Identifier: identifier, Password: pw.Reveal()}
	_, resp, err = c.pub.FrontendAPI.UpdateLoginFlow(ctx).Flow(flow.ID).UpdateLoginFlowBody(ory.UpdateLoginFlowWithPasswordMethodAsUpdateLoginFlowBody(&method)).Execute()
	if resp != nil && resp.StatusCode >= 400 && resp.StatusCode < 500 {
		return c.loginRefused(op, resp, err, pw)
	}
	made, err := answer[struct {
		Token   string  `json:"session_token"`
		Session Session `json:"session"`
	}](c.public, op, resp, err, pw.Reveal())
	if err != nil {
		return t, err
	}
	t.OK, t.Session = true, made.Session
	// The session must go even if the person who asked has left.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if w, err := c.Whoami(ctx, Token{Session: clients.Secret(made.Token)}, ""); err == nil {
		t.NeedsSecondFactor = w.Standing == NeedsSecondFactor
	}
	t.EndErr = c.endTest(ctx, made.Session.ID, made.Token)
	t.Ended = t.EndErr == nil
	return t, nil
}

// endTest ends the session of a test: by the admin API, or where there is none by
// its own token.
func (c *Client) endTest(ctx context.Context, id, token string) error {
	const op = "end the session of the test"
	if c.admin != nil && IsID(id) {
		return c.revoke(ctx, op, id)
	}
	resp, err := c.pub.FrontendAPI.PerformNativeLogout(ctx).PerformNativeLogoutBody(ory.PerformNativeLogoutBody{SessionToken: token}).Execute()
	_, err = answer[json.RawMessage](c.public, op, resp, err, token)
	return err
}

// loginRefused reads why a sign-in was refused: from the messages of the flow, or
// from an error. What neither holds is a problem.
func (c *Client) loginRefused(op string, resp *http.Response, err error, pw clients.Secret) (LoginTest, error) {
	body, _ := io.ReadAll(resp.Body)
	type message struct {
		ID   int64  `json:"id"`
		Text string `json:"text"`
		Type string `json:"type"`
	}
	var v struct {
		UI struct {
			Messages []message `json:"messages"`
			Nodes    []struct {
				Messages []message `json:"messages"`
			} `json:"nodes"`
		} `json:"ui"`
		Error struct {
			Reason string `json:"reason"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &v) // what is no JSON has no messages
	all := v.UI.Messages
	for _, n := range v.UI.Nodes {
		all = append(all, n.Messages...)
	}
	for _, m := range all {
		if m.Type == "error" {
			return LoginTest{MessageID: m.ID, Reason: m.Text}, nil
		}
	}
	if resp.StatusCode == http.StatusUnauthorized && v.Error.Reason != "" {
		return LoginTest{Reason: v.Error.Reason}, nil
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return LoginTest{}, c.public.Generated(op, resp, orFailed(err), pw.Reveal())
}
