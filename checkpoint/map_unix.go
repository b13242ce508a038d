//go:build unix

package checkpoint

import (
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile maps a file for reading. The mapping outlives the file's name, but not a truncation
// of the file: nobody may shorten it while it is mapped.
func mapFile(path string) (data []byte, mapped bool, unmap func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, false, nil, fmt.Errorf("%s: %w: not a regular file", path, ErrFormat)
	}
	size := info.Size()
	if size == 0 { // cannot be mapped
		return nil, false, func() error { return nil }, nil
	}
	if size > math.MaxInt {
		return nil, false, nil, fmt.Errorf("%s: %d bytes are too many to map", path, size)
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, false, nil, fmt.Errorf("map %s: %w", path, err)
	}
	return data, true, func() error { return syscall.Munmap(data) }, nil
}

// around is how much of a file Linux maps at most where one byte is touched, where it keeps the file in huge pages: as much as lies between two
// multiples of it in memory.
const around = 2 << 20

// release gives the pages of a part of a mapping back, and those that came with them: they are read from the file again
// when they are touched.
func release(mapping, part []byte) {
	begin := uintptr(unsafe.Pointer(unsafe.SliceData(mapping)))
	first := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	from := max(begin, first/around*around) - begin
	to := min(uintptr(len(mapping)), (first+uintptr(len(part))+around-1)/around*around-begin)
	if len(part) > 0 {
		_ = unix.Madvise(mapping[from:to], unix.MADV_DONTNEED) // what the system keeps costs memory and nothing else
	}
}
