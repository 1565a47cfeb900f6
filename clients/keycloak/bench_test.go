package keycloak_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"gatehouse/clients"
	"gatehouse/clients/keycloak"
)

// bareUser is a user with the fields that the client reads too.
type bareUser struct {
	ID, Username, Email, FirstName, LastName string
	Enabled, EmailVerified, TOTP             bool
	CreatedTimestamp, NotBefore              int64
	Attributes                               map[string][]string
	RequiredActions                          []string
	FederationLink                           string
	Access                                   map[string]bool
}

// BenchmarkCrawl walks over 10,000 users page by page: through the client, and as a
// bare loop over net/http and encoding/json that keeps nothing. What the client adds
// is the difference of the two.
func BenchmarkCrawl(b *testing.B) {
	const total, size = 10_000, 100
	var page strings.Builder
	for i := range size {
		fmt.Fprintf(&page, `,{"id":"%036d","username":"user-%d","firstName":"First","lastName":"Last","email":"user-%d@example.org","emailVerified":true,"enabled":true,"createdTimestamp":1795348620355,"attributes":{"dept":["sales"]},"totp":false,"disableableCredentialTypes":[],"requiredActions":[],"notBefore":0,"access":{"manageGroupMembership":true,"view":true,"mapRoles":true,"impersonate":true,"manage":true}}`, i, i, i)
	}
	body := "[" + page.String()[1:] + "]"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if first, _ := strconv.Atoi(r.URL.Query().Get("first")); first >= total {
			io.WriteString(w, "[]")
			return
		}
		io.WriteString(w, body)
	}))
	b.Cleanup(srv.Close)

	b.Run("client", func(b *testing.B) {
		s, err := keycloak.New(keycloak.Options{URL: srv.URL})
		if err != nil {
			b.Fatal(err)
		}
		r := s.Realm("r")
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			for _, err := range clients.Each(b.Context(), r.Users(keycloak.UserQuery{PageSize: size})) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			if n != total {
				b.Fatalf("walked over %d", n)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for first := 0; first <= total; first += size {
				res, err := http.Get(fmt.Sprintf("%s/admin/realms/r/users?first=%d&max=%d", srv.URL, first, size))
				if err != nil {
					b.Fatal(err)
				}
				var users []bareUser
				if err := json.NewDecoder(res.Body).Decode(&users); err != nil {
					b.Fatal(err)
				}
				res.Body.Close()
			}
		}
	})
}
