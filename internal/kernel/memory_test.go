package kernel

import (
	"testing"
	"unsafe"
)

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 15, 1000, 3 << 18, 3<<18 + 5} {
		b := Make[float32](n)
		if len(b) != n || cap(b) != n || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%lineBytes != 0 {
			t.Errorf("%d elements are %d at %p, with room for %d", n, len(b), unsafe.SliceData(b), cap(b))
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("element %d is %g", i, b[i])
			}
			b[i] = 1
		}
		if h := Make[uint16](n); len(h) != n || uintptr(unsafe.Pointer(unsafe.SliceData(h)))%lineBytes != 0 {
			t.Errorf("%d halves are %d at %p", n, len(h), unsafe.SliceData(h))
		}
	}
}
