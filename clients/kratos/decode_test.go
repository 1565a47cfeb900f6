package kratos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	ory "github.com/ory/kratos-client-go"
)

// samplePage is a page of identities as Kratos 1.3 writes it.
func samplePage(n int) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"7bbee6c2-eb1f-43e6-b83e-%012d","schema_id":"staff","schema_url":"http://127.0.0.1:25433/schemas/c3RhZmY","state":"active","state_changed_at":"2026-11-22T12:04:32.798855988Z","traits":{"email":"ann-%d@gatehouse.test","name":{"first":"Ann","last":"Lee"},"department":"legal"},"verifiable_addresses":[{"id":"8de8068e-5c3a-46ee-a4a9-8cc389cf566c","value":"ann-%d@gatehouse.test","verified":false,"via":"email","status":"pending","created_at":"2026-11-22T12:04:32.803016Z","updated_at":"2026-11-22T12:04:32.803016Z"}],"recovery_addresses":[{"id":"35102d6c-d0a1-45b7-b693-a8413adfdf02","value":"ann-%d@gatehouse.test","via":"email","created_at":"2026-11-22T12:04:32.805026Z","updated_at":"2026-11-22T12:04:32.805026Z"}],"metadata_public":{"plan":"gold","locale":"en"},"metadata_admin":null,"created_at":"2026-11-22T12:04:32.801137Z","updated_at":"2026-11-22T12:04:32.801137Z","organization_id":null}`, i, i, i, i)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// BenchmarkDecode compares our decoding of a page of 500 with that of the generated
// client.
func BenchmarkDecode(b *testing.B) {
	page := samplePage(500)
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			if got, err := decodeIdentities(page); err != nil || len(got) != 500 {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			if got, err := decodeList[Identity](bytes.NewReader(page)); err != nil || len(got) != 500 {
				b.Fatal(err)
			}
		}
	})
	b.Run("generated", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			var got []ory.Identity
			if err := json.Unmarshal(page, &got); err != nil || len(got) != 500 {
				b.Fatal(err)
			}
		}
	})
}

// same compares our decoding of a page with that of encoding/json.
func same(t *testing.T, page []byte) {
	t.Helper()
	var want []Identity
	wantErr := json.Unmarshal(page, &want)
	for i := range want {
		want[i].normal()
	}
	s := scanner{data: page}
	got, ok := s.identities()
	if !ok {
		return // encoding/json decodes it then
	}
	if wantErr != nil {
		t.Fatalf("%q was taken; encoding/json says %v", page, wantErr)
	}
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fatalf("%q\n got %s\nwant %s", page, g, w)
	}
}

// TestDecode: what the fast way takes it takes as encoding/json does.
func TestDecode(t *testing.T) {
	page := samplePage(3)
	s := scanner{data: page}
	if got, ok := s.identities(); !ok || len(got) != 3 {
		t.Fatal("the fast way does not take a page as Kratos writes it")
	}
	same(t, page)
	for cut := range page {
		if _, err := decodeIdentities(page[:cut]); err == nil {
			t.Fatalf("a page cut at byte %d was taken", cut)
		}
	}
	for _, one := range []string{
		`[]`, `null`, ` [ ] `, `[{}]`, `[{},]`, `[{"id":"a"}{"id":"b"}]`, `[{"id":"a",}]`, `[{"id" : "a" , "state":"inactive"}]`, `[{"id":null,"state":null}]`,
		`[{"id":"\u0041\n"}]`, `[{"id":"\x"}]`, `[{"id":"\u00g0"}]`, `[{"id":"a\"}]`, `[{"id":"é\u202e"}]`, "[{\"id\":\"a\nb\"}]", "[{\"id\":\"\xff\"}]",
		`[{"id":1}]`, `[{"traits":{"n":1.5e+10,"m":-0,"a":[1,[2,{}]]}}]`, `[{"traits":01}]`, `[{"traits":1.}]`, `[{"traits":-}]`, `[{"traits":{"a":}}]`, `[{"traits":null}]`,
		`[{"metadata_public":null,"metadata_admin":false}]`, `[{"metadata_admin":{"a":1},"metadata_admin":null}]`, `[{"created_at":"2026-11-22T12:04:32.8Z"}]`, `[{"created_at":"never"}]`, `[{"created_at":null}]`,
		`[{"verifiable_addresses":[{"value":"a","verified":true,"via":"sms"},{}]}]`, `[{"verifiable_addresses":null}]`, `[{"recovery_addresses":[{"id":"1","via":"email","extra":[true,false,nul]}]}]`,
		`[{"credentials":{"oidc":{"type":"oidc","identifiers":["",":","a:b"],"config":{"providers":[{"initial_id_token":"x"}]}}}}]`, `[{"credentials":{"password":1}}]`,
		`[{"id":"a"}] x`, `[{"id":"a"}`, `{"id":"a"}`, `[{"\u0069d":"a"}]`, `[1]`, `[null]`, strings.Repeat("[", 500), `[{"traits":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}]`,
	} {
		same(t, []byte(one))
	}
}

// FuzzDecode: the same for whatever comes to mind.
func FuzzDecode(f *testing.F) {
	f.Add(samplePage(1))
	f.Add([]byte(`[{"id":"\u00e9","traits":{"a":[1,2.5e3,null]},"verifiable_addresses":[{"verified":true}],"credentials":{"x":{}}}]`))
	f.Fuzz(func(t *testing.T, page []byte) {
		if bytes.ContainsAny(page, "ABCDEFGHIJKLMNOPQRSTUVWXYZ\xe2\xc5") {
			// encoding/json also takes keys in another case ("ID", and by folding "ſtate");
			// no server writes them so.
			return
		}
		same(t, page)
	})
}
