package screens

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"gatehouse/access"
	"gatehouse/clients"
	"gatehouse/tui"
)

// whyLiveEvery is how often a live question is asked again. A slow server is asked
// less often: it rests whyLiveRest times as long as it took to answer.
const (
	whyLiveEvery = 2 * time.Second
	whyLiveRest  = 5
)

// whyLive is asking again and again, and what came of it.
type whyLive struct {
	on    bool
	asked int
	slow  time.Duration // what the last answer took

	// before is the verdict before it changed; at is when it did.
	before access.Verdict
	at     time.Time
}

func (l *whyLive) name() string {
	if l.on {
		return "stop live"
	}
	return "live"
}

func (l *whyLive) stop() { *l = whyLive{} }

// compare notes that the verdict changed.
func (l *whyLive) compare(before, after access.Verdict, at time.Time) {
	if before != after {
		l.before, l.at = before, at
	}
}

// every is the time between two questions.
func (l *whyLive) every() time.Duration { return max(whyLiveEvery, whyLiveRest*l.slow) }

type whyTick struct{}

func isWhyTick(msg tea.Msg) bool { _, ok := msg.(whyTick); return ok }

func (s *Why) toggleLive() tea.Cmd {
	s.live.on = !s.live.on
	s.live.asked = 0
	if !s.live.on {
		return nil
	}
	return s.nextTick()
}

func (s *Why) nextTick() tea.Cmd {
	return tea.Tick(s.live.every(), func(time.Time) tea.Msg { return whyTick{} })
}

// tick asks once more unless something is under way.
func (s *Why) tick() tea.Cmd {
	if !s.live.on {
		return nil
	}
	if !s.job.Busy() && !s.write.Busy() && !s.Typing() {
		s.live.asked++
		if s.spec.Ask == nil || s.err != nil {
			s.ask()
		} else {
			s.askVerdict()
		}
	}
	return s.nextTick()
}

// askVerdict asks the server alone, and explains only when its answer is another one.
func (s *Why) askVerdict() {
	ask, q := s.spec.Ask, s.q
	type answer struct {
		verdict access.Verdict
		took    time.Duration
		err     error
	}
	tui.Go(s.host, &s.job, 0, func(ctx context.Context) (answer, error) {
		start := time.Now()
		v, err := ask(ctx, q)
		return answer{v, time.Since(start), err}, nil
	}, func(a answer, _ error) {
		s.live.slow = a.took
		switch {
		case clients.Is(a.err, clients.Canceled):
		case a.err != nil:
			s.err = a.err
		case a.verdict != s.answer.trace.Server:
			s.ask()
		default:
			s.answer.at = s.host.Env().Now()
		}
	})
}

// words say that the answer changed, and that it is asked again.
func (l *whyLive) words(now time.Time) string {
	text := ""
	if l.before != "" {
		text = fmt.Sprintf("changed %s: it was %s", ago(now, l.at), l.before)
	}
	if l.on {
		if text != "" {
			text += " · "
		}
		text += fmt.Sprintf("live: asked again every %s", l.every().Round(time.Second))
		if l.asked > 0 {
			text += fmt.Sprintf(", %d times", l.asked)
		}
	}
	return text
}
