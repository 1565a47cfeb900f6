package opl_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/access/opl"
	"gatehouse/stack/stacktest"
)

// envInputs is how many inputs the differential test asks the server about, and
// envSeed the seed that makes them again.
const (
	envInputs = "GATEHOUSE_OPL_INPUTS"
	envSeed   = "GATEHOUSE_OPL_SEED"
)

// oracle asks the real Keto whether it accepts a source.
type oracle struct {
	url  string
	http *http.Client
}

func newOracle(url string) oracle {
	return oracle{url + "/opl/syntax/check", &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
}

func (o oracle) accepts(src string) (bool, string, error) {
	resp, err := o.http.Post(o.url, "text/plain", strings.NewReader(src))
	for try := 0; err != nil && try < 5; try++ { // Keto closes connections that were idle, maybe just now
		resp, err = o.http.Post(o.url, "text/plain", strings.NewReader(src))
	}
	if err != nil {
		return false, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return false, "", fmt.Errorf("HTTP %d %s: %v", resp.StatusCode, body, err)
	}
	var out struct {
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return false, "", err
	}
	if len(out.Errors) == 0 {
		return true, "", nil
	}
	return false, out.Errors[0].Message, nil
}

// differs is empty when the server and we agree.
func (o oracle) differs(src string) (string, error) {
	ok, why, err := o.accepts(src)
	if err != nil {
		return "", err
	}
	_, errs := opl.Parse("in", src)
	switch {
	case ok && len(errs) > 0:
		return fmt.Sprintf("Keto accepts it, we say %v", errs[0]), nil
	case !ok && len(errs) == 0:
		return "we accept it, Keto says " + why, nil
	}
	return "", nil
}

// smaller takes words out of a source as long as the difference stays.
func (o oracle) smaller(src string) string {
	ps := pieces(src)
	for size := len(ps) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(ps); {
			try := append(append([]string{}, ps[:at]...), ps[at+size:]...)
			if d, err := o.differs(strings.Join(try, "")); err == nil && d != "" {
				ps = try
			} else {
				at += size
			}
		}
	}
	return strings.Join(ps, "")
}

func fromEnv(name string, def uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return def
}

// Whatever the source, the server's own parser and ours must agree whether it is
// right. GATEHOUSE_OPL_INPUTS=200000 makes it long, GATEHOUSE_OPL_SEED repeats a run.
func TestAcceptsWhatKetoAccepts(t *testing.T) {
	o := newOracle(stacktest.Keto(t).OPLURL)
	n := fromEnv(envInputs, 3000)
	seed := fromEnv(envSeed, uint64(time.Now().UnixNano()))
	var next, accepted, different atomic.Uint64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < n && different.Load() < 5; i = next.Add(1) - 1 {
				src := newGen(seed + i).source()
				d, err := o.differs(src)
				if err != nil {
					t.Errorf("input %d: %v", i, err)
					return
				}
				if _, errs := opl.Parse("in", src); len(errs) == 0 {
					accepted.Add(1)
				}
				if d != "" {
					different.Add(1)
					small := o.smaller(src)
					d, _ = o.differs(small)
					t.Errorf("input %d of seed %d differs: %s\n%q", i, seed, d, small)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("seed %d: %d inputs, %d accepted by both, %d different", seed, n, accepted.Load(), different.Load())
	if n >= 1000 && (accepted.Load() < n/10 || accepted.Load() > n*9/10) {
		t.Errorf("only one kind of input was tried: %d of %d accepted", accepted.Load(), n)
	}
}
