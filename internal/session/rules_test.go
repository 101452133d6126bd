package session

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWhatTheLengthsGive(t *testing.T) {
	day, hour := 24*time.Hour, time.Hour
	for sentence, c := range map[string]struct {
		lengths          Lengths
		age              time.Duration // of the session
		remembered       bool
		deadline, expiry time.Duration // from now
	}{
		"a lifespan":                                  {Lengths{Lifespan: day}, 0, false, day, day},
		"a longer one to who is remembered":           {Lengths{Lifespan: day, Remembered: 30 * day}, 0, true, 30 * day, 30 * day},
		"not to who is not":                           {Lengths{Lifespan: day, Remembered: 30 * day}, 0, false, day, day},
		"nothing to remember where nobody is asked":   {Lengths{Lifespan: day}, 0, true, day, day},
		"what is left of the longest life":            {Lengths{Lifespan: day, Max: 30 * hour}, 10 * hour, false, 20 * hour, 20 * hour},
		"nothing after it":                            {Lengths{Lifespan: day, Max: 30 * hour}, 31 * hour, false, -hour, -hour},
		"the idle time and a minute":                  {Lengths{Lifespan: day, Idle: hour}, 0, false, day, hour + time.Minute},
		"a tenth of a short idle time more":           {Lengths{Lifespan: day, Idle: 100 * time.Second}, 0, false, day, 110 * time.Second},
		"no idle time past the deadline":              {Lengths{Lifespan: hour, Idle: hour}, 0, false, hour, hour},
		"all of them at once, the strictest of which": {Lengths{Lifespan: day, Remembered: 30 * day, Max: 2 * day, Idle: 3 * day}, 47 * hour, true, hour, hour},
	} {
		s := &Session{CreatedAt: now.Add(-c.age), Remembered: c.remembered}
		c.lengths.give(s, now)
		if got := s.DeadlineAt.Sub(now); got != c.deadline {
			t.Errorf("%s: the deadline is in %v, want %v", sentence, got, c.deadline)
		}
		if got := s.ExpiresAt.Sub(now); got != c.expiry || !s.LastSeenAt.Equal(now) {
			t.Errorf("%s: it expires in %v, want %v", sentence, got, c.expiry)
		}
	}
}

func TestRulesThatBecameStricterEndSessionsAtOnce(t *testing.T) {
	s := &Session{CreatedAt: now.Add(-time.Hour), LastSeenAt: now.Add(-10 * time.Minute), ExpiresAt: now.Add(time.Hour)}
	for rules, want := range map[Lengths]bool{
		{Lifespan: time.Hour}:                          true,
		{Lifespan: time.Hour, Max: 61 * time.Minute}:   true,
		{Lifespan: time.Hour, Max: time.Hour}:          false,
		{Lifespan: time.Hour, Idle: 9 * time.Minute}:   false, // and the minute that last use may be off
		{Lifespan: time.Hour, Idle: 10 * time.Minute}:  true,
		{Lifespan: time.Hour, Idle: 541 * time.Second}: true, // it may have been used 9 minutes ago
	} {
		if got := rules.within(s, now); got != want {
			t.Errorf("%+v: %v", rules, got)
		}
	}
}

func TestASessionSlidesWhenThatWinsSomething(t *testing.T) {
	hour := time.Hour
	for sentence, c := range map[string]struct {
		rules    Rules
		age      time.Duration
		deadline time.Duration // from now
		want     bool
	}{
		"a tenth is won":                         {Rules{Lengths: Lengths{Lifespan: 10 * hour}, Sliding: true}, hour, 9 * hour, true},
		"less is not":                            {Rules{Lengths: Lengths{Lifespan: 10 * hour}, Sliding: true}, hour, 9*hour + time.Second, false},
		"not when it is off":                     {Rules{Lengths: Lengths{Lifespan: 10 * hour}}, hour, hour, false},
		"not before its window":                  {Rules{Lengths: Lengths{Lifespan: 10 * hour}, Sliding: true, Window: new(2 * hour)}, hour, 3 * hour, false},
		"inside its window":                      {Rules{Lengths: Lengths{Lifespan: 10 * hour}, Sliding: true, Window: new(2 * hour)}, hour, 2 * hour, true},
		"up to the longest life, however little": {Rules{Lengths: Lengths{Lifespan: 10 * hour, Max: 20 * hour}, Sliding: true}, 11 * hour, 9*hour - time.Second, true},
		"and not when that is reached":           {Rules{Lengths: Lengths{Lifespan: 10 * hour, Max: 20 * hour}, Sliding: true}, 11 * hour, 9 * hour, false},
	} {
		s := &Session{CreatedAt: now.Add(-c.age), DeadlineAt: now.Add(c.deadline)}
		if got := (&Manager{Rules: c.rules}).slides(s, now); got != c.want {
			t.Errorf("%s: %v", sentence, got)
		}
	}
}

// TestUseNeverShortensAndNeverPassesTheRules lets a session be used at random moments.
func TestUseNeverShortensAndNeverPassesTheRules(t *testing.T) {
	length := func(r *rapid.T, name string) time.Duration {
		return time.Duration(rapid.IntRange(0, 100).Draw(r, name)) * time.Minute
	}
	rapid.Check(t, func(r *rapid.T) {
		l := Lengths{Lifespan: length(r, "lifespan") + time.Minute, Max: length(r, "max"), Idle: length(r, "idle")}
		s := &Session{CreatedAt: now}
		at := now
		l.give(s, at)
		for range 20 {
			at = at.Add(time.Duration(rapid.IntRange(0, 600).Draw(r, "rest")) * time.Second)
			if !s.Valid(at) {
				return
			}
			before := s.copy()
			l.give(s, at)
			if s.ExpiresAt.Before(before.ExpiresAt) || s.DeadlineAt.Before(before.DeadlineAt) || s.ExpiresAt.After(s.DeadlineAt) {
				r.Fatalf("used at %v: from %v, %v to %v, %v", at.Sub(now), before.ExpiresAt.Sub(now), before.DeadlineAt.Sub(now), s.ExpiresAt.Sub(now), s.DeadlineAt.Sub(now))
			}
			if l.Max > 0 && s.DeadlineAt.After(now.Add(l.Max)) {
				r.Fatalf("it lives %v, longer than %v", s.DeadlineAt.Sub(now), l.Max)
			}
		}
	})
}
