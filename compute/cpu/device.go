package cpu

import (
	"fmt"
	"runtime"
	"strings"

	"trimtab/compute"
	"trimtab/internal/kernel"
)

// Options says how a device is set up. The zero value is all cores and the
// fastest kernels that the machine has.
type Options struct {
	// Threads is how many threads compute; 0 is one a core (GOMAXPROCS).
	Threads int
	// Tier names the kernels to use ("generic", "avx2", ...); "" is what
	// [kernel.Pick] picks.
	Tier string
}

// Device computes on the processor's cores. It implements [compute.Device].
type Device struct {
	k      *kernel.Set
	pool   *pool
	shared [sharedSlots][]float32 // scratch that all threads of one operation see
	sums   []float64
	rounds bool // MatMul multiplies in bfloat16

	// The arguments of the operation that runs, for its chunks.
	ops     operands
	norm    norming
	move    moving
	packing packing
	losses  lossing
	adam    stepping
	keep    keeping
	rotate  rotating
	product product
	attend  attention
}

// The uses of shared scratch.
const (
	sharedPanels  = iota // packed blocks of a right operand
	sharedLeft           // blocks of a left operand, transposed or quantized
	sharedScales         // of its quantized rows
	sharedRows           // gathered rows of a weight
	sharedPartial        // partial sums of rows
	sharedBias           // the wanted part of a bias
	sharedSlots
)

var _ compute.Device = (*Device)(nil)

// New sets a device up. It fails where Threads is negative or the machine
// lacks the tier. Its threads start with the first operation that has work for
// them, sleep while there is none, and end when the Device is garbage.
func New(o Options) (*Device, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("cpu: %d threads, expected 0 or more", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	set, err := tier(o.Tier)
	if err != nil {
		return nil, err
	}
	d := &Device{k: set, pool: newPool(o.Threads)}
	runtime.AddCleanup(d, func(p *pool) { p.stop() }, d.pool)
	return d, nil
}

func tier(name string) (*kernel.Set, error) {
	if name == "" {
		set, err := kernel.Pick()
		if err != nil {
			return nil, fmt.Errorf("cpu: %w", err)
		}
		return set, nil
	}
	var names []string
	for _, set := range kernel.Tiers() {
		if set.Name == name {
			return set, nil
		}
		names = append(names, set.Name)
	}
	return nil, fmt.Errorf("cpu: %w: %q, this machine and build can run %s", kernel.ErrTier, name, strings.Join(names, ", "))
}

// Name is "cpu/TIER, N threads".
func (d *Device) Name() string {
	plural := "s"
	if d.Threads() == 1 {
		plural = ""
	}
	return fmt.Sprintf("cpu/%s, %d thread%s", d.k.Name, d.Threads(), plural)
}

// Threads is the number of threads that compute.
func (d *Device) Threads() int { return len(d.pool.workers) }

// Kernels is the tier in use.
func (d *Device) Kernels() *kernel.Set { return d.k }

// Alloc returns n zeroed elements that begin on a cache line.
func (d *Device) Alloc(n int) []float32 { return kernel.Make[float32](n) }

// AllocMoment returns a moment in 8 bits of n elements, all zero.
func (d *Device) AllocMoment(n int) compute.Moment {
	return compute.Moment{Codes: kernel.Make[uint8](n), Absmax: d.Alloc((n + compute.MomentBlock - 1) / compute.MomentBlock)}
}

// ScratchBytes is the memory that the device holds for its own intermediate
// results: it grows to what the largest operation so far needed, and the sizes of
// blocks bound it, not the sizes of matrices.
func (d *Device) ScratchBytes() int {
	bytes := 8 * cap(d.sums)
	for _, s := range d.shared {
		bytes += 4 * cap(s)
	}
	for _, w := range d.pool.workers {
		for _, s := range w.scratch {
			bytes += 4 * cap(s)
		}
	}
	return bytes
}

// floats is scratch of n elements with any contents, for all threads.
func (d *Device) floats(slot, n int) []float32 { return grown(&d.shared[slot], n) }

// grown is n elements of *s, which grows if it must.
func grown(s *[]float32, n int) []float32 {
	if cap(*s) < n {
		*s = kernel.Make[float32](n)
	}
	return (*s)[:n]
}

// partial is scratch of n float64 with any contents.
func (d *Device) partial(n int) []float64 {
	if cap(d.sums) < n {
		d.sums = make([]float64, n)
	}
	return d.sums[:n]
}
