package courier

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"exeunt/internal/event"
)

// Courier queues and sends deliveries. Its fields are set once, before it runs.
type Courier struct {
	Store  Store
	Events *event.Log
	Hooks  []*Hook
	Body   func(event.Event) ([]byte, error) // what a hook is sent of an event
	Meter  Meter
	Log    *slog.Logger

	waiting, dead atomic.Int64

	hurry time.Duration // for tests: all pauses are so many times shorter
	limit time.Duration // for tests: the time for one attempt; zero means sendTimeout
}

// Meter counts attempts. Its methods must not block.
type Meter interface{ HookAttempted(o Outcome) }

// Outcome is how an attempt ended.
type Outcome string

// The outcomes, a closed set that metrics use as a label.
const (
	Arrived Outcome = "delivered"
	Failed  Outcome = "failed" // to be tried again
	GivenUp Outcome = "dead"
)

// Outcomes lists them all.
var Outcomes = []Outcome{Arrived, Failed, GivenUp}

const (
	breath   = 50 * time.Millisecond // between looking for new events, so that many share the work
	lookEach = time.Second           // how soon what is due, or was left by a dead node, is found
	lease    = sendTimeout + 5*time.Second
	tending  = 10 * time.Second // between counts
	refresh  = time.Hour        // between registrations
	recovery = time.Second      // after the store has failed

	complainEach = 60 // seconds between lines about the same hook
)

// Register notes in the store which hooks are configured. It is called before the first event that they must not miss.
func (c *Courier) Register(ctx context.Context) error {
	for _, h := range c.Hooks {
		if err := c.Store.RegisterHook(ctx, h.name, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Run works until ctx ends, and returns when what is being sent then has been settled.
func (c *Courier) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { c.queue(ctx) })
	work.Go(func() { c.tend(ctx) })
	for _, h := range c.Hooks {
		work.Go(func() { c.deliver(ctx, h) })
	}
	work.Wait()
}

// queue makes deliveries of events as they come.
func (c *Courier) queue(ctx context.Context) {
	seen := int64(-1)
	for ctx.Err() == nil {
		last, err := c.Events.Wait(ctx, seen)
		if err == nil {
			err = c.fanOut(ctx)
		}
		if err != nil {
			c.trouble(ctx, "looking for events for web hooks", err)
			continue
		}
		seen = last
		rest(ctx, breath, nil)
	}
}

// fanOut makes a delivery of each new event for each hook that wants it.
func (c *Courier) fanOut(ctx context.Context) error {
	for _, h := range c.Hooks {
		for more := true; more; {
			made, again, err := c.Store.QueueDeliveries(ctx, h.name, h.kinds, time.Now())
			if err != nil {
				return err
			}
			if more = again; made > 0 {
				h.ring()
			}
		}
	}
	return nil
}

// deliver sends what is due for one hook, several at a time.
func (c *Courier) deliver(ctx context.Context, h *Hook) {
	var flying sync.WaitGroup
	defer flying.Wait()
	busy := make(chan struct{}, parallel)
	for ctx.Err() == nil {
		room := cap(busy) - len(busy)
		if room == 0 {
			rest(ctx, c.quick(lookEach), h.wake)
			continue
		}
		now := time.Now()
		batch, err := c.Store.ClaimDeliveries(ctx, h.name, now, now.Add(lease), room)
		if err != nil {
			c.trouble(ctx, "looking for what is due for a web hook", err)
			continue
		}
		for _, d := range batch {
			busy <- struct{}{}
			flying.Go(func() {
				c.attempt(context.WithoutCancel(ctx), h, d)
				<-busy
				h.ring()
			})
		}
		if len(batch) == 0 {
			rest(ctx, c.quick(lookEach), h.wake)
		}
	}
}

// attempt sends one delivery and settles it.
func (c *Courier) attempt(ctx context.Context, h *Hook, d *Delivery) {
	body, failed := c.Body(d.Event)
	if failed == nil {
		failed = h.send(ctx, d.Event.ID, body, cmp.Or(c.limit, sendTimeout))
	}
	outcome, now := Arrived, time.Now()
	switch {
	case failed != nil && now.Sub(d.ChangedAt) < h.giveUpAfter:
		outcome = Failed
	case failed != nil:
		outcome = GivenUp
		c.Log.Warn("a delivery to a web hook was given up", "hook", h.name, "delivery", d.ID, "problem", failed.Error())
	}
	c.Meter.HookAttempted(outcome)
	c.complain(h, failed)
	if err := c.settle(ctx, d, outcome, failed, now); err != nil {
		c.Log.Warn("the outcome of a delivery is not stored; it will be sent again", "hook", h.name, "delivery", d.ID, "error", err)
	}
}

func (c *Courier) settle(ctx context.Context, d *Delivery, o Outcome, failed error, now time.Time) error {
	switch o {
	case Failed:
		return c.Store.MarkFailed(ctx, d, failed.Error(), now.Add(c.quick(pause(d.Attempts))))
	case GivenUp:
		return c.Store.MarkDead(ctx, d, failed.Error(), now)
	}
	return c.Store.MarkDelivered(ctx, d, now)
}

// complain logs that a hook fails, once in a while and not for each attempt.
func (c *Courier) complain(h *Hook, failed error) {
	now, last := time.Now().Unix(), h.complained.Load()
	if failed == nil || now-last < complainEach || !h.complained.CompareAndSwap(last, now) {
		return
	}
	c.Log.Warn("a web hook fails; it will be tried again", "hook", h.name, "problem", failed.Error())
}

// tend counts, and keeps the registrations fresh.
func (c *Courier) tend(ctx context.Context) {
	registered := time.Now()
	for ctx.Err() == nil {
		waiting, dead, err := c.Store.CountDeliveries(ctx)
		if err == nil && time.Since(registered) > refresh {
			err = c.Register(ctx)
			registered = time.Now()
		}
		if err != nil {
			c.trouble(ctx, "counting deliveries", err)
			continue
		}
		c.waiting.Store(int64(waiting))
		c.dead.Store(int64(dead))
		rest(ctx, c.quick(tending), nil)
	}
}

// Waiting is how many deliveries waited when they were last counted.
func (c *Courier) Waiting() int64 { return c.waiting.Load() }

// Dead is how many deliveries were given up, as for [Courier.Waiting].
func (c *Courier) Dead() int64 { return c.dead.Load() }

// trouble logs a failure of the store and lets it recover.
func (c *Courier) trouble(ctx context.Context, doing string, err error) {
	if ctx.Err() != nil {
		return
	}
	c.Log.Warn(doing+" failed; it will be tried again", "error", err)
	rest(ctx, c.quick(recovery), nil)
}

func (c *Courier) quick(d time.Duration) time.Duration { return d / max(c.hurry, 1) }

// rest waits until some time has passed, somebody wakes it, or ctx ends.
func rest(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// List returns deliveries.
func (c *Courier) List(ctx context.Context, f Filter) ([]*Delivery, error) {
	return c.Store.ListDeliveries(ctx, f)
}

// Retry puts a dead delivery back into line. One that waits already is a success.
func (c *Courier) Retry(ctx context.Context, id string) error {
	d, err := c.Store.Delivery(ctx, id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.Hooks, func(h *Hook) bool { return h.name == d.Hook })
	switch {
	case d.State == Delivered:
		return ErrDelivered
	case i < 0:
		return ErrNoHook
	}
	if err := c.Store.ReviveDelivery(ctx, id, time.Now()); err != nil {
		return err
	}
	c.Hooks[i].ring()
	return nil
}
