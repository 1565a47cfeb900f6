package transport

import (
	"encoding/json"
	"net/http"

	"gatehouse/clients"
)

// ExplainOry is the Explain of Ory's servers. They answer with
//
//	{"error":{"id":"…","code":404,"status":"Not Found","reason":"…","message":"…"}}
//
// where id is set only for errors that a program should know, and reason is the
// text for a human; message alone is generic. Routes that do not exist answer in
// plain text. Some versions of Keto leave out the envelope "error".
func ExplainOry(p *clients.Problem, _ http.Header, body []byte) {
	type fields struct {
		ID      string `json:"id"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}
	var outer struct {
		Error json.RawMessage `json:"error"`
		fields
	}
	if json.Unmarshal(body, &outer) != nil {
		return
	}
	e := outer.fields
	if len(outer.Error) > 0 {
		e = fields{}
		if json.Unmarshal(outer.Error, &e) != nil {
			return
		}
	}
	p.Code, p.Reason = e.ID, e.Reason
	if p.Reason == "" {
		p.Reason = e.Message
	}
}
