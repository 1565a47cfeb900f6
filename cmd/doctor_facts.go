package cmd

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"gatehouse/access"
	"gatehouse/access/opl"
	"gatehouse/clients/keto"
	"gatehouse/config"
)

// examineFacts asks Keto what no API tells and explanations hang on: its check engine,
// strict mode, how deep it reads, how it lists, whether it knows what the model declares.
// It holds that against what the context says.
func (b *backends) examineFacts(ctx context.Context, k *keto.Client) []exam {
	m, err := b.Model(ctx)
	if err != nil {
		return nil // the examination of the model says why
	}
	f, err := b.ketoProber(k, m).Facts(ctx)
	if err != nil {
		return []exam{failed("keto", "check engine", "", err)}
	}
	kc := b.Context.Keto
	out := []exam{engineFact(f, kc), strictFact(f, kc), depthFact(f, kc)}
	if m != nil {
		out = append(out, driftFact(f, m))
	}
	out = append(out, listFact(f), batchFact(f))
	out[0].Facts = &f
	return out
}

func factOf(check, says string) exam {
	return exam{Server: "keto", Check: check, State: examOK, Says: says}
}

// notFound is a fact that could not be found out, with the reason that the prober gives.
func notFound(f access.Facts, check, about, instead string) exam {
	why := "nothing to try it with"
	for _, o := range f.Open {
		if reason, ok := strings.CutPrefix(o, about+": "); ok {
			why = reason
		}
	}
	return factOf(check, "not found out ("+why+"); "+instead)
}

func engineFact(f access.Facts, kc *config.Keto) exam {
	const check = "check engine"
	names := map[opl.Engine]string{opl.Classic: "classic, that of Keto up to 26.2", opl.New: "new, that after Keto 26.2"}
	told := engineOf(kc.Engine)
	if f.Engine == "" {
		return notFound(f, check, "engine", "explanations take "+string(cmp.Or(told, opl.Classic)))
	}
	e := factOf(check, names[f.Engine])
	if told != "" && told != f.Engine {
		e.State, e.Says, e.Do = examFail, fmt.Sprintf("%s, and keto.engine says %s", e.Says, told), "set keto.engine to auto, or to "+string(f.Engine)
	}
	return e
}

func strictFact(f access.Facts, kc *config.Keto) exam {
	const check = "strict mode"
	told := kc.Strict == config.Yes
	if f.Strict == nil {
		return notFound(f, check, "strict mode", "explanations take "+onOrOff(told))
	}
	e := factOf(check, onOrOff(*f.Strict))
	if (kc.Strict == config.Yes || kc.Strict == config.No) && told != *f.Strict {
		e.State, e.Says, e.Do = examFail, fmt.Sprintf("%s, and keto.strict says %v", e.Says, kc.Strict), "set keto.strict to auto, or to what the server runs"
	}
	return e
}

func onOrOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func depthFact(f access.Facts, kc *config.Keto) exam {
	const check = "read depth"
	e := factOf(check, fmt.Sprintf("limit.max_read_depth is %d", f.MaxDepth))
	switch {
	case f.MaxDepth == 0 && f.DepthAtLeast == 0:
		return notFound(f, check, "max_depth", fmt.Sprintf("explanations take keto.max_depth, %d", kc.MaxDepth))
	case f.MaxDepth == 0:
		e.Says = fmt.Sprintf("limit.max_read_depth is at least %d", f.DepthAtLeast)
		if f.DepthAtLeast <= kc.MaxDepth {
			e.Says += fmt.Sprintf("; explanations take keto.max_depth, %d", kc.MaxDepth)
			return e
		}
	case f.MaxDepth == kc.MaxDepth:
		return e
	}
	e.State, e.Do = examFail, "set keto.max_depth to what limit.max_read_depth is in Keto's own configuration"
	e.Says += fmt.Sprintf(", and keto.max_depth says %d", kc.MaxDepth)
	return e
}

// driftFact tells whether the server knows the relations of the model.
func driftFact(f access.Facts, m *opl.Model) exam {
	const check = "relations of the model"
	relations := 0
	for _, n := range m.Namespaces {
		relations += len(n.Relations)
	}
	// That the depth is another one is told on its own.
	drift := slices.DeleteFunc(slices.Clone(f.Drift), func(d string) bool { return strings.HasPrefix(d, "limit.max_read_depth") })
	if len(drift) == 0 {
		e := factOf(check, fmt.Sprintf("the server knows them, %d", relations))
		for _, o := range f.Open {
			if why, ok := strings.CutPrefix(o, "drift: "); ok {
				e.Says += "; " + why
			}
		}
		return e
	}
	const most = 4
	says := strings.Join(drift[:min(most, len(drift))], "; ")
	if len(drift) > most {
		says += fmt.Sprintf("; and %d more", len(drift)-most)
	}
	return exam{Server: "keto", Check: check, State: examFail, Says: says,
		Do: "point keto.opl to the very file that Keto reads; what is explained rests on it"}
}

func listFact(f access.Facts) exam {
	const check = "order of lists"
	switch f.Order {
	case access.OrderStored:
		return factOf(check, "as stored, which is how the check engine goes through them")
	case access.OrderSorted:
		return factOf(check, "sorted, subject sets first; where an answer hangs on the order, explanations list anew as stored")
	}
	return notFound(f, check, "list order", "explanations take them as stored")
}

func batchFact(f access.Facts) exam {
	if f.Batch > 0 {
		return factOf("batch check", fmt.Sprintf("up to %d questions at once", f.Batch))
	}
	return factOf("batch check", "not there (it came with Keto 0.14): each question is a request of its own")
}
