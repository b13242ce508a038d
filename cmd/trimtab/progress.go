package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"trimtab/train"
)

// logEvery is the least time between two lines of a log.
const logEvery = 10 * time.Second

// progress shows how a training goes: a bar with the time that is left on a
// terminal, plain lines in a log.
type progress struct {
	to    io.Writer
	bars  *mpb.Progress // nil in a log
	bar   *mpb.Bar
	begun time.Time // of the first step seen, which is first
	first int
	said  time.Time
	state atomic.Value // of string: the bar reads it whenever it is drawn
}

func newProgress(to io.Writer) *progress {
	p := &progress{to: to}
	if terminal(to) {
		p.bars = mpb.New(mpb.WithOutput(to), mpb.WithWidth(40))
		p.to = p.bars
	}
	return p
}

// report shows a step. It is what train.Run's Report is.
func (p *progress) report(s train.Progress) {
	now := time.Now()
	if p.begun.IsZero() {
		p.begun, p.first, p.said = now, s.Step, now
		p.state.Store("")
		if p.bars != nil {
			p.bar = p.bars.AddBar(int64(s.Total), mpb.PrependDecorators(decor.CountersNoUnit("step %d/%d")),
				mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return p.state.Load().(string) })))
		}
	}
	state := p.describe(s)
	p.state.Store(state)
	if p.bar != nil {
		p.bar.SetCurrent(int64(s.Step))
	}
	switch {
	case s.Scores != nil:
		fmt.Fprintf(p.to, "step %d/%d  loss %.4g  %s\n", s.Step, s.Total, s.Loss, scores(s.Scores, s.Best))
		p.said = now
	case p.bar == nil && now.Sub(p.said) >= logEvery:
		fmt.Fprintf(p.to, "step %d/%d  %s\n", s.Step, s.Total, state)
		p.said = now
	}
}

// describe is the loss, the learning rate and the time that is left.
func (p *progress) describe(s train.Progress) string {
	text := fmt.Sprintf("loss %.4g  lr %.2g", s.Loss, s.Rate)
	if done := s.Step - p.first; done > 0 {
		left := time.Since(p.begun) / time.Duration(done) * time.Duration(s.Total-s.Step)
		text += "  " + left.Round(time.Second).String() + " left"
	}
	return text
}

// close ends the bar, wherever it stands.
func (p *progress) close() {
	if p.bars == nil {
		return
	}
	if p.bar != nil {
		p.bar.Abort(false)
	}
	p.bars.Wait()
}

// scores writes metrics on a line.
func scores(list []train.Score, best bool) string {
	var words []string
	for _, s := range list {
		words = append(words, fmt.Sprintf("%s %.4f", s.Name, s.Value))
	}
	if best {
		words = append(words, "(best so far)")
	}
	return strings.Join(words, "  ")
}
