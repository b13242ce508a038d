//go:build unix

package cpu

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"trimtab/compute"
	"trimtab/internal/chance"
)

// burnt is the time that processors spent on this process.
func burnt(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// steps does what a model's step does, many operations one after the other, each shared by all threads.
func steps(d *Device, times int) func() {
	const rows, in, out = 64, 256, 512
	x, y := compute.NewMat(rows, in, d.Alloc(rows*in)), compute.NewMat(rows, out, d.Alloc(rows*out))
	w := compute.NewMat(out, in, d.Alloc(out*in))
	chance.Normals(chance.Key{Site: 1}, x.Data)
	chance.Normals(chance.Key{Site: 2}, w.Data)
	held := d.Pack(w, compute.F32)
	if d.k.Name == "generic" { // it takes long enough
		times = (times + 19) / 20
	}
	return func() {
		for range times {
			d.Linear(y, x, held, nil)
			d.Activate(y, y, compute.GELU)
			d.LinearBackward(x, y, held, false)
			d.Scale(x, x, 0.01, false)
		}
	}
}

// TestIdlePool says that threads without work burn nothing: a second costs less than a twentieth of one.
func TestIdlePool(t *testing.T) {
	d := device(t, 8, "")
	defer d.pool.stop()
	steps(d, 20)()
	runtime.GC()
	time.Sleep(20 * time.Millisecond) // their patience
	before := burnt(t)
	time.Sleep(time.Second)
	if used := burnt(t) - before; used >= 50*time.Millisecond {
		t.Errorf("an idle second burnt %v", used)
	}
}

// TestMoreThreadsThanCores says that sixteen threads on two cores, told that there are eight, do not burn twice what two threads need for the same work.
func TestMoreThreadsThanCores(t *testing.T) {
	if cores := runtime.NumCPU(); cores > 3 {
		t.Skipf("%d cores: idle ones may look for work", cores)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	used := map[int]time.Duration{}
	for range 3 {
		for _, threads := range []int{2, 16} {
			d := device(t, threads, "")
			work := steps(d, 100)
			work()
			before := burnt(t)
			work()
			took := burnt(t) - before
			d.pool.stop()
			if used[threads] == 0 || took < used[threads] {
				used[threads] = took
			}
		}
	}
	t.Logf("2 threads %v, 16 threads %v", used[2], used[16])
	if used[16] >= 2*used[2] {
		t.Errorf("16 threads burnt %v, 2 threads %v", used[16], used[2])
	}
}
