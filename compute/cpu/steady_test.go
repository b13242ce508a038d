package cpu

import (
	"bytes"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/compute/cases"
	"trimtab/internal/chance"
	"trimtab/internal/kernel"
	"trimtab/internal/near"
)

// TestNothingAllocated finds no allocation on the Go heap, forward or backward, once scratch has grown.
func TestNothingAllocated(t *testing.T) {
	d := device(t, 2, "")
	ran := 0
	for _, c := range cases.All() {
		forward, backward := cases.Steps(d, c)
		for name, f := range map[string]func(){"": forward, " backward": backward} {
			if f == nil {
				continue
			}
			ran++
			f()
			n := testing.AllocsPerRun(10, f)
			for again := 0; n != 0 && again < 4; again++ { // a thread that took no chunk before has scratch to grow
				n = testing.AllocsPerRun(10, f)
			}
			if n != 0 {
				t.Errorf("%s%s: %v allocations a call", c.FullName(), name, n)
			}
		}
	}
	if ran < wantCases {
		t.Errorf("ran %d, expected %d at least", ran, wantCases)
	}
}

// TestScratchIsBounded sees that scratch grows with blocks, not with matrices.
func TestScratchIsBounded(t *testing.T) {
	d := device(t, 2, "")
	if n := d.ScratchBytes(); n != 0 {
		t.Errorf("a new device holds %d bytes of scratch", n)
	}
	const rows, wide, limit = 64, 60000, 8 << 20
	w := d.Pack(compute.NewMat(wide, 96, d.Alloc(wide*96)), compute.F32)
	dx, dy := compute.NewMat(rows, 96, d.Alloc(rows*96)), compute.NewMat(rows, wide, d.Alloc(rows*wide))
	d.LinearBackward(dx, dy, w, false)
	if n := d.ScratchBytes(); n == 0 || n > limit {
		t.Errorf("a weight of %d bytes needed %d bytes of scratch, expected some and at most %d", w.Bytes(), n, limit)
	}
	if d.Autocast(compute.BF16) != nil { // what follows is for tiers that multiply it
		return
	}
	const high, terms = 20000, 768
	c, a, b := compute.NewMat(high, 32, d.Alloc(high*32)), compute.NewMat(terms, high, d.Alloc(terms*high)), compute.NewMat(terms, 32, d.Alloc(terms*32))
	before := d.ScratchBytes()
	d.MatMul(c, a, b, true, false, 1, false)
	if n := d.ScratchBytes() - before; n > limit {
		t.Errorf("a transposed matrix of %d bytes needed %d bytes of scratch, expected at most %d", 4*len(a.Data), n, limit)
	}
}

func TestPackAndUnpack(t *testing.T) {
	for _, tier := range kernel.Tiers() {
		d := device(t, 2, tier.Name)
		for _, s := range [][2]int{{1, 1}, {16, 8}, {33, 70}, {100, 3}, {0, 5}, {5, 0}} {
			m := normal(d, "w", s[0], s[1])
			turned := compute.NewMat(s[1], s[0], d.Alloc(s[0]*s[1]))
			for i := range s[0] {
				for j := range s[1] {
					turned.Data[j*s[0]+i] = m.Data[i*s[1]+j]
				}
			}
			for _, w := range []compute.Weight{d.Pack(m, compute.F32), d.Pack(compute.Transposed(turned), compute.F32), d.Rows(m)} {
				if w.Out() != s[0] || w.In() != s[1] || w.Bytes() < 4*s[0]*s[1] {
					t.Errorf("a weight %v is [%d, %d] of %d bytes", s, w.Out(), w.In(), w.Bytes())
				}
				back := compute.NewMat(s[0], s[1], d.Alloc(s[0]*s[1]))
				d.Unpack(back, w)
				near.Bits(t, "unpacked", back.Data, m.Data)
			}
		}
	}
}

// TestAdamW holds ten steps to the formulas of torch.optim.AdamW, in float64.
func TestAdamW(t *testing.T) {
	const n = 20011
	o := compute.AdamW{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1, GradientScale: 0.5}
	d := device(t, 2, "")
	p, m, v := normal(d, "p", 1, n).Data, d.Alloc(n), d.Alloc(n)
	p64, m64, v64 := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range p {
		p64[i] = float64(p[i])
	}
	for o.Step = 1; o.Step <= 10; o.Step++ {
		g := d.Alloc(n)
		chance.Normals(chance.Key{Seed: 3, Step: uint64(o.Step)}, g)
		d.AdamW(p, g, m, v, o)
		c1, c2 := 1-math.Pow(o.Beta1, float64(o.Step)), 1-math.Pow(o.Beta2, float64(o.Step))
		for i := range p64 {
			x := float64(g[i]) * 0.5
			m64[i] = o.Beta1*m64[i] + (1-o.Beta1)*x
			v64[i] = o.Beta2*v64[i] + (1-o.Beta2)*x*x
			p64[i] -= o.LearningRate * (o.WeightDecay*p64[i] + m64[i]/c1/(math.Sqrt(v64[i]/c2)+o.Epsilon))
		}
	}
	near.Check(t, "parameters", p, narrow(p64), near.Twin)
	near.Check(t, "means", m, narrow(m64), near.Twin)
	near.Check(t, "squares", v, narrow(v64), near.Twin)
}

// TestAdamW8 says that moments in 8 bits are nothing that depends on threads, or on how the gradient was scaled, and that a step takes
// no memory. What the step is, train's tests compare with bitsandbytes.
func TestAdamW8(t *testing.T) {
	const n = 70011
	o := compute.AdamW{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}
	run := func(threads int, scale float32) ([]float32, compute.Moment, compute.Moment) {
		o := o
		o.GradientScale = scale
		d := device(t, threads, "")
		p, m, v := normal(d, "p", 1, n).Data, d.AllocMoment(n), d.AllocMoment(n)
		for o.Step = 1; o.Step <= 3; o.Step++ {
			g := d.Alloc(n)
			chance.Normals(chance.Key{Seed: 3, Step: uint64(o.Step)}, g)
			for i := range g {
				g[i] /= scale
			}
			d.AdamW8(p, g, m, v, o)
			if n := testing.AllocsPerRun(1, func() { d.AdamW8(p, g, m, v, o) }); n != 0 && threads == 1 {
				t.Errorf("%v allocations a step", n)
			}
		}
		return p, m, v
	}
	p, m, v := run(1, 1)
	for _, threads := range []int{2, 5} {
		p2, m2, v2 := run(threads, 0.5)
		near.Bits(t, "parameters", p2, p)
		near.Bits(t, "means' largest", m2.Absmax, m.Absmax)
		near.Bits(t, "squares' largest", v2.Absmax, v.Absmax)
		if !bytes.Equal(m2.Codes, m.Codes) || !bytes.Equal(v2.Codes, v.Codes) {
			t.Errorf("%d threads: other codes", threads)
		}
	}
}

func TestSumSquares(t *testing.T) {
	for _, n := range []int{0, 1, 511, 513, 100003} {
		one, three := device(t, 1, ""), device(t, 3, "")
		x := normal(one, "x", 1, n).Data
		want := 0.0
		for _, v := range x {
			want += float64(v) * float64(v)
		}
		near.Number(t, "sum of squares", one.SumSquares(x), want, near.Kernel)
		near.Number(t, "on three threads", three.SumSquares(x), one.SumSquares(x), near.Exact)
	}
}

// TestCrossEntropyInPlace computes the gradient where the logits lie.
func TestCrossEntropyInPlace(t *testing.T) {
	d := device(t, 2, "")
	x, target := normal(d, "x", 9, 40), []int32{3, -1, 0, 39, 7, 8, -1, 2, 1}
	loss, lse, dx := d.Alloc(1), d.Alloc(9), compute.NewMat(9, 40, d.Alloc(9*40))
	d.CrossEntropy(loss, lse, x, target, nil, 1)
	d.CrossEntropyBackward(dx, 2, x, lse, target, nil, 1, false)
	d.CrossEntropyBackward(x, 2, x, lse, target, nil, 1, false)
	near.Bits(t, "in place", x.Data, dx.Data)
}

// TestPool runs many short operations, on more threads than cores too, and counts
// every chunk.
func TestPool(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 16} {
		d := device(t, threads, "")
		var done [200]atomic.Int32
		for round := range 2000 {
			n := round % len(done)
			counter = &done
			d.run(n, func(d *Device, w *worker, i int) { counter[i].Add(1) })
			if round%500 == 0 {
				time.Sleep(time.Millisecond) // until the workers sleep
			}
		}
		for i := range done {
			want := int32(0)
			for round := range 2000 {
				if round%len(done) > i {
					want++
				}
			}
			if got := done[i].Load(); got != want {
				t.Fatalf("%d threads: chunk %d ran %d times, expected %d", threads, i, got, want)
			}
		}
	}
}

var counter *[200]atomic.Int32

// TestThreadsEnd sees that a device's threads end when nobody holds it.
func TestThreadsEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		d := device(t, 4, "")
		x := compute.NewMat(1, 1<<17, d.Alloc(1<<17))
		d.Add(x, x, x)
	}
	for range 100 {
		runtime.GC()
		if runtime.NumGoroutine() <= before+6 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after twenty devices", before, runtime.NumGoroutine())
}

func TestForeignWeight(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a weight of another device was taken")
		}
	}()
	d := device(t, 1, "")
	d.Unpack(compute.Mat{}, nil)
}
