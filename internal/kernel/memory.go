package kernel

import "unsafe"

const (
	// lineBytes is a line of the caches.
	lineBytes = 64
	// hugeFrom is the size from which memory is asked for in huge pages: a stream through small pages waits for their addresses.
	hugeFrom = 1 << 20
)

// Make gives n elements of a type without pointers, zeroed, which begin on a line of the caches; large ones lie in huge pages where the system has them.
func Make[T any](n int) []T {
	size := int(unsafe.Sizeof(*new(T)))
	extra := lineBytes / size
	b := make([]T, n+extra)
	skip := int(-uintptr(unsafe.Pointer(&b[0]))%lineBytes) / size
	b = b[skip : skip+n : skip+n]
	if n*size >= hugeFrom {
		huge(unsafe.Slice((*byte)(unsafe.Pointer(&b[0])), n*size))
	}
	return b
}
