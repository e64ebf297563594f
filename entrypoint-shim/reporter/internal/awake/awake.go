// Package awake measures only the time in which this process could run. AWS Lambda freezes the whole container between
// two calls; a time limit that went on meanwhile would end, at the moment of waking up, what had hardly begun.
package awake

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	tick = 100 * time.Millisecond
	nap  = 3 * tick // a longer gap between two ticks is a freeze
)

// Clock knows how long this process was frozen. A nil Clock says never.
type Clock struct{ lost atomic.Int64 }

// Start watches for freezes as long as the process lives.
func Start() *Clock {
	clock := &Clock{}
	last := time.Now().Round(0) // of the wall: the monotonic clock may stand still in a freeze
	go func() {
		for range time.Tick(tick) {
			now := time.Now().Round(0)
			if gap := now.Sub(last); gap > nap {
				clock.lost.Add(int64(gap - tick))
			}
			last = now
		}
	}()
	return clock
}

// Lost is the time frozen so far.
func (c *Clock) Lost() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.lost.Load())
}

// Timeout ends a context after that much time awake.
func (c *Clock) Timeout(parent context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if c == nil {
		return context.WithTimeout(parent, limit)
	}
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		for spent := time.Duration(0); spent < limit; spent += tick {
			select {
			case <-time.After(min(tick, limit-spent)):
			case <-ctx.Done():
				return
			}
		}
		cancel(context.DeadlineExceeded)
	}()
	return ctx, func() { cancel(context.Canceled) }
}
