package screens

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/clients/kratos"
)

// slowBrief is what identityBrief must agree with.
func slowBrief(i kratos.Identity) (name, email string) {
	if name = i.Name(); name == "" {
		name = i.Username()
	}
	if mails := i.Emails(); len(mails) > 0 {
		email = mails[0]
	}
	return name, email
}

var briefSeeds = []string{
	`{"email":"a@b","name":{"first":"Ann","last":"Okafor"}}`, `{"email":"a@b","name":"Ann"}`, `{ "name" : "Ann" , "email" : "a@b" , "x" : [1,{"y":"}"},"\"]"] }`,
	`{"email":"a@b","name":{"first":"Ann","last":"Okafor","middle":"x"}}`, `{"email":"nomail","name":"Ann"}`, `{"email":"a@b","name":{"first":"Ann"}}`,
	`{"email":"a@b","name":"Ann","name":{"first":"B","last":"C"}}`, `{"email":"\u0061@b","name":"Ann"}`, `{"email":"a@b","name":" Ann "}`, `{"email":"a@b","name":{"first":" ","last":" "}}`,
	`{}`, `null`, `[]`, `"x"`, `{"email":["a@b"],"name":null}`, `{"email":"a@b","name":"Ann"`, `{"email":"a@b","name":"Ann"}}`, `{"email":"a@b\xff","name":"Ann"}`,
	`{"username":"ann","emails":["x@y","a@b"]}`, `{"email":"a@b","name":{"first":"عمر","last":"الفاسي"}}`, `{"email":"a@b","name":{"first":"A","last":"B"},"name":""}`,
	`{"name":{"first":"A","last":"B"},"email":"x","email":"a@b"}`, `{"email":"a@b","name":"A","k":tru}`,
}

func TestIdentityBrief(t *testing.T) {
	fast := 0
	for _, raw := range briefSeeds {
		compareBrief(t, raw)
		if _, _, ok := briefTraits(raw); ok {
			fast++
		}
	}
	if fast < 6 {
		t.Errorf("only %d of the usual shapes are read the short way", fast)
	}
}

func FuzzIdentityBrief(f *testing.F) {
	for _, raw := range briefSeeds {
		f.Add(raw)
	}
	f.Fuzz(compareBrief)
}

// compareBrief: what is no JSON never gets that far, the client refuses it.
func compareBrief(t *testing.T, raw string) {
	if !json.Valid([]byte(raw)) {
		briefTraits(raw)
		return
	}
	i := kratos.Identity{Traits: json.RawMessage(raw)}
	name, email := identityBrief(i, raw)
	wantName, wantEmail := slowBrief(i)
	if name != wantName || email != wantEmail {
		t.Errorf("%s: %q %q, want %q %q", strings.ToValidUTF8(raw, "?"), name, email, wantName, wantEmail)
	}
}
