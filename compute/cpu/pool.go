package cpu

import (
	"runtime"
	"sync/atomic"
	"time"
)

// chunk is one part of an operation: number i of those that run was asked for.
// A chunk is a method expression, which allocates nothing; its arguments are the
// device's fields.
type chunk func(d *Device, w *worker, i int)

// pool is a number of threads that share the chunks of one operation at a time.
// The caller's goroutine is worker 0 and works along.
//
// One word holds both how many chunks there are and which is next, so that taking
// one is a single compare-and-swap: with two words a worker could take the next
// of one operation and the count of another. Chunks are taken one by one, so a
// thread that the system put aside delays no chunk but its own.
type pool struct {
	// work is chunks<<32 | next; a worker that finds next < chunks may take next.
	work atomic.Uint64
	_    [7]uint64
	// left counts chunks that are not finished.
	left atomic.Int64
	_    [7]uint64
	// waits is 1 while the caller sleeps until left is 0; finished wakes it.
	waits    atomic.Int32
	finished chan struct{}
	// stopped ends the workers.
	stopped atomic.Bool
	started bool

	// grew says that a worker's scratch did in the operation that runs.
	grew atomic.Bool

	// device and f are read only by one who holds a chunk.
	device *Device
	f      chunk

	workers []*worker
}

// worker is a thread of the pool with the scratch memory of its own.
type worker struct {
	pool    *pool
	piece   piece
	scratch [workerSlots][]float32
	state   []softmaxState

	// asleep is 1 while the worker sleeps, or is about to; wake rouses it.
	asleep atomic.Int32
	wake   chan struct{}
}

// floats is scratch of n elements with any contents, for this thread.
func (w *worker) floats(slot, n int) []float32 {
	if cap(w.scratch[slot]) < n {
		w.pool.grew.Store(true)
	}
	return grown(&w.scratch[slot], n)
}

// level gives all workers the scratch of the one that has most, of each use: whoever takes which chunk, an operation that ran needs no memory
// when it runs again. No chunk runs meanwhile.
func (p *pool) level() {
	for slot := range workerSlots {
		most := 0
		for _, w := range p.workers {
			most = max(most, cap(w.scratch[slot]))
		}
		for _, w := range p.workers {
			grown(&w.scratch[slot], most)
		}
	}
	most := 0
	for _, w := range p.workers {
		most = max(most, cap(w.state))
	}
	for _, w := range p.workers {
		w.states(most)
	}
}

func newPool(threads int) *pool {
	p := &pool{finished: make(chan struct{}, 1), workers: make([]*worker, threads)}
	for i := range p.workers {
		p.workers[i] = &worker{pool: p, wake: make(chan struct{}, 1)}
	}
	return p
}

// patience is how long a thread looks for work before it sleeps: longer than the
// gap between the operations of a step, shorter than anybody notices.
const patience = 60 * time.Microsecond

// run calls f for i in [0, n), in any order, on all threads, and returns when all
// are done.
func (d *Device) run(n int, f chunk) {
	p := d.pool
	if n <= 0 {
		return
	}
	if n == 1 || len(p.workers) == 1 {
		for i := range n {
			f(d, p.workers[0], i)
		}
		return
	}
	p.start()
	p.device, p.f = d, f
	p.left.Store(int64(n))
	p.work.Store(uint64(n) << 32)
	p.rouse(n - 1)
	p.help(p.workers[0])
	p.join()
	p.device, p.f = nil, nil
	if p.grew.Swap(false) {
		p.level()
	}
}

// start starts the goroutines of the other workers, once.
func (p *pool) start() {
	if p.started {
		return
	}
	p.started = true
	for _, w := range p.workers[1:] {
		go p.serve(w)
	}
}

// rouse wakes up to n sleeping workers.
func (p *pool) rouse(n int) {
	for _, w := range p.workers[1:] {
		if n == 0 {
			return
		}
		n--
		if w.asleep.Load() == 1 && w.asleep.CompareAndSwap(1, 0) {
			w.wake <- struct{}{}
		}
	}
}

// help takes chunks until there are none.
func (p *pool) help(w *worker) {
	for {
		word := p.work.Load()
		n, next := word>>32, word&(1<<32-1)
		if next >= n {
			return
		}
		if !p.work.CompareAndSwap(word, word+1) {
			continue
		}
		p.f(p.device, w, int(next))
		if p.left.Add(-1) == 0 && p.waits.CompareAndSwap(1, 0) {
			p.finished <- struct{}{}
		}
	}
}

// idle says whether there is no chunk to take.
func (p *pool) idle() bool {
	word := p.work.Load()
	return word&(1<<32-1) >= word>>32
}

// join waits until all chunks are finished.
func (p *pool) join() {
	done := func() bool { return p.left.Load() == 0 }
	if spin(done) {
		return
	}
	p.waits.Store(1)
	if done() && p.waits.CompareAndSwap(1, 0) {
		return
	}
	<-p.finished
}

// serve is the life of a worker.
func (p *pool) serve(w *worker) {
	some := func() bool { return !p.idle() || p.stopped.Load() }
	for !p.stopped.Load() {
		p.help(w)
		if spin(some) {
			continue
		}
		w.asleep.Store(1)
		if some() && w.asleep.CompareAndSwap(1, 0) {
			continue
		}
		<-w.wake
	}
}

// spin waits for ready for as long as its patience lasts, and says whether it came true.
func spin(ready func() bool) bool {
	for range 50 {
		if ready() {
			return true
		}
	}
	for begin := time.Now(); time.Since(begin) < patience; {
		for range 30 {
			if ready() {
				return true
			}
		}
		runtime.Gosched() // where threads outnumber cores, let the one that has the work run
	}
	return ready()
}

// stop ends the workers.
func (p *pool) stop() {
	p.stopped.Store(true)
	for _, w := range p.workers[1:] {
		if w.asleep.CompareAndSwap(1, 0) {
			w.wake <- struct{}{}
		}
	}
}
