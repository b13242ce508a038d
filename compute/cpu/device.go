package cpu

import (
	"fmt"
	"runtime"

	"trimtab/compute"
)

// Options says how a device is set up. The zero value is all cores and the
// fastest kernels that the machine has.
type Options struct {
	// Threads is how many threads compute; 0 is one a core (GOMAXPROCS).
	Threads int
	// Tier names the kernels to use ("generic", "avx2", ...); "" picks the fastest.
	Tier string
}

// Device computes on the processor's cores. It implements [compute.Device].
type Device struct {
	threads int
	tier    string
}

var _ compute.Device = (*Device)(nil)

// New sets a device up. It fails where Threads is negative or the machine
// lacks the tier.
func New(o Options) (*Device, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("cpu: %d threads, expected 0 or more", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	switch o.Tier {
	case "":
		o.Tier = "generic"
	case "generic":
	default:
		return nil, fmt.Errorf("cpu: no kernels of tier %q here, expected generic", o.Tier)
	}
	return &Device{threads: o.Threads, tier: o.Tier}, nil
}

// Name is "cpu/TIER, N threads".
func (d *Device) Name() string {
	if d.threads == 1 {
		return fmt.Sprintf("cpu/%s, 1 thread", d.tier)
	}
	return fmt.Sprintf("cpu/%s, %d threads", d.tier, d.threads)
}

// Alloc returns n zeroed elements.
func (d *Device) Alloc(n int) []float32 { return make([]float32, n) }

// ScratchBytes is the memory that the device holds for its own intermediate results.
func (d *Device) ScratchBytes() int { return 0 }
